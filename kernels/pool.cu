/*
 * pool.cu - MaxPool, AveragePool and their gradients, channels-last or plain. A thread computes one
 * element of the result, or neighbouring channels of one position. Gradients are gathered:
 *
 *  1. MaxPoolGrad notes for each window which of its elements is the largest.
 *  2. dx is the sum over the windows that hold the element, in their order, of dy where it is that
 *     element (MaxPoolGrad), or of dy divided by what the mean is divided by (AveragePoolGrad).
 */
#include "kernels/cuda.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
extern "C" {
#include "ops/pool.h"
}
#pragma GCC diagnostic pop

#include <stdlib.h>
#include <string.h>

#define AXES CONV_MAX_SPATIAL
#define PACK 4            /* channels of a thread where they lie side by side */
#define SAMPLES_MAX 65535 /* blocks along the grid's second axis; a loop takes what is more */
#define LIMIT 0x3fffffff  /* of a sample, and of positions with all padding: no overflow */

/* One spatial axis: output position o and kernel position k meet input position
 * o * stride - begin + k * dilation. */
struct axis {
	int in, out, kernel, stride, dilation, begin, end;
};

/* Two axes are the last two of three, so that the first costs no division. */
struct pool {
	struct axis axis[AXES];
	int samples, channels, plane_x, plane_y, pack;
	bool last, count_padding, by_columns, has_indices;
	enum dtype dtype;
	int dy, x; /* which inputs they are; -1: none */
};

template <class T, int V> struct __align__(sizeof(T) * V) pack
{
	T v[V];
};

/* Channels c, c + 1, ... c + V - 1 of a position. */
struct place {
	int c, position, at[AXES];
};

template <int V>
static __device__ inline struct place place_of(const struct pool &p, int i, bool of_x)
{
	struct place place;
	int plane = of_x ? p.plane_x : p.plane_y, runs = p.channels / V;
	place.c = p.last ? i % runs * V : i / plane;
	place.position = p.last ? i / runs : i % plane;
	int rest = place.position;
	for (int a = AXES - 1; a > 0; a--) {
		int n = of_x ? p.axis[a].in : p.axis[a].out;
		place.at[a] = n > 1 ? rest % n : 0;
		rest = n > 1 ? rest / n : rest;
	}
	place.at[0] = rest;
	return place;
}

/* Where channel c of a position lies in a sample. */
static __device__ inline int index_of(const struct pool &p, int c, int position, bool of_x)
{
	return p.last ? position * p.channels + c : c * (of_x ? p.plane_x : p.plane_y) + position;
}

template <int V, class T> static __device__ inline void load_pack(const T *p, int i, float out[V])
{
	struct pack<T, V> x = *reinterpret_cast<const struct pack<T, V> *>(p + i);
#pragma unroll
	for (int v = 0; v < V; v++)
		out[v] = load(x.v, v);
}

template <int V, class T> static __device__ inline void store_pack(T *p, int i, const float x[V])
{
	struct pack<T, V> out;
#pragma unroll
	for (int v = 0; v < V; v++)
		store(out.v, v, x[v]);
	*reinterpret_cast<struct pack<T, V> *>(p + i) = out;
}

/* ---- forward ---- */

/* for (k[] = each position of the kernel, `element` its number and `position` that in the input) */
#define EACH_OF_WINDOW(p, place, element, position)                                                \
	for (int k0_ = 0, element = 0; k0_ < (p).axis[0].kernel; k0_++)                            \
		for (int k1_ = 0; k1_ < (p).axis[1].kernel; k1_++)                                 \
			for (int k2_ = 0, position; k2_ < (p).axis[2].kernel; k2_++, element++)    \
				if ((position = position_of(p, place, k0_, k1_, k2_)) >= 0)

/* -1: it lies in the padding */
static __device__ inline int position_of(const struct pool &p, const struct place &place, int k0,
					 int k1, int k2)
{
	const int k[AXES] = { k0, k1, k2 };
	int position = 0;
#pragma unroll
	for (int a = 0; a < AXES; a++) {
		const struct axis &x = p.axis[a];
		int i = place.at[a] * x.stride - x.begin + k[a] * x.dilation;
		if (i < 0 || i >= x.in)
			return -1;
		position = position * x.in + i;
	}
	return position;
}

