/*
 * numbers.c - loads, stores and products of the simulated libraries (numbers.h).
 */
#include "cudasim/numbers.h"

#include "base/half.h"

#include <string.h>

float sim_number_load(enum number type, const void *base, int64_t index)
{
	if (type == NUMBER_FLOAT)
		return ((const float *)base)[index];
	uint16_t bits = ((const uint16_t *)base)[index];
	return type == NUMBER_FP16 ? fp16_to_float(bits) : bf16_to_float(bits);
}

void sim_number_store(enum number type, void *base, int64_t index, float value)
{
	if (type == NUMBER_FLOAT)
		((float *)base)[index] = value;
	else
		((uint16_t *)base)[index] = type == NUMBER_FP16 ? float_to_fp16(value)
								: float_to_bf16(value);
}

__attribute__((optimize("O3"))) void sim_number_product(const float *a, const float *b, float *c,
							int64_t m, int64_t n, int64_t k)
{
	memset(c, 0, (size_t)(m * n) * sizeof *c);
	for (int64_t i = 0; i < m; i++) {
		float *restrict row = c + i * n;
		for (int64_t p = 0; p < k; p++) {
			float factor = a[i * k + p];
			const float *restrict other = b + p * n;
			for (int64_t j = 0; j < n; j++)
				row[j] += factor * other[j];
		}
	}
}
