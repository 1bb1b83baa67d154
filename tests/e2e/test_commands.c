/*
 * test_commands.c - what `run`, `grad` and `gradcheck` make of the reference models: outputs and
 * gradients as PyTorch recorded them (models/README.md), and no gradient that differences contradict.
 */
#include "api/forward.h"
#include "api/gradcheck.h"
#include "cli/parse.h"
#include "data/npy.h"
#include "support/data_files.h"
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 1e-5

/* From the output to the gradient of the recorded loss, the mean over the batch. */
enum cotangent { FROM_SOFTMAX, FROM_LOG_SOFTMAX, FROM_LOGITS, FROM_SIGMOID, FROM_VALUES };

struct model_case {
	const char *folder, *file;
	enum cotangent cotangent;
	int64_t batch; /* that the model takes; 0: any */
	bool train_batch_norm;
};

static const struct model_case models[] = {
	{ "mlp", "model.onnx", FROM_SOFTMAX, 0, false },
	{ "mlp", "variants/float64.onnx", FROM_SOFTMAX, 0, false },
	{ "mlp", "variants/external.onnx", FROM_SOFTMAX, 0, false },
	{ "mlp", "variants/inputs.onnx", FROM_SOFTMAX, 0, false },
	{ "mlp_bce", "model.onnx", FROM_SIGMOID, 0, false },
	{ "mlp_mse", "model.onnx", FROM_VALUES, 0, false },
	{ "mlp_fp16", "model.onnx", FROM_SOFTMAX, 0, false },
	{ "lenet", "model.onnx", FROM_LOG_SOFTMAX, 0, false },
	{ "lenet_fixed", "model.onnx", FROM_LOGITS, 4, false },
	{ "resnet_frozen", "model.onnx", FROM_LOGITS, 0, false },
	{ "resnet_train", "model.onnx", FROM_LOGITS, 0, true },
	{ "vit", "model.onnx", FROM_LOGITS, 0, false },
	{ "vit_opset13", "model.onnx", FROM_LOGITS, 0, false },
	{ "vit_dynamo", "model.onnx", FROM_LOGITS, 0, false },
};

/* ---- the library as the command line calls it ---- */

struct bench {
	const struct model_case *model;
	struct arena arena;
	struct invocation inv;
	struct config *config;
	struct arrays data, expected;
	char *folder;
	int64_t n; /* samples */
	volatile sig_atomic_t stop;
	struct api_ui ui;
};

static void draw_nothing(void *ctx, struct progress *progress, double now, bool last)
{
	(void)ctx, (void)progress, (void)now, (void)last;
}

static void open_bench(struct bench *b, const struct model_case *model)
{
	struct error err;
	const char *folder;
	*b = (struct bench){ .model = model };
	arena_init(&b->arena);
	parse_defaults(&b->inv, &b->arena);
	expect_ok(parse_finish(&b->inv, &err), &err);
	b->config = &b->inv.config;
	folder = trial_path(&b->arena, arena_printf(&b->arena, "models/%s", model->folder));
	expect_ok(arrays_read(arena_printf(&b->arena, "%s/data.npz", folder), &b->data, &err),
		  &err);
	expect_ok(arrays_read(arena_printf(&b->arena, "%s/expected.npz", folder), &b->expected,
			      &err),
		  &err);
	b->folder = make_folder();
	b->n = model->batch ? model->batch : tensor_get_int(arrays_find(&b->expected, "batch"), 0);
	b->config->model = arena_printf(&b->arena, "%s/%s", folder, model->file);
	b->config->data = arena_printf(&b->arena, "%s/in.npz", b->folder);
	b->config->output = arena_printf(&b->arena, "%s/out.npz", b->folder);
	b->config->threads = 2;
	b->ui = (struct api_ui){ .draw = draw_nothing, .stop = &b->stop };
}

static void close_bench(struct bench *b)
{
	arrays_release(&b->data);
	arrays_release(&b->expected);
	remove_folder(b->folder);
	arena_release(&b->arena);
}

/* The first samples of an array, in the model's type where it is the input. */
static struct tensor first(struct bench *b, const struct tensor *t, enum dtype dtype)
{
	struct shape shape = t->shape;
	shape.dim[0] = b->n;
	struct tensor to = tensor_new(&b->arena, dtype, &shape);
	for (int64_t i = 0, n = shape_elements(&shape); i < n; i++)
		tensor_set(&to, i, tensor_get(t, i));
	return to;
}

/* The model's only input and output, and the type that all of it has. */
static void names_of(struct bench *b, const char **x, const char **y, enum dtype *dtype)
{
	struct problems problems = { 0 };
	struct model *model;
	struct error err;
	expect_ok(model_load(b->config->model, &model, &problems, &err), &err);
	const struct graph *g = model->graph;
	const struct value *in = graph_value(g, g->inputs.v[0]);
	*x = arena_strdup(&b->arena, in->name);
	*y = arena_strdup(&b->arena, graph_value(g, g->outputs.v[0])->name);
	*dtype = in->t.dtype;
	model_free(model);
}

