/*
 * test_window.c - the geometry of convolution and pooling (ops/conv.h, ops/pool.h): sizes and pads
 * of one spatial axis for each way to state them, checked against sizes worked out by hand, and
 * what is refused.
 */
#include "ops/interpret.h"
#include "ops/pool.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
#define LIST(...) { sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), { __VA_ARGS__ } }
/* clang-format on */

struct list {
	uint32_t n;
	int64_t v[8];
};

/* One spatial axis. Lists of no element are not given. */
struct window {
	const char *auto_pad;
	int64_t in, kernel;
	struct list stride, dilation, pads;
	int64_t ceil_mode;
	int64_t out, pad_begin, pad_end;
};

/* clang-format off */
static const struct window windows[] = {
	/*  mode          in k  stride    dilation  pads      ceil  out begin end */
	{ "NOTSET",       5, 3, { 0 },    { 0 },    { 0 },       0, 3, 0, 0 },
	{ "",             5, 3, LIST(1),  LIST(1),  LIST(1, 1),  0, 5, 1, 1 },
	{ "NOTSET",       5, 3, LIST(2),  { 0 },    LIST(1, 0),  0, 2, 1, 0 },
	{ "NOTSET",       6, 3, LIST(2),  { 0 },    { 0 },       0, 2, 0, 0 },
	{ "NOTSET",       6, 3, LIST(2),  { 0 },    { 0 },       1, 3, 0, 0 },
	{ "NOTSET",       7, 3, LIST(2),  { 0 },    { 0 },       1, 3, 0, 0 },
	{ "NOTSET",       4, 2, LIST(3),  { 0 },    LIST(1, 1),  0, 2, 1, 1 },
	{ "NOTSET",       4, 2, LIST(3),  { 0 },    LIST(1, 1),  1, 2, 1, 1 }, /* starts in the pad */
	{ "NOTSET",       9, 3, { 0 },    LIST(3),  { 0 },       0, 3, 0, 0 },
	{ "VALID",        5, 3, LIST(2),  { 0 },    LIST(9, 9),  0, 2, 0, 0 },
	{ "VALID",        6, 3, LIST(2),  { 0 },    { 0 },       1, 2, 0, 0 },
	{ "SAME_UPPER",   5, 2, LIST(1),  { 0 },    { 0 },       0, 5, 0, 1 },
	{ "SAME_LOWER",   5, 2, LIST(1),  { 0 },    { 0 },       0, 5, 1, 0 },
	{ "SAME_UPPER",   6, 3, LIST(2),  { 0 },    { 0 },       0, 3, 0, 1 },
	{ "SAME_LOWER",   6, 3, LIST(2),  { 0 },    LIST(7, 7),  0, 3, 1, 0 },
	{ "SAME_UPPER",   7, 3, LIST(2),  { 0 },    { 0 },       0, 4, 1, 1 },
	{ "SAME_UPPER",   5, 3, LIST(1),  LIST(2),  { 0 },       0, 5, 2, 2 },
	{ "SAME_UPPER",   7, 1, LIST(3),  { 0 },    { 0 },       0, 3, 0, 0 },
};
/* clang-format on */

/* The node of a pooling or a convolution, with its defaults filled. */
static struct node make(const char *op, const struct window *w, struct arena *arena)
{
	struct attr attrs[8] = { { 0 } };
	struct error err;
	struct node node = { .def = op_find("", op, INT_MAX), .name = "", .op = op };
	unsigned n = 0;
	if (w->auto_pad)
		attrs[n++] = attr_string("auto_pad", w->auto_pad);
	if (w->stride.n)
		attrs[n++] = attr_ints("strides", w->stride.v, w->stride.n);
	if (w->dilation.n)
		attrs[n++] = attr_ints("dilations", w->dilation.v, w->dilation.n);
	if (w->pads.n)
		attrs[n++] = attr_ints("pads", w->pads.v, w->pads.n);
	if (strcmp(op, "Conv")) {
		attrs[n++] = attr_ints("kernel_shape", &w->kernel, 1);
		attrs[n++] = attr_int("ceil_mode", w->ceil_mode);
	}
	assert_int_equal(op_attributes(node.def, attrs, arena, &node.attrs, &err), OK);
	return node;
}

static void check(const struct window *w, const struct conv_geometry *g)
{
	assert_int_equal(g->spatial, 1);
	assert_int_equal(g->out[0], w->out);
	assert_int_equal(g->pad_begin[0], w->pad_begin);
	assert_int_equal(g->pad_end[0], w->pad_end);
	assert_int_equal(g->kernel[0], w->kernel);
	for (int i = 1; i < CONV_MAX_SPATIAL; i++)
		assert_true(g->in[i] == 1 && g->out[i] == 1 && g->kernel[i] == 1 &&
			    g->stride[i] == 1 && g->dilation[i] == 1 && !g->pad_begin[i] &&
			    !g->pad_end[i]);
}

