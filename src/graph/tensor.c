/* tensor.c - element types, shapes and host tensors (see tensor.h). */
#include "graph/tensor.h"

#include "base/half.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned bits;
	char kind; /* 'f' float, 'i' signed, 'u' unsigned, 'b' bool, 'c' complex, 's' string */
	/* 8-bit and smaller floats: exponent and mantissa bits, bias */
	unsigned char exponent, mantissa, bias;
} dtypes[DT_COUNT] = {
	[DT_F32] = { "float32", 32, 'f', 0, 0, 0 },
	[DT_U8] = { "uint8", 8, 'u', 0, 0, 0 },
	[DT_I8] = { "int8", 8, 'i', 0, 0, 0 },
	[DT_U16] = { "uint16", 16, 'u', 0, 0, 0 },
	[DT_I16] = { "int16", 16, 'i', 0, 0, 0 },
	[DT_I32] = { "int32", 32, 'i', 0, 0, 0 },
	[DT_I64] = { "int64", 64, 'i', 0, 0, 0 },
	[DT_STRING] = { "string", 8 * sizeof(struct string), 's', 0, 0, 0 },
	[DT_BOOL] = { "bool", 8, 'b', 0, 0, 0 },
	[DT_F16] = { "float16", 16, 'f', 0, 0, 0 },
	[DT_F64] = { "float64", 64, 'f', 0, 0, 0 },
	[DT_U32] = { "uint32", 32, 'u', 0, 0, 0 },
	[DT_U64] = { "uint64", 64, 'u', 0, 0, 0 },
	[DT_C64] = { "complex64", 64, 'c', 0, 0, 0 },
	[DT_C128] = { "complex128", 128, 'c', 0, 0, 0 },
	[DT_BF16] = { "bfloat16", 16, 'f', 0, 0, 0 },
	[DT_F8E4M3FN] = { "float8e4m3fn", 8, 'f', 4, 3, 7 },
	[DT_F8E4M3FNUZ] = { "float8e4m3fnuz", 8, 'f', 4, 3, 8 },
	[DT_F8E5M2] = { "float8e5m2", 8, 'f', 5, 2, 15 },
	[DT_F8E5M2FNUZ] = { "float8e5m2fnuz", 8, 'f', 5, 2, 16 },
	[DT_U4] = { "uint4", 4, 'u', 0, 0, 0 },
	[DT_I4] = { "int4", 4, 'i', 0, 0, 0 },
	[DT_F4E2M1] = { "float4e2m1", 4, 'f', 2, 1, 1 },
	[DT_F8E8M0] = { "float8e8m0", 8, 'f', 8, 0, 127 },
	[DT_U2] = { "uint2", 2, 'u', 0, 0, 0 },
	[DT_I2] = { "int2", 2, 'i', 0, 0, 0 },
	[DT_F6E2M3] = { "float6e2m3", 6, 'f', 2, 3, 1 },
	[DT_F6E3M2] = { "float6e3m2", 6, 'f', 3, 2, 3 },
};

static bool known(enum dtype dtype)
{
	return (unsigned)dtype < DT_COUNT && dtypes[dtype].name;
}

const char *dtype_name(enum dtype dtype)
{
	return known(dtype) ? dtypes[dtype].name : "unknown";
}

unsigned dtype_bits(enum dtype dtype)
{
	return known(dtype) ? dtypes[dtype].bits : 0;
}

bool dtype_is_float(enum dtype dtype)
{
	return known(dtype) && dtypes[dtype].kind == 'f';
}

bool dtype_is_trainable(enum dtype dtype)
{
	return dtype_is_float(dtype) && dtypes[dtype].bits >= 16;
}

bool dtype_is_integer(enum dtype dtype)
{
	return known(dtype) && (dtypes[dtype].kind == 'i' || dtypes[dtype].kind == 'u');
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

int64_t shape_elements(const struct shape *shape)
{
	int64_t n = 1;
	for (int i = 0; i < shape->rank; i++)
		n *= shape->dim[i];
	return n;
}

void shape_strides(const struct shape *shape, int64_t strides[SHAPE_MAX_RANK])
{
	int64_t n = 1;
	for (int i = shape->rank - 1; i >= 0; i--) {
		strides[i] = n;
		n *= shape->dim[i];
	}
}

bool shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out)
{
	struct shape r = { .rank = a->rank > b->rank ? a->rank : b->rank };
	for (int i = 0; i < r.rank; i++) {
		int ia = a->rank - r.rank + i, ib = b->rank - r.rank + i;
		int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
		if (da != db && da != 1 && db != 1)
			return false;
		r.dim[i] = da == 1 ? db : da;
	}
	*out = r;
	return true;
}

