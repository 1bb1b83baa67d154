/* chain_sums.cu - brings the partial sums of a compiled chain together (see launch.h). */
#include "backend/cuda/launch.h"
#include "kernels/cuda.h"

template <class T> static __global__ void add_parts(struct chain_sums s, const double *sums, T *y)
{
	EACH(o, s.kept)
	{
		int64_t at = 0, rest = o;
		double sum = 0;
		for (int64_t p = 0; p < s.parts; p++)
			sum += sums[p * s.kept + o];
		for (int k = s.rank - 1; k >= 0; k--) {
			at += rest % s.dim[k] * s.stride[k];
			rest /= s.dim[k];
		}
		store(y, at, (float)sum);
	}
}

extern "C" enum status launch_chain_sums(const struct chain_sums *s, const double *sums, void *y,
					 enum dtype dtype, struct stream *stream)
{
	FOR_FLOAT(dtype, T,
		  LAUNCH((add_parts<T>), blocks_for(s->kept), THREADS, 0, work_handle(stream), *s,
			 sums, (T *)y));
	return launched();
}
