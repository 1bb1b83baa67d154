/*
 * test_parity_cases.c - every case of every operator through all kernels that the CPU has for it, in
 * float32, float16 and bfloat16 (see parity.h), and that no kernel is without a case.
 */
#include "parity/parity.h"

#include "backend/cpu/cpu.h"
#include "backend/cpu/dnn.h"
#include "backend/cpu/tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KERNELS 512

static struct device *device;
static unsigned runs[KERNELS]; /* per kernel of the table, in the type that it is there for */

/* Tiles are for bfloat16 alone. */
static bool is_of_tiles(const struct kernel *kernel)
{
	return strstr(kernel->name, "tiles") != NULL;
}

static void test_case(void **state)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	const struct op_case *c = *state;
	for (unsigned k = 0; cpu_kernel_table[k]; k++)
		for (unsigned t = 0; !strcmp(cpu_kernel_table[k]->op, c->op) && t < 3; t++) {
			unsigned n = parity_run(&backend_cpu, device, cpu_kernel_table[k], c,
						types[t]);
			if (types[t] == (is_of_tiles(cpu_kernel_table[k]) ? DT_BF16 : DT_F32))
				runs[k] += n;
		}
}

/* Some kernels are for machines where oneDNN is not there or not at its best. */
static bool is_used(const struct kernel *kernel)
{
	if (is_of_tiles(kernel))
		return dnn_supports(DT_BF16) && tiles_available();
	return strncmp(kernel->name, "oneDNN", 6) ? !kernel->rank || !dnn_batch_reduces()
						  : DNN_AVAILABLE;
}

static void test_all_kernels_ran(void **state)
{
	(void)state;
	/* where it is wide, oneDNN does the work of some of ours: avx2.sh runs all */
	for (unsigned k = 0; cpu_kernel_table[k]; k++)
		if (!runs[k] && is_used(cpu_kernel_table[k]) &&
		    (is_of_tiles(cpu_kernel_table[k]) || !dnn_wide()))
			fail_msg("no case reaches kernel '%s' of %s", cpu_kernel_table[k]->name,
				 cpu_kernel_table[k]->op);
	if (dnn_wide())
		skip();
}

static int open_device(void **state)
{
	(void)state;
	struct error err;
	return backend_cpu.open(&(struct backend_options){ .threads = 2 }, &device, &err) != OK;
}

static int close_device(void **state)
{
	(void)state;
	backend_cpu.close(device);
	return 0;
}

static bool has_kernel(const char *op)
{
	for (unsigned k = 0; cpu_kernel_table[k]; k++)
		if (!strcmp(cpu_kernel_table[k]->op, op))
			return true;
	return false;
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			if (!(c->flags & CASE_NO_PARITY) && has_kernel(c->op))
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
