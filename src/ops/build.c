/*
 * build.c - adds nodes to a graph (see build.h). A node is checked against its operator's tables,
 * lowered or typed by infer, and replaced by a constant when all its inputs are constants and the
 * result is an integer or small.
 */
#include "ops/build.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Integers are folded up to here: more than any shape has, less than a small file may ask for. */
#define FOLD_LIMIT_INTEGERS ((size_t)16 << 20)

static const struct tensor failed_type = { .dtype = DT_F32 };

void build_fail(struct builder *b, enum status status, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (b->status != OK)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	b->status = fail(b->err, status, "%s", text);
}

const struct tensor *build_type(const struct builder *b, uint32_t value)
{
	return b->status == OK && value ? &graph_value(b->graph, value)->t : &failed_type;
}

struct op_io build_io(struct builder *b, const struct node *node, const uint32_t *in, uint32_t n_in)
{
	struct arena *arena = b->graph->arena;
	const struct tensor **t = arena_alloc(arena, n_in * sizeof *t);
	for (uint32_t k = 0; k < n_in; k++) {
		if (!in[k])
			continue;
		const struct value *v = graph_value(b->graph, in[k]);
		t[k] = &v->t;
		if (v->kind != VALUE_CONSTANT) { /* a parameter's content is no shape */
			struct tensor *unknown = arena_dup(arena, &v->t, sizeof *unknown);
			unknown->data = NULL;
			t[k] = unknown;
		}
	}
	return (struct op_io){ .node = node, .n_in = n_in, .in = t, .arena = arena, .err = b->err };
}

bool build_get_ints(struct builder *b, const uint32_t *in, uint32_t k, int64_t *out, uint32_t max,
		    uint32_t *n)
{
	*n = 0;
	if (b->status != OK)
		return false;
	struct op_io io = build_io(b, NULL, in, k + 1);
	b->status = infer_ints(&io, k, out, max, n);
	return b->status == OK;
}

/* What the node's rows demand of its inputs: count, and that none required is absent. */
static enum status check_inputs(struct builder *b, const struct op_def *def, struct inputs in)
{
	if (in.n && !op_input(def, in.n - 1))
		return fail(b->err, ERR_INPUT, "%u inputs are too many", in.n);
	for (uint32_t k = 0; def->in && def->in[k].name; k++) {
		unsigned flags = def->in[k].flags;
		if ((k >= in.n || !in.v[k]) && !(flags & ARG_OPTIONAL))
			return fail(b->err, ERR_INPUT, "input %u (%s) is missing", k,
				    def->in[k].name);
	}
	for (uint32_t k = 0; k < in.n; k++)
		if (!in.v[k] && (op_input(def, k)->flags & ARG_VARIADIC))
			return fail(b->err, ERR_INPUT, "input %u is missing", k);
	return OK;
}

static bool foldable(const struct builder *b, struct inputs in, const struct tensor *out,
		     const bool *wanted, uint32_t n_out)
{
	for (uint32_t k = 0; k < in.n; k++) {
		if (!in.v[k])
			continue;
		const struct value *v = graph_value(b->graph, in.v[k]);
		if (v->kind != VALUE_CONSTANT || !v->t.data)
			return false;
	}
	bool any = false;
	for (uint32_t k = 0; k < n_out; k++) {
		size_t limit = b->fold_limit;
		any |= wanted[k];
		if (!dtype_is_float(out[k].dtype) && limit < FOLD_LIMIT_INTEGERS)
			limit = FOLD_LIMIT_INTEGERS;
		if (wanted[k] && tensor_bytes(&out[k]) > limit)
			return false;
	}
	return any;
}

