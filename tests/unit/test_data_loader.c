/*
 * test_data_loader.c - batches: what they hold, that a window's weight is known at its start, and
 * that threads and caches change nothing.
 */
#include "data/loader.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N_ARRAYS 23

static const struct data_input vector_input = { "input", DT_F32, { 2, { -1, 3 } } };
static const struct data_input image_input = { "x", DT_F16, { 4, { -1, 3, 9, 11 } } };

/* 23 samples [i, 100 + i, 200 + i] of type int16, class i % 4 (sample 5: ignored). */
static char *make_arrays(bool values)
{
	static int16_t x[N_ARRAYS][3];
	static int64_t y[N_ARRAYS];
	static float v[N_ARRAYS][2], w[N_ARRAYS];
	for (int i = 0; i < N_ARRAYS; i++) {
		for (int k = 0; k < 3; k++)
			x[i][k] = (int16_t)(100 * k + i);
		y[i] = i == 5 ? -100 : i % 4;
		v[i][0] = (float)i;
		v[i][1] = (float)-i;
		w[i] = (float)(1 + i % 3);
	}
	struct named_tensor a[] = {
		{ "input", { DT_I16, SHAPE(N_ARRAYS, 3), x } },
		{ "labels", { DT_I64, SHAPE(N_ARRAYS), y } },
		{ "weights", { DT_F32, SHAPE(N_ARRAYS), w } },
	};
	if (values)
		a[1].tensor = (struct tensor){ DT_F32, SHAPE(N_ARRAYS, 2), v };
	char *folder = make_folder(), *path = mem_printf("%s/train.npz", folder);
	assert_int_equal(npz_write(path, a, 3, NULL), OK);
	free(path);
	return folder;
}

static void open_data(const char *folder, const struct data_input *input, struct dataset *ds,
		      const struct log *log)
{
	struct dataset_options o = { .inputs = input, .n_inputs = 1, .log = log };
	struct error err;
	if (dataset_open(folder, &o, ds, &err) != OK)
		fail_msg("%s", err.text);
}

static struct loader *open_loader(const struct loader_options *o)
{
	struct loader *l;
	struct error err;
	if (loader_open(o, &l, &err) != OK)
		fail_msg("%s", err.text);
	return l;
}

static struct loader_options array_options(struct dataset *ds)
{
	return (struct loader_options){ .dataset = ds,
					.part = &ds->train,
					.inputs = &vector_input,
					.n_inputs = 1,
					.window = 10,
					.micro_batch = 4,
					.shuffle = true,
					.seed = 3 };
}

static void test_windows(void **state)
{
	(void)state;
	static const float class_weights[] = { 1, 2, 4, 8 };
	char *folder = make_arrays(false);
	struct dataset ds;
	open_data(folder, &vector_input, &ds, NULL);
	struct loader_options o = array_options(&ds);
	o.class_weights = class_weights;
	struct loader *l = open_loader(&o);
	assert_int_equal(loader_windows(l), 3);

	/* 10 + 10 + 3 samples: 4 4 2, 4 4 2, 3. */
	static const uint32_t sizes[] = { 4, 4, 2, 4, 4, 2, 3 }, firsts[] = { 0, 4, 8, 0, 4, 8, 0 };
	uint32_t seen[N_ARRAYS] = { 0 };
	bool in_order = true;
	double sum = 0, window_weight = 0;
	struct batch b;
	bool end;
	for (int i = 0; i < 7; i++) {
		assert_int_equal(loader_next(l, &b, &end, NULL), OK);
		assert_false(end);
		assert_int_equal(b.n, sizes[i]);
		assert_int_equal(b.first, firsts[i]);
		assert_int_equal(b.window, i / 3);
		assert_int_equal(b.window_samples, i < 6 ? 10 : 3);
		assert_true(shape_equal(&b.inputs[0].shape, &SHAPE(4, 3)));
		assert_int_equal(b.inputs[0].dtype, DT_F32);
		assert_true(shape_equal(&b.targets.shape, &SHAPE(4)));
		if (b.first == 0) {
			assert_true(i == 0 || sum == window_weight);
			window_weight = b.window_weight;
			sum = 0;
		}
		assert_true(b.window_weight == window_weight);
		for (uint32_t row = 0; row < 4; row++) {
			uint32_t s = b.samples[row];
			int64_t c = ((int64_t *)b.targets.data)[row];
			float w = ((float *)b.weights.data)[row];
			const float *x = (float *)b.inputs[0].data + 3 * row;
			/* Copies of the first sample, at weight 0, stand behind the real ones. */
			if (row >= b.n)
				assert_int_equal(s, b.samples[0]);
			assert_true(x[0] == (float)s && x[1] == 100 + (float)s &&
				    x[2] == 200 + (float)s);
			assert_true(c == (s == 5 ? IGNORED_CLASS : (int64_t)(s % 4)));
			float want = row >= b.n || s == 5
					     ? 0
					     : (float)(1 + s % 3) * class_weights[s % 4];
			assert_true(w == want);
			sum += (double)w;
			if (row < b.n)
				in_order = in_order && s == (uint32_t)(i / 3 * 10) + b.first + row;
			if (row < b.n)
				seen[s]++;
		}
	}
	assert_true(sum == window_weight);
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_true(end);
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_true(end);
	for (int i = 0; i < N_ARRAYS; i++)
		assert_int_equal(seen[i], 1);
	assert_false(in_order);

	/* Another epoch has another order; a start in the middle is where it would have been. */
	uint32_t order[2][N_ARRAYS], n = 0;
	for (uint64_t e = 0; e < 2; e++) {
		loader_start(l, e, 0);
		for (n = 0; loader_next(l, &b, &end, NULL) == OK && !end; n += b.n)
			memcpy(order[e] + n, b.samples, b.n * sizeof *b.samples);
		assert_int_equal(n, N_ARRAYS);
	}
	assert_memory_not_equal(order[0], order[1], sizeof order[0]);
	loader_start(l, 1, 2);
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_int_equal(b.window, 2);
	assert_memory_equal(b.samples, order[1] + 20, 3 * sizeof *b.samples);
	loader_start(l, 0, 3); /* behind the last */
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_true(end);
	loader_free(l);

	/* Unshuffled, a window larger than the part. */
	o.shuffle = false;
	o.window = 1000;
	o.micro_batch = 30;
	l = open_loader(&o);
	assert_int_equal(loader_windows(l), 1);
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_int_equal(b.n, N_ARRAYS);
	for (uint32_t i = 0; i < N_ARRAYS; i++)
		assert_int_equal(b.samples[i], i);
	loader_free(l);
	loader_free(NULL);
	dataset_release(&ds);
	remove_folder(folder);
}

