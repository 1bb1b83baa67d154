/*
 * test_parity.c - every case of every operator through all kernels of the CUDA backend, in float32,
 * float16 and bfloat16 (see parity.h), and that no kernel is without a case.
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

static const struct backend *cuda(void)
{
	return onnxtune_backend.backend;
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
	if (!any)
		runs[KERNELS] += parity_run(cuda(), device, &cuda_host, c, DT_F32);
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
