/*
 * test_data_idx.c - IDX files, plain and gzipped, of every type, cut and damaged; and pairs of them
 * as data sets.
 */
#include "data/idx.h"

#include "data/dataset.h"
#include "data/loader.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* The bytes gzipped, which the caller frees. */
static uint8_t *gzip(const uint8_t *data, size_t n, size_t *size)
{
	z_stream z = { 0 };
	uint8_t *out = mem_alloc(n + 1000);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)data;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)(n + 1000);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*size = n + 1000 - z.avail_out;
	deflateEnd(&z);
	return out;
}

/* Parses a copy that is just as large, for sanitizers. */
static enum status parse(const uint8_t *data, size_t n, struct tensor *out, struct error *err)
{
	uint8_t *copy = mem_alloc(n ? n : 1);
	memcpy(copy, data, n);
	enum status status = idx_parse(copy, n, out, err);
	free(copy);
	return status;
}

static void test_types(void **state)
{
	(void)state;
	static const struct {
		uint8_t code;
		enum dtype dtype;
		uint8_t bytes[16]; /* 1 and -2 (200 of uint8), big endian */
		double want[2];
	} cases[] = {
		{ 0x08, DT_U8, { 1, 200 }, { 1, 200 } },
		{ 0x09, DT_I8, { 1, 0xfe }, { 1, -2 } },
		{ 0x0b, DT_I16, { 0, 1, 0xff, 0xfe }, { 1, -2 } },
		{ 0x0c, DT_I32, { 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xfe }, { 256, -2 } },
		{ 0x0d, DT_F32, { 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0 }, { 1, -2 } },
		{ 0x0e,
		  DT_F64,
		  { 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0 },
		  { 1, -2 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t file[64] = { 0, 0, cases[i].code, 2, 0, 0, 0, 2, 0, 0, 0, 1 };
		size_t n = 12 + 2 * dtype_bits(cases[i].dtype) / 8, packed_size;
		struct tensor t;
		struct error err;
		memcpy(file + 12, cases[i].bytes, 16);
		uint8_t *packed = gzip(file, n, &packed_size);
		for (int zipped = 0; zipped < 2; zipped++) {
			if (parse(zipped ? packed : file, zipped ? packed_size : n, &t, &err) != OK)
				fail_msg("%s", err.text);
			assert_int_equal(t.dtype, cases[i].dtype);
			assert_int_equal(t.shape.rank, 2);
			assert_true(tensor_get(&t, 0) == cases[i].want[0]);
			assert_true(tensor_get(&t, 1) == cases[i].want[1]);
			free(t.data);
		}
		/* Cut anywhere, or longer than it says */
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(parse(file, cut, &t, &err), ERR_INPUT);
		for (size_t cut = 0; cut < packed_size - 8; cut++)
			assert_int_equal(parse(packed, cut, &t, &err), ERR_INPUT);
		assert_int_equal(parse(file, n + 1, &t, &err), ERR_INPUT);
		assert_non_null(strstr(err.text, "more in it"));
		free(packed);
	}
}

static void test_hostile(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[24];
		size_t n;
		const char *says;
	} cases[] = {
		{ { 0 }, 0, "it is cut" },
		{ { 1, 0, 8, 1, 0, 0, 0, 1, 7 }, 9, "not an IDX file" },
		{ { 0, 0, 7, 1, 0, 0, 0, 1, 7 }, 9, "not an IDX file" },
		{ { 0, 0, 8, 0, 7 }, 5, "0 axes" },
		{ { 0, 0, 8, 9, 7 }, 5, "9 axes" },
		{ { 0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 7 }, 9, "it is cut" },
		{ { 0, 0, 14, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff },
		  16,
		  "" }, /* more than can be counted */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tensor t;
		struct error err;
		assert_int_not_equal(parse(cases[i].bytes, cases[i].n, &t, &err), OK);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' instead of '%s'", err.text, cases[i].says);
		/* and the same in a small gzip file */
		size_t size;
		uint8_t *packed = gzip(cases[i].bytes, cases[i].n, &size);
		assert_int_not_equal(parse(packed, size, &t, &err), OK);
		free(packed);
	}
	static const uint8_t no_gzip[] = { 0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 };
	struct tensor t;
	struct error err;
	assert_int_equal(parse(no_gzip, sizeof no_gzip, &t, &err), ERR_INPUT);
}

/* ---- data sets ---- */

static const struct data_input image = { "x", DT_F32, { 4, { -1, 1, 2, 3 } } };

/* Three pictures of 2 x 3: 0 to 17. */
static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0,  0,  2,  0,  0,  0,  3,  0,
				  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 4, 1, 4 };

