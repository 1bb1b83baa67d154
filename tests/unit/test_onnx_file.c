/*
 * test_onnx_file.c - opening model files and reading their tensors: every form against what the
 * onnx package reads, and hostile files.
 */
#include "onnx/file.h"

#include "../support/onnx_expect.h"
#include "onnx/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants the four above it. */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(enum status status, const struct error *err)
{
	if (status != OK)
		fail_msg("%s", err->text);
}

static void open_file(const char *name, struct onnx_file *file)
{
	struct error err;
	char *path = expect_path(name);
	check(onnx_file_open(path, file, &err), &err);
	free(path);
}

static void check_tensor(struct onnx_file *file, const Onnx__TensorProto *proto,
			 const struct expect *e)
{
	struct arena arena;
	struct error err;
	struct tensor t;
	arena_init(&arena);
	check(onnx_file_tensor(file, proto, &arena, &t, &err), &err);
	if (t.dtype != e->dtype || !shape_equal(&t.shape, &e->shape))
		fail_msg("%s: type or shape", e->name);
	assert_non_null(t.data);
	if (e->strings) {
		const char *p = e->strings;
		const struct string *s = t.data;
		for (int64_t i = 0; i < shape_elements(&t.shape); i++, p++)
			for (size_t k = 0; k < s[i].n; k++, p += 2) {
				char byte[3];
				snprintf(byte, sizeof byte, "%02x", (unsigned char)s[i].s[k]);
				assert_memory_equal(byte, p, 2);
			}
		assert_true(p == e->strings + strlen(e->strings) + 1);
	} else {
		if (tensor_bytes(&t) != e->n_before)
			fail_msg("%s: %zu bytes, not %zu", e->name, tensor_bytes(&t), e->n_before);
		if (e->n_before && memcmp(t.data, e->before, e->n_before))
			fail_msg("%s: other elements", e->name);
	}
	arena_release(&arena);
}

/* Every line of NAME.txt is found in NAME.onnx, and nothing else. */
static void check_model(const char *model, const char *list)
{
	struct expect_list expected;
	struct onnx_file file;
	uint32_t tensors = 0;
	expect_read(list, &expected);
	open_file(model, &file);
	for (uint32_t i = 0; i < expected.list.n; i++) {
		const struct expect *e = &expected.list.v[i];
		if (e->name[0] == '@')
			continue;
		Onnx__TensorProto *proto = expect_tensor(&file, e->name);
		if (!proto)
			fail_msg("%s: not found", e->name);
		check_tensor(&file, proto, e);
		tensors++;
	}
	assert_int_equal(tensors, file.tensors.n);
	onnx_file_close(&file);
	expect_release(&expected);
}

static void every_form(void **state)
{
	(void)state;
	check_model("forms.onnx", "forms.txt");
}

static void every_place(void **state)
{
	(void)state;
	check_model("places.onnx", "places.txt");
}

