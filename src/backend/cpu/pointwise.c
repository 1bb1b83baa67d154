/*
 * pointwise.c - the driver of pointwise operators and of Fused (see pointwise.h).
 *
 * A call becomes a small program: loops over contiguous elements that read and write registers, which
 * are inputs, outputs or buffers of a block's size. The walk over output and inputs is merged to as
 * few axes as possible. Its two innermost are a plane of rows, cut into blocks: a piece of one long
 * row, or some whole short ones, so that even a bias of few channels is added in long loops. An input
 * that lies in a block as the output does is read in place; another is spread, converted or both into
 * a buffer first. What stays the same from row to row (a bias) or within one (a channel's bias in
 * plain layout) is spread only once.
 */
#include "backend/cpu/pointwise.h"

#include "backend/cpu/convert.h"
#include "backend/cpu/simd.h"
#include "ops/fused.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 1024  /* elements of a block */
#define GRAIN 32768 /* elements that are worth a thread */
#define COSTLY_GRAIN 2048

struct input {
	int operand;        /* of the loop */
	unsigned size;      /* bytes of an element in memory */
	enum dtype convert; /* half type to be converted, or DT_NONE */
	bool direct;        /* in each block it lies as the output does */
	bool fixed_rows;    /* all rows of a plane read the same elements */
	bool fixed_columns; /* all elements of a row are the same */
	bool absent;        /* no input of the node: stands at `value` */
	float value;
};

struct instruction {
	pointwise_loop *loop;
	float p[2];
	uint8_t inputs, in[POINTWISE_INPUTS]; /* registers */
};

struct output {
	uint8_t reg;
	bool direct;   /* the result is written to its memory at once */
	unsigned size; /* bytes of an element in memory */
	enum dtype convert;
};

/* Registers are the inputs, then the results of the instructions. */
#define RESULT(i) (FUSED_INPUTS + (i))
#define REGISTERS RESULT(FUSED_NODES)
#define IN_OUTPUT FUSED_NODES /* home of a result, plus the output: its memory; below: a buffer */

struct state {
	struct loop loop; /* operand 0 is the outputs, contiguous */
	struct input in[FUSED_INPUTS];
	struct instruction code[FUSED_NODES];
	struct output out[FUSED_OUTPUTS];
	int inputs, instructions, outputs;
	uint8_t home[FUSED_NODES];   /* of the instructions' results */
	int64_t rows, columns;       /* of a plane */
	int64_t block_rows, pieces;  /* rows of a block; pieces that a row is cut into */
	int64_t plane_blocks, total; /* blocks of a plane, and of all */
	int64_t grain;               /* blocks */
};

static const struct pointwise_op *find_row(const char *op)
{
	for (const struct pointwise_op *row = pointwise_table; row->op; row++)
		if (!strcmp(row->op, op))
			return row;
	return NULL;
}

static enum dtype half(enum dtype dtype)
{
	return dtype == DT_F16 || dtype == DT_BF16 ? dtype : DT_NONE;
}

/* Whether the first n inputs and the output are of the row's types. */
static bool types_match(const struct pointwise_op *row, const struct op_call *call, int n)
{
	enum dtype first = call->in[0].t.dtype, out = call->out[0].t.dtype;
	unsigned bits = dtype_bits(out);
	if (row->types == POINTWISE_SELECT)
		return out != DT_STRING && (bits == 8 || bits == 16 || bits == 32 || bits == 64);
	for (int k = 1; k < n && (uint32_t)k < call->n_in; k++)
		if (call->in[k].t.dtype != first && call->in[k].t.dtype)
			return false;
	if (row->types == POINTWISE_LOGIC)
		return first == DT_BOOL;
	return convert_supports(first) && (row->types == POINTWISE_COMPARE || out == first);
}

/* The loop for the call, with .loop NULL where there is none. */
static struct pointwise_choice choose(const struct op_call *call)
{
	const struct pointwise_op *row = find_row(call->def->name);
	struct pointwise_choice choice = { .loop = row->loop, .inputs = row->inputs };
	if (row->choose)
		row->choose(call, &choice);
	if (call->n_in > (uint32_t)row->inputs || !types_match(row, call, choice.inputs))
		choice.loop = NULL;
	return choice;
}

