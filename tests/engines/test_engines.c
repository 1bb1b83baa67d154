/*
 * test_engines.c - cuDNN has an engine for every convolution that the CUDA backend gives it, on GPUs
 * that are not there: cuDNN is told what they are (DEVICEPROP) and asked for plans, which need no
 * device. All cases of operators and the layers of known networks, in all directions and types, on an
 * H100 (sm_90), an A100 (sm_80) and a T4 (sm_75, which has no bfloat16). Which of them use tensor cores,
 * whatever the number of channels, and what is fused to them.
 */
#include "backend/cuda/conv_plan.h"
#include "support/case_call.h"

#include <cudnn_backend.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICEPROP_SINCE 90800 /* version of cuDNN */

struct gpu {
	const char *name;
	int version, multiprocessors, shared;
	long long memory;
	bool bf16;
};

static const struct gpu gpus[] = {
	{ "H100", 900, 132, 232448, 84942979072, true },
	{ "A100", 800, 108, 166912, 42000000000, true },
	{ "T4", 750, 40, 65536, 15800000000, false },
};

struct layer {
	const char *name;
	int64_t n, c, size, k, kernel, stride, group;
	bool bias;
};

static const struct layer layers[] = {
	{ "LeNet 1", 64, 1, 28, 6, 5, 1, 1, true },
	{ "LeNet 2", 64, 6, 14, 16, 5, 1, 1, true },
	{ "ResNet stem", 32, 3, 224, 64, 7, 2, 1, true },
	{ "ResNet-18, 64", 32, 64, 56, 64, 3, 1, 1, true },
	{ "ResNet-18, 128", 32, 64, 56, 128, 3, 2, 1, true },
	{ "ResNet-18, 256", 32, 256, 14, 256, 3, 1, 1, true },
	{ "ResNet-18, 512", 32, 512, 7, 512, 3, 1, 1, true },
	{ "ResNet-50, widen", 64, 64, 56, 256, 1, 1, 1, true },
	{ "ResNet-50, narrow", 64, 256, 56, 64, 1, 1, 1, true },
	{ "ResNet-50, shortcut", 64, 256, 56, 512, 1, 2, 1, true },
	{ "ResNet-50, last", 64, 512, 7, 2048, 1, 1, 1, true },
	{ "MobileNetV2 stem", 64, 3, 224, 32, 3, 2, 1, true },
	{ "MobileNetV2, depthwise", 64, 96, 112, 96, 3, 2, 96, true },
	{ "MobileNetV2, narrow", 64, 96, 56, 24, 1, 1, 1, true },
	{ "MobileNetV2, depthwise, late", 64, 960, 7, 960, 3, 1, 960, true },
	{ "MobileNetV2, last", 64, 320, 7, 1280, 1, 1, 1, true },
	{ "ViT patches", 32, 3, 224, 768, 16, 16, 1, true },
	{ "odd channels", 5, 19, 33, 35, 3, 1, 1, true },
	{ "one sample", 1, 17, 31, 67, 5, 2, 1, false },
	{ "groups", 8, 32, 28, 64, 3, 1, 4, true },
};

/* What a test has found to be missing. */
struct missing {
	int n;
	char text[2000];
};

static void *device_of(const struct gpu *gpu)
{
	static const char format[] =
		"{\"cudaDeviceId\":0,\"deviceVer\":%d,\"driverVer\":13000,\"deviceName\":\"%s\","
		"\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],"
		"\"regsPerBlock\":65536,\"multiProcessorCount\":%d,\"warpSize\":32,"
		"\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
		"\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
		"\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,"
		"\"pciDeviceId\":0,\"isTccDriver\":0,\"supportCoopLaunch\":1,"
		"\"totalGlobalMem\":%lld,\"smClockRateKHz\":1980000,\"memClockRateKHz\":2619000,"
		"\"l2CacheSize\":52428800}";
	char json[1024];
	cudnnBackendDescriptor_t d;
	snprintf(json, sizeof json, format, gpu->version, gpu->name, gpu->multiprocessors,
		 gpu->shared, gpu->memory);
	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d) ||
	    cudnnBackendSetAttribute(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
				     (int64_t)strlen(json) + 1, json) ||
	    cudnnBackendFinalize(d))
		fail_msg("cuDNN does not take the description of a %s", gpu->name);
	return d;
}

