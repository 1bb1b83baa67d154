/*
 * chain_text.c - prints pointwise operators as CUDA C (see chain_text.h). Half types are float
 * inside; values that the operators round to a half type are rounded.
 *
 *  1. Inputs are read at the element's index where they lie as the output does, else at strides.
 *  2. Each node is one line, `float vN = expression;` with its inputs in place of $0, $1, ...
 *  3. Outputs are written at the element's index.
 */
#include "backend/cuda/chain_text.h"

#include "ops/fused.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the operators ---- */

enum takes {
	TAKES_FLOATS,  /* f32, f16, bf16, all of one type */
	TAKES_NUMBERS, /* those or integers, all of one type; the result is BOOL */
	TAKES_BOOLS,
	TAKES_CHOICE, /* BOOL, then two of one type */
	TAKES_CAST,   /* anything to a float */
};

struct expression {
	const char *op;
	enum takes takes;
	int inputs;
	bool costly;
	const char *text;               /* $0.. inputs, $p alpha, $q beta */
	const char *absent[4];          /* what stands for absent inputs */
	const char *attr, *value, *alt; /* where the attribute has the value: this text instead */
};

#define EXPRESSION(op_, takes_, inputs_, costly_, ...)                                             \
	{                                                                                          \
		.op = op_, .takes = takes_, .inputs = inputs_, .costly = costly_,                  \
		.text = __VA_ARGS__                                                                \
	}

