/*
 * optimizer.c - the operators of a step that touch every parameter: Accumulate, Store, GradStats, SGD
 * and Adam, each in one pass over its memory. The formulas are those of src/ops; sums of squares are
 * formed in double over pieces of fixed size, so they do not depend on the number of threads.
 */
#include "ops/optimizer.h"

#include "backend/backend.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN 16384 /* elements that are worth a thread */
#define PIECE 16384 /* elements of one sum */

static bool all_f32(const struct op_call *call, uint32_t first)
{
	for (uint32_t k = first; k < call->n_in; k++)
		if (call->in[k].t.dtype != DT_F32 || call->in[k].layout != LAYOUT_PLAIN)
			return false;
	return true;
}

static bool supports_sums(const struct op_call *call, const char **why)
{
	*why = "only for float32";
	return all_f32(call, 0);
}

static bool supports_update(const struct op_call *call, const char **why)
{
	*why = "only for float32 parameters";
	return all_f32(call, 2);
}

static bool supports_stats(const struct op_call *call, const char **why)
{
	*why = "only for float32 gradients";
	return all_f32(call, 3) && call->in[2].t.dtype == DT_F32;
}

/* ---- Accumulate and Store ---- */

struct sum_state {
	int64_t n;
	bool store;
};

struct sum_job {
	float *acc;
	const float *a, *g;
};

SIMD static void add(float *acc, const float *a, const float *g, int64_t n)
{
	SIMD_LOOP for (int64_t i = 0; i < n; i++) acc[i] = a[i] + g[i];
}

static void add_piece(const void *ctx, int64_t begin, int64_t end)
{
	const struct sum_job *job = ctx;
	add(job->acc + begin, job->a + begin, job->g + begin, end - begin);
}

static enum status sum_create(struct device *device, const struct op_call *call, void **state,
			      size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct sum_state *s = mem_alloc(sizeof *s);
	*s = (struct sum_state){ shape_elements(&call->in[0].t.shape),
				 !strcmp(call->def->name, "Store") };
	*state = s;
	return OK;
}

static enum status sum_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct sum_state *s = state;
	struct sum_job job = { io->out[0], io->in[0], io->in[1] };
	if (s->store)
		memmove(job.acc, job.g, (size_t)s->n * sizeof *job.g);
	else
		parallel_for(s->n, GRAIN, add_piece, &job);
	return OK;
}

/* ---- GradStats ---- */

struct stats_state {
	uint32_t n_gradients;
	double max_norm;
	int64_t *n; /* elements of each gradient */
};

struct stats_job {
	const float *g;
	int64_t n;
	double *sums; /* per piece */
};

SIMD_SUM static double sum_of_squares(const float *g, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	return sum;
}

static void stats_pieces(const void *ctx, int64_t begin, int64_t end)
{
	const struct stats_job *job = ctx;
	for (int64_t p = begin; p < end; p++) {
		int64_t left = job->n - p * PIECE;
		job->sums[p] = sum_of_squares(job->g + p * PIECE, left < PIECE ? left : PIECE);
	}
}

static enum status stats_create(struct device *device, const struct op_call *call, void **state,
				size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct stats_state *s = mem_alloc(sizeof *s);
	int64_t most = 0;
	*s = (struct stats_state){ call->n_in - 3, node_double(call->node, "max_norm"),
				   mem_alloc((call->n_in - 3) * sizeof *s->n) };
	for (uint32_t k = 0; k < s->n_gradients; k++) {
		s->n[k] = shape_elements(&call->in[3 + k].t.shape);
		most = s->n[k] > most ? s->n[k] : most;
	}
	*workspace = (size_t)(most / PIECE + 1) * sizeof(double);
	*state = s;
	return OK;
}

