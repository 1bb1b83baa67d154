/*
 * arg_max.cu - ArgMax and ArgMin along any axis (see axis.h): each thread of a team finds the best of
 * its elements, then the team the best value and the first (or last) index that has it.
 */
#include "kernels/axis.h"

#include <stdlib.h>
#include <string.h>

struct call {
	struct rows rows;
	enum dtype dtype;
	int sign; /* 1: the largest, -1: the smallest */
	bool last;
};

/* As fmax, but a NaN wins. */
template <class V> static __device__ inline V best_of(V a, V b)
{
	return a > b || a != a ? a : b;
}

/* Element i, or what is in the opposite order to it: integers of 64 bits have no negative of each. */
static __device__ inline void load_value(const struct call &c, const void *x, int64_t i, double *v)
{
	*v = c.sign * load_any(c.dtype, x, i);
}

static __device__ inline void load_value(const struct call &c, const void *x, int64_t i,
					 long long *v)
{
	int64_t n = load_int(c.dtype, x, i);
	*v = c.sign < 0 ? ~n : n;
}

/* V: double holds the elements exactly, or long long does. */
template <class V> static __global__ void arg_max(const void *x, int64_t *y, V least, struct call c)
{
	struct row row = row_of(&c.rows);
	V best = least, v;
	EACH_IN(i, row)
	{
		load_value(c, x, i, &v);
		best = best_of(best, v);
	}
	best = row_reduce(&c.rows, best, best_of<V>);
	long long at = c.last ? -1 : c.rows.n;
	EACH_IN(i, row)
	{
		load_value(c, x, i, &v);
		long long index = (i - row.start) / c.rows.inner;
		if (v == best || (v != v && best != best))
			at = c.last ? max(at, index) : min(at, index);
	}
	bool last = c.last;
	at = row_reduce(&c.rows, at,
			[last](long long a, long long b) { return last ? max(a, b) : min(a, b); });
	if (row.there && row.member == 0)
		y[row.id] = at;
}

static bool supports(const struct op_call *call, const char **why)
{
	const struct op_operand *x = &call->in[0];
	enum dtype dtype = x->t.dtype;
	*why = "for numbers of at least 8 bits, but uint64";
	if (!float_type(dtype) && dtype != DT_F64 &&
	    (!dtype_is_integer(dtype) || dtype_bits(dtype) < 8 || dtype == DT_U64))
		return false;
	*why = "rows and outputs are in different orders";
	if (call->out[0].layout != LAYOUT_PLAIN || !rows_in_order(x, node_int(call->node, "axis")))
		return false;
	*why = "too many rows";
	struct rows rows = rows_along(x, node_int(call->node, "axis"), false);
	return rows_blocks(&rows) <= INT32_MAX;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	(void)out;
	if (rows_in_order(&call->in[0], node_int(call->node, "axis")))
		in[0] = call->in[0].layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct call *c = (struct call *)mem_alloc(sizeof *c);
	c->rows = rows_along(&call->in[0], node_int(call->node, "axis"), false);
	c->dtype = call->in[0].t.dtype;
	c->sign = strcmp(call->def->name, "ArgMin") ? 1 : -1;
	c->last = node_int(call->node, "select_last_index") != 0;
	*state = c;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct call *c = (const struct call *)state;
	unsigned blocks = (unsigned)rows_blocks(&c->rows);
	cudaStream_t handle = work_handle(stream);
	const void *x = io->in[0];
	int64_t *y = (int64_t *)io->out[0];
	if (c->dtype == DT_I64)
		LAUNCH((arg_max<long long>), blocks, THREADS, 0, handle, x, y, (long long)INT64_MIN,
		       *c);
	else
		LAUNCH((arg_max<double>), blocks, THREADS, 0, handle, x, y, (double)-INFINITY, *c);
	return launched();
}

#define ARG(operator)                                                                              \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose, .create = create, .run = run, .destroy = free                  \
	}

extern "C" const struct kernel cuda_kernel_arg_max = ARG("ArgMax");
extern "C" const struct kernel cuda_kernel_arg_min = ARG("ArgMin");
