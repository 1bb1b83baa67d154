/*
 * targets.h - checks and conversions of the arrays of a dataset: targets, weights, inputs. Private
 * to the data module. Every error is one line that names the sample; callers put the file and the
 * array in front.
 */
#ifndef ONNXTUNE_DATA_TARGETS_H
#define ONNXTUNE_DATA_TARGETS_H

#include "data/dataset.h"

/* Classes that a dataset may tell apart. */
#define CLASSES_MAX (1u << 24)

/*
 * Element i of an array as a class number below `classes`, or IGNORED_CLASS: a whole number. Besides
 * -1 and -100 `ignored` (or NULL) is such a label.
 */
enum status MUST_CHECK targets_class(const struct tensor *in, int64_t i, uint32_t classes,
				     const int64_t *ignored, int64_t *out, struct error *err);

/*
 * int64 class numbers from integers, bools or whole floats, as above: [N,1]
 * becomes [N]. Numbers must be below `classes` (0: CLASSES_MAX). The memory (free) goes to
 * out->data.
 */
enum status MUST_CHECK targets_classes(const struct tensor *in, uint32_t classes,
				       const int64_t *ignored, struct tensor *out,
				       struct error *err);

/* float32 values from any numbers; NaN and infinity are errors. */
enum status MUST_CHECK targets_values(const struct tensor *in, struct tensor *out,
				      struct error *err);

/* float32 [n] from any numbers that are finite and not negative. */
enum status MUST_CHECK targets_weights(const struct tensor *in, uint32_t n, float **out,
				       struct error *err);

/*
 * An array must have the model's rank and known dims behind the first axis, a type that converts
 * to the model's without loss (integers do not take floats), and neither NaN nor infinity.
 */
enum status MUST_CHECK inputs_check(const struct tensor *in, const struct data_input *input,
				    struct error *err);

/* out[0..n) = in[first..first+n) in out's type: what inputs_check accepted. */
void inputs_convert(const struct tensor *in, int64_t first, int64_t n, struct tensor *out);

#endif