void shape_broadcast_strides(const struct shape *shape, const struct shape *out,
			     int64_t strides[SHAPE_MAX_RANK])
{
	int64_t own[SHAPE_MAX_RANK];
	shape_strides(shape, own);
	for (int i = 0; i < out->rank; i++) {
		int k = shape->rank - out->rank + i;
		strides[i] = k < 0 || shape->dim[k] == 1 ? 0 : own[k];
	}
}

bool shape_axis(const struct shape *shape, int64_t axis, int *out)
{
	if (axis < -shape->rank || axis >= shape->rank)
		return false;
	*out = (int)(axis < 0 ? axis + shape->rank : axis);
	return true;
}

const char *shape_format(const struct shape *shape, char text[SHAPE_TEXT])
{
	size_t n = 0;
	if (!shape->rank)
		return snprintf(text, SHAPE_TEXT, "scalar"), text;
	for (int i = 0; i < shape->rank && n < SHAPE_TEXT - 24; i++) {
		const char *x = i ? "x" : "";
		if (shape->dim[i] < 0)
			n += (size_t)snprintf(text + n, SHAPE_TEXT - n, "%s?", x);
		else
			n += (size_t)snprintf(text + n, SHAPE_TEXT - n, "%s%lld", x,
					      (long long)shape->dim[i]);
	}
	return text;
}

enum status tensor_size(enum dtype dtype, const struct shape *shape, size_t *out, struct error *err)
{
	int64_t bits = dtype_bits(dtype);
	if (!bits)
		return fail(err, ERR_INPUT, "element type %d is not known", (int)dtype);
	bool zero = false;
	for (int i = 0; i < shape->rank; i++) {
		if (shape->dim[i] < 0)
			return fail(err, ERR_INPUT, "dimension %d is %lld", i,
				    (long long)shape->dim[i]);
		zero |= shape->dim[i] == 0;
	}
	/* Also where a dim is 0: products of some of the dims are computed elsewhere. */
	int64_t n = bits;
	for (int i = 0; i < shape->rank; i++)
		if (shape->dim[i] &&
		    (__builtin_mul_overflow(n, shape->dim[i], &n) || n >= (INT64_C(1) << 62))) {
			char text[SHAPE_TEXT];
			return fail(err, ERR_INPUT, "shape %s is too large",
				    shape_format(shape, text));
		}
	*out = zero ? 0 : (size_t)(n + 7) / 8;
	return OK;
}

size_t tensor_bytes(const struct tensor *t)
{
	return ((size_t)shape_elements(&t->shape) * dtype_bits(t->dtype) + 7) / 8;
}

struct tensor tensor_new(struct arena *arena, enum dtype dtype, const struct shape *shape)
{
	struct tensor t = { dtype, *shape, NULL };
	t.data = arena_alloc(arena, tensor_bytes(&t));
	return t;
}

#define LOAD(type)                                                                                 \
	({                                                                                         \
		type v_;                                                                           \
		memcpy(&v_, (const char *)t->data + (size_t)i * sizeof(type), sizeof(type));       \
		v_;                                                                                \
	})

#define STORE(type, x)                                                                             \
	do {                                                                                       \
		type v_ = (type)(x);                                                               \
		memcpy((char *)t->data + (size_t)i * sizeof(type), &v_, sizeof(type));             \
	} while (0)

/*
 * The bits of a sub-byte element: a stream, low bits first (ONNX TensorProto). A 6-bit element may
 * lie across two bytes.
 */
static unsigned load_bits(const struct tensor *t, int64_t i, unsigned bits)
{
	size_t at = (size_t)i * bits;
	unsigned shift = at % 8;
	const uint8_t *p = (const uint8_t *)t->data + at / 8;
	unsigned v = p[0] >> shift;
	if (shift + bits > 8)
		v |= (unsigned)p[1] << (8 - shift);
	return v & ((1u << bits) - 1);
}

