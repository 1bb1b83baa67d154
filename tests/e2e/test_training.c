/*
 * test_training.c - what happens at the end of a step, alone: loss scale, optimizers, clipping and
 * learning rates against what PyTorch and the Transformers library recorded step by step
 * (models/training, models/README.md).
 */
#include "data/npy.h"
#include "ops/interpret.h"
#include "ops/optimizer.h"
#include "passes/optimizer.h"
#include "train/plateau.h"
#include "train/range.h"
#include "train/schedule.h"
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Calls `each` for every case of models/training/FILE: what stands before "/config" or its like. */
static void for_cases(const char *file, const char *mark,
		      void (*each)(const struct arrays *arrays, const char *name))
{
	struct arrays arrays;
	struct arena arena;
	struct error err;
	uint32_t cases = 0;
	arena_init(&arena);
	const char *path = trial_path(&arena, arena_printf(&arena, "models/training/%s", file));
	expect_ok(arrays_read(path, &arrays, &err), &err);
	for (uint32_t i = 0; i < arrays.n; i++) {
		const char *name = arrays.v[i].name, *end = strrchr(name, '/');
		if (!end || strcmp(end + 1, mark))
			continue;
		each(&arrays, arena_strndup(&arena, name, (size_t)(end - name)));
		cases++;
	}
	assert_true(cases > 0);
	arrays_release(&arrays);
	arena_release(&arena);
}

/* Array CASE/NAME, or NULL. */
static const struct tensor *find(const struct arrays *arrays, const char *name, const char *array)
{
	char key[100];
	snprintf(key, sizeof key, "%s/%s", name, array);
	return arrays_find(arrays, key);
}

static double number(const struct arrays *arrays, const char *name, const char *array, int64_t i)
{
	const struct tensor *t = find(arrays, name, array);
	if (!t)
		fail_msg("%s/%s is missing", name, array);
	return tensor_get(t, i);
}

static void run(const char *op, const struct attr *attrs, const struct tensor *const *in,
		uint32_t n_in, struct tensor *out, uint32_t n_out, struct arena *arena)
{
	static const bool wanted[] = { true, true, true, true };
	const struct op_def *def = op_find("onnxtune", op, 1);
	struct error err;
	assert_non_null(def);
	expect_ok(interpret_op(def, attrs, in, n_in, wanted, out, n_out, arena, &err), &err);
}

static struct tensor step_tensor(struct step_block *step)
{
	return (struct tensor){ DT_U8, SHAPE(sizeof *step), step };
}

/* ---- the loss scale ---- */

static void scaler_case(const struct arrays *arrays, const char *name)
{
	double interval = number(arrays, name, "config", 3);
	struct attr attrs[] = {
		attr_int("dynamic", 1),
		attr_double("growth", number(arrays, name, "config", 1)),
		attr_double("backoff", number(arrays, name, "config", 2)),
		attr_int("growth_interval", (int64_t)interval),
		attr_float("floor", 0), /* GradScaler has none */
		{ 0 },
	};
	struct step_block step = { .scale = (float)number(arrays, name, "config", 0) };
	int32_t skips = 0;
	int64_t good = 0;
	for (int64_t i = 0, n = find(arrays, name, "scale")->shape.dim[0]; i < n; i++) {
		struct tensor in = step_tensor(&step), out;
		const struct tensor *ins[] = { &in };
		struct arena arena;
		arena_init(&arena);
		step.found_inf = number(arrays, name, "found_inf", i) != 0;
		skips = step.found_inf ? skips + 1 : 0;
		good += !step.found_inf;
		run("ScaleUpdate", attrs, ins, 1, &out, 1, &arena);
		memcpy(&step, out.data, sizeof step);
		arena_release(&arena);
		if (step.scale != (float)number(arrays, name, "scale", i) ||
		    step.growth_tracker != (int32_t)number(arrays, name, "tracker", i))
			fail_msg("%s: step %d: scale %.9g, tracker %d", name, (int)i, step.scale,
				 step.growth_tracker);
		if (step.skips != skips || step.good_steps != good || step.steps != i + 1)
			fail_msg("%s: step %d: counted wrong", name, (int)i);
	}
}

static void loss_scale_follows_gradscaler(void **state)
{
	(void)state;
	for_cases("scaler.npz", "config", scaler_case);
}

