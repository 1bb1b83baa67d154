/*
 * bind.h - from a graph as loaded (ONNX nodes, unknown axes) to one with concrete types.
 *
 * One walk in order: each node is lowered, typed with the constants that are known, and folded.
 * Nodes that no output needs are left away. Constants that are trained become PARAM values; one
 * that the file holds in half precision has a float32 PARAM (the master) and a Cast to the file's
 * type after it, so that every loss is that of the file that would be written.
 */
#ifndef ONNXTUNE_PASSES_BIND_H
#define ONNXTUNE_PASSES_BIND_H

#include "ops/build.h"
#include "passes/lora.h"

struct binding {
	struct graph *graph;
	uint32_t *
		map; /* per value of the loaded graph: its value here, 0 when there is none (arena) */
};

/*
 * shapes: concrete shape of each graph input. trained: per value of the loaded graph (NULL: none).
 * Every problem is added to problems; then the status is ERR_UNSUPPORTED or ERR_INPUT. The new
 * graph uses the arena of the loaded one and is freed by the caller.
 */
enum status MUST_CHECK bind_graph(const struct graph *loaded, const struct shape *shapes,
				  const bool *trained, struct binding *out,
				  struct problems *problems, struct error *err);

/* The same with low-rank factors beside some constants: lora, one per value of the loaded graph. */
enum status MUST_CHECK bind_adapted(const struct graph *loaded, const struct shape *shapes,
				    const bool *trained, const struct lora *lora,
				    struct binding *out, struct problems *problems,
				    struct error *err);

/*
 * Concrete shapes of the inputs from what is known: an unknown first axis is the batch; other
 * unknown axes come from `wanted` (one shape per input, DIM_UNKNOWN where nothing is known; may be
 * NULL) or from an axis of the same name, else `fallback` (0: an error that names input and axis).
 */
enum status MUST_CHECK bind_shapes(const struct graph *loaded, int64_t batch,
				   const struct shape *wanted, int64_t fallback,
				   struct shape *shapes, struct error *err);

#endif