bool pointwise_supports(const struct op_call *call, const char **why)
{
	*why = "no vector loop for these types";
	return choose(call).loop != NULL;
}

enum fusible pointwise_fusible(const struct op_call *call)
{
	const struct pointwise_op *row = find_row(call->def->name);
	if (!row || !choose(call).loop)
		return FUSIBLE_NOT;
	return row->costly ? FUSIBLE_COSTLY : FUSIBLE_CHEAP;
}

/* ---- the program ---- */

static void start(struct state *s, const struct op_operand *y)
{
	*s = (struct state){ .loop = loop_start(&y->t.shape), .grain = GRAIN / BLOCK };
	loop_add(&s->loop, &y->t.shape, y->layout);
}

/* The next input; its register. */
static uint8_t add_input(struct state *s, const struct op_operand *o, bool convert)
{
	struct input *in = &s->in[s->inputs];
	*in = (struct input){ .operand = s->loop.n, .size = dtype_bits(o->t.dtype) / 8 };
	if (convert)
		in->convert = half(o->t.dtype);
	/* one element, whatever its rank (the bounds of Clip) */
	bool single = shape_elements(&o->t.shape) == 1;
	loop_add(&s->loop, single ? &SHAPE_SCALAR : &o->t.shape, single ? LAYOUT_PLAIN : o->layout);
	return (uint8_t)s->inputs++;
}

static uint8_t add_number(struct state *s, float value)
{
	struct op_operand number = { .t = { .dtype = DT_F32, .shape = SHAPE_SCALAR } };
	uint8_t reg = add_input(s, &number, false);
	s->in[reg].absent = true;
	s->in[reg].value = value;
	return reg;
}

static void add_output(struct state *s, uint8_t reg, enum dtype dtype, bool convert)
{
	s->out[s->outputs++] = (struct output){ .reg = reg,
						.size = dtype_bits(dtype) / 8,
						.convert = convert ? half(dtype) : DT_NONE };
}

/* A single operator. */
static void compile_call(struct state *s, const struct op_call *call)
{
	const struct pointwise_op *row = find_row(call->def->name);
	struct pointwise_choice choice = choose(call);
	struct instruction *i = &s->code[s->instructions++];
	bool floats = row->types == POINTWISE_FLOAT;
	for (int k = 0; k < choice.inputs; k++) {
		bool absent = (uint32_t)k >= call->n_in || !call->in[k].t.dtype;
		i->in[k] = absent ? add_number(s, row->absent[k])
				  : add_input(s, &call->in[k],
					      floats || row->types == POINTWISE_COMPARE);
	}
	i->loop = choice.loop;
	i->inputs = (uint8_t)choice.inputs;
	memcpy(i->p, choice.p, sizeof i->p);
	if (row->costly)
		s->grain = COSTLY_GRAIN / BLOCK;
	add_output(s, RESULT(0), call->out[0].t.dtype, floats);
}

/* Adds a node of a body; reg[v] is the register of its value v, or NO_REGISTER. */
#define NO_REGISTER UINT8_MAX
static bool compile_node(struct state *s, const struct op_call *call, const struct graph *body,
			 uint8_t *reg)
{
	const struct node *node = call->node;
	const struct pointwise_op *row = find_row(call->def->name);
	if (!strcmp(call->def->name, "Cast")) { /* to or from a half type, at the rim */
		reg[node->out[0]] = reg[node->in[0]];
		return true;
	}
	struct pointwise_choice choice = { 0 };
	if (row)
		choice = choose(call);
	if (!choice.loop || s->instructions == FUSED_NODES)
		return false;
	struct instruction *i = &s->code[s->instructions];
	for (int k = 0; k < choice.inputs; k++) {
		uint32_t id = (uint32_t)k < node->n_in ? node->in[k] : 0;
		if (id && reg[id] != NO_REGISTER) {
			i->in[k] = reg[id];
			continue;
		}
		if (s->inputs == FUSED_INPUTS)
			return false;
		i->in[k] = add_number(s, id ? (float)tensor_get(&graph_value(body, id)->t, 0)
					    : row->absent[k]);
	}
	i->loop = choice.loop;
	i->inputs = (uint8_t)choice.inputs;
	memcpy(i->p, choice.p, sizeof i->p);
	if (row->costly)
		s->grain = COSTLY_GRAIN / BLOCK;
	reg[node->out[0]] = (uint8_t)RESULT(s->instructions++);
	return true;
}

