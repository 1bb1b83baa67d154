/*
 * softmax_cross_entropy.h - the focal loss of one row (Lin et al. 2017), for the operator and its
 * kernels; gamma 0 is the plain loss.
 */
#ifndef ONNXTUNE_OPS_SOFTMAX_CROSS_ENTROPY_H
#define ONNXTUNE_OPS_SOFTMAX_CROSS_ENTROPY_H

/* -(1 - p)^gamma log p, from the logarithm of the label's probability. */
double focal_loss(double log_p, double gamma);

/* What the gradient softmax(x) - onehot(label) of the plain loss is multiplied by. */
double focal_factor(double log_p, double gamma);

#endif