static void odd_encodings(void **state)
{
	(void)state;
	struct onnx_file file;
	check_model("encodings.onnx", "encodings.txt");
	open_file("encodings.onnx", &file);
	/* The graph came in two parts; strings end at NUL; attributes are merged. */
	assert_string_equal(file.model->producer_name, "pro");
	assert_string_equal(file.model->graph->name, "na");
	assert_int_equal(file.model->ir_version, 10);
	assert_int_equal(file.model->graph->n_node, 4);
	const Onnx__AttributeProto *many = expect_attribute(&file, "many");
	assert_int_equal(many->n_floats, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(many->floats[i] == (float)i);
	assert_true(expect_attribute(&file, "single")->f == 1);
	onnx_file_close(&file);
}

static void external_data(void **state)
{
	(void)state;
	struct onnx_file file;
	struct tensor a, b;
	struct arena arena;
	struct error err;
	check_model("external/model.onnx", "external/model.txt");
	open_file("external/model.onnx", &file);
	arena_init(&arena);
	check(onnx_file_tensor(&file, expect_tensor(&file, "b"), &arena, &a, &err), &err);
	check(onnx_file_tensor(&file, expect_tensor(&file, "b.again"), &arena, &b, &err), &err);
	assert_ptr_equal(a.data, b.data);
	arena_release(&arena);
	onnx_file_close(&file);
}

static void payloads_are_not_copied(void **state)
{
	(void)state;
	struct onnx_file file;
	struct tensor t;
	struct arena arena;
	struct error err;
	static const char *const names[] = { "float.raw",    "float.typed",     "float16.raw",
					     "double.typed", "complex64.typed", "int4.raw" };
	open_file("forms.onnx", &file);
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const Onnx__TensorProto *proto = expect_tensor(&file, names[i]);
		check(onnx_file_tensor(&file, proto, &arena, &t, &err), &err);
		assert_true((uint8_t *)t.data >= file.map.data &&
			    (uint8_t *)t.data < file.map.data + file.map.size);
		assert_int_equal(proto->n_float_data, 0);
		assert_false(proto->has_raw_data);
	}
	onnx_file_close(&file);
	arena_release(&arena);
}

/* A stored byte of a BOOL that is not 0 counts as 1; one that is both is not copied. */
static void bool_is_zero_or_one(void **state)
{
	(void)state;
	static const uint8_t model[] = "\x3a\x0b\x2a\x09\x08\x03\x10\x09\x4a\x03\x00\x02\x01";
	struct onnx_file file;
	struct tensor t;
	struct arena arena;
	struct error err;
	check(onnx_file_open_memory(model, sizeof model - 1, &file, &err), &err);
	arena_init(&arena);
	check(onnx_file_tensor(&file, file.tensors.v[0], &arena, &t, &err), &err);
	assert_memory_equal(t.data, "\0\1\1", 3);
	arena_release(&arena);
	onnx_file_close(&file);
}

static void single_tensor(void **state)
{
	(void)state;
	struct onnx_file file;
	struct tensor t;
	struct arena arena;
	struct error err;
	char *path = expect_path("tensor.pb");
	check(onnx_file_open_tensor(path, &file, &err), &err);
	assert_null(file.model);
	assert_int_equal(file.tensors.n, 1);
	arena_init(&arena);
	check(onnx_file_tensor(&file, file.tensors.v[0], &arena, &t, &err), &err);
	assert_true(t.dtype == DT_I64 && shape_equal(&t.shape, &SHAPE(2, 3)));
	for (int64_t i = 0; i < 6; i++)
		assert_int_equal(tensor_get_int(&t, i), i);
	arena_release(&arena);
	onnx_file_close(&file);
	free(path);
}

