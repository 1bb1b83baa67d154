/*
 * fault.c - while simulated work runs, a signal for a wrong access is explained: the address, the
 * kernel, block and thread. The handlers stand only as long as work runs and have a stack of their
 * own, since that of a fiber may be what overflowed.
 */
#include "cudasim/internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
#define SIGNALS (sizeof signals / sizeof *signals)

static struct sigaction before[SIGNALS];
static stack_t stack_before;
static bool watching;

static void explain(int number, siginfo_t *info, void *context)
{
	char what[160];
	(void)context;
	if (number == SIGSEGV || number == SIGBUS) {
		sim_memory_describe(info->si_addr, what, sizeof what);
		sim_fatal("wrong access: %s", what);
	}
	if (number == SIGFPE)
		sim_fatal("division of an integer by zero");
	sim_fatal("misaligned access, or an index over the end of an array");
}

void sim_fault_watch(void)
{
	static char stack[64 << 10];
	struct sigaction action = { .sa_sigaction = explain, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t new_stack = { .ss_sp = stack, .ss_size = sizeof stack };
	if (watching)
		return;
	watching = sigaltstack(&new_stack, &stack_before) == 0;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &action, &before[i]);
}

void sim_fault_unwatch(void)
{
	if (!watching)
		return;
	watching = false;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	sigaltstack(&stack_before, NULL); /* refused within the handler, which ends the process */
}
