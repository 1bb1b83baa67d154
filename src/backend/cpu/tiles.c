/*
 * tiles.c - gradients of weights in the tiles of AMX (see tiles.h and tile_parts.h). For each slice of at
 * most DEPTH rows:
 *
 * 1. the threads copy the slice of b to panels of PANEL columns, [panel][rows / 32][two tiles];
 * 2. each takes some columns of a, copies them likewise to memory that stays in its cache, and lets them
 *    meet all panels of b, or a part of them where a has few columns: 2 x 2 tiles of sums at a time.
 *
 * A convolution of few columns of a meets each copy of b with little: there a thread copies all columns of
 * a, and one panel of b at a time, so that neither leaves its cache nor waits for another thread.
 *
 * A slice is deep, since c is far from the cache: what it costs to add to it again is more than tiles cost.
 */
#include "backend/cpu/tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include "backend/cpu/tile_parts.h"

#include <cpuid.h>
#include <omp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	DEPTH = 2048,
	CHUNK = 256 << 10,  /* elements of a that a thread copies at once, about */
	NARROW = 256 << 10, /* elements of a slice of a, at most, of which each thread has a copy */
};

/* ---- the machine ---- */

bool tiles_available(void)
{
	enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
	const unsigned bf16 = 1u << 22, tile = 1u << 24, wanted = bf16 | tile;
	const unsigned avx512_bf16 = 1u << 5;
	unsigned a, b, c, d;
	if (!__builtin_cpu_supports("avx512bw") || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
	    (d & wanted) != wanted || !__get_cpuid_count(7, 1, &a, &b, &c, &d) ||
	    !(a & avx512_bf16))
		return false;
	return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

/* ---- copies ---- */

/* Rows [first, first + n) of a. */
struct slice {
	const struct tiles *t;
	const uint16_t *a, *b;
	float *c;
	int64_t first, n, blocks;
	uint16_t *panels; /* of b */
};

/* Panel p of copies. */
static uint16_t *panel_at(const struct slice *s, uint16_t *copies, int64_t p)
{
	return copies + p * s->blocks * BLOCK;
}

/* Panels [p, end) of a. */
AMX static void copy_a(const struct slice *s, int64_t p, int64_t end, uint16_t *to)
{
	const int64_t m = s->t->m;
	for (int64_t block = 0; block < s->blocks; block++)
		for (int64_t i = p; i < end; i++) {
			const uint16_t *row[ROWS];
			for (int64_t k = 0; k < ROWS; k++) {
				int64_t r = block * ROWS + k;
				row[k] = r < s->n ? s->a + (s->first + r) * m + i * PANEL
						  : tile_zeros;
			}
			tile_copy_block(row, columns_of(m - i * PANEL), true,
					panel_at(s, to, i - p) + block * BLOCK);
		}
}

/* A block of panels [j, end) of b, as the tap meets it. */
AMX static void copy_b(const struct slice *s, int64_t tap, int64_t block, int64_t j, int64_t end,
		       uint16_t *to)
{
	const struct tiles *t = s->t;
	const int64_t n = t->n, first = s->first + block * ROWS;
	const int32_t *at = t->row ? t->row + tap * t->plane : NULL;
	const uint16_t *row[ROWS], *sample = s->b + first / t->plane * t->plane_b * n;
	int64_t place = first % t->plane;
	for (int64_t k = 0; k < ROWS; k++) {
		int64_t r = at ? at[place] : place;
		row[k] = r < 0 || block * ROWS + k >= s->n ? NULL : sample + r * n;
		if (++place == t->plane) {
			place = 0;
			sample += t->plane_b * n;
		}
	}
	for (; j < end; j++, to += s->blocks * BLOCK) {
		const uint16_t *piece[ROWS];
		for (int64_t k = 0; k < ROWS; k++)
			piece[k] = row[k] ? row[k] + j * PANEL : tile_zeros;
		tile_copy_block(piece, columns_of(n - j * PANEL), false, to + block * BLOCK);
	}
}

/* ---- sums ---- */

static void copy_sums(float *to, int64_t ld_to, const float *from, int64_t ld_from, int64_t rows,
		      int64_t columns)
{
	for (int64_t i = 0; i < rows; i++)
		memcpy(to + i * ld_to, from + i * ld_from, (size_t)columns * sizeof *to);
}

/* Panel i of a meets panel j of b, also where the columns of c end. */
static void multiply(const struct slice *s, int64_t i, const uint16_t *a, int64_t j,
		     const uint16_t *b)
{
	const struct tiles *t = s->t;
	const int64_t ldc = t->taps * t->n, across = panels_of(t->n), column = j % across * PANEL;
	float *c = s->c + i * PANEL * ldc + j / across * t->n + column;
	float edge[PANEL * PANEL] = { 0 };
	int64_t rows = t->m - i * PANEL, columns = t->n - column;
	if (rows >= PANEL && columns >= PANEL) {
		tile_meet(a, b, s->blocks, c, ldc, s->first > 0);
		return;
	}
	rows = rows < PANEL ? rows : PANEL;
	columns = columns < PANEL ? columns : PANEL;
	if (s->first > 0)
		copy_sums(edge, PANEL, c, ldc, rows, columns);
	tile_meet(a, b, s->blocks, edge, PANEL, s->first > 0);
	copy_sums(c, ldc, edge, PANEL, rows, columns);
}

/* ---- slices ---- */

static int64_t rows_of(const struct tiles *t)
{
	return t->samples * t->plane;
}

/* Slices of one size, as nearly as can be. */
static int64_t depth_of(const struct tiles *t)
{
	int64_t rows = rows_of(t), slices = (rows + DEPTH - 1) / DEPTH;
	return ((rows + slices - 1) / slices + ROWS - 1) / ROWS * ROWS;
}

/* Whether threads take panels of b, not of a. */
static bool is_narrow(const struct tiles *t)
{
	return t->taps > 1 && panels_of(t->m) * PANEL * depth_of(t) <= NARROW;
}

/* Panels of a that a thread copies at once. */
static int64_t chunk_of(const struct tiles *t)
{
	if (is_narrow(t))
		return panels_of(t->m);
	int64_t chunk = CHUNK / (PANEL * depth_of(t)), each = panels_of(t->m) / t->threads;
	chunk = chunk < each ? chunk : each;
	return chunk > 1 ? chunk : 1;
}

/* Copies of panels of b. */
static int64_t copies_of(const struct tiles *t)
{
	return is_narrow(t) ? t->threads : t->taps * panels_of(t->n);
}

size_t tiles_workspace(const struct tiles *t)
{
	int64_t panels = copies_of(t) + t->threads * chunk_of(t);
	return (size_t)(panels * PANEL * depth_of(t)) * sizeof(uint16_t);
}

/* Panels [i, end) of a meet [j, last) of b. */
static void run_chunk(const struct slice *s, int64_t i, int64_t end, int64_t j, int64_t last,
		      uint16_t *own)
{
	copy_a(s, i, end, own);
	tile_begin();
	for (; j < last; j++)
		for (int64_t p = i; p < end; p++)
			multiply(s, p, panel_at(s, own, p - i), j, panel_at(s, s->panels, j));
	tile_end();
}

static void run_slice(const struct slice *s, uint16_t *own)
{
	const struct tiles *t = s->t;
	const int64_t panels = panels_of(t->m), across = t->taps * panels_of(t->n);
	const int64_t chunk = chunk_of(t), chunks = (panels + chunk - 1) / chunk;
	const int64_t parts = chunks < t->threads ? t->threads : 1;
#pragma omp for schedule(static) collapse(2)
	for (int64_t tap = 0; tap < t->taps; tap++)
		for (int64_t block = 0; block < s->blocks; block++)
			copy_b(s, tap, block, 0, panels_of(t->n),
			       panel_at(s, s->panels, tap * panels_of(t->n)));
#pragma omp for schedule(dynamic) collapse(2)
	for (int64_t i = 0; i < chunks; i++)
		for (int64_t part = 0; part < parts; part++) {
			int64_t end = (i + 1) * chunk < panels ? (i + 1) * chunk : panels;
			run_chunk(s, i * chunk, end, across * part / parts,
				  across * (part + 1) / parts, own);
		}
}

/* The thread's part of all panels of b meets all of a. Their part of c is that thread's in all slices. */
static void run_narrow(const struct slice *s, uint16_t *own)
{
	const struct tiles *t = s->t;
	const int64_t panels = panels_of(t->m), across = panels_of(t->n);
	const int64_t thread = omp_get_thread_num(), all = t->taps * across;
	const int64_t first = all * thread / t->threads, end = all * (thread + 1) / t->threads;
	uint16_t *b = panel_at(s, s->panels, thread);
	if (first < end)
		copy_a(s, 0, panels, own);
	tile_begin();
	for (int64_t j = first; j < end; j++) {
		for (int64_t block = 0; block < s->blocks; block++)
			copy_b(s, j / across, block, j % across, j % across + 1, b);
		for (int64_t p = 0; p < panels; p++)
			multiply(s, p, panel_at(s, own, p), j, b);
	}
	tile_end();
}

void tiles_run(const struct tiles *t, const uint16_t *a, const uint16_t *b, float *c,
	       void *workspace)
{
	const int64_t rows = rows_of(t), depth = depth_of(t), chunk = chunk_of(t);
	const bool narrow = is_narrow(t);
	uint16_t *of_b = workspace, *of_a = of_b + copies_of(t) * PANEL * depth;
#pragma omp parallel num_threads(t->threads)
	for (int64_t first = 0; first < rows; first += depth) {
		struct slice s = { t, a, b, c, first, rows - first, 0, of_b };
		s.n = s.n < depth ? s.n : depth;
		s.blocks = (s.n + ROWS - 1) / ROWS;
		uint16_t *own = of_a + omp_get_thread_num() * chunk * PANEL * depth;
		if (narrow)
			run_narrow(&s, own);
		else
			run_slice(&s, own);
	}
}

#else

bool tiles_available(void)
{
	return false;
}

size_t tiles_workspace(const struct tiles *t)
{
	(void)t;
	return 0;
}

void tiles_run(const struct tiles *t, const uint16_t *a, const uint16_t *b, float *c,
	       void *workspace)
{
	(void)t, (void)a, (void)b, (void)c, (void)workspace;
}

#endif
