/*
 * case_tensor.c - fills the inputs of operator cases (see case_tensor.h). Element i comes from block
 * i of the random stream, so that it does not depend on the element type.
 */
#include "support/case_tensor.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

uint32_t case_inputs(const struct op_case *c)
{
	uint32_t n = ARRAY_SIZE(c->in);
	while (n && c->in[n - 1].fill == FILL_NONE)
		n--;
	return n;
}

uint32_t case_outputs(const struct op_case *c)
{
	return c->outputs ? c->outputs : 1;
}

/* Two uniform numbers in [0, 1) for element i. */
static void uniform(uint64_t seed, uint64_t stream, int64_t i, double u[2])
{
	uint32_t word[4];
	philox(seed, stream, (uint64_t)i, word);
	u[0] = rng_uniform(word[0]);
	u[1] = rng_uniform(word[1]);
}

/* Box and Muller's method. */
static double normal(const double u[2])
{
	return sqrt(-2 * log(1 - u[0])) * cos(2 * M_PI * u[1]);
}

void fill_normal(struct tensor *t, uint64_t seed, uint64_t stream)
{
	for (int64_t i = 0, n = shape_elements(&t->shape); i < n; i++) {
		double u[2];
		uniform(seed, stream, i, u);
		tensor_set(t, i, normal(u));
	}
}

struct tensor case_type(const struct op_case *c, uint32_t k, enum dtype floating)
{
	const struct case_input *in = &c->in[k];
	if (in->fill == FILL_NONE)
		return (struct tensor){ 0 };
	return (struct tensor){ in->dtype == DT_F64 && !in->fixed ? floating : in->dtype, in->shape,
				NULL };
}

struct tensor case_tensor(const struct op_case *c, uint32_t k, enum dtype floating, uint64_t seed,
			  struct arena *arena)
{
	const struct case_input *in = &c->in[k];
	if (in->fill == FILL_STEP) {
		struct step_block step = { .found_inf = in->lo != 0,
					   .scale = (float)in->hi,
					   .inverse = (float)(1 / in->hi),
					   .clip = 0.5f,
					   .good_steps = 4,
					   .steps = 5 };
		struct tensor t = tensor_new(arena, DT_U8, &in->shape);
		memcpy(t.data, &step, sizeof step);
		return t;
	}
	struct tensor t = case_type(c, k, floating);
	if (!t.dtype)
		return t;
	t = tensor_new(arena, t.dtype, &t.shape);
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++) {
		double u[2], x = 0, lo = in->lo, hi = in->hi;
		uniform(seed, k, i, u);
		switch (in->fill) {
		case FILL_NONE:
		case FILL_STEP:
			break;
		case FILL_NORMAL:
			x = normal(u) * hi + lo;
			break;
		case FILL_UNIFORM:
			x = lo + u[0] * (hi - lo);
			break;
		case FILL_INTS:
			x = lo + floor(u[0] * (hi - lo + 1));
			break;
		case FILL_VALUES:
			x = in->values[i];
			break;
		}
		tensor_set(&t, i, x);
	}
	return t;
}