static void loss_scale_keeps_above_its_floor(void **state)
{
	(void)state;
	struct step_block step = { .scale = 5, .found_inf = 1 };
	struct attr attrs[] = { attr_int("dynamic", 1), attr_float("floor", 2), { 0 } };
	static const float scales[] = { 2.5f, 2, 2 };
	struct arena arena;
	arena_init(&arena);
	for (uint32_t i = 0; i < ARRAY_SIZE(scales); i++) {
		struct tensor in = step_tensor(&step), out;
		const struct tensor *ins[] = { &in };
		run("ScaleUpdate", attrs, ins, 1, &out, 1, &arena);
		memcpy(&step, out.data, sizeof step);
		assert_true(step.scale == scales[i]);
	}
	arena_release(&arena);
}

/* ---- optimizers ---- */

enum { RATE, MOMENTUM, NESTEROV, BETA1, BETA2, EPSILON, DECAY, CONFIG_SIZE };

static struct tensor converted(const struct tensor *from, int64_t first, int64_t n,
			       enum dtype dtype, struct arena *arena)
{
	struct tensor to = tensor_new(arena, dtype, &SHAPE(n));
	for (int64_t i = 0; i < n; i++)
		tensor_set(&to, i, tensor_get(from, first + i));
	return to;
}

/* Row `step` of CASE/ARRAY with the number of bits behind its name. */
static void compare_row(const struct arrays *arrays, const char *name, const char *array, int bits,
			int64_t step, const struct tensor *got)
{
	char key[40];
	double limit = bits == 64 ? 1e-13 : 2e-6;
	snprintf(key, sizeof key, "%s%d", array, bits);
	const struct tensor *expected = find(arrays, name, key);
	if (!expected)
		fail_msg("%s/%s is missing", name, key);
	for (int64_t i = 0, n = shape_elements(&got->shape); i < n; i++) {
		double e = tensor_get(expected, step * n + i), g = tensor_get(got, i);
		if (!(fabs(g - e) <= limit * (1 + fabs(e))))
			fail_msg("%s: %s of step %d: %.17g, not %.17g", name, key, (int)step, g, e);
	}
}

/* First words of the cases, and what PyTorch calls the moments in the order of the operator. */
static const struct {
	const char *word;
	enum optimizer_kind kind;
	const char *moments[3];
} optimizer_words[] = {
	{ "sgd", OPTIMIZER_SGD, { "momentum_buffer" } },
	{ "adam", OPTIMIZER_ADAM, { "exp_avg", "exp_avg_sq" } },
	{ "adamw", OPTIMIZER_ADAMW, { "exp_avg", "exp_avg_sq" } },
	{ "rmsprop", OPTIMIZER_RMSPROP, { "square_avg", "momentum_buffer" } },
	{ "rmsprop centered", OPTIMIZER_RMSPROP, { "square_avg", "grad_avg", "momentum_buffer" } },
	{ "adagrad", OPTIMIZER_ADAGRAD, { "sum" } },
	{ "nadam", OPTIMIZER_NADAM, { "exp_avg", "exp_avg_sq", "mu_product" } },
	{ "adafactor matrix", OPTIMIZER_ADAFACTOR, { "row_var", "col_var" } },
	{ "adafactor matrices", OPTIMIZER_ADAFACTOR, { "row_var", "col_var" } },
	{ "adafactor vector", OPTIMIZER_ADAFACTOR, { "variance" } },
	{ "lamb", OPTIMIZER_LAMB, { "exp_avg", "exp_avg_sq" } },
	{ "lion", OPTIMIZER_LION, { "exp_avg" } },
};

/* The row of the longest word that the name starts with. */
static uint32_t optimizer_word(const char *name)
{
	uint32_t best = ARRAY_SIZE(optimizer_words);
	size_t length = 0;
	for (uint32_t k = 0; k < ARRAY_SIZE(optimizer_words); k++) {
		size_t n = strlen(optimizer_words[k].word);
		if (!strncmp(name, optimizer_words[k].word, n) && n > length) {
			best = k;
			length = n;
		}
	}
	if (!length)
		fail_msg("%s: unknown optimizer", name);
	return best;
}

