/*
 * test_trained.c - a part of a model trained, or parts at rates of their own, against what PyTorch
 * recorded (models/README.md, trained.npz): 20 losses and the final weights.
 */
#include "api/adapter.h"
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20
#define FLOOR 1e-5

struct trained_case {
	const char *folder, *name;
	struct session_options (*options)(void);
	double rate;
	int64_t micro_batch;
	const char *const *train;
	double decay; /* of AdamW */
	double layer_decay, dropout;
	const struct group_scale *scales;
	uint32_t n_scales;
	const char *const *decayed, *const *undecayed;
};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct group_scale scales[] = {
	{ "*", 7 }, { "fc[!1]*", 1 }, { "fc1.*", 0.1 }, { "fc3.bias", 3 }
};

static const struct trained_case cases[] = {
	{ "mlp", "scaled", trial_adamw, 1e-3, 8, .decay = 0.1, .scales = scales,
	  .n_scales = ARRAY_SIZE(scales), .decayed = LIST("fc2.b*"),
	  .undecayed = LIST("fc1.*", "fc2.bias") },
	{ "mlp", "last", trial_sgd, 0.01, 8, .train = LIST("last:2") },
	{ "mlp", "dropout", trial_sgd, 0.01, 8, .dropout = 0.4 },
	{ "mlp", "dropout", trial_sgd, 0.01, 3, .dropout = 0.4 },
	{ "vit", "layer_decay", trial_adamw, 1e-3, 8, .train = LIST("position", "token"),
	  .layer_decay = 0.65 },
};

/* The recorded arrays of the model. */
static struct arrays recorded(struct trial *t, const char *folder)
{
	struct arrays arrays;
	struct error err;
	const char *path = arena_printf(&t->arena, "models/%s/trained.npz", folder);
	expect_ok(arrays_read(trial_path(&t->arena, path), &arrays, &err), &err);
	return arrays;
}

static const struct tensor *find(struct trial *t, const struct arrays *arrays, const char *name,
				 const char *array)
{
	const char *key = arena_printf(&t->arena, "%s/%s", name, array);
	const struct tensor *out = arrays_find(arrays, key);
	if (!out)
		fail_msg("%s was not recorded", key);
	return out;
}

static void check_losses(struct trial *t, const struct arrays *arrays, const char *name)
{
	const struct tensor *loss32 = find(t, arrays, name, "loss32");
	const struct tensor *loss64 = find(t, arrays, name, "loss64");
	for (int64_t step = 0; step < STEPS; step++) {
		double a = tensor_get(loss32, step), b = tensor_get(loss64, step);
		double loss = trial_recorded_step(t, step).loss;
		if (!(fabs(loss - b) <= fmax(FLOOR, 10 * fabs(a - b))))
			fail_msg("%s: loss %.9g instead of %.9g in step %d", name, loss, b,
				 (int)step);
	}
}

/* Every trained tensor was recorded. */
static void check_final(struct trial *t, const struct arrays *arrays, const char *name)
{
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *p = t->session->parameters[k];
		const struct tensor *w32 = find(t, arrays, name,
						arena_printf(&t->arena, "final32/%s", p));
		const struct tensor *w64 = find(t, arrays, name,
						arena_printf(&t->arena, "final64/%s", p));
		struct tensor w = trial_variable(t, "", p);
		double d = relative_norm(&w, w64);
		if (d > fmax(FLOOR, 10 * relative_norm(w32, w64)))
			fail_msg("%s: %s deviates by %.3g", name, p, d);
	}
}

/* The factors start as PyTorch's did; returns the names of the weights, ended by NULL. */
static const char **adapted_weights(struct trial *t, const struct arrays *arrays)
{
	static const char prefix[] = "lora/start/";
	const char **names = arena_alloc(&t->arena, (arrays->n + 1) * sizeof *names);
	uint32_t n = 0;
	for (uint32_t i = 0; i < arrays->n; i++) {
		const char *name = arrays->v[i].name, *end = strstr(name, LORA_A_SUFFIX);
		if (!strncmp(name, prefix, strlen(prefix)))
			names[n++] = arena_printf(&t->arena, "%.*s",
						  (int)(end - name - (long)strlen(prefix)),
						  name + strlen(prefix));
	}
	return names;
}

