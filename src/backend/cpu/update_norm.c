/*
 * update_norm.c - the kernels of optimizers that weigh a step by norms of the whole parameter: LAMB
 * and Adafactor. Sums are formed in double over pieces of fixed size, rows or columns, so they do not
 * depend on the number of threads; the update waits in the workspace for the norms.
 */
#include "backend/cpu/update.h"

#include "backend/cpu/loop.h"
#include "backend/cpu/simd.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define PIECE 16384 /* elements of one sum */

/* p = p * shrink - size * u */
struct apply {
	float *p;
	const float *u;
	float shrink, size;
};

SIMD static void apply(const void *ctx, int64_t begin, int64_t end)
{
	const struct apply *j = ctx;
	float *restrict p = j->p, shrink = j->shrink, size = j->size;
	const float *restrict u = j->u;
	for (int64_t i = begin; i < end; i++)
		p[i] = p[i] * shrink - size * u[i];
}

SIMD_SUM static double sum_of_squares(const float *x, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sum;
}

static double sum(const double *x, int64_t n)
{
	double total = 0;
	for (int64_t i = 0; i < n; i++)
		total += x[i];
	return total;
}

/* ---- LAMB ---- */

struct lamb {
	float *p, *m, *v, *r;
	const float *g;
	int64_t n;
	double *pp, *rr; /* sums of squares per piece */
	float factor, f[OPTIMIZER_FACTORS];
};

SIMD static void lamb(const struct lamb *j, int64_t begin, int64_t end)
{
	float *restrict m = j->m, *restrict v = j->v, *restrict r = j->r;
	const float *restrict g = j->g, *restrict p = j->p;
	float factor = j->factor, m_factor = j->f[0], v_keep = j->f[1], v_factor = j->f[2];
	float correction1 = j->f[3], correction2 = j->f[4], epsilon = j->f[5], decay = j->f[6];
	for (int64_t i = begin; i < end; i++) {
		float d = g[i] * factor;
		m[i] += (d - m[i]) * m_factor;
		v[i] = v_keep * v[i] + v_factor * d * d;
		r[i] = m[i] * correction1 / (sqrtf(v[i] * correction2) + epsilon) + decay * p[i];
	}
}

static void lamb_pieces(const void *ctx, int64_t begin, int64_t end)
{
	const struct lamb *j = ctx;
	for (int64_t k = begin; k < end; k++) {
		int64_t first = k * PIECE, left = j->n - first, n = left < PIECE ? left : PIECE;
		lamb(j, first, first + n);
		j->pp[k] = sum_of_squares(j->p + first, n);
		j->rr[k] = sum_of_squares(j->r + first, n);
	}
}

static enum status lamb_create(struct device *device, const struct op_call *call, void **state,
			       size_t *workspace, struct error *err)
{
	size_t n = (size_t)shape_elements(&call->in[2].t.shape);
	*workspace = (n / PIECE + 1) * 2 * sizeof(double) + n * sizeof(float);
	return update_create(device, call, state, workspace, err);
}

static enum status lamb_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct update_state *s = state;
	struct step_block step;
	double rate;
	if (!update_begin(s, io, &step, &rate))
		return OK;
	double *pp = io->workspace;
	int64_t pieces = s->n / PIECE + 1, used = (s->n + PIECE - 1) / PIECE;
	struct lamb j = {
		.p = io->out[0],
		.m = io->out[1],
		.v = io->out[2],
		.r = (float *)(pp + 2 * pieces),
		.g = io->in[3],
		.n = s->n,
		.pp = pp,
		.rr = pp + pieces,
		.factor = step.inverse * step.clip,
	};
	lamb_factors(s->attr, step.good_steps, j.f);
	parallel_for(used, 1, lamb_pieces, &j);
	double size = lamb_step(rate, sum(j.pp, used), sum(j.rr, used));
	update_all(s, io, apply, &(struct apply){ j.p, j.r, 1, (float)size });
	return OK;
}

/* ---- Adafactor ---- */

struct adafactor {
	struct adafactor_form form;
	float *p, *u, *row, *column;
	const float *g;
	double *pp, *uu, *mean; /* sums of squares per row, mean of rows per matrix */
	double b;
	float factor, epsilon;
};

static void blend(float *x, double sum, int64_t n, double b)
{
	*x = (float)(*x + (sum / (double)n - *x) * b);
}

static void row_moments(const void *ctx, int64_t begin, int64_t end)
{
	const struct adafactor *j = ctx;
	double square = (double)j->factor * j->factor;
	int64_t n = j->form.columns;
	for (int64_t r = begin; r < end; r++)
		blend(&j->row[r], sum_of_squares(j->g + r * n, n) * square, n, j->b);
}

enum { COLUMNS = 64 }; /* that are summed at once */

SIMD static void add_squares(double *sum, const float *g, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		sum[c] += (double)g[c] * (double)g[c];
}

