/*
 * reduce.cu - ReduceSum, ReduceMean, ReduceMax and ReduceMin over any axes of a tensor in any layout.
 *
 *  1. The reduced elements of each output are cut into parts of a fixed size. Where the innermost
 *     axis is reduced a block takes one part of one output, its threads neighbouring elements; else a
 *     thread takes a part of one output, neighbouring threads neighbouring outputs.
 *  2. The parts of each output are brought together in their order, in double.
 */
#include "kernels/block.h"

extern "C" {
#include "backend/loop.h"
}

#include <stdlib.h>
#include <string.h>

#define PART_ROWS 8192  /* elements of a part that a block reduces */
#define PART_COLUMNS 64 /* that a thread reduces */

enum kind { SUM, MEAN, MAX, MIN };

/* Axes and their strides in x. */
struct axes {
	int n;
	long long size, dim[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK];
};

struct reduction {
	enum kind kind;
	enum dtype dtype, dtype_y;
	struct axes kept, reduced;
	bool rows;
	long long part, parts;
};

static __device__ inline long long offset_of(const struct axes *a, long long i)
{
	long long offset = 0;
	for (int k = a->n - 1; k >= 0; k--) {
		offset += i % a->dim[k] * a->stride[k];
		i /= a->dim[k];
	}
	return offset;
}

static __device__ inline double start_of(enum kind kind)
{
	return kind == MAX ? -(double)INFINITY : kind == MIN ? (double)INFINITY : 0;
}

/* NaNs stay. */
static __device__ inline double bring(enum kind kind, double a, double b)
{
	if (kind == MAX)
		return a > b || a != a ? a : b;
	if (kind == MIN)
		return a < b || a != a ? a : b;
	return a + b;
}

template <class T> static __global__ void reduce_rows(const T *x, double *parts, struct reduction r)
{
	long long o = blockIdx.x / r.parts, p = blockIdx.x % r.parts;
	long long end = (p + 1) * r.part < r.reduced.size ? (p + 1) * r.part : r.reduced.size;
	x += offset_of(&r.kept, o);
	double acc = start_of(r.kind);
	for (long long i = p * r.part + threadIdx.x; i < end; i += THREADS)
		acc = bring(r.kind, acc, load(x, offset_of(&r.reduced, i)));
	acc = block_reduce(acc, [&r](double a, double b) { return bring(r.kind, a, b); });
	if (threadIdx.x == 0)
		parts[p * r.kept.size + o] = acc;
}

template <class T>
static __global__ void reduce_columns(const T *x, double *parts, struct reduction r)
{
	EACH(i, r.kept.size * r.parts)
	{
		long long o = i % r.kept.size, p = i / r.kept.size, base = offset_of(&r.kept, o);
		long long end = (p + 1) * r.part;
		double acc = start_of(r.kind);
		for (long long k = p * r.part; k < end && k < r.reduced.size; k++)
			acc = bring(r.kind, acc, load(x, base + offset_of(&r.reduced, k)));
		parts[p * r.kept.size + o] = acc;
	}
}

template <class T> static __global__ void end_reduce(const double *parts, T *y, struct reduction r)
{
	EACH(o, r.kept.size)
	{
		double acc = start_of(r.kind);
		for (long long p = 0; p < r.parts; p++)
			acc = bring(r.kind, acc, parts[p * r.kept.size + o]);
		store(y, o, (float)(r.kind == MEAN ? acc / (double)r.reduced.size : acc));
	}
}

/* ---- the call ---- */

/* The axes to reduce as a bit mask; false when they are not known. */
static bool reduced_axes(const struct op_call *call, unsigned *mask)
{
	const struct shape *x = &call->in[0].t.shape;
	const struct tensor *axes = call->n_in > 1 && call->in[1].t.dtype ? &call->in[1].t : NULL;
	int64_t n = axes ? shape_elements(&axes->shape) : 0;
	*mask = n || node_int(call->node, "noop_with_empty_axes") ? 0 : (1u << x->rank) - 1;
	for (int64_t i = 0; i < n; i++) {
		int axis;
		if (!axes->data || !shape_axis(x, tensor_get_int(axes, i), &axis))
			return false;
		*mask |= 1u << axis;
	}
	return true;
}

static void add_axis(struct axes *a, int64_t dim, int64_t stride)
{
	if (dim == 1)
		return;
	a->dim[a->n] = dim;
	a->stride[a->n++] = stride;
	a->size *= dim;
}

static bool read_call(const struct op_call *call, struct reduction *r)
{
	static const char *const names[] = { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin" };
	const struct op_operand *x = &call->in[0];
	int64_t stride[SHAPE_MAX_RANK];
	unsigned mask;
	int kind = 0;
	memset(r, 0, sizeof *r);
	while (strcmp(names[kind], call->def->name))
		kind++;
	r->kind = (enum kind)kind;
	r->dtype = x->t.dtype;
	r->dtype_y = call->out[0].t.dtype;
	r->kept.size = r->reduced.size = 1;
	if (!reduced_axes(call, &mask))
		return false;
	layout_strides(&x->t.shape, x->layout, stride);
	int inner = -1;
	for (int i = 0; i < x->t.shape.rank; i++) {
		add_axis(mask >> i & 1 ? &r->reduced : &r->kept, x->t.shape.dim[i], stride[i]);
		if (stride[i] == 1 && x->t.shape.dim[i] > 1)
			inner = i;
	}
	r->rows = inner < 0 || (mask >> inner & 1);
	r->part = r->rows ? PART_ROWS : PART_COLUMNS;
	while ((r->reduced.size + r->part - 1) / r->part > 1024)
		r->part *= 2;
	r->parts = (r->reduced.size + r->part - 1) / r->part;
	return r->kept.size && r->reduced.size;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct reduction r;
	*why = "for f32, f16 and bf16 with axes that are known";
	if (!float_type(call->in[0].t.dtype) || !float_type(call->out[0].t.dtype) ||
	    call->out[0].layout != LAYOUT_PLAIN || !read_call(call, &r))
		return false;
	*why = "too many outputs";
	return r.kept.size * r.parts < INT32_MAX;
}

/* The input as it comes. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	(void)out;
	in[0] = call->in[0].layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct reduction *r = (struct reduction *)mem_alloc(sizeof *r);
	read_call(call, r);
	*workspace = (size_t)(r->kept.size * r->parts) * sizeof(double);
	*state = r;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct reduction *r = (const struct reduction *)state;
	double *parts = (double *)io->workspace;
	FOR_FLOAT(r->dtype, T,
		  if (r->rows)
			  LAUNCH((reduce_rows<T>), (unsigned)(r->kept.size * r->parts), THREADS, 0,
				 work_handle(stream), (const T *)io->in[0], parts, *r);
		  else LAUNCH((reduce_columns<T>), blocks_for(r->kept.size * r->parts), THREADS, 0,
			      work_handle(stream), (const T *)io->in[0], parts, *r));
	FOR_FLOAT(r->dtype_y, T,
		  LAUNCH((end_reduce<T>), blocks_for(r->kept.size), THREADS, 0, work_handle(stream),
			 (const double *)parts, (T *)io->out[0], *r));
	return launched();
}

#define REDUCE(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose, .create = create, .run = run, .destroy = free                  \
	}

extern "C" const struct kernel cuda_kernel_reduce_sum = REDUCE("ReduceSum");
extern "C" const struct kernel cuda_kernel_reduce_mean = REDUCE("ReduceMean");
extern "C" const struct kernel cuda_kernel_reduce_max = REDUCE("ReduceMax");
extern "C" const struct kernel cuda_kernel_reduce_min = REDUCE("ReduceMin");