static void start_factors(struct trial *t, const struct arrays *arrays, const char **weights)
{
	struct error err;
	for (; *weights; weights++) {
		const char *a = lora_name(&t->arena, *weights, false);
		const struct tensor *start = find(t, arrays, "lora",
						  arena_printf(&t->arena, "start/%s", a));
		struct tensor own = trial_variable(t, "", a);
		const struct variable *v = variables_find(&t->session->vars, a);
		assert_true(shape_equal(&own.shape, &start->shape));
		expect_ok(variable_write(&t->session->vars, v, start->data, &err), &err);
	}
}

/* The changes are the sums of the weights, and nothing else. */
static void check_sums(struct trial *t, const struct arrays *arrays, const char **weights)
{
	struct onnx_change *changes;
	struct error err;
	uint32_t n, count = 0;
	expect_ok(session_changes(t->session, &t->arena, &changes, &n, &err), &err);
	const struct model *model = t->model;
	for (; weights[count]; count++) {
		const struct tensor *w32 = find(
			t, arrays, "lora", arena_printf(&t->arena, "final32/%s", weights[count]));
		const struct tensor *w64 = find(
			t, arrays, "lora", arena_printf(&t->arena, "final64/%s", weights[count]));
		bool found = false;
		for (uint32_t i = 1; i < model->graph->values.n; i++) {
			struct tensor w = graph_value(model->graph, i)->t;
			if (strcmp(graph_value(model->graph, i)->name, weights[count]))
				continue;
			for (uint32_t k = 0; k < n && !found; k++)
				if (changes[k].tensor == model->sites[i].tensor) {
					w.data = (void *)changes[k].data;
					found = true;
				}
			double d = relative_norm(&w, w64);
			if (!found || d > fmax(FLOOR, 10 * relative_norm(w32, w64)))
				fail_msg("%s deviates by %.3g", weights[count], d);
		}
		assert_true(found);
	}
	assert_int_equal(count, n);
}

struct lora_case {
	const char *folder;
	int64_t rank;
	bool given; /* the weights are named, else all are adapted */
};

static const struct lora_case lora_cases[] = {
	{ "mlp", 4, false },
	{ "vit", 2, true },
	{ "resnet_frozen", 3, true },
};

static void factors_follow_pytorch(void **state)
{
	const struct lora_case *c = *state;
	static const char *const none[] = { NULL };
	struct session_options o = trial_adamw();
	struct trial t = { 0 };
	arena_init(&t.arena);
	struct arrays arrays = recorded(&t, c->folder);
	const char **weights = adapted_weights(&t, &arrays);
	struct arena names = t.arena; /* trial_open makes another */
	o.freeze = none;
	o.training.update.decay = 0;
	o.lora = (struct lora_options){ c->rank, 2 * (double)c->rank, c->given ? weights : NULL };
	trial_open(&t, c->folder, "model.onnx", o, 1e-3);
	start_factors(&t, &arrays, weights);
	check_losses(&t, &arrays, "lora");
	check_final(&t, &arrays, "lora");
	check_sums(&t, &arrays, weights);
	arrays_release(&arrays);
	trial_close(&t);
	arena_release(&names);
}

/* Before the first step an adapted model is the model: no bit is another. */
static void factors_start_at_the_model(void **state)
{
	static const char *const none[] = { NULL };
	struct session_options o = trial_adamw();
	struct onnx_change *changes;
	struct trial t;
	struct error err;
	uint32_t n;
	(void)state;
	o.freeze = none;
	o.seed = 3;
	o.lora = (struct lora_options){ .rank = 4, .alpha = 4 };
	trial_open(&t, "mlp_fp16", "model.onnx", o, 1e-3);
	expect_ok(session_changes(t.session, &t.arena, &changes, &n, &err), &err);
	assert_int_equal(n, 0);
	/* A is uniform in +-1/sqrt(in), which is 4 for the first weight */
	struct tensor a = trial_variable(&t, "", t.session->parameters[0]);
	double low = 1, high = -1, sum = 0;
	for (int64_t i = 0; i < shape_elements(&a.shape); i++) {
		low = fmin(low, tensor_get(&a, i));
		high = fmax(high, tensor_get(&a, i));
		sum += tensor_get(&a, i);
	}
	assert_true(low >= -0.25 && low < -0.22 && high <= 0.25 && high > 0.22);
	assert_true(fabs(sum) < 64 * 0.25 * 0.3);
	trial_recorded_step(&t, 0);
	expect_ok(session_changes(t.session, &t.arena, &changes, &n, &err), &err);
	assert_int_equal(n, 3);
	trial_close(&t);
}

