/*
 * softmax.h - softmax of one row of float32, for the kernels that need one.
 */
#ifndef ONNXTUNE_BACKEND_CPU_SOFTMAX_H
#define ONNXTUNE_BACKEND_CPU_SOFTMAX_H

#include <stdint.h>

/* y = factor exp(x - max) / sum; y may be x. */
void softmax_row(float *y, const float *x, int64_t n, float factor);

/* log(sum of exp(x)), as the largest x and the logarithm of the sum of exp(x - max). */
double softmax_log_sum(const float *x, int64_t n, float *max);

#endif
