/*
 * mem.h - memory for metadata: arenas and growing arrays.
 *
 * Graphs, tables and texts live here: small, many, freed together. When the system has no memory
 * left for these, the process ends with one line and status 1 (there is nothing to save that a
 * checkpoint does not hold). Tensors are not metadata: they come from mem_try_alloc or a backend,
 * which return an error.
 */
#ifndef ONNXTUNE_BASE_MEM_H
#define ONNXTUNE_BASE_MEM_H

#include "base/error.h"

/* Zeroed memory; never NULL (size 0 gives a valid pointer). Free with free(). */
void *mem_alloc(size_t size);
void *mem_realloc(void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Memory for tensors, 64-byte aligned, not zeroed: ERR_MEMORY when there is none. Free with free(). */
enum status MUST_CHECK mem_try_alloc(size_t size, void **out, struct error *err);

/* An arena hands out memory that is freed all at once. */
struct arena {
	struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);

/* Zeroed, 64-byte aligned memory that lives as long as the arena; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_dup(struct arena *arena, const void *p, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * A growing array: ARRAY(int) a = {0}; *array_push(&a) = 3; a.v[0]; a.n; array_release(&a).
 * array_push returns a pointer to the new, zeroed element; it moves with the next push.
 */
#define ARRAY(type)                                                                                \
	struct {                                                                                   \
		type *v;                                                                           \
		uint32_t n, cap;                                                                   \
	}

#define array_push(a)                                                                              \
	((a)->v = array_grow((a)->v, &(a)->cap, (a)->n, sizeof *(a)->v), &(a)->v[(a)->n++])
#define array_release(a) (free((a)->v), (a)->v = NULL, (a)->n = (a)->cap = 0)

/* Makes room for element n and zeroes it. */
void *array_grow(void *v, uint32_t *cap, uint32_t n, size_t element_size);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* Overflow-safe size arithmetic: false when the result does not fit. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}
static inline bool size_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

#endif
