/*
 * pad.cu - Pad and PadGrad in all modes and layouts. An element of y is one of x, or the constant; where
 * in x is told axis by axis (ops/pad.h). An element of dx is the sum of dy over all positions that copy
 * it: along an axis these are one or two sequences of equal steps.
 */
#include "kernels/rows.h"

extern "C" {
#include "backend/moves.h"
#include "ops/pad.h"
}

#include <stdlib.h>

/* An axis of x and y (or dx and dy); `stride` is that of what is read. */
struct axis {
	long long x, y, begin, stride;
};

/* The axes as what is written lies in memory, outermost first; rows are those of the last one. */
struct pad {
	enum pad_mode mode;
	enum dtype dtype;
	bool has_value;
	int rank;
	long long n, rows; /* of what is written */
	struct axis axis[SHAPE_MAX_RANK];
};

template <class U> static __global__ void pad_rows(const U *x, const U *value, U *y, struct pad p)
{
	const struct axis &inner = p.axis[p.rank - 1];
	U constant = {};
	if (value)
		constant = *value;
	EACH_ROW(row, p.rows)
	{
		long long from = 0, rest = row;
		bool outside = false;
		for (int a = p.rank - 2; a >= 0; a--) {
			const struct axis &axis = p.axis[a];
			long long at = pad_source(p.mode, rest % axis.y - axis.begin, axis.x);
			rest /= axis.y;
			outside |= at < 0;
			from += at * axis.stride;
		}
		EACH_UNIT(unit, inner.y)
		{
			long long at = outside ? -1
					       : pad_source(p.mode, unit - inner.begin, inner.x);
			y[row * inner.y + unit] = at < 0 ? constant : x[from + at * inner.stride];
		}
	}
}

/* ---- the gradient ---- */

/* first, first + step, ...: positions along an axis, counted from the first element of x. */
struct sequence {
	long long first, step, count;
};

/* Those in [low, high] that are `at` modulo the period. */
static __device__ inline struct sequence every(long long at, long long period, long long low,
					       long long high)
{
	long long rest = (at - low) % period;
	struct sequence s = { low + (rest < 0 ? rest + period : rest), period, 0 };
	s.count = s.first > high ? 0 : (high - s.first) / period + 1;
	return s;
}

/* The positions that copy element `at` of x. */
static __device__ inline void positions(enum pad_mode mode, const struct axis &axis, long long at,
					struct sequence out[2])
{
	long long low = -axis.begin, high = axis.y - axis.begin - 1, last = axis.x - 1;
	out[1] = { 0, 1, 0 };
	if (mode == PAD_EDGE) {
		if (at > 0 && at > low)
			low = at;
		if (at < last && at < high)
			high = at;
		out[0] = { low, 1, low > high ? 0 : high - low + 1 };
		return;
	}
	long long period = mode == PAD_WRAP ? axis.x : 2 * last;
	out[0] = every(at, period > 0 ? period : 1, low, high);
	if (mode == PAD_REFLECT && at > 0 && at < last)
		out[1] = every(-at, period, low, high);
}

template <class T> static __global__ void sum_copies(const T *dy, T *dx, struct pad p)
{
	EACH(i, p.n)
	{
		struct sequence s[SHAPE_MAX_RANK][2];
		long long rest = i, all = 1;
		float sum = 0;
		for (int a = p.rank - 1; a >= 0; a--) {
			positions(p.mode, p.axis[a], rest % p.axis[a].x, s[a]);
			rest /= p.axis[a].x;
			all *= s[a][0].count + s[a][1].count;
		}
		for (long long k = 0; k < all; k++) {
			long long from = 0, index = k;
			for (int a = p.rank - 1; a >= 0; a--) {
				long long n = s[a][0].count + s[a][1].count, at = index % n;
				bool second = at >= s[a][0].count;
				const struct sequence &q = s[a][second];
				at -= second ? s[a][0].count : 0;
				index /= n;
				from += (q.first + at * q.step + p.axis[a].begin) *
					p.axis[a].stride;
			}
			sum += load(dy, from);
		}
		store(dx, i, sum);
	}
}

