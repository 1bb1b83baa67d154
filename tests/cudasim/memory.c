/*
 * memory.c - memory of the simulated device, and pinned memory. Device addresses come from one range
 * that the process may not touch; sim_memory_open makes the live blocks accessible for as long as
 * simulated work runs. A block ends (rounded up to 256 bytes, which CUDA aligns to) where an
 * inaccessible page starts; addresses are never given out a second time.
 */
#include "cudasim/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPACE ((size_t)1 << 40) /* of device addresses */
#define ALIGNMENT 256

struct block {
	uintptr_t address;
	size_t bytes;
	bool live, pinned;
	size_t slot; /* in memory.live */
};

static struct {
	uintptr_t space;
	size_t space_used;    /* a multiple of the page size */
	struct block *blocks; /* by rising address, freed ones too */
	size_t n, room;
	size_t *live, n_live; /* indices of the blocks that are not freed; as much room */
	size_t used;          /* bytes of device memory */
	bool open;
	size_t page;
} memory;

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static uintptr_t first_page(const struct block *b)
{
	return b->address / memory.page * memory.page;
}

static size_t page_bytes(const struct block *b)
{
	return b->address + round_up(b->bytes, ALIGNMENT) - first_page(b);
}

/*
 * The gaps beside a block hold NaNs in every type that differ from place to place, and whose bits
 * arithmetic would change: for float they are signalling ones, and conversions to the others give
 * one kind of NaN.
 */
static uint32_t gap_word(uintptr_t index)
{
	uint32_t x = (uint32_t)(index * 0x9e3779b1);
	return 0xff80ff80 | (x >> 26 << 16) | (x >> 8 & 0x7f) | 0x10001;
}

static uint8_t gap_byte(uintptr_t address)
{
	return (uint8_t)(gap_word(address / 4) >> 8 * (address % 4));
}

/* The first of the bytes from a to end that is not what the gap had there, or end. */
static uintptr_t gap_changed(uintptr_t a, uintptr_t end)
{
	while (a < end)
		if (a % 4 == 0 && end - a >= 4 && *(const uint32_t *)a == gap_word(a / 4))
			a += 4;
		else if (*(const uint8_t *)a == gap_byte(a))
			a++;
		else
			break;
	return a;
}

/* Where the checked bytes before a block start. */
static uintptr_t before(const struct block *b)
{
	return b->address - first_page(b) < 64 ? first_page(b) : b->address - 64;
}

static void protect(const struct block *b, int protection)
{
	if (mprotect((void *)first_page(b), page_bytes(b), protection))
		sim_fatal("mprotect failed: too many blocks of memory?");
}

/* One range holds device and pinned memory; NULL when there is no room. */
static void *new_block(size_t bytes, bool pinned)
{
	if (!memory.space) {
		void *p = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			       -1, 0);
		if (p == MAP_FAILED)
			sim_fatal("no address space for a device");
		memory.space = (uintptr_t)p;
		memory.page = (size_t)sysconf(_SC_PAGESIZE);
		sim_made(THING_COUNT);
	}
	size_t pages = round_up(round_up(bytes, ALIGNMENT), memory.page);
	if (pages + memory.page > SPACE - memory.space_used)
		return NULL;
	memory.space_used += pages + memory.page; /* the last page stays inaccessible */
	uintptr_t end = memory.space + memory.space_used - memory.page;
	if (memory.n == memory.room) {
		size_t room = memory.room ? 2 * memory.room : 64;
		struct block *blocks = realloc(memory.blocks, room * sizeof *blocks);
		size_t *live = realloc(memory.live, room * sizeof *live);
		if (!blocks || !live)
			sim_fatal("no memory");
		memory.blocks = blocks;
		memory.live = live;
		memory.room = room;
	}
	struct block *b = &memory.blocks[memory.n];
	*b = (struct block){ end - round_up(bytes, ALIGNMENT), bytes, true, pinned, memory.n_live };
	memory.live[memory.n_live++] = memory.n++;
	protect(b, PROT_READ | PROT_WRITE);
	memset((void *)first_page(b), POISON, page_bytes(b));
	for (uintptr_t a = before(b); a < end; a = a + 1 == b->address ? a + 1 + bytes : a + 1)
		*(uint8_t *)a = gap_byte(a);
	if (!pinned && !memory.open)
		protect(b, PROT_NONE);
	return (void *)b->address;
}

static void end_block(struct block *b)
{
	size_t last = memory.live[--memory.n_live];
	memory.live[b->slot] = last;
	memory.blocks[last].slot = b->slot;
	b->live = false;
	protect(b, PROT_NONE);
	madvise((void *)first_page(b), page_bytes(b), MADV_DONTNEED);
}

/* The last block that starts at or before the address, or NULL. */
static struct block *block_before(const void *p)
{
	size_t low = 0, high = memory.n;
	if ((uintptr_t)p - memory.space >= SPACE)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memory.blocks[middle].address <= (uintptr_t)p)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &memory.blocks[low - 1] : NULL;
}

