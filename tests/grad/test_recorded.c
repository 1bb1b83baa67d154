/*
 * test_recorded.c - outputs and gradients of single operators against those that PyTorch computed
 * (models/generate_grads.py), in float64: also at ties and kinks, where differences say nothing.
 *
 * Each folder of tests/data/grads holds model.onnx, inputs.npz (the graph's inputs, and
 * "cotangent:OUTPUT") and expected.npz (the outputs, and "grad:INPUT").
 */
#include "data/npy.h"
#include "onnx/load.h"
#include "ops/interpret.h"
#include "passes/bind.h"
#include "passes/gradient.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 8           /* inputs or outputs of a case */
#define TOLERANCE 1e-12 /* relative to the largest element */

static const struct tensor *find(const struct arrays *arrays, const char *prefix, const char *name,
				 struct arena *arena)
{
	const char *key = arena_printf(arena, "%s%s", prefix, name);
	const struct tensor *t = arrays_find(arrays, key);
	if (!t)
		fail_msg("%s is missing", key);
	return t;
}

/* A gradient that is not there is zero everywhere. */
static void compare(const char *what, const char *name, const struct tensor *got,
		    const struct tensor *expected)
{
	double largest = 1e-3, worst = 0, limit = TOLERANCE;
	if (got && (got->dtype != expected->dtype || !shape_equal(&got->shape, &expected->shape)))
		fail_msg("%s %s has another type", what, name);
	for (int64_t i = 0, n = shape_elements(&expected->shape); i < n; i++) {
		double e = tensor_get(expected, i), g = got ? tensor_get(got, i) : 0;
		if (isfinite(e))
			largest = fmax(largest, fabs(e));
		if (isnan(e) != isnan(g) || (isinf(e) && e != g))
			worst = INFINITY;
		else if (isfinite(e))
			worst = fmax(worst, fabs(e - g));
	}
	if (expected->dtype == DT_F32)
		limit = 1e-6;
	if (!(worst / largest <= limit))
		fail_msg("%s %s deviates by %.3g", what, name, worst / largest);
}

/* The bound graph of a model with the gradients of its inputs as further outputs; dx[k]: 0 if none. */
static struct graph *differentiate(const struct graph *loaded, const struct arrays *inputs,
				   struct tensor *in, uint32_t *dx, struct error *err)
{
	struct arena *arena = loaded->arena;
	struct problems problems = { 0 };
	struct shape shapes[MAX];
	struct binding bound;
	uint32_t dy[MAX];
	assert_in_range(loaded->inputs.n, 1, MAX);
	assert_in_range(loaded->outputs.n, 1, MAX);
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const char *name = graph_value(loaded, loaded->inputs.v[k])->name;
		in[k] = *find(inputs, "", name, arena);
		shapes[k] = in[k].shape;
	}
	if (bind_graph(loaded, shapes, NULL, &bound, &problems, err) != OK)
		fail_msg("%s", err->text);
	struct graph *graph = bound.graph;
	struct builder b = { .graph = graph, .err = err, .fold_limit = 65536 };
	b.name = b.op = "gradient";
	for (uint32_t k = 0; k < graph->outputs.n; k++) {
		const char *name = graph_value(loaded, loaded->outputs.v[k])->name;
		dy[k] = graph_add_value(graph, arena_printf(arena, "d%s", name), VALUE_CONSTANT,
					*find(inputs, "cotangent:", name, arena));
	}
	if (gradient_build(&b, graph->outputs.v, dy, graph->outputs.n, graph->inputs.v,
			   graph->inputs.n, GRADIENT_AS_VALUES, dx, &problems) != OK)
		fail_msg("%s", err->text);
	for (uint32_t k = 0; k < graph->inputs.n; k++)
		if (dx[k])
			*array_push(&graph->outputs) = dx[k];
	if (graph_verify(graph, err) != OK)
		fail_msg("%s", err->text);
	return graph;
}

static void test_folder(void **state)
{
	const char *folder = *state;
	struct problems problems = { 0 };
	struct arrays inputs, expected;
	struct tensor in[MAX], out[2 * MAX];
	struct error err = { 0 };
	struct model *model;
	struct arena arena;
	uint32_t dx[MAX];
	arena_init(&arena);
	if (model_load(arena_printf(&arena, "%s/model.onnx", folder), &model, &problems, &err) !=
		    OK ||
	    arrays_read(arena_printf(&arena, "%s/inputs.npz", folder), &inputs, &err) != OK ||
	    arrays_read(arena_printf(&arena, "%s/expected.npz", folder), &expected, &err) != OK)
		fail_msg("%s", err.text);
	const struct graph *loaded = model->graph;
	struct graph *graph = differentiate(loaded, &inputs, in, dx, &err);
	if (interpret_graph(graph, in, out, NULL, &arena, &err) != OK)
		fail_msg("%s", err.text);
	uint32_t next = loaded->outputs.n;
	for (uint32_t k = 0; k < loaded->outputs.n; k++) {
		const char *name = graph_value(loaded, loaded->outputs.v[k])->name;
		compare("output", name, &out[k], find(&expected, "", name, &arena));
	}
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const char *name = graph_value(loaded, loaded->inputs.v[k])->name;
		compare("gradient of", name, dx[k] ? &out[next++] : NULL,
			find(&expected, "grad:", name, &arena));
	}
	graph_free(graph);
	arrays_release(&inputs);
	arrays_release(&expected);
	model_free(model);
	arena_release(&arena);
}

int main(void)
{
	const char *srcdir = getenv("srcdir");
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct dirent **names;
	struct arena arena;
	arena_init(&arena);
	const char *path = arena_printf(&arena, "%s/tests/data/grads", srcdir ? srcdir : ".");
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (*names[i]->d_name != '.') {
			char *folder = arena_printf(&arena, "%s/%s", path, names[i]->d_name);
			*array_push(&tests) = (struct CMUnitTest){
				.name = folder + (strlen(path) + 1),
				.test_func = test_folder,
				.initial_state = folder,
			};
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	int failed = !tests.n;
	if (tests.n)
		failed = _cmocka_run_group_tests("recorded gradients", tests.v, tests.n, NULL,
						 NULL);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
