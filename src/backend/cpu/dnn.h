/*
 * dnn.h - oneDNN, any 2.x or 3.x: the only files that know its API are this module's.
 *
 * A dnn_op is one primitive with all that it needs: it runs in the formats that oneDNN is fastest
 * in, and whatever operand comes in another one is reordered in the workspace around each run.
 * Implementations that are many times slower than another formulation of the same sum are not taken
 * (dnn_conv_new). In a build without oneDNN, DNN_AVAILABLE is 0 and dnn_open gives NULL.
 */
#ifndef ONNXTUNE_BACKEND_CPU_DNN_H
#define ONNXTUNE_BACKEND_CPU_DNN_H

#include "backend/cpu/cpu.h"

#ifdef HAVE_ONEDNN
#define DNN_AVAILABLE 1
#else
#define DNN_AVAILABLE 0
#endif

struct dnn;    /* an engine and its stream */
struct dnn_op; /* something that runs */

/* Opened once per device (device->dnn); NULL without oneDNN. dnn_close accepts NULL. */
enum status MUST_CHECK dnn_open(struct dnn **out, struct error *err);
void dnn_close(struct dnn *dnn);

/* Whether contractions of this type run at full speed here (f32; bf16 where the CPU has it). */
bool dnn_supports(enum dtype dtype);

/* Whether oneDNN has kernels for 512-bit vectors here; those for shorter ones are less even. */
bool dnn_wide(void);

/* Whether its convolutions, but for the gradient of the weights, are built on batches of small
 * products (3.x, or 512-bit vectors): nothing to be gained by other means then. */
bool dnn_batch_reduces(void);

/* c = a' b' + beta c for row-major f32 matrices [m, k], [k, n], [m, n] with these leading dimensions;
 * a (b) is stored transposed if trans_a (trans_b). Uses all threads, or that of the caller inside of
 * a parallel region. */
struct dnn_gemm {
	bool trans_a, trans_b;
	int64_t m, n, k;
	const float *a, *b;
	float *c;
	int64_t lda, ldb, ldc;
	float beta;
};
enum status dnn_gemm(const struct dnn_gemm *g);

#define DNN_MAX_RANK 8

/* A tensor in memory; strides in elements. rank 0: there is none. */
struct dnn_tensor {
	enum dtype dtype;
	int rank;
	int64_t dim[DNN_MAX_RANK], stride[DNN_MAX_RANK];
};

/* The tensor of a shape in a layout. */
struct dnn_tensor dnn_tensor(enum dtype dtype, const struct shape *shape, enum layout layout);

enum dnn_direction {
	DNN_FORWARD,     /* y from x, w and bias */
	DNN_GRAD_INPUT,  /* x (dx) from y (dy) and w */
	DNN_GRAD_WEIGHT, /* w (dw) from y (dy) and x */
};

/* A convolution with 1 to 3 spatial axes: x [n, c, ...], y [n, k, ...], w [k, c / group, ...]. */
struct dnn_conv {
	enum dnn_direction direction;
	struct dnn_tensor x, w, y, bias; /* dw may be f32 when the others are bf16 */
	int64_t group;
	int64_t stride[3], dilation[3], pad_begin[3], pad_end[3];
};

/* y = a b + bias for [..., m, k] and [..., k, n] of equal rank 2 or more; axes before the last two
 * may be 1 in a or b. bias: none, or of y's rank with axes that are 1 or those of y. */
struct dnn_matmul {
	struct dnn_tensor a, b, bias, y;
};

enum status MUST_CHECK dnn_conv_new(struct dnn *dnn, const struct dnn_conv *conv,
				    struct dnn_op **out, struct error *err);
enum status MUST_CHECK dnn_matmul_new(struct dnn *dnn, const struct dnn_matmul *matmul,
				      struct dnn_op **out, struct error *err);
void dnn_op_free(struct dnn_op *op); /* NULL is fine */

size_t dnn_op_workspace(const struct dnn_op *op); /* bytes, 64-byte aligned */
const char *dnn_op_name(const struct dnn_op *op); /* oneDNN's name of the implementation */

/*
 * Runs at once. data[] in the order of the structs above: x, w, y, bias or a, b, bias, y (NULL
 * where there is none).
 */
enum status dnn_op_run(struct dnn_op *op, void *const *data, void *workspace);

#endif
