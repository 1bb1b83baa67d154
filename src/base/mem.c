/*
 * mem.c - arenas and growing arrays (see mem.h). An arena is a list of blocks; a request that does
 * not fit the newest block opens one of at least 64 KiB.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BLOCK 65536
#define ARENA_ALIGN 64

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* bytes of data */
	_Alignas(ARENA_ALIGN) unsigned char data[];
};

static void __attribute__((noreturn)) out_of_memory(size_t size)
{
	fprintf(stderr, "onnxtune: no memory left (%zu bytes of metadata asked for)\n", size);
	_exit(1);
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		out_of_memory(size);
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);
	if (!q)
		out_of_memory(size);
	return q;
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(mem_alloc(n), s, n);
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory(0);
	return s;
}

enum status mem_try_alloc(size_t size, void **out, struct error *err)
{
	size_t rounded;
	void *p = NULL;
	if (size_add(size, 63, &rounded))
		p = aligned_alloc(64, rounded < 64 ? 64 : rounded & ~(size_t)63);
	if (!p)
		return fail(err, ERR_MEMORY, "no memory for %zu bytes", size);
	*out = p;
	return OK;
}

void arena_init(struct arena *arena)
{
	arena->blocks = NULL;
}

void arena_release(struct arena *arena)
{
	for (struct arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	arena->blocks = NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (need < size)
		out_of_memory(size);
	struct arena_block *b = arena->blocks;
	if (!b || b->size - b->used < need) {
		size_t data = need > ARENA_BLOCK ? need : ARENA_BLOCK;
		size_t total;
		if (!size_add(sizeof *b + ARENA_ALIGN, data, &total))
			out_of_memory(size);
		b = aligned_alloc(ARENA_ALIGN, total & ~(size_t)(ARENA_ALIGN - 1));
		if (!b)
			out_of_memory(size);
		*b = (struct arena_block){ .size = data };
		/* A large request must not hide the room left in the current block. */
		if (need > ARENA_BLOCK / 2 && arena->blocks) {
			b->next = arena->blocks->next;
			arena->blocks->next = b;
		} else {
			b->next = arena->blocks;
			arena->blocks = b;
		}
	}
	void *p = b->data + b->used;
	b->used += need;
	return memset(p, 0, size);
}

void *arena_dup(struct arena *arena, const void *p, size_t size)
{
	void *q = arena_alloc(arena, size);
	return size ? memcpy(q, p, size) : q;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return arena_dup(arena, s, strlen(s) + 1);
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
	char *q = arena_alloc(arena, n + 1);
	return n ? memcpy(q, s, n) : q;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap, aq;
	va_start(ap, fmt);
	va_copy(aq, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1);
	if (n >= 0)
		vsnprintf(s, (size_t)n + 1, fmt, aq);
	va_end(aq);
	return s;
}

void *array_grow(void *v, uint32_t *cap, uint32_t n, size_t element_size)
{
	if (n >= *cap) {
		size_t more = n < 8 ? 8 : (size_t)n * 2, bytes;
		if (more > UINT32_MAX || !size_mul(more, element_size, &bytes))
			out_of_memory(SIZE_MAX);
		v = mem_realloc(v, bytes);
		*cap = (uint32_t)more;
	}
	memset((char *)v + (size_t)n * element_size, 0, element_size);
	return v;
}