static enum status stats_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct stats_state *s = state;
	struct step_block step;
	double sum = 0;
	memcpy(&step, io->in[0], sizeof step);
	step.inverse = (float)(1.0 / (double)step.scale);
	for (uint32_t k = 0; k < s->n_gradients; k++) {
		int64_t pieces = (s->n[k] + PIECE - 1) / PIECE;
		struct stats_job job = { io->in[3 + k], s->n[k], io->workspace };
		parallel_for(pieces, 1, stats_pieces, &job);
		for (int64_t p = 0; p < pieces; p++)
			sum += job.sums[p];
	}
	/* The square of no finite float overflows a double: the sum tells whether all are finite. */
	step.found_inf = !isfinite(sum);
	step.norm = sqrt(sum) * step.inverse;
	step.clip = 1;
	if (s->max_norm > 0 && s->max_norm / (step.norm + 1e-6) < 1)
		step.clip = (float)(s->max_norm / (step.norm + 1e-6));
	step.loss = (double)*(const float *)io->in[2] / *(const double *)io->in[1];
	memcpy(io->out[0], &step, sizeof step);
	return OK;
}

static void stats_destroy(void *state)
{
	struct stats_state *s = state;
	free(s->n);
	free(s);
}

/* ---- SGD and Adam ---- */

struct update_state {
	int64_t n, n_rates;
	bool nesterov, decoupled;
	double momentum, decay, beta1, beta2, epsilon;
};

/* All that a step's formula needs, in the type that it is computed in. */
struct update_job {
	float *p, *m, *v;
	const float *g;
	float inverse, clip, rate, decay, momentum;
	float m_factor, v_keep, v_factor, step_size, correction, epsilon, shrink;
	bool nesterov;
};

SIMD static void sgd_plain(const struct update_job *j, int64_t begin, int64_t end)
{
	float *restrict p = j->p;
	const float *restrict g = j->g;
	float inverse = j->inverse, clip = j->clip, rate = j->rate, decay = j->decay;
	for (int64_t i = begin; i < end; i++)
		p[i] -= rate * (g[i] * inverse * clip + decay * p[i]);
}

SIMD static void sgd_momentum(const struct update_job *j, int64_t begin, int64_t end)
{
	float *restrict p = j->p, *restrict m = j->m;
	const float *restrict g = j->g;
	float inverse = j->inverse, clip = j->clip, rate = j->rate, decay = j->decay;
	/* p -= rate * (g + momentum * m) with Nesterov, else rate * m */
	float momentum = j->momentum, own = j->nesterov ? 1 : 0;
	float moved = j->nesterov ? momentum : 1;
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * inverse * clip + decay * p[i];
		float v = momentum * m[i] + d;
		m[i] = v;
		p[i] -= rate * (own * d + moved * v);
	}
}

SIMD static void adam(const struct update_job *j, int64_t begin, int64_t end)
{
	float *restrict p = j->p, *restrict m = j->m, *restrict v = j->v;
	const float *restrict g = j->g;
	float inverse = j->inverse, clip = j->clip, decay = j->decay, shrink = j->shrink;
	float m_factor = j->m_factor, v_keep = j->v_keep, v_factor = j->v_factor;
	float step_size = j->step_size, correction = j->correction, epsilon = j->epsilon;
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * inverse * clip + decay * p[i];
		float m1 = m[i] + (d - m[i]) * m_factor;
		float v1 = v_keep * v[i] + v_factor * d * d;
		m[i] = m1;
		v[i] = v1;
		p[i] = p[i] * shrink - step_size * (m1 / (sqrtf(v1) / correction + epsilon));
	}
}

static void sgd_piece(const void *ctx, int64_t begin, int64_t end)
{
	const struct update_job *job = ctx;
	(job->m ? sgd_momentum : sgd_plain)(job, begin, end);
}

static void adam_piece(const void *ctx, int64_t begin, int64_t end)
{
	adam(ctx, begin, end);
}

