/* test_cpu_memory.c - memory of the CPU's device: large blocks are asked for in large pages. */
#include "backend/backend.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether the mapping that the address is in is marked for large pages. */
static bool is_marked(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool inside = false, marked = false;
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		unsigned long begin, end;
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			inside = begin <= (unsigned long)p && (unsigned long)p < end;
		if (inside && !strncmp(line, "VmFlags:", 8))
			marked = strstr(line, " hg") != NULL;
	}
	fclose(f);
	return marked;
}

static void test_large_blocks(void **state)
{
	(void)state;
	struct error err;
	struct device *device;
	void *large, *small;
	if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK))
		skip();
	assert_int_equal(backend_cpu.open(&(struct backend_options){ .threads = 1 }, &device, &err),
			 OK);
	assert_int_equal(backend_cpu.alloc(device, (size_t)9 << 20, &large, &err), OK);
	assert_int_equal(backend_cpu.alloc(device, (size_t)1 << 20, &small, &err), OK);
	assert_true(is_marked(large));
	assert_false(is_marked(small));
	memset(large, 1, (size_t)9 << 20);
	backend_cpu.free(device, large);
	backend_cpu.free(device, small);
	backend_cpu.close(device);
}

/* AddressSanitizer's: it is to give no memory where the system has none, instead of ending the test. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* A size that can't be had is an error, also one that rounding up would make small. */
static void test_too_large(void **state)
{
	(void)state;
	struct error err;
	struct device *device;
	void *p;
	assert_int_equal(backend_cpu.open(&(struct backend_options){ .threads = 1 }, &device, &err),
			 OK);
	assert_int_equal(backend_cpu.alloc(device, SIZE_MAX - 100, &p, &err), ERR_MEMORY);
	assert_int_equal(backend_cpu.alloc(device, SIZE_MAX / 2, &p, &err), ERR_MEMORY);
	backend_cpu.close(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests_name("memory of the CPU", tests, NULL, NULL);
}
