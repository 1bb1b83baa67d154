# ONNXTUNE_CUDA
# -------------
# --with-cuda[=DIR|no]. Looks for nvcc in DIR/bin, the path and /usr/local/cuda/bin, and for the
# headers and libraries of the runtime, cuBLASLt and cuDNN beside it. libcuda, the driver, is never
# linked: the module is for machines with a driver, the build is not. --with-cuda-arch chooses the
# GPUs. Sets cuda (the version and the GPUs, or no), NVCC, NVCC_GENCODE, CUDA_CPPFLAGS, CUDA_LIBS and
# the conditional CUDA.
AC_DEFUN([ONNXTUNE_CUDA], [
AC_ARG_WITH([cuda],
	[AS_HELP_STRING([--with-cuda=DIR],
		[CUDA toolkit in DIR, or no: no GPU module @<:@found where nvcc is@:>@])],
	[], [with_cuda=auto])
AC_ARG_VAR([NVCC], [CUDA compiler])
AC_ARG_VAR([NVCC_GENCODE], [options of nvcc that choose the GPU architectures])
cuda=no CUDA_CPPFLAGS= CUDA_LIBS=
AS_IF([test "x$with_cuda" != xno], [
	AS_CASE([$with_cuda],
		[yes|auto], [cuda_path=$PATH:/usr/local/cuda/bin],
		[cuda_path=$with_cuda/bin])
	AC_PATH_PROG([NVCC], [nvcc], [], [$cuda_path])
	AS_IF([test -n "$NVCC"], [
		cuda_root=`dirname "$NVCC"`; cuda_root=`cd "$cuda_root/.." && pwd`
		AS_IF([test -d "$cuda_root/lib64"], [cuda_lib=$cuda_root/lib64], [cuda_lib=$cuda_root/lib])
		CUDA_CPPFLAGS="-I$cuda_root/include"
		CUDA_LIBS="-L$cuda_lib -Wl,-rpath,$cuda_lib -lcudnn -lcublasLt -lnvrtc -lcudart_static -lpthread -ldl -lrt"
		cuda_save_CPPFLAGS=$CPPFLAGS cuda_save_LIBS=$LIBS
		CPPFLAGS="$CPPFLAGS $CUDA_CPPFLAGS" LIBS="$CUDA_LIBS $LIBS"
		AC_MSG_CHECKING([for the CUDA runtime, cuBLASLt and cuDNN])
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <cuda_runtime_api.h>
#include <cublasLt.h>
#include <cudnn.h>
#include <nvrtc.h>
]], [[int n; return cudaGetDeviceCount(&n) + (int)cublasLtGetVersion() + (int)cudnnGetVersion();]])],
			[cuda=`"$NVCC" --version | sed -n 's/.*release \([[0-9.]]*\).*/\1/p'`])
		AC_MSG_RESULT([$cuda])
		CPPFLAGS=$cuda_save_CPPFLAGS LIBS=$cuda_save_LIBS
	])
	AS_IF([test "$cuda" = no && test "x$with_cuda" != xauto],
		[AC_MSG_ERROR([CUDA was asked for (--with-cuda=$with_cuda) but can't be used: see config.log])])
])
AC_ARG_WITH([cuda-arch],
	[AS_HELP_STRING([--with-cuda-arch=LIST],
		[compute capabilities to compile kernels for, as in 75,80,90 (which is what else is taken), or all
		that nvcc knows; GPUs newer than the last compile its PTX when they are first used])],
	[], [with_cuda_arch=75,80,90])
AS_IF([test "$cuda" != no && test -z "$NVCC_GENCODE"], [
	cuda_known=`"$NVCC" --list-gpu-arch | sed 's/^compute_//' | tr '\n' ' '`
	AS_CASE([$with_cuda_arch],
		[all], [cuda_archs=$cuda_known],
		[yes|no], [AC_MSG_ERROR([--with-cuda-arch wants a list, as in 80,90, or all])],
		[cuda_archs=`echo "$with_cuda_arch" | tr , ' '`])
	cuda_archs=`for a in $cuda_archs; do echo $a; done | sort -n -u | tr '\n' ' '`
	for a in $cuda_archs; do
		AS_CASE([" $cuda_known"], [*" $a "*], [],
			[AC_MSG_ERROR([--with-cuda-arch: nvcc has no $a, but $cuda_known])])
		NVCC_GENCODE="$NVCC_GENCODE -gencode arch=compute_$a,code=sm_$a"
	done
	NVCC_GENCODE="$NVCC_GENCODE -gencode arch=compute_$a,code=compute_$a"
	cuda="$cuda, for $cuda_archs"
])
AC_SUBST([NVCC_GENCODE])
AC_SUBST([CUDA_CPPFLAGS])
AC_SUBST([CUDA_LIBS])
AM_CONDITIONAL([CUDA], [test "$cuda" != no])
])