/* A body; false when something in it has no loop. */
static bool compile_body(struct state *s, const struct op_call *call)
{
	const struct graph *body = node_attr(call->node, "_body")->graph;
	struct arena scratch;
	bool done = call->n_in <= FUSED_INPUTS && call->n_out <= FUSED_OUTPUTS;
	arena_init(&scratch);
	uint8_t *reg = arena_alloc(&scratch, body->values.n);
	memset(reg, NO_REGISTER, body->values.n);
	for (uint32_t k = 0; k < call->n_in && done; k++)
		reg[body->inputs.v[k]] = add_input(s, &call->in[k], true);
	for (uint32_t i = 0; i < body->order.n && done; i++) {
		struct op_call inner = op_call_of(body, graph_node(body, body->order.v[i]),
						  &scratch);
		done = compile_node(s, &inner, body, reg);
	}
	for (uint32_t k = 0; k < call->n_out && done; k++)
		add_output(s, reg[body->outputs.v[k]], call->out[k].t.dtype, true);
	arena_release(&scratch);
	return done;
}

/* The last instruction that reads the register, or that the block's end does. */
static int last_use(const struct state *s, uint8_t reg)
{
	int last = -1;
	for (int i = 0; i < s->instructions; i++)
		for (int k = 0; k < s->code[i].inputs; k++)
			if (s->code[i].in[k] == reg)
				last = i;
	for (int k = 0; k < s->outputs; k++)
		if (s->out[k].reg == reg && !s->out[k].direct)
			last = s->instructions;
	return last;
}

/*
 * Whether the result of instruction i may be written to the memory of output k at once: output 0
 * may have that of an input, which must not be read any more.
 */
static bool may_be_direct(const struct state *s, int i, int k)
{
	for (int j = i + 1; j < s->instructions && k == 0; j++)
		for (int n = 0; n < s->code[j].inputs; n++)
			if (s->code[j].in[n] < FUSED_INPUTS && !s->in[s->code[j].in[n]].absent)
				return false;
	for (int j = 0; j < s->outputs && k == 0; j++)
		if (s->out[j].reg < FUSED_INPUTS)
			return false;
	return s->out[k].reg == RESULT(i) && !s->out[k].convert;
}

/* Gives each result the memory of an output, or a buffer that is free. */
static void find_homes(struct state *s)
{
	int busy_until[FUSED_NODES]; /* per buffer: last instruction that reads it */
	for (int b = 0; b < FUSED_NODES; b++)
		busy_until[b] = -1;
	for (int i = 0; i < s->instructions; i++) {
		int k = 0, b = 0;
		while (k < s->outputs && !may_be_direct(s, i, k))
			k++;
		if (k < s->outputs) {
			s->out[k].direct = true;
			s->home[i] = (uint8_t)(IN_OUTPUT + k);
			continue;
		}
		while (busy_until[b] > i)
			b++;
		busy_until[b] = last_use(s, (uint8_t)RESULT(i));
		s->home[i] = (uint8_t)b;
	}
}

static void plan_blocks(struct state *s)
{
	struct loop *l = &s->loop;
	int row_axis = l->rank - 2, column_axis = l->rank - 1;
	s->rows = l->dim[row_axis];
	s->columns = l->dim[column_axis];
	s->block_rows = s->columns && s->columns < BLOCK / 2 ? BLOCK / s->columns : 1;
	s->pieces = s->block_rows > 1 ? 1 : (s->columns + BLOCK - 1) / BLOCK;
	s->plane_blocks = (s->rows + s->block_rows - 1) / s->block_rows * s->pieces;
	s->total = s->columns ? loop_size(l, 0, row_axis) * s->plane_blocks : 0;
	for (int k = 0; k < s->inputs; k++) {
		struct input *in = &s->in[k];
		int64_t down = l->stride[in->operand][row_axis];
		int64_t across = l->stride[in->operand][column_axis];
		in->fixed_rows = down == 0;
		in->fixed_columns = across == 0;
		in->direct = across == 1 && (s->block_rows == 1 || down == s->columns);
	}
}