/* Files that can't be opened, and tensors that can't be read, each with a part of its message. */
static const struct {
	const char *name, *message;
	enum status status;
} bad[] = {
	{ "file-empty", "is empty", ERR_INPUT },
	{ "file-nested", "over 100 deep", ERR_INPUT },
	{ "file-group", "of a kind", ERR_INPUT },
	{ "file-field-zero", "a number that none can have", ERR_INPUT },
	{ "file-tag-long", "tag of a field", ERR_INPUT },
	{ "file-varint-long", "a number is cut off or too long", ERR_INPUT },
	{ "file-length-huge", "longer than what is left", ERR_INPUT },
	{ "file-length-past", "longer than what is left", ERR_INPUT },
	{ "file-dims-cut", "a number is cut off", ERR_INPUT },
	{ "file-repeated", "too many repetitions", ERR_INPUT },
	{ "file-text", "not an ONNX file", ERR_INPUT },
	{ "file-absent", "No such file", ERR_IO },
	{ "tensor-type-unknown", "element type 77", ERR_INPUT },
	{ "tensor-type-missing", "element type 0", ERR_INPUT },
	{ "tensor-raw-short", "raw_data has 7 bytes, 8 ", ERR_INPUT },
	{ "tensor-raw-long", "raw_data has 9 bytes, 8 ", ERR_INPUT },
	{ "tensor-typed-short", "1 values, 2 ", ERR_INPUT },
	{ "tensor-typed-long", "3 values, 2 ", ERR_INPUT },
	{ "tensor-typed-uneven", "ends within an element", ERR_INPUT },
	{ "tensor-typed-cut", "cut off", ERR_INPUT },
	{ "tensor-none", "0 values, 2 ", ERR_INPUT },
	{ "tensor-dim-negative", "dimension 0 is -1", ERR_INPUT },
	{ "tensor-dim-overflow", "too large", ERR_INPUT },
	{ "tensor-dim-overflow-zero", "too large", ERR_INPUT },
	{ "tensor-rank-nine", "9 dimensions", ERR_UNSUPPORTED },
	{ "tensor-segment", "segment", ERR_UNSUPPORTED },
	{ "tensor-string-raw", "strings", ERR_INPUT },
	{ "tensor-external-absolute", "not a file in the model's folder", ERR_INPUT },
	{ "tensor-external-up", "not a file in the model's folder", ERR_INPUT },
	{ "tensor-external-up-inside", "not a file in the model's folder", ERR_INPUT },
	{ "tensor-external-folder", "is a folder", ERR_IO },
	{ "tensor-external-empty", "not a file in the model's folder", ERR_INPUT },
	{ "tensor-external-no-location", "without location", ERR_INPUT },
	{ "tensor-external-missing", "No such file", ERR_IO },
	{ "tensor-external-nul", "NUL", ERR_INPUT },
	{ "tensor-external-offset-far", "57 bytes, 8 from byte 50", ERR_INPUT },
	{ "tensor-external-offset-huge", "from byte 18446744073709551615", ERR_INPUT },
	{ "tensor-external-offset-overflow", "offset '18446744073709551616'", ERR_INPUT },
	{ "tensor-external-offset-negative", "offset '-1'", ERR_INPUT },
	{ "tensor-external-length", "9 bytes, type and shape ask for 8", ERR_INPUT },
	{ "tensor-external-twice", "two entries 'location'", ERR_INPUT },
	{ "tensor-external-string", "strings", ERR_INPUT },
};

static void bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct onnx_file file;
		struct error err = { 0 };
		struct arena arena;
		struct tensor t;
		char *name = mem_printf("bad/%s.onnx", bad[i].name), *path = expect_path(name);
		bool tensor = !strncmp(bad[i].name, "tensor", 6);
		enum status status = onnx_file_open(path, &file, &err);
		arena_init(&arena);
		if (tensor) {
			check(status, &err);
			status = onnx_file_tensor(&file, file.tensors.v[0], &arena, &t, &err);
			onnx_file_close(&file);
		}
		if (status != bad[i].status || status != err.status ||
		    !strstr(err.text, bad[i].message) || strncmp(err.text, path, strlen(path)) ||
		    (tensor && !strstr(err.text, "tensor 'w'")))
			fail_msg("%s: status %d, %s", bad[i].name, status, err.text);
		arena_release(&arena);
		free(path);
		free(name);
	}
}

static void write_file(const char *folder, const char *name, const void *data, size_t n)
{
	struct error err;
	char *path = mem_printf("%s/%s", folder, name);
	check(file_write_all(path, data, n, &err), &err);
	free(path);
}

