/*
 * recurrent.c - LSTM, GRU and RNN as primitives (see recurrent.h).
 *
 *  1. Shapes and attributes are checked; infer never sees a lowered node.
 *  2. W, R, B, P and the initial states are divided by direction, W, R and B by groups of gates.
 *  3. Per direction: one product for the inputs of all steps, divided by step; then the steps, the
 *     last first for a reverse direction. Behind a sequence's end (sequence_lens) its state stays
 *     and y is 0; a reverse direction so begins at the end of each sequence by itself.
 *  4. The steps' y are put in a row.
 */
#include "ops/recurrent.h"

#include <string.h>
#include <strings.h>

/* Steps are nodes: a file must not make millions of them. */
#define STEPS_MAX 16384

enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P };

/* The whole node while it is lowered. */
struct unrolled {
	struct lower *l;
	struct builder *b;
	const struct recurrent_kind *kind;
	enum dtype dtype;
	int64_t steps, batch, input, hidden, directions, gates;
	bool batch_first, reverse_first;
	/* per direction */
	uint32_t w[2], r[2], bias[2], h[2], c[2], p[2];
	uint32_t *mask; /* per step: whether a sequence has not ended [N, 1]; NULL: none ends */
	uint32_t zero;
};

static uint32_t input(const struct lower *l, uint32_t k)
{
	return k < l->n_in ? l->in[k] : 0;
}

/* ---- activations ---- */

static const struct known_activation {
	const char *name;
	bool has_alpha, has_beta;
	float alpha, beta;
} known_activations[] = {
	{ "Relu", false, false, 0, 0 },         { "Tanh", false, false, 0, 0 },
	{ "Sigmoid", false, false, 0, 0 },      { "Softsign", false, false, 0, 0 },
	{ "Softplus", false, false, 0, 0 },     { "Affine", true, true, 1, 0 },
	{ "LeakyRelu", true, false, 0.01F, 0 }, { "ThresholdedRelu", true, false, 1, 0 },
	{ "ScaledTanh", true, true, 1, 1 },     { "HardSigmoid", true, true, 0.2F, 0.5F },
	{ "Elu", true, false, 1, 0 },
};

static const struct known_activation *find_activation(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_activations); i++)
		if (!strcasecmp(known_activations[i].name, name))
			return &known_activations[i];
	return NULL;
}

/*
 * The n functions of all directions. activation_alpha and _beta are consumed in order by the functions
 * that have such a constant; those at the end that get none have the operators' defaults.
 */
static void read_activations(const struct unrolled *u, struct activation *f, uint32_t n)
{
	const struct attr *names = node_attr(u->l->node, "activations");
	const struct attr *alpha = node_attr(u->l->node, "activation_alpha");
	const struct attr *beta = node_attr(u->l->node, "activation_beta");
	uint32_t a = 0, b = 0;
	if (names && names->n != n) {
		build_fail(u->b, ERR_INPUT, "%u activations, not %u", names->n, n);
		return;
	}
	for (uint32_t k = 0; k < n; k++) {
		const char *name = names ? names->strings[k]
					 : u->kind->defaults[k % u->kind->activations];
		const struct known_activation *known = find_activation(name);
		if (!known) {
			build_fail(u->b, ERR_UNSUPPORTED, "activation '%s' is not supported", name);
			return;
		}
		f[k] = (struct activation){ known->name, known->alpha, known->beta };
		if (known->has_alpha && alpha && a < alpha->n)
			f[k].alpha = alpha->floats[a++];
		if (known->has_beta && beta && b < beta->n)
			f[k].beta = beta->floats[b++];
	}
}

