/*
 * chain_text.c - prints pointwise operators as CUDA C (see chain_text.h). Half types are float
 * inside; values that the operators round to a half type are rounded.
 *
 *  1. Inputs are read at the element's index where they lie as the output does, else at strides.
 *  2. Each node is one line, `float vN = expression;` with its inputs in place of $0, $1, ...
 *  3. Outputs are written at the element's index.
 *  4. Sums: what is summed for an element that is kept is cut into parts of a fixed size. Where it
 *     lies side by side in memory, neighbouring threads share a part; else a thread has one, and its
 *     neighbours those of neighbouring elements. Partial sums are added up by another kernel.
 */
#include "backend/cuda/chain_text.h"

#include "backend/cuda/chain_expression.h"
#include "backend/fused_body.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 256
#define PART_ROWS 8192  /* elements of a part that threads share */
#define PART_COLUMNS 64 /* that one thread has */
#define PARTS_MAX 1024

/* ---- printing ---- */

struct printer {
	FILE *out;
	struct chain_args *args;
	struct loop loop; /* operand 0 is the outputs, then the inputs, then the sums */
	int inputs;
	const struct shape *kept; /* what is kept of the space, NULL: no sums */
};

#define NAME 16
typedef char name_text[NAME];

static void print_number(FILE *out, double x)
{
	if (isnan(x))
		fprintf(out, "bits(0x7fc00000u)");
	else if (isinf(x))
		fprintf(out, x < 0 ? "-INFINITY" : "INFINITY");
	else
		fprintf(out, "%af", (double)(float)x);
}

/* The name of a value in a body, or its number. */
static void print_value(FILE *out, const struct graph *body, uint32_t id, const name_text *names)
{
	const struct value *v = graph_value(body, id);
	if (*names[id])
		fprintf(out, "%s", names[id]);
	else if (chain_is_float(v->t.dtype))
		fprintf(out, "("), print_number(out, tensor_get(&v->t, 0)), fprintf(out, ")");
	else
		fprintf(out, "(%lldLL)", (long long)tensor_get_int(&v->t, 0));
}

static void print_attr(FILE *out, const struct node *node, const char *name)
{
	const struct attr *a = node_attr(node, name);
	fprintf(out, "(");
	print_number(out, a ? a->f : 0);
	fprintf(out, ")");
}

/* "	float v7 = ...;" with the inputs that `input` prints. */
static void print_node(FILE *out, const struct op_call *call, const char *name,
		       void (*input)(FILE *out, const void *ctx, uint32_t k), const void *ctx)
{
	const struct chain_expression *e = chain_find(call->def->name);
	enum dtype dtype = call->out[0].t.dtype;
	bool alt = e->attr && !strcmp(node_string(call->node, e->attr), e->value);
	fprintf(out, "\t\t%s %s = ", chain_types[chain_type_of(dtype)].held, name);
	if (dtype == DT_F16 || dtype == DT_BF16)
		fprintf(out, "round_%s", dtype == DT_F16 ? "f16" : "bf16");
	fprintf(out, "(");
	for (const char *p = alt ? e->alt : e->text; *p; p++) {
		if (*p != '$') {
			fputc(*p, out);
			continue;
		}
		p++;
		if (*p == 'p' || *p == 'q')
			print_attr(out, call->node, *p == 'p' ? "alpha" : "beta");
		else if (chain_type_in(call, (uint32_t)(*p - '0')))
			input(out, ctx, (uint32_t)(*p - '0'));
		else
			fprintf(out, "%s", e->absent[*p - '0']);
	}
	fprintf(out, ");\n");
}

/* Reads an input as x<k>. */
static void add_input(struct printer *p, const struct op_operand *o)
{
	/* one element, whatever its rank (the bounds of Clip) */
	bool single = shape_elements(&o->t.shape) == 1;
	loop_add(&p->loop, single ? &SHAPE_SCALAR : &o->t.shape, single ? LAYOUT_PLAIN : o->layout);
	p->inputs++;
}

static void print_input(struct printer *p, int k, enum dtype dtype)
{
	int t = chain_type_of(dtype);
	const struct loop *l = &p->loop;
	const int64_t *stride = l->stride[k + 1], *own = l->stride[0];
	bool direct = true, fixed = true;
	for (int i = 0; i < l->rank; i++) {
		direct &= stride[i] == own[i];
		fixed &= stride[i] == 0;
		p->args->stride[k][i] = stride[i];
	}
	fprintf(p->out, "\t\t%s x%d = %s(((const %s *)a.in[%d])[", chain_types[t].held, k,
		chain_types[t].load, chain_types[t].stored, k);
	if (fixed)
		fprintf(p->out, "0");
	else if (direct)
		fprintf(p->out, "i");
	else
		for (int i = 0, n = 0; i < l->rank; i++)
			if (stride[i])
				fprintf(p->out, "%si%d * a.stride[%d][%d]", n++ ? " + " : "", i, k,
					i);
	fprintf(p->out, "]);\n");
}

