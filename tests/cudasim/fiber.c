/*
 * fiber.c - kernels of the simulated device. Each thread of a block is a fiber; the blocks run one
 * after the other in random order. A fiber runs until it comes to a barrier or an exchange of its
 * warp, or ends; then another one runs that can, in an order that is drawn anew for each round over
 * the block.
 *
 * Shared memory of kernels is thread_local (shim.h): the thread-local segments of the program, and of
 * each library of kernels that was loaded, hold nothing else.
 */
#include "cudasim/internal.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#define STACK ((size_t)128 << 10)
#define GUARD ((size_t)4096)
#define MAX_THREADS 1024
#define WARP 32
#define MAX_SHARED ((size_t)48 << 10)

struct index3 {
	unsigned x, y, z;
};

/* As in shim.h. */
struct cudasim_thread {
	struct index3 thread, block;
	dim3 block_size, grid_size;
	void *shared;
	unsigned lane;
};
extern struct cudasim_thread *cudasim_thread;
struct cudasim_thread *cudasim_thread;

enum fiber_state { FIBER_READY, FIBER_BARRIER, FIBER_WARP, FIBER_DONE };

struct fiber {
	struct cudasim_thread context;
	enum fiber_state state;
	const char *file; /* where it waits */
	int line;
	unsigned mask;                /* FIBER_WARP: of the exchange */
	unsigned long long value;     /* that it hands in */
	unsigned long long all[WARP]; /* and what it gets */
#if defined(__x86_64__)
	void *sp;
#else
	ucontext_t registers;
#endif
};

static struct {
	struct fiber fibers[MAX_THREADS];
	struct fiber *current;
	uint8_t *stacks, *shared; /* shared: ends at an inaccessible page */
	unsigned n, left, at_barrier;
	void (*run)(void *argument);
	void *argument;
#if defined(__x86_64__)
	void *sp;
#else
	ucontext_t registers;
#endif
} block;

/* ---- switching between fibers ---- */

#if defined(__x86_64__)
/* Saves what a call must preserve, on the stack, and goes on where `to` was saved. */
void cudasim_switch(void **save, void *to);
__asm__(".text\n"
	".globl cudasim_switch\n"
	".type cudasim_switch, @function\n"
	"cudasim_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	sub $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	add $8, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size cudasim_switch, . - cudasim_switch\n");

static void leave(struct fiber *f)
{
	cudasim_switch(&f->sp, block.sp);
}

static void resume(struct fiber *f)
{
	block.current = f;
	cudasim_thread = &f->context;
	cudasim_switch(&block.sp, f->sp);
	block.current = NULL;
}

/* A stack as cudasim_switch leaves it, which returns into entry. */
static void prepare(struct fiber *f, uint8_t *top, void (*entry)(void))
{
	static const uint32_t modes[2] = { 0x1f80, 0x037f }; /* mxcsr, x87: as a process starts */
	void **sp = (void **)(top - 64);
	*--sp = NULL; /* where entry would return to */
	*--sp = (void *)entry;
	for (int i = 0; i < 6; i++)
		*--sp = NULL;
	memcpy(--sp, modes, sizeof modes);
	f->sp = sp;
}
#else
static void leave(struct fiber *f)
{
	swapcontext(&f->registers, &block.registers);
}

static void resume(struct fiber *f)
{
	block.current = f;
	cudasim_thread = &f->context;
	swapcontext(&block.registers, &f->registers);
	block.current = NULL;
}

static void prepare(struct fiber *f, uint8_t *top, void (*entry)(void))
{
	getcontext(&f->registers);
	f->registers.uc_stack.ss_sp = top - STACK;
	f->registers.uc_stack.ss_size = STACK;
	f->registers.uc_link = NULL;
	makecontext(&f->registers, entry, 0);
}
#endif

static void fiber_entry(void)
{
	struct fiber *f = block.current;
	block.run(block.argument);
	f->state = FIBER_DONE;
	block.left--;
	leave(f);
	abort();
}

/* ---- barriers and exchanges ---- */

static unsigned index_of(const struct fiber *f)
{
	return (unsigned)(f - block.fibers);
}

void sim_fiber_describe(char *text, size_t size)
{
	const struct fiber *f = block.current;
	if (!f) {
		*text = '\0';
		return;
	}
	const struct cudasim_thread *c = &f->context;
	snprintf(text, size, "block (%u,%u,%u), thread (%u,%u,%u)", c->block.x, c->block.y,
		 c->block.z, c->thread.x, c->thread.y, c->thread.z);
}

