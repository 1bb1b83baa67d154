/*
 * products.h - sums of products as one product: A1 B1 + A2 B2 + ... = [A1 A2 ...] [B1 B2 ...]'.
 *
 * The gradient of a weight that is used many times, as that of each step of a recurrent operator, is a
 * sum of small products, each as large as the weight. One long product reads and writes that once.
 */
#ifndef ONNXTUNE_PASSES_PRODUCTS_H
#define ONNXTUNE_PASSES_PRODUCTS_H

#include "ops/build.h"

/*
 * Where sums[k] (0: none) is a sum of products of matrices that nodes from `first` on have formed and
 * that nothing else reads, a value of the same type takes its place; the nodes that are not needed any
 * more leave the order. Nothing is done where copying the factors is more work than adding products.
 */
void products_join(struct builder *b, uint32_t first, uint32_t *sums, uint32_t n);

#endif
