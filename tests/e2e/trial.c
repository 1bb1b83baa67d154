/*
 * trial.c - opens reference models and trains them step by step (see trial.h). Windows are put
 * together here, by hand, so that these tests do not depend on the loader.
 */
#include "trial.h"

#include "passes/bind.h"
#include "support/case_tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20
#define MAX_OUTPUTS 4
#define LOSS_FLOOR 1e-5
#define GRADIENT_LIMIT 1e-5
#define RANDOM_SAMPLES 24

void expect_ok(enum status status, const struct error *err)
{
	if (status != OK)
		fail_msg("%s", err->text);
}

const char *trial_path(struct arena *arena, const char *relative)
{
	const char *srcdir = getenv("srcdir");
	return arena_printf(arena, "%s/%s", srcdir ? srcdir : ".", relative);
}

/* ---- opening ---- */

static struct session_options common(void)
{
	return (struct session_options){
		.backend = &backend_cpu,
		.train = true,
		.micro_batch = 8,
		.half = DT_F32,
		.loss_scale = 1,
		.training = { .growth_interval = 2000, .min_scale = 1, .rates = STEPS },
	};
}

struct session_options trial_sgd(void)
{
	struct session_options o = common();
	o.training.update.optimizer = OPTIMIZER_SGD;
	o.training.update.momentum = 0.9;
	return o;
}

struct session_options trial_adamw(void)
{
	struct session_options o = common();
	o.training.update.optimizer = OPTIMIZER_ADAMW;
	o.training.update.beta1 = 0.9;
	o.training.update.beta2 = 0.999;
	o.training.update.epsilon = 1e-8;
	o.training.update.decay = 0.01;
	o.training.update.decay_all = true;
	return o;
}

/* The names of all arrays below a prefix, ended by NULL: patterns, since no name has wildcards. */
static const char *const *names_below(const struct arrays *arrays, const char *prefix,
				      struct arena *arena)
{
	const char **names = arena_alloc(arena, (arrays->n + 1) * sizeof *names);
	size_t length = strlen(prefix);
	uint32_t n = 0;
	for (uint32_t i = 0; i < arrays->n; i++)
		if (!strncmp(arrays->v[i].name, prefix, length))
			names[n++] = arrays->v[i].name + length;
	return names;
}

static struct tensor convert(const struct tensor *from, enum dtype dtype, struct arena *arena)
{
	struct tensor to = tensor_new(arena, dtype, &from->shape);
	for (int64_t i = 0, n = shape_elements(&from->shape); i < n; i++)
		tensor_set(&to, i, tensor_get(from, i));
	return to;
}

static void begin(struct trial *t, int64_t micro_batch)
{
	*t = (struct trial){ .micro_batch = micro_batch };
	arena_init(&t->arena);
}

static void load(struct trial *t, const char *path)
{
	struct problems problems = { 0 };
	struct error err;
	expect_ok(model_load(path, &t->model, &problems, &err), &err);
}

/* The session, at the rate in all steps; wanted: as for bind_shapes. */
static void start(struct trial *t, struct session_options o, const struct shape *wanted,
		  double rate)
{
	struct problems problems = { 0 };
	struct error err;
	struct shape shape;
	double rates[STEPS];
	expect_ok(bind_shapes(t->model->graph, o.micro_batch, wanted, 0, &shape, &err), &err);
	o.shapes = &shape;
	o.integer_labels = t->labels.dtype == DT_I64;
	expect_ok(session_open(t->model, &o, &t->session, &problems, &err), &err);
	for (int i = 0; i < STEPS; i++)
		rates[i] = rate;
	expect_ok(session_set_rates(t->session, rates, &err), &err);
}

