/*
 * pointwise_table.c - the pointwise operators as loops of one expression each, their rows for the
 * driver (pointwise.h) and their kernels. The formulas, and what happens to NaNs and at kinks, are
 * those of src/ops.
 */
#include "backend/cpu/pointwise.h"
#include "backend/cpu/vector_math.h"

/* ---- loops: the elements are a, b, c; p and q the numbers that the row chose ---- */
/* clang-format off */

#define LOOP(name, R, ...)                                                                         \
	SIMD static void name(void *y_, const void *const *x_, int64_t n, const float *p_)         \
	{                                                                                          \
		R *y = y_;                                                                         \
		float p = p_[0], q = p_[1];                                                        \
		(void)p, (void)q;                                                                  \
		__VA_ARGS__                                                                        \
	}
#define INPUT(T, name, k) const T *name##_ = x_[k];
#define EACH SIMD_LOOP for (int64_t i = 0; i < n; i++)

#define LOOP_1(name, T, R, expression)                                                             \
	LOOP(name, R, INPUT(T, a, 0) EACH {                                                        \
		T a = a_[i];                                                                       \
		y[i] = (expression);                                                               \
	})
#define LOOP_2(name, T, R, expression)                                                             \
	LOOP(name, R, INPUT(T, a, 0) INPUT(T, b, 1) EACH {                                         \
		T a = a_[i], b = b_[i];                                                            \
		y[i] = (expression);                                                               \
	})
#define LOOP_3(name, T, R, expression)                                                             \
	LOOP(name, R, INPUT(T, a, 0) INPUT(T, b, 1) INPUT(T, c, 2) EACH {                          \
		T a = a_[i], b = b_[i], c = c_[i];                                                 \
		y[i] = (expression);                                                               \
	})
#define UNARY(name, expression) LOOP_1(name, float, float, expression)
#define BINARY(name, expression) LOOP_2(name, float, float, expression)
#define TERNARY(name, expression) LOOP_3(name, float, float, expression)
#define COMPARE(name, expression) LOOP_2(name, float, uint8_t, expression)
#define LOGIC(name, expression) LOOP_2(name, uint8_t, uint8_t, expression)

UNARY(neg, -a)
UNARY(absolute, fabsf(a))
UNARY(sign, a > 0 ? 1 : a < 0 ? -1 : a)
UNARY(square_root, sqrtf(a))
UNARY(reciprocal, 1 / a)
UNARY(floor_, floorf(a))
UNARY(ceil_, ceilf(a))
UNARY(round_, rintf(a))
UNARY(exp_, vm_exp(a))
UNARY(log_, vm_log(a))
UNARY(sin_, sinf(a))
UNARY(cos_, cosf(a))
UNARY(erf_, vm_erf(a))
UNARY(tanh_, vm_tanh(a))
UNARY(sigmoid, vm_sigmoid(a))
UNARY(softplus, vm_softplus(a))
UNARY(relu, a < 0 ? 0 : a)
UNARY(leaky_relu, a < 0 ? p * a : a)
UNARY(elu, a < 0 ? p * vm_expm1(a) : a)

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, a * b)
BINARY(divide, a / b)
BINARY(max, a < b || b != b ? b : a)
BINARY(min, b < a || b != b ? b : a)
BINARY(prelu, a < 0 ? b * a : a)

/* gradients: a is dy, b the input or the output, as in src/ops */
BINARY(relu_grad, b <= 0 ? 0 : a)
BINARY(leaky_relu_grad, b > 0 ? a : p * a)
BINARY(elu_grad, b > 0 ? a : a * p * vm_exp(b))
BINARY(hard_sigmoid_grad, b <= 0 || b >= 1 ? 0 : p * a)
BINARY(sigmoid_grad, a * b * (1 - b))
BINARY(tanh_grad, a * (1 - b * b))
BINARY(softplus_grad, a * vm_sigmoid(b))
BINARY(erf_grad, a * 1.12837917f * vm_exp(-b * b))
TERNARY(prelu_grad, b > 0 ? a : c * a)
TERNARY(max_grad, b < c ? 0 : b == c ? a / 2 : a)
TERNARY(min_grad, b > c ? 0 : b == c ? a / 2 : a)

SIMD_INLINE float at_least(float x, float low)
{
	return x < low ? low : x;
}

SIMD_INLINE float at_most(float x, float high)
{
	return x > high ? high : x;
}

