/*
 * pad.c - Pad in all modes and layouts. Along each axis a table says which element of x an element of
 * y copies; rows of the innermost axis are a run of x with a few elements before and after it.
 */
#include "ops/pad.h"

#include "backend/cpu/copy.h"

#include "backend/moves.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN 65536 /* bytes that are worth a thread */

struct state {
	struct loop loop;              /* over y, in the order of its memory; operand 0 is y */
	int64_t *from[SHAPE_MAX_RANK]; /* offset in x of each index of an axis, -1: the constant */
	int64_t run, run_end;          /* of a row: where elements of x stand in order */
	unsigned size;                 /* of an element */
	bool has_value;                /* input 2 is the constant, else it is zero */
	struct arena arena;
};

static enum status get_sizes(const struct op_call *call, int64_t *begin, int64_t *end)
{
	const struct tensor *in[4];
	struct error err;
	struct op_io io = op_call_io(call, in, &err);
	return pad_sizes(&io, &call->in[0].t.shape, 3, begin, end);
}

static bool supports(const struct op_call *call, const char **why)
{
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
	*why = "elements of this size";
	if (!moves_dtype(call->out[0].t.dtype))
		return false;
	*why = "no axes, or pads that are not known";
	return call->n_in <= 4 && call->out[0].t.shape.rank && get_sizes(call, begin, end) == OK;
}

static void propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	in[0] = out[0] = call->in[0].layout;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	const struct op_operand *x = &call->in[0], *y = &call->out[0];
	int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK];
	struct loop l = loop_start(&y->t.shape);
	struct arena arena;
	TRY(get_sizes(call, begin, end));
	arena_init(&arena);
	struct state *s = arena_alloc(&arena, sizeof *s);
	loop_add(&l, &y->t.shape, y->layout);
	layout_strides(&x->t.shape, x->layout, strides);
	loop_add_strides(&l, strides);
	loop_add_strides(&l, begin); /* moved with the axes as they are ordered */
	loop_add_strides(&l, x->t.shape.dim);
	loop_order(&l, 0);
	for (int a = 0; a < l.rank; a++) {
		s->from[a] = arena_alloc(&arena, (size_t)l.dim[a] * sizeof *s->from[a]);
		for (int64_t i = 0; i < l.dim[a]; i++) {
			int64_t at = pad_source(pad_mode(call->node), i - l.stride[2][a],
						l.stride[3][a]);
			s->from[a][i] = at < 0 ? -1 : at * l.stride[1][a];
		}
	}
	int64_t columns = l.dim[l.rank - 1], first = l.stride[2][l.rank - 1];
	s->run = first < 0 ? 0 : first > columns ? columns : first;
	s->run_end = first + l.stride[3][l.rank - 1];
	s->run_end = s->run_end > columns ? columns : s->run_end < s->run ? s->run : s->run_end;
	s->loop = l;
	s->size = dtype_bits(x->t.dtype) / 8;
	s->has_value = call->n_in > 2 && call->in[2].t.dtype;
	s->arena = arena;
	*state = s;
	return OK;
}

struct job {
	const struct state *s;
	const char *x, *value;
	char *y;
};

static void put(const struct job *job, char *to, int64_t from)
{
	unsigned size = job->s->size;
	memcpy(to, from < 0 ? job->value : job->x + from * size, size);
}

/* Elements [column, end) of a row, one by one; base < 0: all are the constant. */
static void put_each(const struct job *job, char *row, int64_t base, int64_t column, int64_t end)
{
	const struct state *s = job->s;
	const int64_t *from = s->from[s->loop.rank - 1];
	for (; column < end; column++)
		put(job, row + column * s->size,
		    base < 0 || from[column] < 0 ? -1 : base + from[column]);
}

static void run_rows(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	const struct loop *l = &s->loop;
	int64_t columns = l->dim[l->rank - 1];
	const int64_t *from = s->from[l->rank - 1];
	for (int64_t i = begin; i < end; i++) {
		char *row = job->y + i * columns * s->size;
		int64_t base = 0, at = i;
		for (int a = l->rank - 2; a >= 0; a--) {
			int64_t offset = s->from[a][at % l->dim[a]];
			at /= l->dim[a];
			base = offset < 0 || base < 0 ? -1 : base + offset;
		}
		if (base < 0) {
			put_each(job, row, base, 0, columns);
			continue;
		}
		put_each(job, row, base, 0, s->run);
		if (s->run < s->run_end)
			memcpy(row + s->run * s->size, job->x + (base + from[s->run]) * s->size,
			       (size_t)(s->run_end - s->run) * s->size);
		put_each(job, row, base, s->run_end, columns);
	}
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	static const char zero[sizeof(int64_t)];
	struct job job = { s, io->in[0], s->has_value ? io->in[2] : zero, io->out[0] };
	int64_t rows = loop_size(&s->loop, 0, s->loop.rank - 1);
	int64_t bytes = s->loop.dim[s->loop.rank - 1] * s->size;
	if (bytes)
		parallel_for(rows, (GRAIN + bytes - 1) / bytes, run_rows, &job);
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	struct arena arena = s->arena;
	arena_release(&arena);
}

const struct kernel kernel_pad = {
	.op = "Pad",
	.name = "rows with borders",
	.supports = supports,
	.propose = propose,
	.create = create,
	.run = run,
	.destroy = destroy,
};