/* The largest element of a window and its number; the first of equal ones, NaN wins over all. No
 * element: -INFINITY, -1. */
template <int V, class T>
static __device__ inline void window_max(const T *x, const struct pool &p,
					 const struct place &place, float max[V], int at[V])
{
#pragma unroll
	for (int v = 0; v < V; v++) {
		max[v] = -INFINITY;
		at[v] = -1;
	}
	EACH_OF_WINDOW(p, place, element, position)
	{
		float now[V];
		load_pack<V>(x, index_of(p, place.c, position, true), now);
#pragma unroll
		for (int v = 0; v < V; v++)
			if (at[v] < 0 || now[v] > max[v] || now[v] != now[v]) {
				max[v] = now[v];
				at[v] = element;
			}
	}
}

/* for (s = each sample of this block) for (i = this thread; i < n; i += all threads) */
#define EACH_OF_SAMPLES(p, s, i, n)                                                                \
	for (int s = blockIdx.y; s < (p).samples; s += gridDim.y)                                  \
		for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < (n);                       \
		     i += gridDim.x * blockDim.x)

/* Where element number `element` of a window lies in a plane whose last axis is the innermost one or,
 * by columns, the first. */
static __device__ inline int64_t plane_index(const struct pool &p, const struct place &place,
					     int element)
{
	int i[AXES];
	for (int a = AXES - 1; a >= 0; a--) {
		const struct axis &x = p.axis[a];
		i[a] = place.at[a] * x.stride - x.begin + element % x.kernel * x.dilation;
		element /= x.kernel;
	}
	if (p.by_columns)
		return i[0] + p.axis[0].in * (i[1] + (int64_t)p.axis[1].in * i[2]);
	return (i[0] * p.axis[1].in + i[1]) * p.axis[2].in + i[2];
}

/* indices, plain, are those in all of x were it plain; NULL: not wanted */
template <class T, int V>
static __global__ void max_forward(const T *x, T *y, long long *indices, struct pool p)
{
	int64_t size_x = (int64_t)p.channels * p.plane_x, size_y = (int64_t)p.channels * p.plane_y;
	EACH_OF_SAMPLES(p, s, i, p.channels / V * p.plane_y)
	{
		struct place place = place_of<V>(p, i, false);
		float max[V];
		int at[V];
		window_max<V>(x + s * size_x, p, place, max, at);
		store_pack<V>(y + s * size_y, index_of(p, place.c, place.position, false), max);
		for (int v = 0; indices && v < V; v++)
			indices[s * size_y + (int64_t)(place.c + v) * p.plane_y + place.position] =
				at[v] < 0 ? -1
					  : s * size_x + (int64_t)(place.c + v) * p.plane_x +
						    plane_index(p, place, at[v]);
	}
}

/* Elements of an axis that a mean over the window at output position o counts. */
static __device__ inline int counted(const struct pool &p, const struct axis &x, int o)
{
	int start = o * x.stride - x.begin, end = p.count_padding ? x.in + x.end : x.in;
	int n = start < end ? (end - start + x.dilation - 1) / x.dilation : 0;
	n = n < x.kernel ? n : x.kernel;
	int before = p.count_padding || start >= 0 ? 0 : (-start + x.dilation - 1) / x.dilation;
	return n > before ? n - before : 0;
}