UNARY(hard_sigmoid, at_most(at_least(p * a + q, 0), 1))
TERNARY(clip, at_most(at_least(a, b), c))
LOOP(clip_grad, float,
     INPUT(float, a, 0) INPUT(float, b, 1) INPUT(float, c, 2) INPUT(float, d, 3) EACH {
	     y[i] = b_[i] <= c_[i] || b_[i] >= d_[i] ? 0 : a_[i];
     })

SIMD_INLINE float gelu_of(float x)
{
	float density;
	return x * vm_normal(x, &density);
}

SIMD_INLINE float gelu_grad_of(float dy, float x)
{
	float density, normal = vm_normal(x, &density);
	return dy * (normal + x * 0.398942280f * density);
}

/* sqrt(2 / pi) (x + 0.044715 x^3) */
SIMD_INLINE float gelu_inner(float x)
{
	return 0.797884561f * (x + 0.044715f * x * x * x);
}

SIMD_INLINE float gelu_tanh_grad_of(float dy, float x)
{
	float t = vm_tanh(gelu_inner(x));
	float inner_grad = 0.797884561f * (1 + 3 * 0.044715f * x * x);
	return dy * 0.5f * (1 + t + x * (1 - t * t) * inner_grad);
}

UNARY(gelu, gelu_of(a))
UNARY(gelu_tanh, a * 0.5f * (1 + vm_tanh(gelu_inner(a))))
BINARY(gelu_grad, gelu_grad_of(a, b))
BINARY(gelu_tanh_grad, gelu_tanh_grad_of(a, b))

UNARY(power_1, a)
UNARY(power_2, a * a)
UNARY(power_3, a * a * a)
UNARY(power_minus_1, 1 / a)
UNARY(power_minus_2, 1 / (a * a))
UNARY(power_constant, powf(a, p))
BINARY(power, powf(a, b))

COMPARE(equal, a == b)
COMPARE(less, a < b)
COMPARE(less_or_equal, a <= b)
COMPARE(greater, a > b)
COMPARE(greater_or_equal, a >= b)
LOGIC(and_, (a != 0) & (b != 0))
LOGIC(or_, (a | b) != 0)
LOGIC(xor_, (a != 0) != (b != 0))
LOOP_1(not_, uint8_t, uint8_t, a == 0)

#define SELECT(bits)                                                                               \
	LOOP(select_##bits, uint##bits##_t,                                                        \
	     INPUT(uint8_t, a, 0) INPUT(uint##bits##_t, b, 1) INPUT(uint##bits##_t, c, 2) EACH {   \
		     y[i] = a_[i] ? b_[i] : c_[i];                                                 \
	     })
SELECT(8)
SELECT(16)
SELECT(32)
SELECT(64)

/* clang-format on */

pointwise_loop *const pointwise_copy = power_1;

/* ---- choices ---- */

static void alpha_beta(const struct op_call *call, struct pointwise_choice *choice)
{
	const struct attr *alpha = node_attr(call->node, "alpha");
	const struct attr *beta = node_attr(call->node, "beta");
	choice->p[0] = alpha ? alpha->f : 0;
	choice->p[1] = beta ? beta->f : 0;
}

static void choose_gelu(const struct op_call *call, struct pointwise_choice *choice)
{
	if (!strcmp(node_string(call->node, "approximate"), "tanh"))
		choice->loop = choice->inputs == 1 ? gelu_tanh : gelu_tanh_grad;
}

static void choose_select(const struct op_call *call, struct pointwise_choice *choice)
{
	unsigned bits = dtype_bits(call->out[0].t.dtype);
	choice->loop = bits == 8    ? select_8
		       : bits == 16 ? select_16
		       : bits == 32 ? select_32
				    : select_64;
}

/* One of a variadic input is a copy. */
static void choose_extreme(const struct op_call *call, struct pointwise_choice *choice)
{
	if (call->n_in == 1) {
		choice->loop = power_1;
		choice->inputs = 1;
	}
}

