/*
 * test_data_pixels.c - changes of pictures against what torchvision made of them
 * (models/generate_augment.py). The sharpened may differ by 1: Pillow sums nine products of floats.
 */
#include "data/npy.h"
#include "data/pixels.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arrays reference;

static int open_reference(void **state)
{
	(void)state;
	char *path = source_path("tests/data/augment/reference.npz");
	struct error err;
	enum status status = arrays_read(path, &reference, &err);
	free(path);
	return status != OK;
}

static int close_reference(void **state)
{
	(void)state;
	arrays_release(&reference);
	return 0;
}

static enum status hflip(struct image *image, double x, struct error *err)
{
	(void)x, (void)err;
	pixels_flip_horizontal(image);
	return OK;
}

static enum status vflip(struct image *image, double x, struct error *err)
{
	(void)x, (void)err;
	pixels_flip_vertical(image);
	return OK;
}

static enum status shear_x(struct image *image, double x, struct error *err)
{
	return pixels_affine(image, (const double[]){ 1, x, 0, 0, 1, 0 }, err);
}

static enum status shear_y(struct image *image, double x, struct error *err)
{
	return pixels_affine(image, (const double[]){ 1, 0, 0, x, 1, 0 }, err);
}

static enum status translate_x(struct image *image, double x, struct error *err)
{
	return pixels_affine(image, (const double[]){ 1, 0, -(int)x, 0, 1, 0 }, err);
}

static enum status translate_y(struct image *image, double x, struct error *err)
{
	return pixels_affine(image, (const double[]){ 1, 0, 0, 0, 1, -(int)x }, err);
}

#define SIMPLE(name, call)                                                                         \
	static enum status name(struct image *image, double x, struct error *err)                  \
	{                                                                                          \
		(void)x, (void)err;                                                                \
		call;                                                                              \
		return OK;                                                                         \
	}
SIMPLE(brightness, pixels_brightness(image, x))
SIMPLE(contrast, pixels_contrast(image, x))
SIMPLE(saturation, pixels_saturation(image, x))
SIMPLE(hue, pixels_hue(image, x))
SIMPLE(posterize, pixels_posterize(image, (int)x))
SIMPLE(solarize, pixels_solarize(image, x))
SIMPLE(autocontrast, pixels_autocontrast(image))
SIMPLE(equalize, pixels_equalize(image))

static const struct {
	const char *name;
	enum status (*call)(struct image *image, double x, struct error *err);
	int tolerance; /* of a pixel */
	int cases;     /* in grey and in colours */
} functions[] = {
	{ "hflip", hflip, 0, 2 },
	{ "vflip", vflip, 0, 2 },
	{ "rotate", pixels_rotate, 0, 8 },
	{ "shear_x", shear_x, 0, 4 },
	{ "shear_y", shear_y, 0, 4 },
	{ "translate_x", translate_x, 0, 4 },
	{ "translate_y", translate_y, 0, 4 },
	{ "brightness", brightness, 0, 6 },
	{ "contrast", contrast, 0, 6 },
	{ "saturation", saturation, 0, 6 },
	{ "sharpness", pixels_sharpness, 1, 6 },
	{ "hue", hue, 0, 6 },
	{ "posterize", posterize, 0, 4 },
	{ "solarize", solarize, 0, 6 },
	{ "autocontrast", autocontrast, 0, 2 },
	{ "equalize", equalize, 0, 2 },
};

static struct image picture(int channels)
{
	const struct tensor *t = arrays_find(&reference,
					     channels == 3 ? "picture::3" : "picture::1");
	struct image image;
	assert_int_equal(image_copy(t->data, (int)t->shape.dim[1], (int)t->shape.dim[0], channels,
				    channels, &image, NULL),
			 OK);
	return image;
}

static void test_functions(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(functions); f++) {
		int cases = 0;
		for (uint32_t i = 0; i < reference.n; i++) {
			const char *name = reference.v[i].name, *colon = strchr(name, ':');
			const uint8_t *want = reference.v[i].tensor.data;
			size_t n = (size_t)(colon - name);
			if (n != strlen(functions[f].name) || memcmp(name, functions[f].name, n))
				continue;
			struct image image = picture(atoi(strrchr(name, ':') + 1));
			struct error err;
			assert_int_equal(functions[f].call(&image, strtod(colon + 1, NULL), &err),
					 OK);
			int wrong = 0, worst = 0;
			for (int k = 0; k < image.width * image.height * image.channels; k++) {
				int d = abs(image.pixels[k] - want[k]);
				wrong += d > functions[f].tolerance;
				worst = d > worst ? d : worst;
			}
			if (wrong)
				fail_msg("%s: %d pixels differ, by up to %d", name, wrong, worst);
			image_release(&image);
			cases++;
		}
		if (cases != functions[f].cases)
			fail_msg("%s: %d cases", functions[f].name, cases);
	}
}

/* Pictures of one pixel, one row, one colour: nothing to divide by. */
static void test_small(void **state)
{
	(void)state;
	static const int sizes[][2] = { { 1, 1 }, { 1, 5 }, { 5, 1 }, { 2, 2 } };
	uint8_t pixels[5 * 3];
	memset(pixels, 77, sizeof pixels);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (size_t f = 0; f < ARRAY_SIZE(functions); f++)
			for (int channels = 1; channels <= 3; channels += 2) {
				struct image image;
				struct error err;
				assert_int_equal(image_copy(pixels, sizes[s][0], sizes[s][1],
							    channels, channels, &image, &err),
						 OK);
				assert_int_equal(functions[f].call(&image, 0.5, &err), OK);
				assert_int_equal(image.width, sizes[s][0]);
				image_release(&image);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_small),
	};
	return cmocka_run_group_tests(tests, open_reference, close_reference);
}
