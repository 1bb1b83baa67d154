/*
 * test_data_image.c - decoding, resizing and preprocessing against what Pillow made
 * (tests/data/images, models/generate_images.py), and damaged files.
 */
#include "data/image.h"
#include "data/npy.h"
#include "data/preprocess.h"
#include "support/data_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arrays reference;

static int set_up(void **state)
{
	(void)state;
	char *path = source_path("tests/data/images/reference.npz");
	struct error err;
	enum status status = arrays_read(path, &reference, &err);
	if (status != OK)
		print_error("%s\n", err.text);
	free(path);
	return status != OK;
}

static int tear_down(void **state)
{
	(void)state;
	arrays_release(&reference);
	return 0;
}

static uint8_t *read_image(const char *name, size_t *size)
{
	char *relative = mem_printf("tests/data/images/%s", name), *path = source_path(relative);
	uint8_t *data = read_bytes(path, size);
	if (!data)
		fail_msg("%s is missing", path);
	free(path);
	free(relative);
	return data;
}

/* The largest difference from the recorded picture; fails when the sizes differ. */
static int difference(const struct image *image, const struct tensor *want)
{
	const uint8_t *w = want->data;
	assert_int_equal(want->dtype, DT_U8);
	assert_int_equal(want->shape.dim[0], image->height);
	assert_int_equal(want->shape.dim[1], image->width);
	assert_int_equal(want->shape.rank == 3 ? want->shape.dim[2] : 1, image->channels);
	int worst = 0;
	for (int i = 0; i < image->height * image->width * image->channels; i++)
		worst = abs(image->pixels[i] - w[i]) > worst ? abs(image->pixels[i] - w[i]) : worst;
	return worst;
}

/* All recorded names that start with a file's name: "rgb.png:3". */
static void test_decoding(void **state)
{
	(void)state;
	uint32_t seen = 0;
	for (uint32_t i = 0; i < reference.n; i++) {
		const char *name = reference.v[i].name, *colon = strchr(name, ':');
		if (!colon || !memchr(name, '.', (size_t)(colon - name)))
			continue;
		char *file = mem_printf("%.*s", (int)(colon - name), name);
		size_t n;
		uint8_t *data = read_image(file, &n);
		struct image image;
		struct error err;
		if (image_decode(data, n, atoi(colon + 1), &image, &err) != OK)
			fail_msg("%s: %s", name, err.text);
		int d = difference(&image, &reference.v[i].tensor);
		if (d)
			fail_msg("%s differs by %d", name, d);
		image_release(&image);
		free(data);
		free(file);
		seen++;
	}
	assert_int_equal(seen, 30);
}

static void test_resizing(void **state)
{
	(void)state;
	uint32_t seen = 0;
	for (int r = 0; r < RESAMPLE_COUNT; r++) {
		const char *filter = resample_name((enum resample)r);
		for (uint32_t i = 0; i < reference.n; i++) {
			const char *name = reference.v[i].name;
			size_t k = strlen(filter);
			if (strncmp(name, filter, k) || name[k] != ':')
				continue;
			int w, h, channels;
			assert_int_equal(sscanf(name + k, ":%dx%d:%d", &w, &h, &channels), 3);
			size_t n;
			uint8_t *data = read_image("rgb.png", &n);
			struct image image, resized;
			assert_int_equal(image_decode(data, n, channels, &image, NULL), OK);
			assert_int_equal(
				image_resize(&image, w, h, (enum resample)r, &resized, NULL), OK);
			int d = difference(&resized, &reference.v[i].tensor);
			if (d)
				fail_msg("%s differs by %d", name, d);
			image_release(&resized);
			image_release(&image);
			free(data);
			seen++;
		}
	}
	assert_int_equal(seen, 6 * (8 + 3));
	struct image image = { 1, 1, 3, (uint8_t[]){ 1, 2, 3 } }, out;
	assert_int_equal(image_resize(&image, 0, 1, RESAMPLE_BILINEAR, &out, NULL), ERR_INPUT);
	assert_int_equal(image_resize(&image, 60000, 60000, RESAMPLE_NEAREST, &out, NULL),
			 ERR_INPUT);
}