static void follows_pytorch(void **state)
{
	const struct trained_case *c = *state;
	static const char *const none[] = { NULL };
	struct session_options o = c->options();
	struct trial t;
	o.micro_batch = c->micro_batch;
	o.seed = 7;
	o.freeze = none;
	o.train_only = c->train;
	o.training.update.decay = c->decay;
	o.training.update.decay_all = false;
	o.dropout = c->dropout;
	o.groups = (struct group_options){ .scales = c->scales,
					   .n_scales = c->n_scales,
					   .layer_decay = c->layer_decay,
					   .decay = c->decayed,
					   .no_decay = c->undecayed };
	trial_open(&t, c->folder, "model.onnx", o, c->rate);
	struct arrays arrays = recorded(&t, c->folder);
	check_losses(&t, &arrays, c->name);
	check_final(&t, &arrays, c->name);
	arrays_release(&arrays);
	trial_close(&t);
}

/* The factors that PyTorch trained, from a file that peft's way wrote, on the model's weights. */
static void adapters_are_added(void **state)
{
	static const char *const none[] = { NULL };
	struct session_options o = trial_sgd();
	struct trial t;
	struct error err;
	uint32_t found = 0;
	(void)state;
	o.freeze = none;
	trial_open(&t, "mlp", "model.onnx", o, 0.01);
	struct arrays arrays = recorded(&t, "mlp");
	const char *path = trial_path(&t.arena, "models/mlp/adapter/adapter_model.safetensors");
	struct adapter adapter;
	expect_ok(adapter_open(path, &adapter, &err), &err);
	expect_ok(adapter_apply(&adapter, t.model, &err), &err);
	adapter_close(&adapter);
	for (uint32_t i = 1; i < t.model->graph->values.n; i++) {
		const struct value *v = graph_value(t.model->graph, i);
		const char *key = arena_printf(&t.arena, "lora/final64/%s", v->name);
		const struct tensor *sum = arrays_find(&arrays, key);
		assert_int_equal(sum != NULL, t.model->replaced[i]);
		found += sum != NULL;
		if (sum && relative_norm(&v->t, sum) > 1e-7)
			fail_msg("%s deviates by %.3g", v->name, relative_norm(&v->t, sum));
	}
	assert_int_equal(found, 3);
	arrays_release(&arrays);
	trial_close(&t);
}

/* ---- what is frozen ---- */

static bool begins_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Gradient nodes of the file's nodes whose names begin so. */
static uint32_t gradient_nodes(const struct session *s, const char *prefix)
{
	const struct plan *plan = s->training.plan;
	const struct program *program = &plan->programs[PROGRAM_NEXT];
	uint32_t n = 0;
	for (uint32_t i = 0; i < program->n; i++) {
		const struct node *node = graph_node(plan->graph, program->steps[i].nodes[0]);
		n += begins_with(node->name, prefix) && strstr(node->def->name, "Grad");
	}
	return n;
}

/* Bytes of accumulators and moments. */
static size_t training_bytes(const struct session *s)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < s->vars.list.n; i++) {
		const struct variable *v = &s->vars.list.v[i];
		if (begins_with(v->name, "acc:") || begins_with(v->name, "m:") ||
		    begins_with(v->name, "v:"))
			bytes += v->bytes;
	}
	return bytes;
}

/* A frozen beginning has no backward, no gradients and no moments. */
static void frozen_parts_cost_nothing(void **state)
{
	static const char *const none[] = { NULL }, *const convs[] = { "conv*", NULL };
	struct session_options o = trial_adamw();
	struct trial all, some;
	(void)state;
	o.freeze = none;
	trial_open(&all, "lenet", "model.onnx", o, 1e-3);
	o.freeze = convs;
	trial_open(&some, "lenet", "model.onnx", o, 1e-3);
	/* 1x6x5x5 and 6x12x3x3 weights with 6 and 12 biases, of 8910 + 820 */
	size_t frozen = sizeof(float) * (150 + 6 + 648 + 12), rest = sizeof(float) * (4360 + 410);
	assert_true(gradient_nodes(all.session, "/conv") > 0);
	assert_int_equal(gradient_nodes(some.session, "/conv"), 0);
	assert_int_equal(training_bytes(all.session), 3 * (frozen + rest) + sizeof(float));
	assert_int_equal(training_bytes(some.session), 3 * rest + sizeof(float));
	assert_true(session_memory(some.session) + 3 * frozen <= session_memory(all.session));
	assert_true(some.session->training.plan->arena_bytes <
		    all.session->training.plan->arena_bytes);
	trial_close(&all);
	trial_close(&some);
}

