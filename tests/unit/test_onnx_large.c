/*
 * test_onnx_large.c - files that are larger than what a process should keep of them: lengths over
 * INT_MAX, and pages that are given back.
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
#include <unistd.h>

static void check(enum status status, const struct error *err)
{
	if (status != OK)
		fail_msg("%s", err->text);
}

/* Writes a model of one float32 tensor, 42 in the middle and at the end, else 0: a sparse file. */
static void write_large(const char *path, uint64_t elements)
{
	uint64_t bytes = 4 * elements;
	uint8_t head[64];
	size_t n = 0;
	/* graph { initializer { dims, data_type, raw_data } }, all lengths in 5 bytes */
	head[n++] = 7 << 3 | 2;
	n += wire_put_varint(head + n, bytes + 6 + 6 + 2 + 6, 5);
	head[n++] = 5 << 3 | 2;
	n += wire_put_varint(head + n, bytes + 6 + 2 + 6, 5);
	head[n++] = 1 << 3;
	n += wire_put_varint(head + n, elements, 5);
	head[n++] = 2 << 3;
	head[n++] = DT_F32;
	head[n++] = 9 << 3 | 2;
	n += wire_put_varint(head + n, bytes, 5);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	float x = 42;
	assert_int_equal(write(fd, head, n), n);
	assert_int_equal(pwrite(fd, &x, 4, (off_t)(n + bytes / 2)), 4);
	assert_int_equal(pwrite(fd, &x, 4, (off_t)(n + bytes - 4)), 4);
	close(fd);
}

/* A tensor of 2.3 GB: lengths over INT_MAX, nothing is copied. */
static void over_two_gigabytes(void **state)
{
	(void)state;
	char *folder = folder_make(), *path = mem_printf("%s/large.onnx", folder);
	int64_t elements = 600000000;
	struct onnx_file file;
	struct arena arena;
	struct tensor t;
	struct error err;
	write_large(path, (uint64_t)elements);
	check(onnx_file_open(path, &file, &err), &err);
	arena_init(&arena);
	check(onnx_file_tensor(&file, file.tensors.v[0], &arena, &t, &err), &err);
	assert_true(tensor_get(&t, elements - 1) == 42);
	arena_release(&arena);
	onnx_file_close(&file);
	free(path);
	folder_remove(folder);
}

/* Pages of files that are in this process's memory. */
static long file_pages(void)
{
	long all, resident, shared;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f)
		skip();
	assert_int_equal(fscanf(f, "%ld %ld %ld", &all, &resident, &shared), 3);
	fclose(f);
	return shared;
}

static double sum_of(const struct tensor *t)
{
	double sum = 0;
	for (int64_t i = 0; i < shape_elements(&t->shape); i += 256)
		sum += tensor_get(t, i);
	return sum + tensor_get(t, shape_elements(&t->shape) - 1);
}

/* Memory of a mapped file is given back and filled again; that of the caller is not touched. */
static void forgotten_elements(void **state)
{
	(void)state;
	char *folder = folder_make(), *path = mem_printf("%s/model.onnx", folder);
	long pages = (4 << 20) / sysconf(_SC_PAGESIZE);
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		struct file_map map;
		struct onnx_file file;
		struct arena arena;
		struct tensor t;
		struct error err;
		uint8_t *copy = NULL;
		write_large(path, 1 << 20);
		check(file_map(path, &map, &err), &err);
		if (in_memory) {
			copy = mem_alloc(map.size);
			memcpy(copy, map.data, map.size);
			check(onnx_file_open_memory(copy, map.size, &file, &err), &err);
		} else {
			check(onnx_file_open(path, &file, &err), &err);
		}
		file_unmap(&map);
		arena_init(&arena);
		check(onnx_file_tensor(&file, file.tensors.v[0], &arena, &t, &err), &err);
		assert_true(sum_of(&t) == 84);
		long before = file_pages();
		onnx_file_forget(&file, &t);
		if (!in_memory)
			assert_true(file_pages() <= before - pages / 2);
		assert_true(sum_of(&t) == 84);
		arena_release(&arena);
		onnx_file_close(&file);
		free(copy);
	}
	free(path);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_two_gigabytes),
		cmocka_unit_test(forgotten_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