/* Once all that have not ended are at the barrier, they go on; it must be the same one. */
static void try_barrier(void)
{
	const struct fiber *first = NULL;
	if (!block.left || block.at_barrier < block.left)
		return;
	for (unsigned i = 0; i < block.n; i++) {
		struct fiber *f = &block.fibers[i];
		if (f->state != FIBER_BARRIER)
			continue;
		if (!first)
			first = f;
		if (f->line != first->line || strcmp(f->file, first->file) != 0)
			sim_fatal("threads of a block wait at different barriers, %s:%d and %s:%d",
				  first->file, first->line, f->file, f->line);
	}
	for (unsigned i = 0; i < block.n; i++)
		if (block.fibers[i].state == FIBER_BARRIER)
			block.fibers[i].state = FIBER_READY;
	block.at_barrier = 0;
}

void cudasim_barrier(const char *file, int line);
void cudasim_barrier(const char *file, int line)
{
	struct fiber *f = block.current;
	f->file = file;
	f->line = line;
	f->state = FIBER_BARRIER;
	block.at_barrier++;
	try_barrier();
	if (f->state == FIBER_BARRIER)
		leave(f);
}

/* Once all lanes of the mask that exist have come, each gets the values of all. */
static void try_exchange(const struct fiber *last)
{
	unsigned first = index_of(last) / WARP * WARP;
	unsigned long long all[WARP];
	memset(all, POISON, sizeof all);
	for (unsigned lane = 0; lane < WARP && first + lane < block.n; lane++) {
		const struct fiber *f = &block.fibers[first + lane];
		bool named = last->mask >> lane & 1;
		if (f->state == FIBER_DONE || (!named && f->state != FIBER_WARP))
			continue;
		if (f->state != FIBER_WARP)
			return;
		if (!named && !(f->mask & last->mask)) /* an exchange of other lanes */
			continue;
		if (f->mask != last->mask || f->line != last->line ||
		    strcmp(f->file, last->file) != 0)
			sim_fatal("lanes of a warp exchange at different places, %s:%d (mask %08x) "
				  "and %s:%d (mask %08x)",
				  f->file, f->line, f->mask, last->file, last->line, last->mask);
		all[lane] = f->value;
	}
	for (unsigned lane = 0; lane < WARP && first + lane < block.n; lane++) {
		struct fiber *f = &block.fibers[first + lane];
		if ((last->mask >> lane & 1) && f->state == FIBER_WARP) {
			memcpy(f->all, all, sizeof all);
			f->state = FIBER_READY;
		}
	}
}

const unsigned long long *cudasim_exchange(unsigned mask, unsigned long long value,
					   const char *file, int line);
const unsigned long long *cudasim_exchange(unsigned mask, unsigned long long value,
					   const char *file, int line)
{
	struct fiber *f = block.current;
	if (!(mask >> f->context.lane & 1))
		sim_fatal("%s:%d: a lane is not in the mask %08x of its exchange", file, line,
			  mask);
	f->file = file;
	f->line = line;
	f->mask = mask;
	f->value = value;
	f->state = FIBER_WARP;
	try_exchange(f);
	if (f->state == FIBER_WARP)
		leave(f);
	return f->all;
}

/* A thread that ends may be the last that a barrier or an exchange waited for. */
static void after_end(const struct fiber *ended)
{
	unsigned first = index_of(ended) / WARP * WARP;
	try_barrier();
	for (unsigned i = first; i < first + WARP && i < block.n; i++)
		if (block.fibers[i].state == FIBER_WARP)
			try_exchange(&block.fibers[i]);
}

static void report_deadlock(void)
{
	for (unsigned i = 0; i < block.n; i++) {
		struct fiber *f = &block.fibers[i];
		if (f->state == FIBER_DONE)
			continue;
		block.current = f;
		sim_fatal("%s that others never reach, %s:%d",
			  f->state == FIBER_BARRIER ? "a thread waits at a barrier"
						    : "a lane waits in an exchange",
			  f->file, f->line);
	}
}

/* ---- blocks ---- */

/* The thread-local segments of the program and of libraries of kernels. */
struct segments {
	void *at[64];
	size_t bytes[64];
	unsigned n;
};

static int find_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	struct segments *s = data;
	bool program = !*info->dlpi_name, kernels = strstr(info->dlpi_name, "/cudasim-") != NULL;
	(void)size;
	if (!info->dlpi_tls_data || !(program || kernels))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS && s->n < 64) {
			s->at[s->n] = info->dlpi_tls_data;
			s->bytes[s->n++] = info->dlpi_phdr[i].p_memsz;
		}
	return 0;
}

/* The fibers of a block take turns in the order start, start + step, ... */
static void draw_order(unsigned *start, unsigned *step)
{
	*start = sim_draw() % block.n;
	for (;;) {
		unsigned a = *step = sim_draw() % block.n + 1, b = block.n;
		while (b) {
			unsigned r = a % b;
			a = b;
			b = r;
		}
		if (a == 1) /* no common divisor: it comes to all */
			return;
	}
}