void sim_memory_describe(const void *p, char *text, size_t size)
{
	const struct block *b = block_before(p);
	if (!b || !memory.space) {
		snprintf(text, size, "address %p, which is no device memory", p);
		return;
	}
	const char *kind = b->pinned ? "pinned host" : "device";
	size_t offset = (uintptr_t)p - b->address;
	if (!b->live)
		snprintf(text, size, "byte %zu of %zu bytes of %s memory that was freed", offset,
			 b->bytes, kind);
	else if (offset >= b->bytes)
		snprintf(text, size, "%zu bytes over the end of %zu bytes of %s memory",
			 offset - b->bytes, b->bytes, kind);
	else
		snprintf(text, size, "byte %zu of %zu bytes of %s memory", offset, b->bytes, kind);
}

enum memory_kind sim_memory_kind(const void *p, size_t bytes, const char *what)
{
	char text[160];
	if (!memory.space || (uintptr_t)p - memory.space >= SPACE)
		return MEMORY_OTHER;
	const struct block *b = block_before(p);
	size_t offset = b ? (uintptr_t)p - b->address : 0;
	if (!b || !b->live || offset > b->bytes || bytes > b->bytes - offset) {
		const char *last = (const char *)p + (bytes ? bytes - 1 : 0);
		sim_memory_describe(b && b->live && offset <= b->bytes ? last : p, text,
				    sizeof text);
		sim_fatal("%s: %s", what, text);
	}
	return b->pinned ? MEMORY_PINNED : MEMORY_DEVICE;
}

void sim_memory_check(const void *p, size_t bytes, const char *what)
{
	if (sim_memory_kind(p, bytes, what) != MEMORY_DEVICE)
		sim_fatal("%s: %p is no device memory", what, p);
}

static void protect_device(int protection)
{
	for (size_t i = 0; i < memory.n_live; i++)
		if (!memory.blocks[memory.live[i]].pinned)
			protect(&memory.blocks[memory.live[i]], protection);
}

void sim_memory_open(void)
{
	memory.open = true;
	protect_device(PROT_READ | PROT_WRITE);
}

void sim_memory_close(void)
{
	memory.open = false;
	protect_device(PROT_NONE);
}

static void check_gap(const struct block *b)
{
	uintptr_t end = b->address + b->bytes, last = b->address + round_up(b->bytes, ALIGNMENT);
	uintptr_t a = gap_changed(end, last);
	if (a < last)
		sim_fatal("a write %zu bytes over the end of %zu bytes of device memory",
			  (size_t)(a - end), b->bytes);
	a = gap_changed(before(b), b->address);
	if (a < b->address)
		sim_fatal("a write %zu bytes before %zu bytes of device memory",
			  (size_t)(b->address - a), b->bytes);
}

void sim_memory_check_gaps(void)
{
	for (size_t i = 0; i < memory.n_live; i++)
		if (!memory.blocks[memory.live[i]].pinned)
			check_gap(&memory.blocks[memory.live[i]]);
}

void sim_memory_left(size_t *blocks, size_t *bytes)
{
	*blocks = memory.n_live;
	*bytes = 0;
	for (size_t i = 0; i < memory.n_live; i++)
		*bytes += memory.blocks[memory.live[i]].bytes;
}

size_t cudasim_memory_used(void)
{
	return memory.used;
}

/* ---- the runtime's functions ---- */

/* CUDA forbids these while a stream captures. */
static bool forbidden(void)
{
	if (!sim_queue_capturing())
		return false;
	sim_queue_spoil_captures();
	return true;
}

static cudaError_t allocate(void **p, size_t size, bool pinned)
{
	if (!p)
		return sim_error(cudaErrorInvalidValue);
	if (forbidden())
		return sim_error(cudaErrorStreamCaptureUnsupported);
	if (!size) {
		*p = NULL;
		return cudaSuccess;
	}
	if (sim_fails(pinned ? "cudaMallocHost" : "cudaMalloc", true))
		return sim_error(cudaErrorMemoryAllocation);
	if (!pinned &&
	    (memory.used > sim_memory_limit() || size > sim_memory_limit() - memory.used))
		return sim_error(cudaErrorMemoryAllocation);
	void *block = size > SPACE / 2 ? NULL : new_block(size, pinned);
	if (!block)
		return sim_error(cudaErrorMemoryAllocation);
	if (!pinned)
		memory.used += size;
	*p = block;
	return cudaSuccess;
}

static cudaError_t release(void *p, bool pinned)
{
	if (!p)
		return cudaSuccess;
	if (forbidden())
		return sim_error(cudaErrorStreamCaptureUnsupported);
	struct block *b = memory.space ? block_before(p) : NULL;
	if (!b || b->address != (uintptr_t)p || b->pinned != pinned)
		sim_fatal("what is freed was not allocated");
	if (!b->live)
		sim_fatal("memory is freed twice");
	if (pinned && sim_queue_uses_host(p, b->bytes))
		sim_fatal("pinned host memory is freed while a queued copy uses it");
	end_block(b);
	if (!pinned)
		memory.used -= b->bytes;
	return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t size)
{
	return allocate(p, size, false);
}

cudaError_t cudaFree(void *p)
{
	return release(p, false);
}

cudaError_t cudaMallocHost(void **p, size_t size)
{
	return allocate(p, size, true);
}

cudaError_t cudaFreeHost(void *p)
{
	return release(p, true);
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
	*total = sim_memory_limit();
	*free = memory.used < *total ? *total - memory.used : 0;
	return cudaSuccess;
}