static const struct expression expressions[] = {
	EXPRESSION("Cast", TAKES_CAST, 1, false, "(float)$0"),
	EXPRESSION("Identity", TAKES_CAST, 1, false, "$0"),
	EXPRESSION("Accumulate", TAKES_FLOATS, 2, false, "$0 + $1"),
	EXPRESSION("Store", TAKES_FLOATS, 2, false, "$1"),
	EXPRESSION("Relayout", TAKES_CAST, 1, false, "$0"),
	EXPRESSION("Transpose", TAKES_CAST, 1, false, "$0"),
	EXPRESSION("Neg", TAKES_FLOATS, 1, false, "-$0"),
	EXPRESSION("Abs", TAKES_FLOATS, 1, false, "fabsf($0)"),
	EXPRESSION("Sign", TAKES_FLOATS, 1, false, "$0 > 0 ? 1.f : $0 < 0 ? -1.f : $0"),
	EXPRESSION("Sqrt", TAKES_FLOATS, 1, false, "sqrtf($0)"),
	EXPRESSION("Reciprocal", TAKES_FLOATS, 1, false, "1 / $0"),
	EXPRESSION("Floor", TAKES_FLOATS, 1, false, "floorf($0)"),
	EXPRESSION("Ceil", TAKES_FLOATS, 1, false, "ceilf($0)"),
	EXPRESSION("Round", TAKES_FLOATS, 1, false, "rintf($0)"),
	EXPRESSION("Exp", TAKES_FLOATS, 1, true, "expf($0)"),
	EXPRESSION("Log", TAKES_FLOATS, 1, true, "logf($0)"),
	EXPRESSION("Sin", TAKES_FLOATS, 1, true, "sinf($0)"),
	EXPRESSION("Cos", TAKES_FLOATS, 1, true, "cosf($0)"),
	EXPRESSION("Erf", TAKES_FLOATS, 1, true, "erff($0)"),
	EXPRESSION("ErfGrad", TAKES_FLOATS, 2, true, "$0 * 1.12837917f * expf(-$1 * $1)"),
	EXPRESSION("Tanh", TAKES_FLOATS, 1, true, "tanhf($0)"),
	EXPRESSION("TanhGrad", TAKES_FLOATS, 2, false, "$0 * (1 - $1 * $1)"),
	EXPRESSION("Sigmoid", TAKES_FLOATS, 1, true, "sigmoid($0)"),
	EXPRESSION("SigmoidGrad", TAKES_FLOATS, 2, false, "$0 * $1 * (1 - $1)"),
	EXPRESSION("Softplus", TAKES_FLOATS, 1, true,
		   "($0 > 0 ? $0 : 0.f) + log1pf(expf(-fabsf($0)))"),
	EXPRESSION("SoftplusGrad", TAKES_FLOATS, 2, true, "$0 * sigmoid($1)"),
	EXPRESSION("Gelu", TAKES_FLOATS, 1, true, "gelu($0)", .attr = "approximate",
		   .value = "tanh", .alt = "gelu_tanh($0)"),
	EXPRESSION("GeluGrad", TAKES_FLOATS, 2, true, "gelu_grad($0, $1)", .attr = "approximate",
		   .value = "tanh", .alt = "gelu_tanh_grad($0, $1)"),
	EXPRESSION("Relu", TAKES_FLOATS, 1, false, "$0 < 0 ? 0.f : $0"),
	EXPRESSION("ReluGrad", TAKES_FLOATS, 2, false, "$1 <= 0 ? 0.f : $0"),
	EXPRESSION("LeakyRelu", TAKES_FLOATS, 1, false, "$0 < 0 ? $p * $0 : $0"),
	EXPRESSION("LeakyReluGrad", TAKES_FLOATS, 2, false, "$1 > 0 ? $0 : $p * $0"),
	EXPRESSION("Elu", TAKES_FLOATS, 1, true, "$0 < 0 ? $p * expm1f($0) : $0"),
	EXPRESSION("EluGrad", TAKES_FLOATS, 2, true, "$1 > 0 ? $0 : $0 * $p * expf($1)"),
	EXPRESSION("HardSigmoid", TAKES_FLOATS, 1, false,
		   "at_most(at_least($p * $0 + $q, 0.f), 1.f)"),
	EXPRESSION("HardSigmoidGrad", TAKES_FLOATS, 2, false, "$1 <= 0 || $1 >= 1 ? 0.f : $p * $0"),
	EXPRESSION("PRelu", TAKES_FLOATS, 2, false, "$0 < 0 ? $1 * $0 : $0"),
	EXPRESSION("PReluGrad", TAKES_FLOATS, 3, false, "$1 > 0 ? $0 : $2 * $0"),
	EXPRESSION("Add", TAKES_FLOATS, 2, false, "$0 + $1"),
	EXPRESSION("Sub", TAKES_FLOATS, 2, false, "$0 - $1"),
	EXPRESSION("Mul", TAKES_FLOATS, 2, false, "$0 * $1"),
	EXPRESSION("Div", TAKES_FLOATS, 2, false, "$0 / $1"),
	EXPRESSION("Pow", TAKES_FLOATS, 2, true, "powf($0, $1)"),
	EXPRESSION("Max", TAKES_FLOATS, 2, false, "$0 < $1 || $1 != $1 ? $1 : $0"),
	EXPRESSION("Min", TAKES_FLOATS, 2, false, "$1 < $0 || $1 != $1 ? $1 : $0"),
	EXPRESSION("MaxGrad", TAKES_FLOATS, 3, false, "$1 < $2 ? 0.f : $1 == $2 ? $0 / 2 : $0"),
	EXPRESSION("MinGrad", TAKES_FLOATS, 3, false, "$1 > $2 ? 0.f : $1 == $2 ? $0 / 2 : $0"),
	EXPRESSION("Clip", TAKES_FLOATS, 3, false, "at_most(at_least($0, $1), $2)",
		   .absent = { NULL, "-INFINITY", "INFINITY" }),
	EXPRESSION("ClipGrad", TAKES_FLOATS, 4, false, "$1 <= $2 || $1 >= $3 ? 0.f : $0",
		   .absent = { NULL, NULL, "-INFINITY", "INFINITY" }),
	EXPRESSION("Equal", TAKES_NUMBERS, 2, false, "$0 == $1"),
	EXPRESSION("Less", TAKES_NUMBERS, 2, false, "$0 < $1"),
	EXPRESSION("LessOrEqual", TAKES_NUMBERS, 2, false, "$0 <= $1"),
	EXPRESSION("Greater", TAKES_NUMBERS, 2, false, "$0 > $1"),
	EXPRESSION("GreaterOrEqual", TAKES_NUMBERS, 2, false, "$0 >= $1"),
	EXPRESSION("And", TAKES_BOOLS, 2, false, "$0 && $1"),
	EXPRESSION("Or", TAKES_BOOLS, 2, false, "$0 || $1"),
	EXPRESSION("Xor", TAKES_BOOLS, 2, false, "($0 != 0) != ($1 != 0)"),
	EXPRESSION("Not", TAKES_BOOLS, 1, false, "!$0"),
	EXPRESSION("Where", TAKES_CHOICE, 3, false, "$0 ? $1 : $2"),
};