typedef enum status forward_fn(const struct config *config, const struct api_ui *ui,
			       struct arena *arena, const char **path, struct problems *problems,
			       struct error *err);

/* Writes the inputs, calls, reads the outputs. */
static struct arrays call(struct bench *b, forward_fn *forward, const struct named_tensor *in,
			  uint32_t n)
{
	struct problems problems = { 0 };
	struct arrays out;
	struct error err;
	const char *path;
	expect_ok(npz_write(b->config->data, in, n, &err), &err);
	expect_ok(forward(b->config, &b->ui, &b->arena, &path, &problems, &err), &err);
	assert_string_equal(path, b->config->output);
	expect_ok(arrays_read(path, &out, &err), &err);
	return out;
}

/* ---- run ---- */

static void test_run(void **state)
{
	struct bench b;
	const char *x, *y;
	enum dtype dtype;
	open_bench(&b, *state);
	names_of(&b, &x, &y, &dtype);
	struct named_tensor in = { x, first(&b, arrays_find(&b.data, "x"), dtype) };
	struct arrays out = call(&b, forward_run, &in, 1);
	struct tensor want = first(&b, arrays_find(&b.expected, "output64"), DT_F64);
	assert_int_equal(out.n, 1);
	const struct tensor *got = arrays_find(&out, y);
	assert_non_null(got);
	assert_int_equal(got->dtype, dtype);
	assert_true(shape_equal(&got->shape, &want.shape));
	for (int64_t i = 0, n = shape_elements(&want.shape); i < n; i++)
		if (!(fabs(tensor_get(got, i) - tensor_get(&want, i)) <= LIMIT))
			fail_msg("element %lld is %.9g, not %.9g", (long long)i, tensor_get(got, i),
				 tensor_get(&want, i));
	arrays_release(&out);
	close_bench(&b);
}

/* ---- grad ---- */

static double softmax_at(const struct tensor *y, int64_t row, int64_t k, int64_t classes)
{
	double max = -INFINITY, sum = 0;
	for (int64_t c = 0; c < classes; c++)
		max = fmax(max, tensor_get(y, row * classes + c));
	for (int64_t c = 0; c < classes; c++)
		sum += exp(tensor_get(y, row * classes + c) - max);
	return exp(tensor_get(y, row * classes + k) - max) / sum;
}

static struct tensor cotangent_of(struct bench *b, const struct tensor *y, enum dtype dtype)
{
	const struct tensor *labels = arrays_find(&b->data, "labels");
	struct tensor t = tensor_new(&b->arena, dtype, &y->shape);
	int64_t classes = y->shape.dim[1];
	double n = (double)b->n, all = (double)shape_elements(&y->shape);
	for (int64_t i = 0; i < b->n; i++)
		for (int64_t k = 0; k < classes; k++) {
			int64_t e = i * classes + k;
			double v = tensor_get(y, e), d = 0;
			bool is_value = shape_equal(&labels->shape,
						    &SHAPE(labels->shape.dim[0], classes));
			double target = is_value ? tensor_get(labels, e)
						 : tensor_get_int(labels, i) == k;
			switch (b->model->cotangent) {
			case FROM_SOFTMAX:
				d = -target / v / n;
				break;
			case FROM_LOG_SOFTMAX:
				d = -target / n;
				break;
			case FROM_LOGITS:
				d = (softmax_at(y, i, k, classes) - target) / n;
				break;
			case FROM_SIGMOID:
				d = (v - target) / (v * (1 - v)) / all;
				break;
			case FROM_VALUES:
				d = 2 * (v - target) / all;
				break;
			}
			tensor_set(&t, e, d);
		}
	return t;
}

/* A linear function of its cotangent, so that no second recording is needed: twice is the double. */
static void check_input_gradient(struct bench *b, const struct arrays *once,
				 const struct arrays *twice, const char *x)
{
	const char *name = arena_printf(&b->arena, GRADIENT_PREFIX "%s", x);
	const struct tensor *a = arrays_find(once, name), *c = arrays_find(twice, name);
	double largest = 0;
	assert_non_null(a);
	assert_non_null(c);
	for (int64_t i = 0, n = shape_elements(&a->shape); i < n; i++) {
		double want = 2 * tensor_get(a, i);
		largest = fmax(largest, fabs(want));
		assert_true(fabs(tensor_get(c, i) - want) <= 1e-5 * fabs(want) + 1e-9);
	}
	assert_true(largest > 0);
}

