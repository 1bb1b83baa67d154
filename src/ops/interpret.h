/*
 * interpret.h - runs operators through their reference implementation, node by node, with shapes
 * known only as it goes: the constant folder, the executor for data-dependent shapes and the
 * oracle of the tests.
 */
#ifndef ONNXTUNE_OPS_INTERPRET_H
#define ONNXTUNE_OPS_INTERPRET_H

#include "ops/op.h"

/*
 * Runs one operator. in[k] is NULL where absent; the outputs that are wanted get type, shape and
 * data in the arena. Lowered operators run as the graph that they lower to.
 */
enum status MUST_CHECK interpret_op(const struct op_def *def, const struct attr *attrs,
				    const struct tensor *const *in, uint32_t n_in,
				    const bool *wanted, struct tensor *out, uint32_t n_out,
				    struct arena *arena, struct error *err);

/*
 * Runs one node of a graph: reads `values` (one per value of the graph) of its inputs and sets those
 * of its outputs, in the arena.
 */
enum status MUST_CHECK interpret_node(const struct node *node, struct tensor *values,
				      struct arena *arena, struct error *err);

/*
 * Runs a graph. inputs[k] belongs to graph->inputs.v[k]; outputs[k] to graph->outputs.v[k], in the
 * arena. `values` (NULL or graph->values.n of them) gets every value that was computed; entries
 * with data on entry override PARAM and STATE values.
 */
enum status MUST_CHECK interpret_graph(const struct graph *graph, const struct tensor *inputs,
				       struct tensor *outputs, struct tensor *values,
				       struct arena *arena, struct error *err);

#endif
