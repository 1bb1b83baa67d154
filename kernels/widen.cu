/* widen.cu - float32 from a half type (see launch.h). */
#include "backend/cuda/launch.h"
#include "kernels/cuda.h"

template <class T> static __global__ void widen(float *y, const T *x, int64_t n)
{
	EACH(i, n)
	y[i] = load(x, i);
}

extern "C" enum status launch_widen(void *y, const void *x, int64_t n, enum dtype dtype,
				    struct stream *stream)
{
	FOR_FLOAT(dtype, T,
		  LAUNCH((widen<T>), blocks_for(n), THREADS, 0, work_handle(stream), (float *)y,
			 (const T *)x, n));
	return launched();
}
