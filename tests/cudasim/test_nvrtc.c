/*
 * test_nvrtc.c - kernels that are compiled at run time: compiled once and then found, loaded, launched
 * with arguments that are copied; errors of the compiler and of its use.
 */
#include "cudasim/bed.h"
#include "cudasim/cudasim.h"
#include "cudasim/dies.h"

#include <nvrtc.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct arguments {
	float *x;
	int n;
	float factor;
};

static const char source[] =
	"struct arguments { float *x; int n; float factor; };\n"
	"static __device__ __forceinline__ float sum(float v)\n"
	"{\n"
	"	__shared__ float part[32];\n"
	"	part[threadIdx.x] = v;\n"
	"	__syncthreads();\n"
	"	v = 0;\n"
	"	for (int i = 0; i < 32; i++) v += part[i];\n"
	"	return v;\n"
	"}\n"
	"extern \"C\" __global__ void __launch_bounds__(32) k(struct arguments a)\n"
	"{\n"
	"	int i = threadIdx.x;\n"
	"	float v = i < a.n ? tanhf(a.x[i]) * a.factor : 0.0f;\n"
	"	float total = sum(v);\n"
	"	if (i < a.n) a.x[i] = fmaxf(v, -INFINITY) + total;\n"
	"}\n";
static const char *const options[] = { "--gpu-architecture=sm_80", "--std=c++17",
				       "-DINFINITY=__int_as_float(0x7f800000)" };

static nvrtcProgram compile(const char *text, nvrtcResult wanted)
{
	nvrtcProgram program;
	assert_int_equal(nvrtcCreateProgram(&program, text, "chain.cu", 0, NULL, NULL),
			 NVRTC_SUCCESS);
	assert_int_equal(nvrtcCompileProgram(program, 3, options), wanted);
	return program;
}

static cudaLibrary_t load(const char *text)
{
	cudaLibrary_t library;
	size_t size;
	nvrtcProgram program = compile(text, NVRTC_SUCCESS);
	assert_int_equal(nvrtcGetCUBINSize(program, &size), NVRTC_SUCCESS);
	char *code = malloc(size);
	assert_int_equal(nvrtcGetCUBIN(program, code), NVRTC_SUCCESS);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
	assert_ok(cudaLibraryLoadData(&library, code, NULL, NULL, 0, NULL, NULL, 0));
	free(code);
	return library;
}

static void test_kernel(void **state)
{
	(void)state;
	float x[5] = { 0, 1, -1, 2, 0.5f }, y[5], total = 0;
	cudaStream_t stream = bed_stream();
	cudaLibrary_t library = load(source);
	cudaKernel_t kernel;
	assert_int_equal(cudaLibraryGetKernel(&kernel, library, "nothing"),
			 cudaErrorSymbolNotFound);
	cudaGetLastError();
	assert_ok(cudaLibraryGetKernel(&kernel, library, "k"));
	struct arguments arguments = { bed_upload(x, sizeof x, stream), 5, 3 };
	void *pointers[] = { &arguments };
	assert_ok(cudaLaunchKernel(kernel, (dim3){ 1, 1, 1 }, (dim3){ 32, 1, 1 }, pointers, 0,
				   stream));
	void *device = arguments.x;
	memset(&arguments, 0xff, sizeof arguments); /* the launch has its own */
	bed_download(y, device, sizeof y, stream);
	for (int i = 0; i < 5; i++)
		total += tanhf(x[i]) * 3;
	for (int i = 0; i < 5; i++)
		assert_near(y[i], tanhf(x[i]) * 3 + total, 1e-5);
	assert_ok(cudaFree(device));
	assert_ok(cudaLibraryUnload(library));
	assert_ok(cudaStreamDestroy(stream));
}

/* The compiler runs for a new source only; a second library is one of its own. */
static void test_cache(void **state)
{
	(void)state;
	char text[sizeof source + 64];
	snprintf(text, sizeof text, "%s// %d %ld\n", source, (int)getpid(), (long)time(NULL));
	struct cudasim_counts before = cudasim_counts();
	cudaLibrary_t a = load(text);
	assert_int_equal(cudasim_counts().compiled - before.compiled, 1);
	cudaLibrary_t b = load(text);
	assert_int_equal(cudasim_counts().compiled - before.compiled, 1);
	assert_ok(cudaLibraryUnload(a));
	cudaKernel_t kernel;
	assert_ok(cudaLibraryGetKernel(&kernel, b, "k"));
	assert_ok(cudaLibraryUnload(b));
}