struct feature_case {
	const char *folder;
	int64_t micro_batch;
	const char *last; /* --train */
	size_t budget;    /* 0: a temporary file */
	enum dtype half;
	bool any; /* there is something to cache */
};

static const struct feature_case feature_cases[] = {
	{ "lenet", 5, "last:1", 1 << 20, DT_F32, true },
	{ "lenet", 8, "last:2", 0, DT_F32, true },
	{ "resnet_frozen", 5, "last:1", 1 << 20, DT_F32, true },
	{ "resnet_frozen", 8, "last:5", 0, DT_BF16, true },
	{ "vit", 6, "last:1", 1 << 20, DT_F32, true },
	{ "mlp", 5, "last:9", 1 << 20, DT_F32, false },
};

/* Epochs in which samples stand at other places each time. */
static void feature_epochs(struct trial *t)
{
	static const int64_t windows[][2] = { { 0, 13 },  { 13, 19 }, { 0, 8 },  { 8, 13 },
					      { 21, 11 }, { 3, 29 },  { 1, 17 }, { 15, 16 } };
	for (uint32_t i = 0; i < ARRAY_SIZE(windows); i++)
		trial_step(t, windows[i][0], windows[i][1]);
}

static void cached_features_change_no_bit(void **state)
{
	const struct feature_case *c = *state;
	static const char *const none[] = { NULL };
	struct session_options o = trial_adamw();
	struct trial plain, cached;
	struct error err;
	o.micro_batch = c->micro_batch;
	o.half = c->half;
	o.freeze = none;
	o.train_only = LIST(c->last);
	trial_open(&plain, c->folder, "model.onnx", o, 1e-2);
	o.cache_features = true;
	trial_open(&cached, c->folder, "model.onnx", o, 1e-2);
	assert_int_equal(cached.session->features.on, c->any);
	expect_ok(session_cache_features(cached.session, 32, c->budget, &err), &err);
	assert_int_equal(cached.session->features.file_bytes != 0, c->any && !c->budget);
	feature_epochs(&plain);
	feature_epochs(&cached);
	trial_expect_equal(&plain, &cached, "");
	trial_close(&plain);
	trial_close(&cached);
}

/* What the inputs are does not matter where all samples are known. */
static void cached_features_are_used(void **state)
{
	static const char *const none[] = { NULL };
	struct session_options o = trial_adamw();
	struct trial a, b;
	struct error err;
	(void)state;
	o.freeze = none;
	o.train_only = LIST("last:1");
	o.cache_features = true;
	trial_open(&a, "lenet", "model.onnx", o, 1e-2);
	trial_open(&b, "lenet", "model.onnx", o, 1e-2);
	expect_ok(session_cache_features(a.session, 32, 1 << 20, &err), &err);
	expect_ok(session_cache_features(b.session, 32, 1 << 20, &err), &err);
	trial_step(&a, 0, 8);
	trial_step(&b, 0, 8);
	struct tensor zeros = tensor_new(&b.arena, b.x->dtype, &b.x->shape);
	b.x = &zeros;
	trial_step(&a, 0, 8);
	trial_step(&b, 0, 8);
	trial_expect_equal(&a, &b, "");
	trial_close(&a);
	trial_close(&b);
}

int main(void)
{
	struct CMUnitTest
		tests[ARRAY_SIZE(cases) + ARRAY_SIZE(lora_cases) + ARRAY_SIZE(feature_cases) + 4];
	uint32_t n = 0;
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++)
		tests[n++] = (struct CMUnitTest){ cases[i].name, follows_pytorch, NULL, NULL,
						  (void *)&cases[i] };
	for (uint32_t i = 0; i < ARRAY_SIZE(lora_cases); i++)
		tests[n++] = (struct CMUnitTest){ lora_cases[i].folder, factors_follow_pytorch,
						  NULL, NULL, (void *)&lora_cases[i] };
	for (uint32_t i = 0; i < ARRAY_SIZE(feature_cases); i++)
		tests[n++] = (struct CMUnitTest){ feature_cases[i].folder,
						  cached_features_change_no_bit, NULL, NULL,
						  (void *)&feature_cases[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(factors_start_at_the_model);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(adapters_are_added);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(frozen_parts_cost_nothing);
	tests[n] = (struct CMUnitTest)cmocka_unit_test(cached_features_are_used);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