static void finish(struct state *s)
{
	find_homes(s);
	loop_order(&s->loop, 0);
	loop_merge(&s->loop, 2);
	plan_blocks(s);
}

enum status pointwise_create(struct device *device, const struct op_call *call, void **state,
			     size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct state *s = mem_alloc(sizeof *s);
	start(s, &call->out[0]);
	compile_call(s, call);
	finish(s);
	*state = s;
	return OK;
}

static bool fused_supports(const struct op_call *call, const char **why)
{
	struct state *s = mem_alloc(sizeof *s);
	start(s, &call->out[0]);
	*why = "an operator of the body has no vector loop";
	bool done = compile_body(s, call);
	for (uint32_t k = 1; k < call->n_out; k++)
		done &= call->out[k].layout == call->out[0].layout;
	free(s);
	return done;
}

static enum status fused_create(struct device *device, const struct op_call *call, void **state,
				size_t *workspace, struct error *err)
{
	(void)device, (void)workspace, (void)err;
	struct state *s = mem_alloc(sizeof *s);
	start(s, &call->out[0]);
	compile_body(s, call);
	finish(s);
	*state = s;
	return OK;
}

/* ---- one block ---- */

/* Buffers of one thread for one input. */
struct buffer {
	_Alignas(64) char content[BLOCK * sizeof(int64_t)];
	_Alignas(64) uint16_t raw[BLOCK];
	const void *holds; /* what content was made from, where that stays the same */
	int64_t rows, columns;
};

struct block {
	int64_t rows, columns; /* rows > 1: whole rows */
};

#define SPREAD(bits)                                                                               \
	SIMD static void spread_##bits(uint##bits##_t *restrict to,                                \
				       const uint##bits##_t *restrict from, int64_t down,          \
				       int64_t across, int64_t rows, int64_t columns)              \
	{                                                                                          \
		for (int64_t i = 0; i < rows; i++, to += columns, from += down)                    \
			if (across)                                                                \
				for (int64_t j = 0; j < columns; j++)                              \
					to[j] = from[j * across];                                  \
			else                                                                       \
				for (int64_t j = 0; j < columns; j++)                              \
					to[j] = *from;                                             \
	}
SPREAD(8)
SPREAD(16)
SPREAD(32)
SPREAD(64)

static void spread(void *to, const void *from, unsigned size, int64_t down, int64_t across,
		   const struct block *b)
{
	if (across == 1) {
		for (int64_t i = 0; i < b->rows; i++)
			memcpy((char *)to + i * b->columns * size,
			       (const char *)from + i * down * size, (size_t)b->columns * size);
		return;
	}
	switch (size) {
	case 1:
		spread_8(to, from, down, across, b->rows, b->columns);
		break;
	case 2:
		spread_16(to, from, down, across, b->rows, b->columns);
		break;
	case 4:
		spread_32(to, from, down, across, b->rows, b->columns);
		break;
	default:
		spread_64(to, from, down, across, b->rows, b->columns);
	}
}

/* The elements of an input for a block, contiguous and in the type that is computed in. */
static const void *read_input(const struct state *s, const struct input *in, const char *from,
			      const struct block *b, struct buffer *buffer)
{
	const struct loop *l = &s->loop;
	bool fixed = b->rows > 1 ? in->fixed_rows : in->fixed_columns;
	if (in->direct && !in->convert)
		return from;
	if (fixed && buffer->holds == from && buffer->rows >= b->rows &&
	    buffer->columns >= b->columns)
		return buffer->content;
	buffer->holds = fixed ? from : NULL;
	buffer->rows = b->rows;
	buffer->columns = b->columns;
	const void *raw = from;
	if (!in->direct) {
		void *to = in->convert ? (void *)buffer->raw : buffer->content;
		spread(to, from, in->size, l->stride[in->operand][l->rank - 2],
		       l->stride[in->operand][l->rank - 1], b);
		raw = to;
	}
	if (in->convert)
		convert_load(in->convert, raw, 0, b->rows * b->columns, (float *)buffer->content);
	return buffer->content;
}