static const char prelude[] =
	"#undef INFINITY\n"
	"#define INFINITY bits(0x7f800000u)\n"
	"typedef unsigned short u16;\n"
	"static __device__ inline float bits(unsigned u) { union { unsigned u; float f; } x; x.u = u; return x.f; }\n"
	"static __device__ inline unsigned word(float f) { union { float f; unsigned u; } x; x.f = f; return x.u; }\n"
	"#ifdef __CUDA_ARCH__\n"
	"static __device__ inline float from_f16(u16 h) { float f; asm(\"cvt.f32.f16 %%0, %%1;\" : \"=f\"(f) : \"h\"(h)); return f; }\n"
	"static __device__ inline u16 to_f16(float f) { u16 h; asm(\"cvt.rn.f16.f32 %%0, %%1;\" : \"=h\"(h) : \"f\"(f)); return h; }\n"
	"#else\n"
	"static inline float from_f16(u16 h)\n"
	"{\n"
	"	unsigned sign = (h & 0x8000u) << 16, rest = h & 0x7fffu;\n"
	"	if (rest >= 0x7c00u) return bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);\n"
	"	return bits(word(bits(rest << 13) * bits(0x77800000u)) | sign);\n"
	"}\n"
	"static inline u16 to_f16(float f)\n"
	"{\n"
	"	unsigned u = word(f), sign = u >> 16 & 0x8000u, rest = u & 0x7fffffffu;\n"
	"	if (rest > 0x7f800000u) return sign | 0x7e00u;\n"
	"	if (rest >= 0x477ff000u) return sign | 0x7c00u;\n"
	"	if (rest < 0x38800000u) return sign | (word(bits(rest) + 0.5f) - 0x3f000000u);\n"
	"	return sign | ((rest - 0x38000000u + 0xfffu + (rest >> 13 & 1)) >> 13);\n"
	"}\n"
	"#endif\n"
	"static __device__ inline float from_bf16(u16 h) { return bits((unsigned)h << 16); }\n"
	"static __device__ inline u16 to_bf16(float f)\n"
	"{\n"
	"	unsigned u = word(f);\n"
	"	return f != f ? u >> 16 | 0x40u : (u + 0x7fffu + (u >> 16 & 1)) >> 16;\n"
	"}\n"
	"static __device__ inline float round_f16(float f) { return from_f16(to_f16(f)); }\n"
	"static __device__ inline float round_bf16(float f) { return from_bf16(to_bf16(f)); }\n"
	"static __device__ inline float at_least(float x, float low) { return x < low ? low : x; }\n"
	"static __device__ inline float at_most(float x, float high) { return x > high ? high : x; }\n"
	"static __device__ inline float sigmoid(float x)\n"
	"{\n"
	"	float e = expf(-fabsf(x));\n"
	"	return x < 0 ? e / (1 + e) : 1 / (1 + e);\n"
	"}\n"
	"static __device__ inline float normal(float x) { return 0.5f + 0.5f * erff(x * 0.707106781f); }\n"
	"static __device__ inline float gelu(float x) { return x * normal(x); }\n"
	"static __device__ inline float gelu_grad(float dy, float x)\n"
	"{\n"
	"	return dy * (normal(x) + x * 0.398942280f * expf(-0.5f * x * x));\n"
	"}\n"
	"static __device__ inline float gelu_inner(float x)\n"
	"{\n"
	"	return 0.797884561f * (x + 0.044715f * x * x * x);\n"
	"}\n"
	"static __device__ inline float gelu_tanh(float x)\n"
	"{\n"
	"	return x * 0.5f * (1 + tanhf(gelu_inner(x)));\n"
	"}\n"
	"static __device__ inline float gelu_tanh_grad(float dy, float x)\n"
	"{\n"
	"	float t = tanhf(gelu_inner(x)), d = 0.797884561f * (1 + 3 * 0.044715f * x * x);\n"
	"	return dy * 0.5f * (1 + t + x * (1 - t * t) * d);\n"
	"}\n"
	"struct chain_args {\n"
	"	const void *in[%d];\n"
	"	void *out[%d];\n"
	"	long long n, dim[%d], stride[%d][%d];\n"
	"};\n";

static const struct expression *find_expression(const char *op)
{
	for (size_t i = 0; i < ARRAY_SIZE(expressions); i++)
		if (!strcmp(expressions[i].op, op))
			return &expressions[i];
	return NULL;
}

/* ---- types ---- */