template <class T, int V> static __global__ void mean_forward(const T *x, T *y, struct pool p)
{
	int64_t size_x = (int64_t)p.channels * p.plane_x, size_y = (int64_t)p.channels * p.plane_y;
	EACH_OF_SAMPLES(p, s, i, p.channels / V * p.plane_y)
	{
		struct place place = place_of<V>(p, i, false);
		float sum[V] = { 0 }, n = 1;
		EACH_OF_WINDOW(p, place, element, position)
		{
			float now[V];
			load_pack<V>(x + s * size_x, index_of(p, place.c, position, true), now);
#pragma unroll
			for (int v = 0; v < V; v++)
				sum[v] += now[v];
		}
#pragma unroll
		for (int a = 0; a < AXES; a++)
			n *= (float)counted(p, p.axis[a], place.at[a]);
#pragma unroll
		for (int v = 0; v < V; v++)
			sum[v] = n > 0 ? sum[v] / n : 0;
		store_pack<V>(y + s * size_y, index_of(p, place.c, place.position, false), sum);
	}
}

/* ---- backward ---- */

/* Numbers of elements as unsigned bytes where windows are small, else as int. */
template <class T, class I, int V>
static __global__ void find_largest(const T *x, I *largest, struct pool p)
{
	int64_t size_x = (int64_t)p.channels * p.plane_x, size_y = (int64_t)p.channels * p.plane_y;
	EACH_OF_SAMPLES(p, s, i, p.channels / V * p.plane_y)
	{
		struct place place = place_of<V>(p, i, false);
		struct pack<I, V> out;
		float max[V];
		int at[V];
		window_max<V>(x + s * size_x, p, place, max, at);
#pragma unroll
		for (int v = 0; v < V; v++)
			out.v[v] = (I)at[v];
		*reinterpret_cast<struct pack<I, V> *>(
			largest + s * size_y + index_of(p, place.c, place.position, false)) = out;
	}
}

/* The output positions whose windows reach input position i, but for what dilation leaves out. */
static __device__ inline int first_window(const struct axis &x, int i)
{
	int from = i + x.begin - (x.kernel - 1) * x.dilation;
	return from <= 0 ? 0 : (from + x.stride - 1) / x.stride;
}

static __device__ inline int last_window(const struct axis &x, int i)
{
	int o = (i + x.begin) / x.stride;
	return o < x.out ? o : x.out - 1;
}

/* The position in the kernel, -1: the window at o passes over input position i. */
static __device__ inline int kernel_position(const struct axis &x, int i, int o)
{
	int distance = i + x.begin - o * x.stride;
	if (x.dilation == 1)
		return distance;
	return distance % x.dilation ? -1 : distance / x.dilation;
}

/* largest: NULL for means. */
template <class T, class I, int V>
static __global__ void gather_windows(const T *dy, const I *largest, T *dx, struct pool p)
{
	int64_t size_x = (int64_t)p.channels * p.plane_x, size_y = (int64_t)p.channels * p.plane_y;
	const struct axis &x0 = p.axis[0], &x1 = p.axis[1], &x2 = p.axis[2];
	EACH_OF_SAMPLES(p, s, i, p.channels / V * p.plane_x)
	{
		struct place place = place_of<V>(p, i, true);
		const int *at = place.at;
		float sum[V] = { 0 };
		int end0 = last_window(x0, at[0]), end1 = last_window(x1, at[1]);
		int first2 = first_window(x2, at[2]), end2 = last_window(x2, at[2]);
		for (int o0 = first_window(x0, at[0]); o0 <= end0; o0++)
			for (int o1 = first_window(x1, at[1]); o1 <= end1; o1++)
				for (int o2 = first2; o2 <= end2; o2++) {
					int k0 = kernel_position(x0, at[0], o0);
					int k1 = kernel_position(x1, at[1], o1);
					int k2 = kernel_position(x2, at[2], o2);
					if (k0 < 0 || k1 < 0 || k2 < 0)
						continue;
					int64_t o = s * size_y +
						    index_of(p, place.c,
							     (o0 * x1.out + o1) * x2.out + o2,
							     false);
					float d[V];
					load_pack<V>(dy + o, 0, d);
					if (!largest) {
						float n = (float)counted(p, x0, o0) *
							  (float)counted(p, x1, o1) *
							  (float)counted(p, x2, o2);
#pragma unroll
						for (int v = 0; v < V; v++)
							sum[v] += d[v] / n;
						continue;
					}
					struct pack<I, V> l =
						*reinterpret_cast<const struct pack<I, V> *>(
							largest + o);
					I element = (I)((k0 * x1.kernel + k1) * x2.kernel + k2);
#pragma unroll
					for (int v = 0; v < V; v++)
						sum[v] += l.v[v] == element ? d[v] : 0;
				}
		store_pack<V>(dx + s * size_x, index_of(p, place.c, place.position, true), sum);
	}
}