/* Each cut of each file is an error; changed bytes are an error or a picture. */
static void test_damage(void **state)
{
	(void)state;
	static const char *const files[] = {
		"rgb.png", "palette.png",     "grey16.png", "bits.png",
		"rgb.jpg", "progressive.jpg", "cmyk.jpg",   "grey.jpg"
	};
	uint32_t random = 1;
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		size_t n;
		uint8_t *data = read_image(files[f], &n);
		struct image image;
		struct error err;
		for (size_t cut = 0; cut + 2 < n; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);
			memcpy(copy, data, cut);
			if (image_decode(copy, cut, 3, &image, &err) != ERR_INPUT)
				fail_msg("%s cut to %zu bytes", files[f], cut);
			free(copy);
		}
		for (int i = 0; i < 500; i++) {
			random = random * 1664525 + 1013904223;
			size_t at = random % n;
			uint8_t old = data[at];
			data[at] ^= (uint8_t)(1u << (random >> 29));
			if (image_decode(data, n, 1, &image, NULL) == OK)
				image_release(&image);
			data[at] = old;
		}
		free(data);
	}
	struct image image;
	struct error err;
	assert_int_equal(image_decode((const uint8_t *)"GIF89a", 6, 3, &image, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "not a JPEG, PNG or WebP"));
	assert_int_equal(image_decode(NULL, 0, 3, &image, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "empty"));

	/* A header that asks for 60,000 x 60,000 pixels is refused before memory is asked for. */
	size_t n;
	uint8_t *data = read_image("rgb.jpg", &n);
	for (size_t i = 0; i + 9 < n; i++)
		if (data[i] == 0xff && data[i + 1] == 0xc0) {
			memcpy(data + i + 5, "\xea\x60\xea\x60", 4);
			break;
		}
	assert_int_equal(image_decode(data, n, 3, &image, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "60000x60000"));
	free(data);
}

/* Settings by text, a model input, and the recorded result for the picture rgb.png. */
static const struct {
	const char *name;
	struct shape shape;
	const char *settings[SETTING_COUNT];
} cases[] = {
#define IMAGENET [SETTING_MEAN] = "0.485,0.456,0.406", [SETTING_STD] = "0.229,0.224,0.225"
	{ "stretch", SHAPE(-1, 3, 16, 24), { IMAGENET } },
	{ "stretch nhwc bgr",
	  SHAPE(-1, 16, 24, 3),
	  { [SETTING_CHANNELS] = "bgr", [SETTING_RANGE] = "-1-1" } },
	{ "crop",
	  SHAPE(-1, 3, 15, 18),
	  { IMAGENET, [SETTING_RESIZE] = "crop:20", [SETTING_RESAMPLE] = "bicubic" } },
	{ "crop odd",
	  SHAPE(-1, 3, 13, 19),
	  { IMAGENET, [SETTING_RESIZE] = "crop:20", [SETTING_RESAMPLE] = "bicubic" } },
	{ "crop",
	  SHAPE(-1, 3, 15, 18),
	  { IMAGENET, [SETTING_RESIZE] = "crop:20x26", [SETTING_RESAMPLE] = "bicubic" } },
	{ "cover",
	  SHAPE(1, -1, -1, -1),
	  { IMAGENET, [SETTING_SIZE] = "20", [SETTING_RESIZE] = "crop" } },
	{ "pad",
	  SHAPE(-1, 3, -1, -1),
	  { [SETTING_SIZE] = "12x24",
	    [SETTING_RESIZE] = "pad:left",
	    [SETTING_CHANNELS] = "grey",
	    [SETTING_MEAN] = "0.5",
	    [SETTING_STD] = "0.5" } },
	{ "pad center",
	  SHAPE(-1, 1, 12, 25),
	  { [SETTING_RESIZE] = "pad,-1", [SETTING_MEAN] = "0.5", [SETTING_STD] = "0.5" } },
};

static void check_case(size_t i, enum dtype dtype, double tolerance)
{
	struct preprocess p;
	struct error err;
	preprocess_init(&p);
	for (int s = 0; s < SETTING_COUNT; s++)
		if (cases[i].settings[s] &&
		    preprocess_set(&p, (enum setting)s, cases[i].settings[s], FROM_OPTION, &err))
			fail_msg("%s: %s", cases[i].name, err.text);
	if (preprocess_bind(&p, "x", dtype, &cases[i].shape, &err) != OK)
		fail_msg("%s: %s", cases[i].name, err.text);
	const struct tensor *want = arrays_find(&reference, cases[i].name);
	assert_non_null(want);
	assert_true(shape_equal(&want->shape, &p.sample));
	size_t n, bytes;
	uint8_t *data = read_image("rgb.png", &n);
	struct picture picture;
	assert_int_equal(preprocess_decode(&p, data, n, false, &picture, NULL), OK);
	assert_int_equal(tensor_size(dtype, &p.sample, &bytes, NULL), OK);
	struct tensor got = { dtype, p.sample, malloc(bytes) };
	preprocess_write(&p, &picture, got.data);
	for (int64_t k = 0; k < shape_elements(&p.sample); k++)
		if (!(fabs(tensor_get(&got, k) - tensor_get(want, k)) <= tolerance))
			fail_msg("%s: element %d is %g, not %g", cases[i].name, (int)k,
				 tensor_get(&got, k), tensor_get(want, k));
	free(got.data);
	image_release(&picture.image);
	free(data);
}