uint32_t recurrent_activate(struct recurrent *r, uint32_t k, uint32_t x)
{
	struct builder *b = r->b;
	const struct activation *f = &r->f[k];
	struct attr alpha = attr_float("alpha", f->alpha), beta = attr_float("beta", f->beta);
	if (r->clipped)
		x = build(b, "Clip",
			  IN(x, build_scalar(b, -r->clip, x), build_scalar(b, r->clip, x)));
	if (!strcmp(f->name, "Affine"))
		return build(b, "Add",
			     IN(build(b, "Mul", IN(x, build_scalar(b, f->alpha, x))),
				build_scalar(b, f->beta, x)));
	if (!strcmp(f->name, "ScaledTanh")) {
		uint32_t y = build(b, "Tanh",
				   IN(build(b, "Mul", IN(x, build_scalar(b, f->beta, x)))));
		return build(b, "Mul", IN(y, build_scalar(b, f->alpha, x)));
	}
	if (!strcmp(f->name, "ThresholdedRelu"))
		return build(b, "Where",
			     IN(build(b, "Greater", IN(x, build_scalar(b, f->alpha, x))), x,
				build_scalar(b, 0, x)));
	if (!strcmp(f->name, "HardSigmoid"))
		return build(b, "HardSigmoid", IN(x), alpha, beta);
	if (!strcmp(f->name, "LeakyRelu") || !strcmp(f->name, "Elu"))
		return build_op(b, f->name, IN(x), (const struct attr[]){ alpha, { 0 } });
	return build_op(b, f->name, IN(x), (const struct attr[]){ { 0 } });
}

/* ---- what cells are made of ---- */

uint32_t recurrent_product(struct recurrent *r, uint32_t h, uint32_t group, uint32_t c)
{
	return build(r->b, "Gemm", IN(h, r->r[group], c), attr_int("transB", 1),
		     attr_int("_out", build_type(r->b, r->h)->dtype));
}

static void split(struct builder *b, uint32_t x, int axis, const int64_t *sizes, uint32_t n,
		  uint32_t *out)
{
	const struct attr attrs[] = { attr_int("axis", axis), { 0 } };
	bool *wanted = arena_alloc(b->graph->arena, n);
	memset(wanted, true, n);
	if (n == 1) {
		out[0] = x;
		return;
	}
	build_outputs(b, "Split",
		      (struct inputs){ (uint32_t[]){ x, sizes ? build_ints(b, sizes, n) : 0 }, 2 },
		      attrs, wanted, out, n);
}

void recurrent_gates(struct recurrent *r, uint32_t x, uint32_t *gate, uint32_t n)
{
	split(r->b, x, 1, NULL, n, gate);
}

/* ---- checks ---- */

static void check_input(const struct unrolled *u, uint32_t k, const struct shape *shape)
{
	uint32_t id = input(u->l, k);
	char is[SHAPE_TEXT], not [SHAPE_TEXT];
	if (!id || u->b->status != OK)
		return;
	const struct tensor *t = build_type(u->b, id);
	const char *name = op_input(u->l->node->def, k)->name;
	if (t->dtype != (k == IN_LENGTHS ? DT_I32 : u->dtype))
		build_fail(u->b, ERR_INPUT, "%s is %s beside X of %s", name, dtype_name(t->dtype),
			   dtype_name(u->dtype));
	else if (!shape_equal(&t->shape, shape))
		build_fail(u->b, ERR_INPUT, "%s has the shape %s, not %s", name,
			   shape_format(&t->shape, is), shape_format(shape, not ));
}

static struct shape state_shape(const struct unrolled *u)
{
	return u->batch_first ? SHAPE(u->batch, u->directions, u->hidden)
			      : SHAPE(u->directions, u->batch, u->hidden);
}

