/*
 * test_data_npy.c - NumPy files: what NumPy wrote, what we write, and what nobody should.
 */
#include "data/npy.h"
#include "data/zipfile.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	enum dtype dtype;
} types[] = {
	{ "bool", DT_BOOL },  { "int8", DT_I8 },     { "int16", DT_I16 },   { "int32", DT_I32 },
	{ "int64", DT_I64 },  { "uint8", DT_U8 },    { "uint16", DT_U16 },  { "uint32", DT_U32 },
	{ "uint64", DT_U64 }, { "float16", DT_F16 }, { "float32", DT_F32 }, { "float64", DT_F64 },
};

/* Element i of every recorded array (models/generate_arrays.py). */
static double expected(enum dtype dtype, int64_t i)
{
	if (dtype == DT_BOOL)
		return (double)(i % 2);
	if (dtype_is_float(dtype))
		return (double)i - 2.5;
	return (double)(dtype == DT_I8 || dtype == DT_I16 || dtype == DT_I32 || dtype == DT_I64
				? i - 3
				: i);
}

static void check_numbers(const struct tensor *t, enum dtype dtype, const struct shape *shape)
{
	assert_non_null(t);
	assert_int_equal(t->dtype, dtype);
	assert_true(shape_equal(&t->shape, shape));
	for (int64_t i = 0; i < shape_elements(shape); i++)
		assert_true(tensor_get(t, i) == expected(dtype, i));
}

static void check_npz(const char *file)
{
	char *path = source_path(file);
	struct arrays a;
	struct error err;
	if (arrays_read(path, &a, &err) != OK)
		fail_msg("%s", err.text);
	static const char *const forms[] = { "", " fortran", " swapped", " both" };
	assert_int_equal(a.n, ARRAY_SIZE(types) * ARRAY_SIZE(forms) + 3);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
			char *name = mem_printf("%s%s", types[i].name, forms[f]);
			check_numbers(arrays_find(&a, name), types[i].dtype, &SHAPE(2, 3, 4));
			free(name);
		}
	check_numbers(arrays_find(&a, "float32 scalar"), DT_F32, &SHAPE_SCALAR);
	check_numbers(arrays_find(&a, "float32 vector"), DT_F32, &SHAPE(5));
	check_numbers(arrays_find(&a, "float32 empty"), DT_F32, &SHAPE(0, 7));
	assert_null(arrays_find(&a, "float32 none"));
	arrays_release(&a);
	free(path);
}

static void test_numpy_files(void **state)
{
	(void)state;
	check_npz("tests/data/arrays/stored.npz");
	check_npz("tests/data/arrays/deflated.npz");
	for (int version = 1; version <= 3; version++) {
		char *name = mem_printf("tests/data/arrays/version%d.npy", version);
		char *path = source_path(name);
		struct arrays a;
		assert_int_equal(arrays_read(path, &a, NULL), OK);
		assert_int_equal(a.n, 1);
		assert_int_equal(strncmp(a.v[0].name, "version", 7), 0);
		check_numbers(&a.v[0].tensor, DT_F32, &SHAPE(2, 3, 4));
		arrays_release(&a);
		free(path);
		free(name);
	}
}

static struct tensor counting(struct arena *arena, enum dtype dtype, struct shape shape)
{
	struct tensor t = tensor_new(arena, dtype, &shape);
	for (int64_t i = 0; i < shape_elements(&shape); i++)
		tensor_set(&t, i, expected(dtype, i));
	return t;
}

/* What we write equals np.save to the byte, and reads back the same. */
static void test_writing(void **state)
{
	(void)state;
	char *folder = make_folder(), *path = mem_printf("%s/a.npy", folder);
	struct arena arena;
	arena_init(&arena);
	struct tensor t = counting(&arena, DT_F32, SHAPE(2, 3, 4));
	assert_int_equal(npy_write(path, &t, NULL), OK);
	size_t n, m;
	char *reference = source_path("tests/data/arrays/version1.npy");
	uint8_t *ours = read_bytes(path, &n), *numpys = read_bytes(reference, &m);
	assert_int_equal(n, m);
	assert_memory_equal(ours, numpys, n);
	free(reference);
	free(numpys);
	free(ours);
	free(path);

	struct named_tensor all[ARRAY_SIZE(types) + 3];
	uint32_t k = 0;
	for (; k < ARRAY_SIZE(types); k++)
		all[k] = (struct named_tensor){ types[k].name,
						counting(&arena, types[k].dtype, SHAPE(2, 3, 4)) };
	all[k++] = (struct named_tensor){ "scalar", counting(&arena, DT_F32, SHAPE_SCALAR) };
	all[k++] = (struct named_tensor){ "empty", counting(&arena, DT_I64, SHAPE(0, 3)) };
	all[k++] = (struct named_tensor){ "cotangent:a/b", counting(&arena, DT_BF16, SHAPE(7)) };
	uint8_t *bytes[2];
	size_t sizes[2];
	for (int i = 0; i < 2; i++) {
		path = mem_printf("%s/%d.npz", folder, i);
		assert_int_equal(npz_write(path, all, k, NULL), OK);
		bytes[i] = read_bytes(path, &sizes[i]);
		struct arrays a;
		assert_int_equal(arrays_read(path, &a, NULL), OK);
		assert_int_equal(a.n, k);
		for (uint32_t j = 0; j < ARRAY_SIZE(types); j++) {
			assert_string_equal(a.v[j].name, types[j].name);
			check_numbers(&a.v[j].tensor, types[j].dtype, &SHAPE(2, 3, 4));
		}
		check_numbers(arrays_find(&a, "scalar"), DT_F32, &SHAPE_SCALAR);
		check_numbers(arrays_find(&a, "empty"), DT_I64, &SHAPE(0, 3));
		check_numbers(arrays_find(&a, "cotangent:a/b"), DT_F32, &SHAPE(7));
		arrays_release(&a);
		free(path);
	}
	assert_int_equal(sizes[0], sizes[1]);
	assert_memory_equal(bytes[0], bytes[1], sizes[0]);
	free(bytes[0]);
	free(bytes[1]);

	/* What can't be written leaves nothing behind. */
	struct error err;
	struct named_tensor text = { "t", { DT_STRING, SHAPE(0), NULL } };
	path = mem_printf("%s/none.npz", folder);
	assert_int_equal(npz_write(path, &text, 1, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "'t'"));
	assert_null(read_bytes(path, &n));
	free(path);
	assert_int_equal(npz_write("no/such/folder/a.npz", all, k, &err), ERR_IO);
	remove_folder(folder);
	arena_release(&arena);
}

