/*
 * conv_plan.c - graphs of cuDNN's backend API (see conv_plan.h):
 *
 *  1. a graph is the convolution and what is fused to it: additions of the residual and of the bias,
 *     limits. This order alone has engines that need not be compiled; between them are float32 tensors
 *     that stand in no memory;
 *  2. cuDNN's heuristic lists configurations of engines, the best first, then those that always work;
 *  3. the first is taken that keeps the numbers exact and the same in every run, and of which a plan
 *     can be made: without compiling anything if there is one. Where more plans are asked for, to
 *     choose by speed, they are of those that follow and are as good;
 *  4. where a graph with all has none, the convolution alone is tried.
 *
 * A NaN has to pass the limits (a step with one is skipped). Only engines with the note
 * STRICT_NAN_PROP say that they hand it on, and so only these are taken for graphs with limits; they
 * have no tensor cores and are the heuristic's first for depthwise convolutions.
 */
#include "backend/cuda/conv_plan.h"

#include <cudnn_backend.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RANK_MAX (CONV_MAX_SPATIAL + 2)
#define CONFIGS 64
#define WORKSPACE ((int64_t)512 << 20)
#define BETWEEN CONV_PLACES /* id of the first tensor between operations, which are counted on */
#define OPERATIONS 4

/* The operator of each result, its inputs by place, and cuDNN's names for its parts. */
static const struct direction {
	const char *op;
	int input[3];
	cudnnBackendDescriptorType_t type;
	cudnnBackendAttributeName_t tensor[3], geometry, alpha, beta;
} directions[] = {
	[CONV_Y] = { "Conv",
		     { 0, 1, -1 },
		     CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
		     { CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y },
		     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
	[CONV_X] = { "ConvGradInput",
		     { -1, 1, 0 },
		     CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
		     { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY },
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
	[CONV_W] = { "ConvGradWeight",
		     { 1, -1, 0 },
		     CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
		     { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
		       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY },
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
		     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA },
};

enum status conv_read(const struct op_call *call, struct convolution *out, struct error *err)
{
	int result = 0;
	bool fused = !strcmp(call->def->name, "FusedConv");
	const char *op = fused ? "Conv" : call->def->name;
	while (strcmp(directions[result].op, op) != 0)
		result++;
	*out = (struct convolution){ .result = (enum conv_place)result };
	for (int i = 0; i < 3; i++) {
		int k = out->input[i] = directions[result].input[i];
		out->tensor[i] = k < 0 ? call->out[0].t : call->in[k].t;
	}
	for (uint32_t i = CONV_BIAS; i < CONV_PLACES; i++) {
		uint32_t k = i - 1; /* bias and residual are inputs 2 and 3 */
		bool there = result == CONV_Y && call->n_in > k && call->in[k].t.dtype;
		out->input[i] = there ? (int)k : -1;
		if (there)
			out->tensor[i] = call->in[k].t;
	}
	out->relu = fused && node_int(call->node, "relu");
	out->high = fused ? node_float(call->node, "high") : 0;
	return conv_geometry(call->node, &out->tensor[CONV_X].shape, &out->tensor[CONV_W].shape,
			     &out->g, err);
}

static bool data_type(enum dtype dtype, cudnnDataType_t *out)
{
	*out = dtype == DT_F32   ? CUDNN_DATA_FLOAT
	       : dtype == DT_F16 ? CUDNN_DATA_HALF
				 : CUDNN_DATA_BFLOAT16;
	return dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

bool conv_types(const struct convolution *c)
{
	cudnnDataType_t unused;
	enum dtype type = c->tensor[c->result == CONV_X ? CONV_Y : CONV_X].dtype;
	for (int i = 0; i < CONV_PLACES; i++) {
		enum dtype t = c->tensor[i].dtype;
		bool wide = i == (int)c->result && c->result == CONV_W && t == DT_F32;
		if ((t || i < CONV_BIAS) && t != type && !wide)
			return false;
	}
	return data_type(type, &unused);
}

/* ---- descriptors ---- */

/* What a plan is made of, and how it is going. */
struct maker {
	struct conv_plan *p;
	const struct convolution *c;
	cudnnHandle_t dnn;
	cudnnBackendDescriptor_t device;
	uint32_t most; /* plans */
	bool failed;
};

static cudnnBackendDescriptor_t make(struct maker *m, cudnnBackendDescriptorType_t type)
{
	cudnnBackendDescriptor_t d = NULL;
	struct conv_plan *p = m->p;
	if (cudnnBackendCreateDescriptor(type, &d)) {
		m->failed = true;
		return NULL;
	}
	if (p->n == p->most)
		p->made = mem_realloc(p->made, (p->most = 2 * p->most + 16) * sizeof *p->made);
	return p->made[p->n++] = d;
}

/* Destroys all but the first n. */
static void forget(struct conv_plan *p, uint32_t n)
{
	while (p->n > n)
		cudnnBackendDestroyDescriptor(p->made[--p->n]);
}

static void set(struct maker *m, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
		cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
	if (!m->failed && cudnnBackendSetAttribute(d, name, type, n, values))
		m->failed = true;
}

static void set_descriptor(struct maker *m, cudnnBackendDescriptor_t d,
			   cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
	set(m, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void finalize(struct maker *m, cudnnBackendDescriptor_t d)
{
	if (!m->failed && cudnnBackendFinalize(d))
		m->failed = true;
}

#define SET_ONE(m, d, name, type, T, value) set(m, d, name, type, 1, &(T){ value })

/* As if there were at least two spatial axes: more are of size 1. */
static cudnnBackendDescriptor_t make_tensor(struct maker *m, int64_t id, enum dtype dtype,
					    struct shape shape)
{
	cudnnBackendDescriptor_t d = make(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
	int64_t stride[RANK_MAX];
	cudnnDataType_t type;
	if (id == CONV_BIAS)
		shape = SHAPE(1, shape.dim[0]);
	while (shape.rank < 4 || shape.rank < m->c->g.spatial + 2)
		shape.dim[shape.rank++] = 1;
	int64_t step = shape.dim[1];
	for (int i = shape.rank - 1; i >= 0; i--) {
		stride[i] = i == 1 ? 1 : step;
		step *= i == 1 ? 1 : shape.dim[i];
	}
	data_type(dtype, &type);
	set(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, shape.rank, shape.dim);
	set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, shape.rank, stride);
	set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
	SET_ONE(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t, 16);
	if (id >= BETWEEN)
		SET_ONE(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, bool, true);
	finalize(m, d);
	return d;
}

static cudnnBackendDescriptor_t make_geometry(struct maker *m, const struct conv_geometry *g)
{
	cudnnBackendDescriptor_t d = make(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
	int64_t n = g->spatial < 2 ? 2 : g->spatial;
	SET_ONE(m, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t, n);
	SET_ONE(m, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, cudnnDataType_t,
		CUDNN_DATA_FLOAT);
	SET_ONE(m, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
		cudnnConvolutionMode_t, CUDNN_CROSS_CORRELATION);
	set(m, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, n, g->pad_begin);
	set(m, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, n, g->pad_end);
	set(m, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, n, g->dilation);
	set(m, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, n, g->stride);
	finalize(m, d);
	return d;
}

static cudnnBackendDescriptor_t make_convolution(struct maker *m,
						 cudnnBackendDescriptor_t tensor[3])
{
	const struct direction *d = &directions[m->c->result];
	cudnnBackendDescriptor_t geometry = make_geometry(m, &m->c->g), op = make(m, d->type);
	for (int i = 0; i < 3; i++)
		set_descriptor(m, op, d->tensor[i], tensor[i]);
	set_descriptor(m, op, d->geometry, geometry);
	SET_ONE(m, op, d->alpha, CUDNN_TYPE_FLOAT, float, 1);
	SET_ONE(m, op, d->beta, CUDNN_TYPE_FLOAT, float, 0);
	finalize(m, op);
	return op;
}

/* y = x + with, or x between the limits where `with` is NULL */
static cudnnBackendDescriptor_t make_pointwise(struct maker *m, cudnnBackendDescriptor_t x,
					       cudnnBackendDescriptor_t with,
					       cudnnBackendDescriptor_t y)
{
	cudnnBackendDescriptor_t mode = make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
	SET_ONE(m, mode, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, cudnnPointwiseMode_t,
		with ? CUDNN_POINTWISE_ADD : CUDNN_POINTWISE_RELU_FWD);
	SET_ONE(m, mode, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, cudnnDataType_t,
		CUDNN_DATA_FLOAT);
	if (!with && isfinite(m->c->high)) {
		SET_ONE(m, mode, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, CUDNN_TYPE_FLOAT, float, 0);
		SET_ONE(m, mode, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, CUDNN_TYPE_FLOAT, float,
			m->c->high);
	}
	finalize(m, mode);
	cudnnBackendDescriptor_t op = make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
	set_descriptor(m, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, mode);
	set_descriptor(m, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
	if (with)
		set_descriptor(m, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, with);
	set_descriptor(m, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
	finalize(m, op);
	return op;
}

/* The operations behind the convolution, which writes *y from then on; how many. */
static int make_epilogue(struct maker *m, cudnnBackendDescriptor_t *y, cudnnBackendDescriptor_t *op)
{
	static const enum conv_place order[] = { CONV_RESIDUAL, CONV_BIAS, CONV_PLACES };
	const struct tensor *t = m->c->tensor;
	cudnnBackendDescriptor_t from = NULL, result = *y;
	int n = 0, left = !!t[CONV_RESIDUAL].dtype + !!t[CONV_BIAS].dtype + m->c->relu;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		enum conv_place k = order[i];
		if (k == CONV_PLACES ? !m->c->relu : !t[k].dtype)
			continue;
		if (!from)
			from = *y = make_tensor(m, BETWEEN, DT_F32, t[CONV_Y].shape);
		cudnnBackendDescriptor_t with = k == CONV_PLACES
							? NULL
							: make_tensor(m, k, t[k].dtype, t[k].shape);
		cudnnBackendDescriptor_t to = n + 1 == left ? result
							    : make_tensor(m, BETWEEN + 1 + n,
									  DT_F32, t[CONV_Y].shape);
		op[n++] = make_pointwise(m, from, with, to);
		from = to;
	}
	return n;
}

static cudnnBackendDescriptor_t make_graph(struct maker *m, bool fused)
{
	const struct tensor *t = m->c->tensor;
	cudnnBackendDescriptor_t tensor[3], op[OPERATIONS];
	int n = 1;
	for (int i = 0; i < 3; i++)
		tensor[i] = make_tensor(m, i, i == (int)m->c->result ? m->p->result : t[i].dtype,
					t[i].shape);
	if (fused)
		n += make_epilogue(m, &tensor[CONV_Y], op + 1);
	op[0] = make_convolution(m, tensor);
	cudnnBackendDescriptor_t graph = make(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
	if (m->dnn)
		set(m, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &m->dnn);
	set(m, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, n, op);
	finalize(m, graph);
	return graph;
}

/* ---- engines ---- */

/* Notes of an engine as a set of bits. */
static bool read_notes(cudnnBackendDescriptor_t engine, cudnnBackendAttributeName_t name,
		       cudnnBackendAttributeType_t type, unsigned *bits)
{
	int32_t notes[32];
	int64_t n = 0;
	*bits = 0;
	if (cudnnBackendGetAttribute(engine, name, type, ARRAY_SIZE(notes), &n, notes))
		return false;
	for (int64_t i = 0; i < n && i < (int64_t)ARRAY_SIZE(notes); i++)
		*bits |= notes[i] >= 0 && notes[i] < 32 ? 1u << notes[i] : 0;
	return true;
}

/*
 * Whether results are the same in every run, and rounded only where the operator does it. Winograd's
 * algorithm loses digits; tensor cores take the place of float32 by 10 bits (TF32).
 */
static bool is_exact(unsigned notes, enum dtype dtype)
{
	unsigned never = 1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC |
			 1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
			 1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION |
			 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD;
	if (dtype == DT_F32)
		never |= 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
	return !(notes & never);
}

/* What there is to know of a configuration's engine. */
struct engine {
	bool exact, compiles, tensor_cores;
	bool keeps_nan; /* through limits too */
};

static bool ask(struct maker *m, cudnnBackendDescriptor_t config, struct engine *e)
{
	unsigned notes = 0, behaviour = 0;
	uint32_t before = m->p->n;
	cudnnBackendDescriptor_t engine = make(m, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
	int64_t n = 0;
	bool good = !m->failed &&
		    !cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE,
					      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine) &&
		    read_notes(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
			       &notes) &&
		    read_notes(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
			       &behaviour);
	*e = (struct engine){
		.exact = is_exact(notes, m->c->tensor[CONV_Y].dtype),
		.compiles = behaviour & 1u << CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION,
		.tensor_cores = notes & 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE,
		.keeps_nan = notes & 1u << CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP,
	};
	forget(m->p, before);
	return good;
}

/* A plan of the configuration, or NULL when it can't be had or wants too much memory. */
static cudnnBackendDescriptor_t make_plan(struct maker *m, cudnnBackendDescriptor_t config)
{
	uint32_t before = m->p->n;
	cudnnBackendDescriptor_t plan = make(m, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
	int64_t n, bytes;
	if (m->dnn)
		set(m, plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &m->dnn);
	else
		set_descriptor(m, plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, m->device);
	set_descriptor(m, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
	if (!m->failed && !cudnnBackendFinalize(plan) &&
	    !cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
				      CUDNN_TYPE_INT64, 1, &n, &bytes) &&
	    bytes <= WORKSPACE) {
		m->p->workspace = bytes > m->p->workspace ? bytes : m->p->workspace;
		return plan;
	}
	forget(m->p, before);
	return NULL;
}

/* Destroys what was made after the first n but for the plans and their configurations. */
static void keep_plans(struct conv_plan *p, uint32_t n, const cudnnBackendDescriptor_t *config)
{
	uint32_t kept = n;
	for (uint32_t i = n; i < p->n; i++) {
		bool keep = false;
		for (uint32_t k = 0; k < p->n_plans; k++)
			keep |= p->made[i] == p->plans[k] || p->made[i] == config[k];
		if (keep)
			p->made[kept++] = p->made[i];
		else
			cudnnBackendDestroyDescriptor(p->made[i]);
	}
	p->n = kept;
}

/*
 * Plans of the first good configurations of the heuristic's list that they can be made of. None, where
 * limits follow and the first does not say that a NaN passes them.
 */
static void choose(struct maker *m, cudnnBackendDescriptor_t graph, cudnnBackendHeurMode_t mode,
		   bool compiling, bool limits)
{
	struct conv_plan *p = m->p;
	uint32_t before = p->n;
	cudnnBackendDescriptor_t heuristic = make(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
	cudnnBackendDescriptor_t config[CONFIGS], kept[WAYS_MOST];
	int64_t n = 0;
	set_descriptor(m, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
	set(m, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
	if (m->device)
		set_descriptor(m, heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, m->device);
	if (m->failed || cudnnBackendFinalize(heuristic)) /* it may have none for the graph */
		return;
	for (int i = 0; i < CONFIGS && !m->failed; i++)
		config[i] = make(m, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
	if (m->failed ||
	    cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
				     CUDNN_TYPE_BACKEND_DESCRIPTOR, CONFIGS, &n, config))
		return;
	for (int64_t i = 0; i < n && p->n_plans < m->most; i++) {
		struct engine e;
		bool good = ask(m, config[i], &e) && e.exact && e.compiles == compiling;
		if (!good || (p->n_plans && limits && !e.keeps_nan))
			continue;
		cudnnBackendDescriptor_t plan = make_plan(m, config[i]);
		if (!plan)
			continue;
		if (limits && !e.keeps_nan)
			return;
		if (!p->n_plans)
			p->tensor_cores = e.tensor_cores;
		kept[p->n_plans] = config[i];
		p->plans[p->n_plans++] = plan;
	}
	if (p->n_plans)
		keep_plans(p, before, kept);
}

/* Tries one graph; on failure nothing of it is left. */
static bool try_graph(struct maker *m, bool fused)
{
	static const cudnnBackendHeurMode_t modes[] = { CUDNN_HEUR_MODE_A,
							CUDNN_HEUR_MODE_FALLBACK };
	bool limits = fused && m->c->relu;
	/* A fused graph is not worth the time that compiling it takes; one that only does for lack
	 * of another is not, where the pass can leave the nodes as they were. */
	int tries = !fused ? 4 : limits || m->c->tensor[CONV_RESIDUAL].dtype ? 1 : 2;
	cudnnBackendDescriptor_t graph = make_graph(m, fused);
	for (int i = 0; i < tries && !m->p->n_plans && !m->failed; i++) {
		uint32_t before = m->p->n;
		m->p->workspace = 0;
		choose(m, graph, modes[i % 2], i >= 2, limits);
		if (!m->p->n_plans)
			forget(m->p, before);
	}
	if (m->p->n_plans) {
		m->p->fused = fused;
		return true;
	}
	forget(m->p, 0);
	m->failed = false;
	return false;
}

enum status conv_plan_make(const struct convolution *c, cudnnHandle_t dnn,
			   cudnnBackendDescriptor_t device, uint32_t most, struct conv_plan *out,
			   struct error *err)
{
	struct maker m = { out, c, dnn, device, most, false };
	*out = (struct conv_plan){ .result = c->tensor[c->result].dtype };
	if (c->result == CONV_W)
		out->result = c->tensor[CONV_X].dtype;
	if ((c->tensor[CONV_BIAS].dtype && try_graph(&m, true)) || try_graph(&m, false))
		return OK;
	char why[256] = "";
	cudnnGetLastErrorString(why, sizeof why);
	conv_plan_release(out);
	return fail(err, ERR_UNSUPPORTED, "cuDNN has no engine for this convolution: %s", why);
}

bool conv_plan_fuses(const struct op_call *call, cudnnHandle_t dnn, cudnnBackendDescriptor_t device)
{
	struct convolution c;
	struct conv_plan plan;
	struct error err;
	if (conv_read(call, &c, &err) != OK || !conv_types(&c) ||
	    !shape_elements(&c.tensor[CONV_Y].shape) || !shape_elements(&c.tensor[CONV_X].shape) ||
	    conv_plan_make(&c, dnn, device, 1, &plan, &err) != OK)
		return false;
	bool fuses = plan.fused;
	conv_plan_release(&plan);
	return fuses;
}

void conv_plan_release(struct conv_plan *plan)
{
	forget(plan, 0);
	free(plan->made);
	plan->made = NULL;
}

enum status conv_plan_run(const struct conv_plan *plan, uint32_t which, cudnnHandle_t dnn,
			  void *const data[CONV_PLACES], void *workspace)
{
	cudnnBackendDescriptor_t pack;
	int64_t ids[CONV_PLACES], n = 0;
	void *pointers[CONV_PLACES];
	for (int k = 0; k < (plan->fused ? CONV_PLACES : CONV_BIAS); k++)
		if (data[k]) {
			ids[n] = k;
			pointers[n++] = data[k];
		}
	if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack))
		return ERR_INTERNAL;
	bool failed = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
					       CUDNN_TYPE_INT64, n, ids) ||
		      cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
					       CUDNN_TYPE_VOID_PTR, n, pointers) ||
		      cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
					       CUDNN_TYPE_VOID_PTR, 1, &workspace) ||
		      cudnnBackendFinalize(pack) ||
		      cudnnBackendExecute(dnn, plan->plans[which], pack);
	cudnnBackendDestroyDescriptor(pack);
	return failed ? ERR_INTERNAL : OK;
}
