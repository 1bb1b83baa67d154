/*
 * test_data_dataset.c - what is found in folders and array files, the split, and one clear line
 * for each thing that can be wrong with them.
 */
#include "data/dataset.h"
#include "support/data_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct data_input image_input = { "x", DT_F32, { 4, { -1, 3, -1, -1 } } };
static const struct data_input vector_input = { "input", DT_F32, { 2, { -1, 3 } } };

struct log_text {
	char text[4000];
	uint32_t warnings;
};

static void add_line(void *ctx, enum log_level level, const char *text)
{
	struct log_text *log = ctx;
	size_t n = strlen(log->text);
	snprintf(log->text + n, sizeof log->text - n, "%s\n", text);
	log->warnings += level == LOG_WARN;
}

/* Files of the list (NULL-terminated); an image's bytes are not looked at here. */
static void put_images(const char *folder, const char *const *files)
{
	for (; *files; files++)
		assert_true(put_file(folder, *files, "x", 1));
}

/* FOLDER/NAME/CLASS/ijk.png for the counts of classes. */
static void put_class(const char *folder, const char *path, int n)
{
	for (int i = 0; i < n; i++) {
		char name[200];
		snprintf(name, sizeof name, "%s/%03d.png", path, i);
		assert_true(put_file(folder, name, "x", 1));
	}
}

static struct dataset_options image_options(void)
{
	return (struct dataset_options){ .inputs = &image_input, .n_inputs = 1, .validation = 0.2 };
}

static void test_image_parts(void **state)
{
	(void)state;
	char *folder = make_folder();
	put_images(folder,
		   (const char *[]){ "train/10/a.png", "train/10/deep/er/b.JPG", "train/2/c.jpeg",
				     "train/2/notes.txt", "train/2/.hidden.png", "valid/2/d.png",
				     "test/10/e.png", "README", NULL });
	struct dataset_options o = image_options();
	struct log_text text = { 0 };
	struct log log = { add_line, &text };
	struct dataset ds;
	struct error err;
	o.log = &log;
	o.classes = 2;
	if (dataset_open(folder, &o, &ds, &err) != OK)
		fail_msg("%s", err.text);
	assert_true(ds.images);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_int_equal(ds.n_classes, 2);
	assert_string_equal(ds.labels.names[0], "2");
	assert_string_equal(ds.labels.names[1], "10");
	assert_int_equal(ds.labels.rule, LABELS_BY_NUMBER);
	assert_string_equal(ds.train.name, "train");
	assert_int_equal(ds.train.n, 3);
	/* Folders in byte order, files in byte order in them. */
	static const char *const files[] = { "train/10/a.png", "train/10/deep/er/b.JPG",
					     "train/2/c.jpeg" };
	static const int64_t classes[] = { 1, 1, 0 };
	for (int i = 0; i < 3; i++) {
		assert_non_null(strstr(ds.train.paths[i], files[i]));
		assert_int_equal(((int64_t *)ds.train.targets.data)[i], classes[i]);
	}
	assert_string_equal(ds.validation.name, "valid");
	assert_int_equal(ds.validation.n, 1);
	assert_false(ds.report_only);
	assert_non_null(strstr(text.text, "1 files")); /* notes.txt */
	uint32_t counts[2];
	dataset_count_classes(&ds, &ds.train, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 2);
	dataset_release(&ds);

	/* A named part, also with a slash behind the folder; a test set is only reported on. */
	char *slashed = mem_printf("%s//", folder);
	o.split = "test";
	assert_int_equal(dataset_open(slashed, &o, &ds, &err), OK);
	assert_string_equal(ds.validation.name, "test");
	assert_true(ds.report_only);
	dataset_release(&ds);
	free(slashed);
	o.split = "holdout";
	assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "'holdout'"));

	/* Evaluation opens one part only, with the classes of all. */
	o.split = NULL;
	o.evaluate_only = true;
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_int_equal(ds.train.n, 0);
	assert_int_equal(ds.validation.n, 1);
	assert_int_equal(ds.n_classes, 2);
	dataset_release(&ds);
	o.split = "train";
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_int_equal(ds.validation.n, 3);
	dataset_release(&ds);
	remove_folder(folder);

	folder = make_folder();
	put_images(folder, (const char *[]){ "train/a/1.png", "train/b/1.png", "test/b/1.png",
					     "other/a/1.png", "other/b/1.png", NULL });
	o = image_options();
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_string_equal(ds.validation.name, "test");
	assert_true(ds.report_only);
	dataset_release(&ds);
	char *other = mem_printf("%s/other", folder);
	o.validation_path = other;
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_string_equal(ds.validation.name, "other");
	assert_false(ds.report_only);
	dataset_release(&ds);
	free(other);
	remove_folder(folder);
}

