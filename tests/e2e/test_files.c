/*
 * test_files.c - models as they are written back: without training byte for byte, after training
 * with nothing but the trained tensors changed, in whatever form the file stores them, and computing
 * what the session computed.
 */
#include "../support/onnx_expect.h"
#include "passes/bind.h"
#include "trial.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- after training ---- */

struct stored {
	const char *folder, *file, *data; /* data: file of external data, or NULL */
	bool train_batch_norm;
};

static const struct stored stored[] = {
	{ "mlp", "model.onnx", NULL, false },
	{ "mlp", "variants/constant_nodes.onnx", NULL, false },
	{ "mlp", "variants/float_data.onnx", NULL, false },
	{ "mlp", "variants/external.onnx", "variants/external.data", false },
	{ "mlp", "variants/inputs.onnx", NULL, false },
	{ "mlp", "variants/float64.onnx", NULL, false },
	{ "mlp", "variants/float16.onnx", NULL, false },
	{ "mlp_fp16", "model.onnx", NULL, false },
	{ "lenet", "model.onnx", NULL, false },
	{ "resnet_frozen", "model.onnx", NULL, false },
	{ "resnet_train", "model.onnx", NULL, true },
	{ "vit", "model.onnx", NULL, false },
	{ "vit_dynamo", "model.onnx", NULL, false },
	{ "lstm", "model.onnx", NULL, false },
};

static const struct tensor *constant(const struct model *model, const char *name)
{
	const struct graph *graph = model->graph;
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		if (v->kind == VALUE_CONSTANT && !strcmp(v->name, name))
			return &v->t;
	}
	fail_msg("the model has no constant '%s'", name);
	return NULL;
}

/* Whether the session changes that constant: it is a parameter or a running statistic. */
static bool is_changed(struct trial *t, const char *name)
{
	return variables_find(&t->session->vars, name) != NULL;
}

/* Saves what the session has made of the model; the number of bytes that may differ. */
static size_t save(struct trial *t, const char *path)
{
	struct onnx_change *changes;
	struct error err;
	uint32_t n;
	size_t bytes = 0;
	expect_ok(session_changes(t->session, &t->arena, &changes, &n, &err), &err);
	assert_true(n >= t->session->n_parameters);
	expect_ok(onnx_save(&t->model->file, path, changes, n, &err), &err);
	for (uint32_t i = 1; i < t->model->graph->values.n; i++) {
		const struct value *v = graph_value(t->model->graph, i);
		if (v->kind == VALUE_CONSTANT && is_changed(t, v->name))
			bytes += tensor_bytes(&v->t);
	}
	return bytes;
}

/* All constants of the tuned file: the session's values rounded to the file's types, or the old
 * bytes. */
static void check_constants(struct trial *t, const struct model *tuned)
{
	const struct graph *graph = tuned->graph;
	assert_int_equal(graph->values.n, t->model->graph->values.n);
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		if (v->kind != VALUE_CONSTANT)
			continue;
		const struct tensor *old = constant(t->model, v->name);
		assert_int_equal(v->t.dtype, old->dtype);
		if (!is_changed(t, v->name)) {
			assert_memory_equal(v->t.data, old->data, tensor_bytes(old));
			continue;
		}
		struct tensor master = trial_variable(t, "", v->name);
		struct tensor rounded = tensor_new(&t->arena, old->dtype, &old->shape);
		for (int64_t k = 0, n = shape_elements(&old->shape); k < n; k++)
			tensor_set(&rounded, k, tensor_get(&master, k));
		assert_memory_equal(v->t.data, rounded.data, tensor_bytes(old));
		assert_memory_not_equal(v->t.data, old->data, tensor_bytes(old));
	}
}

/* Files of one size that differ in at most so many bytes; returns how many. */
static size_t compare(const char *a, const char *b)
{
	size_t n, m, differences = 0;
	uint8_t *x = expect_file(a, &n), *y = expect_file(b, &m);
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++)
		differences += x[i] != y[i];
	free(x);
	free(y);
	return differences;
}

/* Puts the old weights back into the tuned file: then it is the old file, so nothing else had
 * changed. */
static void check_restored(struct trial *t, struct model *tuned, const struct stored *s,
			   const char *original, const char *original_data)
{
	const struct graph *graph = tuned->graph;
	struct onnx_change *changes = arena_alloc(&t->arena, graph->values.n * sizeof *changes);
	struct error err;
	uint32_t n = 0;
	for (uint32_t i = 1; i < graph->values.n; i++) {
		const struct value *v = graph_value(graph, i);
		if (v->kind != VALUE_CONSTANT || !is_changed(t, v->name))
			continue;
		changes[n] = tuned->sites[i];
		changes[n++].data = constant(t->model, v->name)->data;
	}
	char *folder = folder_make();
	const char *path = arena_printf(&t->arena, "%s/model.onnx", folder);
	expect_ok(onnx_save(&tuned->file, path, changes, n, &err), &err);
	expect_same_file(path, original);
	if (s->data)
		expect_same_file(arena_printf(&t->arena, "%s/%s", folder,
					      strrchr(s->data, '/') + 1),
				 original_data);
	folder_remove(folder);
}

