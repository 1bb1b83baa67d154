/*
 * update.c - the kernels of optimizers that treat each element alone: SGD, Adam, RMSprop, Adagrad,
 * NAdam and Lion, each in one pass over its memory. The formulas are those of src/ops; what is the
 * same for all elements is a list of factors (ops/optimizer.h), computed once per step in double.
 */
#include "backend/cpu/update.h"

#include "backend/cpu/convert.h"
#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- shared ---- */

bool update_supports(const struct op_call *call, const char **why)
{
	*why = "only for float32 parameters";
	uint32_t copy = optimizer_copy(call->def) + 3;
	if (copy < call->n_in &&
	    (call->in[copy].layout != LAYOUT_PLAIN || !convert_supports(call->in[copy].t.dtype)))
		return false;
	for (uint32_t k = 2; k < call->n_in && k < copy; k++)
		if (call->in[k].layout != LAYOUT_PLAIN ||
		    (call->in[k].t.dtype != DT_F32 && call->in[k].t.shape.rank))
			return false;
	return call->in[2].t.dtype == DT_F32;
}

enum status update_create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct update_state *s = mem_alloc(sizeof *s);
	*s = (struct update_state){ .def = call->def,
				    .n = shape_elements(&call->in[2].t.shape),
				    .n_rates = call->in[1].t.shape.dim[0],
				    .n_out = call->n_out,
				    .copy = optimizer_copy(call->def),
				    .shape = call->in[2].t.shape };
	for (uint32_t k = 0; k < call->n_out; k++)
		s->bytes[k] = call->out[k].t.dtype ? tensor_bytes(&call->out[k].t) : 0;
	if (s->copy < s->n_out)
		s->copy_type = call->out[s->copy].t.dtype;
	optimizer_attributes(call->def, call->node, s->attr);
	*state = s;
	return OK;
}

bool update_begin(const struct update_state *s, const struct kernel_io *io, struct step_block *step,
		  double *rate)
{
	for (uint32_t k = 0; k < s->n_out; k++) {
		const void *in = io->in[k ? k + 3 : 2];
		if (io->out[k] && io->out[k] != in)
			memcpy(io->out[k], in, s->bytes[k]);
	}
	memcpy(step, io->in[0], sizeof *step);
	*rate = optimizer_rate(io->in[1], s->n_rates, step->good_steps);
	return !step->found_inf;
}

void *update_moment(const struct update_state *s, const struct kernel_io *io, uint32_t k)
{
	return k < s->n_out && k < s->copy ? io->out[k] : NULL;
}

enum { COPIED = 2048 }; /* elements that stay in the cache */

struct all {
	update_pass *pass;
	const void *ctx;
	const float *p;
	void *copy;
	enum dtype type; /* of the copy */
};

static void update_and_copy(const void *ctx, int64_t begin, int64_t end)
{
	const struct all *all = ctx;
	for (int64_t i = begin; i < end; i += COPIED) {
		int64_t n = end - i < COPIED ? end - i : COPIED;
		all->pass(all->ctx, i, i + n);
		convert_store(all->type, all->p + i, i, n, all->copy);
	}
}

void update_all(const struct update_state *s, const struct kernel_io *io, update_pass *pass,
		const void *ctx)
{
	struct all all = { pass, ctx, io->out[0], NULL, s->copy_type };
	if (!s->copy_type) {
		parallel_for(s->n, UPDATE_GRAIN, pass, ctx);
		return;
	}
	all.copy = io->out[s->copy];
	parallel_for(s->n, UPDATE_GRAIN, update_and_copy, &all);
}

/* ---- one pass ---- */

struct pass {
	float *p, *a, *b, *c; /* parameter, moments */
	const float *g;
	float factor; /* unscales and clips the gradient */
	float f[OPTIMIZER_FACTORS];
};

SIMD static void sgd_plain(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p;
	const float *restrict g = j->g;
	float factor = j->factor, rate = j->f[0], decay = j->f[1];
	for (int64_t i = begin; i < end; i++)
		p[i] -= rate * (g[i] * factor + decay * p[i]);
}

