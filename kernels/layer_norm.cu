/*
 * layer_norm.cu - LayerNormalization and LayerNormGrad over contiguous rows. A warp takes a short
 * row, a block a long one. Sums of squares are about the mean. The gradients of scale and bias are
 * sums over columns (sums.h).
 */
#include "kernels/sums.h"

extern "C" {
#include "backend/layer_norm.h"
}

#include <stdlib.h>

#define SHORT_ROW 1024 /* elements up to which a warp takes a row */

struct layer_norm {
	bool grad;
	int64_t outer, n; /* rows and their elements */
	float epsilon;
	uint32_t n_in, n_out;
	enum dtype in[5], out[3]; /* DT_NONE: absent */
	struct columns columns;
};

template <int WIDTH> static __device__ inline double row_sum(double x)
{
	if (WIDTH == WARP)
		return warp_sum(x);
	return block_sum(x);
}

/* for (o = the row of this group of WIDTH threads; ...) */
#define EACH_ROW(o, outer)                                                                         \
	for (int64_t o = (blockIdx.x * (int64_t)THREADS + threadIdx.x) / WIDTH; o < (outer);       \
	     o += (int64_t)gridDim.x * (THREADS / WIDTH))

template <class T, int WIDTH>
static __global__ void normalize_rows(const T *x, const void *scale, const void *bias, T *y,
				      void *mean, void *rstd, struct layer_norm s)
{
	int64_t first = threadIdx.x % WIDTH;
	EACH_ROW(o, s.outer)
	{
		const T *row = x + o * s.n;
		double sum[1], squares[1];
		thread_sums(sum, first, s.n, WIDTH,
			    [=](int64_t i, float *piece) { piece[0] += load(row, i); });
		float centre = (float)(row_sum<WIDTH>(sum[0]) / (double)s.n);
		thread_sums(squares, first, s.n, WIDTH, [=](int64_t i, float *piece) {
			float d = load(row, i) - centre;
			piece[0] += d * d;
		});
		float var = (float)(row_sum<WIDTH>(squares[0]) / (double)s.n);
		float scaling = 1 / sqrtf(var + s.epsilon);
		for (int64_t i = first; y && i < s.n; i += WIDTH) {
			float xhat = (load(row, i) - centre) * scaling;
			float b = bias ? load_as(s.in[2], bias, i) : 0;
			store(y, o * s.n + i, xhat * load_as(s.in[1], scale, i) + b);
		}
		if (first == 0 && mean)
			store_as(s.out[1], mean, o, centre);
		if (first == 0 && rstd)
			store_as(s.out[2], rstd, o, scaling);
	}
}

/* dx = rstd * (d - mean of d - xhat * mean of (d * xhat)), d = dy * scale */
template <class T, int WIDTH>
static __global__ void row_gradients(const T *dy, const T *x, const void *scale, const void *means,
				     const void *rstds, T *dx, struct layer_norm s)
{
	int64_t first = threadIdx.x % WIDTH;
	EACH_ROW(o, s.outer)
	{
		const T *g = dy + o * s.n, *row = x + o * s.n;
		float mean = load_as(s.in[3], means, o), rstd = load_as(s.in[4], rstds, o);
		double sum[2];
		thread_sums(sum, first, s.n, WIDTH, [=](int64_t i, float *piece) {
			float d = load(g, i) * load_as(s.in[2], scale, i);
			piece[0] += d;
			piece[1] += d * ((load(row, i) - mean) * rstd);
		});
		float a = (float)(row_sum<WIDTH>(sum[0]) / (double)s.n);
		float b = (float)(row_sum<WIDTH>(sum[1]) / (double)s.n);
		for (int64_t i = first; i < s.n; i += WIDTH) {
			float d = load(g, i) * load_as(s.in[2], scale, i);
			float xhat = (load(row, i) - mean) * rstd;
			store(dx, o * s.n + i, rstd * (d - a - xhat * b));
		}
	}
}

/* Parts of dscale = sum of dy * xhat and dbias = sum of dy over the rows. */
template <class T>
static __global__ void column_gradients(const T *dy, const T *x, const void *means,
					const void *rstds, double *parts, struct layer_norm s)
{
	struct columns c = s.columns;
	struct column t = column_of(c, blockIdx.y);
	double sum[2];
	thread_sums(sum, t.begin, t.end, t.step, [=](int64_t o, float *piece) {
		float g = load(dy, o * s.n + t.j), mean = load_as(s.in[3], means, o);
		float d = load(x, o * s.n + t.j) - mean;
		piece[0] += g * (d * load_as(s.in[4], rstds, o));
		piece[1] += g;
	});
	for (int k = 0; k < 2; k++) {
		double all = column_sum(c, sum[k]);
		if (threadIdx.x < (unsigned)c.width && t.j < c.n)
			parts[column_part(c, blockIdx.y, k, t.j)] = all;
	}
}

