/*
 * head_dropout.h - dropout before the head, in training only.
 */
#ifndef ONNXTUNE_PASSES_HEAD_DROPOUT_H
#define ONNXTUNE_PASSES_HEAD_DROPOUT_H

#include "graph/graph.h"

/*
 * Puts onnxtune.Dropout (ops/dropout.c) on what the head reads: the last Gemm, MatMul or Conv before
 * output number `output` that has data on the one side and none on the other. Adds the step block
 * and the index of the first sample (ops/step.h). ERR_INPUT when there is no such node.
 */
enum status MUST_CHECK head_dropout_apply(struct graph **graph, uint32_t output, double ratio,
					  struct error *err);

#endif