/* ---- the call ---- */

static bool is_all(const struct op_call *call, enum layout layout)
{
	for (uint32_t k = 0; k < call->n_in; k++)
		if (!layout_same_bytes(&call->in[k].t.shape, call->in[k].layout, layout))
			return false;
	return layout_same_bytes(&call->out[0].t.shape, call->out[0].layout, layout);
}

/* The spatial axes, those in use last; false when a number could overflow. */
static bool read_axes(const struct conv_geometry *g, struct pool *p)
{
	for (int a = 0; a < AXES; a++) {
		int from = a - (AXES - g->spatial);
		int i = from >= 0 ? from : g->spatial - from - 1; /* one that is not in use */
		int64_t reach = g->in[i] + g->pad_begin[i] + g->pad_end[i] +
				g->kernel[i] * g->dilation[i] + g->stride[i];
		if (reach > LIMIT)
			return false;
		p->axis[a] = { (int)g->in[i],     (int)g->out[i],      (int)g->kernel[i],
			       (int)g->stride[i], (int)g->dilation[i], (int)g->pad_begin[i],
			       (int)g->pad_end[i] };
	}
	return true;
}

static bool read_call(const struct op_call *call, struct pool *p)
{
	static const struct {
		const char *op;
		int dy, x;
	} ops[] = { { "MaxPool", -1, 0 },
		    { "MaxPoolGrad", 0, 1 },
		    { "AveragePool", -1, 0 },
		    { "AveragePoolGrad", 0, -1 } };
	struct conv_geometry g;
	struct error err;
	int k = 0;
	memset(p, 0, sizeof *p);
	while (strcmp(ops[k].op, call->def->name))
		k++;
	p->dy = ops[k].dy;
	p->x = ops[k].x;
	p->dtype = call->in[0].t.dtype;
	const struct op_operand *x = p->dy < 0 ? &call->in[0] : &call->out[0];
	if (pool_geometry(call->node, &x->t.shape, &g, &err) != OK || !read_axes(&g, p))
		return false;
	int64_t plane_x = pool_plane_in(&g), plane_y = pool_plane_out(&g);
	int64_t plane = plane_x > plane_y ? plane_x : plane_y;
	if (!plane_x || !plane_y || !g.n || !g.c || g.n > INT32_MAX || plane > LIMIT / g.c ||
	    g.kernel[0] * g.kernel[1] * g.kernel[2] > LIMIT)
		return false;
	p->samples = (int)g.n;
	p->channels = (int)g.c;
	p->plane_x = (int)plane_x;
	p->plane_y = (int)plane_y;
	p->last = is_all(call, LAYOUT_LAST);
	p->pack = p->last && p->channels % PACK == 0 ? PACK : 1;
	p->has_indices = call->n_out > 1 && call->out[1].t.dtype;
	p->by_columns = !strncmp(ops[k].op, "Max", 3) && node_int(call->node, "storage_order");
	p->count_padding = !strncmp(ops[k].op, "Average", 7) &&
			   node_int(call->node, "count_include_pad");
	return true;
}

static bool supports(const struct op_call *call, const char **why)
{
	struct pool p;
	*why = "indices must be plain";
	if (call->n_out > 1 && call->out[1].layout != LAYOUT_PLAIN)
		return false;
	*why = "for f32, f16 and bf16";
	enum dtype dtype = call->out[0].t.dtype;
	if (dtype != DT_F32 && dtype != DT_F16 && dtype != DT_BF16)
		return false;
	*why = "operands of different layouts";
	if (!is_all(call, LAYOUT_LAST) && !is_all(call, LAYOUT_PLAIN))
		return false;
	*why = "a tensor without elements, or with too many";
	return read_call(call, &p);
}

