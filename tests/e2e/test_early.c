/*
 * test_early.c - parameters that are updated by the micro-batch, as soon as their gradients are known,
 * end with the bits of those that are updated after it, in less memory; and what happens where
 * gradients are not finite.
 */
#include "mockdev/mockdev.h"
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 5

struct subject {
	const char *name, *folder;
	enum optimizer_kind optimizer;
	enum dtype half;
	bool train_batch_norm, lora, dropout;
	size_t bytes; /* of a group */
	int64_t samples;
};

static const struct subject subjects[] = {
	{ "mlp", "mlp", OPTIMIZER_SGD, DT_F32, .bytes = 1 },
	{ "mlp, one group", "mlp", OPTIMIZER_ADAMW, DT_F32, .bytes = 0 },
	{ "mlp in float16 in the file", "mlp_fp16", OPTIMIZER_RMSPROP, DT_F32, .bytes = 64 },
	{ "lenet", "lenet", OPTIMIZER_NADAM, DT_F32, .bytes = 1 },
	{ "lenet in bfloat16", "lenet", OPTIMIZER_LION, DT_BF16, .bytes = 512 },
	{ "resnet frozen", "resnet_frozen", OPTIMIZER_LAMB, DT_F32, .bytes = 1 },
	{ "mlp, factors", "mlp", OPTIMIZER_SGD, DT_F32, .lora = true, .bytes = 2 },
	{ "resnet frozen in bfloat16", "resnet_frozen", OPTIMIZER_ADAGRAD, DT_BF16, .bytes = 200 },
	{ "resnet trained", "resnet_train", OPTIMIZER_SGD, DT_F32, true, .bytes = 1 },
	{ "resnet trained, short", "resnet_train", OPTIMIZER_SGD, DT_F32, true, .bytes = 1,
	  .samples = 6 },
	{ "vit", "vit", OPTIMIZER_ADAFACTOR, DT_F32, .bytes = 1 },
	{ "vit in bfloat16", "vit", OPTIMIZER_ADAMW, DT_BF16, .dropout = true, .bytes = 1 },
};

static struct session_options options_of(const struct subject *s)
{
	struct session_options o = trial_adamw();
	o.training.update.optimizer = s->optimizer;
	o.training.update.momentum = 0.9;
	o.training.ema = 0.5;
	o.half = s->half;
	o.train_batch_norm = s->train_batch_norm;
	o.dropout = s->dropout ? 0.5 : 0;
	if (s->lora)
		o.lora = (struct lora_options){ .rank = 2, .alpha = 4 };
	return o;
}

/* The same twice, the second one with early updates. */
static void open_pair(struct trial *late, struct trial *early, struct session_options o,
		      const char *folder, double rate)
{
	static const char *const none[] = { NULL }, *const last[] = { "last:2", NULL };
	if (o.lora.rank) {
		o.freeze = none;
		o.train_only = last;
	}
	o.early = false;
	trial_open(late, folder, "model.onnx", o, rate);
	o.early = true;
	trial_open(early, folder, "model.onnx", o, rate);
	assert_false(late->session->early);
	assert_true(early->session->early);
}

static unsigned count(const struct trial *t, const char *op)
{
	const struct graph *graph = t->session->training.graph;
	unsigned n = 0;
	for (uint32_t i = 0; i < graph->order.n; i++)
		n += !strcmp(graph_node(graph, graph->order.v[i])->def->name, op);
	return n;
}

/* All variables; of the step block all but the norm, whose squares are added in another order. */
static void expect_same_variables(struct trial *late, struct trial *early)
{
	const struct variables *vars = &early->session->vars;
	for (uint32_t i = 0; i < vars->list.n; i++) {
		const char *name = vars->list.v[i].name;
		struct tensor a = trial_variable(late, "", name);
		struct tensor b = trial_variable(early, "", name);
		assert_true(strncmp(name, "acc:", 4));
		if (!strcmp(name, STEP_NAME))
			((struct step_block *)a.data)->norm = ((struct step_block *)b.data)->norm;
		if (memcmp(a.data, b.data, tensor_bytes(&a)))
			fail_msg("%s differs", name);
	}
}

static void test_same(void **state)
{
	const struct subject *s = *state;
	struct session_options o = options_of(s);
	struct trial late, early;
	o.early_bytes = s->bytes;
	open_pair(&late, &early, o, s->folder, 0.01);
	assert_int_equal(count(&early, "Accumulate"), 0);
	if (s->bytes == 1)
		assert_true(count(&early, "GradStats") > 2);
	for (int64_t i = 0; i < STEPS; i++) {
		int64_t n = s->samples ? s->samples : 8;
		struct step_result a = trial_step(&late, i * 2, n);
		struct step_result b = trial_step(&early, i * 2, n);
		if (!isfinite(a.loss) || a.loss != b.loss || a.skipped || b.skipped ||
		    !(fabs(a.norm - b.norm) <= 1e-14 * a.norm) || a.rate != b.rate ||
		    a.step != b.step || a.good_steps != b.good_steps)
			fail_msg("step %d: loss %.9g, norm %.17g, not %.9g, %.17g", (int)i, b.loss,
				 b.norm, a.loss, a.norm);
	}
	expect_same_variables(&late, &early);
	struct tensor x = trial_predict(&late, 0, 8), y = trial_predict(&early, 0, 8);
	assert_memory_equal(x.data, y.data, tensor_bytes(&x));
	trial_close(&late);
	trial_close(&early);
}

