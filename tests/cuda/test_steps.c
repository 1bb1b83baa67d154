/*
 * test_steps.c - what happens between the steps of a session on the CUDA backend: the loss scale,
 * which lives on the device, moves as the CPU's does, and all work is launched as graphs that were
 * captured once, whatever changes from step to step.
 */
#include "e2e/trial.h"

#include "backend/cuda/cuda.h"
#include "backend/module.h"
#include "cudasim/cudasim.h"
#include "ops/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 8 /* samples of a step */
#define ACCUMULATED 4

/* ---- loss scaling ---- */

struct scaling {
	struct trial_run run;
	float scale; /* the first */
	int64_t growth_interval;
	int bad;              /* step whose last micro-batch has an infinite sample, -1: none */
	const char *expected; /* per step: 's': skipped, '+': the scale has grown after it, '.' */
};

static const struct scaling scalings[] = {
	{ { "an infinite sample", "mlp", "adamw", 2, 6, false, DT_F16 }, 1024, 2, 2, ".+s.+." },
	{ { "a scale that is too large", "mlp", "sgd", 2, 5, false, DT_F16 },
	  0x1p22f,
	  2000,
	  -1,
	  "sss.." },
	{ { "with running statistics", "resnet_train", "sgd", 2, 3, true, DT_F16 },
	  1024,
	  1,
	  1,
	  "+s+" },
};

static void open_scaling(struct trial *t, const struct scaling *s, const struct backend *backend)
{
	struct session_options o = trial_run_options(&s->run, backend);
	o.loss_scale = s->scale;
	o.training.growth_interval = s->growth_interval;
	o.training.clip_norm = 0.5;
	trial_open(t, s->run.folder, "model.onnx", o, 0.01);
	if (s->bad < 0)
		return;
	struct tensor *x = arena_alloc(&t->arena, sizeof *x);
	*x = tensor_new(&t->arena, t->x->dtype, &t->x->shape);
	memcpy(x->data, t->x->data, tensor_bytes(x));
	int64_t row = shape_elements(&x->shape) / x->shape.dim[0];
	tensor_set(x, ((s->bad + 1) * BATCH - 1) * row + row / 2, INFINITY);
	t->x = x;
}

static struct step_block block_of(struct trial *t)
{
	struct step_block block;
	struct tensor bytes = trial_variable(t, "", STEP_NAME);
	assert_int_equal(tensor_bytes(&bytes), sizeof block);
	memcpy(&block, bytes.data, sizeof block);
	return block;
}

/* The numbers of all steps have the same bits, those of this step are as near as float16 is. */
static void expect_same_block(int64_t step, const struct step_block *a, const struct step_block *b)
{
	bool finite = isfinite(b->norm);
	if (memcmp(&a->scale, &b->scale, sizeof a->scale) ||
	    memcmp(&a->inverse, &b->inverse, sizeof a->inverse) ||
	    a->growth_tracker != b->growth_tracker || a->found_inf != b->found_inf ||
	    a->skips != b->skips || a->good_steps != b->good_steps || a->steps != b->steps ||
	    a->seed != b->seed)
		fail_msg("step %d: scale %g, tracker %d, %d skipped, %d good, not %g, %d, %d, %d",
			 (int)step, (double)a->scale, a->growth_tracker, a->skips,
			 (int)a->good_steps, (double)b->scale, b->growth_tracker, b->skips,
			 (int)b->good_steps);
	if (isfinite(a->norm) != finite || (finite && fabs(a->norm - b->norm) > 0.01 * b->norm) ||
	    (finite && fabsf(a->clip - b->clip) > 0.01f * b->clip))
		fail_msg("step %d: norm %.9g, clip %.9g, not %.9g, %.9g", (int)step, a->norm,
			 (double)a->clip, b->norm, (double)b->clip);
}

/* The variables that a skipped step must leave as they are, one after the other. */
static struct tensor *snapshot(struct trial *t, bool sgd)
{
	static const char *const prefixes[] = { "", "m:", "v:" };
	uint32_t n = t->session->n_parameters, kinds = sgd ? 2 : 3;
	struct tensor *all = arena_alloc(&t->arena, n * kinds * sizeof *all);
	for (uint32_t k = 0; k < n * kinds; k++)
		all[k] = trial_variable(t, prefixes[k / n], t->session->parameters[k % n]);
	return all;
}

/* The operators that end a step run on the device. */
static void expect_kernels_of_the_device(struct trial *t)
{
	static const char *const ops[] = { "LossRoot", "GradStats", "ScaleUpdate" };
	const struct plan *plan = t->session->training.plan;
	unsigned found = 0;
	for (int p = 0; p < PROGRAM_COUNT; p++)
		for (uint32_t i = 0; i < plan->programs[p].n; i++) {
			const struct plan_step *s = &plan->programs[p].steps[i];
			for (unsigned k = 0; k < ARRAY_SIZE(ops); k++)
				if (!strcmp(graph_node(plan->graph, s->nodes[0])->def->name,
					    ops[k])) {
					assert_ptr_not_equal(s->kernel, &cuda_host);
					found |= 1u << k;
				}
		}
	assert_int_equal(found, 7);
}

