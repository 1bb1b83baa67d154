/*
 * numbers.h - for the simulated libraries: elements of float, fp16 and bf16 in memory as float, and
 * matrix products of float. Results are rounded once, when they are stored.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_NUMBERS_H
#define ONNXTUNE_TESTS_CUDASIM_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number { NUMBER_NONE, NUMBER_FLOAT, NUMBER_FP16, NUMBER_BF16 };

static inline size_t sim_number_bytes(enum number type)
{
	return type == NUMBER_FLOAT ? 4 : 2;
}

float sim_number_load(enum number type, const void *base, int64_t index);
void sim_number_store(enum number type, void *base, int64_t index, float value);

/* c[m][n] = a[m][k] * b[k][n], each dense, sums in the order of k */
void sim_number_product(const float *a, const float *b, float *c, int64_t m, int64_t n, int64_t k);

#endif