/* The node that the pass makes of a case; the shape is that of the case's weights. */
static const struct node *optimizer_node(const struct arrays *arrays, const char *name,
					 enum dtype dtype, struct graph *graph)
{
	double c[CONFIG_SIZE];
	for (int i = 0; i < CONFIG_SIZE; i++)
		c[i] = number(arrays, name, "config", i);
	struct optimizer_options options = {
		.optimizer = optimizer_words[optimizer_word(name)].kind,
		.momentum = c[MOMENTUM],
		.nesterov = c[NESTEROV] != 0,
		.centered = strstr(name, "centered") != NULL,
		.beta1 = c[BETA1],
		.beta2 = c[BETA2],
		.epsilon = c[EPSILON],
		.decay = c[DECAY],
		.decay_all = true,
	};
	struct tensor p = { dtype, find(arrays, name, "weights64")->shape, NULL };
	p.shape.rank--;
	memmove(p.shape.dim, p.shape.dim + 1, sizeof p.shape.dim - sizeof *p.shape.dim);
	struct error err;
	struct builder b = { .graph = graph, .err = &err };
	uint32_t step = graph_add_value(graph, "step", VALUE_STATE,
					(struct tensor){ DT_U8, SHAPE(1), NULL });
	uint32_t rates = graph_add_value(graph, "rates", VALUE_STATE,
					 (struct tensor){ DT_F64, SHAPE(1), NULL });
	uint32_t w = graph_add_value(graph, "w", VALUE_PARAM, p);
	uint32_t g = graph_add_value(graph, "g", VALUE_INPUT, p);
	optimizer_build(&b, &options, GROUP_DECAY_BY_FORM, step, rates, w, g);
	expect_ok(b.status, &err);
	return graph_node(graph, graph->order.v[0]);
}

static void optimizer_run(const struct arrays *arrays, const char *name, enum dtype dtype)
{
	const struct tensor *start = arrays_find(arrays, "start");
	const struct tensor *gradients = arrays_find(arrays, "gradients");
	const char *const *moments = optimizer_words[optimizer_word(name)].moments;
	int64_t n = start->shape.dim[0], steps = gradients->shape.dim[0];
	double rate = number(arrays, name, "config", RATE);
	int bits = dtype == DT_F64 ? 64 : 32;
	struct arena arena;
	arena_init(&arena);
	struct graph *graph = graph_new(&arena);
	const struct node *node = optimizer_node(arrays, name, dtype, graph);
	const struct shape *shape = &graph_value(graph, node->in[2])->t.shape;
	/* Gradients come scaled by 4 and are halved by clipping: powers of two change no digit. */
	struct step_block step = { .scale = 4, .inverse = 0.25f, .clip = 0.5f };
	struct tensor block = step_tensor(&step);
	struct tensor rates = { DT_F64, SHAPE(1), &rate };
	struct tensor now[4] = { converted(start, 0, n, dtype, &arena) };
	now[0].shape = *shape;
	for (uint32_t k = 4; k < node->n_in; k++) {
		const struct tensor *t = &graph_value(graph, node->in[k])->t;
		now[k - 3] = tensor_new(&arena, t->dtype, &t->shape);
	}
	for (int64_t i = 0; i < steps; i++) {
		struct tensor g = converted(gradients, i * n, n, dtype, &arena), out[4];
		g.shape = *shape;
		for (int64_t k = 0; k < n; k++)
			tensor_set(&g, k, 8 * tensor_get(&g, k));
		const struct tensor *in[] = {
			&block, &rates, &now[0], &g, &now[1], &now[2], &now[3]
		};
		step.good_steps = i;
		run(node->def->name, node->attrs, in, node->n_in, out, node->n_out, &arena);
		memcpy(now, out, node->n_out * sizeof *now);
		compare_row(arrays, name, "weights", bits, i, &now[0]);
		for (uint32_t k = 1; k < node->n_out; k++)
			compare_row(arrays, name, moments[k - 1], bits, i, &now[k]);
	}
	graph_free(graph);
	arena_release(&arena);
}

static void optimizer_case(const struct arrays *arrays, const char *name)
{
	optimizer_run(arrays, name, DT_F32);
	optimizer_run(arrays, name, DT_F64);
}

static void optimizers_follow_pytorch(void **state)
{
	(void)state;
	for_cases("optimizers.npz", "config", optimizer_case);
}