static void run_block(const struct job *job, const struct segments *segments, struct index3 at)
{
	dim3 b = job->block;
	block.left = block.n;
	block.at_barrier = 0;
	for (unsigned i = 0; i < segments->n; i++)
		memset(segments->at[i], POISON, segments->bytes[i]);
	size_t shared = (job->shared + 15) / 16 * 16;
	memset(block.shared + MAX_SHARED - shared, POISON, shared);
	for (unsigned i = 0; i < block.n; i++) {
		struct fiber *f = &block.fibers[i];
		f->context = (struct cudasim_thread){
			.thread = { i % b.x, i / b.x % b.y, i / (b.x * b.y) },
			.block = at,
			.block_size = b,
			.grid_size = job->grid,
			.shared = block.shared + MAX_SHARED - shared,
			.lane = i % WARP,
		};
		f->state = FIBER_READY;
		prepare(f, block.stacks + (i + 1) * (STACK + GUARD), fiber_entry);
	}
	while (block.left) {
		unsigned start, step;
		bool moved = false;
		draw_order(&start, &step);
		for (unsigned i = 0; i < block.n; i++, start = (start + step) % block.n) {
			struct fiber *f = &block.fibers[start];
			if (f->state != FIBER_READY)
				continue;
			moved = true;
			resume(f);
			if (f->state == FIBER_DONE)
				after_end(f);
		}
		if (!moved)
			report_deadlock();
	}
}

static uint8_t *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		sim_fatal("no memory for a block of threads");
	return p;
}

static void set_up(void)
{
	if (block.stacks)
		return;
	block.stacks = map(MAX_THREADS * (STACK + GUARD));
	for (unsigned i = 0; i < MAX_THREADS; i++)
		mprotect(block.stacks + i * (STACK + GUARD), GUARD, PROT_NONE);
	block.shared = map(MAX_SHARED + GUARD);
	mprotect(block.shared + MAX_SHARED, GUARD, PROT_NONE);
}

void sim_fiber_run(const struct job *job)
{
	uint64_t blocks = (uint64_t)job->grid.x * job->grid.y * job->grid.z;
	unsigned start = 0;
	struct segments segments = { .n = 0 };
	set_up();
	dl_iterate_phdr(find_segments, &segments);
	block.n = job->block.x * job->block.y * job->block.z;
	block.run = job->run;
	block.argument = job->argument;
	if (blocks > 1)
		start = sim_draw() % (unsigned)(blocks < UINT32_MAX ? blocks : UINT32_MAX);
	for (uint64_t i = 0; i < blocks; i++) {
		uint64_t k = (i + start) % blocks;
		run_block(job, &segments,
			  (struct index3){ (unsigned)(k % job->grid.x),
					   (unsigned)(k / job->grid.x % job->grid.y),
					   (unsigned)(k / job->grid.x / job->grid.y) });
	}
}

/* ---- launches ---- */

static cudaError_t launch(const char *name, dim3 grid, dim3 threads, size_t shared,
			  cudaStream_t stream, void (*run)(void *), const void *argument,
			  size_t size)
{
	cudaError_t code;
	if (sim_fails("cudaLaunchKernel", false))
		return sim_error(cudaErrorLaunchFailure);
	uint64_t n = (uint64_t)threads.x * threads.y * threads.z;
	if (!grid.x || !grid.y || !grid.z || grid.x > INT32_MAX || grid.y > 65535 ||
	    grid.z > 65535 || !n || n > MAX_THREADS || threads.x > MAX_THREADS ||
	    threads.y > MAX_THREADS || threads.z > 64)
		return sim_error(cudaErrorInvalidConfiguration);
	if (shared > MAX_SHARED)
		return sim_error(cudaErrorInvalidValue);
	struct job *job = sim_queue_push(stream, JOB_KERNEL, name, &code);
	if (!job)
		return code;
	job->grid = grid;
	job->block = threads;
	job->shared = shared;
	job->run = run;
	job->argument = sim_alloc(size);
	memcpy(job->argument, argument, size);
	job->drop = free;
	return cudaSuccess;
}

void cudasim_launch(const char *name, dim3 grid, dim3 threads, size_t shared, cudaStream_t stream,
		    void (*run)(void *closure), const void *closure, size_t size);
void cudasim_launch(const char *name, dim3 grid, dim3 threads, size_t shared, cudaStream_t stream,
		    void (*run)(void *closure), const void *closure, size_t size)
{
	/* The program asks cudaGetLastError. */
	cudaError_t code = launch(name, grid, threads, shared, stream, run, closure, size);
	(void)code;
}

cudaError_t cudaLaunchKernel(const void *func, dim3 grid, dim3 threads, void **args, size_t shared,
			     cudaStream_t stream)
{
	const struct sim_kernel *kernel = func;
	if (!kernel)
		return sim_error(cudaErrorInvalidDeviceFunction);
	return launch(kernel->name, grid, threads, shared, stream, kernel->run, args[0],
		      kernel->size);
}
