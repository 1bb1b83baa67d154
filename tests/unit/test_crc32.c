/*
 * test_crc32.c - the check sum against the catalogue's check value and against the definition, bit by
 * bit, at all small lengths, unaligned starts, and places where the bytes are cut in two.
 */
#include "base/crc32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The definition: long division by the polynomial, bits reflected. */
static uint32_t divide(uint32_t crc, const uint8_t *p, size_t n)
{
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void fill(uint8_t *p, size_t n)
{
	uint32_t x = 12345;
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

static void test_known(void **state)
{
	(void)state;
	uint8_t zeros[1000] = { 0 };
	assert_int_equal(crc32_add(0, zeros, 0), 0);
	assert_int_equal(crc32_add(7, zeros, 0), 7);
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_add(0, zeros, sizeof zeros), divide(0, zeros, sizeof zeros));
}

static void test_lengths(void **state)
{
	(void)state;
	uint8_t bytes[600];
	fill(bytes, sizeof bytes);
	for (size_t start = 0; start < 20; start++)
		for (size_t n = 0; n <= 500; n++)
			assert_int_equal(crc32_add((uint32_t)n * 0x9e3779b9, bytes + start, n),
					 divide((uint32_t)n * 0x9e3779b9, bytes + start, n));
}

static void test_pieces(void **state)
{
	(void)state;
	static uint8_t bytes[100000];
	fill(bytes, sizeof bytes);
	uint32_t whole = divide(0, bytes, sizeof bytes);
	assert_int_equal(crc32_add(0, bytes, sizeof bytes), whole);
	for (size_t cut = 1; cut < sizeof bytes; cut += cut < 300 ? 1 : 997)
		assert_int_equal(crc32_add(crc32_add(0, bytes, cut), bytes + cut,
					   sizeof bytes - cut),
				 whole);
	for (size_t i = 0; i < sizeof bytes; i += 997) { /* each bit counts */
		bytes[i] ^= 1 << i % 8;
		assert_int_not_equal(crc32_add(0, bytes, sizeof bytes), whole);
		bytes[i] ^= 1 << i % 8;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