static void read_sizes(struct unrolled *u)
{
	const struct node *node = u->l->node;
	const struct tensor *x = build_type(u->b, input(u->l, IN_X));
	const struct tensor *r = build_type(u->b, input(u->l, IN_R));
	const struct attr *layout = node_attr(node, "layout"),
			  *size = node_attr(node, "hidden_size");
	const char *direction = node_string(node, "direction");
	char text[SHAPE_TEXT];
	u->dtype = x->dtype;
	u->batch_first = layout && layout->i;
	u->reverse_first = !strcmp(direction, "reverse");
	u->directions = !strcmp(direction, "bidirectional") ? 2 : 1;
	for (uint32_t g = 0; g < u->kind->groups; g++)
		u->gates += u->kind->gates[g];
	if (u->directions == 1 && !u->reverse_first && strcmp(direction, "forward"))
		build_fail(u->b, ERR_INPUT, "direction is '%s'", direction);
	if (!dtype_is_trainable(x->dtype))
		build_fail(u->b, ERR_INPUT, "X is %s", dtype_name(x->dtype));
	if (x->shape.rank != 3 || r->shape.rank != 3)
		build_fail(u->b, ERR_INPUT, "%s has the shape %s, not three axes",
			   x->shape.rank != 3 ? "X" : "R",
			   shape_format(x->shape.rank != 3 ? &x->shape : &r->shape, text));
	if (u->b->status != OK)
		return;
	u->steps = x->shape.dim[u->batch_first];
	u->batch = x->shape.dim[!u->batch_first];
	u->input = x->shape.dim[2];
	u->hidden = r->shape.dim[2];
	if (size && size->i != u->hidden)
		build_fail(u->b, ERR_INPUT, "hidden_size is %lld, but R has the shape %s",
			   (long long)size->i, shape_format(&r->shape, text));
	if (u->steps < 1 || u->steps > STEPS_MAX)
		build_fail(u->b, ERR_UNSUPPORTED, "a sequence of %lld steps, not 1 to %d",
			   (long long)u->steps, STEPS_MAX);
}

static void check_inputs(struct unrolled *u)
{
	struct shape state = state_shape(u);
	int64_t rows;
	if (u->b->status != OK)
		return;
	if (__builtin_mul_overflow(u->gates * 2, u->hidden, &rows)) {
		build_fail(u->b, ERR_INPUT, "R is too large");
		return;
	}
	rows /= 2;
	check_input(u, IN_W, &SHAPE(u->directions, rows, u->input));
	check_input(u, IN_R, &SHAPE(u->directions, rows, u->hidden));
	check_input(u, IN_B, &SHAPE(u->directions, 2 * rows));
	check_input(u, IN_LENGTHS, &SHAPE(u->batch));
	check_input(u, IN_H, &state);
	check_input(u, IN_C, &state);
	check_input(u, IN_P, &SHAPE(u->directions, 3 * u->hidden));
}

/* ---- dividing the inputs ---- */

/* Input k by direction, each of the shape given; 0 where the input is absent. */
static void by_direction(struct unrolled *u, uint32_t k, int axis, const struct shape *shape,
			 uint32_t *out)
{
	uint32_t id = input(u->l, k);
	if (!id)
		return;
	split(u->b, id, axis, NULL, (uint32_t)u->directions, out);
	for (int64_t d = 0; d < u->directions; d++)
		out[d] = build_reshape(u->b, out[d], shape);
}

static void read_state(struct unrolled *u, uint32_t k, uint32_t *out)
{
	struct shape shape = SHAPE(u->batch, u->hidden);
	if (input(u->l, k)) {
		by_direction(u, k, u->batch_first, &shape, out);
		return;
	}
	out[0] = out[1] = build(u->b, "Expand", IN(u->zero, build_ints(u->b, shape.dim, 2)));
}

/* The rows of x that belong to each group of gates. */
static void by_group(const struct unrolled *u, uint32_t x, uint32_t *out)
{
	int64_t sizes[RECURRENT_GATES];
	for (uint32_t g = 0; g < u->kind->groups; g++)
		sizes[g] = u->kind->gates[g] * u->hidden;
	split(u->b, x, 0, sizes, u->kind->groups, out);
}

/* The time steps of x [T * ..., ...], each with T times fewer rows. */
static uint32_t *by_step(const struct unrolled *u, uint32_t x)
{
	uint32_t *out = arena_alloc(u->b->graph->arena, (size_t)u->steps * sizeof *out);
	split(u->b, x, 0, NULL, (uint32_t)u->steps, out);
	return out;
}

