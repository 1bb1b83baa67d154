/*
 * tile_parts.h - for tiles.c and tiles_product.c: what they do with AMX. A tile is 16 rows of 64 bytes: of
 * a left operand 16 columns i by 32 rows r, of a right one 16 pairs of rows r by 16 columns j. Columns are
 * copied in panels of 32, [rows / 32][two tiles].
 */
#ifndef ONNXTUNE_BACKEND_CPU_TILE_PARTS_H
#define ONNXTUNE_BACKEND_CPU_TILE_PARTS_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TILE = 16,             /* rows of a tile, and sums in a row */
	ROWS = 32,             /* rows r that a tile holds */
	TILE_SIZE = 16 * 32,   /* elements of bfloat16 */
	PANEL = 2 * TILE,      /* columns */
	BLOCK = 2 * TILE_SIZE, /* a panel's tiles of ROWS rows */
};

#define AMX_TARGET target("amx-tile,amx-bf16,avx512f,avx512bw,avx512bf16")
#ifdef __clang__ /* unrolls at -O2 */
#define AMX __attribute__((AMX_TARGET))
#else
#define AMX __attribute__((AMX_TARGET, optimize("O3")))
#endif

AMX static inline void tile_begin(void)
{
	/* constant: compilers take it that the instruction reads less than it does */
	static const struct {
		uint8_t palette, start, unused[14];
		uint16_t bytes[16];
		uint8_t rows[16];
	} config = { .palette = 1,
		     .bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
		     .rows = { TILE, TILE, TILE, TILE, TILE, TILE, TILE, TILE } };
	_Static_assert(sizeof config == 64, "the layout that the instruction reads");
	_tile_loadconfig(&config);
}

AMX static inline void tile_end(void)
{
	_tile_release();
}

static const uint16_t tile_zeros[ROWS];

/* dword j of x[i] to dword i of x[j] */
AMX static inline __attribute__((always_inline)) void tile_transpose(__m512i x[TILE])
{
	__m512i y[TILE];
	for (int i = 0; i < TILE; i += 2) {
		y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
	}
	for (int i = 0; i < TILE; i += 4)
		for (int j = 0; j < 2; j++) { /* x[i + k]: column k of each quarter */
			x[i + 2 * j] = _mm512_unpacklo_epi64(y[i + j], y[i + j + 2]);
			x[i + 2 * j + 1] = _mm512_unpackhi_epi64(y[i + j], y[i + j + 2]);
		}
	for (int k = 0; k < 4; k++) {
		y[k] = _mm512_shuffle_i32x4(x[k], x[k + 4], 0x88);
		y[k + 4] = _mm512_shuffle_i32x4(x[k], x[k + 4], 0xdd);
		y[k + 8] = _mm512_shuffle_i32x4(x[k + 8], x[k + 12], 0x88);
		y[k + 12] = _mm512_shuffle_i32x4(x[k + 8], x[k + 12], 0xdd);
	}
	for (int k = 0; k < 8; k++) {
		x[k] = _mm512_shuffle_i32x4(y[k], y[k + 8], 0x88);
		x[k + 8] = _mm512_shuffle_i32x4(y[k], y[k + 8], 0xdd);
	}
}

/* Two tiles of 32 rows, whose columns are those of the mask: pairs of rows, or, turned, columns. */
AMX static inline __attribute__((always_inline)) void tile_copy_block(
	const uint16_t *const row[ROWS], __mmask32 mask, bool turned, uint16_t *to)
{
	static const uint16_t left[ROWS] = { 0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
					     37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
					     11, 43, 12, 44, 13, 45, 14, 46, 15, 47 };
	const __m512i low = _mm512_loadu_si512(left);
	const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(TILE));
	__m512i first[TILE], second[TILE];
	for (int i = 0; i < TILE; i++) {
		__m512i x = _mm512_maskz_loadu_epi16(mask, row[2 * i]);
		__m512i y = _mm512_maskz_loadu_epi16(mask, row[2 * i + 1]);
		first[i] = _mm512_permutex2var_epi16(x, low, y);
		second[i] = _mm512_permutex2var_epi16(x, high, y);
	}
	if (turned) {
		tile_transpose(first);
		tile_transpose(second);
	}
	for (int i = 0; i < TILE; i++) {
		_mm512_store_si512(to + i * ROWS, first[i]);
		_mm512_store_si512(to + TILE_SIZE + i * ROWS, second[i]);
	}
}

/* Two tiles of 16 columns each, whose elements are those of the mask: columns, or, turned, pairs of rows
 * of what the columns are the transpose of. */
AMX static inline __attribute__((always_inline)) void tile_copy_columns(
	const uint16_t *const column[PANEL], __mmask32 mask, bool turned, uint16_t *to)
{
	for (int half = 0; half < 2; half++, to += TILE_SIZE) {
		__m512i x[TILE];
		for (int i = 0; i < TILE; i++)
			x[i] = _mm512_maskz_loadu_epi16(mask, column[half * TILE + i]);
		if (turned)
			tile_transpose(x);
		for (int i = 0; i < TILE; i++)
			_mm512_store_si512(to + i * ROWS, x[i]);
	}
}

static inline int64_t panels_of(int64_t columns)
{
	return (columns + PANEL - 1) / PANEL;
}

static inline __mmask32 columns_of(int64_t n)
{
	return n >= PANEL ? 0xffffffff : ((__mmask32)1 << n) - 1;
}

/* c[PANEL][PANEL] (+)= the sums over the blocks of two panels */
AMX static inline void tile_meet(const uint16_t *a, const uint16_t *b, int64_t blocks, float *c,
				 int64_t ldc, bool add)
{
	const int64_t step = ldc * (int64_t)sizeof *c, line = ROWS * sizeof *a;
	float *below = c + TILE * ldc;
	if (add) {
		_tile_loadd(0, c, step);
		_tile_loadd(1, c + TILE, step);
		_tile_loadd(2, below, step);
		_tile_loadd(3, below + TILE, step);
	} else {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
	}
	for (int64_t k = 0; k < blocks; k++, a += BLOCK, b += BLOCK) {
		_tile_loadd(4, a, line);
		_tile_loadd(6, b, line);
		_tile_loadd(7, b + TILE_SIZE, line);
		_tile_dpbf16ps(0, 4, 6);
		_tile_loadd(5, a + TILE_SIZE, line);
		_tile_dpbf16ps(1, 4, 7);
		_tile_dpbf16ps(2, 5, 6);
		_tile_dpbf16ps(3, 5, 7);
	}
	_tile_stored(0, c, step);
	_tile_stored(1, c + TILE, step);
	_tile_stored(2, below, step);
	_tile_stored(3, below + TILE, step);
}

#endif
