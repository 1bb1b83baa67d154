/*
 * test_data_mix.c - mixup and cutmix: what is drawn and how it is distributed, what a window becomes,
 * and that micro-batches, decoders and caches change nothing.
 */
#include "data/loader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 4000

/* Mean 1/2, variance 1 / (4 (2 alpha + 1)), and symmetric: the moments of Beta(alpha, alpha). */
static void test_beta(void **state)
{
	(void)state;
	static const double alphas[] = { 0.1, 0.2, 0.8, 1, 2, 8 };
	for (size_t k = 0; k < ARRAY_SIZE(alphas); k++) {
		double a = alphas[k], mean = 0, square = 0, fourth = 0;
		uint32_t counter = 0;
		for (int i = 0; i < DRAWS; i++) {
			double x = mix_beta(a, 1, 2, 3, &counter) - 0.5;
			assert_true(x >= -0.5 && x <= 0.5);
			mean += x / DRAWS;
			square += x * x / DRAWS;
			fourth += x * x * x * x / DRAWS;
		}
		double variance = 1 / (4 * (2 * a + 1));
		/* E (x - 1/2)^4 = 3 / (16 (2 a + 1) (2 a + 3)) */
		double want = 3 / (16 * (2 * a + 1) * (2 * a + 3));
		if (fabs(mean) > 5 * sqrt(variance / DRAWS) ||
		    fabs(square - variance) > 5 * sqrt((want - variance * variance) / DRAWS) ||
		    fabs(fourth - want) > 0.1 * want)
			fail_msg("Beta(%g): mean %g, variance %g, not %g, fourth %g, not %g", a,
				 mean + 0.5, square, variance, fourth, want);
	}
	/* as extreme as it gets */
	uint32_t counter = 0;
	for (int i = 0; i < 100; i++) {
		double x = mix_beta(1e-300, 1, 2, 3, &counter);
		assert_true(x >= 0 && x <= 1);
	}
}

static void test_draw(void **state)
{
	(void)state;
	struct mix_options both = { 0.2, 1, 5 }, cut = { 0, 1, 5 }, blend = { 0.4, 0, 5 };
	int cuts = 0;
	double share = 0;
	for (uint32_t w = 0; w < 2000; w++) {
		struct mix m = mix_draw(&both, 0, w, 20, 30);
		cuts += m.cut;
		assert_false(mix_draw(&blend, 0, w, 20, 30).cut);
		m = mix_draw(&cut, 0, w, 20, 30);
		assert_true(m.cut && m.top >= 0 && m.left >= 0 && m.height >= 0 && m.width >= 0);
		assert_true(m.top + m.height <= 20 && m.left + m.width <= 30);
		assert_true(m.lam == 1 - m.height * m.width / 600.0);
		share += m.lam;
	}
	assert_in_range(cuts, 1000 - 112, 1000 + 112); /* five standard errors */
	/* a uniform lam would leave 1/2; what the edges cut off leaves more */
	assert_true(share / 2000 > 0.55 && share / 2000 < 0.75);
	/* the same numbers again, others in another window, epoch, or with another seed */
	struct mix_options other = { 0.4, 0, 6 };
	double lam = mix_draw(&blend, 1, 2, 1, 1).lam;
	assert_true(lam == mix_draw(&blend, 1, 2, 1, 1).lam);
	assert_true(lam != mix_draw(&blend, 1, 3, 1, 1).lam);
	assert_true(lam != mix_draw(&blend, 2, 2, 1, 1).lam);
	assert_true(lam != mix_draw(&other, 1, 2, 1, 1).lam);
}

/* ---- windows ---- */

#define N 7
#define PIXELS (3 * 4 * 5)

struct sample {
	float x[PIXELS];
	int64_t label, mixed_label;
	float weight, mixed_weight;
	uint32_t number;
};

/* The samples of an epoch in their order. */
static void load(struct loader_options o, uint32_t micro_batch, uint32_t decoders, size_t cache,
		 struct sample out[N])
{
	struct loader *loader;
	struct error err;
	uint32_t n = 0;
	o.micro_batch = micro_batch;
	o.decoders = decoders;
	o.cache_limit = cache;
	memset(out, 0, N * sizeof *out);
	if (loader_open(&o, &loader, &err) != OK)
		fail_msg("%s", err.text);
	loader_start(loader, 1, 0);
	for (;;) {
		struct batch b;
		bool end;
		if (loader_next(loader, &b, &end, &err) != OK)
			fail_msg("%s", err.text);
		if (end)
			break;
		for (uint32_t i = 0; i < b.n; i++, n++) {
			size_t per = tensor_bytes(&b.inputs[0]) / micro_batch;
			memcpy(out[n].x, (const char *)b.inputs[0].data + i * per, per);
			out[n].label = ((const int64_t *)b.targets.data)[i];
			out[n].weight = ((const float *)b.weights.data)[i];
			out[n].number = b.samples[i];
			if (!o.mix)
				continue;
			out[n].mixed_label = ((const int64_t *)b.mixed_targets.data)[i];
			out[n].mixed_weight = ((const float *)b.mixed_weights.data)[i];
		}
		for (uint32_t i = b.n; o.mix && i < micro_batch; i++)
			assert_true(((const float *)b.mixed_weights.data)[i] == 0);
	}
	assert_int_equal(n, N);
	loader_free(loader);
}

