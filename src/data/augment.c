/* augment.c - lists of random changes and what they draw (see augment.h). */
#include "data/augment.h"

#include "base/number.h"
#include "base/rng.h"
#include "data/pixels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers ---- */

/* The numbers of one operation on one sample: Philox' words in their order. */
struct draw {
	uint64_t seed, epoch, position;
	uint32_t words[4];
	uint32_t used;
};

/* Apart from the streams of permutations and of the split. */
#define AUGMENT_STREAM (UINT64_C(0x617567) << 40)

static struct draw draw_begin(const struct augment *a, uint64_t epoch, uint32_t sample, uint32_t op)
{
	return (struct draw){ .seed = a->seed,
			      .epoch = AUGMENT_STREAM ^ epoch,
			      .position = (uint64_t)sample << 32 | op << 16,
			      .used = 4 };
}

static uint32_t draw_word(struct draw *d)
{
	if (d->used == 4) {
		philox(d->seed, d->epoch, d->position++, d->words);
		d->used = 0;
	}
	return d->words[d->used++];
}

/* Uniform from low to high. */
static double draw_real(struct draw *d, double low, double high)
{
	return low + (high - low) * (draw_word(d) * 0x1p-32);
}

/* Uniform from 0 to n - 1. */
static int draw_below(struct draw *d, int n)
{
	return (int)((uint64_t)draw_word(d) * (uint64_t)n >> 32);
}

static bool draw_chance(struct draw *d, double p)
{
	return draw_real(d, 0, 1) < p;
}

/* ---- operations ---- */

enum place { ON_WHOLE, ON_PICTURE, ON_ELEMENTS };

struct parameter {
	const char *name;
	double low, high; /* default; the same twice: one number */
	double min, max;
	enum { ONE, RANGE, SIGNED_RANGE } form; /* one number for SIGNED_RANGE: from -x to x */
};

struct augment_kind {
	const char *name;
	enum place place;
	enum status (*apply)(const struct augment_op *op, struct draw *d, struct image *image,
			     struct error *err);
	struct parameter parameters[AUGMENT_PARAMETERS + 1];
};

static enum status hflip(const struct augment_op *op, struct draw *d, struct image *image,
			 struct error *err)
{
	(void)err;
	if (draw_chance(d, op->low[0]))
		pixels_flip_horizontal(image);
	return OK;
}

static enum status vflip(const struct augment_op *op, struct draw *d, struct image *image,
			 struct error *err)
{
	(void)err;
	if (draw_chance(d, op->low[0]))
		pixels_flip_vertical(image);
	return OK;
}

static enum status rotate(const struct augment_op *op, struct draw *d, struct image *image,
			  struct error *err)
{
	return pixels_rotate(image, draw_real(d, op->low[0], op->high[0]), err);
}