/* A sealed archive reads as any other; one that is torn or has a wrong bit anywhere is found out. */
static void test_seal(void **state)
{
	(void)state;
	char *folder = make_folder(), *path = mem_printf("%s/a.npz", folder);
	struct arena arena;
	struct arrays a;
	size_t n;
	arena_init(&arena);
	struct named_tensor all[] = { { "x", counting(&arena, DT_F32, SHAPE(2, 3, 4)) },
				      { "y", counting(&arena, DT_I64, SHAPE(3)) } };
	assert_int_equal(npz_write_sealed(path, all, 2, NULL), OK);
	assert_int_equal(arrays_read(path, &a, NULL), OK);
	assert_int_equal(a.n, 2);
	check_numbers(arrays_find(&a, "x"), DT_F32, &SHAPE(2, 3, 4));
	arrays_release(&a);
	uint8_t *bytes = read_bytes(path, &n);
	assert_int_equal(zipfile_check_seal(bytes, n, NULL), OK);
	for (size_t i = 0; i < 8 * n; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(zipfile_check_seal(bytes, n, NULL), ERR_INPUT);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(zipfile_check_seal(bytes, i, NULL), ERR_INPUT);
	free(bytes);
	assert_int_equal(npz_write(path, all, 2, NULL), OK);
	bytes = read_bytes(path, &n);
	assert_int_equal(zipfile_check_seal(bytes, n, NULL), ERR_INPUT);
	free(bytes);
	free(path);
	remove_folder(folder);
	arena_release(&arena);
}

/* A header of version 1 with this dictionary and `data` zero bytes behind it. */
static size_t make_npy(uint8_t *out, const char *dictionary, size_t data)
{
	size_t n = strlen(dictionary);
	memcpy(out, "\x93NUMPY\x01", 8);
	out[8] = (uint8_t)n;
	out[9] = (uint8_t)(n >> 8);
	memcpy(out + 10, dictionary, n);
	memset(out + 10 + n, 0, data);
	return 10 + n + data;
}

static void test_headers(void **state)
{
	(void)state;
	static const struct {
		const char *dictionary;
		enum status status;
		size_t data;
		const char *says;
	} cases[] = {
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", OK, 8, NULL },
		{ "{\"shape\":(2L,),\"descr\":\"<f4\",\"fortran_order\":False}\n", OK, 8, NULL },
		{ "{'descr': '<f4', 'fortran_order': True, 'shape': ()}", OK, 4, NULL },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807)}",
		  ERR_INPUT, 0, "too large" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", ERR_INPUT, 8, "cut" },
		{ "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}",
		  ERR_INPUT, 8, "too large" },
		{ "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
		  ERR_INPUT, 8, "shape" },
		{ "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", ERR_INPUT, 8,
		  "shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
		  ERR_INPUT, 4, "dimensions" },
		{ "{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", ERR_UNSUPPORTED, 12,
		  "'<U3'" },
		{ "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", ERR_UNSUPPORTED, 12,
		  "'|O'" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
		  ERR_UNSUPPORTED, 4, "records" },
		{ "{'descr': '<f4', 'shape': (2,)}", ERR_INPUT, 8, "missing" },
		{ "{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}", ERR_INPUT, 8, "order" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", ERR_INPUT, 8,
		  "'x'" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2,", ERR_INPUT, 8, "shape" },
		{ "", ERR_INPUT, 8, "header" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t file[256];
		size_t n = make_npy(file, cases[i].dictionary, cases[i].data);
		struct npy_header h;
		struct error err;
		enum status status = npy_parse(file, n, &h, &err);
		if (status != cases[i].status)
			fail_msg("%s: status %d", cases[i].dictionary, status);
		if (status != OK && !strstr(err.text, cases[i].says))
			fail_msg("%s: '%s'", cases[i].dictionary, err.text);
	}
	struct error err;
	struct arrays a;
	char *path = source_path("tests/data/arrays/text.npy");
	assert_int_equal(arrays_read(path, &a, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, path));
	free(path);

	uint8_t file[256];
	size_t n = make_npy(file, "{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", 2);
	assert_int_equal(arrays_parse(file, n, "b", &a, &err), OK);
	arrays_release(&a);
	file[n - 1] = 2; /* a bool is 0 or 1 */
	assert_int_equal(arrays_parse(file, n, "b", &a, &err), ERR_INPUT);
}

/* Every truncation and many changed bytes of an archive: an error or arrays, never a crash. */
static void damage(const char *file)
{
	char *path = source_path(file);
	size_t n;
	uint8_t *data = read_bytes(path, &n);
	uint32_t accepted = 0;
	assert_non_null(data);
	for (size_t cut = 0; cut < n; cut += 1 + cut / 256) {
		uint8_t *copy = malloc(cut ? cut : 1); /* its own, so that overruns show */
		memcpy(copy, data, cut);
		struct arrays a;
		struct error err = { 0 };
		if (arrays_parse(copy, cut, "x", &a, &err) == OK) {
			accepted++;
			arrays_release(&a);
		} else {
			assert_true(err.text[0]);
		}
		free(copy);
	}
	assert_int_equal(accepted, 0);
	uint32_t random = 1;
	for (int i = 0; i < 3000; i++) {
		random = random * 1664525 + 1013904223;
		/* Half of them in the directory, where it hurts. */
		size_t at = i % 2 ? random % n : n - 1 - random % (n / 3);
		uint8_t old = data[at];
		data[at] ^= (uint8_t)(1u << (random >> 29));
		struct arrays a;
		if (arrays_parse(data, n, "x", &a, NULL) == OK)
			arrays_release(&a);
		data[at] = old;
	}
	free(data);
	free(path);
}

static void test_damage(void **state)
{
	(void)state;
	damage("tests/data/arrays/stored.npz");
	damage("tests/data/arrays/deflated.npz");
}

static void put16(uint8_t *p, unsigned x)
{
	p[0] = (uint8_t)x;
	p[1] = (uint8_t)(x >> 8);
}

static void put32(uint8_t *p, uint32_t x)
{
	put16(p, x & 0xffff);
	put16(p + 2, x >> 16);
}

/* An archive of one entry 'a' of 4 stored bytes, whose directory says what the test wants. */
static size_t make_zip(uint8_t out[128], unsigned method, uint32_t packed, uint32_t size)
{
	uint8_t *local = out, *central = out + 35, *end = central + 47;
	memset(out, 0, 128);
	put32(local, 0x04034b50);
	put16(local + 26, 1);
	local[30] = 'a';
	put32(central, 0x02014b50);
	put16(central + 10, method);
	put32(central + 20, packed);
	put32(central + 24, size);
	put16(central + 28, 1);
	central[46] = 'a';
	put32(end, 0x06054b50);
	put16(end + 10, 1);
	put32(end + 12, 47);
	put32(end + 16, 35);
	return 35 + 47 + 22;
}

static void test_zip_lies(void **state)
{
	(void)state;
	uint8_t file[128];
	struct zipfile zip;
	struct error err;
	size_t n = make_zip(file, 0, 4, 4);
	assert_int_equal(zipfile_open(file, n, &zip, &err), OK);
	const uint8_t *bytes;
	void *owned;
	assert_int_equal(zipfile_read(&zip.entries[0], &bytes, &owned, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "checksum"));
	zipfile_release(&zip);

	/* A bomb: 4 bytes can't hold 4 GB. */
	n = make_zip(file, 8, 4, 4000000000u);
	assert_int_equal(zipfile_open(file, n, &zip, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "sizes"));
	/* 4 bytes that claim 100: allowed to be tried, and found out. */
	n = make_zip(file, 8, 4, 100);
	assert_int_equal(zipfile_open(file, n, &zip, &err), OK);
	assert_int_equal(zipfile_read(&zip.entries[0], &bytes, &owned, &err), ERR_INPUT);
	zipfile_release(&zip);
	n = make_zip(file, 0, 400, 400); /* outside the file */
	assert_int_equal(zipfile_open(file, n, &zip, &err), ERR_INPUT);
	n = make_zip(file, 12, 4, 4); /* bzip2 */
	assert_int_equal(zipfile_open(file, n, &zip, &err), ERR_UNSUPPORTED);
	n = make_zip(file, 0, UINT32_MAX, UINT32_MAX); /* zip64 without its field */
	assert_int_equal(zipfile_open(file, n, &zip, &err), ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numpy_files), cmocka_unit_test(test_writing),
		cmocka_unit_test(test_seal),        cmocka_unit_test(test_headers),
		cmocka_unit_test(test_damage),      cmocka_unit_test(test_zip_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