static void store_bits(struct tensor *t, int64_t i, unsigned bits, unsigned v)
{
	size_t at = (size_t)i * bits;
	unsigned shift = at % 8, mask = ((1u << bits) - 1) << shift;
	uint8_t *p = (uint8_t *)t->data + at / 8;
	v = v << shift & mask;
	p[0] = (uint8_t)((p[0] & ~mask) | v);
	if (mask >> 8)
		p[1] = (uint8_t)((p[1] & ~(mask >> 8)) | v >> 8);
}

/*
 * Small floats: sign, exponent, mantissa with a bias. Specials by type: e4m3fn has NaN at all
 * ones; the fnuz types have NaN at -0; e5m2 has infinities as IEEE; e8m0 is a power of two without
 * sign; the 4-bit and 6-bit types have none.
 */
static double small_float(enum dtype dtype, unsigned v)
{
	unsigned eb = dtypes[dtype].exponent, mb = dtypes[dtype].mantissa;
	int bias = dtypes[dtype].bias;
	if (dtype == DT_F8E8M0)
		return v == 255 ? NAN : ldexp(1, (int)v - bias);
	unsigned e = v >> mb & ((1u << eb) - 1), m = v & ((1u << mb) - 1);
	bool negative = v >> (eb + mb) & 1;
	if (dtype == DT_F8E4M3FN && (v & 127) == 127)
		return NAN;
	if ((dtype == DT_F8E4M3FNUZ || dtype == DT_F8E5M2FNUZ) && v == 128)
		return NAN;
	if (dtype == DT_F8E5M2 && e == 31)
		return m ? NAN : negative ? -INFINITY : INFINITY;
	double x = e ? ldexp(1 + ldexp(m, -(int)mb), (int)e - bias) : ldexp(m, 1 - bias - (int)mb);
	return negative ? -x : x;
}

/* Nearest even by search: the types have at most 256 values, and no speed is asked of them. */
static unsigned small_float_bits(enum dtype dtype, double x)
{
	unsigned n = 1u << dtypes[dtype].bits, best = 0;
	double error = INFINITY, largest = 0;
	if (isnan(x)) {
		for (unsigned v = 0; v < n; v++)
			if (isnan(small_float(dtype, v)))
				return v;
		return n / 2; /* no NaN: -0, as in ONNX's test data */
	}
	for (unsigned v = 0; v < n; v++) {
		double y = small_float(dtype, v);
		if (isfinite(y))
			largest = fmax(largest, y);
	}
	if (fabs(x) > largest)
		x = copysign(largest, x);
	for (unsigned v = 0; v < n; v++) {
		double y = small_float(dtype, v);
		if (isnan(y) || isinf(y) ||
		    (signbit(y) != signbit(x) && dtype != DT_F8E8M0 && y != 0))
			continue;
		double e = fabs(y - x);
		if (e < error || (e == error && !(v & 1) && signbit(y) == signbit(x)))
			error = e, best = v;
	}
	return best;
}

static float round_to_odd_float(double x)
{
	/* double -> float -> half rounds twice; keeping a sticky bit makes the second rounding
	 * see what the first dropped. */
	float f = (float)x;
	if ((double)f == x || isnan(x) || isinf(f))
		return f;
	uint32_t u;
	memcpy(&u, &f, 4);
	if (fabs((double)f) > fabs(x))
		u--; /* truncate towards zero */
	u |= 1;
	memcpy(&f, &u, 4);
	return f;
}

double tensor_get(const struct tensor *t, int64_t i)
{
	switch (t->dtype) {
	case DT_F32:
		return LOAD(float);
	case DT_F64:
		return LOAD(double);
	case DT_F16:
		return fp16_to_float(LOAD(uint16_t));
	case DT_BF16:
		return bf16_to_float(LOAD(uint16_t));
	case DT_U64:
		return (double)LOAD(uint64_t);
	case DT_C64: /* complex types are stored and copied, not computed with */
	case DT_C128:
	case DT_STRING:
		assert(!"no number");
		return NAN;
	case DT_F8E4M3FN:
	case DT_F8E4M3FNUZ:
	case DT_F8E5M2:
	case DT_F8E5M2FNUZ:
	case DT_F8E8M0:
		return small_float(t->dtype, LOAD(uint8_t));
	case DT_F4E2M1:
	case DT_F6E2M3:
	case DT_F6E3M2:
		return small_float(t->dtype, load_bits(t, i, dtype_bits(t->dtype)));
	default:
		return (double)tensor_get_int(t, i);
	}
}

