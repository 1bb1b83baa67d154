/*
 * test_copies.c - the copies of parameters in half types that optimizers write (passes/copies.h) are
 * those of the parameters at all times: at the start, after steps of whatever kind, after what others
 * wrote.
 */
#include "trial.h"

#include "ops/optimizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct subject {
	const char *name, *folder;
	enum optimizer_kind optimizer;
	double momentum;
	enum dtype half;
	bool early, train_batch_norm;
};

static const struct subject subjects[] = {
	{ "sgd", "mlp", OPTIMIZER_SGD, 0.9, DT_BF16, false, false },
	{ "sgd without momentum", "mlp", OPTIMIZER_SGD, 0, DT_BF16, true, false },
	{ "adamw in float16", "mlp", OPTIMIZER_ADAMW, 0, DT_F16, false, false },
	{ "rmsprop", "mlp", OPTIMIZER_RMSPROP, 0, DT_BF16, true, false },
	{ "adagrad", "mlp", OPTIMIZER_ADAGRAD, 0, DT_F16, false, false },
	{ "nadam", "lenet", OPTIMIZER_NADAM, 0, DT_BF16, true, false },
	{ "lamb", "mlp", OPTIMIZER_LAMB, 0, DT_BF16, true, false },
	{ "lion", "vit", OPTIMIZER_LION, 0, DT_BF16, true, false },
	{ "adafactor", "mlp", OPTIMIZER_ADAFACTOR, 0, DT_BF16, true, false },
	{ "short batches", "resnet_train", OPTIMIZER_SGD, 0.9, DT_BF16, false, true },
	{ "short batches, early", "resnet_train", OPTIMIZER_SGD, 0.9, DT_BF16, true, true },
};

/* Each copy against its parameter; how many there are. */
static uint32_t expect_copies(struct trial *t)
{
	const struct runner *r = &t->session->training;
	uint32_t count = 0;
	for (uint32_t i = 0; i < r->graph->order.n; i++) {
		const struct node *node = graph_node(r->graph, r->graph->order.v[i]);
		uint32_t last = optimizer_copy(node->def);
		if (strcmp(node->def->out[last].name, "Copy") || node->n_out <= last)
			continue;
		const struct value *v = graph_value(r->graph, node->out[last]);
		const char *name = graph_value(r->graph, node->in[2])->name;
		struct tensor p = trial_variable(t, "", name);
		struct tensor copy = { v->t.dtype, v->t.shape,
				       plan_resident(r->plan, node->out[last])->memory };
		struct tensor want = tensor_new(&t->arena, copy.dtype, &copy.shape);
		assert_ptr_equal(plan_resident(r->plan, node->in[last + 3]),
				 plan_resident(r->plan, node->out[last]));
		for (int64_t k = 0, n = shape_elements(&p.shape); k < n; k++)
			tensor_set(&want, k, tensor_get(&p, k));
		if (memcmp(want.data, copy.data, tensor_bytes(&want)))
			fail_msg("the copy of %s is old", name);
		count++;
	}
	return count;
}

static void test_copies(void **state)
{
	const struct subject *s = *state;
	struct session_options o = trial_adamw();
	static const double bad[] = { INFINITY, 1, 1, 1, 1, 1, 1, 1 };
	struct backend backend = s->half == DT_F16 ? reference_backend() : backend_cpu;
	struct error err;
	struct trial t;
	o.backend = &backend;
	o.training.update.optimizer = s->optimizer;
	o.training.update.momentum = s->momentum;
	o.half = s->half;
	o.early = s->early;
	o.early_bytes = 1;
	o.train_batch_norm = s->train_batch_norm;
	trial_open(&t, s->folder, "model.onnx", o, 0.01);
	assert_true(t.session->early == s->early);
	uint32_t n = expect_copies(&t);
	const struct program *programs = t.session->training.plan->programs;
	assert_true(n > 0);
	assert_int_equal(programs[PROGRAM_AFTER].n + n, programs[PROGRAM_UPDATE].n);
	for (int64_t i = 0; i < 3; i++) {
		trial_step(&t, 8 * i, s->train_batch_norm && i == 1 ? 5 : 8);
		expect_copies(&t);
	}
	t.weights = bad;
	assert_true(trial_step(&t, 0, 8).skipped);
	expect_copies(&t);
	/* another weight from outside */
	struct variable *v = variables_find(&t.session->vars, t.session->parameters[0]);
	struct tensor zeros = tensor_new(&t.arena, v->t.dtype, &v->t.shape);
	expect_ok(variable_write(&t.session->vars, v, zeros.data, &err), &err);
	expect_ok(session_refresh(t.session, &err), &err);
	expect_copies(&t);
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(subjects)];
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		tests[i] = (struct CMUnitTest){ .name = subjects[i].name,
						.test_func = test_copies,
						.initial_state = (void *)&subjects[i] };
	return cmocka_run_group_tests_name("copies", tests, NULL, NULL);
}
