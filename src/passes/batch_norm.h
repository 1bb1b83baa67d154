/*
 * batch_norm.h - BatchNormalization while training.
 *
 * Frozen statistics (the default): y = x * s + t with s = scale / sqrt(var + epsilon) and
 * t = B - mean * s, per channel. After a convolution that nothing else reads the factors move into
 * its weights: conv(x, W * s) + (b * s + t). s, t and the products depend on parameters only, so
 * they are computed once per update, and the gradients of W, scale and B are exact.
 * Trained statistics: the operator of ours that normalizes by the batch and updates the running
 * statistics in place.
 */
#ifndef ONNXTUNE_PASSES_BATCH_NORM_H
#define ONNXTUNE_PASSES_BATCH_NORM_H

#include "graph/graph.h"

enum batch_norm_mode {
	BATCH_NORM_FROZEN, /* as above */
	BATCH_NORM_TRAIN,  /* as above; running statistics become STATE values of their name */
	BATCH_NORM_STATE,  /* only that: the nodes stay, their statistics are STATE (evaluation of
			      a model whose statistics are trained) */
};

enum status MUST_CHECK batch_norm_apply(struct graph **graph, enum batch_norm_mode mode,
					struct error *err);

#endif
