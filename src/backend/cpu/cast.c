/*
 * cast.c - Cast at the speed of memory. A cast is up to three steps over blocks in the first-level
 * cache: a half type to float32, one of the loops below, float32 to a half type. Pairs for which
 * that would round twice, and rare ones, are left to the reference.
 */
#include "backend/cpu/convert.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include "backend/backend.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 2048  /* elements */
#define GRAIN 32768 /* elements that are worth a thread */

typedef void cast_loop(void *y, const void *x, int64_t n);

struct state {
	int64_t n;
	enum dtype from, to;         /* half types that are converted, or DT_NONE */
	cast_loop *loop;             /* NULL: none is needed between the two, or nothing changes */
	unsigned size_from, size_to; /* of the elements in memory */
};

/* ---- loops ---- */

#define CAST(name, T, R, expression)                                                               \
	SIMD static void name(void *y_, const void *x_, int64_t n)                                 \
	{                                                                                          \
		R *restrict y = y_;                                                                \
		const T *restrict x_elements = x_;                                                 \
		for (int64_t i = 0; i < n; i++) {                                                  \
			T x = x_elements[i];                                                       \
			y[i] = (expression);                                                       \
		}                                                                                  \
	}
/* clang-format off */
CAST(f64_f32, double, float, (float)x)
CAST(f32_f64, float, double, x)
CAST(bool_f32, uint8_t, float, x)
CAST(i8_f32, int8_t, float, x)
CAST(i16_f32, int16_t, float, x)
CAST(i32_f32, int32_t, float, (float)x)
CAST(i64_f32, int64_t, float, (float)x)
CAST(f32_bool, float, uint8_t, x != 0)
CAST(i32_bool, int32_t, uint8_t, x != 0)
CAST(i64_bool, int64_t, uint8_t, x != 0)
CAST(bool_i32, uint8_t, int32_t, x)
CAST(bool_i64, uint8_t, int64_t, x)
CAST(i32_i64, int32_t, int64_t, x)
CAST(i64_i32, int64_t, int32_t, (int32_t)x)
/* toward zero, clamped; NaN gives 0 */
CAST(f32_i32, float, int32_t,
     x >= 0x1p31f ? INT32_MAX : x < -0x1p31f ? INT32_MIN : x == x ? (int32_t)x : 0)
CAST(f32_i64, float, int64_t,
     x >= 0x1p63f ? INT64_MAX : x < -0x1p63f ? INT64_MIN : x == x ? (int64_t)x : 0)
/* clang-format on */

static const struct {
	enum dtype from, to;
	cast_loop *loop;
	bool exact; /* into a half type, too: float32 holds every value */
} loops[] = {
	{ DT_F64, DT_F32, f64_f32, false },   { DT_F32, DT_F64, f32_f64, false },
	{ DT_BOOL, DT_F32, bool_f32, true },  { DT_U8, DT_F32, bool_f32, true },
	{ DT_I8, DT_F32, i8_f32, true },      { DT_I16, DT_F32, i16_f32, true },
	{ DT_I32, DT_F32, i32_f32, false },   { DT_I64, DT_F32, i64_f32, false },
	{ DT_F32, DT_BOOL, f32_bool, false }, { DT_I32, DT_BOOL, i32_bool, false },
	{ DT_I64, DT_BOOL, i64_bool, false }, { DT_BOOL, DT_I32, bool_i32, false },
	{ DT_U8, DT_I32, bool_i32, false },   { DT_BOOL, DT_I64, bool_i64, false },
	{ DT_U8, DT_I64, bool_i64, false },   { DT_I32, DT_I64, i32_i64, false },
	{ DT_I64, DT_I32, i64_i32, false },   { DT_F32, DT_I32, f32_i32, false },
	{ DT_F32, DT_I64, f32_i64, false },
};

static bool is_half(enum dtype dtype)
{
	return dtype == DT_F16 || dtype == DT_BF16;
}

/* Fills the steps of a cast; false when it has none. */
static bool find_steps(enum dtype from, enum dtype to, struct state *s)
{
	*s = (struct state){ .size_from = dtype_bits(from) / 8, .size_to = dtype_bits(to) / 8 };
	if (from == to)
		return s->size_from > 0 && dtype_bits(from) % 8 == 0;
	s->from = is_half(from) ? from : DT_NONE;
	s->to = is_half(to) ? to : DT_NONE;
	from = s->from ? DT_F32 : from;
	to = s->to ? DT_F32 : to;
	if (from == to)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(loops); i++)
		if (loops[i].from == from && loops[i].to == to && (!s->to || loops[i].exact)) {
			s->loop = loops[i].loop;
			return true;
		}
	return false;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	struct state s;
	if (!layout_same_bytes(&x->t.shape, x->layout, y->layout)) {
		*why = "input and output in different layouts";
		return false;
	}
	*why = "no vector loop for these types";
	return find_steps(x->t.dtype, y->t.dtype, &s);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct state *s = mem_alloc(sizeof *s);
	find_steps(call->in[0].t.dtype, call->out[0].t.dtype, s);
	s->n = shape_elements(&call->out[0].t.shape);
	*state = s;
	return OK;
}

struct job {
	const struct state *s;
	const char *x;
	char *y;
};

static void cast_block(const struct state *s, char *y, const char *x, int64_t n)
{
	_Alignas(64) float before[BLOCK], after[BLOCK];
	const void *from = x;
	void *to = y;
	if (s->from) {
		to = s->loop || s->to ? (void *)before : y;
		convert_load(s->from, from, 0, n, to);
		from = to;
	}
	if (s->loop) {
		to = s->to ? (void *)after : y;
		s->loop(to, from, n);
		from = to;
	}
	if (s->to)
		convert_store(s->to, from, 0, n, y);
}

static void cast_blocks(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	for (int64_t i = begin; i < end; i += BLOCK) {
		int64_t n = end - i < BLOCK ? end - i : BLOCK;
		char *y = job->y + i * s->size_to;
		const char *x = job->x + i * s->size_from;
		if (s->from || s->to || s->loop)
			cast_block(s, y, x, n);
		else
			memcpy(y, x, (size_t)n * s->size_to);
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io->in[0], io->out[0] };
	parallel_for(s->n, GRAIN, cast_blocks, &job);
	return OK;
}

const struct kernel kernel_cast = {
	.op = "Cast",
	.name = "vector loop",
	.supports = supports,
	.propose = propose_common,
	.create = create,
	.run = run,
	.destroy = free,
};
