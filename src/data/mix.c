/*
 * mix.c - mixup and cutmix (see mix.h). Beta(a, a) is g / (g + h) with g and h of Gamma(a), which are
 * drawn by Marsaglia and Tsang's rejection ("A simple method for generating gamma variables", 2000).
 */
#include "data/mix.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

/* Apart from the streams of permutations, the split and augmentation. */
#define MIX_STREAM (UINT64_C(0x6d6978) << 40)

/* The numbers of a window. */
struct draw {
	uint64_t seed, stream;
	uint32_t window, used;
};

/* Uniform in (0, 1). */
static double draw_real(struct draw *d)
{
	uint32_t words[4];
	philox(d->seed, d->stream, (uint64_t)d->window << 32 | d->used++, words);
	return (words[0] + 0.5) * 0x1p-32;
}

static double draw_normal(struct draw *d)
{
	double radius = sqrt(-2 * log(draw_real(d)));
	return radius * cos(2 * M_PI * draw_real(d));
}

static double draw_gamma(struct draw *d, double shape)
{
	/* Gamma(a) = Gamma(a + 1) u^(1/a) */
	double power = shape < 1 ? pow(draw_real(d), 1 / shape) : 1;
	double k = (shape < 1 ? shape + 1 : shape) - 1. / 3, c = 1 / sqrt(9 * k);
	for (;;) {
		double x = draw_normal(d), v = pow(1 + c * x, 3);
		if (1 + c * x > 0 && log(draw_real(d)) < 0.5 * x * x + k - k * v + k * log(v))
			return k * v * power;
	}
}

static double draw_beta(struct draw *d, double alpha)
{
	double g = draw_gamma(d, alpha), h = draw_gamma(d, alpha);
	/* both vanish where alpha is tiny: one end or the other */
	return g + h > 0 ? g / (g + h) : draw_real(d) < 0.5 ? 0 : 1;
}

double mix_beta(double alpha, uint64_t seed, uint64_t stream, uint32_t window, uint32_t *counter)
{
	struct draw d = { seed, MIX_STREAM ^ stream, window, *counter };
	double x = draw_beta(&d, alpha);
	*counter = d.used;
	return x;
}

static int between(int x, int max)
{
	return x < 0 ? 0 : x > max ? max : x;
}

struct mix mix_draw(const struct mix_options *o, uint64_t epoch, uint32_t window, int height,
		    int width)
{
	struct draw d = { o->seed, MIX_STREAM ^ epoch, window, 0 };
	struct mix mix = { .cut = o->cutmix > 0 };
	if (o->mixup > 0 && o->cutmix > 0)
		mix.cut = draw_real(&d) < 0.5;
	mix.lam = draw_beta(&d, mix.cut ? o->cutmix : o->mixup);
	if (!mix.cut)
		return mix;
	double side = sqrt(1 - mix.lam);
	int cut_height = (int)(height * side), cut_width = (int)(width * side);
	int y = (int)(draw_real(&d) * height), x = (int)(draw_real(&d) * width);
	mix.top = between(y - cut_height / 2, height);
	mix.left = between(x - cut_width / 2, width);
	mix.height = between(y + cut_height / 2, height) - mix.top;
	mix.width = between(x + cut_width / 2, width) - mix.left;
	mix.lam = 1 - (double)mix.height * mix.width / ((double)height * width);
	return mix;
}

void mix_blend(const struct mix *mix, enum dtype dtype, int64_t n, void *to, const void *from)
{
	struct tensor t = { dtype, SHAPE(n), to }, f = { dtype, SHAPE(n), (void *)(uintptr_t)from };
	float own = (float)mix->lam, other = (float)(1 - mix->lam);
	for (int64_t i = 0; i < n && dtype == DT_F32; i++) {
		float *x = (float *)to + i;
		*x = *x * own + ((const float *)from)[i] * other;
	}
	for (int64_t i = 0; i < n && dtype != DT_F32; i++)
		tensor_set(&t, i,
			   mix->lam * tensor_get(&t, i) + (1 - mix->lam) * tensor_get(&f, i));
}

void mix_cut(const struct mix *mix, enum dtype dtype, int channels, int height, int width,
	     bool last, void *to, const void *from)
{
	size_t pixel = dtype_bits(dtype) / 8 * (last ? (size_t)channels : 1);
	int planes = last ? 1 : channels;
	for (int c = 0; c < planes; c++)
		for (int y = mix->top; y < mix->top + mix->height; y++) {
			size_t at = (((size_t)c * (size_t)height + (size_t)y) * (size_t)width +
				     (size_t)mix->left) *
				    pixel;
			memcpy((char *)to + at, (const char *)from + at,
			       (size_t)mix->width * pixel);
		}
}