/* Channels-last if anything is. */
static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	enum layout layout = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (call->in[k].layout == LAYOUT_LAST)
			layout = LAYOUT_LAST;
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = layout;
	out[0] = layout;
}

/* Whether a byte tells the elements of a window apart, and that there is none. */
static bool has_small_windows(const struct pool *p)
{
	return p->axis[0].kernel * p->axis[1].kernel * p->axis[2].kernel < 255;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct pool *p = (struct pool *)mem_alloc(sizeof *p);
	read_call(call, p);
	if (p->dy >= 0 && p->x >= 0)
		*workspace = (size_t)p->samples * (size_t)p->channels * (size_t)p->plane_y *
			     (has_small_windows(p) ? 1 : sizeof(int));
	*state = p;
	return OK;
}

/* A launch over a plane of all channels and samples. */
static dim3 grid_of(const struct pool *p, int plane)
{
	return dim3(blocks_for((int64_t)(p->channels / p->pack) * plane),
		    (unsigned)(p->samples < SAMPLES_MAX ? p->samples : SAMPLES_MAX));
}

/* The statements with V as the channels of a thread. */
#define FOR_PACK(pack, ...)                                                                        \
	do {                                                                                       \
		if ((pack) == PACK) {                                                              \
			constexpr int V = PACK;                                                    \
			__VA_ARGS__;                                                               \
		} else {                                                                           \
			constexpr int V = 1;                                                       \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	} while (0)

static enum status run_max(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct pool *p = (const struct pool *)state;
	dim3 grid = grid_of(p, p->plane_y);
	FOR_FLOAT(p->dtype, T,
		  FOR_PACK(p->pack,
			   LAUNCH((max_forward<T, V>), grid, THREADS, 0, work_handle(stream),
				  (const T *)io->in[0], (T *)io->out[0],
				  (long long *)(p->has_indices ? io->out[1] : NULL), *p)));
	return launched();
}

static enum status run_mean(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct pool *p = (const struct pool *)state;
	dim3 grid = grid_of(p, p->plane_y);
	FOR_FLOAT(p->dtype, T,
		  FOR_PACK(p->pack,
			   LAUNCH((mean_forward<T, V>), grid, THREADS, 0, work_handle(stream),
				  (const T *)io->in[0], (T *)io->out[0], *p)));
	return launched();
}

template <class T, class I, int V>
static void launch_gradient(const struct pool *p, const struct kernel_io *io, struct stream *stream)
{
	I *largest = (I *)(p->x < 0 ? NULL : io->workspace);
	if (largest)
		LAUNCH((find_largest<T, I, V>), grid_of(p, p->plane_y), THREADS, 0,
		       work_handle(stream), (const T *)io->in[p->x], largest, *p);
	LAUNCH((gather_windows<T, I, V>), grid_of(p, p->plane_x), THREADS, 0, work_handle(stream),
	       (const T *)io->in[p->dy], (const I *)largest, (T *)io->out[0], *p);
}

static enum status run_grad(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct pool *p = (const struct pool *)state;
	if (has_small_windows(p))
		FOR_FLOAT(p->dtype, T,
			  FOR_PACK(p->pack, launch_gradient<T, uint8_t, V>(p, io, stream)));
	else
		FOR_FLOAT(p->dtype, T,
			  FOR_PACK(p->pack, launch_gradient<T, int, V>(p, io, stream)));
	return launched();
}

#define POOL(operator, run_)                                                                       \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports,                   \
		.propose = propose, .create = create, .run = run_, .destroy = free                 \
	}

extern "C" const struct kernel cuda_kernel_max_pool = POOL("MaxPool", run_max);
extern "C" const struct kernel cuda_kernel_max_pool_grad = POOL("MaxPoolGrad", run_grad);
extern "C" const struct kernel cuda_kernel_average_pool = POOL("AveragePool", run_mean);
extern "C" const struct kernel cuda_kernel_average_pool_grad = POOL("AveragePoolGrad", run_grad);
