/*
 * resize.c - image_resize (see image.h): separable convolution with a filter that widens when the
 * image shrinks, first along rows, then along columns, each pass rounding to 8 bits with
 * coefficients in fixed point. Nearest takes one source pixel for each.
 *
 * Source: the arithmetic of Pillow (its results are the reference of the tests).
 */
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 32 bits less 8 of the pixel, one of the sign and one for filters that overshoot. */
#define PRECISION_BITS (32 - 8 - 2)
#define HALF (1 << (PRECISION_BITS - 1))

static double box(double x)
{
	return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

static double sinc(double x)
{
	return x == 0 ? 1 : sin(x * M_PI) / (x * M_PI);
}

static double hamming(double x)
{
	x = fabs(x);
	return x >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * cos(x * M_PI));
}

/* Keys' cubic convolution with a = -0.5. */
static double cubic(double x)
{
	const double a = -0.5;
	x = fabs(x);
	if (x < 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double lanczos(double x)
{
	return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct filter {
	const char *name;
	double (*at)(double x);
	double support; /* half width */
} filters[RESAMPLE_COUNT] = {
	[RESAMPLE_NEAREST] = { "nearest", NULL, 0 },
	[RESAMPLE_LANCZOS] = { "lanczos", lanczos, 3 },
	[RESAMPLE_BILINEAR] = { "bilinear", triangle, 1 },
	[RESAMPLE_BICUBIC] = { "bicubic", cubic, 2 },
	[RESAMPLE_BOX] = { "box", box, 0.5 },
	[RESAMPLE_HAMMING] = { "hamming", hamming, 1 },
};

const char *resample_name(enum resample resample)
{
	return filters[resample].name;
}

/* How `out` samples are made from `in` samples: out[i] = sum over k of c[i][k] * in[first[i]+k]. */
struct weights {
	int taps; /* room for one output's coefficients */
	int *first, *count;
	int32_t *c; /* [out][taps] */
};

static void weights_release(struct weights *w)
{
	free(w->first);
	free(w->count);
	free(w->c);
}

/*
 * Both sides are at most 65,535 and the support at most 3, so the table of a pass holds less than
 * 65,535 * 7 numbers when it enlarges and about 6 * in + 7 * out when it shrinks.
 */
static struct weights make_weights(int in, int out, const struct filter *filter)
{
	double scale = (double)in / out, stretch = scale < 1 ? 1 : scale;
	double support = filter->support * stretch;
	struct weights w = { .taps = (int)ceil(support) * 2 + 1 };
	w.first = mem_alloc((size_t)out * sizeof *w.first);
	w.count = mem_alloc((size_t)out * sizeof *w.count);
	w.c = mem_alloc((size_t)out * (size_t)w.taps * sizeof *w.c);
	double *k = mem_alloc((size_t)w.taps * sizeof *k);
	for (int i = 0; i < out; i++) {
		double center = (i + 0.5) * scale, sum = 0, inverse = 1 / stretch;
		int first = (int)(center - support + 0.5), last = (int)(center + support + 0.5);
		first = first < 0 ? 0 : first;
		last = last > in ? in : last;
		int n = last - first;
		for (int j = 0; j < n; j++) {
			k[j] = filter->at((j + first - center + 0.5) * inverse);
			sum += k[j];
		}
		int32_t *c = w.c + (size_t)i * (size_t)w.taps;
		for (int j = 0; j < n; j++) {
			double x = (sum != 0 ? k[j] / sum : k[j]) * (1 << PRECISION_BITS);
			c[j] = (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
		}
		w.first[i] = first;
		w.count[i] = n;
	}
	free(k);
	return w;
}

static uint8_t clip(int32_t x)
{
	x >>= PRECISION_BITS;
	return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

static enum status new_image(int width, int height, int channels, struct image *out,
			     struct error *err)
{
	void *p;
	size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
	if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
	    bytes > IMAGE_MAX_BYTES)
		return fail(err, ERR_INPUT, "a picture can't be made %dx%d pixels large", width,
			    height);
	TRY(mem_try_alloc(bytes, &p, err));
	*out = (struct image){ width, height, channels, p };
	return OK;
}

/* out[y][x][ch] = clip(sum over k of c[x][k] * in[y][first[x] + k][ch]) */
static enum status resize_rows(const struct image *in, int width, const struct filter *filter,
			       struct image *out, struct error *err)
{
	TRY(new_image(width, in->height, in->channels, out, err));
	struct weights w = make_weights(in->width, width, filter);
	size_t channels = (size_t)in->channels, in_row = (size_t)in->width * channels;
	uint8_t *to = out->pixels;
	for (int y = 0; y < in->height; y++) {
		const uint8_t *row = in->pixels + (size_t)y * in_row;
		for (int x = 0; x < width; x++) {
			const int32_t *c = w.c + (size_t)x * (size_t)w.taps;
			for (size_t ch = 0; ch < channels; ch++) {
				const uint8_t *p = row + (size_t)w.first[x] * channels + ch;
				int32_t sum = HALF;
				for (int k = 0; k < w.count[x]; k++, p += channels)
					sum += *p * c[k];
				*to++ = clip(sum);
			}
		}
	}
	weights_release(&w);
	return OK;
}

/* out[y][b] = clip(sum over k of c[y][k] * in[first[y] + k][b]), b over the bytes of a row */
static enum status resize_columns(const struct image *in, int height, const struct filter *filter,
				  struct image *out, struct error *err)
{
	TRY(new_image(in->width, height, in->channels, out, err));
	struct weights w = make_weights(in->height, height, filter);
	size_t row = (size_t)in->width * (size_t)in->channels;
	int32_t *sum = mem_alloc(row * sizeof *sum);
	for (int y = 0; y < height; y++) {
		const int32_t *c = w.c + (size_t)y * (size_t)w.taps;
		for (size_t b = 0; b < row; b++)
			sum[b] = HALF;
		for (int k = 0; k < w.count[y]; k++) {
			const uint8_t *p = in->pixels + (size_t)(w.first[y] + k) * row;
			for (size_t b = 0; b < row; b++)
				sum[b] += p[b] * c[k];
		}
		uint8_t *to = out->pixels + (size_t)y * row;
		for (size_t b = 0; b < row; b++)
			to[b] = clip(sum[b]);
	}
	free(sum);
	weights_release(&w);
	return OK;
}

/* The source index of each output: the centers' positions, summed up as Pillow does. */
static int *nearest_indices(int in, int out)
{
	int *index = mem_alloc((size_t)out * sizeof *index);
	double step = (double)in / out, at = step * 0.5;
	for (int i = 0; i < out; i++, at += step)
		index[i] = (int)at < in ? (int)at : in - 1;
	return index;
}

static enum status resize_nearest(const struct image *in, int width, int height, struct image *out,
				  struct error *err)
{
	TRY(new_image(width, height, in->channels, out, err));
	int *xs = nearest_indices(in->width, width), *ys = nearest_indices(in->height, height);
	size_t channels = (size_t)in->channels;
	uint8_t *to = out->pixels;
	for (int y = 0; y < height; y++) {
		const uint8_t *row = in->pixels + (size_t)ys[y] * (size_t)in->width * channels;
		for (int x = 0; x < width; x++, to += channels)
			memcpy(to, row + (size_t)xs[x] * channels, channels);
	}
	free(xs);
	free(ys);
	return OK;
}

enum status image_resize(const struct image *image, int width, int height, enum resample resample,
			 struct image *out, struct error *err)
{
	if (resample == RESAMPLE_NEAREST)
		return resize_nearest(image, width, height, out, err);
	const struct filter *filter = &filters[resample];
	struct image wide = { 0 };
	if (width != image->width) {
		TRY(resize_rows(image, width, filter, &wide, err));
		if (height == wide.height) {
			*out = wide;
			return OK;
		}
		image = &wide;
	}
	enum status status;
	if (height != image->height) {
		status = resize_columns(image, height, filter, out, err);
	} else {
		status = new_image(width, height, image->channels, out, err);
		if (status == OK)
			memcpy(out->pixels, image->pixels,
			       (size_t)width * (size_t)height * (size_t)image->channels);
	}
	image_release(&wide);
	return status;
}