void trial_open(struct trial *t, const char *folder, const char *file, struct session_options o,
		double rate)
{
	static const char *const everything[] = { "*", NULL };
	struct error err;
	begin(t, o.micro_batch);
	const char *base = trial_path(&t->arena, arena_printf(&t->arena, "models/%s", folder));
	load(t, *file == '/' ? file : arena_printf(&t->arena, "%s/%s", base, file));
	expect_ok(arrays_read(arena_printf(&t->arena, "%s/data.npz", base), &t->data, &err), &err);
	expect_ok(arrays_read(arena_printf(&t->arena, "%s/expected.npz", base), &t->expected, &err),
		  &err);
	t->labels = *arrays_find(&t->data, "labels");
	t->x = arrays_find(&t->data, "x");
	const struct graph *graph = t->model->graph;
	enum dtype dtype = graph_value(graph, graph->inputs.v[0])->t.dtype;
	if (dtype != t->x->dtype) {
		struct tensor *x = arena_alloc(&t->arena, sizeof *x);
		*x = convert(t->x, dtype, &t->arena);
		t->x = x;
	}
	bool all = !o.train_only && !o.freeze;
	if (all) {
		o.freeze = everything;
		o.train_only = names_below(&t->expected, "grad64/", &t->arena);
	}
	start(t, o, NULL, rate);
	uint32_t n = 0;
	while (all && o.train_only[n])
		n++;
	if (all)
		assert_int_equal(t->session->n_parameters, n);
}

void trial_open_random(struct trial *t, const char *file, const struct shape *shape,
		       int64_t classes, struct session_options o, double rate)
{
	begin(t, o.micro_batch);
	load(t, trial_path(&t->arena, file));
	struct tensor *x = arena_alloc(&t->arena, sizeof *x);
	struct shape full = *shape;
	full.dim[0] = RANDOM_SAMPLES;
	*x = tensor_new(&t->arena, DT_F32, &full);
	fill_normal(x, 1, 0);
	t->x = x;
	t->labels = tensor_new(&t->arena, DT_I64, &SHAPE(RANDOM_SAMPLES));
	for (int64_t i = 0; i < RANDOM_SAMPLES; i++)
		tensor_set(&t->labels, i, (double)(i * i % classes));
	full.dim[0] = DIM_UNKNOWN;
	start(t, o, &full, rate);
}

struct session_options trial_run_options(const struct trial_run *run, const struct backend *backend)
{
	struct session_options o = !strcmp(run->optimizer, "sgd") ? trial_sgd() : trial_adamw();
	o.backend = backend;
	o.micro_batch = run->micro_batch;
	o.train_batch_norm = run->train_batch_norm;
	o.half = run->half;
	if (run->half == DT_F16) {
		o.loss_scale = 1024;
		o.training.dynamic_scale = true;
	}
	return o;
}

static void open_run(struct trial *t, const struct trial_run *run, const struct backend *backend,
		     bool early)
{
	struct session_options o = trial_run_options(run, backend);
	o.early = early;
	o.early_bytes = 1;
	trial_open(t, run->folder, "model.onnx", o, !strcmp(run->optimizer, "sgd") ? 0.01 : 1e-4);
	assert_true(t->session->early == early);
}

void trial_open_run(struct trial *t, const struct trial_run *run, const struct backend *backend)
{
	open_run(t, run, backend, false);
}

void trial_open_early(struct trial *t, const struct trial_run *run, const struct backend *backend)
{
	open_run(t, run, backend, true);
}

void trial_close(struct trial *t)
{
	session_free(t->session);
	model_free(t->model);
	arrays_release(&t->data);
	arrays_release(&t->expected);
	arena_release(&t->arena);
}

/* ---- steps ---- */

/* Rows first to first + n - 1 of the data, filled up to a micro-batch with the first of them. */
static struct tensor micro_batch(struct trial *t, const struct tensor *all, int64_t first,
				 int64_t n, struct arena *arena)
{
	struct shape shape = all->shape;
	shape.dim[0] = 1;
	struct tensor row = { all->dtype, shape, NULL };
	size_t bytes = tensor_bytes(&row);
	shape.dim[0] = t->micro_batch;
	struct tensor out = tensor_new(arena, all->dtype, &shape);
	for (int64_t i = 0; i < t->micro_batch; i++)
		memcpy((uint8_t *)out.data + (size_t)i * bytes,
		       (const uint8_t *)all->data + (size_t)(first + (i < n ? i : 0)) * bytes,
		       bytes);
	return out;
}

