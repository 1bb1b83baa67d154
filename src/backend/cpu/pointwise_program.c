/*
 * pointwise_program.c - from calls to programs (see pointwise_program.h).
 *
 * The walk over output and inputs is merged to as few axes as possible. Its two innermost are a plane
 * of rows, cut into blocks: a piece of one long row, or some whole short ones, so that even a bias of
 * few channels is added in long loops.
 */
#include "backend/cpu/pointwise_program.h"
#include "backend/cpu/convert.h"
#include "backend/fused_body.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN 32768 /* elements that are worth a thread */
#define COSTLY_GRAIN 2048
#define SUM_LIMIT 16384 /* elements of a sum, at most */
#define PART_LIMIT 64   /* parts, at most, and elements of all parts of all sums, about */
#define PARTS_SIZE 65536

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

static enum fusible fusible_sum(const struct op_call *call)
{
	struct shape kept;
	bool fits = convert_supports(call->in[0].t.dtype) &&
		    convert_supports(call->out[0].t.dtype) && fused_sum_shape(call, &kept) &&
		    shape_elements(&kept) <= SUM_LIMIT;
	return fits ? FUSIBLE_COSTLY : FUSIBLE_NOT;
}

enum fusible pointwise_fusible(const struct op_call *call)
{
	if (!strcmp(call->def->name, "ReduceSum"))
		return fusible_sum(call);
	const struct pointwise_op *row = find_row(call->def->name);
	if (!row || !choose(call).loop)
		return FUSIBLE_NOT;
	return row->traits & POINTWISE_COSTLY ? FUSIBLE_COSTLY : FUSIBLE_CHEAP;
}

/* ---- the program ---- */