/* At one sample a step's memory is that of its parameters: gradients are a part of it. */
static void save_memory(const struct backend *backend)
{
	struct session_options o = trial_sgd();
	struct trial late, early;
	size_t gradients = 0;
	o.backend = backend;
	o.micro_batch = 1;
	o.early_bytes = 1;
	open_pair(&late, &early, o, "lenet", 0.01);
	const struct session *s = early.session;
	for (uint32_t k = 0; k < s->n_parameters; k++)
		gradients += variables_find(&s->vars, s->parameters[k])->bytes;
	uint64_t before = session_memory(late.session), after = session_memory(s);
	if (after + gradients * 9 / 10 > before)
		fail_msg("%llu bytes, before %llu, %llu of gradients", (unsigned long long)after,
			 (unsigned long long)before, (unsigned long long)gradients);
	trial_close(&late);
	trial_close(&early);
}

static void test_memory(void **state)
{
	(void)state;
	save_memory(&backend_cpu);
	save_memory(&backend_mock);
}

/* What needs all gradients forbids it. */
static void test_where_not(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct session_options o = trial_sgd();
		struct trial t;
		o.early = true;
		o.training.clip_norm = i == 0 ? 1 : 0;
		o.training.dynamic_scale = i == 1;
		o.half = i == 2 ? DT_F16 : DT_F32;
		trial_open(&t, "mlp", "model.onnx", o, 0.01);
		assert_false(t.session->early);
		assert_true(count(&t, "Accumulate") > 0);
		trial_close(&t);
	}
}

static void test_two_micro_batches(void **state)
{
	struct session_options o = trial_sgd();
	struct trial t;
	struct error err;
	(void)state;
	o.early = true;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	struct tensor x = tensor_new(&t.arena, DT_F32, &SHAPE(8, 16)), gradient;
	struct tensor labels = tensor_new(&t.arena, DT_I64, &SHAPE(8));
	struct tensor weights = tensor_new(&t.arena, DT_F32, &SHAPE(8));
	expect_ok(session_begin_window(t.session, 8, &err), &err);
	expect_ok(session_micro_batch(t.session, &x, &labels, &weights, 8, &err), &err);
	assert_int_equal(session_micro_batch(t.session, &x, &labels, &weights, 8, &err),
			 ERR_INTERNAL);
	assert_int_equal(session_gradient(t.session, "fc1.bias", &t.arena, &gradient, &err),
			 ERR_INTERNAL);
	trial_close(&t);
}

/* ---- gradients that are not finite ---- */

static void set_variable(struct trial *t, const char *name, int64_t element, int64_t stride,
			 double x)
{
	struct tensor v = trial_variable(t, "", name);
	struct error err;
	for (int64_t i = element, n = shape_elements(&v.shape); i < n; i += stride)
		tensor_set(&v, i, x);
	expect_ok(variable_write(&t->session->vars, variables_find(&t->session->vars, name), v.data,
				 &err),
		  &err);
	expect_ok(session_refresh(t->session, &err), &err);
}

static bool changed(struct trial *t, const char *name, const struct tensor *before)
{
	struct tensor now = trial_variable(t, "", name);
	return memcmp(now.data, before->data, tensor_bytes(&now)) != 0;
}

/*
 * A large input that a column of zeros keeps from the loss: only the gradient of the first weight is
 * not finite, which is known last. What came before it is updated, it itself is not.
 */
static void test_first_weight(void **state)
{
	static const char *const names[] = { "fc3.weight", "fc3.bias", "fc2.weight", "fc2.bias",
					     "fc1.weight" };
	struct session_options o = trial_sgd();
	struct tensor before[ARRAY_SIZE(names)];
	struct trial t;
	(void)state;
	o.early = true;
	o.early_bytes = 1;
	o.loss_scale = 1 << 20;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	struct tensor x = tensor_new(&t.arena, DT_F32, &t.x->shape);
	memcpy(x.data, t.x->data, tensor_bytes(&x));
	for (int64_t i = 0; i < 8; i++)
		tensor_set(&x, i * 16, 3e38);
	t.x = &x;
	set_variable(&t, "fc1.weight", 0, 16, 0);
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		before[k] = trial_variable(&t, "", names[k]);
	struct step_result r = trial_step(&t, 0, 8);
	assert_true(r.skipped && isfinite(r.loss) && !isfinite(r.norm));
	assert_int_equal(r.good_steps, 0);
	assert_int_equal(r.skips, 1);
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		if (changed(&t, names[k], &before[k]) != (k + 1 < ARRAY_SIZE(names)))
			fail_msg("%s", names[k]);
	/* The next step is as any other. */
	r = trial_step(&t, 8, 8);
	assert_true(!r.skipped && isfinite(r.norm) && r.good_steps == 1 && r.skips == 0);
	assert_true(changed(&t, "fc1.weight", &before[4]));
	trial_close(&t);
}

/* A loss that is not finite is known before any gradient. */
static void test_loss(void **state)
{
	static const double weights[] = { 1, INFINITY, 1, 1, 1, 1, 1, 1 };
	struct session_options o = trial_sgd();
	struct trial t;
	(void)state;
	o.early = true;
	o.early_bytes = 1;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	struct tensor before = trial_variable(&t, "", "fc3.bias");
	struct tensor moment = trial_variable(&t, "m:", "fc3.bias");
	t.weights = weights;
	struct step_result r = trial_step(&t, 0, 8);
	assert_true(r.skipped && !isfinite(r.loss) && r.good_steps == 0);
	assert_false(changed(&t, "fc3.bias", &before));
	assert_false(changed(&t, "m:fc3.bias", &moment));
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(subjects) + 5];
	uint32_t n = 0;
	for (; n < ARRAY_SIZE(subjects); n++)
		tests[n] = (struct CMUnitTest){ .name = subjects[n].name,
						.test_func = test_same,
						.initial_state = (void *)&subjects[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_memory);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_where_not);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_two_micro_batches);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_first_weight);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_loss);
	return _cmocka_run_group_tests("early", tests, n, NULL, NULL);
}