/* The four in a random order, each by a factor around 1, the hue around 0. */
static enum status jitter(const struct augment_op *op, struct draw *d, struct image *image,
			  struct error *err)
{
	(void)err;
	static void (*const change[])(struct image *, double) = {
		pixels_brightness,
		pixels_contrast,
		pixels_saturation,
		pixels_hue,
	};
	int order[4] = { 0, 1, 2, 3 };
	double factor[4];
	for (int i = 3; i > 0; i--) {
		int j = draw_below(d, i + 1), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
	for (int i = 0; i < 4; i++) {
		double x = op->low[i], centre = i < 3 ? 1 : 0;
		factor[i] = draw_real(d, i < 3 ? fmax(0, 1 - x) : -x, centre + x);
	}
	for (int i = 0; i < 4; i++)
		if (op->low[order[i]] > 0)
			change[order[i]](image, factor[order[i]]);
	return OK;
}

/* What RandAugment chooses from; x is the share of the largest magnitude. */
enum rand_op {
	IDENTITY,
	SHEAR_X,
	SHEAR_Y,
	TRANSLATE_X,
	TRANSLATE_Y,
	ROTATE,
	BRIGHTNESS,
	COLOR,
	CONTRAST,
	SHARPNESS,
	POSTERIZE,
	SOLARIZE,
	AUTOCONTRAST,
	EQUALIZE,
	RAND_OPS
};

static enum status rand_op(enum rand_op op, double x, bool negative, struct image *image,
			   struct error *err)
{
	double sign = negative ? -1 : 1, shear = sign * 0.3 * x, factor = 1 + sign * 0.9 * x;
	int dx = (int)(sign * x * 150.0 / 331.0 * image->width);
	int dy = (int)(sign * x * 150.0 / 331.0 * image->height);
	switch (op) {
	case SHEAR_X:
		return pixels_affine(image, (const double[]){ 1, shear, 0, 0, 1, 0 }, err);
	case SHEAR_Y:
		return pixels_affine(image, (const double[]){ 1, 0, 0, shear, 1, 0 }, err);
	case TRANSLATE_X:
		return pixels_affine(image, (const double[]){ 1, 0, -dx, 0, 1, 0 }, err);
	case TRANSLATE_Y:
		return pixels_affine(image, (const double[]){ 1, 0, 0, 0, 1, -dy }, err);
	case ROTATE:
		return pixels_rotate(image, sign * 30 * x, err);
	case SHARPNESS:
		return pixels_sharpness(image, factor, err);
	case BRIGHTNESS:
		pixels_brightness(image, factor);
		break;
	case COLOR:
		pixels_saturation(image, factor);
		break;
	case CONTRAST:
		pixels_contrast(image, factor);
		break;
	case POSTERIZE:
		pixels_posterize(image, 8 - (int)rint(4 * x));
		break;
	case SOLARIZE:
		pixels_solarize(image, 255 * (1 - x));
		break;
	case AUTOCONTRAST:
		pixels_autocontrast(image);
		break;
	case EQUALIZE:
		pixels_equalize(image);
		break;
	case IDENTITY:
	case RAND_OPS:
		break;
	}
	return OK;
}

static enum status randaugment(const struct augment_op *op, struct draw *d, struct image *image,
			       struct error *err)
{
	int n = (int)op->low[0];
	double x = op->low[1] / (op->low[2] - 1);
	for (int i = 0; i < n; i++) {
		enum rand_op chosen = (enum rand_op)draw_below(d, RAND_OPS);
		TRY(rand_op(chosen, x, draw_below(d, 2), image, err));
	}
	return OK;
}

/* The whole numbers of two sides whose product and quotient are given. */
static void sides(double area, double ratio, double *along, double *across)
{
	*along = rint(sqrt(area * ratio));
	*across = rint(sqrt(area / ratio));
}

#define TRIES 10 /* to find a part that lies within the picture */

/* Replaces the picture by a random part of it, which the caller resizes. */
static enum status crop(const struct augment_op *op, struct draw *d, struct image *image,
			struct error *err)
{
	double area = (double)image->width * image->height, w = 0, h = 0;
	double in_ratio = (double)image->width / image->height;
	int left = -1, top = -1;
	for (int i = 0; i < TRIES && left < 0; i++) {
		double part = area * draw_real(d, op->low[0], op->high[0]);
		sides(part, exp(draw_real(d, log(op->low[1]), log(op->high[1]))), &w, &h);
		if (w < 1 || w > image->width || h < 1 || h > image->height)
			continue;
		top = draw_below(d, image->height - (int)h + 1);
		left = draw_below(d, image->width - (int)w + 1);
	}
	if (left < 0) { /* the centre, with the nearest ratio that is allowed */
		w = image->width;
		h = image->height;
		if (in_ratio < op->low[1])
			h = fmax(1, fmin(h, rint(w / op->low[1])));
		else if (in_ratio > op->high[1])
			w = fmax(1, fmin(w, rint(h * op->high[1])));
		left = (image->width - (int)w) / 2;
		top = (image->height - (int)h) / 2;
	}
	struct image out;
	TRY(image_crop(image, top, left, (int)h, (int)w, &out, err));
	image_release(image);
	*image = out;
	return OK;
}

/* clang-format off */
static const struct augment_kind kinds[] = {
	{ "crop", ON_WHOLE, crop,
	  { { "scale", 0.08, 1, 1e-6, 1, RANGE }, { "ratio", 3. / 4, 4. / 3, 1e-3, 1e3, RANGE } } },
	{ "hflip", ON_PICTURE, hflip, { { "p", 0.5, 0.5, 0, 1, ONE } } },
	{ "vflip", ON_PICTURE, vflip, { { "p", 0.5, 0.5, 0, 1, ONE } } },
	{ "rotate", ON_PICTURE, rotate, { { "degrees", -15, 15, -360, 360, SIGNED_RANGE } } },
	{ "jitter", ON_PICTURE, jitter,
	  { { "brightness", 0, 0, 0, 100, ONE }, { "contrast", 0, 0, 0, 100, ONE },
	    { "saturation", 0, 0, 0, 100, ONE }, { "hue", 0, 0, 0, 0.5, ONE } } },
	{ "randaugment", ON_PICTURE, randaugment,
	  { { "num_ops", 2, 2, 0, 100, ONE }, { "magnitude", 9, 9, 0, 1000, ONE },
	    { "num_magnitude_bins", 31, 31, 2, 1001, ONE } } },
	{ "erase", ON_ELEMENTS, NULL,
	  { { "p", 0.5, 0.5, 0, 1, ONE }, { "scale", 0.02, 0.33, 1e-6, 1, RANGE },
	    { "ratio", 0.3, 3.3, 1e-3, 1e3, RANGE } } },
};
/* clang-format on */

const char *augment_forms(void)
{
	return "crop[:scale=LO-HI][:ratio=LO-HI], hflip[:p=P], vflip[:p=P], rotate[:degrees=D], "
	       "jitter:brightness=B:contrast=C:saturation=S:hue=H, "
	       "randaugment[:num_ops=N][:magnitude=M], erase[:p=P][:scale=LO-HI][:ratio=LO-HI]";
}

/* ---- parsing ---- */

static enum status wrong(const char *text, size_t n, const char *what, struct error *err)
{
	return fail(err, ERR_USAGE, "--augment: '%.*s' %s; there are %s", (int)n, text, what,
		    augment_forms());
}

/* "X" or "LO-HI". */
static bool parse_value(const char *text, size_t n, const struct parameter *p, double *low,
			double *high)
{
	char copy[64];
	if (n >= sizeof copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	/* a minus behind the first digit divides, but not that of an exponent */
	char *minus = n ? strchr(copy + 1, '-') : NULL;
	while (minus && (minus[-1] == 'e' || minus[-1] == 'E'))
		minus = strchr(minus + 1, '-');
	bool range = p->form != ONE && minus;
	if (range)
		*minus = '\0';
	if (!number_parse(copy, low) || (range && !number_parse(minus + 1, high)))
		return false;
	if (!range)
		*high = *low;
	if (!range && p->form == SIGNED_RANGE)
		*low = -*high;
	return *low >= p->min && *high <= p->max && *low <= *high;
}

static enum status parse_parameter(const char *text, size_t n, struct augment_op *op,
				   struct error *err)
{
	const char *equals = memchr(text, '=', n);
	size_t name = equals ? (size_t)(equals - text) : n;
	for (size_t i = 0; op->kind->parameters[i].name; i++) {
		const struct parameter *p = &op->kind->parameters[i];
		if (strlen(p->name) != name || memcmp(p->name, text, name))
			continue;
		if (!equals || !parse_value(equals + 1, n - name - 1, p, &op->low[i], &op->high[i]))
			return fail(err, ERR_USAGE,
				    "--augment: '%.*s' of %s: the value is %s from %g to %g",
				    (int)n, text, op->kind->name,
				    p->form == ONE ? "a number" : "a number or LOW-HIGH", p->min,
				    p->max);
		return OK;
	}
	return wrong(text, n, "is no parameter of the operation", err);
}

static enum status parse_op(const char *text, size_t n, struct augment *a, struct error *err)
{
	const char *end = text + n, *colon = memchr(text, ':', n);
	size_t name = colon ? (size_t)(colon - text) : n;
	struct augment_op op = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == name && !memcmp(kinds[i].name, text, name))
			op.kind = &kinds[i];
	if (!op.kind)
		return wrong(text, name, "is no operation", err);
	for (size_t i = 0; op.kind->parameters[i].name; i++) {
		op.low[i] = op.kind->parameters[i].low;
		op.high[i] = op.kind->parameters[i].high;
	}
	while (colon) {
		const char *at = colon + 1;
		colon = memchr(at, ':', (size_t)(end - at));
		TRY(parse_parameter(at, (size_t)((colon ? colon : end) - at), &op, err));
	}
	if (op.kind->apply == randaugment && op.low[1] > op.low[2] - 1)
		return fail(err, ERR_USAGE,
			    "--augment: the magnitude of randaugment is %g, but num_magnitude_bins "
			    "ends at %g",
			    op.low[1], op.low[2] - 1);
	bool last = a->n && a->ops[a->n - 1].kind->place == ON_ELEMENTS;
	if (op.kind->place == ON_WHOLE ? a->n > 0 : last && op.kind->place != ON_ELEMENTS)
		return fail(err, ERR_USAGE,
			    op.kind->place == ON_WHOLE ? "--augment: crop must come first"
						       : "--augment: erase must come last");
	if (a->n == AUGMENT_MAX)
		return fail(err, ERR_USAGE, "--augment: more than %d operations", AUGMENT_MAX);
	a->crops |= op.kind->place == ON_WHOLE;
	a->ops[a->n++] = op;
	return OK;
}

enum status augment_parse(const char *text, uint64_t seed, struct augment *out, struct error *err)
{
	struct augment a = { .seed = seed };
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ",");
		TRY(parse_op(at, n, &a, err));
		at += n;
		if (!*at)
			break;
	}
	*out = a;
	return OK;
}

