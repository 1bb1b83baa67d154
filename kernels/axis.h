/*
 * axis.h - operators that treat a tensor as rows along one axis, each for itself: softmax, losses.
 * A team of threads works on a row: neighbouring lanes where its elements are neighbours, a block
 * where there are many of them; where the rows lie side by side, 32 of them share a block and
 * neighbouring lanes work on neighbouring rows. What the threads of a team found is brought
 * together in an order that is always the same.
 */
#ifndef ONNXTUNE_KERNELS_AXIS_H
#define ONNXTUNE_KERNELS_AXIS_H

#include "kernels/block.h"

extern "C" {
#include "backend/loop.h"
}

#define ROWS_OF_LANES 1024 /* elements up to which lanes of a warp work on a row */
#define PACK 4             /* neighbouring elements that a thread may read at once */

enum team { TEAM_LANES, TEAM_BLOCK, TEAM_ACROSS };

/* Rows of n elements, `inner` apart, row i in block i / inner of the tensor. */
struct rows {
	int64_t count, n, inner;
	enum team team;
	int members; /* threads of a team; of TEAM_LANES a power of two */
	int pack;    /* PACK where rows are made of packs, else 1 */
};

/* What a thread works on: the `pack` elements from each of first, first + step, ... below end; none
 * in a team beyond the last row. */
struct row {
	int64_t id, start, first, end, step; /* start: element 0 of the row */
	int member;                          /* number of the thread in its team */
	bool there;                          /* the row */
};

/* for each i at which elements of the thread start */
#define EACH_IN(i, row) for (int64_t i = (row).first; i < (row).end; i += (row).step)

static __device__ inline struct row row_of(const struct rows *r)
{
	struct row row = { .id = blockIdx.x, .step = r->members * r->pack * r->inner };
	unsigned t = threadIdx.x, members = (unsigned)r->members;
	if (r->team == TEAM_LANES) {
		row.id = row.id * (THREADS / members) + t / members;
		row.member = (int)(t % members);
	} else if (r->team == TEAM_ACROSS) {
		row.id = row.id * WARP + t % WARP;
		row.member = (int)(t / WARP);
	} else {
		row.member = (int)t;
	}
	row.there = row.id < r->count;
	if (row.there) {
		row.start = row.id / r->inner * r->n * r->inner + row.id % r->inner;
		row.first = row.start + row.member * r->pack * r->inner;
		row.end = row.start + r->n * r->inner;
	}
	return row;
}

/* N elements from i, which is a multiple of N. */
template <class T, int N> struct alignas(sizeof(T) * N) pack {
	T x[N];
};

template <int N, class T> static __device__ inline void load_pack(const T *p, int64_t i, float *x)
{
	pack<T, N> v = reinterpret_cast<const pack<T, N> *>(p)[i / N];
	for (int k = 0; k < N; k++)
		x[k] = load(v.x, k);
}

template <int N, class T> static __device__ inline void store_pack(T *p, int64_t i, const float *x)
{
	pack<T, N> v;
	for (int k = 0; k < N; k++)
		store(v.x, k, x[k]);
	reinterpret_cast<pack<T, N> *>(p)[i / N] = v;
}

/* bring(a, b) over the threads of each team, for all of them; all threads of a block call it. */
template <class T, class F>
static __device__ inline T row_reduce(const struct rows *r, T x, F bring)
{
	__shared__ T shared[THREADS];
	if (r->team == TEAM_LANES)
		return warp_reduce(x, bring, (unsigned)r->members);
	if (r->team == TEAM_BLOCK)
		return block_reduce(x, bring);
	shared[threadIdx.x] = x;
	__syncthreads();
	x = shared[threadIdx.x % WARP];
	for (unsigned k = WARP; k < THREADS; k += WARP)
		x = bring(x, shared[threadIdx.x % WARP + k]);
	__syncthreads();
	return x;
}

template <class T> static __device__ inline T row_sum(const struct rows *r, T x)
{
	return row_reduce(r, x, [](T a, T b) { return a + b; });
}

/* NaNs are left out. */
template <class T> static __device__ inline T row_max(const struct rows *r, T x)
{
	return row_reduce(r, x, [](T a, T b) { return max(a, b); });
}

/* ---- on the host ---- */

/* The rows of a dense tensor along an axis; packed: the kernel reads packs where rows have them. */
static inline struct rows rows_along(const struct op_operand *x, int64_t axis, bool packed)
{
	struct rows r = {
		.count = 0, .n = 1, .inner = 1, .team = TEAM_ACROSS, .members = WARPS, .pack = 1
	};
	int64_t strides[SHAPE_MAX_RANK], total = shape_elements(&x->t.shape);
	int at = 0;
	if (shape_axis(&x->t.shape, axis, &at)) {
		layout_strides(&x->t.shape, x->layout, strides);
		r.n = x->t.shape.dim[at];
		r.inner = strides[at];
	}
	r.count = total ? total / r.n : 0;
	if (r.inner == 1 || r.n == 1) {
		r.team = r.n > ROWS_OF_LANES ? TEAM_BLOCK : TEAM_LANES;
		r.members = r.n > ROWS_OF_LANES ? THREADS : 1;
		r.pack = packed && r.n % PACK == 0 ? PACK : 1;
		while (r.team == TEAM_LANES && r.members < WARP && r.members * r.pack < r.n)
			r.members *= 2;
	}
	return r;
}

/* Whether the rows are numbered as the elements of a plain tensor without the axis. */
static inline bool rows_in_order(const struct op_operand *x, int64_t axis)
{
	int at;
	return x->layout == LAYOUT_PLAIN ||
	       (x->layout == LAYOUT_LAST && shape_axis(&x->t.shape, axis, &at) && at == 1);
}

/* Blocks of THREADS for all rows; not 0. */
static inline int64_t rows_blocks(const struct rows *r)
{
	int64_t together = r->team == TEAM_ACROSS ? WARP : THREADS / r->members;
	int64_t blocks = (r->count + together - 1) / together;
	return blocks ? blocks : 1;
}

#endif