static void test_scaling(void **state)
{
	const struct scaling *s = *state;
	struct backend reference = reference_backend();
	struct trial t, r;
	float scale = s->scale;
	open_scaling(&t, s, onnxtune_backend.backend);
	open_scaling(&r, s, &reference);
	expect_kernels_of_the_device(&t);
	for (int64_t i = 0; i < s->run.steps; i++) {
		bool sgd = !strcmp(s->run.optimizer, "sgd"), skipped = s->expected[i] == 's';
		struct tensor *before = snapshot(&t, sgd);
		int64_t first = i * BATCH % t.x->shape.dim[0];
		struct step_result now = trial_step(&t, first, BATCH);
		assert_int_equal(t.session->micro_batches, ACCUMULATED);
		struct step_result same = trial_step(&r, first, BATCH);
		if (same.skipped != skipped)
			fail_msg("step %d: the reference skips %d", (int)i, same.skipped);
		struct step_block a = block_of(&t), b = block_of(&r);
		expect_same_block(i, &a, &b);
		if (now.skipped != skipped || now.scale != scale)
			fail_msg("step %d: skipped %d, scale %g", (int)i, now.skipped,
				 (double)now.scale);
		scale *= skipped ? 0.5f : s->expected[i] == '+' ? 2 : 1;
		assert_true(a.scale == scale);
		struct tensor *after = snapshot(&t, sgd);
		uint32_t changed = 0;
		for (uint32_t k = 0; k < t.session->n_parameters; k++)
			changed += memcmp(before[k].data, after[k].data, tensor_bytes(&after[k])) !=
				   0;
		assert_int_equal(changed, skipped ? 0 : t.session->n_parameters);
	}
	trial_close(&t);
	trial_close(&r);
}

/* ---- graphs ---- */

struct graphs {
	struct trial_run run;
	int64_t samples; /* of a step */
	double dropout;
	uint64_t
		launches; /* of a step: micro-batches, the optimizer, what else is made of the weights */
};

static const struct graphs graphs[] = {
	{ { "graphs of accumulated steps", "mlp", "adamw", 2, 4, false, DT_F32 }, 8, 0, 5 },
	{ { "graphs in float16", "mlp", "adamw", 2, 4, false, DT_F16 }, 8, 0, 5 },
	{ { "graphs with dropout", "mlp", "adamw", 4, 4, false, DT_F32 }, 8, 0.3, 3 },
	{ { "graphs with a short batch", "resnet_train", "sgd", 4, 3, true, DT_F32 }, 6, 0, 5 },
};

/* Each parameter is updated by the micro-batch. */
static const struct graphs early_graphs[] = {
	{ { "graphs of early updates", "resnet_frozen", "adamw", 8, 4, false, DT_F32 }, 8, 0.3, 3 },
	{ { "graphs of early updates, short", "resnet_train", "sgd", 4, 3, true, DT_F32 },
	  3,
	  0,
	  4 },
};

static void open_graphs(struct trial *t, const struct graphs *g, const struct backend *backend,
			bool early)
{
	struct session_options o = trial_run_options(&g->run, backend);
	struct error err;
	o.dropout = g->dropout;
	o.early = early;
	o.early_bytes = 1024;
	trial_open(t, g->run.folder, "model.onnx", o, 0.01);
	int64_t rest = g->samples % g->run.micro_batch;
	if (rest)
		expect_ok(session_plan_short_batch(t->session, rest, &err), &err);
}

/*
 * A step whose every micro-batch lies elsewhere in the host's memory, in turn in such as copies run
 * fastest from and in other; the session has it to itself only during the call.
 */
