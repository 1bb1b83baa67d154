/*
 * loader.h - the samples of a part as batches: shuffled, decoded ahead, in windows.
 *
 * An epoch is a sequence of windows (the effective batches of training), a window a sequence of
 * micro-batches. A short last micro-batch is filled with copies of its first sample at weight 0.
 * Samples whose image is damaged are left out of their window, and reported to the dataset.
 *
 * What comes out depends on the dataset, the settings, the seeds and the epoch, never on threads,
 * time or the cache.
 */
#ifndef ONNXTUNE_DATA_LOADER_H
#define ONNXTUNE_DATA_LOADER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "data/mix.h"
#include "data/preprocess.h"

struct loader_options {
	struct dataset *dataset;             /* must outlive the loader, as all pointers here */
	struct part *part;                   /* of it, not empty */
	const struct preprocess *preprocess; /* bound; for images */
	const struct data_input *inputs;     /* the model's, as dataset_open got them */
	uint32_t n_inputs;
	uint32_t window;      /* samples in an effective batch */
	uint32_t micro_batch; /* samples in a batch; at most window */
	bool shuffle;
	/* Class targets, one a sample: each position of an epoch draws a class, all alike, then a
	 * sample of it; with replacement, a draw for each sample of the part. Wins over shuffle. */
	bool balanced;
	uint64_t seed;
	const struct augment *augment; /* of images; NULL: none */
	const struct mix_options *mix; /* of float inputs; NULL: none */
	const float *class_weights;    /* [n_classes] for class targets, or NULL */
	/* Threads that decode images; 0: loader_next decodes, so nothing runs beside a step. */
	uint32_t decoders;
	size_t cache_limit; /* bytes of decoded images that are kept */
};

struct batch {
	const struct tensor *inputs; /* [micro_batch,...] each, in the model's types */
	struct tensor targets;       /* [micro_batch,...] int64 (IGNORED_CLASS) or float32 */
	/*
	 * float32, the shape of targets for classes, [micro_batch] for values: the sample's
	 * weight times its class's; 0 where ignored and for copies.
	 */
	struct tensor weights;
	/*
	 * With options.mix the same of the samples that are mixed in, whose share the weights hold;
	 * else without data.
	 */
	struct tensor mixed_targets, mixed_weights;
	uint32_t n;              /* real samples, which come first */
	const uint32_t *samples; /* [micro_batch]: their numbers in the part */
	uint32_t window;         /* number of the window in the epoch */
	uint32_t first;          /* of the batch in the window: 0 in its first batch */
	uint32_t window_samples; /* the batch is the last when first + n reaches it */
	double window_weight;    /* sum of all weights of the window, known in its first batch */
};

struct loader;

/* ERR_USAGE where such data can't be mixed so; loader_open says the same. */
enum status MUST_CHECK loader_check_mix(const struct mix_options *mix,
					const struct data_input *inputs, uint32_t n_inputs,
					bool images, struct error *err);

/* ERR_MEMORY when batches or threads can't be had. Epoch 0 is started. */
enum status MUST_CHECK loader_open(const struct loader_options *options, struct loader **out,
				   struct error *err);
void loader_free(struct loader *loader);

/* Windows in an epoch: the last may be short. */
uint32_t loader_windows(const struct loader *loader);

/* Starts an epoch at a window, whatever was under way. */
void loader_start(struct loader *loader, uint64_t epoch, uint32_t window);

/*
 * The next batch of the epoch; *end is true (and *out untouched) after the last. The batch lives
 * until the next call. Errors: too many damaged images (dataset_report_corrupt), a file that
 * can't be read, no memory.
 */
enum status MUST_CHECK loader_next(struct loader *loader, struct batch *out, bool *end,
				   struct error *err);

#endif