static void test_values(void **state)
{
	(void)state;
	char *folder = make_arrays(true);
	struct dataset ds;
	open_data(folder, &vector_input, &ds, NULL);
	struct loader_options o = array_options(&ds);
	struct loader *l = open_loader(&o);
	struct batch b;
	bool end;
	assert_int_equal(loader_next(l, &b, &end, NULL), OK);
	assert_true(shape_equal(&b.targets.shape, &SHAPE(4, 2)));
	assert_true(shape_equal(&b.weights.shape, &SHAPE(4)));
	for (uint32_t row = 0; row < b.n; row++) {
		const float *v = (float *)b.targets.data + 2 * row;
		assert_true(v[0] == (float)b.samples[row] && v[1] == -(float)b.samples[row]);
		assert_true(((float *)b.weights.data)[row] == (float)(1 + b.samples[row] % 3));
	}
	loader_free(l);
	dataset_release(&ds);
	remove_folder(folder);
}

/* Two classes of 20 pictures; those in `damaged` are cut. */
static char *make_images(const char *damaged)
{
	static const char *const files[] = { "rgb.png", "rgb.jpg", "palette.png", "grey.jpg",
					     "cmyk.jpg" };
	char *folder = make_folder();
	for (int i = 0; i < 40; i++) {
		char *from = mem_printf("tests/data/images/%s", files[i % 5]);
		char *path = source_path(from), name[64];
		size_t n;
		uint8_t *data = read_bytes(path, &n);
		snprintf(name, sizeof name, "train/%c/%02d.png", 'a' + i % 2, i);
		bool cut = damaged && strstr(damaged, strrchr(name, '/') + 1);
		assert_true(put_file(folder, name, data, cut ? n / 2 : n));
		free(data);
		free(path);
		free(from);
	}
	return folder;
}

/* All that an epoch gives, as one number. */
static uint64_t hash_epoch(struct loader *l, uint64_t epoch)
{
	uint64_t h = 14695981039346656037u;
	struct batch b;
	struct error err;
	bool end;
	loader_start(l, epoch, 0);
	for (;;) {
		if (loader_next(l, &b, &end, &err) != OK)
			fail_msg("%s", err.text);
		if (end)
			return h;
		const struct tensor *all[] = { b.inputs, &b.targets, &b.weights };
		for (size_t t = 0; t < ARRAY_SIZE(all); t++)
			for (size_t i = 0; i < tensor_bytes(all[t]); i++)
				h = (h ^ ((uint8_t *)all[t]->data)[i]) * 1099511628211u;
		h = (h ^ b.n) * 1099511628211u;
		h = (h ^ (uint64_t)b.window_weight) * 1099511628211u;
	}
}