static struct step_result step_from_moving_memory(struct trial *t, int64_t first, int64_t n)
{
	const struct backend *backend = t->session->vars.backend;
	struct device *device = t->session->device;
	struct step_result result;
	struct error err;
	void *pinned[BATCH] = { NULL };
	size_t row = tensor_bytes(t->x) / (size_t)t->x->shape.dim[0];
	struct tensor weights = tensor_new(&t->arena, DT_F32, &SHAPE(t->micro_batch));
	expect_ok(session_begin_window(t->session, (double)n, &err), &err);
	for (int64_t at = 0; at < n; at += t->micro_batch) {
		int64_t real = n - at < t->micro_batch ? n - at : t->micro_batch;
		struct tensor x = { t->x->dtype, t->x->shape, NULL }, labels = t->labels;
		size_t bytes = (size_t)t->micro_batch * row;
		x.shape.dim[0] = labels.shape.dim[0] = t->micro_batch;
		x.data = arena_alloc(&t->arena, bytes);
		if (at / t->micro_batch % 2) {
			expect_ok(backend->alloc_host(device, bytes, &pinned[at], &err), &err);
			x.data = pinned[at];
		}
		memset(x.data, 0, bytes);
		memcpy(x.data, (char *)t->x->data + (size_t)(first + at) * row, (size_t)real * row);
		labels.data = (int64_t *)t->labels.data + first + at;
		for (int64_t i = 0; i < t->micro_batch; i++)
			tensor_set(&weights, i, i < real);
		expect_ok(session_micro_batch(t->session, &x, &labels, &weights, real, &err), &err);
		memset(x.data, 0xff, bytes);
		tensor_set(&weights, 0, NAN);
	}
	for (int i = 0; i < BATCH; i++)
		backend->free_host(device, pinned[i]);
	expect_ok(session_end_window(t->session, &err), &err);
	expect_ok(session_result(t->session, &result, &err), &err);
	return result;
}

static void test_with_graphs(const struct graphs *g, bool early)
{
	struct backend reference = reference_backend();
	struct cudasim_counts start = cudasim_counts(), before, after;
	struct backend backend = *onnxtune_backend.backend;
	struct trial t, r;
	struct error err;
	backend.early_updates = early;
	open_graphs(&t, g, &backend, early);
	open_graphs(&r, g, &reference, early);
	assert_true(t.session->early == early);
	before = cudasim_counts();
	assert_true(before.captures > start.captures);
	for (int64_t i = 0; i < g->run.steps; i++) {
		/* What a captured kernel was given is not what a step has to be done with. */
		double rates[] = { 0.01, 0.02, 0.003, 0.04, 0, 0, 0, 0, 0, 0,
				   0,    0,    0,     0,    0, 0, 0, 0, 0, 0 };
		expect_ok(session_set_rates(t.session, rates, &err), &err);
		expect_ok(session_set_rates(r.session, rates, &err), &err);
		struct step_result now = step_from_moving_memory(&t, i * BATCH, g->samples);
		struct step_result same = trial_step(&r, i * BATCH, g->samples);
		if (!(fabs(now.loss - same.loss) <= (g->run.half == DT_F16 ? 2e-3 : 1e-5)))
			fail_msg("step %d: loss %.9g, not %.9g", (int)i, now.loss, same.loss);
		after = cudasim_counts();
		if (i) /* the first step finds the copies new */
			assert_int_equal(after.graphs - before.graphs, g->launches);
		assert_int_equal(after.captures, before.captures);
		before.graphs = after.graphs;
	}
	trial_predict(&t, 0, BATCH);
	after = cudasim_counts();
	assert_int_equal(after.captures, before.captures);
	assert_int_equal(after.direct, start.direct);
	trial_close(&t);
	trial_close(&r);
}

static void test_graphs(void **state)
{
	test_with_graphs(*state, false);
}

static void test_early_graphs(void **state)
{
	test_with_graphs(*state, true);
}

/* The backend itself has all parameters updated at once. */
static void test_at_once(void **state)
{
	(void)state;
	struct trial t;
	open_graphs(&t, &early_graphs[0], onnxtune_backend.backend, true);
	const struct plan *plan = t.session->training.plan;
	const struct program *apply = &plan->programs[PROGRAM_APPLY];
	assert_false(t.session->early);
	for (uint32_t i = 0; i < apply->n; i++)
		if (!strcmp(graph_node(plan->graph, *apply->steps[i].nodes)->def->name, "Adam"))
			assert_int_equal(apply->steps[i].n_nodes, t.session->n_parameters);
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest
		tests[ARRAY_SIZE(scalings) + ARRAY_SIZE(graphs) + ARRAY_SIZE(early_graphs) + 1];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(scalings); i++)
		tests[n++] = (struct CMUnitTest){ .name = scalings[i].run.name,
						  .test_func = test_scaling,
						  .initial_state = (void *)&scalings[i] };
	for (size_t i = 0; i < ARRAY_SIZE(graphs); i++)
		tests[n++] = (struct CMUnitTest){ .name = graphs[i].run.name,
						  .test_func = test_graphs,
						  .initial_state = (void *)&graphs[i] };
	for (size_t i = 0; i < ARRAY_SIZE(early_graphs); i++)
		tests[n++] = (struct CMUnitTest){ .name = early_graphs[i].run.name,
						  .test_func = test_early_graphs,
						  .initial_state = (void *)&early_graphs[i] };
	tests[n++] = (struct CMUnitTest){ .name = "updates at once", .test_func = test_at_once };
	return _cmocka_run_group_tests("steps", tests, n, NULL, NULL);
}
