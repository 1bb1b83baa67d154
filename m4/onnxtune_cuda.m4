# ONNXTUNE_CUDA
# -------------
# --with-cuda[=DIR|no]. Looks for nvcc in DIR/bin, the path and /usr/local/cuda/bin, and for the
# headers and libraries of the runtime, cuBLASLt and cuDNN beside it. libcuda, the driver, is never
# linked: the module is for machines with a driver, the build is not. Sets cuda (the version, or
# no), NVCC, NVCC_GENCODE, CUDA_CPPFLAGS, CUDA_LIBS and the conditional CUDA.
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
: ${NVCC_GENCODE="-gencode arch=compute_75,code=sm_75 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[[sm_90,compute_90]]"}
AC_SUBST([CUDA_CPPFLAGS])
AC_SUBST([CUDA_LIBS])
AM_CONDITIONAL([CUDA], [test "$cuda" != no])
])
