/*
 * pixels.c - geometry and colours of pictures (see pixels.h). What a pixel becomes by itself is a
 * table of 256 values; the arithmetic, roundings included, is Pillow's.
 */
#include "data/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t count(const struct image *image)
{
	return (size_t)image->width * (size_t)image->height;
}

static uint8_t clip(int x)
{
	return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* ---- geometry ---- */

void pixels_flip_horizontal(struct image *image)
{
	int channels = image->channels;
	for (int y = 0; y < image->height; y++) {
		uint8_t *left = image->pixels + (size_t)y * (size_t)(image->width * channels);
		uint8_t *right = left + (image->width - 1) * channels;
		for (; left < right; left += channels, right -= channels)
			for (int c = 0; c < channels; c++) {
				uint8_t pixel = left[c];
				left[c] = right[c];
				right[c] = pixel;
			}
	}
}

void pixels_flip_vertical(struct image *image)
{
	size_t row = (size_t)(image->width * image->channels);
	uint8_t *top = image->pixels, *bottom = top + row * (size_t)(image->height - 1);
	for (; top < bottom; top += row, bottom -= row)
		for (size_t i = 0; i < row; i++) {
			uint8_t pixel = top[i];
			top[i] = bottom[i];
			bottom[i] = pixel;
		}
}

/* Pillow's 16 bits after the point; places further than this are outside of any picture. */
static int64_t fixed(double x)
{
	x = fmax(fmin(x, IMAGE_MAX_SIDE * 4.), -IMAGE_MAX_SIDE * 4.);
	return (int64_t)floor(x * 65536 + 0.5);
}

enum status pixels_affine(struct image *image, const double m[6], struct error *err)
{
	struct image out;
	size_t channels = (size_t)image->channels;
	TRY(image_new(image->width, image->height, image->channels, &out, err));
	uint8_t *to = out.pixels;
	int64_t row_x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
	int64_t row_y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
	for (int y = 0; y < image->height; y++, row_x += fixed(m[1]), row_y += fixed(m[4])) {
		int64_t fx = row_x, fy = row_y;
		for (int x = 0; x < image->width; x++, to += channels) {
			int64_t px = fx >> 16, py = fy >> 16;
			if (px >= 0 && px < image->width && py >= 0 && py < image->height)
				memcpy(to,
				       image->pixels + (size_t)(py * image->width + px) * channels,
				       channels);
			else
				memset(to, 0, channels);
			fx += fixed(m[0]);
			fy += fixed(m[3]);
		}
	}
	image_release(image);
	*image = out;
	return OK;
}

/* Rounded to 15 digits, so that 90 degrees have no rest. */
static double round15(double x)
{
	return rint(x * 1e15) / 1e15;
}

enum status pixels_rotate(struct image *image, double degrees, struct error *err)
{
	double angle = -(fmod(degrees, 360)) * M_PI / 180;
	double cx = image->width / 2., cy = image->height / 2.;
	double c = round15(cos(angle)), s = round15(sin(angle));
	double m[6] = { c, s, cx - c * cx - s * cy, -s, c, cy + s * cx - c * cy };
	return pixels_affine(image, m, err);
}

/* ---- colours ---- */

/* L = 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded, as in image.c. */
static uint8_t grey(const struct image *image, size_t i)
{
	const uint8_t *p = image->pixels + i * (size_t)image->channels;
	if (image->channels == 1)
		return *p;
	return (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000) >> 16);
}

/* from + factor * (to - from): within the two cut to a whole number, beyond them clipped. */
static uint8_t blend(uint8_t from, uint8_t to, float factor)
{
	float x = (float)from + factor * (float)(to - from);
	return (uint8_t)(x <= 0 ? 0 : x >= 255 ? 255 : x);
}

/* Applies a table to each channel, the same or one for each. */
static void look_up(struct image *image, uint8_t table[][256], bool each)
{
	size_t channels = (size_t)image->channels, n = count(image) * channels;
	for (size_t i = 0; i < n; i++)
		image->pixels[i] = table[each ? i % channels : 0][image->pixels[i]];
}

static void blend_with(struct image *image, uint8_t value, double factor)
{
	uint8_t table[1][256];
	for (int v = 0; v < 256; v++)
		table[0][v] = blend(value, (uint8_t)v, (float)factor);
	look_up(image, table, false);
}

void pixels_brightness(struct image *image, double factor)
{
	blend_with(image, 0, factor);
}

void pixels_contrast(struct image *image, double factor)
{
	uint64_t sum = 0;
	size_t n = count(image);
	for (size_t i = 0; i < n; i++)
		sum += grey(image, i);
	blend_with(image, (uint8_t)((double)sum / (double)n + 0.5), factor);
}

void pixels_saturation(struct image *image, double factor)
{
	for (size_t i = 0; image->channels == 3 && i < count(image); i++) {
		uint8_t *p = image->pixels + i * 3, level = grey(image, i);
		for (int c = 0; c < 3; c++)
			p[c] = blend(level, p[c], (float)factor);
	}
}

