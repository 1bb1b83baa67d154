/*
 * new_head.h - another classifier for a model whose classes are not those of the data.
 *
 * The model's bytes are edited (onnx/edit.h) and opened again: what trains, evaluates and writes
 * knows nothing of it.
 */
#ifndef ONNXTUNE_API_NEW_HEAD_H
#define ONNXTUNE_API_NEW_HEAD_H

#include "base/log.h"
#include "data/labels.h"
#include "onnx/load.h"

struct new_head {
	const struct model *model;
	const struct shape *shapes; /* concrete, of the inputs */
	const char *on;  /* value that the classifier is put on; NULL: replace the last */
	uint32_t output; /* index of the one that tells the classes */
	int64_t classes;
	const char *const *names; /* [classes] */
	struct class_names known; /* names of the model's own classes, as far as they are known */
	uint64_t seed;
	const char *from;      /* the file that will fill the head; NULL: it is made anew */
	struct arena *arena;   /* for the names of its tensors */
	const struct log *log; /* gets a line that says what was done */
};

struct new_head_made {
	struct model *model; /* of its own */
	const char *const *tensors;
	uint32_t n;
};

/*
 * Replaces the classifier (passes/head.h): weight and bias get a row for each class, by PyTorch's
 * initialization of nn.Linear and nn.Conv2d, uniform in +-1/sqrt(fan_in), but for the rows of
 * classes that both sides know by name. Declared shapes and constant shapes of Reshape follow. Or
 * puts a Gemm on a value [N,D] (of [N,T,D] the mean over T, of [N,C,H,W] that over the picture),
 * whose scores become the first output. Names go into the metadata (CLASS_NAMES_KEY).
 *
 * ERR_USAGE: no such value; ERR_UNSUPPORTED: why it can't be done.
 */
enum status MUST_CHECK new_head_make(const struct new_head *head, struct new_head_made *out,
				     struct problems *problems, struct error *err);

#endif
