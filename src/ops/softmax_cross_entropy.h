/*
 * softmax_cross_entropy.h - the focal loss of one row (Lin et al. 2017), for the operator and its
 * kernels, those of CUDA too; gamma 0 is the plain loss.
 */
#ifndef ONNXTUNE_OPS_SOFTMAX_CROSS_ENTROPY_H
#define ONNXTUNE_OPS_SOFTMAX_CROSS_ENTROPY_H

#include <math.h>

#ifdef __CUDACC__
#define FOCAL static __host__ __device__ inline
#else
#define FOCAL static inline
#endif

/* -(1 - p)^gamma log p, from the logarithm of the label's probability. */
FOCAL double focal_loss(double log_p, double gamma)
{
	return gamma == 0 ? -log_p : -pow(-expm1(log_p), gamma) * log_p;
}

/* What the gradient softmax(x) - onehot(label) of the plain loss is multiplied by. */
FOCAL double focal_factor(double log_p, double gamma)
{
	double p = exp(log_p), rest = -expm1(log_p);
	if (gamma == 0)
		return 1;
	return rest > 0 ? pow(rest, gamma) - gamma * p * pow(rest, gamma - 1) * log_p : 0;
}

#endif