static void test_errors(void **state)
{
	(void)state;
	size_t size;
	cudaLibrary_t library;
	nvrtcProgram program = compile("__global__ void k(int n) { undeclared(n); }",
				       NVRTC_ERROR_COMPILATION);
	assert_int_equal(nvrtcGetProgramLogSize(program, &size), NVRTC_SUCCESS);
	char *log = malloc(size);
	assert_int_equal(nvrtcGetProgramLog(program, log), NVRTC_SUCCESS);
	assert_non_null(strstr(log, "chain.cu:1:"));
	assert_non_null(strstr(log, "undeclared"));
	assert_int_equal(nvrtcGetCUBIN(program, log), NVRTC_ERROR_INVALID_INPUT);
	free(log);
	static const char *const strange[] = { "--gpu-architecture=sm_80", "--fast" };
	static const char *const no_binary[] = { "--gpu-architecture=compute_80" };
	assert_int_equal(nvrtcCompileProgram(program, 2, strange), NVRTC_ERROR_INVALID_OPTION);
	assert_int_equal(nvrtcCompileProgram(program, 1, no_binary), NVRTC_ERROR_INVALID_OPTION);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
	assert_int_equal(cudaLibraryLoadData(&library,
					     "no such thing, 64 bytes are read of it: "
					     "............................",
					     NULL, NULL, 0, NULL, NULL, 0),
			 cudaErrorInvalidKernelImage);
	cudaGetLastError();
}

/* No standard headers: neither here nor with NVRTC. Headers that are handed over are there. */
static void test_headers(void **state)
{
	(void)state;
	static const char *const texts[] = { "#define FACTOR 2\n" }, *const names[] = {
		"factor.h"
	};
	nvrtcProgram program;
	assert_int_equal(nvrtcCreateProgram(&program,
					    "#include \"factor.h\"\n"
					    "struct a { float *x; };\n"
					    "extern \"C\" __global__ void k(struct a a)\n"
					    "{ a.x[0] *= FACTOR; }\n",
					    NULL, 1, texts, names),
			 NVRTC_SUCCESS);
	assert_int_equal(nvrtcCompileProgram(program, 3, options), NVRTC_SUCCESS);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
	program = compile(
		"#include <cuda_fp16.h>\n"
		"struct a { __half *x; float2 v; };\n"
		"extern \"C\" __global__ void k(struct a a) { a.x[0] = __float2half(a.v.x); }\n",
		NVRTC_SUCCESS);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
	/* without the header its names are free */
	program = compile("typedef unsigned short half;\n"
			  "struct a { half *x; };\n"
			  "extern \"C\" float expm1f(float);\n"
			  "extern \"C\" __global__ void k(struct a a) { a.x[0] = expm1f(1); }\n",
			  NVRTC_SUCCESS);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
	program = compile("extern \"C\" __global__ void k(int n) { printf(\"\"); }",
			  NVRTC_ERROR_COMPILATION);
	assert_int_equal(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
}

static void overrun(void *argument)
{
	float x[5] = { 0 };
	cudaStream_t stream = bed_stream();
	cudaKernel_t kernel;
	struct arguments arguments = { bed_upload(x, sizeof x, stream), 32, 3 };
	void *pointers[] = { &arguments };
	(void)argument;
	assert_ok(cudaLibraryGetKernel(&kernel, load(source), "k"));
	assert_ok(cudaLaunchKernel(kernel, (dim3){ 1, 1, 1 }, (dim3){ 32, 1, 1 }, pointers, 0,
				   stream));
	cudaStreamSynchronize(stream);
}

static void test_faults(void **state)
{
	(void)state;
	assert_dies(overrun, NULL, "over the end of 20 bytes of device memory, in k");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel), cmocka_unit_test(test_cache),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_headers),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