static double weight(const struct trial *t, int64_t sample)
{
	return t->weights ? t->weights[sample] : 1;
}

void trial_queue_step(struct trial *t, int64_t first, int64_t n)
{
	struct error err;
	double total = 0;
	for (int64_t i = 0; i < n; i++)
		total += weight(t, first + i);
	expect_ok(session_begin_window(t->session, total, &err), &err);
	for (int64_t at = 0; at < n; at += t->micro_batch) {
		struct arena arena;
		int64_t real = n - at < t->micro_batch ? n - at : t->micro_batch;
		arena_init(&arena);
		struct tensor x = micro_batch(t, t->x, first + at, real, &arena);
		struct tensor labels = micro_batch(t, &t->labels, first + at, real, &arena);
		struct tensor w = tensor_new(&arena, DT_F32, &SHAPE(t->micro_batch));
		for (int64_t i = 0; i < real; i++)
			tensor_set(&w, i, weight(t, first + at + i));
		uint32_t *samples = arena_alloc(&arena, (size_t)t->micro_batch * sizeof *samples);
		for (int64_t i = 0; i < t->micro_batch; i++)
			samples[i] = (uint32_t)(first + at + (i < real ? i : 0));
		session_name_samples(t->session, samples);
		expect_ok(session_micro_batch(t->session, &x, &labels, &w, real, &err), &err);
		arena_release(&arena);
	}
	expect_ok(session_end_window(t->session, &err), &err);
}

struct step_result trial_step(struct trial *t, int64_t first, int64_t n)
{
	struct step_result result;
	struct error err;
	trial_queue_step(t, first, n);
	expect_ok(session_result(t->session, &result, &err), &err);
	return result;
}

struct step_result trial_recorded_step(struct trial *t, int64_t step)
{
	int64_t n = (int64_t)tensor_get(trial_expected(t, "", "batch"), 0);
	return trial_step(t, step * n % t->x->shape.dim[0], n);
}

struct tensor trial_predict(struct trial *t, int64_t first, int64_t n)
{
	struct tensor outputs[MAX_OUTPUTS] = { 0 }, all = *session_output_type(t->session, 0);
	struct error err;
	outputs[0] = tensor_new(&t->arena, all.dtype, &all.shape);
	size_t row = tensor_bytes(&outputs[0]) / (size_t)t->micro_batch;
	all.shape.dim[0] = n;
	all = tensor_new(&t->arena, all.dtype, &all.shape);
	for (int64_t at = 0; at < n; at += t->micro_batch) {
		int64_t real = n - at < t->micro_batch ? n - at : t->micro_batch;
		struct tensor x = micro_batch(t, t->x, first + at, real, &t->arena);
		expect_ok(session_predict(t->session, &x, outputs, &err), &err);
		memcpy((uint8_t *)all.data + (size_t)at * row, outputs[0].data, (size_t)real * row);
	}
	return all;
}

/* ---- what came out ---- */

struct tensor trial_variable(struct trial *t, const char *prefix, const char *name)
{
	struct tensor out;
	struct error err;
	const char *full = arena_printf(&t->arena, "%s%s", prefix, name);
	expect_ok(session_variable(t->session, full, &t->arena, &out, &err), &err);
	return out;
}

struct tensor trial_gradient(struct trial *t, const char *name)
{
	struct tensor out;
	struct error err;
	expect_ok(session_gradient(t->session, name, &t->arena, &out, &err), &err);
	return out;
}

