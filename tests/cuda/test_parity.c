/*
 * test_parity.c - every case of every operator through all kernels of the CUDA backend, in float32,
 * float16 and bfloat16 (see parity.h); that no kernel is without a case, and that no more cases
 * have no kernel than are listed.
 */
#include "parity/parity.h"

#include "backend/cuda/cuda.h"
#include "backend/module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KERNELS 512

static struct device *device;
static unsigned runs[KERNELS + 1]; /* per kernel of the table and, last, the one on the host */

/*
 * Of how many cases of an operator no kernel takes any of the three types: integers, float64, old
 * forms, what is folded or made of other operators before a plan is. More of them means that what
 * ran on the GPU falls to the host.
 */
static const struct {
	const char *op;
	unsigned n;
} without_kernel[] = { { "Abs", 1 },
		       { "BatchNormalization", 2 },
		       { "Cast", 6 },
		       { "CastLike", 1 },
		       { "Clip", 3 },
		       { "Constant", 6 },
		       { "ConstantOfShape", 2 },
		       { "DepthToSpace", 2 },
		       { "Div", 1 },
		       { "Dropout", 3 },
		       { "Equal", 1 },
		       { "Flatten", 3 },
		       { "GRU", 13 },
		       { "Gemm", 1 },
		       { "GlobalAveragePool", 1 },
		       { "GlobalMaxPool", 1 },
		       { "HardSwish", 2 },
		       { "LSTM", 13 },
		       { "LayerNormalization", 1 },
		       { "LogSoftmax", 2 },
		       { "Max", 3 },
		       { "Mean", 2 },
		       { "Min", 2 },
		       { "Mish", 3 },
		       { "Mul", 1 },
		       { "Neg", 1 },
		       { "PRelu", 1 },
		       { "Pad", 1 },
		       { "Pow", 2 },
		       { "RNN", 12 },
		       { "Range", 2 },
		       { "ReduceMax", 2 },
		       { "ReduceMean", 2 },
		       { "ReduceMin", 1 },
		       { "ReduceSum", 2 },
		       { "Shape", 2 },
		       { "Sign", 1 },
		       { "Size", 1 },
		       { "Slice", 1 },
		       { "Softmax", 3 },
		       { "Softsign", 3 },
		       { "SpaceToDepth", 2 },
		       { "Split", 1 },
		       { "Squeeze", 3 },
		       { "StridedMatMul", 1 },
		       { "Sub", 1 },
		       { "Sum", 3 },
		       { "Swish", 4 },
		       { "Tile", 2 },
		       { "Unsqueeze", 2 } };
static unsigned without[ARRAY_SIZE(without_kernel)];

static const struct backend *cuda(void)
{
	return onnxtune_backend.backend;
}

static void count_without_kernel(const struct op_case *c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(without_kernel); i++)
		if (!strcmp(without_kernel[i].op, c->op)) {
			if (++without[i] > without_kernel[i].n)
				fail_msg("%u cases of %s have no kernel, %u are expected",
					 without[i], c->op, without_kernel[i].n);
			return;
		}
	fail_msg("no kernel takes a case of %s", c->op);
}

static unsigned run_types(const struct kernel *kernel, const struct op_case *c)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	unsigned n = 0;
	for (unsigned t = 0; t < ARRAY_SIZE(types); t++)
		n += parity_run(cuda(), device, kernel, c, types[t]);
	return n;
}

static void test_case(void **state)
{
	const struct op_case *c = *state;
	unsigned any = 0;
	for (unsigned k = 0; cuda_kernel_table[k]; k++) {
		const struct kernel *kernel = cuda_kernel_table[k];
		if (*kernel->op && strcmp(kernel->op, c->op) != 0)
			continue;
		unsigned n = run_types(kernel, c);
		runs[k] += n;
		any += n;
	}
	if (any)
		return;
	runs[KERNELS] += parity_run(cuda(), device, &cuda_host, c, DT_F32);
	count_without_kernel(c);
}

static void test_all_kernels_ran(void **state)
{
	(void)state;
	for (unsigned k = 0; cuda_kernel_table[k]; k++)
		if (!runs[k])
			fail_msg("no case reaches kernel '%s' of %s", cuda_kernel_table[k]->name,
				 cuda_kernel_table[k]->op);
}

static int open_device(void **state)
{
	(void)state;
	struct error err;
	if (cuda()->open(&(struct backend_options){ 0 }, &device, &err) == OK)
		return 0;
	print_error("%s\n", err.text);
	return 1;
}

static int close_device(void **state)
{
	(void)state;
	cuda()->close(device);
	return 0;
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			if (!(c->flags & CASE_NO_PARITY))
				*array_push(&tests) = (struct CMUnitTest){
					.name = mem_printf("%s: %s", c->op, c->name),
					.test_func = test_case,
					.initial_state = (void *)c,
				};
	*array_push(&tests) = (struct CMUnitTest){
		.name = mem_strdup("no kernel is without a case"), .test_func = test_all_kernels_ran
	};
	int failed = _cmocka_run_group_tests("parity", tests.v, tests.n, open_device, close_device);
	for (uint32_t i = 0; i < tests.n; i++)
		free((void *)tests.v[i].name);
	array_release(&tests);
	return failed;
}