static void test_split(void **state)
{
	(void)state;
	char *folder = make_folder();
	put_class(folder, "b", 10);
	put_class(folder, "a", 33);
	put_class(folder, "c", 1);
	struct dataset_options o = image_options();
	struct dataset first, again, other;
	struct error err;
	assert_int_equal(dataset_open(folder, &o, &first, &err), OK);
	assert_int_equal(dataset_open(folder, &o, &again, &err), OK);
	o.seed = 1;
	assert_int_equal(dataset_open(folder, &o, &other, &err), OK);
	uint32_t counts[3];
	dataset_count_classes(&first, &first.validation, counts);
	assert_int_equal(counts[0], 7);
	assert_int_equal(counts[1], 2);
	assert_int_equal(counts[2], 0); /* the only one stays in training */
	assert_int_equal(first.train.n + first.validation.n, 44);
	assert_non_null(strstr(first.validation.name, "20 % of test-data"));
	bool differs = false;
	for (uint32_t i = 0; i < first.validation.n; i++) {
		assert_string_equal(first.validation.paths[i], again.validation.paths[i]);
		differs = differs || strcmp(first.validation.paths[i], other.validation.paths[i]);
		for (uint32_t k = 0; k < first.train.n; k++)
			assert_string_not_equal(first.validation.paths[i], first.train.paths[k]);
	}
	assert_true(differs);
	dataset_release(&first);
	dataset_release(&again);
	dataset_release(&other);

	o.validation = 0;
	assert_int_equal(dataset_open(folder, &o, &first, &err), OK);
	assert_int_equal(first.train.n, 44);
	assert_int_equal(first.validation.n, 0);
	dataset_release(&first);
	o.validation = 0.01;
	assert_int_equal(dataset_open(folder, &o, &first, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "too few"));
	o.validation = 1;
	assert_int_equal(dataset_open(folder, &o, &first, &err), ERR_USAGE);
	o.validation = NAN;
	assert_int_equal(dataset_open(folder, &o, &first, &err), ERR_USAGE);

	/* All of it is evaluated. */
	o = image_options();
	o.evaluate_only = true;
	assert_int_equal(dataset_open(folder, &o, &first, &err), OK);
	assert_int_equal(first.validation.n, 44);
	dataset_release(&first);
	remove_folder(folder);
}

static void expect_error(const char *path, const struct dataset_options *o, enum status status,
			 const char *says)
{
	struct dataset ds;
	struct error err = { 0 };
	enum status got = dataset_open(path, o, &ds, &err);
	if (got == OK)
		dataset_release(&ds);
	if (got != status || !strstr(err.text, says) || strchr(err.text, '\n'))
		fail_msg("status %d, '%s', not '%s'", got, err.text, says);
}

static void test_image_errors(void **state)
{
	(void)state;
	struct dataset_options o = image_options();
	char *folder = make_folder(), *inner;
	expect_error(folder, &o, ERR_INPUT, "empty");
	expect_error("no/such/data", &o, ERR_IO, "no such file");
	put_images(folder, (const char *[]){ "one.png", NULL });
	expect_error(folder, &o, ERR_INPUT, "CLASS");
	inner = mem_printf("%s/one.png", folder);
	expect_error(inner, &o, ERR_INPUT, "folder of images");
	free(inner);
	put_images(folder, (const char *[]){ "a/readme.txt", NULL });
	expect_error(folder, &o, ERR_INPUT, "no JPEG, PNG or WebP");
	put_class(folder, "a", 10);
	expect_error(folder, &o, ERR_INPUT, "single class 'a'");
	o.classes = 3;
	put_class(folder, "b", 10);
	expect_error(folder, &o, ERR_INPUT, "3 outputs");
	o.classes = 2;
	o.names = (struct class_names){ (const char *const[]){ "a", "z" }, 2, "n.txt", true };
	expect_error(folder, &o, ERR_INPUT, "'b'");
	o = image_options();
	o.targets = TARGETS_VALUES;
	expect_error(folder, &o, ERR_INPUT, "values");
	o = image_options();
	o.n_inputs = 2;
	o.inputs = (const struct data_input[]){ image_input, vector_input };
	expect_error(folder, &o, ERR_INPUT, "one input");
	remove_folder(folder);

	folder = make_folder();
	o = image_options();
	put_images(folder, (const char *[]){ "val/a/1.png", NULL });
	expect_error(folder, &o, ERR_INPUT, "none named 'train'");
	/* A folder that holds itself. */
	put_images(folder, (const char *[]){ "train/a/1.png", NULL });
	inner = mem_printf("%s/train/a/loop", folder);
	assert_int_equal(symlink("../a", inner), 0);
	expect_error(folder, &o, ERR_INPUT, "nested");
	free(inner);
	remove_folder(folder);
}