/* What a plan has to be like. */
enum { FUSED = 1, NOT_FUSED = 2, TENSOR_CORES = 4 /* in float16, since Ampere */ };

static const char *look(const struct gpu *gpu, const struct conv_plan *plan, enum dtype dtype,
			unsigned wish)
{
	if (wish & FUSED && !plan->fused)
		return "what follows is not fused";
	if (wish & NOT_FUSED && plan->fused)
		return "what follows is fused";
	if (wish & TENSOR_CORES && dtype == DT_F16 && gpu->bf16 && !plan->tensor_cores)
		return "no tensor cores";
	return NULL;
}

/* Asks for a plan of the case's call, and notes what is not as it should be. */
static void ask(const struct gpu *gpu, void *device, const struct op_case *c, enum dtype dtype,
		unsigned wish, struct missing *missing)
{
	struct case_call made;
	struct convolution conv;
	struct conv_plan plan;
	struct error err;
	struct arena arena;
	const char *wrong = NULL;
	bool expected = gpu->bf16 || dtype != DT_BF16;
	arena_init(&arena);
	if (!case_call_make(c, dtype, 1, &arena, &made) || conv_read(&made.call, &conv, &err) != OK)
		fail_msg("%s: no call", c->name);
	bool found = conv_plan_make(&conv, NULL, device, 1, &plan, &err) == OK;
	if (found != expected)
		wrong = found ? "has an engine" : err.text;
	else if (found)
		wrong = look(gpu, &plan, dtype, wish);
	if (wrong && missing->n++ < 12) {
		size_t end = strlen(missing->text);
		snprintf(missing->text + end, sizeof missing->text - end, "\n%s, %s, %s: %s", c->op,
			 c->name, dtype_name(dtype), wrong);
	}
	if (found)
		conv_plan_release(&plan);
	graph_free(made.graph);
	arena_release(&arena);
}

static void ask_types(const struct gpu *gpu, void *device, const struct op_case *c, unsigned wish,
		      struct missing *missing)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	for (size_t t = 0; t < ARRAY_SIZE(types); t++)
		ask(gpu, device, c, types[t], wish, missing);
}

static void finish(void *device, const struct missing *missing)
{
	cudnnBackendDestroyDescriptor(device);
	if (missing->n)
		fail_msg("%d are missing:%s", missing->n, missing->text);
}

static void test_cases(void **state)
{
	const struct gpu *gpu = *state;
	struct missing missing = { 0 };
	void *device = device_of(gpu);
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			if ((!strncmp(c->op, "Conv", 4) || !strcmp(c->op, "FusedConv")) &&
			    !(c->flags & CASE_NO_PARITY))
				ask_types(gpu, device, c, 0, &missing);
	finish(device, &missing);
}

static struct case_input normal(struct shape shape)
{
	return (struct case_input){ FILL_NORMAL, DT_F64, shape, 0, 1, NULL, false };
}

/*
 * The layer with a residual, with a Relu and with both, in half types. Limits are fused to depthwise
 * convolutions only: others have no engine that says that it hands a NaN on.
 */
static void ask_fused(const struct gpu *gpu, void *device, const struct op_case *forward,
		      struct shape y, bool depthwise, struct missing *missing)
{
	for (unsigned what = 1; what < 4; what++)
		for (int half = 0; half < 2; half++) {
			struct op_case c = *forward;
			enum dtype dtype = half ? DT_BF16 : DT_F16;
			if (!gpu->bf16 && half)
				continue;
			c.op = "FusedConv";
			c.domain = "onnxtune";
			if (what & 1)
				c.in[3] = normal(y);
			c.attrs[3] = (struct attr){ "relu", ATTR_INT, .i = what >> 1 };
			ask(gpu, device, &c, dtype, what & 2 && !depthwise ? NOT_FUSED : FUSED,
			    missing);
		}
}