static void test_grad(void **state)
{
	struct bench b;
	const char *x, *y;
	enum dtype dtype;
	uint32_t checked = 0;
	open_bench(&b, *state);
	names_of(&b, &x, &y, &dtype);
	struct tensor output = first(&b, arrays_find(&b.expected, "output64"), DT_F64);
	struct named_tensor in[2] = {
		{ x, first(&b, arrays_find(&b.data, "x"), dtype) },
		{ arena_printf(&b.arena, COTANGENT_PREFIX "%s", y),
		  cotangent_of(&b, &output, dtype) },
	};
	struct arrays out = call(&b, forward_grad, in, 2);
	for (uint32_t i = 0; i < out.n; i++) {
		const char *name = out.v[i].name + strlen(GRADIENT_PREFIX);
		const struct tensor *got = &out.v[i].tensor;
		assert_true(!strncmp(out.v[i].name, GRADIENT_PREFIX, strlen(GRADIENT_PREFIX)));
		assert_int_equal(got->dtype, dtype == DT_F64 ? DT_F64 : DT_F32);
		if (!strcmp(name, x))
			continue;
		const struct tensor *want = arrays_find(&b.expected,
							arena_printf(&b.arena, "grad64/%s", name));
		if (!want)
			fail_msg("a gradient of %s, which is no parameter", name);
		assert_true(shape_equal(&got->shape, &want->shape));
		double d = relative_norm(got, want);
		if (d > LIMIT)
			fail_msg("gradient of %s deviates by %.3g", name, d);
		checked++;
	}
	assert_true(checked >= 6);
	for (int64_t i = 0, n = shape_elements(&in[1].tensor.shape); i < n; i++)
		tensor_set(&in[1].tensor, i, 2 * tensor_get(&in[1].tensor, i));
	b.config->force = true;
	struct arrays twice = call(&b, forward_grad, in, 2);
	check_input_gradient(&b, &out, &twice, x);
	arrays_release(&out);
	arrays_release(&twice);
	close_bench(&b);
}

/* ---- gradcheck ---- */

static void check_gradients(struct bench *b)
{
	struct problems problems = { 0 };
	struct gradcheck_result r;
	struct error err;
	expect_ok(gradcheck_run(b->config, &b->ui, &r, &problems, &err), &err);
	assert_true(r.n >= 6);
	for (uint32_t i = 0; i < r.n; i++)
		if (r.tensors[i].verdict != DIFFERENCE_OK)
			fail_msg("%s: %s: error %.3g", r.function, r.tensors[i].name,
				 r.tensors[i].error);
	gradcheck_release(&r);
}

static void test_gradcheck(void **state)
{
	struct bench b;
	const char *x, *y;
	enum dtype dtype;
	open_bench(&b, *state);
	names_of(&b, &x, &y, &dtype);
	if (b.model->train_batch_norm)
		b.config->batch_norm = CONFIG_BATCH_NORM_TRAIN;
	b.config->data = NULL;
	check_gradients(&b);
	if (dtype == DT_F32) {
		b.config->data = trial_path(&b.arena, arena_printf(&b.arena, "models/%s/data.npz",
								   b.model->folder));
		check_gradients(&b);
	}
	close_bench(&b);
}

/* What was checked must depend on the seed, and on nothing else. */
static void test_gradcheck_seed(void **state)
{
	(void)state;
	double analytic[3];
	static const int64_t seeds[] = { 5, 5, 6 };
	for (int i = 0; i < 3; i++) {
		struct problems problems = { 0 };
		struct gradcheck_result r;
		struct error err;
		struct bench b;
		open_bench(&b, &models[0]);
		b.config->data = NULL;
		b.config->seed = seeds[i];
		expect_ok(gradcheck_run(b.config, &b.ui, &r, &problems, &err), &err);
		analytic[i] = r.tensors[0].checks[0].analytic;
		gradcheck_release(&r);
		close_bench(&b);
	}
	assert_true(analytic[0] == analytic[1]);
	assert_true(analytic[0] != analytic[2]);
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const struct model_case *m = &models[i];
		const struct {
			const char *name;
			CMUnitTestFunction function;
			bool applies;
		} commands[] = {
			{ "run", test_run, true },
			/* recorded are gradients for a larger batch, or other statistics */
			{ "grad", test_grad, !m->batch && !m->train_batch_norm },
			{ "gradcheck", test_gradcheck, true },
		};
		for (size_t k = 0; k < ARRAY_SIZE(commands); k++)
			if (commands[k].applies)
				*array_push(&tests) = (struct CMUnitTest){
					.name = arena_printf(&arena, "%s %s/%s", commands[k].name,
							     m->folder, m->file),
					.test_func = commands[k].function,
					.initial_state = (void *)m,
				};
	}
	*array_push(&tests) = (struct CMUnitTest)cmocka_unit_test(test_gradcheck_seed);
	int failed = _cmocka_run_group_tests("commands", tests.v, tests.n, NULL, NULL);
	array_release(&tests);
	arena_release(&arena);
	return failed;
}