static __global__ void end_columns(const double *parts, void *dscale, void *dbias,
				   struct layer_norm s)
{
	struct columns c = s.columns;
	struct column t = column_of(c, 0);
	for (int k = 0; k < 2; k++) {
		void *out = k ? dbias : dscale;
		double all = column_parts_sum(c, [=](int64_t p) {
			return parts[column_part(c, p, k, t.j)];
		});
		if (out && threadIdx.x < (unsigned)c.width && t.j < c.n)
			store_as(s.out[1 + k], out, t.j, (float)all);
	}
}

/* ---- the call ---- */

static bool supports(const struct op_call *call, const char **why)
{
	if (!layer_norm_supports(call, float_type, "for f32, f16 and bf16", why))
		return false;
	*why = "too many rows";
	return shape_elements(&call->in[0].t.shape) / layer_norm_row(call) < INT32_MAX;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct layer_norm *s = (struct layer_norm *)mem_alloc(sizeof *s);
	s->grad = layer_norm_is_grad(call);
	s->n = layer_norm_row(call);
	s->outer = shape_elements(&call->in[0].t.shape) / s->n;
	s->epsilon = s->grad ? 0 : node_float(call->node, "epsilon");
	s->n_in = call->n_in;
	s->n_out = call->n_out;
	for (uint32_t k = 0; k < call->n_in; k++)
		s->in[k] = call->in[k].t.dtype;
	for (uint32_t k = 0; k < call->n_out; k++)
		s->out[k] = call->out[k].t.dtype;
	s->columns = columns_of(s->n, s->outer, 1);
	if (s->grad && (s->out[1] || s->out[2]))
		*workspace = column_bytes(&s->columns);
	*state = s;
	return OK;
}

static void *output(const struct layer_norm *s, const struct kernel_io *io, uint32_t k)
{
	return k < s->n_out && s->out[k] ? io->out[k] : NULL;
}

template <class T, int WIDTH>
static void run_rows(const struct layer_norm *s, const struct kernel_io *io, cudaStream_t stream)
{
	unsigned blocks = blocks_for(s->outer * WIDTH);
	if (!s->grad)
		LAUNCH((normalize_rows<T, WIDTH>), blocks, THREADS, 0, stream, (const T *)io->in[0],
		       (const void *)io->in[1],
		       (const void *)(s->n_in > 2 && s->in[2] ? io->in[2] : NULL),
		       (T *)output(s, io, 0), output(s, io, 1), output(s, io, 2), *s);
	else if (s->out[0])
		LAUNCH((row_gradients<T, WIDTH>), blocks, THREADS, 0, stream, (const T *)io->in[0],
		       (const T *)io->in[1], (const void *)io->in[2], (const void *)io->in[3],
		       (const void *)io->in[4], (T *)io->out[0], *s);
}

template <class T>
static void run_columns(const struct layer_norm *s, const struct kernel_io *io, cudaStream_t stream)
{
	double *parts = (double *)io->workspace;
	if (!s->out[1] && !s->out[2])
		return;
	LAUNCH((column_gradients<T>), columns_grid(&s->columns, s->columns.parts), THREADS, 0,
	       stream, (const T *)io->in[0], (const T *)io->in[1], (const void *)io->in[3],
	       (const void *)io->in[4], parts, *s);
	LAUNCH(end_columns, columns_grid(&s->columns, 1), THREADS, 0, stream, (const double *)parts,
	       output(s, io, 1), output(s, io, 2), *s);
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct layer_norm *s = (const struct layer_norm *)state;
	cudaStream_t handle = work_handle(stream);
	FOR_FLOAT(s->in[0], T, if (s->n <= SHORT_ROW) run_rows<T, WARP>(s, io, handle);
		  else run_rows<T, THREADS>(s, io, handle);
		  if (s->grad) run_columns<T>(s, io, handle));
	return launched();
}

#define LAYER_NORM(operator)                                                                       \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports, .propose = NULL,  \
		.create = create, .run = run, .destroy = free                                      \
	}

extern "C" const struct kernel cuda_kernel_layer_normalization = LAYER_NORM("LayerNormalization");
extern "C" const struct kernel cuda_kernel_layer_norm_grad = LAYER_NORM("LayerNormGrad");
