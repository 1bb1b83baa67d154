/*
 * test_data_augment.c - lists of random changes: how they are written, how what they draw is
 * distributed, and that it depends on seed, epoch and sample alone.
 */
#include "data/augment.h"

#include "data/loader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct augment parsed(const char *text, uint64_t seed)
{
	struct augment a;
	struct error err;
	if (augment_parse(text, seed, &a, &err) != OK)
		fail_msg("%s", err.text);
	return a;
}

static void test_parse(void **state)
{
	(void)state;
	struct augment a = parsed("crop:ratio=0.5-2,hflip,rotate:degrees=30,rotate:degrees=-5-1e1,"
				  "jitter:hue=0.1:contrast=0.4,randaugment:magnitude=5,erase:p=1",
				  7);
	assert_int_equal(a.n, 7);
	assert_true(a.crops && a.seed == 7);
	assert_true(a.ops[0].low[0] == 0.08 && a.ops[0].high[0] == 1);
	assert_true(a.ops[0].low[1] == 0.5 && a.ops[0].high[1] == 2);
	assert_true(a.ops[1].low[0] == 0.5);
	assert_true(a.ops[2].low[0] == -30 && a.ops[2].high[0] == 30);
	assert_true(a.ops[3].low[0] == -5 && a.ops[3].high[0] == 10);
	assert_true(a.ops[4].low[0] == 0 && a.ops[4].low[1] == 0.4 && a.ops[4].low[3] == 0.1);
	assert_true(a.ops[5].low[0] == 2 && a.ops[5].low[1] == 5 && a.ops[5].low[2] == 31);
	assert_false(parsed("vflip", 0).crops);

	static const char *const wrong[][2] = {
		{ "", "'' is no operation" },
		{ "flip", "'flip' is no operation; there are crop[" },
		{ "hflip,", "'' is no operation" },
		{ "hflip:q=1", "'q=1' is no parameter" },
		{ "hflip:p", "'p' of hflip: the value is a number from 0 to 1" },
		{ "hflip:p=2", "'p=2' of hflip: the value is a number from 0 to 1" },
		{ "hflip:p=0.1-0.2", "the value is a number" },
		{ "crop:scale=0-1", "a number or LOW-HIGH from 1e-06 to 1" },
		{ "crop:scale=0.9-0.1", "LOW-HIGH" },
		{ "crop:scale=nan", "LOW-HIGH" },
		{ "rotate:degrees=", "'degrees=' of rotate" },
		{ "hflip,crop", "crop must come first" },
		{ "erase,hflip", "erase must come last" },
		{ "randaugment:magnitude=31", "num_magnitude_bins ends at 30" },
		{ "hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,hflip,"
		  "hflip,hflip,hflip,hflip",
		  "more than 16" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct error err;
		assert_int_equal(augment_parse(wrong[i][0], 0, &a, &err), ERR_USAGE);
		if (!strstr(err.text, wrong[i][1]))
			fail_msg("'%s' instead of '%s'", err.text, wrong[i][1]);
	}
}

/* ---- what is drawn ---- */

#define SIDE 200

/* Red is the column, green the row. */
static struct picture gradient(void)
{
	static uint8_t pixels[SIDE * SIDE * 3];
	for (int i = 0; i < SIDE * SIDE; i++) {
		pixels[i * 3] = (uint8_t)(i % SIDE);
		pixels[i * 3 + 1] = (uint8_t)(i / SIDE);
		pixels[i * 3 + 2] = 100;
	}
	return (struct picture){ .image = { SIDE, SIDE, 3, pixels } };
}

static struct preprocess bound(int height, int width)
{
	struct preprocess p;
	struct error err;
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", DT_F32, &SHAPE(1, 3, height, width), &err), OK);
	return p;
}

static struct picture augmented(const struct augment *a, const struct preprocess *p, uint64_t epoch,
				uint32_t sample)
{
	struct picture from = gradient(), to;
	struct error err;
	if (augment_picture(a, p, epoch, sample, &from, &to, &err) != OK)
		fail_msg("%s", err.text);
	return to;
}

/* Mean of n numbers that are spread evenly over a width: within five standard errors. */
static void expect_mean(double sum, int n, double want, double width)
{
	double error = sum / n - want, limit = 5 * width / sqrt(12.0 * n);
	if (fabs(error) > limit)
		fail_msg("mean %g instead of %g", sum / n, want);
}

static void test_crop(void **state)
{
	(void)state;
	struct preprocess p = bound(10, 10);
	/* Squares of a quarter: 100 x 100, from 0 to 100. */
	struct augment a = parsed("crop:scale=0.25:ratio=1", 1);
	double left = 0, top = 0;
	int n = 300;
	for (int i = 0; i < n; i++) {
		struct picture made = augmented(&a, &p, 0, (uint32_t)i);
		const uint8_t *q = made.image.pixels;
		assert_int_equal(made.image.width, 10);
		assert_int_equal(made.image.height, 10);
		assert_in_range(q[27] - q[0], 89, 91); /* nine tenths of 100 */
		assert_in_range(q[271] - q[1], 89, 91);
		left += (q[0] + q[27]) / 2. - 49.5;
		top += (q[1] + q[271]) / 2. - 49.5;
		image_release(&made.image);
	}
	expect_mean(left, n, 50, 100);
	expect_mean(top, n, 50, 100);

	/* Areas and ratios of the ranges, each evenly spread (ratios: their logarithm). */
	a = parsed("crop:scale=0.1-0.3:ratio=0.5-2", 2);
	double areas = 0, ratios = 0;
	for (int i = 0; i < n; i++) {
		struct picture made = augmented(&a, &p, 3, (uint32_t)i);
		const uint8_t *q = made.image.pixels;
		double w = (q[27] - q[0]) / .9, h = (q[271] - q[1]) / .9;
		assert_in_range((int)(w * h), 3500, 12500);
		areas += w * h / (SIDE * SIDE);
		ratios += log(w / h);
		image_release(&made.image);
	}
	expect_mean(areas, n, 0.2, 0.2);
	expect_mean(ratios, n, 0, 2 * log(2));
	/* No part of that ratio fits: the centre with the nearest one. */
	a = parsed("crop:scale=1:ratio=4", 0);
	struct picture made = augmented(&a, &p, 0, 0);
	const uint8_t *q = made.image.pixels;
	assert_in_range((q[1] + q[271]) / 2, 98, 101);
	assert_in_range(q[271] - q[1], 43, 46); /* nine tenths of 50 */
	image_release(&made.image);
}

static void test_chances(void **state)
{
	(void)state;
	struct preprocess p = bound(SIDE, SIDE);
	struct augment flips = parsed("hflip:p=0.25,vflip", 3);
	struct augment turns = parsed("rotate:degrees=-20-60", 3);
	struct augment light = parsed("jitter:brightness=0.5", 3);
	double horizontal = 0, vertical = 0, brightness = 0;
	int n = 400, turned = 0;
	for (int i = 0; i < n; i++) {
		struct picture made = augmented(&flips, &p, 0, (uint32_t)i);
		horizontal += made.image.pixels[0] != 0;
		vertical += made.image.pixels[1] != 0;
		image_release(&made.image);
		made = augmented(&light, &p, 0, (uint32_t)i);
		brightness += (made.image.pixels[2] + 0.5) / 100;
		image_release(&made.image);
	}
	for (int i = 0; i < 40; i++) {
		struct picture made = augmented(&turns, &p, 0, (uint32_t)i);
		/* the pixel right of the centre is higher up when the picture is turned left */
		const uint8_t *q = made.image.pixels + (100 * SIDE + 180) * 3;
		turned += q[1] > 100;
		image_release(&made.image);
	}
	/* a coin's spread is that of an even one times sqrt(12) */
	expect_mean(horizontal, n, 0.25, sqrt(12 * 0.25 * 0.75));
	expect_mean(vertical, n, 0.5, sqrt(3));
	expect_mean(brightness, n, 1, 1);
	assert_in_range(turned, 20, 39); /* three of four */
}

static void test_erase(void **state)
{
	(void)state;
	for (int nhwc = 0; nhwc < 2; nhwc++) {
		struct preprocess p;
		struct error err;
		struct augment a = parsed("erase:p=0.75:scale=0.1-0.3:ratio=0.5-2", 3);
		preprocess_init(&p);
		assert_int_equal(preprocess_bind(&p, "x", DT_F32,
						 nhwc ? &SHAPE(1, 50, 40, 3) : &SHAPE(1, 3, 50, 40),
						 &err),
				 OK);
		float *x = mem_alloc(50 * 40 * 3 * sizeof *x);
		double areas = 0;
		int n = 300, erased = 0;
		for (int i = 0; i < n; i++) {
			int zeros = 0, rows = 0;
			for (int k = 0; k < 50 * 40 * 3; k++)
				x[k] = 1;
			augment_elements(&a, &p, 0, (uint32_t)i, x);
			for (int y = 0; y < 50; y++) {
				int before = zeros;
				for (int k = 0; k < 40; k++) {
					int first = nhwc ? (y * 40 + k) * 3 : y * 40 + k;
					int step = nhwc ? 1 : 50 * 40;
					assert_true(x[first] == x[first + step]);
					assert_true(x[first] == x[first + 2 * step]);
					zeros += x[first] == 0;
				}
				rows += zeros > before;
			}
			if (zeros) /* a rectangle */
				assert_int_equal(zeros % rows, 0);
			areas += zeros / 2000.;
			erased += zeros > 0;
		}
		expect_mean(erased, n, 0.75, sqrt(12 * 0.75 * 0.25));
		expect_mean(areas / erased, 1, 0.2, 0.2 / sqrt(erased));
		free(x);
	}
}

/* RandAugment's parts are compared one by one elsewhere: here, that all of them are drawn. */
static void test_randaugment(void **state)
{
	(void)state;
	struct preprocess p = bound(SIDE, SIDE);
	struct augment a = parsed("randaugment:num_ops=1:magnitude=15", 3);
	uint32_t sums[400];
	int kinds = 0;
	for (uint32_t i = 0; i < ARRAY_SIZE(sums); i++) {
		struct picture made = augmented(&a, &p, 0, i);
		bool seen = false;
		sums[i] = 0;
		for (int k = 0; k < SIDE * SIDE * 3; k++)
			sums[i] = sums[i] * 31 + made.image.pixels[k];
		for (uint32_t j = 0; j < i; j++)
			seen |= sums[j] == sums[i];
		kinds += !seen;
		image_release(&made.image);
	}
	/*
	 * Two signs of shears, translations, the rotation and four factors; posterize, solarize,
	 * equalize; autocontrast and identity. Sharpening an even gradient only shows at its edges.
	 */
	assert_in_range(kinds, 20, 23);
}

/* ---- through the loader ---- */

#define N 12

/* All inputs of two epochs, by sample. */
static void load(struct loader_options options, const struct augment *augment, uint32_t window,
		 uint32_t micro_batch, uint32_t decoders, size_t cache, uint64_t order,
		 float out[2][N][3 * 8 * 8])
{
	struct loader *loader;
	struct error err;
	options.augment = augment;
	options.window = window;
	options.micro_batch = micro_batch;
	options.decoders = decoders;
	options.cache_limit = cache;
	options.seed = order;
	if (loader_open(&options, &loader, &err) != OK)
		fail_msg("%s", err.text);
	for (uint64_t epoch = 0; epoch < 2; epoch++) {
		struct batch batch;
		bool end = false;
		loader_start(loader, epoch, 0);
		for (;;) {
			if (loader_next(loader, &batch, &end, &err) != OK)
				fail_msg("%s", err.text);
			if (end)
				break;
			for (uint32_t i = 0; i < batch.n; i++)
				memcpy(out[epoch][batch.samples[i]],
				       (const float *)batch.inputs[0].data + i * 3 * 8 * 8,
				       sizeof out[0][0]);
		}
	}
	loader_free(loader);
}

static void test_loader(void **state)
{
	(void)state;
	static uint8_t pixels[N * 12 * 12];
	static float want[2][N][3 * 8 * 8], got[2][N][3 * 8 * 8];
	int64_t labels[N] = { 0 };
	struct data_input input = { "x", DT_F32, SHAPE(1, 3, 8, 8) };
	struct preprocess p = bound(8, 8);
	struct dataset ds = { .images = true, .targets = TARGETS_CLASSES, .n_classes = 1 };
	for (int i = 0; i < N * 12 * 12; i++)
		pixels[i] = (uint8_t)(i * 7);
	ds.train = (struct part){ .n = N,
				  .targets = { DT_I64, SHAPE(N), labels },
				  .pixels = { DT_U8, SHAPE(N, 12, 12), pixels } };
	struct loader_options o = { .dataset = &ds,
				    .part = &ds.train,
				    .preprocess = &p,
				    .inputs = &input,
				    .n_inputs = 1,
				    .shuffle = true };
	static const char *const lists[] = {
		"crop,hflip,rotate,randaugment,erase:p=1",
		"hflip,vflip,jitter:brightness=0.5:contrast=0.5,erase",
	};
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		struct augment a = parsed(lists[k], 5), other = parsed(lists[k], 6);
		load(o, &a, N, N, 0, 0, 1, want);
		assert_memory_not_equal(want[0], want[1], sizeof want[0]);
		/* windows, micro-batches, decoders, cache, order */
		load(o, &a, 5, 2, 3, 1 << 20, 2, got);
		assert_memory_equal(got, want, sizeof want);
		load(o, &a, 7, 7, 1, 700, 3, got);
		assert_memory_equal(got, want, sizeof want);
		load(o, &other, N, N, 0, 0, 1, got);
		assert_memory_not_equal(got, want, sizeof want);
	}
	/* none */
	load(o, NULL, N, N, 2, 1 << 20, 1, want);
	assert_memory_equal(want[0], want[1], sizeof want[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),       cmocka_unit_test(test_crop),
		cmocka_unit_test(test_chances),     cmocka_unit_test(test_erase),
		cmocka_unit_test(test_randaugment), cmocka_unit_test(test_loader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
