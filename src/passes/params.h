/*
 * params.h - which constants of a model are trained.
 *
 * By default: a float constant of rank >= 1 that reaches, directly or through operators that keep
 * its form, a slot that an operator marks PARAM, or is put onto a value that a trained weight has
 * gone into: as bias or scale (Add, Mul), or as a row beside it (Concat). Never: scalars,
 * statistics, bounds and shapes, masks, what stands before the first weight. The user's patterns
 * override.
 */
#ifndef ONNXTUNE_PASSES_PARAMS_H
#define ONNXTUNE_PASSES_PARAMS_H

#include "graph/graph.h"

struct param_verdict {
	bool is_float; /* a float constant: worth a line in `inspect` */
	bool trained;
	bool named;         /* --train says so, by name */
	const char *reason; /* a constant text, or in the graph's arena */
	uint32_t
		last; /* its parameterised node from the end, 1: the last; 0: none (passes/layers.h) */
	uint32_t depth; /* layers between it and the output */
};

/*
 * verdicts: one per value of the loaded graph. freeze and train are shell patterns (fnmatch)
 * ended by NULL, either may be NULL: what `freeze` matches is not trained, what `train` matches is,
 * also against `freeze`. "last:N" in `train` is no pattern: of what is trained by default only the
 * weights of the last N parameterised nodes before output number `output` stay (passes/layers.h).
 * shapes: concrete input shapes.
 * ERR_USAGE when a pattern matches nothing; problems as bind_graph.
 */
enum status MUST_CHECK params_choose(const struct graph *loaded, const struct shape *shapes,
				     const char *const *freeze, const char *const *train,
				     uint32_t output, struct param_verdict *verdicts,
				     struct problems *problems, struct error *err);

#endif