SIMD static void sgd_momentum(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict m = j->a;
	const float *restrict g = j->g;
	float factor = j->factor, rate = j->f[0], decay = j->f[1], momentum = j->f[2];
	float own = j->f[3], moved = j->f[4];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		float v = momentum * m[i] + d;
		m[i] = v;
		p[i] -= rate * (own * d + moved * v);
	}
}

SIMD static void adam(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict m = j->a, *restrict v = j->b;
	const float *restrict g = j->g;
	float factor = j->factor, decay = j->f[0], shrink = j->f[1], m_factor = j->f[2];
	float v_keep = j->f[3], v_factor = j->f[4], step_size = j->f[5];
	float correction = j->f[6], epsilon = j->f[7];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		float m1 = m[i] + (d - m[i]) * m_factor;
		float v1 = v_keep * v[i] + v_factor * d * d;
		m[i] = m1;
		v[i] = v1;
		p[i] = p[i] * shrink - step_size * (m1 / (sqrtf(v1) / correction + epsilon));
	}
}

SIMD static void rmsprop(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict v = j->a;
	const float *restrict g = j->g;
	float factor = j->factor, keep = j->f[0], take = j->f[1], epsilon = j->f[2];
	float decay = j->f[3], rate = j->f[4];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		v[i] = keep * v[i] + take * d * d;
		p[i] -= rate * (d / (sqrtf(v[i]) + epsilon));
	}
}

SIMD static void rmsprop_momentum(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict v = j->a, *restrict m = j->b;
	const float *restrict g = j->g;
	float factor = j->factor, keep = j->f[0], take = j->f[1], epsilon = j->f[2];
	float decay = j->f[3], rate = j->f[4], momentum = j->f[5];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		v[i] = keep * v[i] + take * d * d;
		m[i] = momentum * m[i] + d / (sqrtf(v[i]) + epsilon);
		p[i] -= rate * m[i];
	}
}

/* v's mean less the gradient's squared, which rounding must not make negative */
SIMD static void rmsprop_centered(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict v = j->a, *restrict a = j->b;
	const float *restrict g = j->g;
	float factor = j->factor, keep = j->f[0], take = j->f[1], epsilon = j->f[2];
	float decay = j->f[3], rate = j->f[4];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		v[i] = keep * v[i] + take * d * d;
		a[i] += (d - a[i]) * take;
		float spread = v[i] - a[i] * a[i];
		p[i] -= rate * (d / (sqrtf(spread < 0 ? 0 : spread) + epsilon));
	}
}

SIMD static void rmsprop_centered_momentum(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict v = j->a, *restrict a = j->b, *restrict m = j->c;
	const float *restrict g = j->g;
	float factor = j->factor, keep = j->f[0], take = j->f[1], epsilon = j->f[2];
	float decay = j->f[3], rate = j->f[4], momentum = j->f[5];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		v[i] = keep * v[i] + take * d * d;
		a[i] += (d - a[i]) * take;
		float spread = v[i] - a[i] * a[i];
		m[i] = momentum * m[i] + d / (sqrtf(spread < 0 ? 0 : spread) + epsilon);
		p[i] -= rate * m[i];
	}
}

SIMD static void adagrad(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict v = j->a;
	const float *restrict g = j->g;
	float factor = j->factor, epsilon = j->f[0], decay = j->f[1], rate = j->f[2];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		v[i] += d * d;
		p[i] -= rate * (d / (sqrtf(v[i]) + epsilon));
	}
}

SIMD static void nadam(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict m = j->a, *restrict v = j->b;
	const float *restrict g = j->g;
	float factor = j->factor, m_factor = j->f[0], v_keep = j->f[1], v_factor = j->f[2];
	float correction = j->f[3], epsilon = j->f[4], decay = j->f[5];
	float of_g = j->f[6], of_m = j->f[7];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor + decay * p[i];
		m[i] += (d - m[i]) * m_factor;
		v[i] = v_keep * v[i] + v_factor * d * d;
		p[i] -= (of_g * d + of_m * m[i]) / (sqrtf(v[i] * correction) + epsilon);
	}
}