static void average_case(const struct arrays *arrays, const char *name)
{
	struct attr attrs[] = { attr_double("decay", number(arrays, name, "decay", 0)), { 0 } };
	struct step_block step = { 0 };
	struct tensor block = step_tensor(&step);
	const struct tensor *weights = find(arrays, name, "weights");
	int64_t steps = weights->shape.dim[0], n = weights->shape.dim[1];
	struct arena arena;
	arena_init(&arena);
	struct tensor average = tensor_new(&arena, DT_F64, &SHAPE(n));
	for (; step.good_steps < steps; step.good_steps++) {
		int64_t first = step.good_steps * n;
		struct tensor p = converted(weights, first, n, DT_F64, &arena), out;
		run("MovingAverage", attrs, (const struct tensor *[]){ &block, &average, &p }, 3,
		    &out, 1, &arena);
		average = out;
		for (int64_t i = 0; i < n; i++) {
			double e = number(arrays, name, "averages", first + i);
			if (!(fabs(tensor_get(&average, i) - e) <= 1e-15 * (1 + fabs(e))))
				fail_msg("%s: step %d: %.17g, not %.17g", name,
					 (int)step.good_steps, tensor_get(&average, i), e);
		}
	}
	arena_release(&arena);
}

static void averages_follow_pytorch(void **state)
{
	(void)state;
	for_cases("averages.npz", "decay", average_case);
}

/* ---- clipping ---- */

static void clipping_case(const struct arrays *arrays, const char *name)
{
	struct attr attrs[] = { attr_double("max_norm", number(arrays, name, "limit", 0)), { 0 } };
	struct step_block step = { .scale = 1024 };
	double weight = 4, loss = 6;
	struct tensor block = step_tensor(&step), out;
	struct tensor w = { DT_F64, SHAPE_SCALAR, &weight }, l = { DT_F64, SHAPE_SCALAR, &loss };
	const struct tensor *all = find(arrays, name, "gradients");
	const struct tensor *clipped = find(arrays, name, "clipped64");
	struct arena arena;
	arena_init(&arena);
	struct tensor a = converted(all, 0, 5, DT_F32, &arena);
	struct tensor b = converted(all, 5, 3, DT_F32, &arena);
	for (int64_t i = 0; i < 5; i++)
		tensor_set(&a, i, 1024 * tensor_get(&a, i));
	for (int64_t i = 0; i < 3; i++)
		tensor_set(&b, i, 1024 * tensor_get(&b, i));
	const struct tensor *in[] = { &block, &w, &l, &a, &b };
	run("GradStats", attrs, in, ARRAY_SIZE(in), &out, 1, &arena);
	memcpy(&step, out.data, sizeof step);
	double norm = number(arrays, name, "norm64", 0);
	if (step.found_inf || !(fabs(step.norm - norm) <= 1e-7 * norm) || step.loss != 1.5)
		fail_msg("%s: norm %.9g, not %.9g", name, step.norm, norm);
	for (int64_t i = 0; i < 8; i++) {
		double g = tensor_get(all, i) * step.clip, e = tensor_get(clipped, i);
		if (!(fabs(g - e) <= 1e-7 * fabs(e)))
			fail_msg("%s: clipped to %.9g, not %.9g", name, g, e);
	}
	arena_release(&arena);
}

static void clipping_follows_pytorch(void **state)
{
	(void)state;
	for_cases("clipping.npz", "limit", clipping_case);
}

/* ---- gradients that are known one after the other ---- */

/* Runs GradStats on two gradients of one element, each a part. */
static struct step_block parts(double first, double more, double loss)
{
	struct step_block step = { .scale = 2, .found_inf = 1, .norm = 100 };
	double weight = 4;
	float g[] = { (float)first, (float)more };
	struct tensor w = { DT_F64, SHAPE_SCALAR, &weight }, l = { DT_F64, SHAPE_SCALAR, &loss };
	struct arena arena;
	arena_init(&arena);
	for (int i = 0; i < 2; i++) {
		struct attr attrs[] = { attr_int("part", i ? GRAD_STATS_MORE : GRAD_STATS_FIRST),
					{ 0 } };
		struct tensor block = step_tensor(&step), out;
		struct tensor gradient = { DT_F32, SHAPE(1), &g[i] };
		const struct tensor *in[] = { &block, &w, &l, &gradient };
		run("GradStats", attrs, in, ARRAY_SIZE(in), &out, 1, &arena);
		memcpy(&step, out.data, sizeof step);
	}
	arena_release(&arena);
	return step;
}

static void statistics_in_parts(void **state)
{
	(void)state;
	struct step_block step = parts(6, 8, 6);
	assert_true(!step.found_inf && fabs(step.norm - 5) < 1e-14 && step.loss == 1.5);
	assert_true(step.clip == 1 && step.inverse == 0.5f);
	/* what was found stays found, and the loss counts */
	assert_true(parts(INFINITY, 8, 6).found_inf);
	assert_true(parts(6, NAN, 6).found_inf);
	assert_true(parts(6, 8, INFINITY).found_inf);
	assert_true(parts(6, 8, NAN).found_inf);
}

