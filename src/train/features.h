/*
 * features.h - inside of the session: the frozen beginning of a model, run once for each sample.
 */
#ifndef ONNXTUNE_TRAIN_FEATURES_H
#define ONNXTUNE_TRAIN_FEATURES_H

#include "passes/prefix.h"
#include "train/session.h"

/* Cuts `whole` at the prefix and plans it from `copy`, a graph built alike, which the session owns
 * from now on. */
enum status MUST_CHECK features_plan(struct session *s, struct graph *whole, struct graph *copy,
				     const struct prefix *prefix, struct error *err);

/*
 * Whether the prefix, linked, gives other bits for a sample at another place of the micro-batch: each
 * of random samples at each place. (Kernels may compute the last rows of a matrix in another way.)
 */
enum status MUST_CHECK features_depend_on_place(struct session *s, bool *out, struct error *err);

/* Gives the features of the next micro-batch to the training: from the store where the caller has
 * named the samples and all are there, else computed; the first `real` rows are then kept. */
enum status MUST_CHECK features_give(struct session *s, const struct tensor *inputs, int64_t real,
				     struct error *err);

#endif