static void test_preprocessing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check_case(i, DT_F32, 0);
		check_case(i, DT_F16, 3e-3);
		check_case(i, DT_F64, 1e-7);
		check_case(i, DT_I8, 0.5 + 1e-6);
	}
}

/* A picture smaller than the crop stands in the middle of black. */
static void test_small_picture(void **state)
{
	(void)state;
	struct preprocess p;
	preprocess_init(&p);
	assert_int_equal(preprocess_set(&p, SETTING_RESIZE, "crop:30x40", FROM_OPTION, NULL), OK);
	assert_int_equal(preprocess_set(&p, SETTING_RANGE, "0-255", FROM_OPTION, NULL), OK);
	assert_int_equal(preprocess_bind(&p, "x", DT_U8, &SHAPE(1, 36, 45, 1), NULL), OK);
	size_t n;
	uint8_t *data = read_image("grey.png", &n), out[36][45];
	struct picture picture;
	struct image image;
	assert_int_equal(preprocess_decode(&p, data, n, false, &picture, NULL), OK);
	assert_int_equal(image_decode(data, n, 1, &image, NULL), OK);
	preprocess_write(&p, &picture, out);
	for (int y = 0; y < 36; y++)
		for (int x = 0; x < 45; x++) {
			bool inside = y >= 3 && y < 33 && x >= 2 && x < 42;
			int want = inside ? image.pixels[(y - 3) * 40 + x - 2] : 0;
			assert_int_equal(out[y][x], want);
		}
	image_release(&image);
	image_release(&picture.image);
	free(data);
}