/* ---- the calls ---- */

static bool read_call(const struct op_call *call, bool gradient, struct pad *p)
{
	const struct op_operand *read = &call->in[0], *written = &call->out[0];
	const struct shape *x = &(gradient ? written : read)->t.shape;
	const struct shape *y = &(gradient ? read : written)->t.shape;
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK];
	const struct tensor *in[4];
	struct error err;
	if (call->n_in > ARRAY_SIZE(in) || !y->rank)
		return false;
	struct op_io io = op_call_io(call, in, &err);
	if (pad_sizes(&io, x, gradient ? 2 : 3, begin, end) != OK)
		return false;
	struct loop l = loop_start(&written->t.shape);
	loop_add(&l, &written->t.shape, written->layout);
	layout_strides(&read->t.shape, read->layout, strides);
	loop_add_strides(&l, strides);
	loop_add_strides(&l, begin); /* moved with the axes as they are ordered */
	loop_add_strides(&l, x->dim);
	loop_add_strides(&l, y->dim);
	loop_order(&l, 0);
	*p = {};
	p->mode = pad_mode(call->node);
	p->dtype = read->t.dtype;
	p->has_value = !gradient && call->n_in > 2 && call->in[2].t.dtype;
	p->rank = l.rank;
	p->n = loop_size(&l, 0, l.rank);
	p->rows = loop_size(&l, 0, l.rank - 1);
	for (int a = 0; a < l.rank; a++)
		p->axis[a] = { l.stride[3][a], l.stride[4][a], l.stride[2][a], l.stride[1][a] };
	return true;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct pad p;
	*why = "elements of this size";
	if (!moves_dtype(call->out[0].t.dtype))
		return false;
	*why = "no axes, or pads that are not known";
	return read_call(call, false, &p);
}

static bool supports_grad(const struct op_call *call, const char **why)
{
	struct pad p;
	enum dtype dtype = call->in[0].t.dtype;
	*why = "for f32, f16 and bf16";
	if (dtype != DT_F32 && dtype != DT_F16 && dtype != DT_BF16)
		return false;
	*why = "no axes, or pads that are not known";
	return read_call(call, true, &p) && p.mode != PAD_CONSTANT;
}

/* As it comes. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	in[0] = out[0] = call->in[0].layout;
}

static enum status create_as(const struct op_call *call, bool gradient, void **state)
{
	struct pad *p = (struct pad *)mem_alloc(sizeof *p);
	read_call(call, gradient, p);
	*state = p;
	return OK;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	return create_as(call, false, state);
}

static enum status create_grad(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	return create_as(call, true, state);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct pad *p = (const struct pad *)state;
	if (!p->n)
		return OK;
	long long units = p->axis[p->rank - 1].y;
	const void *value = p->has_value ? io->in[2] : NULL;
	dim3 block = row_block(units), grid = row_grid(block, p->rows, units);
	FOR_UNIT(dtype_bits(p->dtype) / 8, U,
		 LAUNCH((pad_rows<U>), grid, block, 0, work_handle(stream), (const U *)io->in[0],
			(const U *)value, (U *)io->out[0], *p));
	return launched();
}

static enum status run_grad(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct pad *p = (const struct pad *)state;
	if (!p->n)
		return OK;
	FOR_FLOAT(p->dtype, T,
		  LAUNCH((sum_copies<T>), blocks_for(p->n), THREADS, 0, work_handle(stream),
			 (const T *)io->in[0], (T *)io->out[0], *p));
	return launched();
}

extern "C" const struct kernel cuda_kernel_pad = {
	.op = "Pad",
	.name = "CUDA",
	.rank = 0,
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = free,
};

extern "C" const struct kernel cuda_kernel_pad_grad = {
	.op = "PadGrad",
	.name = "CUDA",
	.rank = 0,
	.supports = supports_grad,
	.propose = propose,
	.create = create_grad,
	.run = run_grad,
	.destroy = free,
};