/* The layer and its gradients, that of the weights in float32 as training asks for it. */
static void ask_layer(const struct gpu *gpu, void *device, const struct layer *l,
		      struct missing *missing)
{
	int64_t pad = l->stride == l->kernel ? 0 : l->kernel / 2;
	int64_t out = (l->size + 2 * pad - l->kernel) / l->stride + 1;
	const int64_t pads[] = { pad, pad, pad, pad }, strides[] = { l->stride, l->stride };
	struct shape x = SHAPE(l->n, l->c, l->size, l->size), y = SHAPE(l->n, l->k, out, out);
	struct shape w = SHAPE(l->k, l->c / l->group, l->kernel, l->kernel);
	const struct attr geometry[] = { { "pads", ATTR_INTS, 4, .ints = pads },
					 { "strides", ATTR_INTS, 2, .ints = strides },
					 { "group", ATTR_INT, .i = l->group } };
	struct op_case forward = { .name = l->name, .op = "Conv" };
	memcpy(forward.attrs, geometry, sizeof geometry);
	struct op_case dx = forward, dw = forward;
	forward.in[0] = normal(x);
	forward.in[1] = normal(w);
	if (l->bias)
		forward.in[2] = normal(SHAPE(l->k));
	dx.op = "ConvGradInput";
	dw.op = "ConvGradWeight";
	dx.domain = dw.domain = "onnxtune";
	dx.in[0] = dw.in[0] = normal(y);
	dx.in[1] = normal(w);
	dw.in[1] = normal(x);
	dx.attrs[3] = (struct attr){ "_shape", ATTR_INTS, 4, .ints = x.dim };
	dw.attrs[3] = (struct attr){ "_shape", ATTR_INTS, 4, .ints = w.dim };
	dw.attrs[4] = (struct attr){ "_out", ATTR_INT, .i = DT_F32 };
	/* Channels need not be padded to multiples of 8: 1, 3, 19 have engines on tensor cores. */
	unsigned cores = l->group == 1 && (l->c % 8 || l->k % 8) ? TENSOR_CORES : 0;
	ask_types(gpu, device, &forward, cores | (l->bias ? FUSED : 0), missing);
	ask_types(gpu, device, &dx, 0, missing);
	ask_types(gpu, device, &dw, cores, missing);
	if (l->bias)
		ask_fused(gpu, device, &forward, y, l->group == l->c && l->group > 1, missing);
}

static void test_layers(void **state)
{
	const struct gpu *gpu = *state;
	struct missing missing = { 0 };
	void *device = device_of(gpu);
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
		ask_layer(gpu, device, &layers[i], &missing);
	finish(device, &missing);
}

static void test_version(void **state)
{
	(void)state;
	if (cudnnGetVersion() < DEVICEPROP_SINCE)
		skip();
}

int main(void)
{
	struct CMUnitTest tests[2 * ARRAY_SIZE(gpus) + 1] = { cmocka_unit_test(test_version) };
	size_t n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(gpus) && cudnnGetVersion() >= DEVICEPROP_SINCE; i++) {
		tests[n++] = (struct CMUnitTest){ mem_printf("cases on %s", gpus[i].name),
						  test_cases, .initial_state = (void *)&gpus[i] };
		tests[n++] = (struct CMUnitTest){ mem_printf("layers on %s", gpus[i].name),
						  test_layers, .initial_state = (void *)&gpus[i] };
	}
	int failed = _cmocka_run_group_tests("engines", tests, n, NULL, NULL);
	for (size_t i = 1; i < n; i++)
		free((void *)tests[i].name);
	return failed;
}