/* ---- learning rates ---- */

static void schedule_case(const struct arrays *arrays, const char *name)
{
	static const char *const kinds[] = {
		[SCHEDULE_CONSTANT] = "constant",     [SCHEDULE_LINEAR] = "linear",
		[SCHEDULE_COSINE] = "cosine",         [SCHEDULE_STEP] = "step",
		[SCHEDULE_POLYNOMIAL] = "polynomial", [SCHEDULE_ONE_CYCLE] = "one-cycle",
		[SCHEDULE_RESTARTS] = "restarts",     [SCHEDULE_WSD] = "wsd",
	};
	const struct tensor *numbers = find(arrays, name, "numbers");
	const struct tensor *factors = find(arrays, name, "factor");
	double warmup = number(arrays, name, "config", 1);
	struct schedule schedule = { .kind = ARRAY_SIZE(kinds),
				     .warmup = warmup,
				     .steps = (int64_t)number(arrays, name, "config", 0) };
	for (uint32_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (!strncmp(name, kinds[k], strlen(kinds[k])))
			schedule.kind = k;
	assert_true(schedule.kind < ARRAY_SIZE(kinds));
	schedule.a = numbers ? tensor_get(numbers, 0) : 0;
	schedule.b = numbers ? tensor_get(numbers, 1) : 0;
	/* PyTorch multiplies each step's rate into the next. */
	double limit = numbers ? 1e-13 : 1e-15;
	int64_t n = factors->shape.dim[0], first = numbers ? schedule.steps - n : 0;
	for (int64_t i = 0; i < n; i++) {
		double e = tensor_get(factors, i), f = schedule_factor(&schedule, first + i);
		if (!(fabs(f - e) <= limit))
			fail_msg("%s: step %d: %.17g, not %.17g", name, (int)(first + i), f, e);
	}
	/* The same warm-up as a number of steps; one of a single step can't be told from a share. */
	struct schedule counted = schedule;
	counted.warmup = number(arrays, name, "config", 2);
	bool whole = schedule.kind != SCHEDULE_ONE_CYCLE; /* which does not round the share */
	for (int64_t i = 0; whole && counted.warmup >= 1 && i <= schedule.steps; i++)
		assert_true(schedule_factor(&counted, i) == schedule_factor(&schedule, i));
}

static void schedules_follow_their_sources(void **state)
{
	(void)state;
	for_cases("schedules.npz", "config", schedule_case);
}

static void plateau_case(const struct arrays *arrays, const char *name)
{
	struct plateau plateau = { 0 };
	double rate = 1;
	for (int64_t i = 0, n = find(arrays, name, "losses")->shape.dim[0]; i < n; i++) {
		double e = number(arrays, name, "rates", i);
		if (plateau_epoch(&plateau, number(arrays, name, "losses", i),
				  number(arrays, name, "config", 1)))
			rate *= number(arrays, name, "config", 0);
		if (!(fabs(rate - e) <= 1e-14 * e))
			fail_msg("%s: epoch %d: %.17g, not %.17g", name, (int)i, rate, e);
	}
}

static void plateaus_follow_pytorch(void **state)
{
	(void)state;
	for_cases("plateaus.npz", "config", plateau_case);
}

static void range_case(const struct arrays *arrays, const char *name)
{
	struct range range = { 0 };
	uint32_t step = 0;
	while (step < RANGE_STEPS &&
	       range_add(&range, range_rate(step), number(arrays, name, "losses", step)))
		step++;
	assert_int_equal(range.n, (uint32_t)number(arrays, name, "used", 0));
	double e = number(arrays, name, "rate", 0), rate = range_choose(&range);
	if (rate != e)
		fail_msg("%s: %.17g, not %.17g", name, rate, e);
}

static void ranges_follow_fastai(void **state)
{
	(void)state;
	for_cases("ranges.npz", "rate", range_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss_scale_follows_gradscaler),
		cmocka_unit_test(loss_scale_keeps_above_its_floor),
		cmocka_unit_test(optimizers_follow_pytorch),
		cmocka_unit_test(averages_follow_pytorch),
		cmocka_unit_test(clipping_follows_pytorch),
		cmocka_unit_test(statistics_in_parts),
		cmocka_unit_test(schedules_follow_their_sources),
		cmocka_unit_test(plateaus_follow_pytorch),
		cmocka_unit_test(ranges_follow_fastai),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