/* Whether known lengths say that every sequence has all steps. */
static bool all_whole(const struct unrolled *u)
{
	const struct value *v = graph_value(u->b->graph, input(u->l, IN_LENGTHS));
	if (v->kind != VALUE_CONSTANT || !v->t.data)
		return false;
	for (int64_t i = 0; i < u->batch; i++)
		if (tensor_get_int(&v->t, i) < u->steps)
			return false;
	return true;
}

/* mask[t] = t < length */
static void read_lengths(struct unrolled *u)
{
	struct builder *b = u->b;
	uint32_t lengths = input(u->l, IN_LENGTHS);
	if (!lengths || b->status != OK || all_whole(u))
		return;
	struct tensor t = tensor_new(b->graph->arena, DT_I32, &SHAPE(u->steps, 1));
	for (int64_t i = 0; i < u->steps; i++)
		tensor_set_int(&t, i, i);
	uint32_t all = build(b, "Less", IN(build_constant(b, NULL, t), lengths)); /* [T, N] */
	u->mask = by_step(u, all);
	for (int64_t i = 0; i < u->steps; i++)
		u->mask[i] = build_reshape(b, u->mask[i], &SHAPE(u->batch, 1));
}

/* ---- the steps ---- */

/* x[g][t] = X W' + bias of group g and step t */
static void input_products(struct unrolled *u, struct recurrent *r, uint32_t x, uint32_t d,
			   uint32_t *const *parts)
{
	struct builder *b = u->b;
	uint32_t w[RECURRENT_GATES], bias[RECURRENT_GATES] = { 0 };
	by_group(u, u->w[d], w);
	by_group(u, u->r[d], r->r);
	if (u->bias[d]) {
		uint32_t half[2], wb[RECURRENT_GATES], rb[RECURRENT_GATES];
		split(b, u->bias[d], 0, NULL, 2, half);
		by_group(u, half[0], wb);
		by_group(u, half[1], rb);
		for (uint32_t g = 0; g < u->kind->groups; g++)
			if (u->kind->state_bias && g + 1 == u->kind->groups) {
				bias[g] = wb[g];
				r->state_bias = rb[g];
			} else {
				bias[g] = build(b, "Add", IN(wb[g], rb[g]));
			}
	}
	for (uint32_t g = 0; g < u->kind->groups; g++) {
		struct inputs in = { (uint32_t[]){ x, w[g], bias[g] }, 3 };
		const struct attr attrs[] = { attr_int("transB", 1), { 0 } };
		uint32_t *part = by_step(u, build_op(b, "Gemm", in, attrs));
		memcpy(parts[g], part, (size_t)u->steps * sizeof *part);
	}
}

/* Runs a direction; y[t] is its output of step t. */
static void run_direction(struct unrolled *u, struct recurrent *r, uint32_t x, uint32_t d,
			  uint32_t *y)
{
	struct builder *b = u->b;
	uint32_t *parts[RECURRENT_GATES];
	bool reverse = d == 1 || u->reverse_first;
	for (uint32_t g = 0; g < u->kind->groups; g++)
		parts[g] = arena_alloc(b->graph->arena, (size_t)u->steps * sizeof **parts);
	input_products(u, r, x, d, parts);
	for (int64_t i = 0; i < u->steps && b->status == OK; i++) {
		int64_t t = reverse ? u->steps - 1 - i : i;
		uint32_t h = r->h, c = r->c;
		for (uint32_t g = 0; g < u->kind->groups; g++)
			r->x[g] = parts[g][t];
		u->kind->cell(r);
		y[t] = r->h;
		if (!u->mask)
			continue;
		y[t] = build(b, "Where", IN(u->mask[t], r->h, u->zero));
		r->h = build(b, "Where", IN(u->mask[t], r->h, h));
		if (c)
			r->c = build(b, "Where", IN(u->mask[t], r->c, c));
	}
}