/* Names the axes from the index `from`: those that are summed over, or those that are kept. */
static void print_axes(const struct printer *p, const char *from, bool summed)
{
	const struct loop *l = &p->loop;
	int first = -1;
	for (int i = l->rank - 1; i >= 0; i--)
		if (!p->kept || (l->stride[l->n - 1][i] == 0) == summed)
			first = i;
	if (first < 0)
		return;
	fprintf(p->out, "\t\trest = %s;\n", from);
	for (int i = l->rank - 1; i >= first; i--) {
		if (p->kept && (l->stride[l->n - 1][i] == 0) != summed)
			continue;
		if (i == first)
			fprintf(p->out, "\t\tlong long i%d = rest;\n\t\t(void)i%d;\n", i, i);
		else
			fprintf(p->out,
				"\t\tlong long i%d = rest %% a.dim[%d]; rest /= a.dim[%d];\n", i, i,
				i);
	}
}

/* The loop of a kernel without sums: over the elements in their order. */
static void print_loop(const struct printer *p)
{
	fprintf(p->out,
		"\tfor (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < a.n;\n"
		"\t     i += (long long)gridDim.x * blockDim.x) {\n"
		"\t\tlong long rest;\n");
	print_axes(p, "i", true);
}

/* With sums: groups of threads share a part of what is summed for a kept element. */
static void print_sum_loop(const struct printer *p, uint32_t n_sums)
{
	fprintf(p->out,
		"\t__shared__ double shared[256];\n"
		"\tlong long at = (blockIdx.x * (long long)blockDim.x + threadIdx.x) / a.width;\n"
		"\tlong long lane = threadIdx.x %% a.width;\n"
		"\tlong long o = at %% a.kept, part = at / a.kept, end = (part + 1) * a.part;\n"
		"\tif (end > a.summed) end = a.summed;\n"
		"\tif (part >= a.parts) end = 0;\n");
	for (uint32_t k = 0; k < n_sums; k++)
		fprintf(p->out, "\tdouble s%u = 0;\n", k);
	fprintf(p->out, "\tfor (long long r = part * a.part + lane; r < end; r += a.width) {\n"
			"\t\tlong long rest;\n");
	print_axes(p, "o", false);
	print_axes(p, "r", true);
	fprintf(p->out, "\t\tlong long i = ");
	for (int i = 0; i < p->loop.rank - 1; i++)
		fprintf(p->out, "(");
	fprintf(p->out, "i0");
	for (int i = 1; i < p->loop.rank; i++)
		fprintf(p->out, ") * a.dim[%d] + i%d", i, i);
	fprintf(p->out, ";\n\t\t(void)i;\n");
}

static void print_sum_end(const struct printer *p, uint32_t n_sums)
{
	for (uint32_t k = 0; k < n_sums; k++)
		fprintf(p->out,
			"\tshared[threadIdx.x] = s%u;\n"
			"\t__syncthreads();\n"
			"\tfor (long long half = a.width / 2; half; half /= 2) {\n"
			"\t\tif (lane < half) shared[threadIdx.x] += shared[threadIdx.x + half];\n"
			"\t\t__syncthreads();\n"
			"\t}\n"
			"\tif (part < a.parts && lane == 0)\n"
			"\t\ta.sums[(%u * a.parts + part) * a.kept + o] = shared[threadIdx.x];\n"
			"\t__syncthreads();\n",
			k, k);
}

/* Opens the kernel; the loop holds all operands. */
static void print_start(struct printer *p, const struct op_call *call, uint32_t n_sums)
{
	struct loop *l = &p->loop;
	loop_order(l, 0);
	loop_merge(l, 1);
	p->args->n = loop_size(l, 0, l->rank);
	for (int i = 0; i < l->rank; i++)
		p->args->dim[i] = l->dim[i];
	fprintf(p->out, chain_prelude, FUSED_INPUTS, FUSED_OUTPUTS, SHAPE_MAX_RANK, FUSED_INPUTS,
		SHAPE_MAX_RANK);
	fprintf(p->out, "extern \"C\" __global__ void k(struct chain_args a)\n{\n");
	if (p->kept)
		print_sum_loop(p, n_sums);
	else
		print_loop(p);
	for (int k = 0; k < p->inputs; k++)
		if (call->in[k].t.dtype)
			print_input(p, k, call->in[k].t.dtype);
}

