/* launch.h - launchers of kernels/ that kernels in C call. */
#ifndef ONNXTUNE_BACKEND_CUDA_LAUNCH_H
#define ONNXTUNE_BACKEND_CUDA_LAUNCH_H

#include "backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[i, j] = c[i * down + j * across] for [rows, columns] of f32, f16 or bf16. */
enum status launch_spread(void *y, const void *c, int64_t rows, int64_t columns, int64_t down,
			  int64_t across, enum dtype dtype, struct stream *stream);

/*
 * y[i] += bias[i % channels] + residual[i], for n elements of f32, f16 or bf16, limited to [0, *high].
 * Without a residual or limits: NULL.
 */
enum status launch_bias(void *y, const void *bias, const void *residual, int64_t n,
			int64_t channels, const float *high, enum dtype dtype,
			struct stream *stream);

/* y[i] = x[i] for n elements: float32 from f16 or bf16. */
enum status launch_widen(void *y, const void *x, int64_t n, enum dtype dtype,
			 struct stream *stream);

/* What a kernel of a chain has summed: the axes that are kept, in its order, and their strides in
 * the output. */
struct chain_sums {
	int rank;
	int64_t kept, parts; /* elements; partial sums of each */
	int64_t dim[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK];
};

/* y = sums[0] + sums[kept] + sums[2 kept]...: the parts in their order, for each element. */
enum status launch_chain_sums(const struct chain_sums *s, const double *sums, void *y,
			      enum dtype dtype, struct stream *stream);

#ifdef __cplusplus
}
#endif

#endif
