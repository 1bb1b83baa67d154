/*
 * test_onnx_save.c - writing models: unchanged ones byte for byte, changed ones as the onnx package
 * or a hand-made encoding has them, data files, and what happens when writing fails.
 */
#include "onnx/save.h"

#include "../support/onnx_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants the four above it. */
#include <cmocka.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(enum status status, const struct error *err)
{
	if (status != OK)
		fail_msg("%s", err->text);
}

static void expect_failure(enum status status, enum status wanted, const struct error *err,
			   const char *message)
{
	if (status != wanted || !strstr(err->text, message))
		fail_msg("status %d: %s", status, status ? err->text : "succeeded");
}

static char *in(const char *folder, const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	struct error err;
	char *path = in(folder, name);
	check(file_write_all(path, text, strlen(text), &err), &err);
	free(path);
}

static void expect_text(const char *folder, const char *name, const char *text)
{
	size_t n;
	char *path = in(folder, name);
	uint8_t *data = expect_file(path, &n);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(data, text, n);
	free(data);
	free(path);
}

/* Fails unless folder/name equals tests/data/onnx/wanted. */
static void expect_output(const char *folder, const char *name, const char *wanted)
{
	char *path = in(folder, name), *reference = expect_path(wanted);
	expect_same_file(path, reference);
	free(path);
	free(reference);
}