const struct tensor *trial_expected(struct trial *t, const char *prefix, const char *name)
{
	const char *key = arena_printf(&t->arena, "%s%s", prefix, name);
	const struct tensor *out = arrays_find(&t->expected, key);
	if (!out)
		fail_msg("%s was not recorded", key);
	return out;
}

double relative_norm(const struct tensor *a, const struct tensor *b)
{
	double difference = 0, norm = 0;
	assert_true(shape_equal(&a->shape, &b->shape));
	for (int64_t i = 0, n = shape_elements(&b->shape); i < n; i++) {
		double x = tensor_get(a, i), y = tensor_get(b, i);
		difference += (x - y) * (x - y);
		norm += y * y;
	}
	double result = sqrt(difference) / (norm > 0 ? sqrt(norm) : 1);
	return isnan(result) ? INFINITY : result;
}

void trial_expect_loss(struct trial *t, const char *optimizer, int64_t step, double loss)
{
	const char *prefix = arena_printf(&t->arena, "%s/", optimizer);
	double expected = tensor_get(trial_expected(t, prefix, "loss64"), step);
	double single = tensor_get(trial_expected(t, prefix, "loss32"), step);
	/* An error once made stays in the weights. */
	t->deviation = fmax(t->deviation, fabs(single - expected));
	if (!(fabs(loss - expected) <= fmax(LOSS_FLOOR, 10 * t->deviation)))
		fail_msg("step %d: loss %.9g, not %.9g", (int)step, loss, expected);
}

void trial_expect_gradients(struct trial *t)
{
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *name = t->session->parameters[k];
		struct tensor g = trial_gradient(t, name);
		double d = relative_norm(&g, trial_expected(t, "grad64/", name));
		if (!(d <= GRADIENT_LIMIT))
			fail_msg("gradient of %s deviates by %.3g", name, d);
	}
}

double trial_gradient_cosine(struct trial *t)
{
	double xy = 0, xx = 0, yy = 0;
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *name = t->session->parameters[k];
		const struct tensor *expected = trial_expected(t, "grad64/", name);
		struct tensor got = trial_gradient(t, name);
		for (int64_t i = 0, n = shape_elements(&got.shape); i < n; i++) {
			double x = tensor_get(&got, i), y = tensor_get(expected, i);
			xy += x * y;
			xx += x * x;
			yy += y * y;
		}
	}
	return xy / sqrt(xx * yy);
}

void trial_expect_equal(struct trial *a, struct trial *b, const char *prefix)
{
	for (uint32_t k = 0; k < a->session->n_parameters; k++) {
		const char *name = a->session->parameters[k];
		struct tensor x = trial_variable(a, prefix, name);
		struct tensor y = trial_variable(b, prefix, name);
		if (memcmp(x.data, y.data, tensor_bytes(&x)))
			fail_msg("%s%s differs by %.3g", prefix, name, relative_norm(&x, &y));
	}
}

/* ---- the reference backend ---- */

static const char *no_kernel(const struct target *target, const struct op_call *call,
			     const char **why)
{
	(void)target;
	if (why)
		*why = "only references are used";
	(void)call;
	return NULL;
}

static void propose_plain(const struct target *target, const struct op_call *call, enum layout *in,
			  enum layout *out)
{
	(void)target;
	for (uint32_t k = 0; k < call->n_in; k++)
		in[k] = LAYOUT_PLAIN;
	for (uint32_t k = 0; k < call->n_out; k++)
		out[k] = LAYOUT_PLAIN;
}

static const struct target *plain_target(struct device *device)
{
	static const struct target target = { .kernel = no_kernel, .propose = propose_plain };
	(void)device;
	return &target;
}

static const struct kernel *reference_kernel(struct device *device, const struct op_call *call,
					     const char **why)
{
	(void)device, (void)call, (void)why;
	return &kernel_reference;
}

struct backend reference_backend(void)
{
	struct backend backend = backend_cpu;
	backend.name = "reference";
	backend.target = plain_target;
	backend.kernel = reference_kernel;
	return backend;
}
