/* print.h - a graph as text, for --dump-after and for looking at failures. */
#ifndef ONNXTUNE_OPS_PRINT_H
#define ONNXTUNE_OPS_PRINT_H

#include "base/text.h"
#include "graph/graph.h"

/*
 * One line for each value from the outside and each node in order, then the outputs:
 *
 *	param conv1.w float32 64x3x7x7
 *	const %5 int64 2 [0, -1]
 *	%12 float32 2x64x9x9 = Conv(x, conv1.w, -) strides=2,2 phase=MICRO  # node 'conv1'
 *	return %12
 *
 * Values without a name of their own are shown as %ID. Attributes that have their default are left
 * away, as is the layout when it is plain. "# node 'a' (Gemm)" is the user's node that it came
 * from, with its operator where that is another.
 */
void graph_print(const struct graph *graph, struct text *out);

#endif