static enum status update_create(struct device *device, const struct op_call *call, void **state,
				 size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct node *n = call->node;
	struct update_state *s = mem_alloc(sizeof *s);
	*s = (struct update_state){ .n = shape_elements(&call->in[2].t.shape),
				    .n_rates = call->in[1].t.shape.dim[0],
				    .decay = node_double(n, "decay") };
	if (!strcmp(call->def->name, "SGD")) {
		s->momentum = node_double(n, "momentum");
		s->nesterov = node_int(n, "nesterov") != 0;
	} else {
		s->beta1 = node_double(n, "beta1");
		s->beta2 = node_double(n, "beta2");
		s->epsilon = node_double(n, "epsilon");
		s->decoupled = node_int(n, "decoupled") != 0;
	}
	*state = s;
	return OK;
}

/* Copies what is not updated in place; returns false in a skipped step. */
static bool begin_update(const struct update_state *s, const struct kernel_io *io, uint32_t n_out,
			 struct step_block *step, double *rate, struct update_job *job)
{
	for (uint32_t k = 0; k < n_out; k++) {
		const void *in = io->in[k ? k + 3 : 2];
		if (io->out[k] && io->out[k] != in)
			memcpy(io->out[k], in, (size_t)s->n * sizeof(float));
	}
	memcpy(step, io->in[0], sizeof *step);
	*rate = optimizer_rate(io->in[1], s->n_rates, step->good_steps);
	*job = (struct update_job){ .p = io->out[0],
				    .g = io->in[3],
				    .inverse = step->inverse,
				    .clip = step->clip,
				    .rate = (float)*rate };
	return !step->found_inf;
}

static enum status sgd_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct update_state *s = state;
	struct step_block step;
	struct update_job job;
	double rate;
	bool moments = s->momentum != 0;
	if (!begin_update(s, io, moments ? 2 : 1, &step, &rate, &job))
		return OK;
	job.m = moments ? io->out[1] : NULL;
	job.momentum = (float)s->momentum;
	job.nesterov = s->nesterov;
	job.decay = (float)s->decay;
	parallel_for(s->n, GRAIN, sgd_piece, &job);
	return OK;
}

static enum status adam_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct update_state *s = state;
	struct step_block step;
	struct update_job job;
	double rate;
	if (!begin_update(s, io, 3, &step, &rate, &job))
		return OK;
	double t = (double)step.good_steps + 1;
	job.m = io->out[1];
	job.v = io->out[2];
	job.decay = s->decoupled ? 0 : (float)s->decay;
	job.shrink = s->decoupled ? (float)(1 - rate * s->decay) : 1;
	job.m_factor = (float)(1 - s->beta1);
	job.v_keep = (float)s->beta2;
	job.v_factor = (float)(1 - s->beta2);
	job.step_size = (float)(rate / (1 - pow(s->beta1, t)));
	job.correction = (float)sqrt(1 - pow(s->beta2, t));
	job.epsilon = (float)s->epsilon;
	parallel_for(s->n, GRAIN, adam_piece, &job);
	return OK;
}

const struct kernel kernel_accumulate = {
	.op = "Accumulate",
	.name = "vector loop",
	.supports = supports_sums,
	.create = sum_create,
	.run = sum_run,
	.destroy = free,
};

const struct kernel kernel_store = {
	.op = "Store",
	.name = "copy",
	.supports = supports_sums,
	.create = sum_create,
	.run = sum_run,
	.destroy = free,
};

const struct kernel kernel_grad_stats = {
	.op = "GradStats",
	.name = "vector loop",
	.supports = supports_stats,
	.create = stats_create,
	.run = stats_run,
	.destroy = stats_destroy,
};

const struct kernel kernel_sgd = {
	.op = "SGD",
	.name = "vector loop",
	.supports = supports_update,
	.create = update_create,
	.run = sgd_run,
	.destroy = free,
};

const struct kernel kernel_adam = {
	.op = "Adam",
	.name = "vector loop",
	.supports = supports_update,
	.create = update_create,
	.run = adam_run,
	.destroy = free,
};
