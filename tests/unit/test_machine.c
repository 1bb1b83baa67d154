/* test_machine.c - what the machine lets the process have. */
#include "base/machine.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static void test_memory(void **state)
{
	(void)state;
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	/* this program runs, so no limit is below its own few MiB */
	assert_true(machine_memory() >= 1 << 20);
	assert_true(machine_memory() <= all);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
