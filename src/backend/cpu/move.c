/*
 * move.c - the operators that move elements without looking at them (backend/moves.h): each is a list
 * of strided copies (copy.h).
 */
#include "backend/cpu/copy.h"

#include "backend/moves.h"

#include <stdlib.h>

struct state {
	struct moves *moves;
	size_t out_bytes; /* of output 0 */
	struct copy copies[];
};

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct moves *moves;
	TRY(moves_read(call, &moves));
	struct state *s = mem_alloc(sizeof *s + moves->n * sizeof *s->copies);
	s->moves = moves;
	s->out_bytes = call->out[0].t.dtype ? tensor_bytes(&call->out[0].t) : 0;
	for (uint32_t i = 0; i < moves->n; i++) {
		const struct move *m = &moves->moves[i];
		s->copies[i] = copy_prepare(&m->loop, call->in[0].t.dtype, m->at_to, m->at_from);
	}
	*state = s;
	return OK;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	if (s->moves->clear)
		copy_fill(io->out[0], (int64_t)s->out_bytes, &(char){ 0 }, 1);
	for (uint32_t i = 0; i < s->moves->n; i++) {
		const struct move *m = &s->moves->moves[i];
		copy_run(&s->copies[i], io->out[m->out], io->in[m->in]);
	}
	return OK;
}

static void destroy(void *state)
{
	struct state *s = state;
	free(s->moves);
	free(s);
}

#define MOVE(operator, text)                                                                       \
	{                                                                                          \
		.op = operator, .name = text, .supports = moves_supports,                          \
		.propose = moves_propose, .create = create, .run = run, .destroy = destroy         \
	}

const struct kernel kernel_identity = MOVE("Identity", "copy");
const struct kernel kernel_reshape = MOVE("Reshape", "copy");
const struct kernel kernel_relayout = MOVE("Relayout", "tiled transposition");
const struct kernel kernel_transpose = MOVE("Transpose", "strided copy");
const struct kernel kernel_expand = MOVE("Expand", "strided copy");
const struct kernel kernel_concat = MOVE("Concat", "strided copy");
const struct kernel kernel_split = MOVE("Split", "strided copy");
const struct kernel kernel_slice = MOVE("Slice", "strided copy");
const struct kernel kernel_slice_grad = MOVE("SliceGrad", "strided copy");
