/* fuzz_npy.c - any bytes as an .npy or .npz file: arrays whose elements can be read, or an error. */
#include "data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arrays arrays;
	struct error err;
	if (arrays_parse(data, size, "x", &arrays, &err) != OK)
		return 0;
	for (uint32_t i = 0; i < arrays.n; i++) {
		const struct tensor *t = &arrays.v[i].tensor;
		int64_t n = shape_elements(&t->shape);
		volatile double last = n ? tensor_get(t, 0) + tensor_get(t, n - 1) : 0;
		(void)last;
	}
	arrays_release(&arrays);
	return 0;
}