/* A known exponent may be of any type. */
static void choose_power(const struct op_call *call, struct pointwise_choice *choice)
{
	static const struct {
		float exponent;
		pointwise_loop *loop;
	} known[] = {
		{ 1, power_1 },        { 2, power_2 },        { 3, power_3 },
		{ -1, power_minus_1 }, { -2, power_minus_2 },
	};
	const struct tensor *e = &call->in[1].t;
	if (!e->data || shape_elements(&e->shape) != 1 || e->shape.rank > call->in[0].t.shape.rank)
		return;
	choice->loop = power_constant;
	choice->inputs = 1;
	choice->p[0] = (float)tensor_get(e, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (choice->p[0] == known[i].exponent)
			choice->loop = known[i].loop;
}

/* ---- the table ---- */

#define F POINTWISE_FLOAT
#define C POINTWISE_COMPARE
#define L POINTWISE_LOGIC
#define COSTLY POINTWISE_COSTLY
#define EXACT POINTWISE_EXACT

const struct pointwise_op pointwise_table[] = {
	{ "Neg", F, 1, EXACT, neg, NULL, { 0 } },
	{ "Abs", F, 1, EXACT, absolute, NULL, { 0 } },
	{ "Sign", F, 1, EXACT, sign, NULL, { 0 } },
	{ "Sqrt", F, 1, 0, square_root, NULL, { 0 } },
	{ "Reciprocal", F, 1, 0, reciprocal, NULL, { 0 } },
	{ "Floor", F, 1, EXACT, floor_, NULL, { 0 } },
	{ "Ceil", F, 1, EXACT, ceil_, NULL, { 0 } },
	{ "Round", F, 1, EXACT, round_, NULL, { 0 } },
	{ "Exp", F, 1, COSTLY, exp_, NULL, { 0 } },
	{ "Log", F, 1, COSTLY, log_, NULL, { 0 } },
	{ "Sin", F, 1, COSTLY, sin_, NULL, { 0 } },
	{ "Cos", F, 1, COSTLY, cos_, NULL, { 0 } },
	{ "Erf", F, 1, COSTLY, erf_, NULL, { 0 } },
	{ "ErfGrad", F, 2, COSTLY, erf_grad, NULL, { 0 } },
	{ "Tanh", F, 1, COSTLY, tanh_, NULL, { 0 } },
	{ "TanhGrad", F, 2, 0, tanh_grad, NULL, { 0 } },
	{ "Sigmoid", F, 1, COSTLY, sigmoid, NULL, { 0 } },
	{ "SigmoidGrad", F, 2, 0, sigmoid_grad, NULL, { 0 } },
	{ "Softplus", F, 1, COSTLY, softplus, NULL, { 0 } },
	{ "SoftplusGrad", F, 2, COSTLY, softplus_grad, NULL, { 0 } },
	{ "Gelu", F, 1, COSTLY, gelu, choose_gelu, { 0 } },
	{ "GeluGrad", F, 2, COSTLY, gelu_grad, choose_gelu, { 0 } },
	{ "Relu", F, 1, EXACT, relu, NULL, { 0 } },
	{ "ReluGrad", F, 2, EXACT, relu_grad, NULL, { 0 } },
	{ "LeakyRelu", F, 1, 0, leaky_relu, alpha_beta, { 0 } },
	{ "LeakyReluGrad", F, 2, 0, leaky_relu_grad, alpha_beta, { 0 } },
	{ "Elu", F, 1, COSTLY, elu, alpha_beta, { 0 } },
	{ "EluGrad", F, 2, COSTLY, elu_grad, alpha_beta, { 0 } },
	{ "HardSigmoid", F, 1, 0, hard_sigmoid, alpha_beta, { 0 } },
	{ "HardSigmoidGrad", F, 2, 0, hard_sigmoid_grad, alpha_beta, { 0 } },
	{ "PRelu", F, 2, 0, prelu, NULL, { 0 } },
	{ "PReluGrad", F, 3, 0, prelu_grad, NULL, { 0 } },
	{ "Add", F, 2, 0, add, NULL, { 0 } },
	{ "Sub", F, 2, 0, subtract, NULL, { 0 } },
	{ "Mul", F, 2, 0, multiply, NULL, { 0 } },
	{ "Div", F, 2, 0, divide, NULL, { 0 } },
	{ "Pow", F, 2, COSTLY, power, choose_power, { 0 } },
	{ "Max", F, 2, EXACT, max, choose_extreme, { 0 } },
	{ "Min", F, 2, EXACT, min, choose_extreme, { 0 } },
	{ "MaxGrad", F, 3, 0, max_grad, NULL, { 0 } },
	{ "MinGrad", F, 3, 0, min_grad, NULL, { 0 } },
	{ "Clip", F, 3, EXACT, clip, NULL, { 0, -INFINITY, INFINITY } },
	{ "ClipGrad", F, 4, EXACT, clip_grad, NULL, { 0, 0, -INFINITY, INFINITY } },
	{ "Equal", C, 2, 0, equal, NULL, { 0 } },
	{ "Less", C, 2, 0, less, NULL, { 0 } },
	{ "LessOrEqual", C, 2, 0, less_or_equal, NULL, { 0 } },
	{ "Greater", C, 2, 0, greater, NULL, { 0 } },
	{ "GreaterOrEqual", C, 2, 0, greater_or_equal, NULL, { 0 } },
	{ "And", L, 2, 0, and_, NULL, { 0 } },
	{ "Or", L, 2, 0, or_, NULL, { 0 } },
	{ "Xor", L, 2, 0, xor_, NULL, { 0 } },
	{ "Not", L, 1, 0, not_, NULL, { 0 } },
	{ "Where", POINTWISE_SELECT, 3, EXACT, NULL, choose_select, { 0 } },
	{ 0 },
};

#undef F
#undef C
#undef L
#undef COSTLY
#undef EXACT

/* ---- kernels ---- */

const struct kernel kernel_neg = POINTWISE("Neg");
const struct kernel kernel_abs = POINTWISE("Abs");
const struct kernel kernel_sign = POINTWISE("Sign");
const struct kernel kernel_sqrt = POINTWISE("Sqrt");
const struct kernel kernel_reciprocal = POINTWISE("Reciprocal");
const struct kernel kernel_floor = POINTWISE("Floor");
const struct kernel kernel_ceil = POINTWISE("Ceil");
const struct kernel kernel_round = POINTWISE("Round");
const struct kernel kernel_exp = POINTWISE("Exp");
const struct kernel kernel_log = POINTWISE("Log");
const struct kernel kernel_sin = POINTWISE("Sin");
const struct kernel kernel_cos = POINTWISE("Cos");
const struct kernel kernel_erf = POINTWISE("Erf");
const struct kernel kernel_erf_grad = POINTWISE("ErfGrad");
const struct kernel kernel_tanh = POINTWISE("Tanh");
const struct kernel kernel_tanh_grad = POINTWISE("TanhGrad");
const struct kernel kernel_sigmoid = POINTWISE("Sigmoid");
const struct kernel kernel_sigmoid_grad = POINTWISE("SigmoidGrad");
const struct kernel kernel_softplus = POINTWISE("Softplus");
const struct kernel kernel_softplus_grad = POINTWISE("SoftplusGrad");
const struct kernel kernel_gelu = POINTWISE("Gelu");
const struct kernel kernel_gelu_grad = POINTWISE("GeluGrad");
const struct kernel kernel_relu = POINTWISE("Relu");
const struct kernel kernel_relu_grad = POINTWISE("ReluGrad");
const struct kernel kernel_leaky_relu = POINTWISE("LeakyRelu");
const struct kernel kernel_leaky_relu_grad = POINTWISE("LeakyReluGrad");
const struct kernel kernel_elu = POINTWISE("Elu");
const struct kernel kernel_elu_grad = POINTWISE("EluGrad");
const struct kernel kernel_hard_sigmoid = POINTWISE("HardSigmoid");
const struct kernel kernel_hard_sigmoid_grad = POINTWISE("HardSigmoidGrad");
const struct kernel kernel_prelu = POINTWISE("PRelu");
const struct kernel kernel_prelu_grad = POINTWISE("PReluGrad");
const struct kernel kernel_add = POINTWISE("Add");
const struct kernel kernel_sub = POINTWISE("Sub");
const struct kernel kernel_mul = POINTWISE("Mul");
const struct kernel kernel_div = POINTWISE("Div");
const struct kernel kernel_pow = POINTWISE("Pow");
const struct kernel kernel_max = POINTWISE("Max");
const struct kernel kernel_min = POINTWISE("Min");
const struct kernel kernel_max_grad = POINTWISE("MaxGrad");
const struct kernel kernel_min_grad = POINTWISE("MinGrad");
const struct kernel kernel_clip = POINTWISE("Clip");
const struct kernel kernel_clip_grad = POINTWISE("ClipGrad");
const struct kernel kernel_equal = POINTWISE("Equal");
const struct kernel kernel_less = POINTWISE("Less");
const struct kernel kernel_less_or_equal = POINTWISE("LessOrEqual");
const struct kernel kernel_greater = POINTWISE("Greater");
const struct kernel kernel_greater_or_equal = POINTWISE("GreaterOrEqual");
const struct kernel kernel_and = POINTWISE("And");
const struct kernel kernel_or = POINTWISE("Or");
const struct kernel kernel_xor = POINTWISE("Xor");
const struct kernel kernel_not = POINTWISE("Not");
const struct kernel kernel_where = POINTWISE("Where");