static void start(struct state *s, const struct shape *space, enum layout layout)
{
	*s = (struct state){ .loop = loop_start(space), .grain = GRAIN / BLOCK };
	loop_add(&s->loop, space, layout);
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

/* The output is the sum of the register over the axes that are 1 in `kept`. */
static void add_sum(struct state *s, uint8_t reg, const struct shape *kept, enum dtype dtype)
{
	struct output *out = &s->out[s->outputs++];
	*out = (struct output){ .reg = reg,
				.size = dtype_bits(dtype) / 8,
				.convert = half(dtype),
				.sum = shape_elements(kept),
				.operand = s->loop.n,
				.first_sum = s->sums };
	s->sums += out->sum;
	loop_add(&s->loop, kept, LAYOUT_PLAIN);
}

static void add_output(struct state *s, uint8_t reg, enum dtype dtype, bool convert)
{
	s->out[s->outputs++] = (struct output){ .reg = reg,
						.size = dtype_bits(dtype) / 8,
						.convert = convert ? half(dtype) : DT_NONE };
}

/* The next instruction, but for the registers that it reads; row is NULL for a Cast. */
static struct instruction *add_instruction(struct state *s, const struct pointwise_op *row,
					   const struct pointwise_choice *choice)
{
	struct instruction *i = &s->code[s->instructions++];
	i->loop = choice->loop;
	i->inputs = (uint8_t)choice->inputs;
	memcpy(i->p, choice->p, sizeof i->p);
	if (row && row->traits & POINTWISE_COSTLY)
		s->grain = COSTLY_GRAIN / BLOCK;
	return i;
}

/* A single operator. */
static void compile_call(struct state *s, const struct op_call *call)
{
	const struct pointwise_op *row = find_row(call->def->name);
	struct pointwise_choice choice = choose(call);
	struct instruction *i = add_instruction(s, row, &choice);
	bool floats = row->types == POINTWISE_FLOAT;
	for (int k = 0; k < choice.inputs; k++) {
		bool absent = (uint32_t)k >= call->n_in || !call->in[k].t.dtype;
		i->in[k] = absent ? add_number(s, row->absent[k])
				  : add_input(s, &call->in[k],
					      floats || row->types == POINTWISE_COMPARE);
	}
	add_output(s, RESULT(0), call->out[0].t.dtype, floats);
}

/* The choice for operands of half type that registers hold in float32. */
static struct pointwise_choice choose_wide(const struct op_call *call)
{
	struct op_operand out = *call->out;
	struct op_call wide = *call;
	if (half(out.t.dtype))
		out.t.dtype = DT_F32;
	wide.out = &out;
	return choose(&wide);
}

/* Adds a node of a body; reg[v] is the register of its value v, or NO_REGISTER. */
#define NO_REGISTER UINT8_MAX
static bool compile_node(struct state *s, const struct op_call *call, const struct graph *body,
			 uint8_t *reg)
{
	const struct node *node = call->node;
	enum dtype out = call->out[0].t.dtype;
	bool cast = !strcmp(call->def->name, "Cast");
	if ((cast && !half(out)) || !strcmp(call->def->name, "ReduceSum")) {
		/* float32 is what registers hold; that of a sum is what is summed */
		reg[node->out[0]] = reg[node->in[0]];
		return true;
	}
	const struct pointwise_op *row = cast ? NULL : find_row(call->def->name);
	struct pointwise_choice choice = { .loop = cast ? pointwise_copy : NULL, .inputs = 1 };
	if (row)
		choice = row->types == POINTWISE_SELECT ? choose_wide(call) : choose(call);
	if (!choice.loop || s->instructions == FUSED_NODES)
		return false;
	reg[node->out[0]] = (uint8_t)RESULT(s->instructions);
	struct instruction *i = add_instruction(s, row, &choice);
	i->round = row && row->traits & POINTWISE_EXACT ? DT_NONE : half(out);
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
	return true;
}

/* A body; false when something in it has no loop. */
static bool compile_body(struct state *s, const struct op_call *call)
{
	const struct graph *body = fused_body(call);
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
	for (uint32_t k = 0; k < call->n_out && done; k++) {
		struct shape kept;
		struct op_call sum_call;
		uint32_t id = body->outputs.v[k];
		const struct node *sum = fused_sum(body, id);
		if (!sum)
			add_output(s, reg[id], call->out[k].t.dtype, true);
		else if (sum_call = op_call_of(body, sum, &scratch),
			 fused_sum_shape(&sum_call, &kept))
			add_sum(s, reg[id], &kept, call->out[k].t.dtype);
		else
			done = false;
	}
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

/* What only outputs read that are of the half type is rounded by their conversion. */
static void drop_roundings(struct state *s)
{
	for (int i = 0; i < s->instructions; i++) {
		bool needed = false;
		for (int k = 0; k < s->outputs; k++)
			needed |= s->out[k].reg == RESULT(i) &&
				  (s->out[k].sum || s->out[k].convert != s->code[i].round);
		for (int j = i + 1; j < s->instructions; j++)
			for (int k = 0; k < s->code[j].inputs; k++)
				needed |= s->code[j].in[k] == RESULT(i);
		if (!needed)
			s->code[i].round = DT_NONE;
	}
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
	return s->out[k].reg == RESULT(i) && !s->out[k].convert && !s->out[k].sum;
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
	drop_roundings(s);
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
	start(s, &call->out[0].t.shape, call->out[0].layout);
	compile_call(s, call);
	finish(s);
	*state = s;
	return OK;
}

static bool fused_start(struct state *s, const struct op_call *call)
{
	enum layout layout;
	bool fits = fused_layout(call, &layout);
	start(s, fused_space(fused_body(call)), layout);
	return compile_body(s, call) && fits;
}

static bool fused_supports(const struct op_call *call, const char **why)
{
	struct state *s = mem_alloc(sizeof *s);
	*why = "an operator of the body has no vector loop, or layouts differ";
	bool done = fused_start(s, call);
	free(s);
	return done;
}

static void plan_parts(struct state *s, size_t *workspace)
{
	if (!s->sums)
		return;
	s->parts = PARTS_SIZE / s->sums;
	s->parts = s->parts > PART_LIMIT ? PART_LIMIT : s->parts < 4 ? 4 : s->parts;
	if (s->parts > s->total)
		s->parts = s->total > 0 ? s->total : 1;
	s->grain = s->total > 0 ? (s->grain * s->parts + s->total - 1) / s->total : 1;
	*workspace = (size_t)(s->parts * s->sums) * sizeof(double);
}

static enum status fused_create(struct device *device, const struct op_call *call, void **state,
				size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct state *s = mem_alloc(sizeof *s);
	fused_start(s, call);
	finish(s);
	plan_parts(s, workspace);
	*state = s;
	return OK;
}

const struct kernel kernel_fused = {
	.op = "Fused",
	.name = "vector program",
	.supports = fused_supports,
	.propose = fused_propose,
	.create = fused_create,
	.run = pointwise_run,
	.destroy = pointwise_destroy,
};
