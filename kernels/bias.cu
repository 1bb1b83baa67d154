/* bias.cu - adds a bias along the channels of a channels-last tensor (see launch.h). */
#include "backend/cuda/launch.h"
#include "kernels/cuda.h"

template <class T> static __global__ void add_bias(T *y, const T *bias, int64_t n, int64_t channels)
{
	EACH(i, n)
	store(y, i, load(y, i) + load(bias, i % channels));
}

extern "C" enum status launch_bias(void *y, const void *bias, int64_t n, int64_t channels,
				   enum dtype dtype, struct stream *stream)
{
	FOR_FLOAT(dtype, T,
		  LAUNCH((add_bias<T>), blocks_for(n), THREADS, 0, work_handle(stream), (T *)y,
			 (const T *)bias, n, channels));
	return launched();
}