static void test_windows(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		const struct window *w = &windows[i];
		struct conv_geometry g;
		struct error err = { 0 };
		struct node node = make("AveragePool", w, &arena);
		if (pool_geometry(&node, &SHAPE(2, 6, w->in), &g, &err) != OK)
			fail_msg("window %zu: %s", i, err.text);
		check(w, &g);
		assert_true(g.n == 2 && g.c == 6 && g.k == 6 && g.group == 6);
		if (w->ceil_mode)
			continue;
		node = make("Conv", w, &arena);
		struct shape x = SHAPE(2, 6, w->in), weights = SHAPE(4, 6, w->kernel);
		if (conv_geometry(&node, &x, &weights, &g, &err) != OK)
			fail_msg("convolution %zu: %s", i, err.text);
		check(w, &g);
		assert_true(g.n == 2 && g.c == 6 && g.k == 4 && g.group == 1);
	}
	arena_release(&arena);
}

/* Elements inside the input and counted ones of the windows over [0, 4) of 3, stride 2, pads 1. */
static void test_pool_window(void **state)
{
	static const struct window w = {
		.kernel = 3, .stride = LIST(2), .pads = LIST(1, 1), .ceil_mode = 1
	};
	static const int64_t inside[] = { 2, 3, 1 }, padded[] = { 3, 3, 2 }, first[] = { 0, 1, 3 };
	struct arena arena;
	struct conv_geometry g;
	struct error err;
	(void)state;
	arena_init(&arena);
	struct node node = make("AveragePool", &w, &arena);
	assert_int_equal(pool_geometry(&node, &SHAPE(1, 1, 4), &g, &err), OK);
	assert_int_equal(pool_plane_in(&g), 4);
	assert_int_equal(pool_plane_out(&g), 3);
	for (int64_t o = 0; o < 3; o++) {
		struct pool_window p = pool_window(&g, o);
		assert_int_equal(p.inside, inside[o]);
		assert_int_equal(p.padded, padded[o]);
		for (int64_t e = 0; e < p.inside; e++)
			assert_int_equal(pool_element(&g, &p, e), first[o] + e);
	}
	arena_release(&arena);
}

#define BIG INT64_C(0x4000000000000000)

static const struct {
	const char *message;
	struct window w;
	struct shape x;
} refused[] = {
	{ "rank 2, less than 3", { .kernel = 1 }, SHAPE(1, 1) },
	{ "rank 6, more than 5", { .kernel = 1 }, SHAPE(1, 1, 1, 1, 1, 1) },
	{ "'kernel_shape' has 1 elements instead of 2", { .kernel = 1 }, SHAPE(1, 1, 4, 4) },
	{ "'strides' has 2 elements", { .kernel = 1, .stride = LIST(1, 1) }, SHAPE(1, 1, 4) },
	{ "'strides' holds 0", { .kernel = 1, .stride = LIST(0) }, SHAPE(1, 1, 4) },
	{ "'dilations' holds -1", { .kernel = 1, .dilation = LIST(-1) }, SHAPE(1, 1, 4) },
	{ "'dilations' holds", { .kernel = 2, .dilation = LIST(BIG) }, SHAPE(1, 1, 4) },
	{ "'pads' has 1 elements", { .kernel = 1, .pads = LIST(1) }, SHAPE(1, 1, 4) },
	{ "'pads' holds -1", { .kernel = 1, .pads = LIST(0, -1) }, SHAPE(1, 1, 4) },
	{ "'pads' holds", { .kernel = 1, .pads = LIST(BIG, BIG) }, SHAPE(1, 1, 4) },
	{ "'kernel_shape' holds 0", { .kernel = 0 }, SHAPE(1, 1, 4) },
	{ "larger than spatial axis 0", { .kernel = 3 }, SHAPE(1, 1, 2) },
	{ "larger than spatial axis 0", { .kernel = 2, .dilation = LIST(4) }, SHAPE(1, 1, 4) },
	{ "auto_pad 'SAME'", { .kernel = 1, .auto_pad = "SAME" }, SHAPE(1, 1, 4) },
	{ "too long", { .kernel = 1 }, SHAPE(0, 1, BIG) },
};

static void test_refused(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct conv_geometry g;
		struct error err = { 0 };
		struct node node = make("AveragePool", &refused[i].w, &arena);
		assert_int_not_equal(pool_geometry(&node, &refused[i].x, &g, &err), OK);
		if (!strstr(err.text, refused[i].message))
			fail_msg("'%s' is not in '%s'", refused[i].message, err.text);
	}
	arena_release(&arena);
}

static void test_weights(void **state)
{
	static const struct window w = { 0 };
	static const struct shape weights[] = { SHAPE(4, 6, 3, 1), SHAPE(4, 5, 3), SHAPE(4, 6, 0) };
	struct arena arena;
	(void)state;
	arena_init(&arena);
	struct node node = make("Conv", &w, &arena);
	for (size_t i = 0; i < ARRAY_SIZE(weights); i++) {
		struct conv_geometry g;
		struct error err = { 0 };
		assert_int_equal(conv_geometry(&node, &SHAPE(2, 6, 7), &weights[i], &g, &err),
				 ERR_INPUT);
		assert_non_null(strstr(err.text, "weights"));
	}
	arena_release(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_pool_window),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