static enum status add_node(struct builder *b, const struct op_def *def, struct inputs in,
			    const struct attr *attrs, const bool *wanted,
			    const char *const *out_names, uint32_t *out, uint32_t n_out)
{
	struct graph *graph = b->graph;
	struct arena scratch;
	const struct tensor **t = arena_alloc(graph->arena, in.n * sizeof *t);
	struct tensor *result = arena_alloc(graph->arena, n_out * sizeof *result);
	struct node probe = { .def = def, .name = b->name, .op = b->op, .attrs = attrs };
	for (uint32_t k = 0; k < in.n; k++)
		t[k] = in.v[k] ? &graph_value(graph, in.v[k])->t : NULL;
	arena_init(&scratch);
	struct op_io io = {
		.node = &probe,
		.n_in = in.n,
		.n_out = n_out,
		.in = t,
		.out = result,
		.wanted = wanted,
		.arena = &scratch,
		.err = b->err,
	};
	/* A parameter's content is no shape: infer must not see it. */
	for (uint32_t k = 0; k < in.n; k++)
		if (t[k] && graph_value(graph, in.v[k])->kind != VALUE_CONSTANT) {
			struct tensor *unknown = arena_dup(&scratch, t[k], sizeof *unknown);
			unknown->data = NULL;
			t[k] = unknown;
		}
	enum status status;
	TRY_GOTO(def->infer(&io), out);
	for (uint32_t k = 0; k < n_out; k++) {
		size_t bytes;
		if (wanted[k])
			TRY_GOTO(tensor_size(result[k].dtype, &result[k].shape, &bytes, b->err),
				 out);
	}
	if (def->ref && foldable(b, in, result, wanted, n_out)) {
		for (uint32_t k = 0; k < n_out; k++)
			if (wanted[k])
				result[k] = tensor_new(graph->arena, result[k].dtype,
						       &result[k].shape);
		TRY_GOTO(def->ref(&io), out);
		for (uint32_t k = 0; k < n_out; k++)
			out[k] = wanted[k] ? build_constant(b, out_names ? out_names[k] : NULL,
							    result[k])
					   : 0;
		goto out;
	}
	uint32_t id = graph_add_node(graph, def, b->name, b->op, in.v, in.n, n_out, out_names,
				     attrs);
	struct node *node = graph_node(graph, id);
	for (uint32_t k = 0; k < n_out; k++) {
		graph_value(graph, node->out[k])->t = result[k];
		if (!wanted[k])
			node->out[k] = 0;
		out[k] = node->out[k];
	}
out:
	arena_release(&scratch);
	return status;
}

void build_def(struct builder *b, const struct op_def *def, struct inputs in,
	       const struct attr *attrs, const bool *wanted, const char *const *out_names,
	       uint32_t *out, uint32_t n_out)
{
	bool all[16];
	memset(out, 0, n_out * sizeof *out);
	if (b->status != OK)
		return;
	if (!wanted) {
		if (n_out > ARRAY_SIZE(all)) {
			build_fail(b, ERR_INTERNAL, "%s: %u outputs", def->name, n_out);
			return;
		}
		memset(all, true, sizeof all);
		wanted = all;
	}
	while (in.n && !in.v[in.n - 1]) /* trailing absent inputs are no inputs */
		in.n--;
	b->status = check_inputs(b, def, in);
	if (b->status == OK && n_out && !op_output(def, n_out - 1))
		b->status = fail(b->err, ERR_INPUT, "%u outputs are too many", n_out);
	if (b->status == OK)
		b->status = op_attributes(def, attrs, b->graph->arena, &attrs, b->err);
	if (b->status != OK)
		return;
	if (!def->lower) {
		b->status = add_node(b, def, in, attrs, wanted, out_names, out, n_out);
		return;
	}
	struct node node = { .def = def,
			     .name = b->name,
			     .op = b->op,
			     .n_in = in.n,
			     .n_out = n_out,
			     .attrs = attrs };
	struct lower l = { .b = b,
			   .node = &node,
			   .in = in.v,
			   .n_in = in.n,
			   .n_out = n_out,
			   .out = out,
			   .wanted = wanted };
	def->lower(&l);
}

static const struct op_def *newest(struct builder *b, const char *op)
{
	const struct op_def *def = op_find("", op, INT_MAX);
	if (!def)
		def = op_find("onnxtune", op, INT_MAX);
	if (!def)
		build_fail(b, ERR_INTERNAL, "no operator %s", op);
	return def;
}

uint32_t build_op(struct builder *b, const char *op, struct inputs in, const struct attr *attrs)
{
	uint32_t out;
	build_outputs(b, op, in, attrs, NULL, &out, 1);
	return out;
}

void build_outputs(struct builder *b, const char *op, struct inputs in, const struct attr *attrs,
		   const bool *wanted, uint32_t *out, uint32_t n_out)
{
	const struct op_def *def = b->status == OK ? newest(b, op) : NULL;
	memset(out, 0, n_out * sizeof *out);
	if (!def)
		return;
	for (uint32_t k = 0; k < in.n; k++) /* a bug in a rule must not become a crash */
		if (!in.v[k] && (!op_input(def, k) || !(op_input(def, k)->flags & ARG_OPTIONAL)))
			build_fail(b, ERR_INTERNAL, "%s: input %u is absent", op, k);
	build_def(b, def, in, attrs, wanted, NULL, out, n_out);
}