enum status pixels_sharpness(struct image *image, double factor, struct error *err)
{
	struct image smooth;
	int channels = image->channels, row = image->width * channels;
	TRY(image_copy(image->pixels, image->width, image->height, channels, channels, &smooth,
		       err));
	/* (1 1 1, 1 5 1, 1 1 1) / 13; the edges stay */
	for (int y = 1; y < image->height - 1; y++)
		for (int i = channels; i < row - channels; i++) {
			const uint8_t *p = image->pixels + (size_t)y * (size_t)row + i;
			int sum = 4 * p[0];
			for (int dy = -1; dy <= 1; dy++)
				for (int dx = -1; dx <= 1; dx++)
					sum += p[dy * row + dx * channels];
			smooth.pixels[(size_t)y * (size_t)row + (size_t)i] =
				(uint8_t)((float)sum / 13 + 0.5f);
		}
	for (size_t i = 0; i < count(image) * (size_t)channels; i++)
		image->pixels[i] = blend(smooth.pixels[i], image->pixels[i], (float)factor);
	image_release(&smooth);
	return OK;
}

/* Hue, saturation and value in 8 bits each, with Pillow's roundings, and back. */
static void to_hsv(const uint8_t rgb[3], uint8_t hsv[3])
{
	uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
	uint8_t max = r > g ? (r > b ? r : b) : (g > b ? g : b);
	uint8_t min = r < g ? (r < b ? r : b) : (g < b ? g : b);
	hsv[0] = hsv[1] = 0;
	hsv[2] = max;
	if (max == min)
		return;
	float range = (float)(max - min), s = range / (float)max;
	float rc = (float)(max - r) / range, gc = (float)(max - g) / range;
	float bc = (float)(max - b) / range;
	float h = r == max ? bc - gc : g == max ? (float)(2.0 + rc - bc) : (float)(4.0 + gc - rc);
	h = (float)fmod(h / 6.0 + 1.0, 1.0);
	hsv[0] = clip((int)(h * 255.0));
	hsv[1] = clip((int)(s * 255.0));
}

static void from_hsv(const uint8_t hsv[3], uint8_t rgb[3])
{
	uint8_t v = hsv[2];
	float sixth = (float)(hsv[0] * 6.0 / 255.0);
	int i = (int)floorf(sixth);
	float f = sixth - (float)i, s = (float)(hsv[1] / 255.0);
	uint8_t p = clip((int)round(v * (1.0 - s))), q = clip((int)round(v * (1.0 - s * f)));
	uint8_t t = clip((int)round(v * (1.0 - s * (1.0 - f))));
	const uint8_t sectors[6][3] = { { v, t, p }, { q, v, p }, { p, v, t },
					{ p, q, v }, { t, p, v }, { v, p, q } };
	if (hsv[1])
		memcpy(rgb, sectors[i % 6], 3);
	else
		memset(rgb, v, 3);
}

void pixels_hue(struct image *image, double shift)
{
	uint8_t turn = (uint8_t)(int)(shift * 255);
	for (size_t i = 0; image->channels == 3 && i < count(image); i++) {
		uint8_t hsv[3];
		to_hsv(image->pixels + i * 3, hsv);
		hsv[0] = (uint8_t)(hsv[0] + turn);
		from_hsv(hsv, image->pixels + i * 3);
	}
}

void pixels_posterize(struct image *image, int bits)
{
	uint8_t mask = (uint8_t) ~((1u << (8 - bits)) - 1);
	for (size_t i = 0; i < count(image) * (size_t)image->channels; i++)
		image->pixels[i] &= mask;
}

void pixels_solarize(struct image *image, double threshold)
{
	uint8_t table[1][256];
	for (int v = 0; v < 256; v++)
		table[0][v] = (uint8_t)(v < threshold ? v : 255 - v);
	look_up(image, table, false);
}

/* How often each value occurs in a channel. */
static void histogram(const struct image *image, int channel, size_t counts[256])
{
	memset(counts, 0, 256 * sizeof *counts);
	for (size_t i = 0; i < count(image); i++)
		counts[image->pixels[i * (size_t)image->channels + (size_t)channel]]++;
}

/* The darkest value becomes 0, the brightest 255, by channel. */
void pixels_autocontrast(struct image *image)
{
	uint8_t table[3][256];
	for (int c = 0; c < image->channels; c++) {
		size_t counts[256];
		int low = 0, high = 255;
		histogram(image, c, counts);
		while (low < 255 && !counts[low])
			low++;
		while (high > 0 && !counts[high])
			high--;
		double scale = high > low ? 255.0 / (high - low) : 1;
		double offset = high > low ? -low * scale : 0;
		for (int v = 0; v < 256; v++)
			table[c][v] = clip((int)(v * scale + offset));
	}
	look_up(image, table, true);
}

/* Each value becomes its rank among all pixels of the channel. */
void pixels_equalize(struct image *image)
{
	uint8_t table[3][256];
	for (int c = 0; c < image->channels; c++) {
		size_t counts[256], last = 0, used = 0;
		histogram(image, c, counts);
		for (int v = 0; v < 256; v++)
			if (counts[v]) {
				last = counts[v];
				used++;
			}
		size_t step = (count(image) - last) / 255, n = step / 2;
		for (int v = 0; v < 256; v++) {
			table[c][v] = used > 1 && step ? clip((int)(n / step)) : (uint8_t)v;
			n += counts[v];
		}
	}
	look_up(image, table, true);
}