/* A copy of tests/data/onnx/external, or of its `model`, in a new folder; model.onnx is opened. */
static char *copy_external(struct onnx_file *file)
{
	static const char *const names[] = { "model.onnx", "weights.bin", "sub/more.bin" };
	struct error err;
	char *folder = folder_make(), *sub = in(folder, "sub"), *model = in(folder, "model.onnx");
	assert_int_equal(mkdir(sub, 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n;
		char *name = mem_printf("external/%s", names[i]), *from = expect_path(name);
		char *to = in(folder, names[i]);
		uint8_t *data = expect_file(from, &n);
		check(file_write_all(to, data, n, &err), &err);
		free(data);
		free(name);
		free(from);
		free(to);
	}
	check(onnx_file_open(model, file, &err), &err);
	free(model);
	free(sub);
	return folder;
}

/* The changes of external/model.onnx that make weights.changed.bin. */
struct external_changes {
	float a[4], k[2];
	uint16_t b[4];
	struct onnx_change list[4];
};

static void external_changes(const struct onnx_file *file, struct external_changes *c)
{
	*c = (struct external_changes){
		.a = { 1, 2, 3, 4 },
		.k = { -1, -2 },
		.b = { 0x4500, 0x4600, 0x4700, 0x4800 },
	};
	c->list[0] = (struct onnx_change){ .tensor = expect_tensor(file, "b.again"), .data = c->b };
	c->list[1] = (struct onnx_change){ .tensor = expect_tensor(file, "a"), .data = c->a };
	c->list[2] = (struct onnx_change){ .tensor = expect_tensor(file, "b"), .data = c->b };
	c->list[3] = (struct onnx_change){ .tensor = expect_tensor(file, "in.node"), .data = c->k };
}

/* The file saved with its own elements as changes, and with none, is the file. */
static void check_identical(const char *path)
{
	struct onnx_file file;
	struct error err;
	struct arena arena;
	void *data;
	size_t n;
	ARRAY(struct onnx_change) changes = { 0 };
	check(onnx_file_open(path, &file, &err), &err);
	arena_init(&arena);
	check(onnx_save_memory(&file, NULL, 0, &data, &n, &err), &err);
	if (n != file.map.size || memcmp(data, file.map.data, n))
		fail_msg("%s: saved unchanged, it differs", path);
	free(data);
	for (uint32_t i = 0; i < file.tensors.n; i++) {
		struct tensor t;
		if (file.tensors.v[i]->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
			continue;
		check(onnx_file_tensor(&file, file.tensors.v[i], &arena, &t, &err), &err);
		if (t.dtype != DT_STRING)
			*array_push(&changes) = (struct onnx_change){ .tensor = file.tensors.v[i],
								      .data = t.data };
	}
	check(onnx_save_memory(&file, changes.v, changes.n, &data, &n, &err), &err);
	if (n != file.map.size || memcmp(data, file.map.data, n))
		fail_msg("%s: saved with its own elements, it differs", path);
	free(data);
	array_release(&changes);
	arena_release(&arena);
	onnx_file_close(&file);
}

static void own_models_are_identical(void **state)
{
	(void)state;
	static const char *const names[] = { "forms.onnx", "places.onnx", "encodings.onnx",
					     "encodings.changed.onnx", "external/model.onnx" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = expect_path(names[i]);
		check_identical(path);
		free(path);
	}
}

/* Counts the models of the tree that are walked, which only a global can. */
static unsigned models;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	const char *end = strrchr(path, '.');
	if (type == FTW_F && end && !strcmp(end, ".onnx")) {
		check_identical(path);
		models++;
	}
	return 0;
}

/* Every model of ONNX's own test data (Debian: libonnx-testdata), and the bundled ones. */
static void test_data_is_identical(void **state)
{
	(void)state;
	const char *srcdir = getenv("srcdir");
	char *demo = mem_printf("%s/data/demo", srcdir ? srcdir : ".");
	models = 0;
	nftw(demo, visit, 16, FTW_PHYS);
	free(demo);
	models = 0;
	nftw("/usr/share/libonnx-testdata", visit, 16, FTW_PHYS);
	if (!models)
		skip();
	assert_true(models > 1000);
}

/* Every change that NAME.txt lists, at once and one by one, makes NAME.changed.onnx. */
static void check_changes(const char *name)
{
	struct expect_list expected;
	struct onnx_file file, back;
	struct error err;
	ARRAY(struct onnx_change) changes = { 0 };
	char *list = mem_printf("%s.txt", name), *model = mem_printf("%s.onnx", name);
	char *changed = mem_printf("%s.changed.onnx", name), *path = expect_path(model);
	char *changed_path = expect_path(changed);
	size_t n, m;
	void *data, *again;
	uint8_t *wanted = expect_file(changed_path, &m);
	expect_read(list, &expected);
	check(onnx_file_open(path, &file, &err), &err);
	for (uint32_t i = 0; i < expected.list.n; i++) {
		const struct expect *e = &expected.list.v[i];
		if (!e->after)
			continue;
		struct onnx_change *change = array_push(&changes);
		change->data = e->after;
		if (e->name[0] == '@')
			change->attribute = expect_attribute(&file, e->name + 1);
		else
			change->tensor = expect_tensor(&file, e->name);
	}
	assert_true(changes.n > 5);
	check(onnx_save_memory(&file, changes.v, changes.n, &data, &n, &err), &err);
	if (n != m || memcmp(data, wanted, n))
		fail_msg("%s: not as expected", changed);

	/* One more change each time, on the result of the one before. */
	void *step = NULL;
	for (uint32_t i = 0; i < expected.list.n; i++) {
		const struct expect *e = &expected.list.v[i];
		if (!e->after)
			continue;
		struct onnx_change change = { .data = e->after };
		if (step)
			check(onnx_file_open_memory(step, n, &back, &err), &err);
		else
			check(onnx_file_open(path, &back, &err), &err);
		if (e->name[0] == '@')
			change.attribute = expect_attribute(&back, e->name + 1);
		else
			change.tensor = expect_tensor(&back, e->name);
		check(onnx_save_memory(&back, &change, 1, &again, &n, &err), &err);
		onnx_file_close(&back);
		free(step);
		step = again;
	}
	if (n != m || memcmp(step, wanted, n))
		fail_msg("%s: not as expected, one by one", changed);
	free(step);
	free(data);
	free(wanted);
	free(list);
	free(model);
	free(changed);
	free(path);
	free(changed_path);
	array_release(&changes);
	onnx_file_close(&file);
	expect_release(&expected);
}

static void every_form_changes(void **state)
{
	(void)state;
	check_changes("forms");
}

static void every_place_changes(void **state)
{
	(void)state;
	check_changes("places");
}

static void odd_encodings_change(void **state)
{
	(void)state;
	check_changes("encodings");
}

static void one_message_twice(void **state)
{
	(void)state;
	struct onnx_file file;
	struct error err;
	void *data;
	size_t n;
	float x[7] = { 0 };
	char *path = expect_path("forms.onnx");
	check(onnx_file_open(path, &file, &err), &err);
	struct onnx_change change = { .tensor = expect_tensor(&file, "float.raw"), .data = x };
	struct onnx_change twice[] = { change, change };
	expect_failure(onnx_save_memory(&file, twice, 2, &data, &n, &err), ERR_INTERNAL, &err,
		       "twice");
	change.tensor = expect_tensor(&file, "string.typed");
	expect_failure(onnx_save_memory(&file, &change, 1, &data, &n, &err), ERR_UNSUPPORTED, &err,
		       "strings");
	onnx_file_close(&file);
	free(path);
}

static void data_in_another_folder(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	char *folder = copy_external(&file), *out = folder_make(), *path = in(out, "new.onnx");
	external_changes(&file, &changes);
	/* Unchanged, then changed over it. */
	check(onnx_save(&file, path, NULL, 0, &err), &err);
	expect_output(out, "new.onnx", "external/model.onnx");
	expect_output(out, "weights.bin", "external/weights.bin");
	expect_output(out, "sub/more.bin", "external/sub/more.bin");
	check(onnx_save(&file, path, changes.list, 4, &err), &err);
	expect_output(out, "new.onnx", "external/model.onnx");
	expect_output(out, "weights.bin", "external/weights.changed.bin");
	expect_output(out, "sub/more.bin", "external/sub/more.bin");
	assert_int_equal(folder_count(out), 3);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
	folder_remove(out);
}

static void data_in_the_same_folder(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	char *folder = copy_external(&file), *path = in(folder, "a-longer-name.onnx");
	external_changes(&file, &changes);
	/* Unchanged, it is the same bytes and shares the data. */
	check(onnx_save(&file, path, NULL, 0, &err), &err);
	expect_output(folder, "a-longer-name.onnx", "external/model.onnx");
	assert_int_equal(folder_count(folder), 4);
	check(onnx_save(&file, path, changes.list, 4, &err), &err);
	expect_output(folder, "a-longer-name.onnx", "external/renamed.onnx");
	expect_output(folder, "a-longer-name.onnx.data", "external/weights.changed.bin");
	expect_output(folder, "a-longer-name.onnx.data.2", "external/sub/more.bin");
	expect_output(folder, "model.onnx", "external/model.onnx");
	expect_output(folder, "weights.bin", "external/weights.bin");
	assert_int_equal(folder_count(folder), 6);
	onnx_file_close(&file);
	/* What was written can be read. */
	struct arena arena;
	struct tensor t;
	check(onnx_file_open(path, &file, &err), &err);
	arena_init(&arena);
	check(onnx_file_tensor(&file, expect_tensor(&file, "b"), &arena, &t, &err), &err);
	assert_memory_equal(t.data, changes.b, sizeof changes.b);
	arena_release(&arena);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
}

static void outputs_are_known_before(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	struct onnx_outputs outputs;
	struct arena arena;
	char *folder = copy_external(&file), *path = in(folder, "b.onnx");
	external_changes(&file, &changes);
	for (size_t i = 0; i < 4; i++)
		changes.list[i].data = NULL;
	arena_init(&arena);
	check(onnx_save_check(&file, path, changes.list, 4, &arena, &outputs, &err), &err);
	assert_int_equal(outputs.n, 3);
	assert_non_null(strstr(outputs.paths[0], "/b.onnx.data"));
	assert_non_null(strstr(outputs.paths[1], "/b.onnx.data.2"));
	assert_string_equal(outputs.paths[2], path);
	assert_int_equal(folder_count(folder), 3);
	free(path);
	path = in(folder, "not/there/b.onnx");
	expect_failure(onnx_save_check(&file, path, changes.list, 4, &arena, NULL, &err), ERR_IO,
		       &err, "not/there/b.onnx: can't write");
	arena_release(&arena);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
}

static void inputs_are_not_replaced(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	char *folder = copy_external(&file), *sub = in(folder, "sub");
	char *out = folder_make(), *link = in(out, "sub");
	static const struct {
		const char *name, *message;
	} cases[] = {
		{ "model.onnx", "replace the model itself" },
		{ "./sub/../model.onnx", "replace the model itself" },
		{ "weights.bin", "replace the model's data" },
		{ "sub/more.bin", "replace the model's data" },
	};
	external_changes(&file, &changes);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = in(folder, cases[i].name);
		expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_USAGE, &err,
			       cases[i].message);
		expect_failure(onnx_save_check(&file, path, changes.list, 4, NULL, NULL, &err),
			       ERR_USAGE, &err, cases[i].message);
		free(path);
	}
	/* Two outputs of one name; another folder whose sub folder is the model's. */
	char *path = in(out, "weights.bin");
	expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_USAGE, &err,
		       "both the model and its data");
	free(path);
	path = in(out, "new.onnx");
	assert_int_equal(symlink(sub, link), 0);
	expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_USAGE, &err,
		       "replace the model's data");
	free(path);
	onnx_file_close(&file);
	expect_output(folder, "model.onnx", "external/model.onnx");
	expect_output(folder, "weights.bin", "external/weights.bin");
	assert_int_equal(folder_count(folder), 3);
	free(sub);
	free(link);
	folder_remove(folder);
	folder_remove(out);
}

