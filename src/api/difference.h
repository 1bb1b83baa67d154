/*
 * difference.h - derivatives of a graph by central differences, and whether an analytic one agrees.
 *
 * The function is L = sum over the outputs of weight * output, computed in float64 by the operators'
 * reference implementations. With a step h of 1e-5 of the parameter's size the difference
 * (L(+h) - L(-h)) / 2h has about ten right digits.
 */
#ifndef ONNXTUNE_API_DIFFERENCE_H
#define ONNXTUNE_API_DIFFERENCE_H

#include "graph/graph.h"

/* Largest relative error that passes. */
#define DIFFERENCE_TOLERANCE 1e-6

struct difference {
	const struct graph *graph;    /* bound, in float64; not owned */
	const struct tensor *weights; /* per output; no data: it does not count */
	struct tensor *base;          /* value of everything at the graph's own parameters */
	double value, magnitude;      /* L there, and the sum of |weight * output| */
	/* What depends on the parameter that was chosen last. */
	uint32_t parameter;
	uint32_t *nodes, n_nodes;
	double size; /* of its elements */
};

/* Computes the base; inputs are those of graph->inputs. All memory is in the arena. */
enum status MUST_CHECK difference_init(struct difference *d, const struct graph *graph,
				       const struct tensor *inputs, const struct tensor *weights,
				       struct arena *arena, struct error *err);

/* Chooses the parameter that the following calls are about. */
void difference_choose(struct difference *d, uint32_t parameter, struct arena *arena);

enum difference_verdict {
	DIFFERENCE_OK,
	/* One-sided differences disagree however small the step: at a kink the derivative is a
	 * matter of convention. */
	DIFFERENCE_KINK,
	DIFFERENCE_FAIL,
};

struct difference_result {
	double numeric;
	double error; /* relative; what rounding could have done counts as nothing */
	enum difference_verdict verdict;
};

/*
 * Compares the derivative along `direction` (an array of the parameter's elements; NULL: along
 * `element` alone) with `analytic`. Smaller steps are tried where a kink may lie inside of one.
 */
enum status MUST_CHECK difference_check(const struct difference *d, const double *direction,
					int64_t element, double analytic,
					struct difference_result *out, struct error *err);

#endif