/* Nearest integer in [low, high], NaN as 0. */
static int64_t clamp_round(double x, double low, double high)
{
	x = isnan(x) ? 0 : nearbyint(x);
	if (x <= low)
		return (int64_t)low;
	return x >= high ? (high >= 0x1p63 ? INT64_MAX : (int64_t)high) : (int64_t)x;
}

void tensor_set(struct tensor *t, int64_t i, double x)
{
	unsigned bits = dtype_bits(t->dtype);
	switch (t->dtype) {
	case DT_F32:
		STORE(float, x);
		break;
	case DT_F64:
		STORE(double, x);
		break;
	case DT_F16:
		STORE(uint16_t, float_to_fp16(round_to_odd_float(x)));
		break;
	case DT_BF16:
		STORE(uint16_t, float_to_bf16(round_to_odd_float(x)));
		break;
	case DT_BOOL:
		STORE(uint8_t, x != 0);
		break;
	case DT_U64:
		STORE(uint64_t, isnan(x) || x <= 0 ? 0
				: x >= 0x1p64      ? UINT64_MAX
						   : (uint64_t)nearbyint(x));
		break;
	case DT_F8E4M3FN:
	case DT_F8E4M3FNUZ:
	case DT_F8E5M2:
	case DT_F8E5M2FNUZ:
	case DT_F8E8M0:
		STORE(uint8_t, small_float_bits(t->dtype, x));
		break;
	case DT_F4E2M1:
	case DT_F6E2M3:
	case DT_F6E3M2:
		store_bits(t, i, bits, small_float_bits(t->dtype, x));
		break;
	default:
		assert(dtype_is_integer(t->dtype));
		if (dtypes[t->dtype].kind == 'u')
			tensor_set_int(t, i, clamp_round(x, 0, ldexp(1, (int)bits) - 1));
		else
			tensor_set_int(t, i,
				       clamp_round(x, -ldexp(1, (int)bits - 1),
						   ldexp(1, (int)bits - 1) - (bits < 64)));
	}
}

int64_t tensor_get_int(const struct tensor *t, int64_t i)
{
	switch (t->dtype) {
	case DT_U8:
	case DT_BOOL:
		return LOAD(uint8_t);
	case DT_I8:
		return LOAD(int8_t);
	case DT_U16:
		return LOAD(uint16_t);
	case DT_I16:
		return LOAD(int16_t);
	case DT_U32:
		return LOAD(uint32_t);
	case DT_I32:
		return LOAD(int32_t);
	case DT_U64:
	case DT_I64:
		return LOAD(int64_t);
	case DT_U4:
		return load_bits(t, i, 4);
	case DT_I4:
		return (int64_t)(load_bits(t, i, 4) ^ 8) - 8;
	case DT_U2:
		return load_bits(t, i, 2);
	case DT_I2:
		return (int64_t)(load_bits(t, i, 2) ^ 2) - 2;
	default:
		return (int64_t)tensor_get(t, i);
	}
}

void tensor_set_int(struct tensor *t, int64_t i, int64_t x)
{
	switch (t->dtype) {
	case DT_BOOL:
		STORE(uint8_t, x != 0);
		break;
	case DT_U8:
	case DT_I8:
		STORE(uint8_t, x);
		break;
	case DT_U16:
	case DT_I16:
		STORE(uint16_t, x);
		break;
	case DT_U32:
	case DT_I32:
		STORE(uint32_t, x);
		break;
	case DT_U64:
	case DT_I64:
		STORE(int64_t, x);
		break;
	case DT_U4:
	case DT_I4:
		store_bits(t, i, 4, (unsigned)x & 15);
		break;
	case DT_U2:
	case DT_I2:
		store_bits(t, i, 2, (unsigned)x & 3);
		break;
	default:
		tensor_set(t, i, (double)x);
	}
}