/* ---- the outputs ---- */

static uint32_t concat(struct builder *b, const uint32_t *v, uint32_t n, int axis)
{
	return n == 1 ? v[0]
		      : build(b, "Concat", ((struct inputs){ v, n }), attr_int("axis", axis));
}

/* [D, N, H] or [N, D, H] of the directions' states [N, H] */
static uint32_t state_output(const struct unrolled *u, uint32_t *state)
{
	struct shape shape = state_shape(u);
	shape.dim[u->batch_first] = 1;
	for (int64_t d = 0; d < u->directions; d++)
		state[d] = build_reshape(u->b, state[d], &shape);
	return concat(u->b, state, (uint32_t)u->directions, u->batch_first);
}

/* [T, D, N, H] or [N, T, D, H] of the directions' y [T * N, H] */
static uint32_t sequence_output(const struct unrolled *u, uint32_t *y)
{
	struct builder *b = u->b;
	for (int64_t d = 0; d < u->directions; d++)
		y[d] = build_reshape(b, y[d], &SHAPE(u->steps, 1, u->batch, u->hidden));
	uint32_t all = concat(b, y, (uint32_t)u->directions, 1);
	return u->batch_first ? build_transpose(b, all, (const int64_t[]){ 2, 0, 1, 3 }) : all;
}

void recurrent_lower(struct lower *l, const struct recurrent_kind *kind)
{
	struct builder *b = l->b;
	struct unrolled u = { .l = l, .b = b, .kind = kind };
	struct activation f[2 * RECURRENT_ACTIVATIONS];
	uint32_t y[2] = { 0 }, h[2] = { 0 }, c[2] = { 0 };
	const struct attr *clip = node_attr(l->node, "clip");
	read_sizes(&u);
	check_inputs(&u);
	read_activations(&u, f, (uint32_t)u.directions * kind->activations);
	if (b->status != OK)
		return;
	int64_t rows = u.gates * u.hidden;
	u.zero = build_scalar_dtype(b, 0, u.dtype);
	by_direction(&u, IN_W, 0, &SHAPE(rows, u.input), u.w);
	by_direction(&u, IN_R, 0, &SHAPE(rows, u.hidden), u.r);
	by_direction(&u, IN_B, 0, &SHAPE(2 * rows), u.bias);
	by_direction(&u, IN_P, 0, &SHAPE(3 * u.hidden), u.p);
	read_state(&u, IN_H, u.h);
	if (kind->has_cell_state)
		read_state(&u, IN_C, u.c);
	read_lengths(&u);
	uint32_t x = l->in[IN_X];
	if (u.batch_first)
		x = build_transpose(b, x, (const int64_t[]){ 1, 0, 2 });
	x = build_reshape(b, x, &SHAPE(u.steps * u.batch, u.input));
	for (uint32_t d = 0; d < u.directions && b->status == OK; d++) {
		struct recurrent r = { .b = b,
				       .node = l->node,
				       .hidden = u.hidden,
				       .clipped = clip != NULL,
				       .clip = clip ? clip->f : 0,
				       .h = u.h[d],
				       .c = u.c[d] };
		memcpy(r.f, f + d * kind->activations, kind->activations * sizeof *f);
		if (u.p[d])
			split(b, u.p[d], 0, NULL, 3, r.peephole);
		uint32_t *step = arena_alloc(b->graph->arena, (size_t)u.steps * sizeof *step);
		run_direction(&u, &r, x, d, step);
		if (l->wanted[0])
			y[d] = concat(b, step, (uint32_t)u.steps, 0);
		h[d] = r.h;
		c[d] = r.c;
	}
	if (l->wanted[0])
		l->out[0] = sequence_output(&u, y);
	if (l->n_out > 1 && l->wanted[1])
		l->out[1] = state_output(&u, h);
	if (l->n_out > 2 && l->wanted[2])
		l->out[2] = state_output(&u, c);
}
