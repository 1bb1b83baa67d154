/*
 * op.h - the operator contract.
 *
 * ONE FILE PER OPERATOR (or family that differs by one expression): src/ops/softmax.c defines
 * `const struct op_def op_softmax_13 = { ... }` for each form that the operator had, and its cases
 * stand in tests/ops/softmax.c. bootstrap collects the definitions; nothing else is edited.
 *
 * An operator says how its outputs are typed (infer), what it computes (ref), what it is made of
 * (lower, instead of ref and grad) and how a gradient flows back through it (grad). Old forms of an
 * operator are lowered to the newest.
 */
#ifndef ONNXTUNE_OPS_OP_H
#define ONNXTUNE_OPS_OP_H

#include "graph/graph.h"

#include <string.h>

struct builder;

/* ---- attributes and arguments ---- */

enum {
	ATTR_REQUIRED = 1,
	ATTR_OPTIONAL = 2, /* absent means absent: node_attr() gives NULL */
};

/* One row per attribute, ended by { 0 }. Without a flag the attribute has the default given here. */
struct op_attr {
	const char *name; /* a leading '_' marks ours: never read from a file */
	enum attr_kind kind;
	unsigned flags;
	int64_t i;
	double f; /* of FLOAT and DOUBLE */
	const char *s;
};

enum {
	ARG_PARAM = 1,     /* a weight, bias, scale or embedding table: trained by default */
	ARG_KEEP = 2,      /* not cast by the precision pass and without a vote in it */
	ARG_HOST = 4,      /* infer needs its content: shapes, axes, trip counts */
	ARG_NO_GRAD = 8,   /* the output does not depend on it differentiably */
	ARG_OPTIONAL = 16, /* may be absent */
	ARG_VARIADIC = 32, /* the last one: one or more of such, none or more with ARG_OPTIONAL */
};

/* One row per input or output, ended by { 0 }. */
struct op_arg {
	const char *name;
	unsigned flags;
	int alias; /* outputs only: 1 + the input whose memory it takes over (updates in place) */
};

/* How the operator takes part in mixed precision (DESIGN: numerics). */
enum precision {
	PRECISION_FOLLOW, /* the widest type of the inputs that count */
	PRECISION_HALF,   /* contractions: inputs are cast to the half type */
	PRECISION_INNER,  /* reads and writes half, computes in fp32; never asks for a cast */
	PRECISION_FULL,   /* inputs are cast to fp32 */
};

enum {
	/* out[i] depends on the inputs' elements i (broadcast): any layout serves */
	OP_POINTWISE = 1,
	/* output 0 has the elements of input 0 in the same plain order */
	OP_VIEW = 2,
	/* output 0 may take the memory of an input of its size and type */
	OP_INPLACE = 4,
	/* has the attribute `_out`: element type of output 0 (0: that of input 0); the sum is formed
	   and written in it without rounding to the inputs' type */
	OP_WIDE = 8,
	/* its outputs are constant almost everywhere: the gradient stops (Shape, Equal) */
	OP_NO_GRAD = 16,
	/* a parameter stays one through it (Identity, Reshape, Transpose, Cast...) */
	OP_KEEPS_FORM = 32,
};

/* ---- infer and ref ---- */

/*
 * What infer and ref see. in[k] is NULL where an optional input is absent; in[k]->data is NULL
 * in infer when the content is not known. infer fills out[k].dtype and .shape for every output that
 * is asked for (wanted); ref finds them filled and writes out[k].data.
 */
struct op_io {
	const struct node *node;
	uint32_t n_in, n_out;
	const struct tensor *const *in;
	struct tensor *out;
	const bool *wanted;
	struct arena *arena; /* scratch memory, released by the caller */
	struct error *err;   /* the caller adds the node's name */
};

typedef enum status op_fn(struct op_io *io);

/* ---- lower and grad ---- */

/* Replaces the node: builds other nodes and sets out[] (0 for outputs that are not wanted). */
struct lower {
	struct builder *b;
	const struct node *node; /* attributes; its value ids are those of another graph */
	const uint32_t *in;      /* inputs in the builder's graph */
	uint32_t n_in, n_out;
	uint32_t *out;
	const bool *wanted;
};
typedef void lower_fn(struct lower *l);

/*
 * Gradient of the node: from dy[k], the gradient of output k (0: none flows), build dx[k] for each
 * input with need[k]. dx[k] may have the shape that input k was broadcast to: the driver reduces
 * it. x and y are the node's inputs and outputs. A rule never handles fan-out.
 */
struct grad {
	struct builder *b;
	const struct node *node;
	const uint32_t *x, *y, *dy;
	const bool *need;
	uint32_t *dx;
};
typedef void grad_fn(struct grad *g);

/*
 * For rules that need a forward output which the model did not ask for (LayerNormalization's
 * InvStdDev): output k of the node, computed from now on.
 */
uint32_t grad_output(struct grad *g, uint32_t k);