static void shared_bytes(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	uint16_t other[4] = { 0 };
	char *folder = copy_external(&file), *path = in(folder, "out.onnx");
	external_changes(&file, &changes);
	/* b and b.again share theirs: not one alone, and not with different elements. */
	expect_failure(onnx_save(&file, path, changes.list, 1, &err), ERR_UNSUPPORTED, &err,
		       "share external bytes");
	expect_failure(onnx_save_check(&file, path, changes.list, 1, NULL, NULL, &err),
		       ERR_UNSUPPORTED, &err, "share external bytes");
	changes.list[0].data = other;
	expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_UNSUPPORTED, &err,
		       "share external bytes");
	assert_int_equal(folder_count(folder), 3);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
}

static void checksum(void **state)
{
	(void)state;
	struct onnx_file file;
	struct error err;
	float x[2] = { 1, 2 };
	char *path = expect_path("external/checksum.onnx"), *out = folder_make();
	char *saved = in(out, "new.onnx");
	check(onnx_file_open(path, &file, &err), &err);
	struct onnx_change change = { .tensor = expect_tensor(&file, "w"), .data = x };
	expect_failure(onnx_save_check(&file, saved, &change, 1, NULL, NULL, &err), ERR_UNSUPPORTED,
		       &err, "a checksum of 'weights.bin'");
	check(onnx_save(&file, saved, NULL, 0, &err), &err);
	onnx_file_close(&file);
	free(path);
	free(saved);
	folder_remove(out);
}