static void check_windows(struct loader_options o, const struct mix_options *mix, int height,
			  int width)
{
	static struct sample plain[N], mixed[N], again[N];
	o.mix = NULL;
	load(o, o.window, 0, 0, plain);
	o.mix = mix;
	load(o, o.window, 0, 0, mixed);
	load(o, 2, 2, 1 << 20, again);
	assert_memory_equal(mixed, again, sizeof mixed);
	for (uint32_t w = 0; w * o.window < N; w++) {
		uint32_t first = w * o.window, n = N - first < o.window ? N - first : o.window;
		struct mix m = mix_draw(mix, 1, w, height, width);
		for (uint32_t k = 0; k < n; k++) {
			const struct sample *own = &plain[first + k];
			const struct sample *other = &plain[first + n - 1 - k];
			const struct sample *got = &mixed[first + k];
			assert_int_equal(got->number, own->number);
			assert_int_equal(got->label, own->label);
			assert_int_equal(got->mixed_label, other->label);
			assert_true(got->weight == (float)(own->weight * m.lam));
			assert_true(got->mixed_weight == (float)(other->weight * (1 - m.lam)));
			for (int i = 0; i < PIXELS; i++) {
				int y = i / 5 % 4, x = i % 5;
				bool inside = m.cut && y >= m.top && y < m.top + m.height &&
					      x >= m.left && x < m.left + m.width;
				float want = m.cut ? (inside ? other : own)->x[i]
						   : own->x[i] * (float)m.lam +
							     other->x[i] * (float)(1 - m.lam);
				assert_true(got->x[i] == want);
			}
		}
	}
}

static void test_windows(void **state)
{
	(void)state;
	static uint8_t pixels[N * 4 * 5];
	static float features[N * PIXELS];
	static const float weights[N] = { 1, 2, 0.5, 1, 1, 3, 1 };
	int64_t labels[N] = { 0, 1, 2, 0, IGNORED_CLASS, 1, 2 };
	struct data_input input = { "x", DT_F32, SHAPE(1, 3, 4, 5) };
	struct preprocess p;
	struct error err;
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", DT_F32, &input.shape, &err), OK);
	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = (uint8_t)(i * 37);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		features[i] = (float)i / 7;
	struct dataset ds = { .images = true, .targets = TARGETS_CLASSES, .n_classes = 3 };
	ds.train = (struct part){ .n = N,
				  .weights = weights,
				  .targets = { DT_I64, SHAPE(N), labels },
				  .pixels = { DT_U8, SHAPE(N, 4, 5), pixels } };
	struct loader_options o = { .dataset = &ds,
				    .part = &ds.train,
				    .preprocess = &p,
				    .inputs = &input,
				    .n_inputs = 1,
				    .window = 4,
				    .shuffle = true,
				    .seed = 3 };
	check_windows(o, &(struct mix_options){ 0.8, 0, 1 }, 4, 5);
	check_windows(o, &(struct mix_options){ 0, 1, 1 }, 4, 5);
	check_windows(o, &(struct mix_options){ 0.3, 1, 2 }, 4, 5);

	/* arrays, which can't be cut; numbers without a point, which can't be mixed */
	struct tensor array = { DT_F32, SHAPE(N, 3, 4, 5), features };
	ds.images = false;
	ds.train.pixels = (struct tensor){ 0 };
	ds.train.arrays = &array;
	check_windows(o, &(struct mix_options){ 0.8, 0, 1 }, 1, 1);
	struct loader *loader;
	o.micro_batch = 2;
	o.mix = &(struct mix_options){ 0, 1, 1 };
	assert_int_equal(loader_open(&o, &loader, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "cuts images"));
	input.dtype = DT_I64;
	assert_int_equal(loader_open(&o, &loader, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "'x' is int64"));
}

/* Other types than float32, and channels that stand last. */
static void test_elements(void **state)
{
	(void)state;
	struct mix half = { .lam = 0.25 };
	double to[] = { 4, 8 }, from[] = { 8, 0 };
	mix_blend(&half, DT_F64, 2, to, from);
	assert_true(to[0] == 7 && to[1] == 2);
	/* 2 x 3 pixels of two channels; the two right ones of the lower row are replaced */
	struct mix cut = { .cut = true, .top = 1, .left = 1, .height = 1, .width = 2 };
	uint16_t a[12] = { 0 }, b[12] = { 0 }, ones[12];
	for (int i = 0; i < 12; i++)
		ones[i] = 1;
	mix_cut(&cut, DT_F16, 2, 2, 3, true, a, ones);
	mix_cut(&cut, DT_F16, 2, 2, 3, false, b, ones);
	static const uint16_t last[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1 };
	static const uint16_t planes[12] = { 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1 };
	assert_memory_equal(a, last, sizeof a);
	assert_memory_equal(b, planes, sizeof b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beta),
		cmocka_unit_test(test_draw),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