/* Multiplications and additions of a call; only the types of io's tensors are read. */
typedef double op_count_fn(const struct op_io *io);

/* ---- the definition ---- */

struct op_def {
	const char *domain; /* "" is ai.onnx; "onnxtune" for operators of ours */
	const char *name;
	int since; /* first opset with this form */
	const struct op_attr *attrs;
	const struct op_arg *in, *out;
	enum precision precision;
	unsigned flags;
	op_fn *infer, *ref;
	lower_fn *lower;         /* then no infer, ref and grad */
	grad_fn *grad;           /* NULL and not OP_NO_GRAD: training through it is a blocker */
	op_count_fn *operations; /* of contractions; NULL: not counted */
};

/* Whether the node is of the operator of that name, in whatever form: no name is in both domains. */
static inline bool node_is(const struct node *node, const char *op)
{
	return node->def && !strcmp(node->def->name, op);
}

/* All definitions, ended by NULL (written by bootstrap). */
extern const struct op_def *const op_table[];

/* The form of the operator at an opset version (INT_MAX: the newest), or NULL. */
const struct op_def *op_find(const char *domain, const char *name, int opset);

/* The argument row of input k (variadic rows repeat), or NULL when there is none. */
const struct op_arg *op_input(const struct op_def *def, uint32_t k);
const struct op_arg *op_output(const struct op_def *def, uint32_t k);

/*
 * Checks counts of inputs and outputs and the attributes against the tables, and returns the
 * attributes with defaults filled (arena). ERR_INPUT says what is wrong.
 */
enum status MUST_CHECK op_attributes(const struct op_def *def, const struct attr *given,
				     struct arena *arena, const struct attr **out,
				     struct error *err);

/* ---- helpers for infer ---- */

/* Output 0 has the type and shape of input 0. */
enum status infer_same(struct op_io *io);
/* The same, and input 0 must hold numbers: integers or f64, f32, f16, bf16. */
enum status infer_number(struct op_io *io);
/* The same, and input 0 must be one of f64, f32, f16, bf16. */
enum status infer_float(struct op_io *io);
/* Output 0 has the type of input 0 and the shape that all inputs broadcast to; types must agree
 * and be numbers. */
enum status infer_broadcast(struct op_io *io);
/* The same with a BOOL output (Less). */
enum status infer_compare(struct op_io *io);
/* For gradient operators: inputs 0 (dy) and 1 (x or y) agree in type, a float, and in shape; that
 * is the type of output 0. */
enum status infer_gradient(struct op_io *io);
/* Output 0 has the given type and the shape that all inputs, of any type, broadcast to. */
enum status infer_shapes(struct op_io *io, enum dtype dtype);
/* Output 0 of the given type and shape. */
enum status infer_set(struct op_io *io, uint32_t k, enum dtype dtype, const struct shape *shape);
/* The integers of a HOST input as ints (any integer type, rank 0 or 1, at most max of them);
 * ERR_UNSUPPORTED when the content is not known. */
enum status infer_ints(struct op_io *io, uint32_t k, int64_t *out, uint32_t max, uint32_t *n);
/* Normalizes an axis of input 0 or fails. */
enum status infer_axis(struct op_io *io, const struct shape *shape, int64_t axis, int *out);
/* `_out` of an OP_WIDE operator, or the type of input 0. */
enum dtype infer_wide(const struct op_io *io);

/* ---- helpers for ref ---- */

/* out = f(x), element by element, as double. */
enum status ref_unary(struct op_io *io, double (*f)(double));
/* out = f(a, b) with broadcasting; integer types go through fi when it is given. */
enum status ref_binary(struct op_io *io, double (*f)(double, double),
		       int64_t (*fi)(int64_t, int64_t));
/* out = f(a, b, c) with broadcasting, as double. */
enum status ref_ternary(struct op_io *io, double (*f)(double, double, double));
/* Output 0 gets the elements of input 0 in the same order (views); they may share memory. */
enum status ref_view(struct op_io *io);
/* Copies element j of src to element i of dst, any equal type (also strings). */
void ref_copy(struct tensor *dst, int64_t i, const struct tensor *src, int64_t j);

/* A walk over the indices of a shape in row-major order, with offsets into several tensors:
 * for (struct walk w = walk_start(&shape, n); walk_more(&w); walk_next(&w)) ... w.offset[k] */
#define WALK_TENSORS 6
struct walk {
	struct shape shape;
	int n;
	int64_t index[SHAPE_MAX_RANK];
	int64_t stride[WALK_TENSORS][SHAPE_MAX_RANK];
	int64_t offset[WALK_TENSORS];
	int64_t left; /* elements to go */
};
struct walk walk_start(const struct shape *shape, int n); /* strides all row-major of shape */
/* Tensor k is read as if broadcast to the walk's shape. */
void walk_broadcast(struct walk *w, int k, const struct shape *shape);
static inline bool walk_more(const struct walk *w)
{
	return w->left > 0;
}
void walk_next(struct walk *w);

#endif