static void put_npz(const char *folder, const char *name, const struct named_tensor *arrays,
		    uint32_t n)
{
	char *path = mem_printf("%s/%s", folder, name);
	struct error err;
	if (npz_write(path, arrays, n, &err) != OK)
		fail_msg("%s", err.text);
	free(path);
}

#define FLOATS(...) ((float[]){ __VA_ARGS__ })
#define INTS(...) ((int64_t[]){ __VA_ARGS__ })
static float ramp[30];

static struct dataset_options array_options(void)
{
	return (struct dataset_options){ .inputs = &vector_input,
					 .n_inputs = 1,
					 .validation = 0.5 };
}

static void test_arrays(void **state)
{
	(void)state;
	char *folder = make_folder();
	int8_t labels[] = { 0, 1, -100, 2 };
	struct named_tensor train[] = {
		{ "input", { DT_F32, SHAPE(4, 3), ramp } },
		{ "labels", { DT_I8, SHAPE(4, 1), labels } },
		{ "weights", { DT_F64, SHAPE(4), (double[]){ 1, 0.5, 2, 0 } } },
	};
	/* The only array without another role is the input; whole floats are classes. */
	struct named_tensor val[] = {
		{ "y", { DT_F32, SHAPE(2), FLOATS(2, 1) } },
		{ "features", { DT_F64, SHAPE(2, 3), (double[]){ 1, 2, 3, 4, 5, 6 } } },
	};
	put_npz(folder, "train.npz", train, 3);
	put_npz(folder, "val.npz", val, 2);
	struct dataset_options o = array_options();
	struct dataset ds;
	struct error err;
	o.targets = TARGETS_CLASSES;
	if (dataset_open(folder, &o, &ds, &err) != OK)
		fail_msg("%s", err.text);
	assert_false(ds.images);
	assert_int_equal(ds.n_classes, 3);
	assert_string_equal(ds.labels.names[2], "2");
	static const int64_t want[] = { 0, 1, IGNORED_CLASS, 2 };
	assert_int_equal(ds.train.targets.shape.rank, 1);
	assert_memory_equal(ds.train.targets.data, want, sizeof want);
	assert_true(ds.train.weights[1] == 0.5f && ds.train.weights[3] == 0);
	assert_int_equal(ds.validation.n, 2);
	assert_null(ds.validation.weights);
	assert_int_equal(((int64_t *)ds.validation.targets.data)[0], 2);
	dataset_release(&ds);

	/* Values; names that are known; a single file that is split. */
	o = array_options();
	o.targets = TARGETS_VALUES;
	char *path = mem_printf("%s/train.npz", folder);
	assert_int_equal(dataset_open(path, &o, &ds, &err), OK);
	assert_int_equal(ds.targets, TARGETS_VALUES);
	assert_int_equal(ds.train.targets.dtype, DT_F32);
	assert_int_equal(ds.train.n, 2);
	assert_int_equal(ds.validation.n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t row = ds.train.rows[i];
		assert_true(((float *)ds.train.targets.data)[i] == (float)labels[row]);
		assert_true(ds.train.weights[i] == ((float[]){ 1, 0.5, 2, 0 })[row]);
	}
	dataset_release(&ds);
	free(path);
	o = array_options();
	o.names = (struct class_names){ (const char *const[]){ "r", "g", "b" }, 3, "n", true };
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_string_equal(ds.labels.names[2], "b");
	dataset_release(&ds);
	remove_folder(folder);

	/* x.npy and y.npy; several inputs; labels for each position. */
	folder = make_folder();
	struct tensor x = { DT_F32, SHAPE(4, 3), ramp }, y = { DT_I64, SHAPE(4), INTS(3, 0, 3, 0) };
	path = mem_printf("%s/x.npy", folder);
	assert_int_equal(npy_write(path, &x, NULL), OK);
	free(path);
	path = mem_printf("%s/y.npy", folder);
	assert_int_equal(npy_write(path, &y, NULL), OK);
	free(path);
	o = array_options();
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_int_equal(ds.n_classes, 4);
	uint32_t counts[4];
	dataset_count_classes(&ds, &ds.validation, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[3], 1);
	dataset_release(&ds);
	remove_folder(folder);

	folder = make_folder();
	static const struct data_input two[] = { { "ids", DT_I64, { 2, { -1, -1 } } },
						 { "y", DT_F32, { 2, { 1, 3 } } } };
	struct named_tensor pair[] = {
		{ "ids", { DT_I32, SHAPE(2, 2), (int32_t[]){ 1, 2, 3, 4 } } },
		{ "y", { DT_F32, SHAPE(2, 3), ramp } },
		{ "labels", { DT_I64, SHAPE(2, 2), INTS(0, 1, -1, 1) } },
	};
	put_npz(folder, "all.npz", pair, 3);
	o = array_options();
	o.inputs = two;
	o.n_inputs = 2;
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_int_equal(ds.train.n, 1);
	assert_int_equal(ds.train.targets.shape.rank, 2);
	assert_int_equal(ds.train.arrays[1].shape.dim[1], 3);
	dataset_release(&ds);
	remove_folder(folder);
}

