/*
 * bias.cu - adds a bias along the channels of a channels-last tensor, and what else follows a
 * convolution; spreads one over a matrix (see
 * launch.h).
 */
#include "backend/cuda/launch.h"
#include "kernels/cuda.h"

template <class T>
static __global__ void add_bias(T *y, const T *bias, const T *residual, int64_t n, int64_t channels,
				bool limits, float high)
{
	EACH(i, n)
	{
		float v = load(y, i) + load(bias, i % channels);
		if (residual)
			v += load(residual, i);
		if (limits) /* a NaN passes */
			v = v < 0 ? 0 : v > high ? high : v;
		store(y, i, v);
	}
}

extern "C" enum status launch_bias(void *y, const void *bias, const void *residual, int64_t n,
				   int64_t channels, const float *high, enum dtype dtype,
				   struct stream *stream)
{
	FOR_FLOAT(dtype, T,
		  LAUNCH((add_bias<T>), blocks_for(n), THREADS, 0, work_handle(stream), (T *)y,
			 (const T *)bias, (const T *)residual, n, channels, high != NULL,
			 high ? *high : 0));
	return launched();
}

template <class T>
static __global__ void spread(T *y, const T *c, int64_t n, int64_t columns, int64_t down,
			      int64_t across)
{
	EACH(i, n)
	y[i] = c[i / columns * down + i % columns * across];
}

extern "C" enum status launch_spread(void *y, const void *c, int64_t rows, int64_t columns,
				     int64_t down, int64_t across, enum dtype dtype,
				     struct stream *stream)
{
	FOR_FLOAT(dtype, T,
		  LAUNCH((spread<T>), blocks_for(rows * columns), THREADS, 0, work_handle(stream),
			 (T *)y, (const T *)c, rows * columns, columns, down, across));
	return launched();
}