/* Decoders and cache sizes give the same bits, epoch by epoch, also when one is broken off. */
static void test_threads(void **state)
{
	(void)state;
	static const struct {
		uint32_t decoders;
		size_t cache;
	} ways[] = { { 0, 0 }, { 0, 1 << 20 }, { 1, 0 }, { 3, 2000 }, { 4, 1 << 20 } };
	char *folder = make_images(NULL);
	struct dataset ds;
	struct preprocess p;
	open_data(folder, &image_input, &ds, NULL);
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", DT_F16, &image_input.shape, NULL), OK);
	uint64_t want[3] = { 0 };
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		struct loader_options o = { .dataset = &ds,
					    .part = &ds.train,
					    .preprocess = &p,
					    .inputs = &image_input,
					    .n_inputs = 1,
					    .window = 6,
					    .micro_batch = 4,
					    .shuffle = true,
					    .decoders = ways[w].decoders,
					    .cache_limit = ways[w].cache };
		struct loader *l = open_loader(&o);
		struct batch b;
		bool end;
		assert_int_equal(loader_next(l, &b, &end, NULL), OK);
		assert_true(shape_equal(&b.inputs[0].shape, &SHAPE(4, 3, 9, 11)));
		for (uint64_t e = 0; e < 3; e++) {
			uint64_t h = hash_epoch(l, e);
			if (!w)
				want[e] = h;
			assert_true(h == want[e]);
			loader_start(l, e, 3);
			assert_int_equal(loader_next(l, &b, &end, NULL), OK);
		}
		loader_free(l);
	}
	assert_true(want[0] != want[1]);
	dataset_release(&ds);
	remove_folder(folder);
}

struct log_text {
	char text[2000];
	uint32_t lines;
};

static void add_line(void *ctx, enum log_level level, const char *text)
{
	struct log_text *log = ctx;
	assert_int_equal(level, LOG_WARN);
	snprintf(log->text, sizeof log->text, "%s", text);
	log->lines++;
}

static void test_damaged(void **state)
{
	(void)state;
	char *folder = make_images("07.png");
	struct log_text text = { 0 };
	struct log log = { add_line, &text };
	struct dataset ds;
	struct preprocess p;
	struct error err;
	struct batch b;
	bool end;
	preprocess_init(&p);
	assert_int_equal(preprocess_bind(&p, "x", DT_F16, &image_input.shape, NULL), OK);
	for (uint32_t decoders = 0; decoders < 3; decoders++) {
		text.lines = 0;
		open_data(folder, &image_input, &ds, &log);
		struct loader_options o = { .dataset = &ds,
					    .part = &ds.train,
					    .preprocess = &p,
					    .inputs = &image_input,
					    .n_inputs = 1,
					    .window = 8,
					    .micro_batch = 8,
					    .decoders = decoders,
					    .cache_limit = 5000 };
		struct loader *l = open_loader(&o);
		uint32_t total = 0, short_windows = 0;
		for (uint64_t epoch = 0; epoch < 2; epoch++) {
			loader_start(l, epoch, 0);
			while (loader_next(l, &b, &end, &err) == OK && !end) {
				total += b.n;
				short_windows += b.n == 7;
				assert_int_equal(b.window_samples, b.n);
				assert_true(b.window_weight == b.n);
			}
			assert_true(end);
		}
		assert_int_equal(total, 2 * 39);
		assert_int_equal(short_windows, 2);
		assert_int_equal(text.lines, 1);
		assert_non_null(strstr(text.text, "07.png"));
		assert_int_equal(ds.n_corrupt, 1);
		loader_free(l);

		/* A window of which nothing is left is passed over. */
		o.window = o.micro_batch = 1;
		l = open_loader(&o);
		total = 0;
		while (loader_next(l, &b, &end, &err) == OK && !end)
			total += b.n;
		assert_int_equal(total, 39);
		loader_free(l);

		/* A file that vanishes is no damaged image. */
		l = NULL;
		char *kept = mem_printf("%s.kept", ds.train.paths[9]);
		assert_int_equal(rename(ds.train.paths[9], kept), 0);
		l = open_loader(&o);
		enum status status = OK;
		while ((status = loader_next(l, &b, &end, &err)) == OK && !end)
			;
		assert_int_equal(status, ERR_IO);
		assert_non_null(strstr(err.text, ds.train.paths[9]));
		loader_free(l);
		assert_int_equal(rename(kept, ds.train.paths[9]), 0);
		free(kept);
		dataset_release(&ds);
	}
	remove_folder(folder);

	folder = make_images("07.png 11.png");
	open_data(folder, &image_input, &ds, &log);
	struct loader_options o = { .dataset = &ds,
				    .part = &ds.train,
				    .preprocess = &p,
				    .inputs = &image_input,
				    .n_inputs = 1,
				    .window = 40,
				    .micro_batch = 8,
				    .decoders = 2 };
	struct loader *l = open_loader(&o);
	assert_int_equal(loader_next(l, &b, &end, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "too many"));
	loader_free(l);
	dataset_release(&ds);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