/* The tuned file computes what the session does, to the bit, and so does its next step. */
static void check_computes(struct trial *t, const struct stored *s, const char *path,
			   struct session_options o)
{
	struct trial tuned;
	trial_open(&tuned, s->folder, path, o, 0);
	struct tensor x = trial_predict(t, 0, 32), y = trial_predict(&tuned, 0, 32);
	assert_memory_equal(x.data, y.data, tensor_bytes(&x));
	struct step_result a = trial_recorded_step(t, 3), b = trial_recorded_step(&tuned, 3);
	if (a.loss != b.loss)
		fail_msg("the next loss is %.9g, from the file %.9g", a.loss, b.loss);
	trial_close(&tuned);
}

static void tuned_file(void **state)
{
	const struct stored *s = *state;
	struct session_options o = trial_adamw();
	struct problems problems = { 0 };
	struct model *tuned;
	struct error err;
	struct trial t;
	char *folder = folder_make();
	o.train_batch_norm = s->train_batch_norm;
	trial_open(&t, s->folder, s->file, o, 1e-2);
	for (int i = 0; i < 3; i++)
		trial_recorded_step(&t, i);
	const char *path = arena_printf(&t.arena, "%s/tuned.onnx", folder), *data = NULL;
	const char *base = trial_path(&t.arena, arena_printf(&t.arena, "models/%s", s->folder));
	const char *original = arena_printf(&t.arena, "%s/%s", base, s->file);
	size_t trained = save(&t, path), differ = compare(path, original);
	if (s->data) {
		data = arena_printf(&t.arena, "%s/%s", base, s->data);
		differ += compare(arena_printf(&t.arena, "%s/%s", folder, strrchr(data, '/') + 1),
				  data);
	}
	assert_in_range(differ, trained / 4, trained);
	expect_ok(model_load(path, &tuned, &problems, &err), &err);
	check_constants(&t, tuned);
	check_restored(&t, tuned, s, original, data);
	model_free(tuned);
	check_computes(&t, s, path, o);
	trial_close(&t);
	folder_remove(folder);
}

/* ---- without training ---- */

/* Every model of the tree, trained for no step, is written back byte for byte. */
static void untouched_file(void **state)
{
	const char *path = *state;
	struct session_options o = trial_adamw();
	struct problems problems = { 0 };
	struct shape shapes[4];
	struct onnx_change *changes;
	struct session *session;
	struct model *model;
	struct arena arena;
	struct error err;
	uint32_t n;
	char *folder = folder_make();
	arena_init(&arena);
	expect_ok(model_load(path, &model, &problems, &err), &err);
	assert_true(model->graph->inputs.n <= ARRAY_SIZE(shapes));
	o.micro_batch = 4;
	o.shapes = shapes;
	o.integer_labels = !strstr(path, "/mlp_bce/") && !strstr(path, "/mlp_mse/");
	expect_ok(bind_shapes(model->graph, o.micro_batch, NULL, 64, shapes, &err), &err);
	expect_ok(session_open(model, &o, &session, &problems, &err), &err);
	expect_ok(session_changes(session, &arena, &changes, &n, &err), &err);
	assert_int_equal(n, 0);
	const char *out = arena_printf(&arena, "%s/tuned.onnx", folder);
	expect_ok(onnx_save(&model->file, out, changes, n, &err), &err);
	expect_same_file(out, path);
	if (!strcmp(strrchr(path, '/'), "/external.onnx")) {
		char *data = arena_strdup(&arena, path);
		strcpy(strrchr(data, '.'), ".data");
		expect_same_file(arena_printf(&arena, "%s/external.data", folder), data);
	} else {
		assert_int_equal(folder_count(folder), 1);
	}
	session_free(session);
	model_free(model);
	arena_release(&arena);
	folder_remove(folder);
}

int main(void)
{
	static const char *const places[] = { "models/*/*.onnx", "models/*/variants/*.onnx",
					      "data/*/*.onnx" };
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct arena arena;
	glob_t found = { 0 };
	arena_init(&arena);
	for (uint32_t i = 0; i < ARRAY_SIZE(stored); i++)
		*array_push(&tests) = (struct CMUnitTest){
			.name = arena_printf(&arena, "%s/%s tuned", stored[i].folder,
					     stored[i].file),
			.test_func = tuned_file,
			.initial_state = (void *)&stored[i],
		};
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++)
		if (glob(trial_path(&arena, places[i]), i ? GLOB_APPEND : 0, NULL, &found))
			fail_msg("%s: nothing found", places[i]);
	for (size_t i = 0; i < found.gl_pathc; i++)
		*array_push(&tests) = (struct CMUnitTest){ .name = found.gl_pathv[i],
							   .test_func = untouched_file,
							   .initial_state = found.gl_pathv[i] };
	int failed = _cmocka_run_group_tests("files", tests.v, tests.n, NULL, NULL);
	globfree(&found);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