struct job {
	const struct state *s;
	const struct kernel_io *io;
};

/* Where a thread's registers are while it computes a block. */
struct registers {
	struct buffer input[FUSED_INPUTS];
	_Alignas(64) float result[FUSED_NODES][BLOCK];
};

/* Computes n elements; x[k] are those of input k, y[k] the memory of output k. */
static void run_program(const struct state *s, const void *const *x, char *const *y, int64_t n,
			struct registers *r)
{
	void *at[FUSED_NODES];
	for (int i = 0; i < s->instructions; i++) {
		const struct instruction *code = &s->code[i];
		const void *in[POINTWISE_INPUTS];
		for (int k = 0; k < code->inputs; k++)
			in[k] = code->in[k] < FUSED_INPUTS ? x[code->in[k]]
							   : at[code->in[k] - FUSED_INPUTS];
		at[i] = s->home[i] < IN_OUTPUT ? (void *)r->result[s->home[i]]
					       : y[s->home[i] - IN_OUTPUT];
		code->loop(at[i], in, n, code->p);
	}
	for (int k = s->outputs - 1; k >= 0; k--) { /* the first may be in place of an input */
		const struct output *out = &s->out[k];
		const void *from = out->reg < FUSED_INPUTS ? x[out->reg]
							   : at[out->reg - FUSED_INPUTS];
		if (out->convert)
			convert_store(out->convert, from, 0, n, y[k]);
		else if (!out->direct)
			memmove(y[k], from, (size_t)n * out->size);
	}
}

static void run_blocks(const void *ctx, int64_t begin, int64_t end)
{
	const struct job *job = ctx;
	const struct state *s = job->s;
	const struct loop *l = &s->loop;
	struct registers registers;
	for (int k = 0; k < s->inputs; k++)
		registers.input[k].holds = NULL;
	int64_t offset[LOOP_OPERANDS], plane = -1;
	for (int64_t i = begin; i < end; i++) {
		int64_t within = i % s->plane_blocks;
		int64_t row = within / s->pieces * s->block_rows,
			column = within % s->pieces * BLOCK;
		struct block b = { s->rows - row, s->columns - column };
		const void *x[FUSED_INPUTS];
		char *y[FUSED_OUTPUTS];
		b.rows = b.rows < s->block_rows ? b.rows : s->block_rows;
		b.columns = s->pieces > 1 && b.columns > BLOCK ? BLOCK : b.columns;
		if (i / s->plane_blocks != plane) {
			plane = i / s->plane_blocks;
			loop_offsets(l, l->rank - 2, plane, offset);
		}
		for (int k = 0; k < s->inputs; k++) {
			const struct input *in = &s->in[k];
			int64_t at = offset[in->operand] +
				     row * l->stride[in->operand][l->rank - 2] +
				     column * l->stride[in->operand][l->rank - 1];
			const char *base = in->absent ? (const char *)&in->value : job->io->in[k];
			x[k] = read_input(s, in, base + at * in->size, &b, &registers.input[k]);
		}
		for (int k = 0; k < s->outputs; k++)
			y[k] = (char *)job->io->out[k] +
			       (offset[0] + row * s->columns + column) * s->out[k].size;
		run_program(s, x, y, b.rows * b.columns, &registers);
	}
}

enum status pointwise_run(void *state, const struct kernel_io *io, struct stream *stream)
{
	(void)stream;
	const struct state *s = state;
	struct job job = { s, io };
	parallel_for(s->total, s->grain, run_blocks, &job);
	return OK;
}

void pointwise_destroy(void *state)
{
	free(state);
}

const struct kernel kernel_fused = {
	.op = "Fused",
	.name = "vector program",
	.supports = fused_supports,
	.propose = propose_common,
	.create = fused_create,
	.run = pointwise_run,
	.destroy = pointwise_destroy,
};
