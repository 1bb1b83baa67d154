/*
 * test_data_csv.c - records of comma-separated text as RFC 4180 has them, tables and lists of images
 * as data sets, and one clear line for each thing that can be wrong with them.
 */
#include "data/csv.h"

#include "data/dataset.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- records ---- */

/* The records as text: fields in brackets, each record with its line in front; or the error. */
static char *dump(const char *text, size_t size)
{
	struct csv csv;
	struct error err;
	char *all = mem_strdup("");
	/* just as large as the text, for sanitizers */
	uint8_t *data = mem_alloc(size ? size : 1);
	memcpy(data, text, size);
	csv_open(&csv, data, size);
	for (;;) {
		bool end;
		char *longer;
		if (csv_next(&csv, &end, &err) != OK) {
			free(all);
			all = mem_strdup(err.text);
			break;
		}
		if (end)
			break;
		longer = mem_printf("%s%llu:", all, (unsigned long long)csv.line);
		free(all);
		all = longer;
		for (uint32_t i = 0; i < csv.n; i++) {
			longer = mem_printf("%s[%s]", all, csv_field(&csv, i));
			free(all);
			all = longer;
		}
	}
	csv_release(&csv);
	free(data);
	return all;
}

static void test_records(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		/* the seven rules of RFC 4180, section 2 */
		{ "aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "1:[aaa][bbb][ccc]2:[zzz][yyy][xxx]" },
		{ "aaa,bbb,ccc\r\nzzz,yyy,xxx", "1:[aaa][bbb][ccc]2:[zzz][yyy][xxx]" },
		{ "a b, c ,", "1:[a b][ c ][]" },
		{ "\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx",
		  "1:[aaa][b \r\nbb][ccc]3:[zzz][yyy][xxx]" },
		{ "\"aaa\",\"b\"\"bb\",\"c,c\"", "1:[aaa][b\"bb][c,c]" },
		/* and what is found in practice */
		{ "", "" },
		{ "\xef\xbb\xbf"
		  "a,b\n1,2\n",
		  "1:[a][b]2:[1][2]" },
		{ "a\n\n\nb\r\rc", "1:[a]4:[b]6:[c]" },
		{ ",\n\"\",\"\"", "1:[][]2:[][]" },
		{ "\"\"\"\"", "1:[\"]" },
		{ "a,\"b\nc,d\n", "line 1: the quote of field 2 is not closed" },
		{ "a\nb,\"", "line 2: the quote of field 2 is not closed" },
		{ "a\n\"b\"c", "line 2: text behind the closing quote of field 1" },
		{ "a,b\"c\"", "line 1: a quote inside field 2, which is not quoted" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got = dump(cases[i].text, strlen(cases[i].text));
		assert_string_equal(got, cases[i].want);
		free(got);
	}
	char *got = dump("a,b\n1,\0\n", 8);
	assert_string_equal(got, "line 2: a NUL byte; this is no text");
	free(got);
}

static void test_numbers(void **state)
{
	(void)state;
	double x;
	int64_t whole;
	assert_true(csv_number(" 1e3\t", &x) && x == 1000);
	assert_true(csv_integer(" -7 ", &whole) && whole == -7);
	static const char *const wrong[] = { "", " ", "1 2", "0x10", "nan", "inf", "1,5", "eins" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(csv_number(wrong[i], &x));
	assert_false(csv_integer("1.0", &whole));
}

/* ---- data sets ---- */

static const struct data_input vector = { "x", DT_F32, { 2, { -1, 3 } } };
static const struct data_input image = { "x", DT_F32, { 4, { -1, 3, 8, 8 } } };

static struct dataset_options options(const struct data_input *input)
{
	return (struct dataset_options){ .inputs = input, .n_inputs = 1, .validation = 0.5 };
}

static void put(const char *folder, const char *name, const char *text)
{
	assert_true(put_file(folder, name, text, strlen(text)));
}

static struct dataset opened(const char *path, const struct dataset_options *o)
{
	struct dataset ds;
	struct error err;
	if (dataset_open(path, o, &ds, &err) != OK)
		fail_msg("%s", err.text);
	return ds;
}

static void expect_floats(const void *got, const float *want, size_t n)
{
	assert_memory_equal(got, want, n * sizeof *want);
}

#define FLOATS(...) ((float[]){ __VA_ARGS__ })

static void test_tables(void **state)
{
	(void)state;
	char *folder = make_folder();
	/* The label stands in the middle; names of classes come from both parts, in byte order. */
	put(folder, "train.csv", "a,Label,b,c\n1,\"ro,t\",2,3\n4,blau,5,6\n-1,blau,.5,1e2\n");
	put(folder, "val.csv", "a,label,b,c\n7,gelb,8,9\n");
	struct dataset_options o = options(&vector);
	o.classes = 3;
	struct dataset ds = opened(folder, &o);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_int_equal(ds.n_classes, 3);
	assert_string_equal(ds.labels.names[0], "blau");
	assert_string_equal(ds.labels.names[2], "ro,t");
	assert_int_equal(ds.train.n, 3);
	expect_floats(ds.train.arrays[0].data, FLOATS(1, 2, 3, 4, 5, 6, -1, .5f, 100), 9);
	assert_memory_equal(ds.train.targets.data, ((int64_t[]){ 2, 0, 0 }), 24);
	assert_memory_equal(ds.validation.targets.data, ((int64_t[]){ 1 }), 8);
	dataset_release(&ds);

	/* Known names decide the order; evaluation alone knows the classes of all parts. */
	o.names = (struct class_names){ (const char *const[]){ "gelb", "ro,t", "blau" }, 3, "n",
					true };
	o.evaluate_only = true;
	ds = opened(folder, &o);
	assert_int_equal(ds.train.n, 0);
	assert_memory_equal(ds.validation.targets.data, ((int64_t[]){ 0 }), 8);
	dataset_release(&ds);
	remove_folder(folder);

	/* Whole numbers are classes, -100 and -1 are ignored; the last column, a split. */
	folder = make_folder();
	put(folder, "d.csv",
	    "a,b,c,z\r\n1,2,3,0\r\n1,2,3,1\r\n4,5,6,1\r\n4,5,6,-100\r\n1,1,1,0\r\n");
	o = options(&vector);
	ds = opened(folder, &o);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_int_equal(ds.n_classes, 2);
	assert_int_equal(ds.train.n + ds.validation.n, 5);
	dataset_release(&ds);
	/* Other numbers, and whole ones where they are asked for, are values. */
	o.targets = TARGETS_VALUES;
	o.validation = 0;
	ds = opened(folder, &o);
	expect_floats(ds.train.targets.data, FLOATS(0, 1, 1, -100, 0), 5);
	assert_int_equal(ds.train.targets.shape.rank, 2);
	dataset_release(&ds);
	/* Another column is the label. */
	o = options(&vector);
	o.validation = 0;
	o.label_column = "b";
	ds = opened(folder, &o);
	expect_floats(ds.train.arrays[0].data, FLOATS(1, 3, 0), 3);
	assert_int_equal(((int64_t *)ds.train.targets.data)[2], 5);
	dataset_release(&ds);
	/* Several: values, or classes that a sample may have together. */
	static const struct data_input two = { "x", DT_F32, { 2, { -1, -1 } } };
	o = options(&two);
	o.validation = 0;
	o.label_column = "c,a";
	ds = opened(folder, &o);
	assert_int_equal(ds.targets, TARGETS_VALUES);
	assert_false(ds.multi_label);
	expect_floats(ds.train.targets.data, FLOATS(1, 3, 1, 3, 4, 6), 6);
	assert_string_equal(ds.labels.names[1], "c");
	dataset_release(&ds);
	remove_folder(folder);

	folder = make_folder();
	put(folder, "d.csv", "p,q,u,v\n0,1,3,4\n1,1,5,6\n");
	o = options(&two);
	o.validation = 0;
	o.label_column = "p,q";
	ds = opened(folder, &o);
	assert_true(ds.multi_label);
	expect_floats(ds.train.targets.data, FLOATS(0, 1, 1, 1), 4);
	dataset_release(&ds);
	/* Whole inputs; a shape that the model declares. */
	static const struct data_input ids = { "x", DT_I32, { 3, { -1, 1, 3 } } };
	o = options(&ids);
	o.validation = 0;
	ds = opened(folder, &o);
	assert_int_equal(ds.train.arrays[0].dtype, DT_I64);
	assert_int_equal(ds.train.arrays[0].shape.rank, 3);
	assert_int_equal(((int64_t *)ds.train.arrays[0].data)[3], 1);
	dataset_release(&ds);
	remove_folder(folder);
}

static void test_lists(void **state)
{
	(void)state;
	char *folder = make_folder();
	put(folder, "train/labels.csv", "file,cat,dog\na.png,1,0\nmore/b.jpg,1,1\n");
	put(folder, "train/a.png", "x");
	put(folder, "train/more/b.jpg", "x");
	put(folder, "val/labels.csv", "cat,dog,image\n0,1,c.png\n");
	put(folder, "val/c.png", "x");
	struct dataset_options o = options(&image);
	struct dataset ds = opened(folder, &o);
	assert_true(ds.images && ds.multi_label);
	assert_int_equal(ds.targets, TARGETS_VALUES);
	assert_string_equal(ds.labels.names[1], "dog");
	assert_non_null(strstr(ds.train.paths[1], "train/more/b.jpg"));
	expect_floats(ds.train.targets.data, FLOATS(1, 0, 1, 1), 4);
	expect_floats(ds.validation.targets.data, FLOATS(0, 1), 2);
	dataset_release(&ds);
	remove_folder(folder);

	/* One column: classes by name, values */
	folder = make_folder();
	put(folder, "labels.csv", "file,kind\na.png,x\nb.png,y\n");
	put(folder, "a.png", "x");
	put(folder, "b.png", "x");
	o.validation = 0;
	ds = opened(folder, &o);
	assert_int_equal(ds.targets, TARGETS_CLASSES);
	assert_memory_equal(ds.train.targets.data, ((int64_t[]){ 0, 1 }), 16);
	dataset_release(&ds);
	put(folder, "labels.csv", "file,age\na.png,1.5\nb.png,2\n");
	ds = opened(folder, &o);
	assert_int_equal(ds.targets, TARGETS_VALUES);
	expect_floats(ds.train.targets.data, FLOATS(1.5f, 2), 2);
	dataset_release(&ds);
	remove_folder(folder);
}

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *column;
		enum target_kind targets;
		const char *says;
	} cases[] = {
		{ "", NULL, 0, "train.csv: the file is empty" },
		{ "a,b,c,y\n", NULL, 0, "train.csv: there is a header, but no sample" },
		{ "a,b,c,\n1,2,3,0\n", NULL, 0, "train.csv: the header gives column 4 no name" },
		{ "a,b,a,y\n1,2,3,0\n", NULL, 0, "train.csv: the header names column 'a' twice" },
		{ "a;b;y\n1;2;0\n", NULL, 0, "a single column; commas divide columns" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3\n", NULL, 0,
		  "train.csv: line 3 has 3 fields, the header 4" },
		{ "a,b,c,y\n1,2,3,0\n\n1,x,3,1\n", NULL, 0,
		  "train.csv: line 4, column 'b': 'x' is not a number" },
		{ "a,b,c,y\n1,,3,0\n1,2,3,1\n", NULL, 0,
		  "train.csv: line 2, column 'b': there is no number" },
		{ "a,b,c,y\n1,1e39,3,0\n1,2,3,1\n", NULL, 0,
		  "train.csv: line 2, column 'b': 1e39 is too large for a float32" },
		{ "a,b,c,y\n1,nan,3,0\n1,2,3,1\n", NULL, 0, "column 'b': 'nan' is not a number" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3, \n", NULL, 0,
		  "train.csv: line 3, column 'y': the label is empty" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3,-2\n", NULL, 0,
		  "train.csv: line 3, column 'y': the label -2 is not a class" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3,1.5\n", NULL, TARGETS_CLASSES,
		  "train.csv: line 3, column 'y': the label 1.5 is not a class" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3,u\n", NULL, TARGETS_VALUES, "column 'y' holds texts" },
		{ "a,b,c,y\n1,2,3,0\n1,2,3,1e40\n", NULL, TARGETS_VALUES,
		  "line 3, column 'y': 1e40 is too large for a float32" },
		{ "a,b,c,y\n1,2,3,0\n", "z", 0,
		  "there is no column 'z'; there are: 'a', 'b', 'c', 'y'" },
		{ "a,b,c,y\n1,2,3,0\n", "a,b,c,y", 0, "all columns are labels" },
		{ "a,b,c,y\n1,2,3,0\n", "b,y", TARGETS_CLASSES, "2 label columns" },
		{ "a,b,c,y,z\n1,2,3,0,t\n", "y,z", 0, "column 'z': 't' is not a number" },
		{ "a,b,y\n1,2,0\n1,2,1\n", NULL, 0,
		  "train.csv: 2 columns besides the label for 'x': has shape 2x2, but the model "
		  "takes ?x3" },
		{ "a,b,c,y\n1,2,\"3,0\n", NULL, 0, "train.csv: line 2: the quote" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *folder = make_folder();
		struct dataset_options o = options(&vector);
		struct dataset ds;
		struct error err;
		put(folder, "train.csv", cases[i].text);
		put(folder, "val.csv", "a,b,c,y\n1,2,3,1\n");
		/* what is wrong with the other part is another matter */
		char *path = mem_printf("%s/train.csv", folder);
		o.label_column = cases[i].column;
		o.targets = cases[i].targets;
		assert_int_equal(dataset_open(path, &o, &ds, &err), ERR_INPUT);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' instead of '%s'", err.text, cases[i].says);
		free(path);
		remove_folder(folder);
	}

	static const struct {
		const char *text, *says;
	} lists[] = {
		{ "file,a\nnone.png,1\n", "line 2, column 'file': there is no file" },
		{ "file,a\n../a.png,1\n", "is not the path of a file in the folder" },
		{ "file,a\n/a.png,1\n", "is not the path of a file in the folder" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		char *folder = make_folder();
		struct dataset_options o = options(&image);
		struct dataset ds;
		struct error err;
		put(folder, "labels.csv", lists[i].text);
		assert_int_equal(dataset_open(folder, &o, &ds, &err), ERR_INPUT);
		if (!strstr(err.text, lists[i].says))
			fail_msg("'%s' instead of '%s'", err.text, lists[i].says);
		remove_folder(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_tables),  cmocka_unit_test(test_lists),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