static void put(const char *folder, const char *name, const uint8_t *data, size_t n)
{
	assert_true(put_file(folder, name, data, n));
}

static void test_pairs(void **state)
{
	(void)state;
	char *folder = make_folder();
	size_t n;
	uint8_t *packed = gzip(images, sizeof images, &n);
	put(folder, "emnist-train-images-idx3-ubyte.gz", packed, n);
	put(folder, "emnist-train-labels-idx1-ubyte", labels, sizeof labels);
	put(folder, "t10k-images.idx3-ubyte", images, sizeof images);
	put(folder, "t10k-labels.idx1-ubyte", labels, sizeof labels);
	free(packed);
	struct dataset_options o = { .inputs = &image, .n_inputs = 1 };
	struct dataset ds;
	struct error err;
	if (dataset_open(folder, &o, &ds, &err) != OK)
		fail_msg("%s", err.text);
	assert_true(ds.images && ds.report_only);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_int_equal(ds.n_classes, 5);
	assert_string_equal(ds.labels.names[4], "4");
	assert_int_equal(ds.train.n, 3);
	assert_int_equal(ds.validation.n, 3);
	assert_string_equal(ds.validation.name, "test");

	/* Through the preprocessing of images: 255 is 1. */
	struct preprocess p;
	struct loader *loader;
	struct batch batch;
	bool end;
	preprocess_init(&p);
	if (preprocess_bind(&p, image.name, image.dtype, &image.shape, &err) != OK)
		fail_msg("%s", err.text);
	struct loader_options options = { .dataset = &ds,
					  .part = &ds.train,
					  .preprocess = &p,
					  .inputs = &image,
					  .n_inputs = 1,
					  .window = 3,
					  .micro_batch = 3,
					  .cache_limit = 100 };
	assert_int_equal(loader_open(&options, &loader, &err), OK);
	assert_int_equal(loader_next(loader, &batch, &end, &err), OK);
	for (int i = 0; i < 18; i++)
		assert_true(((const float *)batch.inputs[0].data)[i] == (float)(i / 255.0));
	assert_int_equal(((const int64_t *)batch.targets.data)[1], 1);
	loader_free(loader);
	dataset_release(&ds);

	/* What is wrong has its file in front. */
	char *path = mem_printf("%s/t10k-labels.idx1-ubyte", folder);
	put(folder, "t10k-labels.idx1-ubyte", labels, sizeof labels - 1);
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_memory_equal(err.text, path, strlen(path));
	put(folder, "t10k-labels.idx1-ubyte", (uint8_t[]){ 0, 0, 8, 1, 0, 0, 0, 1, 4 }, 9);
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "there are 3 samples"));
	put(folder, "t10k-images.idx3-ubyte", labels, sizeof labels);
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "holds uint8 of shape 3; pictures are"));
	assert_int_equal(remove(path), 0);
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "there are no labels beside it"));
	put(folder, "other-test-images-idx3-ubyte", images, sizeof images);
	put(folder, "more-test-images-idx3-ubyte", images, sizeof images);
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "several IDX files of images for 'test'"));
	free(path);
	remove_folder(folder);
}

/* Grey to colours, colours to grey (as image.h has them), and the split. */
static void test_channels(void **state)
{
	(void)state;
	static const uint8_t colours[] = { 0, 0, 8, 4, 0, 0, 0, 2,  0,  0,  0,  1,  0,
					   0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60 };
	static const struct data_input grey = { "x", DT_U8, { 4, { -1, 1, 1, 1 } } };
	static const struct data_input rgb = { "x", DT_U8, { 4, { -1, 3, 1, 1 } } };
	struct preprocess p;
	struct picture picture;
	struct tensor t;
	struct error err;
	assert_int_equal(parse(colours, sizeof colours, &t, &err), OK);
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", grey.dtype, &grey.shape, &err), OK);
	assert_int_equal(preprocess_pixels(&p, &t, 1, false, &picture, &err), OK);
	assert_int_equal(picture.image.channels, 1);
	assert_int_equal(picture.image.pixels[0], 48); /* .299 * 40 + .587 * 50 + .114 * 60 */
	image_release(&picture.image);
	free(t.data);
	assert_int_equal(parse(images, sizeof images, &t, &err), OK);
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", rgb.dtype, &rgb.shape, &err), OK);
	assert_int_equal(preprocess_set(&p, SETTING_RESIZE, "crop", FROM_OPTION, &err), OK);
	assert_int_equal(preprocess_pixels(&p, &t, 2, false, &picture, &err), OK);
	assert_int_equal(picture.image.channels, 3);
	assert_true(picture.image.pixels[0] == picture.image.pixels[2]);
	image_release(&picture.image);
	free(t.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_channels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
