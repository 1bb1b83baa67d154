/*
 * mix.h - mixup and cutmix: each sample of a window blended with another, or a part of it replaced.
 *
 * As timm's Mixup in batch mode: lam is drawn once for the window from Beta(alpha, alpha), sample k
 * is paired with n - 1 - k, and the loss is lam times that of its own labels and 1 - lam times that of
 * the partner's. With both one of them is drawn, evenly. cutmix takes a rectangle of the partner
 * whose sides are sqrt(1 - lam) of the picture's, cut at its edges; lam is then what is left.
 *
 * Random numbers are Philox(seed; epoch, window): micro-batches and threads change nothing.
 *
 * Sources: Zhang et al., "mixup", ICLR 2018; Yun et al., "CutMix", ICCV 2019; timm/data/mixup.py.
 */
#ifndef ONNXTUNE_DATA_MIX_H
#define ONNXTUNE_DATA_MIX_H

#include "graph/tensor.h"

struct mix_options {
	double mixup, cutmix; /* alpha of each; 0: not used */
	uint64_t seed;
};

/* What is done in one window. */
struct mix {
	double lam; /* share of the sample itself; 1: nothing is done */
	bool cut;
	int top, left, height, width; /* cut: the rectangle of the partner */
};

/* Draws for a window; pictures are height x width (cutmix alone reads it). */
struct mix mix_draw(const struct mix_options *options, uint64_t epoch, uint32_t window, int height,
		    int width);

/* Blends n numbers of a float type: to = lam to + (1 - lam) from. */
void mix_blend(const struct mix *mix, enum dtype dtype, int64_t n, void *to, const void *from);

/* Copies the rectangle of a picture of these dims [channels, height, width] or, `last`, channels last. */
void mix_cut(const struct mix *mix, enum dtype dtype, int channels, int height, int width,
	     bool last, void *to, const void *from);

/* A number of Beta(alpha, alpha); *counter is how many random numbers were used (private; tested). */
double mix_beta(double alpha, uint64_t seed, uint64_t stream, uint32_t window, uint32_t *counter);

#endif