uint32_t build_constant(struct builder *b, const char *name, struct tensor t)
{
	char text[32];
	if (!name)
		snprintf(text, sizeof text, "%%%u", b->graph->values.n);
	return graph_add_value(b->graph, name ? name : text, VALUE_CONSTANT, t);
}

uint32_t build_scalar_dtype(struct builder *b, double x, enum dtype dtype)
{
	if (b->status != OK)
		return 0;
	struct tensor t = tensor_new(b->graph->arena, dtype, &SHAPE_SCALAR);
	tensor_set(&t, 0, x);
	return build_constant(b, NULL, t);
}

uint32_t build_scalar(struct builder *b, double x, uint32_t like)
{
	return build_scalar_dtype(b, x, build_type(b, like)->dtype);
}

uint32_t build_ints(struct builder *b, const int64_t *v, uint32_t n)
{
	if (b->status != OK)
		return 0;
	struct tensor t = tensor_new(b->graph->arena, DT_I64, &SHAPE(n));
	if (n)
		memcpy(t.data, v, n * sizeof *v);
	return build_constant(b, NULL, t);
}

uint32_t build_cast(struct builder *b, uint32_t x, enum dtype dtype)
{
	if (b->status == OK && build_type(b, x)->dtype == dtype)
		return x;
	return build(b, "Cast", IN(x), attr_int("to", dtype));
}

uint32_t build_reshape(struct builder *b, uint32_t x, const struct shape *shape)
{
	if (b->status == OK && shape_equal(build_shape(b, x), shape))
		return x;
	return build(b, "Reshape", IN(x, build_ints(b, shape->dim, (uint32_t)shape->rank)),
		     attr_int("allowzero", 1));
}

uint32_t build_transpose(struct builder *b, uint32_t x, const int64_t *perm)
{
	int rank = build_shape(b, x)->rank;
	bool identity = true;
	for (int i = 0; i < rank; i++)
		identity &= perm[i] == i;
	return identity ? x : build(b, "Transpose", IN(x), attr_ints("perm", perm, (uint32_t)rank));
}

uint32_t build_reduce_to(struct builder *b, uint32_t x, const struct shape *shape)
{
	struct shape from = *build_shape(b, x);
	int64_t axes[SHAPE_MAX_RANK];
	uint32_t n = 0;
	if (b->status != OK || shape_equal(&from, shape))
		return x;
	for (int i = 0; i < from.rank; i++) {
		int k = shape->rank - from.rank + i;
		if (k < 0 || (shape->dim[k] == 1 && from.dim[i] != 1))
			axes[n++] = i;
	}
	if (n)
		x = build(b, "ReduceSum", IN(x, build_ints(b, axes, n)), attr_int("keepdims", 1));
	return build_reshape(b, x, shape);
}

uint32_t grad_output(struct grad *g, uint32_t k)
{
	struct builder *b = g->b;
	if (b->status != OK)
		return 0;
	uint32_t producer = graph_value(b->graph, g->y[0])->node;
	struct node *node = graph_node(b->graph, producer);
	if (k < node->n_out && node->out[k])
		return node->out[k];
	/* Type the node again with this output asked for. */
	uint32_t n_out = node->n_out > k + 1 ? node->n_out : k + 1;
	const struct tensor **t = arena_alloc(b->graph->arena, node->n_in * sizeof *t);
	struct tensor *result = arena_alloc(b->graph->arena, n_out * sizeof *result);
	bool *wanted = arena_alloc(b->graph->arena, n_out);
	uint32_t *out = arena_alloc(b->graph->arena, n_out * sizeof *out);
	for (uint32_t i = 0; i < node->n_in; i++)
		t[i] = node->in[i] ? &graph_value(b->graph, node->in[i])->t : NULL;
	for (uint32_t i = 0; i < node->n_out; i++)
		wanted[i] = (out[i] = node->out[i]) != 0;
	wanted[k] = true;
	struct op_io io = { .node = node,
			    .n_in = node->n_in,
			    .n_out = n_out,
			    .in = t,
			    .out = result,
			    .wanted = wanted,
			    .arena = b->graph->arena,
			    .err = b->err };
	b->status = node->def->infer(&io);
	if (b->status != OK)
		return 0;
	char text[32];
	snprintf(text, sizeof text, "%%%u", b->graph->values.n);
	out[k] = graph_add_value(b->graph, text, VALUE_TEMP, result[k]);
	struct value *v = graph_value(b->graph, out[k]);
	v->node = producer;
	v->output = k;
	v->phase = node->phase;
	node->out = out;
	node->n_out = n_out;
	return out[k];
}
