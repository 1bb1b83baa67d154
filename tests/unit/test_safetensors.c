/*
 * test_safetensors.c - files of named tensors: what is written is read again, and nothing else is.
 * tests/e2e/test_trained.c reads a file that the format's own library wrote.
 */
#include "data/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static enum status parse(const char *header, int64_t size, size_t elements, struct safetensors *out,
			 struct error *err)
{
	static uint8_t data[1000];
	size_t n = strlen(header);
	uint64_t stated = size < 0 ? n : (uint64_t)size;
	for (int i = 0; i < 8; i++)
		data[i] = (uint8_t)(stated >> 8 * i);
	memcpy(data + 8, header, n);
	memset(data + 8 + n, 1, elements);
	return safetensors_parse(data, 8 + n + elements, out, err);
}

static void test_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		int64_t size;
		size_t elements;
	} cases[] = {
		{ "", -1, 0 },
		{ "[]", -1, 0 },
		{ "{}", 3, 0 },
		{ "{}", INT64_MAX, 0 },
		{ "{\"a\":1}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 7 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8 },
		{ "{\"a\":{\"dtype\":\"F64\",\"shape\":[9000000000,9000000000],"
		  "\"data_offsets\":[0,8]}}",
		  -1, 8 },
		{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"
		  "\"data_offsets\":[0,4]}}",
		  -1, 8 },
		{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
		  "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
		  -1, 8 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct safetensors file;
		struct error err;
		if (parse(cases[i].header, cases[i].size, cases[i].elements, &file, &err) == OK)
			fail_msg("%s is taken", cases[i].header);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	float a[6] = { 1, 2, 3, 4, 5, 6 };
	int64_t b[1] = { -7 };
	struct named_tensor v[] = {
		{ "a \"quoted\"", { DT_F32, SHAPE(2, 3), a } },
		{ "empty", { DT_F16, SHAPE(0, 3), a } },
		{ "b", { DT_I64, SHAPE_SCALAR, b } },
	};
	struct safetensors_text texts[] = { { "r", "4" }, { "x", "" } };
	char *path = mem_printf("test_safetensors.%ld", (long)getpid());
	struct safetensors file;
	struct error err;
	assert_int_equal(safetensors_write(path, v, 3, texts, 2, &err), OK);
	assert_int_equal(safetensors_read(path, &file, &err), OK);
	assert_int_equal(file.n, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_string_equal(file.v[i].name, v[i].name);
		assert_int_equal(file.v[i].tensor.dtype, v[i].tensor.dtype);
		assert_true(shape_equal(&file.v[i].tensor.shape, &v[i].tensor.shape));
		assert_memory_equal(file.v[i].tensor.data, v[i].tensor.data,
				    tensor_bytes(&v[i].tensor));
	}
	assert_int_equal((file.map.size - 24 - 8) % 8, 0);
	assert_string_equal(safetensors_metadata(&file, "r"), "4");
	assert_string_equal(safetensors_metadata(&file, "x"), "");
	assert_null(safetensors_metadata(&file, "y"));
	safetensors_release(&file);
	unlink(path);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