static void print_output(struct printer *p, uint32_t k, const char *name, enum dtype dtype)
{
	int t = chain_type_of(dtype);
	fprintf(p->out, "\t\t((%s *)a.out[%u])[i] = %s(%s);\n", chain_types[t].stored, k,
		chain_types[t].store, name);
}

/* An input whose axes the output has in another order. */
static void add_transposed(struct printer *p, const struct op_call *call)
{
	const struct attr *perm = node_attr(call->node, "perm");
	int64_t own[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK];
	int rank = call->in[0].t.shape.rank;
	shape_strides(&call->in[0].t.shape, own);
	for (int i = 0; i < rank; i++)
		stride[i] = own[perm ? perm->ints[i] : rank - 1 - i];
	loop_add_strides(&p->loop, stride);
	p->inputs++;
}

/* ---- a single call ---- */

static void call_input(FILE *out, const void *ctx, uint32_t k)
{
	(void)ctx;
	fprintf(out, "x%u", k);
}

static void text_of_call(struct printer *p, const struct op_call *call)
{
	bool transposed = !strcmp(call->def->name, "Transpose");
	for (uint32_t k = 0; k < call->n_in; k++)
		if (transposed)
			add_transposed(p, call);
		else if (call->in[k].t.dtype)
			add_input(p, &call->in[k]);
		else
			loop_add(&p->loop, &SHAPE_SCALAR, LAYOUT_PLAIN), p->inputs++;
	print_start(p, call, 0);
	print_node(p->out, call, "y", call_input, NULL);
	print_output(p, 0, "y", call->out[0].t.dtype);
	fprintf(p->out, "\t}\n");
}

/* ---- a body ---- */

struct body_node {
	const struct graph *body;
	const struct node *node;
	const name_text *names;
};

static void body_input(FILE *out, const void *ctx, uint32_t k)
{
	const struct body_node *n = ctx;
	print_value(out, n->body, n->node->in[k], n->names);
}

/* Prints the nodes that come before the sums; names[v] is what value v is called. */
static void print_body(struct printer *p, const struct graph *body, name_text *names,
		       struct arena *arena)
{
	for (uint32_t i = 0; i < body->order.n; i++) {
		const struct node *node = graph_node(body, body->order.v[i]);
		struct op_call inner = op_call_of(body, node, arena);
		struct body_node ctx = { body, node, names };
		if (node_is(node, "ReduceSum") || fused_sum(body, node->out[0]))
			continue;
		snprintf(names[node->out[0]], NAME, "v%u", node->out[0]);
		print_node(p->out, &inner, names[node->out[0]], body_input, &ctx);
	}
}

/* The kernel of a body that forms the sums `t` has and, where it writes, the other outputs. */
static void text_of_body(struct printer *p, const struct op_call *call, const struct chain_text *t,
			 struct arena *arena)
{
	const struct graph *body = fused_body(call);
	name_text *names = arena_alloc(arena, body->values.n * sizeof *names);
	for (uint32_t k = 0; k < call->n_in; k++) {
		add_input(p, &call->in[k]);
		snprintf(names[body->inputs.v[k]], NAME, "x%u", k);
	}
	if (p->kept)
		loop_add(&p->loop, p->kept, LAYOUT_PLAIN);
	print_start(p, call, t->n_sums);
	print_body(p, body, names, arena);
	for (uint32_t k = 0; k < call->n_out && t->writes; k++)
		if (!fused_sum(body, body->outputs.v[k]))
			print_output(p, k, names[body->outputs.v[k]], call->out[k].t.dtype);
	for (uint32_t k = 0; k < t->n_sums; k++) {
		const struct node *sum = fused_sum(body, body->outputs.v[t->sum[k]]);
		fprintf(p->out, "\t\ts%u += (double)", k);
		print_value(p->out, body, sum->in[0], names);
		fprintf(p->out, ";\n");
	}
	fprintf(p->out, "\t}\n");
	print_sum_end(p, t->n_sums);
}

/* How threads share the sums: see print_sum_loop. */
static void plan_sums(const struct printer *p, struct chain_text *t)
{
	const struct loop *l = &p->loop;
	const int64_t *kept = l->stride[l->n - 1];
	struct chain_args *a = &t->args;
	a->kept = a->summed = a->width = 1;
	for (int i = 0; i < l->rank; i++) {
		if (!kept[i]) {
			a->summed *= l->dim[i];
			continue;
		}
		a->kept *= l->dim[i];
		t->to.dim[t->to.rank] = l->dim[i];
		t->to.stride[t->to.rank++] = kept[i];
	}
	bool rows = !kept[l->rank - 1]; /* neighbours in memory are summed */
	a->part = rows ? PART_ROWS : PART_COLUMNS;
	while ((a->summed + a->part - 1) / a->part > PARTS_MAX)
		a->part *= 2;
	a->parts = (a->summed + a->part - 1) / a->part;
	while (rows && a->width < THREADS && a->width < a->summed)
		a->width *= 2;
	t->to.kept = a->kept;
	t->to.parts = a->parts;
}

