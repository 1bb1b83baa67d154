/*
 * feature_cache.h - what the frozen beginning of a model (passes/prefix.h) gave for each sample, in
 * memory or in a temporary file.
 */
#ifndef ONNXTUNE_TRAIN_FEATURE_CACHE_H
#define ONNXTUNE_TRAIN_FEATURE_CACHE_H

#include "exec/runner.h"

struct feature_cache {
	bool on;              /* there is a prefix */
	bool no_products;     /* it ends before the first matrix product */
	bool depends;         /* there was one, but it gives other bits at other places */
	struct runner prefix; /* gives the features of a micro-batch */
	uint32_t n;           /* features */
	const char **names;   /* inputs of the rest */
	struct tensor *rows;  /* host memory for a micro-batch of each */
	size_t *row_bytes;    /* of a sample */
	size_t sample_bytes;  /* of all features of a sample */
	uint32_t samples;     /* in the store; 0: there is none */
	uint8_t *store, *present;
	size_t file_bytes; /* of the store where it is a temporary file */
};

/*
 * Makes the store for so many samples: in memory when it takes at most `budget` bytes, else in a
 * file without a name in $TMPDIR or /tmp, whose room is reserved at once. ERR_IO, ERR_MEMORY.
 */
enum status MUST_CHECK feature_cache_open(struct feature_cache *cache, uint32_t samples,
					  size_t budget, struct error *err);
void feature_cache_close(struct feature_cache *cache);

/* Whether all n samples are in the store. */
bool feature_cache_has(const struct feature_cache *cache, const uint32_t *samples, uint32_t n);
/* Copies from the first n rows to the store, and back. */
void feature_cache_put(struct feature_cache *cache, const uint32_t *samples, uint32_t n);
void feature_cache_get(struct feature_cache *cache, const uint32_t *samples, uint32_t n);

#endif
