/*
 * chain_expression.c - the operators that chains are made of, each one expression of CUDA C (see
 * chain_expression.h). Half types are float inside.
 */
#include "backend/cuda/chain_expression.h"

#include <string.h>

/* ---- the operators ---- */

#define EXPRESSION(op_, takes_, inputs_, costly_, ...)                                             \
	{                                                                                          \
		.op = op_, .takes = takes_, .inputs = inputs_, .costly = costly_,                  \
		.text = __VA_ARGS__                                                                \
	}

static const struct chain_expression expressions[] = {
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

const char chain_prelude[] =
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
	"	double *sums;\n"
	"	long long kept, summed, part, parts, width;\n"
	"};\n";

const struct chain_expression *chain_find(const char *op)
{
	for (size_t i = 0; i < ARRAY_SIZE(expressions); i++)
		if (!strcmp(expressions[i].op, op))
			return &expressions[i];
	return NULL;
}

/* ---- types ---- */

const struct chain_type chain_types[] = {
	{ DT_F32, "float", "float", "", "" },
	{ DT_F16, "float", "u16", "from_f16", "to_f16" },
	{ DT_BF16, "float", "u16", "from_bf16", "to_bf16" },
	{ DT_BOOL, "unsigned char", "unsigned char", "", "" },
	{ DT_U8, "unsigned char", "unsigned char", "", "" },
	{ DT_I8, "signed char", "signed char", "", "" },
	{ DT_I32, "int", "int", "", "" },
	{ DT_I64, "long long", "long long", "", "" },
};

int chain_type_of(enum dtype dtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(chain_types); i++)
		if (chain_types[i].dtype == dtype)
			return (int)i;
	return -1;
}

bool chain_is_float(enum dtype dtype)
{
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static bool types_fit(const struct chain_expression *e, const struct op_call *call)
{
	enum dtype out = call->out[0].t.dtype, first = chain_type_in(call, 0);
	uint32_t from = e->takes == TAKES_CHOICE ? 1 : 0;
	for (uint32_t k = 0; k < call->n_in; k++)
		if (chain_type_in(call, k) &&
		    (chain_type_of(chain_type_in(call, k)) < 0 ||
		     (k > from && chain_type_in(call, k) != chain_type_in(call, from))))
			return false;
	switch (e->takes) {
	case TAKES_FLOATS:
		return chain_is_float(first) && out == first;
	case TAKES_NUMBERS:
		return first != DT_BOOL && out == DT_BOOL;
	case TAKES_BOOLS:
		return first == DT_BOOL && out == DT_BOOL;
	case TAKES_CHOICE:
		return first == DT_BOOL && chain_type_of(out) >= 0 && out == chain_type_in(call, 1);
	case TAKES_CAST:
		return chain_is_float(out) || out == first;
	}
	return false;
}

bool chain_has_expression(const struct op_call *call, bool *costly)
{
	const struct chain_expression *e = chain_find(call->def->name);
	if (!e || call->n_out != 1 || call->n_in > (uint32_t)e->inputs || !call->out[0].t.dtype)
		return false;
	for (uint32_t k = 0; k < (uint32_t)e->inputs; k++)
		if (!chain_type_in(call, k) && !e->absent[k])
			return false;
	if (costly)
		*costly = e->costly;
	return types_fit(e, call);
}
