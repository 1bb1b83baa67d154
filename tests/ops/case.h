/*
 * case.h - the table of cases of an operator.
 *
 * tests/ops/NAME.c belongs to src/ops/NAME.c and defines `const struct op_case cases_NAME[]`, ended
 * by a case without a name; bootstrap collects the tables. Each case is run
 *  - through the gradient rule against central differences in float64 (tests/grad), for every
 *    floating-point input that the operator's rows do not mark NO_GRAD,
 *  - through every kernel of every backend against the reference in each element type that the
 *    kernel supports (tests/parity).
 * What an operator computes is proved by ONNX's own node tests (tests/ops/test_node.c); operators
 * of ours state the expected outputs in the case.
 */
#ifndef ONNXTUNE_TESTS_OPS_CASE_H
#define ONNXTUNE_TESTS_OPS_CASE_H

#include "graph/graph.h"
#include "ops/step.h"

enum fill {
	FILL_NONE,    /* an absent optional input */
	FILL_NORMAL,  /* standard normal * hi + lo */
	FILL_UNIFORM, /* in [lo, hi) */
	FILL_INTS,    /* integers in [lo, hi] */
	FILL_VALUES,  /* values[] */
	FILL_STEP, /* a step block (ops/step.h): found_inf lo, loss scale hi, good step 4, clip 0.5 */
};

struct case_input {
	enum fill fill;
	enum dtype dtype; /* DT_F64 stands for "the floating-point type under test" */
	struct shape shape;
	double lo, hi;
	const double *values;
	bool fixed; /* DT_F64 means float64, whatever the type under test */
};

/* clang-format off */
#define NORMAL(...) { FILL_NORMAL, DT_F64, SHAPE(__VA_ARGS__), 0, 1, NULL }
#define UNIFORM(lo, hi, ...) { FILL_UNIFORM, DT_F64, SHAPE(__VA_ARGS__), lo, hi, NULL }
/* of that type, whatever the type under test */
#define NORMAL_IN(dtype, ...) { FILL_NORMAL, dtype, SHAPE(__VA_ARGS__), 0, 1, NULL }
#define SCALAR(x) { FILL_VALUES, DT_F64, SHAPE_SCALAR, 0, 0, (const double[]){ x } }
#define INTS(lo, hi, ...) { FILL_INTS, DT_I64, SHAPE(__VA_ARGS__), lo, hi, NULL }
#define ABSENT { FILL_NONE, DT_NONE, SHAPE_SCALAR, 0, 0, NULL }
/* A rank-1 int64 input with these elements: LIST(0, 2) */
#define LIST(...)                                                                                  \
	{ FILL_VALUES, DT_I64, SHAPE(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double)), 0, 0,    \
	  (const double[]){ __VA_ARGS__ } }
#define STEP_BLOCK(found_inf, scale)                                                                     \
	{                                                                                          \
		FILL_STEP, DT_U8, SHAPE(sizeof(struct step_block)), found_inf, scale, NULL         \
	}
#define VALUES(values, ...) { FILL_VALUES, DT_F64, SHAPE(__VA_ARGS__), 0, 0, values }
#define BOOLS(...) { FILL_INTS, DT_BOOL, SHAPE(__VA_ARGS__), 0, 1, NULL }
/* clang-format on */

enum {
	CASE_NO_GRAD = 1,   /* parity only: too large for differences, or not differentiable */
	CASE_NO_PARITY = 2, /* random numbers, or nothing that a kernel could do differently */
	/* from half types a GPU may round to them on the way to a float32 output */
	CASE_MAY_NARROW = 4,
};

struct op_case {
	const char *name; /* "axis 1, odd sizes": unique in its table */
	const char *op;
	const char *domain; /* NULL: ai.onnx */
	int opset;          /* 0: the newest form */
	struct attr attrs[8];
	struct case_input in[8];
	uint32_t outputs; /* wanted outputs, from the first; 0 stands for 1 */
	unsigned flags;
	double eps;           /* step of the central differences; 0: 1e-4 */
	double tolerance;     /* of the gradient, relative to its largest element; 0: 1e-7 */
	double f32_tolerance; /* of kernels against the reference; 0: 1e-5 relative to the largest */
	const double *expected; /* output 0 for the inputs given by values (own operators) */
};

/* All tables, ended by NULL (written by bootstrap). */
extern const struct op_case *const case_tables[];

#endif
