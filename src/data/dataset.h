/*
 * dataset.h - the samples of a folder of images, array files or tables: where they lie, their
 * targets, which of them train and which validate. Knows nothing of training; decoding and batches are the
 * loader's (loader.h).
 *
 * Forms of DATA, with NAME one of train, val, valid, validation, test:
 *
 *     DATA/NAME/CLASS/...png    images, also in folders inside CLASS
 *     DATA/NAME.npz             arrays; or DATA/NAME/x.npy, y.npy; or DATA/NAME/ with one .npz
 *     DATA/CLASS/...png         no parts: a stratified part is taken for validation
 *     DATA.npz, DATA/x.npy y.npy, DATA/ with one .npz     the same
 *     DATA/NAME-images-idx3-ubyte, DATA/NAME-labels-idx1-ubyte   IDX files, also .gz; t10k: test
 *     DATA/NAME.csv, DATA.csv, DATA/ with one .csv        tables
 *     DATA/NAME/labels.csv, DATA/labels.csv               images and their labels
 *
 * Arrays are named as the model's inputs (one input: `x` or any name), targets `labels` or `y`,
 * optional weights of samples `weights`. Arrays are given to the model as they are: no image
 * settings apply.
 *
 * A table has a header; its label column is `label`, `class`, `target`, `y` or the last, the others
 * fill the model's single input in their order. Several label columns are targets of a sample each.
 * labels.csv lists image files of its folder in its first column (or `file`, `filename`, `image`,
 * `path`), the others are labels. Labels that are whole numbers are classes, other numbers values,
 * texts names of classes.
 */
#ifndef ONNXTUNE_DATA_DATASET_H
#define ONNXTUNE_DATA_DATASET_H

#include "base/log.h"
#include "data/labels.h"
#include "data/npy.h"

/* An input of the model, as it declares it; the first axis counts samples. */
struct data_input {
	const char *name;
	enum dtype dtype;
	struct shape shape; /* DIM_UNKNOWN where the model leaves it open */
};

enum target_kind {
	TARGETS_ANY,     /* what the labels are: integers classes, floats values */
	TARGETS_CLASSES, /* int64 class numbers; IGNORED_CLASS takes no part */
	TARGETS_VALUES,  /* float32 */
};

/* Both -1 and -100 in a file. */
#define IGNORED_CLASS (-1)

struct dataset_options {
	const struct data_input *inputs;
	uint32_t n_inputs;
	uint32_t classes; /* that the model tells apart (2 for one sigmoid); 0: not known */
	bool adapt;       /* the data may have other classes: then labels.foreign */
	/*
	 * Axes of the model's output, 0: not known. With two of them whole numbers [N, C] tell for
	 * each class if a sample has it, with more they are classes of parts of it.
	 */
	int output_rank;
	enum target_kind targets;
	struct class_names names;
	double validation;            /* the part taken where the data has none: 0.2 */
	const char *validation_path;  /* validation data of its own (any form without parts) */
	const int64_t *ignored_label; /* one more than -1 and -100; or NULL */
	const char *label_column;     /* of CSV files; several by commas; NULL: as above */
	const char *split;            /* NAME used for validation; NULL: the first there is */
	uint64_t seed;                /* of the split */
	/*
	 * Only the validation part is opened: the part that `split` names, else the validation or
	 * test part, else all there is.
	 */
	bool evaluate_only;
	const struct log *log;
};

/* The samples of one use. */
struct part {
	const char *name; /* "train", "val", "test"; "20 % of train" */
	uint32_t n;
	struct tensor targets; /* [n,...], int64 or float32, aligned */
	const float *weights;  /* [n], or NULL: all 1 */
	/* One of the three: */
	const char *const *paths;    /* [n] image files */
	struct tensor pixels;        /* [samples, height, width] or x 3: uint8 pictures */
	const struct tensor *arrays; /* one for each input, of which the samples are rows */
	const uint32_t
		*rows;    /* [n]: the row (of pixels too) of each sample; NULL: its own number */
	uint8_t *corrupt; /* [n]: set by dataset_report_corrupt */
};

struct dataset {
	enum target_kind targets; /* CLASSES or VALUES */
	bool images;
	bool folders; /* the labels are the names of folders */
	/* TARGETS_VALUES: nothing but 0 and 1, which tell for each class whether a sample has it */
	bool multi_label;
	struct part train, validation; /* train.n is 0 when only evaluating */
	/* The validation part is a test set: report on it, choose nothing by it. */
	bool report_only;
	uint32_t n_classes; /* TARGETS_CLASSES */
	/* Classes; of TARGETS_VALUES the columns where they have names. n is 0 else. */
	struct label_map labels;
	uint32_t n_corrupt; /* images found damaged so far */
	const struct log *log;
	struct arena arena; /* private, as what follows */
	ARRAY(struct arrays) files;
	ARRAY(void *) buffers;
};

/*
 * Opens and checks everything but the pixels. Errors are one line that names the file, array or
 * sample: nothing there, a single class, labels out of range, counts or shapes that don't match,
 * NaN or infinity in arrays. The strings of `options` must outlive the dataset.
 */
enum status MUST_CHECK dataset_open(const char *path, const struct dataset_options *options,
				    struct dataset *out, struct error *err);
void dataset_release(struct dataset *dataset);

/*
 * Tells that a sample's image can't be decoded for the reason in `why`: the first few are named
 * in a warning, all are counted (once). ERR_INPUT when there are too many: more than
 * CORRUPT_MAX, or more than one and more than 1 % of all samples. From one thread only.
 */
#define CORRUPT_MAX 10
#define CORRUPT_NAMED 5
enum status MUST_CHECK dataset_report_corrupt(struct dataset *dataset, struct part *part,
					      uint32_t sample, const struct error *why,
					      struct error *err);

/* Samples of each class in a part whose targets are one class per sample; counts[n_classes]. */
void dataset_count_classes(const struct dataset *dataset, const struct part *part,
			   uint32_t *counts);

#endif