/* One thing wrong each: the arrays of a train.npz, and what the line says. */
static void test_array_errors(void **state)
{
	(void)state;
	static float nan_floats[12], inf_floats[12];
	nan_floats[7] = NAN;
	inf_floats[11] = -INFINITY;
	static int64_t none[12];
	const struct {
		struct named_tensor arrays[4];
		enum target_kind targets;
		uint32_t classes;
		const char *says;
	} cases[] = {
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } } }, 0, 0, "'labels' or 'y'" },
		{ { { "labels", { DT_I64, SHAPE(4), none } } }, 0, 0, "'input'" },
		{ { { "a", { DT_F32, SHAPE(4, 3), ramp } },
		    { "b", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), none } } },
		  0,
		  0,
		  "'a', 'b', 'labels'" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(3), none } } },
		  0,
		  0,
		  "4 samples" },
		{ { { "input", { DT_F32, SHAPE(4, 2), ramp } },
		    { "labels", { DT_I64, SHAPE(4), none } } },
		  0,
		  0,
		  "4x2" },
		{ { { "input", { DT_F32, SHAPE(12), ramp } },
		    { "labels", { DT_I64, SHAPE(12), none } } },
		  0,
		  0,
		  "12" },
		{ { { "input", { DT_F32, SHAPE(0, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(0), none } } },
		  0,
		  0,
		  "0 samples" },
		{ { { "input", { DT_F32, SHAPE(4, 3), nan_floats } },
		    { "labels", { DT_I64, SHAPE(4), none } } },
		  0,
		  0,
		  "sample 2 holds NaN" },
		{ { { "input", { DT_F32, SHAPE(4, 3), inf_floats } },
		    { "labels", { DT_I64, SHAPE(4), none } } },
		  0,
		  0,
		  "sample 3 holds an infinite" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(0, 1, 2, 3) } } },
		  0,
		  3,
		  "label 3 of sample 3 is outside 0 to 2" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(0, 1, -2, 3) } } },
		  0,
		  0,
		  "label -2" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(0, 1, INT64_MAX, 3) } } },
		  0,
		  0,
		  "label 9223372036854775807" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_F32, SHAPE(4), FLOATS(0, 0.5, 1, 1) } } },
		  TARGETS_CLASSES,
		  0,
		  "whole number" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_F32, SHAPE(4), nan_floats + 4 } } },
		  TARGETS_VALUES,
		  0,
		  "sample 3 is NaN" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(1, 1, 1, 1) } } },
		  0,
		  0,
		  "single class '1'" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(-1, -1, -100, -1) } } },
		  0,
		  2,
		  "ignored" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(0, 1, 0, 1) } },
		    { "weights", { DT_F32, SHAPE(4), FLOATS(1, 1, -1, 1) } } },
		  0,
		  0,
		  "sample 2 is -1" },
		{ { { "input", { DT_F32, SHAPE(4, 3), ramp } },
		    { "labels", { DT_I64, SHAPE(4), INTS(0, 1, 0, 1) } },
		    { "weights", { DT_F32, SHAPE(3), FLOATS(1, 1, 1) } } },
		  0,
		  0,
		  "'weights'" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *folder = make_folder();
		uint32_t n = 0;
		while (n < 4 && cases[i].arrays[n].name)
			n++;
		put_npz(folder, "train.npz", cases[i].arrays, n);
		struct dataset_options o = array_options();
		o.targets = cases[i].targets;
		o.classes = cases[i].classes;
		expect_error(folder, &o, ERR_INPUT, cases[i].says);
		remove_folder(folder);
	}
	/* Integers do not take floats, nor more than they can hold. */
	static const struct data_input bytes = { "input", DT_U8, { 2, { -1, 3 } } };
	char *folder = make_folder();
	struct named_tensor a[] = { { "input", { DT_F32, SHAPE(2, 3), ramp } },
				    { "labels", { DT_I64, SHAPE(2), INTS(0, 1) } } };
	struct dataset_options o = array_options();
	o.inputs = &bytes;
	put_npz(folder, "train.npz", a, 2);
	expect_error(folder, &o, ERR_INPUT, "uint8");
	a[0].tensor = (struct tensor){ DT_I32, SHAPE(2, 3), (int32_t[]){ 0, 1, 2, 3, 256, 5 } };
	put_npz(folder, "train.npz", a, 2);
	expect_error(folder, &o, ERR_INPUT, "sample 1 holds 256");
	/* Two files of which none is named, and one that is cut. */
	remove_folder(folder);
	folder = make_folder();
	o = array_options();
	put_npz(folder, "a.npz", a, 2);
	put_npz(folder, "b.npz", a, 2);
	expect_error(folder, &o, ERR_INPUT, "several");
	char *path = mem_printf("%s/a.npz", folder);
	assert_int_equal(truncate(path, 100), 0);
	expect_error(path, &o, ERR_INPUT, path);
	free(path);
	remove_folder(folder);
}

