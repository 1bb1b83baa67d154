/*
 * memory.c - the memory of the mock device (see mockdev.h). Device addresses lie in a range that the
 * process may not touch; each block has its real memory elsewhere. Addresses are never given out a
 * second time, so a use after free is always seen.
 */
#include "mockdev/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GAP 4096 /* between blocks */

enum status mock_alloc(struct device *d, size_t bytes, void **out, struct error *err)
{
	void *memory;
	if (d->capturing)
		return misuse(d, "memory is allocated during a capture");
	if (!d->space) {
		void *space = mmap(NULL, DEVICE_SPACE, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (space == MAP_FAILED)
			return fail(err, ERR_MEMORY, "no address space for a device");
		d->space = space;
	}
	if (bytes > DEVICE_SPACE - 3 * GAP || d->space_used > DEVICE_SPACE - 3 * GAP - bytes)
		return fail(err, ERR_MEMORY, "the device has no %zu bytes left", bytes);
	TRY(mem_try_alloc(bytes ? bytes : 1, &memory, err));
	memset(memory, POISON, bytes);
	/* 64 and no multiple of 128 */
	uintptr_t address = (uintptr_t)d->space + d->space_used + 64;
	d->space_used += (bytes + GAP - 1) / GAP * GAP + GAP;
	*array_push(&d->blocks) = (struct block){ address, bytes, memory };
	*out = (void *)address;
	return OK;
}

bool memory_is_device(const struct device *d, const void *p)
{
	return d->space && (uintptr_t)p - (uintptr_t)d->space < DEVICE_SPACE;
}

/* The last block that starts at or before the address, or NULL. */
static struct block *block_before(const struct device *d, uintptr_t address)
{
	uint32_t low = 0, high = d->blocks.n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (d->blocks.v[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &d->blocks.v[low - 1] : NULL;
}

void mock_free(struct device *d, void *p)
{
	if (!p)
		return;
	struct block *b = block_before(d, (uintptr_t)p);
	if (d->capturing)
		misuse(d, "memory is freed during a capture");
	if (!b || b->address != (uintptr_t)p) {
		misuse(d, "what is freed was not allocated");
	} else if (!b->memory) {
		misuse(d, "memory is freed twice");
	} else {
		free(b->memory);
		b->memory = NULL;
	}
}

uint8_t *memory_at(struct device *d, const void *p, size_t bytes, const char *what)
{
	struct block *b = block_before(d, (uintptr_t)p);
	if (!memory_is_device(d, p) || !b) {
		misuse(d, "%s: this is no device memory", what);
	} else if (!b->memory) {
		misuse(d, "%s: the device memory was freed", what);
	} else if ((uintptr_t)p - b->address > b->bytes ||
		   bytes > b->bytes - ((uintptr_t)p - b->address)) {
		misuse(d, "%s: it goes over the end of the device memory", what);
	} else {
		return b->memory + ((uintptr_t)p - b->address);
	}
	return NULL;
}

uint32_t memory_live(const struct device *d)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < d->blocks.n; i++)
		live += d->blocks.v[i].memory != NULL;
	return live;
}

enum status mock_alloc_host(struct device *d, size_t bytes, void **out, struct error *err)
{
	if (d->capturing)
		return misuse(d, "host memory is allocated during a capture");
	TRY(mem_try_alloc(bytes, out, err));
	memset(*out, POISON, bytes);
	*array_push(&d->host_blocks) = (struct host_block){ *out, bytes };
	return OK;
}

void mock_free_host(struct device *d, void *p)
{
	struct error ignored;
	if (!p)
		return;
	for (uint32_t i = 0; i < d->host_blocks.n; i++) {
		struct host_block b = d->host_blocks.v[i];
		if (b.memory != p)
			continue;
		if (queue_uses_host(d, p, b.bytes)) {
			misuse(d, "host memory is freed while a queued copy uses it");
			/* So that nothing touches it any more. */
			for (uint32_t k = 0; k < d->streams.n; k++)
				if (mock_stream_wait(d->streams.v[k], &ignored) != OK)
					continue;
		}
		free(p);
		d->host_blocks.v[i] = d->host_blocks.v[--d->host_blocks.n];
		return;
	}
	misuse(d, "the host memory that is freed was not allocated");
}