/* ---- applying ---- */

enum status augment_picture(const struct augment *a, const struct preprocess *p, uint64_t epoch,
			    uint32_t sample, const struct picture *picture, struct picture *out,
			    struct error *err)
{
	const struct image *from = &picture->image;
	struct picture made = { .top = picture->top, .left = picture->left };
	enum status status = image_copy(from->pixels, from->width, from->height, from->channels,
					from->channels, &made.image, err);
	for (uint32_t i = 0; i < a->n && status == OK; i++) {
		const struct augment_op *op = &a->ops[i];
		struct draw d = draw_begin(a, epoch, sample, i);
		struct image resized;
		if (!op->kind->apply)
			continue;
		status = op->kind->apply(op, &d, &made.image, err);
		if (status != OK || op->kind->place != ON_WHOLE)
			continue;
		status = image_resize(&made.image, p->width, p->height, p->resample, &resized, err);
		if (status == OK) {
			image_release(&made.image);
			made.image = resized;
		}
	}
	if (status == OK)
		*out = made;
	else
		image_release(&made.image);
	return status;
}

/* Sets a rectangle of all channels to 0. */
static void erase(const struct preprocess *p, int top, int left, int height, int width,
		  uint8_t *elements)
{
	size_t element = dtype_bits(p->dtype) / 8;
	bool last = p->layout == LAYOUT_NHWC;
	size_t pixel = element * (last ? (size_t)p->channels : 1), row = pixel * (size_t)p->width;
	size_t plane = row * (size_t)p->height;
	int planes = last ? 1 : p->channels;
	for (int c = 0; c < planes; c++)
		for (int y = top; y < top + height; y++)
			memset(elements + (size_t)c * plane + (size_t)y * row +
				       (size_t)left * pixel,
			       0, (size_t)width * pixel);
}

void augment_elements(const struct augment *a, const struct preprocess *p, uint64_t epoch,
		      uint32_t sample, void *elements)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct augment_op *op = &a->ops[i];
		struct draw d = draw_begin(a, epoch, sample, i);
		if (op->kind->place != ON_ELEMENTS || !draw_chance(&d, op->low[0]))
			continue;
		for (int k = 0; k < TRIES; k++) {
			double area = draw_real(&d, op->low[1], op->high[1]) * p->width * p->height;
			double h, w;
			sides(area, exp(draw_real(&d, log(op->low[2]), log(op->high[2]))), &h, &w);
			if (h >= p->height || w >= p->width)
				continue;
			int top = draw_below(&d, p->height - (int)h + 1);
			int left = draw_below(&d, p->width - (int)w + 1);
			erase(p, top, left, (int)h, (int)w, elements);
			break;
		}
	}
}