static char *in(const char *folder, const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

/* Reads tensor 'a' of a copy of external/model.onnx whose weights.bin is what `make` makes. */
static enum status read_linked(void (*make)(const char *source, const char *target,
					    const char *folder),
			       struct error *err)
{
	size_t n;
	char *folder = folder_make(), *path = expect_path("external/model.onnx");
	char *source = expect_path("external/weights.bin"), *target = in(folder, "weights.bin");
	uint8_t *model = expect_file(path, &n);
	write_file(folder, "model.onnx", model, n);
	free(model);
	free(path);
	path = in(folder, "model.onnx");
	make(source, target, folder);
	struct onnx_file file;
	struct arena arena;
	struct tensor t;
	arena_init(&arena);
	check(onnx_file_open(path, &file, err), err);
	enum status status = onnx_file_tensor(&file, expect_tensor(&file, "a"), &arena, &t, err);
	onnx_file_close(&file);
	arena_release(&arena);
	free(source);
	free(target);
	free(path);
	folder_remove(folder);
	return status;
}

static void copy(const char *source, const char *target, const char *folder)
{
	size_t n;
	(void)folder;
	uint8_t *data = expect_file(source, &n);
	struct error err;
	check(file_write_all(target, data, n, &err), &err);
	free(data);
}

static void symbolic_link(const char *source, const char *target, const char *folder)
{
	char *absolute = realpath(source, NULL);
	(void)folder;
	assert_int_equal(symlink(absolute, target), 0);
	free(absolute);
}

static void hard_link(const char *source, const char *target, const char *folder)
{
	char *other = in(folder, "other");
	copy(source, other, folder);
	assert_int_equal(link(other, target), 0);
	free(other);
}

static void named_pipe(const char *source, const char *target, const char *folder)
{
	(void)source;
	(void)folder;
	assert_int_equal(mkfifo(target, 0600), 0);
}

static void links_are_refused(void **state)
{
	(void)state;
	struct error err;
	check(read_linked(copy, &err), &err);
	assert_int_equal(read_linked(symbolic_link, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "behind a link"));
	assert_int_equal(read_linked(hard_link, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "2 hard links"));
	assert_int_equal(read_linked(named_pipe, &err), ERR_IO);
	assert_non_null(strstr(err.text, "not a regular file"));
}

/* Also a folder on the way must not be a link. */
static void folder_links_are_refused(void **state)
{
	(void)state;
	size_t n;
	struct error err;
	struct onnx_file file;
	struct arena arena;
	struct tensor t;
	char *folder = folder_make(), *path = expect_path("external/model.onnx");
	uint8_t *model = expect_file(path, &n);
	write_file(folder, "model.onnx", model, n);
	free(model);
	free(path);
	path = expect_path("external/sub");
	char *absolute = realpath(path, NULL), *link = in(folder, "sub");
	assert_int_equal(symlink(absolute, link), 0);
	free(path);
	path = in(folder, "model.onnx");
	check(onnx_file_open(path, &file, &err), &err);
	arena_init(&arena);
	assert_int_equal(onnx_file_tensor(&file, expect_tensor(&file, "other"), &arena, &t, &err),
			 ERR_INPUT);
	assert_non_null(strstr(err.text, "behind a link"));
	arena_release(&arena);
	onnx_file_close(&file);
	free(absolute);
	free(link);
	free(path);
	folder_remove(folder);
}

/* Opens the first n bytes, in memory of just that size, and reads what can be read. */
static enum status try_bytes(const uint8_t *data, size_t n)
{
	struct onnx_file file;
	struct error err;
	struct arena arena;
	uint8_t *exact = malloc(n ? n : 1);
	memcpy(exact, data, n);
	enum status status = onnx_file_open_memory(exact, n, &file, &err);
	if (status == OK) {
		arena_init(&arena);
		for (uint32_t i = 0; i < file.tensors.n; i++) {
			struct tensor t;
			if (onnx_file_tensor(&file, file.tensors.v[i], &arena, &t, &err) != OK)
				assert_int_not_equal(err.text[0], 0);
		}
		arena_release(&arena);
		onnx_file_close(&file);
	}
	free(exact);
	return status;
}

static void cut_at_every_length(void **state)
{
	(void)state;
	static const char *const names[] = { "forms.onnx", "places.onnx", "encodings.onnx",
					     "external/model.onnx" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n, opened = 0;
		char *path = expect_path(names[i]);
		uint8_t *data = expect_file(path, &n);
		for (size_t k = 0; k <= n; k++)
			opened += try_bytes(data, k) == OK;
		/* Whole at the end, and at most where a field of the model ends. */
		assert_true(opened >= 1 && opened < 20);
		free(data);
		free(path);
	}
}

/* A model of `levels` Ifs, each within the one before, written from its end. */
static uint8_t *nest(unsigned levels, size_t *size)
{
	size_t cap = (size_t)levels * 24 + 16, at = cap;
	uint8_t *data = mem_alloc(cap), varint[WIRE_VARINT_MAX];
	static const uint8_t tags[] = { 6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2 };
	for (unsigned i = 0; i <= 3 * levels; i++) {
		unsigned n = wire_put_varint(varint, cap - at, 1);
		memcpy(data + (at -= n), varint, n);
		data[--at] = i < 3 * levels ? tags[i % 3] : 7 << 3 | 2;
	}
	*size = cap - at;
	memmove(data, data + at, *size);
	return data;
}

static void deep_nesting(void **state)
{
	(void)state;
	static const struct {
		unsigned levels;
		enum status status;
	} cases[] = { { 0, OK }, { 32, OK }, { 33, ERR_INPUT }, { 10000, ERR_INPUT } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n;
		uint8_t *data = nest(cases[i].levels, &n);
		assert_int_equal(try_bytes(data, n), cases[i].status);
		free(data);
	}
}

/* count times the bytes, then opened; the file in `out` is closed by the caller when OK. */
static enum status open_repeated(const char *bytes, size_t n, size_t count, uint8_t **data,
				 struct onnx_file *out, struct error *err)
{
	*data = mem_alloc(n * count);
	for (size_t i = 0; i < count; i++)
		memcpy(*data + i * n, bytes, n);
	return onnx_file_open_memory(*data, n * count, out, err);
}

static void amplification(void **state)
{
	(void)state;
	struct onnx_file file;
	struct error err;
	uint8_t *data;
	/* Unknown fields cost nothing. */
	check(open_repeated("\x98\x06\x01", 3, 4000000, &data, &file, &err), &err);
	onnx_file_close(&file);
	free(data);
	/* Empty messages, three bytes each: training_info. */
	assert_int_equal(open_repeated("\xa2\x01\0", 3, 8000000, &data, &file, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "1024 MiB"));
	free(data);
	/* Numbers that are not packed: a graph, a node, an attribute of 2,000,000 bytes. */
	const uint8_t graph[] = { 7 << 3 | 2, 0x88, 0x89,       0x7a, 1 << 3 | 2, 0x84,
				  0x89,       0x7a, 5 << 3 | 2, 0x80, 0x89,       0x7a };
	size_t ints = 1000000;
	data = mem_alloc(sizeof graph + 2 * ints);
	memcpy(data, graph, sizeof graph);
	for (size_t i = 0; i < ints; i++)
		memcpy(data + sizeof graph + 2 * i, (uint8_t[]){ 8 << 3, (uint8_t)(i % 128) }, 2);
	check(onnx_file_open_memory(data, sizeof graph + 2 * ints, &file, &err), &err);
	const Onnx__AttributeProto *a = file.model->graph->node[0]->attribute[0];
	assert_int_equal(a->n_ints, ints);
	for (size_t i = 0; i < ints; i++)
		assert_int_equal(a->ints[i], i % 128);
	onnx_file_close(&file);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(every_place),
		cmocka_unit_test(odd_encodings),
		cmocka_unit_test(external_data),
		cmocka_unit_test(payloads_are_not_copied),
		cmocka_unit_test(bool_is_zero_or_one),
		cmocka_unit_test(single_tensor),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(links_are_refused),
		cmocka_unit_test(folder_links_are_refused),
		cmocka_unit_test(cut_at_every_length),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(amplification),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
