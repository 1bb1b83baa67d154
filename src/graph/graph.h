/*
 * graph.h - the intermediate representation: values, nodes, attributes, graphs.
 *
 * A graph is in SSA form: each value has one producer, a node or the outside (input, constant,
 * parameter, state). Values and nodes are ids into the graph; id 0 means none (an absent optional
 * input or output). `order` lists the live nodes in a valid execution order at all times. Everything
 * a graph points to lives in its arena, which several graphs of one session share; structs do not
 * move, so pointers to values and nodes stay valid while nodes are added.
 *
 * Passes do not edit nodes in place: they build a new graph out of the old one (ops/build.h).
 */
#ifndef ONNXTUNE_GRAPH_GRAPH_H
#define ONNXTUNE_GRAPH_GRAPH_H

#include "graph/tensor.h"

/* Kinds of attributes, with the numbers of ONNX AttributeProto.AttributeType. */
enum attr_kind {
	ATTR_END = 0,
	ATTR_FLOAT = 1,
	ATTR_INT = 2,
	ATTR_STRING = 3,
	ATTR_TENSOR = 4,
	ATTR_GRAPH = 5,
	ATTR_FLOATS = 6,
	ATTR_INTS = 7,
	ATTR_STRINGS = 8,
	ATTR_DOUBLE = 64, /* ours: ONNX has none, and (float)0.999 is no decay rate */
};

struct attr {
	const char *name;
	enum attr_kind kind;
	uint32_t n; /* elements of a list */
	union {
		float f;
		double d;
		int64_t i;
		const char *s; /* NUL-terminated */
		const struct tensor *tensor;
		struct graph *graph;
		const float *floats;
		const int64_t *ints;
		const char *const *strings;
	};
};

/* Attributes for the builder's calls. Lists are copied by the builder. */
static inline struct attr attr_int(const char *name, int64_t i)
{
	return (struct attr){ .name = name, .kind = ATTR_INT, .i = i };
}
static inline struct attr attr_float(const char *name, float f)
{
	return (struct attr){ .name = name, .kind = ATTR_FLOAT, .f = f };
}
static inline struct attr attr_double(const char *name, double d)
{
	return (struct attr){ .name = name, .kind = ATTR_DOUBLE, .d = d };
}
static inline struct attr attr_string(const char *name, const char *s)
{
	return (struct attr){ .name = name, .kind = ATTR_STRING, .s = s };
}
static inline struct attr attr_ints(const char *name, const int64_t *ints, uint32_t n)
{
	return (struct attr){ .name = name, .kind = ATTR_INTS, .n = n, .ints = ints };
}
static inline struct attr attr_floats(const char *name, const float *floats, uint32_t n)
{
	return (struct attr){ .name = name, .kind = ATTR_FLOATS, .n = n, .floats = floats };
}

enum value_kind {
	VALUE_TEMP,     /* produced by a node */
	VALUE_INPUT,    /* given with each micro-batch */
	VALUE_CONSTANT, /* content known: t.data */
	VALUE_PARAM,    /* trained; t.data is the content of the file, or NULL */
	VALUE_STATE,    /* owned by the session and updated in place by nodes: running statistics,
	                   accumulators, moments, the step block; t.data is the first content or NULL
	                   for zeros */
};

/* When a value is computed, and how long it stays valid (architecture.md, "Phases"). */
enum phase {
	PHASE_INIT,   /* once: depends on constants only */
	PHASE_UPDATE, /* after each change of the parameters */
	PHASE_MICRO,  /* for each micro-batch */
	PHASE_APPLY,  /* once per optimizer step, after its last micro-batch */
	PHASE_COUNT
};

/* Order of the axes in memory; logical shapes never change. */
enum layout {
	LAYOUT_PLAIN, /* row-major */
	LAYOUT_LAST,  /* channels-last: axis 1 is innermost (NHWC for rank 4, NWC for rank 3) */
};

struct value {
	const char *name; /* unique among PARAM and STATE values: the session's key for them */
	struct tensor t;  /* type, and content where it is known */
	enum value_kind kind;
	enum phase phase;
	enum layout layout;
	uint32_t node;                /* its producer, 0 for values from the outside */
	uint32_t output;              /* which output of the producer */
	const char *const *dim_names; /* inputs of a loaded graph: name of each unknown axis,
	                                 NULL where it has none (NULL: no axis has) */
};

struct node {
	const struct op_def *def; /* NULL in a loaded graph: the operator is not known */
	const char *name; /* of the user's node that it came from, also for gradient nodes */
	const char *op;   /* operator name of that node ("NonMaxSuppression"), for messages */
	uint32_t n_in, n_out;
	uint32_t *in, *out;       /* value ids, 0 where absent */
	const struct attr *attrs; /* defaults filled; ended by kind ATTR_END */
	enum phase phase;
};

struct graph {
	struct arena *arena;
	ARRAY(struct value *) values; /* [0] is NULL */
	ARRAY(struct node *) nodes;   /* [0] is NULL */
	ARRAY(uint32_t) order;
	ARRAY(uint32_t) inputs, outputs;
};

struct graph *graph_new(struct arena *arena);
void graph_free(struct graph *graph); /* the lists only; the arena keeps the rest */
/* The same graph wholly in its arena, never to be changed or freed: for attributes. */
struct graph *graph_seal(struct graph *graph);

static inline struct value *graph_value(const struct graph *graph, uint32_t id)
{
	return graph->values.v[id];
}
static inline struct node *graph_node(const struct graph *graph, uint32_t id)
{
	return graph->nodes.v[id];
}

/* A value from the outside; name is copied, t.data is not. */
uint32_t graph_add_value(struct graph *graph, const char *name, enum value_kind kind,
			 struct tensor t);

/*
 * Appends a node with n_out fresh TEMP values; inputs and attributes are copied. An output whose
 * name in out_names (or out_names itself) is NULL gets a name made from the node's.
 * The caller sets the types of the outputs.
 */
uint32_t graph_add_node(struct graph *graph, const struct op_def *def, const char *name,
			const char *op, const uint32_t *in, uint32_t n_in, uint32_t n_out,
			const char *const *out_names, const struct attr *attrs);

/* The attribute of that name, or NULL. */
const struct attr *node_attr(const struct node *node, const char *name);
/* Values of attributes that the operator's table gives a default or requires. */
int64_t node_int(const struct node *node, const char *name);
float node_float(const struct node *node, const char *name);
double node_double(const struct node *node, const char *name);
const char *node_string(const struct node *node, const char *name);

/*
 * ERR_INTERNAL unless a bound graph keeps its invariants: each node in `order` once and after what
 * it reads, one producer for each value, no value read in an earlier phase than its own, types of
 * all values known, constants with content, names of parameters and states unique.
 */
enum status MUST_CHECK graph_verify(const struct graph *graph, struct error *err);

#endif
