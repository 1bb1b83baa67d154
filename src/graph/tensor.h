/*
 * tensor.h - element types, shapes and host tensors.
 *
 * A tensor here is a typed view of host memory in row-major order. It owns nothing: the arena,
 * mapping or backend that gave the memory does. Data may be unaligned (views into a mapped file),
 * so elements are only touched through the accessors below or memcpy.
 */
#ifndef ONNXTUNE_GRAPH_TENSOR_H
#define ONNXTUNE_GRAPH_TENSOR_H

#include "base/mem.h"

/* Element types, with the numbers of ONNX TensorProto.DataType. */
enum dtype {
	DT_NONE = 0,
	DT_F32 = 1,
	DT_U8 = 2,
	DT_I8 = 3,
	DT_U16 = 4,
	DT_I16 = 5,
	DT_I32 = 6,
	DT_I64 = 7,
	DT_STRING = 8, /* data is an array of struct string */
	DT_BOOL = 9,   /* one byte, 0 or 1 */
	DT_F16 = 10,
	DT_F64 = 11,
	DT_U32 = 12,
	DT_U64 = 13,
	DT_C64 = 14,
	DT_C128 = 15,
	DT_BF16 = 16,
	DT_F8E4M3FN = 17,
	DT_F8E4M3FNUZ = 18,
	DT_F8E5M2 = 19,
	DT_F8E5M2FNUZ = 20,
	DT_U4 = 21,
	DT_I4 = 22,
	DT_F4E2M1 = 23,
	DT_F8E8M0 = 24,
	DT_U2 = 25,
	DT_I2 = 26,
	DT_F6E2M3 = 27,
	DT_F6E3M2 = 28,
	DT_COUNT
};

struct string {
	const char *s; /* may hold NUL bytes */
	size_t n;
};

const char *dtype_name(enum dtype dtype);  /* "float32", "int64", ...; "unknown" */
unsigned dtype_bits(enum dtype dtype);     /* 0 for DT_NONE and unknown numbers */
bool dtype_is_float(enum dtype dtype);     /* f64, f32, f16, bf16 and the 8, 6 and 4-bit floats */
bool dtype_is_trainable(enum dtype dtype); /* f64, f32, f16, bf16 */
bool dtype_is_integer(enum dtype dtype);   /* signed or unsigned, not bool */

#define SHAPE_MAX_RANK 8
#define DIM_UNKNOWN (-1)

struct shape {
	int rank;
	int64_t dim[SHAPE_MAX_RANK]; /* >= 0, or DIM_UNKNOWN before binding */
};

#define SHAPE(...)                                                                                 \
	((struct shape){ .rank = sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),             \
			 .dim = { __VA_ARGS__ } })
#define SHAPE_SCALAR ((struct shape){ .rank = 0 })

bool shape_equal(const struct shape *a, const struct shape *b);

/* Number of elements of a known shape whose element count was checked (tensor_size). */
int64_t shape_elements(const struct shape *shape);

/* Row-major strides in elements. */
void shape_strides(const struct shape *shape, int64_t strides[SHAPE_MAX_RANK]);

/* NumPy broadcasting (ONNX "Multidirectional Broadcasting"): false when they don't match. */
bool shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out);

/* Strides in elements with which `shape` is read at the indices of `out` (0 on broadcast axes). */
void shape_broadcast_strides(const struct shape *shape, const struct shape *out,
			     int64_t strides[SHAPE_MAX_RANK]);

/* axis in [-rank, rank) to [0, rank); false outside. */
bool shape_axis(const struct shape *shape, int64_t axis, int *out);

/* "2x3x4", "scalar"; unknown dims print as "?". */
#define SHAPE_TEXT 128
const char *shape_format(const struct shape *shape, char text[SHAPE_TEXT]);

struct tensor {
	enum dtype dtype;
	struct shape shape;
	void *data; /* NULL: the value is not known, only its type */
};

/*
 * Bytes of a tensor (sub-byte types are a stream of bits, low bits first, the last byte padded).
 * ERR_INPUT when a dim is negative or the product of the others than 0 overflows 2^62 bits.
 */
enum status MUST_CHECK tensor_size(enum dtype dtype, const struct shape *shape, size_t *out,
				   struct error *err);

/* The same for a tensor whose size was checked before. */
size_t tensor_bytes(const struct tensor *t);

/* A zeroed tensor in the arena. The size must have been checked. */
struct tensor tensor_new(struct arena *arena, enum dtype dtype, const struct shape *shape);

/*
 * Element i in row-major order as a number. tensor_get/_set serve every numeric type (set rounds
 * to nearest even, saturating as C casts do not: integers are clamped to their range);
 * tensor_get_int/_set_int are exact for 64-bit integers (uint64 is reinterpreted).
 */
double tensor_get(const struct tensor *t, int64_t i);
void tensor_set(struct tensor *t, int64_t i, double x);
int64_t tensor_get_int(const struct tensor *t, int64_t i);
void tensor_set_int(struct tensor *t, int64_t i, int64_t x);

#endif
