/* fuzz_safetensors.c - any bytes as a safetensors file: tensors whose elements can be read, or an
 * error. */
#include "data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safetensors file;
	struct error err;
	if (safetensors_parse(data, size, &file, &err) != OK)
		return 0;
	for (uint32_t i = 0; i < file.n; i++) {
		const struct tensor *t = &file.v[i].tensor;
		int64_t n = shape_elements(&t->shape);
		volatile double last = n ? tensor_get(t, 0) + tensor_get(t, n - 1) : 0;
		(void)last;
	}
	safetensors_release(&file);
	return 0;
}
