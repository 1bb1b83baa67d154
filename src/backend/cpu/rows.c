/* rows.c - brings rows into the form that row functions want, and back (see rows.h). */
#include "backend/cpu/rows.h"

#include "backend/cpu/convert.h"
#include "backend/cpu/loop.h"

#define TOGETHER 16 /* rows that are gathered at a time: a cache line of float32 */
#define GRAIN 32768 /* elements of cost 1 that are worth a thread */

struct rows rows_along(const struct op_operand *x, int axis)
{
	int64_t strides[SHAPE_MAX_RANK], total = shape_elements(&x->t.shape);
	struct rows r = { .n = x->t.shape.dim[axis] };
	layout_strides(&x->t.shape, x->layout, strides);
	r.inner = strides[axis];
	r.outer = total ? total / (r.n * r.inner) : 0;
	return r;
}

void rows_operands(struct rows *rows, const struct device *device, int inputs,
		   const struct op_operand *in, enum dtype out, int64_t cost)
{
	int64_t parts = rows->outer * rows->n * rows->inner * cost / GRAIN;
	int64_t blocks = (rows->outer * rows->inner + TOGETHER - 1) / TOGETHER;
	rows->inputs = inputs;
	rows->out = out;
	for (int k = 0; k < inputs; k++)
		rows->in[k] = in[k].t.dtype;
	rows->slots = device->threads;
	rows->slots = rows->slots < parts ? rows->slots : parts;
	rows->slots = rows->slots < blocks ? rows->slots : blocks;
	rows->slots = rows->slots < 1 ? 1 : rows->slots;
}

static bool in_place(const struct rows *rows)
{
	for (int k = 0; k < rows->inputs; k++)
		if (rows->in[k] != DT_F32)
			return false;
	return rows->inner == 1 && (rows->out == DT_F32 || !rows->out);
}

/* Elements that a slot has in the workspace. */
static int64_t slot_elements(const struct rows *rows)
{
	int64_t line = 16; /* slots don't share cache lines */
	int64_t n = (rows->inputs + (rows->out != DT_NONE)) * rows->n * TOGETHER;
	return in_place(rows) ? 0 : (n + line - 1) / line * line;
}

size_t rows_workspace(const struct rows *rows)
{
	return (size_t)(rows->slots * slot_elements(rows)) * sizeof(float);
}

/* to[i * n + k] = element k of row `row` + i, for `some` rows of one block. */
static void gather(const struct rows *r, enum dtype dtype, const void *x, int64_t row, int64_t some,
		   float *to)
{
	int64_t first = row / r->inner * r->n * r->inner + row % r->inner;
	float buffer[TOGETHER];
	if (r->inner == 1) {
		convert_load(dtype, x, first, some * r->n, to);
		return;
	}
	for (int64_t k = 0; k < r->n; k++) {
		const float *v = convert_view(dtype, x, first + k * r->inner, some, buffer);
		for (int64_t i = 0; i < some; i++)
			to[i * r->n + k] = v[i];
	}
}

static void scatter(const struct rows *r, enum dtype dtype, void *y, int64_t row, int64_t some,
		    const float *from)
{
	int64_t first = row / r->inner * r->n * r->inner + row % r->inner;
	float buffer[TOGETHER];
	if (r->inner == 1) {
		convert_store(dtype, from, first, some * r->n, y);
		return;
	}
	for (int64_t k = 0; k < r->n; k++) {
		for (int64_t i = 0; i < some; i++)
			buffer[i] = from[i * r->n + k];
		convert_store(dtype, buffer, first + k * r->inner, some, y);
	}
}

struct job {
	const struct rows *rows;
	void *const *in;
	void *out;
	float *workspace;
	rows_fn *f;
	const void *ctx;
};

static void run_in_place(const struct job *job, int64_t begin, int64_t end)
{
	int64_t n = job->rows->n;
	const float *x[ROWS_INPUTS] = { 0 };
	for (int64_t row = begin; row < end; row++) {
		for (int k = 0; k < job->rows->inputs; k++)
			x[k] = (const float *)job->in[k] + row * n;
		job->f(job->ctx, row, x, job->out ? (float *)job->out + row * n : NULL, n);
	}
}

static void run_gathered(const struct job *job, int64_t begin, int64_t end, float *space)
{
	const struct rows *r = job->rows;
	int64_t size = TOGETHER * r->n;
	float *y = r->out ? space + r->inputs * size : NULL;
	const float *x[ROWS_INPUTS] = { 0 };
	for (int64_t row = begin, some; row < end; row += some) {
		int64_t block = r->inner == 1 ? end - row : r->inner - row % r->inner;
		some = end - row < TOGETHER ? end - row : TOGETHER;
		some = some < block ? some : block;
		for (int k = 0; k < r->inputs; k++)
			gather(r, r->in[k], job->in[k], row, some, space + k * size);
		for (int64_t i = 0; i < some; i++) {
			for (int k = 0; k < r->inputs; k++)
				x[k] = space + k * size + i * r->n;
			job->f(job->ctx, row + i, x, y ? y + i * r->n : NULL, r->n);
		}
		if (y)
			scatter(r, r->out, job->out, row, some, y);
	}
}

static void run_slots(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	int64_t rows = job->rows->outer * job->rows->inner, slots = job->rows->slots;
	for (int64_t slot = begin; slot < end; slot++) {
		int64_t from = rows * slot / slots, to = rows * (slot + 1) / slots;
		if (in_place(job->rows))
			run_in_place(job, from, to);
		else
			run_gathered(job, from, to,
				     job->workspace + slot * slot_elements(job->rows));
	}
}

void rows_run(const struct rows *rows, void *const *in, void *out, void *workspace, rows_fn *f,
	      const void *ctx)
{
	struct job job = { rows, in, out, workspace, f, ctx };
	if (rows->n)
		parallel_for(rows->slots, 1, run_slots, &job);
}