/* f: beta1, 1 - beta1, beta2, 1 - beta2, 1 - rate * decay, rate */
SIMD static void lion(const void *pass, int64_t begin, int64_t end)
{
	const struct pass *j = pass;
	float *restrict p = j->p, *restrict m = j->a;
	const float *restrict g = j->g;
	float factor = j->factor, keep1 = j->f[0], take1 = j->f[1], keep2 = j->f[2];
	float take2 = j->f[3], shrink = j->f[4], rate = j->f[5];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor, c = keep1 * m[i] + take1 * d;
		float sign = (c > 0 ? 1.0f : 0.0f) - (c < 0 ? 1.0f : 0.0f);
		p[i] = p[i] * shrink - rate * sign;
		m[i] = keep2 * m[i] + take2 * d;
	}
}

/* ---- factors of a step ---- */

static update_pass *sgd_step(struct pass *pass, const double *attr, double rate, int64_t good_steps,
			     double *state)
{
	(void)good_steps, (void)state;
	sgd_factors(attr, rate, pass->f);
	return pass->a ? sgd_momentum : sgd_plain;
}

static update_pass *adam_step(struct pass *pass, const double *attr, double rate,
			      int64_t good_steps, double *state)
{
	(void)state;
	adam_factors(attr, rate, good_steps, pass->f);
	return adam;
}

static update_pass *rmsprop_step(struct pass *pass, const double *attr, double rate,
				 int64_t good_steps, double *state)
{
	(void)good_steps, (void)state;
	rmsprop_factors(attr, rate, pass->f);
	if (attr[4] != 0)
		return pass->c ? rmsprop_centered_momentum : rmsprop_centered;
	return pass->b ? rmsprop_momentum : rmsprop;
}

static update_pass *adagrad_step(struct pass *pass, const double *attr, double rate,
				 int64_t good_steps, double *state)
{
	(void)good_steps, (void)state;
	adagrad_factors(attr, rate, pass->f);
	return adagrad;
}

static update_pass *nadam_step(struct pass *pass, const double *attr, double rate,
			       int64_t good_steps, double *state)
{
	nadam_all_factors(attr, rate, good_steps, state, pass->f);
	return nadam;
}

static update_pass *lion_step(struct pass *pass, const double *attr, double rate,
			      int64_t good_steps, double *state)
{
	(void)good_steps, (void)state;
	lion_factors(attr, rate, pass->f);
	return lion;
}

static enum status run(const struct update_state *s, const struct kernel_io *io,
		       update_pass *(*begin)(struct pass *pass, const double *attr, double rate,
					     int64_t good_steps, double *state))
{
	struct step_block step;
	double rate;
	if (!update_begin(s, io, &step, &rate))
		return OK;
	struct pass pass = {
		.p = io->out[0],
		.a = update_moment(s, io, 1),
		.b = update_moment(s, io, 2),
		.c = update_moment(s, io, 3),
		.g = io->in[3],
		.factor = step.inverse * step.clip,
	};
	update_all(s, io, begin(&pass, s->attr, rate, step.good_steps, update_moment(s, io, 3)),
		   &pass);
	return OK;
}

static enum status sgd_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, sgd_step);
}

static enum status adam_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, adam_step);
}

static enum status rmsprop_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, rmsprop_step);
}

static enum status adagrad_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, adagrad_step);
}

static enum status nadam_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, nadam_step);
}

static enum status lion_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	return run(state, io, lion_step);
}

const struct kernel kernel_sgd = {
	.op = "SGD",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = sgd_run,
	.destroy = free,
};

const struct kernel kernel_adam = {
	.op = "Adam",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = adam_run,
	.destroy = free,
};

const struct kernel kernel_rmsprop = {
	.op = "RMSprop",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = rmsprop_run,
	.destroy = free,
};

const struct kernel kernel_adagrad = {
	.op = "Adagrad",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = adagrad_run,
	.destroy = free,
};

const struct kernel kernel_nadam = {
	.op = "NAdam",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = nadam_run,
	.destroy = free,
};

const struct kernel kernel_lion = {
	.op = "Lion",
	.name = "vector loop",
	.supports = update_supports,
	.create = update_create,
	.run = lion_run,
	.destroy = free,
};