/* ---- all ---- */

static bool body_fits(const struct op_call *call, struct arena *arena)
{
	const struct graph *body = fused_body(call);
	if (call->n_in > FUSED_INPUTS || call->n_out > FUSED_OUTPUTS)
		return false;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (chain_type_of(call->in[k].t.dtype) < 0)
			return false;
	for (uint32_t i = 0; i < body->order.n; i++) {
		const struct node *node = graph_node(body, body->order.v[i]);
		struct op_call inner = op_call_of(body, node, arena);
		if (node_is(node, "ReduceSum") ? chain_fusible(&inner) == FUSIBLE_NOT
					       : !chain_has_expression(&inner, NULL))
			return false;
	}
	return true;
}

bool chain_fits(const struct op_call *call, const char **why)
{
	const struct op_operand *y = &call->out[0];
	if (!strcmp(call->def->name, "Fused")) {
		struct arena arena;
		enum layout layout;
		*why = "outputs differ in layout";
		if (!fused_layout(call, &layout))
			return false;
		*why = "an operator of the body has no expression";
		arena_init(&arena);
		bool fits = body_fits(call, &arena);
		arena_release(&arena);
		return fits;
	}
	*why = "no expression for these types";
	if (!chain_has_expression(call, NULL))
		return false;
	*why = "for plain layouts";
	return strcmp(call->def->name, "Transpose") != 0 ||
	       (call->in[0].layout == LAYOUT_PLAIN && y->layout == LAYOUT_PLAIN);
}

/* Which sums there are, by the axes that they keep; returns the number of kernels. */
static uint32_t group_sums(const struct op_call *call, struct arena *arena,
			   struct shape kept[FUSED_OUTPUTS], struct chain_text *out)
{
	const struct graph *body = fused_body(call);
	bool writes = false;
	uint32_t n = 0, g;
	memset(out, 0, FUSED_OUTPUTS * sizeof *out);
	for (uint32_t k = 0; k < call->n_out; k++) {
		const struct node *sum = fused_sum(body, body->outputs.v[k]);
		writes |= !sum;
		if (!sum)
			continue;
		struct shape own;
		struct op_call inner = op_call_of(body, sum, arena);
		bool known = fused_sum_shape(&inner, &own);
		assert(known);
		for (g = 0; g < n && !shape_equal(&kept[g], &own); g++)
			;
		if (g == n)
			kept[n++] = own;
		out[g].sum[out[g].n_sums++] = k;
	}
	out[n ? n - 1 : 0].writes = writes;
	return n;
}

/* False when there is no memory. */
static bool print_text(const struct op_call *call, bool fused, const struct shape *kept,
		       struct arena *arena, struct chain_text *t)
{
	enum layout layout = call->out[0].layout;
	const struct shape *space = &call->out[0].t.shape;
	char *text = NULL;
	size_t size;
	if (fused) {
		space = fused_space(fused_body(call));
		(void)fused_layout(call, &layout);
	}
	struct printer p = { .args = &t->args, .loop = loop_start(space), .kept = kept };
	p.out = open_memstream(&text, &size);
	if (!p.out)
		return false;
	loop_add(&p.loop, space, layout);
	if (fused)
		text_of_body(&p, call, t, arena);
	else
		text_of_call(&p, call);
	fprintf(p.out, "}\n");
	fclose(p.out);
	t->text = arena_strdup(arena, text);
	free(text);
	if (kept)
		plan_sums(&p, t);
	return true;
}

uint32_t chain_text_make(const struct op_call *call, struct arena *arena,
			 struct chain_text out[FUSED_OUTPUTS])
{
	struct shape kept[FUSED_OUTPUTS];
	bool fused = !strcmp(call->def->name, "Fused");
	memset(out, 0, FUSED_OUTPUTS * sizeof *out);
	uint32_t n = fused ? group_sums(call, arena, kept, out) : 0;
	for (uint32_t g = 0; g < n; g++)
		if (!print_text(call, true, &kept[g], arena, &out[g]))
			return 0;
	return n ? n : print_text(call, fused, NULL, arena, &out[0]);
}

void chain_propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	/* what is updated in place lies plain, and so does what is transposed */
	if (!strcmp(call->def->name, "Fused"))
		fused_propose(call, in, out);
	else if (!op_output(call->def, 0)->alias && strcmp(call->def->name, "Transpose") != 0)
		propose_common(call, in, out);
}