/* A number that is not finite is found in all places of an array, the first of several. */
static void test_non_finite(void **state)
{
	(void)state;
	static float x[3000];
	static int64_t labels[1000];
	struct named_tensor a[] = { { "input", { DT_F32, SHAPE(1000, 3), x } },
				    { "labels", { DT_I64, SHAPE(1000), labels } } };
	struct dataset_options o = array_options();
	static const int places[] = { 0, 1023, 1024, 1030, 2047, 2048, 2999 };
	char *folder = make_folder();
	for (size_t i = ARRAY_SIZE(places); i--;) {
		char says[64];
		x[places[i]] = i % 2 ? -INFINITY : NAN;
		snprintf(says, sizeof says, "sample %d holds %s", places[i] / 3,
			 i % 2 ? "an infinite" : "NaN");
		put_npz(folder, "train.npz", a, 2);
		expect_error(folder, &o, ERR_INPUT, says);
	}
	remove_folder(folder);
}

static void test_corrupt(void **state)
{
	(void)state;
	char *folder = make_folder();
	struct log_text text = { 0 };
	struct log log = { add_line, &text };
	struct dataset_options o = image_options();
	struct dataset ds;
	struct error err, why;
	put_class(folder, "a", 10);
	put_class(folder, "b", 10);
	o.log = &log;
	why = (struct error){ ERR_INPUT, "damaged" };
	/* Of a small set one may be damaged, a second is too much. */
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	assert_int_equal(dataset_report_corrupt(&ds, &ds.train, 3, &why, &err), OK);
	assert_int_equal(dataset_report_corrupt(&ds, &ds.train, 3, &why, &err),
			 OK); /* counted once */
	assert_int_equal(ds.n_corrupt, 1);
	assert_int_equal(text.warnings, 1);
	assert_non_null(strstr(text.text, ds.train.paths[3]));
	assert_int_equal(dataset_report_corrupt(&ds, &ds.validation, 0, &why, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "20 images"));
	dataset_release(&ds);

	/* Of a large one CORRUPT_MAX, of which CORRUPT_NAMED are named. */
	put_class(folder, "a", 700);
	put_class(folder, "b", 700);
	text.warnings = 0;
	assert_int_equal(dataset_open(folder, &o, &ds, &err), OK);
	for (uint32_t i = 0; i < CORRUPT_MAX; i++)
		assert_int_equal(dataset_report_corrupt(&ds, &ds.train, i, &why, &err), OK);
	assert_int_equal(text.warnings, CORRUPT_NAMED + 1);
	assert_int_equal(dataset_report_corrupt(&ds, &ds.train, 99, &why, &err), ERR_INPUT);
	dataset_release(&ds);
	remove_folder(folder);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ramp); i++)
		ramp[i] = (float)i;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_parts),  cmocka_unit_test(test_split),
		cmocka_unit_test(test_image_errors), cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_array_errors), cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_non_finite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