static void test_settings(void **state)
{
	(void)state;
	static const struct {
		enum setting setting;
		const char *text, *formatted; /* NULL: refused */
	} texts[] = {
		{ SETTING_SIZE, "48x192", "48x192" },
		{ SETTING_SIZE, "224", "224x224" },
		{ SETTING_SIZE, "0x3", NULL },
		{ SETTING_SIZE, "48x", NULL },
		{ SETTING_SIZE, "70000", NULL },
		{ SETTING_SIZE, "-1", NULL },
		{ SETTING_SIZE, "5x5x5", NULL },
		{ SETTING_RESIZE, "stretch", "stretch" },
		{ SETTING_RESIZE, "crop", "crop" },
		{ SETTING_RESIZE, "crop:256", "crop:256" },
		{ SETTING_RESIZE, "crop:256x300", "crop:256x300" },
		{ SETTING_RESIZE, "cropped", NULL },
		{ SETTING_RESIZE, "pad", "pad:center,0" },
		{ SETTING_RESIZE, "pad,1", "pad:center,1" },
		{ SETTING_RESIZE, "pad:left,-0.5", "pad:left,-0.5" },
		{ SETTING_RESIZE, "pad:center", "pad:center,0" },
		{ SETTING_RESIZE, "pad:right", NULL },
		{ SETTING_RESIZE, "pad:left,nan", NULL },
		{ SETTING_RESAMPLE, "bicubic", "bicubic" },
		{ SETTING_RESAMPLE, "cubic", NULL },
		{ SETTING_CHANNELS, "bgr", "bgr" },
		{ SETTING_CHANNELS, "auto", NULL },
		{ SETTING_LAYOUT, "auto", "auto" },
		{ SETTING_LAYOUT, "nhwc", "nhwc" },
		{ SETTING_LAYOUT, "hwc", NULL },
		{ SETTING_RANGE, "0-1", "0-1" },
		{ SETTING_RANGE, "0-255", "0-255" },
		{ SETTING_RANGE, "-1-1", "-1-1" },
		{ SETTING_RANGE, "1-0", NULL },
		{ SETTING_RANGE, "1", NULL },
		{ SETTING_MEAN, "0.5", "0.5" },
		{ SETTING_MEAN, "0.485,0.456,0.406", "0.485,0.456,0.406" },
		{ SETTING_MEAN, "1,2", NULL },
		{ SETTING_MEAN, "1,2,3,4", NULL },
		{ SETTING_MEAN, "", NULL },
		{ SETTING_STD, "58.395", "58.395" },
		{ SETTING_STD, "0", NULL },
		{ SETTING_STD, "1,0,1", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct preprocess p;
		struct error err;
		char text[SETTING_TEXT];
		preprocess_init(&p);
		enum status status = preprocess_set(&p, texts[i].setting, texts[i].text,
						    FROM_OPTION, &err);
		if (!texts[i].formatted) {
			if (status != ERR_USAGE)
				fail_msg("'%s' was taken", texts[i].text);
			continue;
		}
		if (status != OK)
			fail_msg("%s", err.text);
		assert_string_equal(preprocess_format(&p, texts[i].setting, text),
				    texts[i].formatted);
	}
	/* A stronger source wins, whichever comes first. */
	struct preprocess p;
	char text[SETTING_TEXT];
	preprocess_init(&p);
	assert_int_equal(preprocess_set(&p, SETTING_MEAN, "1", FROM_OPTION, NULL), OK);
	assert_int_equal(preprocess_set(&p, SETTING_MEAN, "2", FROM_FILE, NULL), OK);
	assert_string_equal(preprocess_format(&p, SETTING_MEAN, text), "1");
	assert_string_equal(setting_source_name(p.source[SETTING_MEAN]), "option");
}

static void test_binding(void **state)
{
	(void)state;
	static const struct {
		struct shape shape;
		enum dtype dtype;
		enum setting setting;
		const char *text;
		enum status status;
		const char *says;
		struct shape sample;
	} binds[] = {
		{ SHAPE(-1, 3, 8, 9), DT_F32, SETTING_SIZE, NULL, OK, NULL, SHAPE(3, 8, 9) },
		{ SHAPE(-1, 8, 9, 3), DT_F32, SETTING_SIZE, NULL, OK, NULL, SHAPE(8, 9, 3) },
		{ SHAPE(-1, -1, -1, -1), DT_F32, SETTING_SIZE, "8x9", OK, NULL, SHAPE(3, 8, 9) },
		{ SHAPE(-1, 3, -1, 9), DT_F32, SETTING_SIZE, "8x9", OK, NULL, SHAPE(3, 8, 9) },
		{ SHAPE(-1, 28, 28), DT_F32, SETTING_SIZE, NULL, OK, NULL, SHAPE(28, 28) },
		{ SHAPE(-1, 784), DT_F32, SETTING_SIZE, "28", OK, NULL, SHAPE(784) },
		{ SHAPE(-1, 2352), DT_F32, SETTING_SIZE, "28", OK, NULL, SHAPE(2352) },
		{ SHAPE(-1, 784), DT_F32, SETTING_SIZE, NULL, ERR_USAGE, "--image-size", { 0 } },
		{ SHAPE(-1, 785), DT_F32, SETTING_SIZE, "28", ERR_UNSUPPORTED, "785", { 0 } },
		{ SHAPE(-1, 3, -1, -1),
		  DT_F32,
		  SETTING_SIZE,
		  NULL,
		  ERR_USAGE,
		  "--image-size",
		  { 0 } },
		{ SHAPE(-1, 3, 8, 9), DT_F32, SETTING_SIZE, "9x8", ERR_USAGE, "8x9", { 0 } },
		{ SHAPE(-1, 1, 8, 9), DT_F32, SETTING_CHANNELS, "rgb", ERR_USAGE, "grey", { 0 } },
		{ SHAPE(-1, 1, 8, 9), DT_F32, SETTING_MEAN, "1,2,3", ERR_USAGE, "channel", { 0 } },
		{ SHAPE(-1, 4, 8, 9), DT_F32, SETTING_SIZE, NULL, ERR_UNSUPPORTED, "'x'", { 0 } },
		{ SHAPE(-1, 3, 100000, 9),
		  DT_F32,
		  SETTING_SIZE,
		  NULL,
		  ERR_UNSUPPORTED,
		  "'x'",
		  { 0 } },
		{ SHAPE(-1, 3, 8, 9, 2),
		  DT_F32,
		  SETTING_SIZE,
		  NULL,
		  ERR_UNSUPPORTED,
		  "'x'",
		  { 0 } },
		{ SHAPE(-1, 3, 8, 9), DT_BOOL, SETTING_SIZE, NULL, ERR_UNSUPPORTED, "bool", { 0 } },
		{ SHAPE(-1, 3, 0, 9), DT_F32, SETTING_SIZE, NULL, ERR_USAGE, "'x'", { 0 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(binds); i++) {
		struct preprocess p;
		struct error err = { 0 };
		preprocess_init(&p);
		if (binds[i].text)
			assert_int_equal(preprocess_set(&p, binds[i].setting, binds[i].text,
							FROM_OPTION, NULL),
					 OK);
		enum status status = preprocess_bind(&p, "x", binds[i].dtype, &binds[i].shape,
						     &err);
		if (status != binds[i].status)
			fail_msg("case %zu: status %d: %s", i, status, err.text);
		if (status != OK && !strstr(err.text, binds[i].says))
			fail_msg("case %zu: %s", i, err.text);
		if (status == OK)
			assert_true(shape_equal(&p.sample, &binds[i].sample));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoding),      cmocka_unit_test(test_resizing),
		cmocka_unit_test(test_damage),        cmocka_unit_test(test_preprocessing),
		cmocka_unit_test(test_small_picture), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_binding),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
