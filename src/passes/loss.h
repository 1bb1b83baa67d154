/*
 * loss.h - what a model is trained by: the loss at the graph's end.
 *
 * Classifiers are exported with their last activation. Softmax, LogSoftmax and Sigmoid are taken
 * off for training, which goes through the logits in a numerically safe form; the file keeps them.
 * A Softmax written out as Exp, ReduceSum, Div is recognized, Identity, Cast, and shape changes that
 * keep one score per class are looked through.
 *
 * Without an activation the class axis is the last of what a linear layer gives (a score of each class
 * for each token, [N, S, C]), else axis 1 (convolutions, [N, C, H, W]).
 */
#ifndef ONNXTUNE_PASSES_LOSS_H
#define ONNXTUNE_PASSES_LOSS_H

#include "ops/build.h"

enum loss_kind {
	LOSS_AUTO,
	LOSS_CROSS_ENTROPY, /* softmax cross-entropy over class indices */
	LOSS_BCE,           /* sigmoid cross-entropy: 0/1 labels, or one target per output */
	LOSS_MSE,           /* mean squared error to float targets */
	LOSS_L1,            /* mean absolute error */
	LOSS_HUBER,         /* squares near the target, absolute values far from it */
};

/* What a loss is made with; of classes, all zeros is the plain one. */
struct loss_shape {
	double smoothing; /* cross-entropy: label smoothing */
	double gamma;     /* cross-entropy and bce: focal loss */
	double delta;     /* huber: where squares end */
	bool mixed;       /* each sample has a second label with a weight of its own */
};

/* How a model ends. */
enum ending {
	ENDING_LOGITS, /* nothing recognized: raw scores or values */
	ENDING_SOFTMAX,
	ENDING_LOG_SOFTMAX,
	ENDING_SIGMOID,
};

struct loss_head {
	enum ending ending;
	uint32_t logits; /* value that the loss is taken of */
	int axis;        /* its class axis, for cross-entropy */
};

/* Finds the ending before the value `output` of a bound graph. */
struct loss_head loss_find(const struct graph *graph, uint32_t output);

/*
 * The kind of loss for a head and targets: class indices (integer labels) or floats. kind is what
 * the user asked for. ERR_INPUT when they don't fit together.
 */
enum status MUST_CHECK loss_choose(const struct graph *graph, const struct loss_head *head,
				   bool integer_labels, enum loss_kind asked, enum loss_kind *out,
				   struct error *err);

/*
 * Appends inputs LABELS_NAME and WEIGHTS_NAME (ops/step.h) and the loss operator; returns the sum
 * of the weighted losses, the only output that the graph then has. Where samples are mixed there are
 * also MIXED_LABELS_NAME and MIXED_WEIGHTS_NAME, whose losses are added. The types of the two inputs are
 * those that the loss operator documents.
 */
uint32_t loss_build(struct builder *b, const struct loss_head *head, enum loss_kind kind,
		    const struct loss_shape *shape);

/* Whether targets are values, and what such a loss makes of an output and a target. */
bool loss_of_values(enum loss_kind kind);
double loss_value(enum loss_kind kind, const struct loss_shape *shape, double y, double t);

const char *loss_name(enum loss_kind kind);  /* "cross-entropy", "bce", "mse", ... */
const char *ending_name(enum ending ending); /* "Softmax", ... */

#endif