/* Columns of all matrices, counted through. */
static void column_moments(const void *ctx, int64_t begin, int64_t end)
{
	const struct adafactor *j = ctx;
	const struct adafactor_form *f = &j->form;
	double square = (double)j->factor * j->factor;
	while (begin < end) {
		int64_t matrix = begin / f->columns, first = begin % f->columns;
		int64_t n = f->columns - first < end - begin ? f->columns - first : end - begin;
		double sums[COLUMNS] = { 0 };
		n = n < COLUMNS ? n : COLUMNS;
		for (int64_t r = 0; r < f->rows; r++)
			add_squares(sums, j->g + (matrix * f->rows + r) * f->columns + first, n);
		for (int64_t c = 0; c < n; c++)
			blend(&j->column[begin + c], sums[c] * square, f->rows, j->b);
		begin += n;
	}
}

SIMD static void factored_row(float *restrict u, const float *restrict g,
			      const float *restrict column, float row, float least, float factor,
			      int64_t n)
{
	for (int64_t c = 0; c < n; c++) {
		float v = row * column[c];
		u[c] = g[c] * factor / sqrtf(v > least ? v : least);
	}
}

static void updates(const void *ctx, int64_t begin, int64_t end)
{
	const struct adafactor *j = ctx;
	int64_t n = j->form.columns;
	for (int64_t r = begin; r < end; r++) {
		int64_t matrix = r / j->form.rows;
		factored_row(j->u + r * n, j->g + r * n, j->column + matrix * n,
			     (float)(j->row[r] / j->mean[matrix]), j->epsilon * j->epsilon,
			     j->factor, n);
		j->pp[r] = sum_of_squares(j->p + r * n, n);
		j->uu[r] = sum_of_squares(j->u + r * n, n);
	}
}

static int64_t grain(int64_t elements)
{
	return UPDATE_GRAIN / (elements + 1) + 1;
}

static void factored(const struct adafactor *j, int64_t rows)
{
	const struct adafactor_form *f = &j->form;
	parallel_for(rows, grain(f->columns), row_moments, j);
	parallel_for(f->matrices * f->columns, grain(f->rows), column_moments, j);
	for (int64_t m = 0; m < f->matrices; m++) {
		double mean = 0;
		for (int64_t r = 0; r < f->rows; r++)
			mean += j->row[m * f->rows + r];
		mean /= (double)f->rows;
		j->mean[m] = mean > j->epsilon ? mean : j->epsilon;
	}
	parallel_for(rows, grain(f->columns), updates, j);
}

/* A vector, which is short; its sums are those of one row. */
static void whole(const struct adafactor *j, int64_t n)
{
	double least = (double)j->epsilon * j->epsilon;
	for (int64_t i = 0; i < n; i++) {
		double g = (double)j->g[i] * j->factor;
		blend(&j->row[i], g * g, 1, j->b);
		j->u[i] = (float)(g / sqrt(j->row[i] > least ? j->row[i] : least));
	}
	j->pp[0] = sum_of_squares(j->p, n);
	j->uu[0] = sum_of_squares(j->u, n);
}

static enum status adafactor_create(struct device *device, const struct op_call *call, void **state,
				    size_t *workspace, struct error *err)
{
	struct adafactor_form f = adafactor_form(&call->in[2].t.shape);
	size_t n = (size_t)shape_elements(&call->in[2].t.shape);
	size_t rows = f.factored ? (size_t)(f.matrices * f.rows) : 1;
	*workspace = (2 * rows + (size_t)f.matrices) * sizeof(double) + n * sizeof(float);
	return update_create(device, call, state, workspace, err);
}

static enum status adafactor_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct update_state *s = state;
	struct step_block step;
	double rate, epsilon = s->attr[0], decay = s->attr[1];
	if (!update_begin(s, io, &step, &rate))
		return OK;
	struct adafactor_form f = adafactor_form(&s->shape);
	int64_t rows = f.factored ? f.matrices * f.rows : 1;
	double t = (double)step.good_steps + 1, *sums = io->workspace;
	struct adafactor j = {
		.form = f,
		.p = io->out[0],
		.u = (float *)(sums + 2 * rows + f.matrices),
		.row = io->out[1],
		.column = f.factored ? io->out[2] : NULL,
		.g = io->in[3],
		.pp = sums,
		.uu = sums + rows,
		.mean = sums + 2 * rows,
		.b = pow(t, -0.8),
		.factor = step.inverse * step.clip,
		.epsilon = epsilon == 0 ? FLT_EPSILON : (float)epsilon,
	};
	if (f.factored)
		factored(&j, rows);
	else
		whole(&j, s->n);
	double size = adafactor_step(rate, t, sum(j.pp, rows), sum(j.uu, rows), s->n);
	update_all(s, io, apply,
		   &(struct apply){ j.p, j.u, (float)(1 - rate * decay), (float)size });
	return OK;
}

const struct kernel kernel_lamb = {
	.op = "LAMB",
	.name = "vector loop",
	.supports = update_supports,
	.create = lamb_create,
	.run = lamb_run,
	.destroy = free,
};

const struct kernel kernel_adafactor = {
	.op = "Adafactor",
	.name = "vector loop",
	.supports = update_supports,
	.create = adafactor_create,
	.run = adafactor_run,
	.destroy = free,
};
