/*
 * fuzz_onnx.c - any bytes as a model file: opened, every tensor read, saved unchanged (the bytes
 * must be the same) and with every element changed (a reader must find the new elements).
 */
#include "onnx/save.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Other elements: all bits flipped, or for BOOL the other value. The bits after the last stay. */
static void *flipped(const struct tensor *t, struct arena *arena)
{
	size_t n = tensor_bytes(t), bits = (size_t)shape_elements(&t->shape) * dtype_bits(t->dtype);
	uint8_t *copy = arena_dup(arena, t->data, n);
	for (size_t i = 0; i < n; i++)
		copy[i] ^= t->dtype == DT_BOOL ? 1
			   : i < bits / 8      ? 0xff
					       : (uint8_t)((1u << bits % 8) - 1);
	return copy;
}

/* The tensors of the file with the given bytes must hold what the changes say. */
static void check_saved(const void *data, size_t size, const struct onnx_file *before,
			const struct onnx_change *changes, uint32_t n, struct arena *arena)
{
	struct onnx_file file;
	struct tensor t;
	uint32_t k = 0;
	require(onnx_file_open_memory(data, size, &file, NULL) == OK);
	require(file.tensors.n == before->tensors.n);
	for (uint32_t i = 0; i < file.tensors.n && k < n; i++) {
		if (changes[k].tensor != before->tensors.v[i])
			continue;
		require(onnx_file_tensor(&file, file.tensors.v[i], arena, &t, NULL) == OK);
		require(!memcmp(t.data, changes[k++].data, tensor_bytes(&t)));
	}
	require(k == n);
	onnx_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct onnx_file file;
	struct arena arena;
	struct error err;
	ARRAY(struct onnx_change) changes = { 0 };
	void *out;
	size_t n;
	if (onnx_file_open_memory(data, size, &file, &err) != OK)
		return 0;
	arena_init(&arena);
	require(onnx_save_memory(&file, NULL, 0, &out, &n, &err) == OK);
	require(n == size && !memcmp(out, data, n));
	free(out);
	for (uint32_t i = 0; i < file.tensors.n; i++) {
		struct tensor t;
		if (onnx_file_tensor(&file, file.tensors.v[i], &arena, &t, &err) == OK &&
		    t.dtype != DT_STRING)
			*array_push(&changes) = (struct onnx_change){
				.tensor = file.tensors.v[i],
				.data = flipped(&t, &arena),
			};
	}
	/* One message of the file can be two tensors only by a mistake of ours: no failure here. */
	require(onnx_save_memory(&file, changes.v, changes.n, &out, &n, &err) == OK);
	check_saved(out, n, &file, changes.v, changes.n, &arena);
	free(out);
	array_release(&changes);
	arena_release(&arena);
	onnx_file_close(&file);
	return 0;
}