static void in_place(void **state)
{
	(void)state;
	struct onnx_file file;
	struct error err;
	size_t n;
	char *folder = folder_make(), *source = expect_path("forms.onnx");
	char *path = in(folder, "forms.onnx");
	uint8_t *data = expect_file(source, &n);
	check(file_write_all(path, data, n, &err), &err);
	check(onnx_file_open(path, &file, &err), &err);
	float x[7] = { 1, 2, 3, 4, 5, 6, 7 };
	struct onnx_change change = { .tensor = expect_tensor(&file, "float.raw"), .data = x };
	check(onnx_save(&file, path, &change, 1, &err), &err);
	onnx_file_close(&file);
	struct arena arena;
	struct tensor t;
	arena_init(&arena);
	check(onnx_file_open(path, &file, &err), &err);
	assert_int_equal(file.map.size, n);
	check(onnx_file_tensor(&file, expect_tensor(&file, "float.raw"), &arena, &t, &err), &err);
	assert_memory_equal(t.data, x, sizeof x);
	arena_release(&arena);
	onnx_file_close(&file);
	assert_int_equal(folder_count(folder), 1);
	free(data);
	free(source);
	free(path);
	folder_remove(folder);
}

/* The model can't be renamed to its name: the data file that was replaced before comes back. */
static void renames_are_taken_back(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	char *folder = copy_external(&file), *out = folder_make(), *path = in(out, "new.onnx");
	external_changes(&file, &changes);
	write_file(out, "weights.bin", "what was here before");
	assert_int_equal(mkdir(path, 0700), 0);
	expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_IO, &err,
		       "new.onnx: can't write");
	expect_text(out, "weights.bin", "what was here before");
	assert_int_equal(folder_count(out), 3);
	char *sub = in(out, "sub"), *data = in(out, "weights.bin");
	assert_int_equal(folder_count(sub), 0);
	/* A folder is not replaced by a data file. */
	unlink(data);
	rmdir(path);
	assert_int_equal(mkdir(data, 0700), 0);
	expect_failure(onnx_save(&file, path, changes.list, 4, &err), ERR_IO, &err,
		       "weights.bin: can't write");
	assert_int_equal(folder_count(data), 0);
	assert_int_equal(folder_count(out), 2);
	onnx_file_close(&file);
	free(data);
	free(sub);
	free(path);
	folder_remove(folder);
	folder_remove(out);
}

/* A full disk, by a limit on the size of files: the data fits, the model does not. */
static void a_write_fails(void **state)
{
	(void)state;
	struct onnx_file file;
	struct external_changes changes;
	struct error err;
	struct rlimit old, low;
	char *folder = copy_external(&file), *path = in(folder, "new.onnx");
	external_changes(&file, &changes);
	write_file(folder, "new.onnx", "an old model");
	write_file(folder, "new.onnx.data", "its data");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	enum status status = onnx_save(&file, path, changes.list, 4, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	expect_failure(status, ERR_IO, &err, "new.onnx: can't write: File too large");
	expect_text(folder, "new.onnx", "an old model");
	expect_text(folder, "new.onnx.data", "its data");
	assert_int_equal(folder_count(folder), 5);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_models_are_identical),
		cmocka_unit_test(test_data_is_identical),
		cmocka_unit_test(every_form_changes),
		cmocka_unit_test(every_place_changes),
		cmocka_unit_test(odd_encodings_change),
		cmocka_unit_test(one_message_twice),
		cmocka_unit_test(data_in_another_folder),
		cmocka_unit_test(data_in_the_same_folder),
		cmocka_unit_test(outputs_are_known_before),
		cmocka_unit_test(inputs_are_not_replaced),
		cmocka_unit_test(shared_bytes),
		cmocka_unit_test(checksum),
		cmocka_unit_test(in_place),
		cmocka_unit_test(renames_are_taken_back),
		cmocka_unit_test(a_write_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