/* How elements of a type are held, NULL: not at all; and their name in memory. */
static const struct {
	enum dtype dtype;
	const char *held, *stored, *load, *store;
} types[] = {
	{ DT_F32, "float", "float", "", "" },
	{ DT_F16, "float", "u16", "from_f16", "to_f16" },
	{ DT_BF16, "float", "u16", "from_bf16", "to_bf16" },
	{ DT_BOOL, "unsigned char", "unsigned char", "", "" },
	{ DT_U8, "unsigned char", "unsigned char", "", "" },
	{ DT_I8, "signed char", "signed char", "", "" },
	{ DT_I32, "int", "int", "", "" },
	{ DT_I64, "long long", "long long", "", "" },
};

static int type_of(enum dtype dtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].dtype == dtype)
			return (int)i;
	return -1;
}

static bool is_float(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static enum dtype type_in(const struct op_call *call, uint32_t k)
{
	return k < call->n_in ? call->in[k].t.dtype : DT_NONE;
}

static bool types_fit(const struct expression *e, const struct op_call *call)
{
	enum dtype out = call->out[0].t.dtype, first = type_in(call, 0);
	uint32_t from = e->takes == TAKES_CHOICE ? 1 : 0;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (type_in(call, k) && (type_of(type_in(call, k)) < 0 ||
					 (k > from && type_in(call, k) != type_in(call, from))))
			return false;
	switch (e->takes) {
	case TAKES_FLOATS:
		return is_float(first) && out == first;
	case TAKES_NUMBERS:
		return first != DT_BOOL && out == DT_BOOL;
	case TAKES_BOOLS:
		return first == DT_BOOL && out == DT_BOOL;
	case TAKES_CHOICE:
		return first == DT_BOOL && type_of(out) >= 0 && out == type_in(call, 1);
	case TAKES_CAST:
		return is_float(out) || out == first;
	}
	return false;
}

bool chain_expression(const struct op_call *call, bool *costly)
{
	const struct expression *e = find_expression(call->def->name);
	if (!e || call->n_out != 1 || call->n_in > (uint32_t)e->inputs || !call->out[0].t.dtype)
		return false;
	for (uint32_t k = 0; k < (uint32_t)e->inputs; k++)
		if (!type_in(call, k) && !e->absent[k])
			return false;
	if (costly)
		*costly = e->costly;
	return types_fit(e, call);
}

/* ---- printing ---- */

struct printer {
	FILE *out;
	struct chain_args *args;
	struct loop loop; /* operand 0 is the outputs */
	int inputs;
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
	else if (is_float(v->t.dtype))
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
	const struct expression *e = find_expression(call->def->name);
	enum dtype dtype = call->out[0].t.dtype;
	bool alt = e->attr && !strcmp(node_string(call->node, e->attr), e->value);
	fprintf(out, "\t\t%s %s = ", types[type_of(dtype)].held, name);
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
		else if (type_in(call, (uint32_t)(*p - '0')))
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
	int t = type_of(dtype);
	const struct loop *l = &p->loop;
	const int64_t *stride = l->stride[k + 1], *own = l->stride[0];
	bool direct = true, fixed = true;
	for (int i = 0; i < l->rank; i++) {
		direct &= stride[i] == own[i];
		fixed &= stride[i] == 0;
		p->args->stride[k][i] = stride[i];
	}
	fprintf(p->out, "\t\t%s x%d = %s(((const %s *)a.in[%d])[", types[t].held, k, types[t].load,
		types[t].stored, k);
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

/* Opens the kernel; the loop holds the outputs and all inputs. */
static void print_start(struct printer *p, const struct op_call *call)
{
	struct loop *l = &p->loop;
	loop_order(l, 0);
	loop_merge(l, 1);
	p->args->n = loop_size(l, 0, l->rank);
	for (int i = 0; i < l->rank; i++)
		p->args->dim[i] = l->dim[i];
	fprintf(p->out, prelude, FUSED_INPUTS, FUSED_OUTPUTS, SHAPE_MAX_RANK, FUSED_INPUTS,
		SHAPE_MAX_RANK);
	fprintf(p->out,
		"extern \"C\" __global__ void k(struct chain_args a)\n{\n"
		"\tfor (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < a.n;\n"
		"\t     i += (long long)gridDim.x * blockDim.x) {\n"
		"\t\tlong long rest = i;\n");
	for (int i = l->rank - 1; i > 0; i--)
		fprintf(p->out, "\t\tlong long i%d = rest %% a.dim[%d]; rest /= a.dim[%d];\n", i, i,
			i);
	fprintf(p->out, "\t\tlong long i0 = rest;\n\t\t(void)i0;\n");
	for (int k = 0; k < p->inputs; k++)
		if (call->in[k].t.dtype)
			print_input(p, k, call->in[k].t.dtype);
}

static void print_output(struct printer *p, uint32_t k, const char *name, enum dtype dtype)
{
	int t = type_of(dtype);
	fprintf(p->out, "\t\t((%s *)a.out[%u])[i] = %s(%s);\n", types[t].stored, k, types[t].store,
		name);
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

static bool text_of_call(struct printer *p, const struct op_call *call)
{
	if (!chain_expression(call, NULL))
		return false;
	bool transposed = !strcmp(call->def->name, "Transpose");
	for (uint32_t k = 0; k < call->n_in; k++)
		if (transposed)
			add_transposed(p, call);
		else if (call->in[k].t.dtype)
			add_input(p, &call->in[k]);
		else
			loop_add(&p->loop, &SHAPE_SCALAR, LAYOUT_PLAIN), p->inputs++;
	print_start(p, call);
	print_node(p->out, call, "y", call_input, NULL);
	print_output(p, 0, "y", call->out[0].t.dtype);
	return true;
}

/* ---- a body ---- */

static const struct graph *body_of(const struct op_call *call)
{
	return node_attr(call->node, "_body")->graph;
}

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

static bool text_of_body(struct printer *p, const struct op_call *call, struct arena *arena)
{
	const struct graph *body = body_of(call);
	name_text *names = arena_alloc(arena, body->values.n * sizeof *names);
	if (call->n_in > FUSED_INPUTS || call->n_out > FUSED_OUTPUTS)
		return false;
	for (uint32_t k = 0; k < call->n_in; k++) {
		add_input(p, &call->in[k]);
		snprintf(names[body->inputs.v[k]], NAME, "x%u", k);
		if (type_of(call->in[k].t.dtype) < 0)
			return false;
	}
	print_start(p, call);
	for (uint32_t i = 0; i < body->order.n; i++) {
		const struct node *node = graph_node(body, body->order.v[i]);
		struct op_call inner = op_call_of(body, node, arena);
		struct body_node ctx = { body, node, names };
		if (!chain_expression(&inner, NULL))
			return false;
		snprintf(names[node->out[0]], NAME, "v%u", node->out[0]);
		print_node(p->out, &inner, names[node->out[0]], body_input, &ctx);
	}
	for (uint32_t k = 0; k < call->n_out; k++)
		print_output(p, k, names[body->outputs.v[k]], call->out[k].t.dtype);
	return true;
}

/* ---- both ---- */

bool chain_text_make(const struct op_call *call, struct arena *arena, struct chain_text *out,
		     const char **why)
{
	bool fused = !strcmp(call->def->name, "Fused"), done;
	const struct op_operand *y = &call->out[0];
	char *text = NULL;
	size_t size;
	*why = "no expression for these types";
	if (!fused && !chain_expression(call, NULL))
		return false;
	*why = "for plain layouts";
	if (!strcmp(call->def->name, "Transpose") &&
	    (call->in[0].layout != LAYOUT_PLAIN || y->layout != LAYOUT_PLAIN))
		return false;
	*why = "outputs differ in layout";
	for (uint32_t k = 1; k < call->n_out; k++)
		if (call->out[k].layout != y->layout ||
		    !shape_equal(&call->out[k].t.shape, &y->t.shape))
			return false;
	out->args = (struct chain_args){ 0 };
	struct printer p = { .args = &out->args, .loop = loop_start(&y->t.shape) };
	p.out = open_memstream(&text, &size);
	if (!p.out)
		return false;
	loop_add(&p.loop, &y->t.shape, y->layout);
	done = fused ? text_of_body(&p, call, arena) : text_of_call(&p, call);
	fprintf(p.out, "\t}\n}\n");
	fclose(p.out);
	out->text = arena_strdup(arena, text);
	free(text);
	*why = "an operator of the body has no expression";
	return done;
}

void chain_propose(const struct op_call *call, enum layout *in, enum layout *out)
{
	/* what is updated in place lies plain, and so does what is transposed */
	if (!op_output(call->def, 0)->alias && strcmp(call->def->name, "Transpose") != 0)
		propose_common(call, in, out);
}
