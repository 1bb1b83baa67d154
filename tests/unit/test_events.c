/*
 * test_events.c - event files byte for byte as PyTorch and TensorBoard write them, the check sum
 * against RFC 3720.
 */
#include "base/crc32c.h"
#include "base/file.h"
#include "eval/events.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_crc(void **state)
{
	(void)state;
	uint8_t bytes[32] = { 0 };
	assert_int_equal(crc32c(bytes, 0), 0);
	assert_int_equal(crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(crc32c(bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(bytes, 32), 0x46dd794e);
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
}

static void add_histogram(struct text *out, double time, int64_t step, const char *tag,
			  const float *x, size_t n)
{
	struct histogram h;
	histogram_init(&h, x, n);
	event_add(out, time, step, &(struct event_value){ tag, 0, &h }, 1);
	histogram_release(&h);
}

#define ADD_HISTOGRAM(out, time, step, tag, ...)                                                   \
	add_histogram(out, time, step, tag, (const float[]){ __VA_ARGS__ },                        \
		      sizeof((const float[]){ __VA_ARGS__ }) / sizeof(float))

/* The events of models/generate_events.py. */
static void test_torch(void **state)
{
	(void)state;
	const struct event_value loss = { "loss", 0.5F, NULL }, zero = { "zero", -1, NULL };
	const struct event_value three[] = {
		{ "train/loss", NAN, NULL },
		{ "train/lr", INFINITY, NULL },
		{ "validation/accuracy", 0, NULL },
	};
	struct text out = { 0 };
	event_add_version(&out, 1.5);
	event_add(&out, 2, 3, &loss, 1);
	event_add(&out, 1e9 + 0.25, 123456789012, three, 3);
	event_add(&out, 0, 0, &zero, 1);
	/* what is not finite has no place in a histogram */
	ADD_HISTOGRAM(&out, 3, 1, "weights/a", -2, NAN, -0.5F, 0, 0, 1, 1, -INFINITY, 1.5F, 3);
	ADD_HISTOGRAM(&out, 3.5, 2, "weights/one", 0.25F);
	ADD_HISTOGRAM(&out, 4, 4, "weights/wide", -0x1p50F, 0x1p-30F, 0x1p60F);
	event_add_start(&out, 5, 3);

	const char *srcdir = getenv("srcdir");
	char *path = mem_printf("%s/tests/data/events/torch.tfevents", srcdir ? srcdir : ".");
	struct file_map want;
	struct error err;
	assert_int_equal(file_map(path, &want, &err), OK);
	for (size_t i = 0; i < want.size && i < out.n; i++)
		if (want.data[i] != (uint8_t)out.s[i])
			fail_msg("byte %zu is %02x, not %02x", i, (uint8_t)out.s[i], want.data[i]);
	assert_int_equal(out.n, want.size);
	file_unmap(&want);
	text_release(&out);
	free(path);
}

/* Nothing to count: no buckets, and numbers that a reader can take. */
static void test_empty(void **state)
{
	(void)state;
	struct histogram h;
	histogram_init(&h, (const float[]){ NAN, INFINITY }, 2);
	assert_int_equal(h.n, 0);
	assert_int_equal(h.buckets, 0);
	assert_true(h.min == 0 && h.max == 0);
	histogram_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_torch),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
