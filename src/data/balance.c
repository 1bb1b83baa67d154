/* balance.c - classes of unequal size (see balance.h). */
#include "data/balance.h"

#include "base/rng.h"

/* Keeps draws apart from permutations of the same seed and stream. */
#define DRAWS (UINT64_C(1) << 63)

uint32_t *balance_counts(const struct tensor *targets, uint32_t n, struct arena *arena)
{
	uint32_t *counts = arena_alloc(arena, (n + 1) * sizeof *counts);
	for (int64_t i = 0, m = shape_elements(&targets->shape); i < m; i++) {
		int64_t class = tensor_get_int(targets, i);
		if (class >= 0 && class < n)
			counts[class]++;
	}
	return counts;
}

float *balance_weights(const struct tensor *targets, uint32_t n, struct arena *arena)
{
	const uint32_t *counts = balance_counts(targets, n, arena);
	float *weights = arena_alloc(arena, (n + 1) * sizeof *weights);
	double all = 0, classes = 0;
	for (uint32_t k = 0; k < n; k++) {
		all += counts[k];
		classes += counts[k] > 0;
	}
	for (uint32_t k = 0; k < n; k++)
		weights[k] = counts[k] ? (float)(all / (classes * counts[k])) : 1;
	return weights;
}

struct balance balance_group(const struct tensor *targets, uint32_t n, struct arena *arena)
{
	const uint32_t *counts = balance_counts(targets, n, arena);
	uint32_t *next = arena_alloc(arena, (n + 1) * sizeof *next), total = 0;
	struct balance b = { .start = arena_alloc(arena, (n + 1) * sizeof *b.start) };
	for (uint32_t k = 0; k < n; k++) {
		next[k] = total;
		if (counts[k])
			b.start[b.n_classes++] = total;
		total += counts[k];
	}
	b.start[b.n_classes] = total;
	b.samples = arena_alloc(arena, (total + 1) * sizeof *b.samples);
	for (int64_t i = 0, m = targets->shape.dim[0]; i < m; i++) {
		int64_t class = tensor_get_int(targets, i);
		if (class >= 0 && class < n)
			b.samples[next[class]++] = (uint32_t)i;
	}
	return b;
}

/* A whole number below n from 64 random bits. */
static uint32_t below(uint32_t hi, uint32_t lo, uint32_t n)
{
	unsigned __int128 product = (unsigned __int128)((uint64_t)hi << 32 | lo) * n;
	return (uint32_t)(product >> 64);
}

void balance_draw(const struct balance *balance, uint64_t seed, uint64_t stream, uint32_t *p,
		  uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t words[4];
		philox(seed, stream | DRAWS, i, words);
		uint32_t class = below(words[0], words[1], balance->n_classes);
		uint32_t first = balance->start[class], n = balance->start[class + 1] - first;
		p[i] = balance->samples[first + below(words[2], words[3], n)];
	}
}
