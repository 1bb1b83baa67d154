/*
 * dnn.c - operations of oneDNN that run (see dnn.h). A primitive is described with the formats of the
 * caller, or free to choose; where it chose another format than the caller's, a reorder runs before
 * or after it.
 */
#include "backend/cpu/dnn_search.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct dnn_tensor dnn_tensor(enum dtype dtype, const struct shape *shape, enum layout layout)
{
	struct dnn_tensor t = { .dtype = dtype, .rank = shape->rank };
	int64_t stride = 1;
	memcpy(t.dim, shape->dim, sizeof t.dim);
	if (layout == LAYOUT_LAST) {
		t.stride[1] = 1;
		stride = shape->dim[1];
	}
	for (int i = shape->rank - 1; i >= 0; i--) {
		if (layout == LAYOUT_LAST && i == 1)
			continue;
		t.stride[i] = stride;
		stride *= shape->dim[i];
	}
	return t;
}

#ifdef HAVE_ONEDNN

#define MAX_ARGS 4
#define ALIGN 64

static enum status convert(dnnl_status_t s, const char *what, struct error *err)
{
	switch (s) {
	case dnnl_success:
		return OK;
	case dnnl_out_of_memory:
		return fail(err, ERR_MEMORY, "oneDNN: no memory for %s", what);
	case dnnl_unimplemented:
	case dnnl_invalid_arguments:
		return fail(err, ERR_UNSUPPORTED, "oneDNN has no %s of this form", what);
	default:
		return fail(err, ERR_INTERNAL, "oneDNN: %s failed with status %d", what, (int)s);
	}
}

static const char *implementation(const_dnnl_primitive_desc_t pd)
{
	const char *name = NULL;
	dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
	return name ? name : "";
}

/* Goals of a search, from the most wanted: names that an implementation must not contain. */
enum goal { GOAL_FAST, GOAL_ANY, GOAL_COUNT };
static const char *const refused[GOAL_COUNT][2] = {
	[GOAL_FAST] = { "ref", "gemm" },
	[GOAL_ANY] = { "ref", "ref" },
};

/* Ends the search at the first implementation that serves the goal, or gives NULL. */
static dnnl_primitive_desc_t search_best(struct dnn_search *s, enum goal goal)
{
	dnnl_primitive_desc_t found = NULL;
	do {
		const char *name = implementation(s->pd);
		if (!strstr(name, refused[goal][0]) && !strstr(name, refused[goal][1]))
			found = s->pd;
	} while (!found && dnn_search_next(s));
	dnn_search_end(s);
	if (!found)
		dnnl_primitive_desc_destroy(s->pd);
	return found;
}

/* ---- an operation that runs ---- */

/* One operand, in the format of the caller and in that of the primitive. */
struct dnn_arg {
	dnnl_memory_t user, own;  /* own: NULL where it is the same */
	dnnl_primitive_t reorder; /* user to own, or own to user for an output */
	bool output;
	int data;      /* its index in what dnn_op_run gets */
	size_t offset; /* of own in the workspace */
};

struct dnn_op {
	struct dnn *dnn;
	struct dnn_job job;
	dnnl_primitive_t primitive; /* the job's, NULL until the first run */
	int n;
	struct dnn_arg args[MAX_ARGS];
	dnnl_exec_arg_t exec[MAX_ARGS + 1]; /* the last one is the scratchpad */
	dnnl_memory_t scratchpad;
	size_t scratchpad_offset, workspace;
	char name[64];
};

/* What an operand is to the primitive. */
struct role {
	int arg;            /* DNNL_ARG_... */
	dnnl_query_t query; /* what tells its format in the primitive, and which of several */
	int index;
	int data;
	bool output;
	const struct dnn_tensor *tensor;
};

static size_t reserve(struct dnn_op *op, dnn_desc_ref desc)
{
	size_t offset = op->workspace;
	op->workspace += (dnnl_memory_desc_get_size(desc) + ALIGN - 1) / ALIGN * ALIGN;
	return offset;
}

static dnnl_status_t make_reorder(struct dnn *dnn, dnn_desc_ref from, dnn_desc_ref to,
				  dnnl_primitive_t *out)
{
	dnnl_primitive_desc_t pd;
	dnnl_status_t s = dnnl_reorder_primitive_desc_create(&pd, from, dnn->engine, to,
							     dnn->engine, NULL);
	if (s != dnnl_success)
		return s;
	s = dnnl_primitive_create(out, pd);
	dnnl_primitive_desc_destroy(pd);
	return s;
}

static dnnl_status_t add_arg(struct dnn_op *op, const_dnnl_primitive_desc_t pd,
			     const struct role *role)
{
	struct dnn *dnn = op->dnn;
	struct dnn_arg *a = &op->args[op->n];
	dnn_desc user;
	dnn_desc_ref own = dnnl_primitive_desc_query_md(pd, role->query, role->index);
	*a = (struct dnn_arg){ .output = role->output, .data = role->data };
	dnnl_status_t s = dnn_describe(role->tensor, false, &user);
	if (s == dnnl_success)
		s = dnnl_memory_create(&a->user, DNN_REF(user), dnn->engine, DNNL_MEMORY_NONE);
	if (s == dnnl_success && !dnnl_memory_desc_equal(DNN_REF(user), own)) {
		a->offset = reserve(op, own);
		s = dnnl_memory_create(&a->own, own, dnn->engine, DNNL_MEMORY_NONE);
		if (s == dnnl_success)
			s = role->output ? make_reorder(dnn, own, DNN_REF(user), &a->reorder)
					 : make_reorder(dnn, DNN_REF(user), own, &a->reorder);
	}
	op->exec[op->n++] = (dnnl_exec_arg_t){ role->arg, a->own ? a->own : a->user };
	dnn_undescribe(&user);
	return s;
}

/* The operation of an implementation, which is freed. */
static enum status make_op(struct dnn *dnn, dnnl_primitive_desc_t pd, const struct role *roles,
			   int n, struct dnn_op **out, struct error *err)
{
	struct dnn_op *op = mem_alloc(sizeof *op);
	op->dnn = dnn;
	strncpy(op->name, implementation(pd), sizeof op->name - 1);
	dnnl_status_t s = dnnl_success;
	for (int i = 0; i < n && s == dnnl_success; i++)
		if (roles[i].tensor->rank)
			s = add_arg(op, pd, &roles[i]);
	if (s == dnnl_success) {
		dnn_desc_ref d = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
		op->scratchpad_offset = reserve(op, d);
		s = dnnl_memory_create(&op->scratchpad, d, dnn->engine, DNNL_MEMORY_NONE);
		op->exec[op->n] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, op->scratchpad };
	}
	if (s == dnnl_success)
		s = dnn_maker_ask(&dnn->maker, &op->job, pd);
	else
		dnnl_primitive_desc_destroy(pd);
	if (s != dnnl_success) {
		dnn_op_free(op);
		return convert(s, "primitive", err);
	}
	*out = op;
	return OK;
}

void dnn_op_free(struct dnn_op *op)
{
	if (!op)
		return;
	for (int i = 0; i < op->n; i++) {
		dnnl_memory_destroy(op->args[i].user);
		dnnl_memory_destroy(op->args[i].own);
		dnnl_primitive_destroy(op->args[i].reorder);
	}
	dnnl_memory_destroy(op->scratchpad);
	dnn_maker_drop(&op->dnn->maker, &op->job);
	free(op);
}

size_t dnn_op_workspace(const struct dnn_op *op)
{
	return op->workspace;
}

const char *dnn_op_name(const struct dnn_op *op)
{
	return op->name;
}

/* oneDNN 2.x may touch padded memory when it is set: only where it changes. */
static dnnl_status_t set_memory(dnnl_memory_t memory, void *p)
{
	void *now;
	dnnl_status_t s = dnnl_memory_get_data_handle(memory, &now);
	if (s == dnnl_success && now != p)
		s = dnnl_memory_set_data_handle(memory, p);
	return s;
}

static dnnl_status_t reorder(struct dnn_op *op, const struct dnn_arg *a)
{
	dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, a->output ? a->own : a->user },
				   { DNNL_ARG_TO, a->output ? a->user : a->own } };
	return dnnl_primitive_execute(a->reorder, op->dnn->stream, 2, args);
}

enum status dnn_op_run(struct dnn_op *op, void *const *data, void *workspace)
{
	dnnl_status_t s = set_memory(op->scratchpad, (char *)workspace + op->scratchpad_offset);
	if (s == dnnl_success && !op->primitive)
		s = dnn_maker_take(&op->dnn->maker, &op->job, &op->primitive);
	for (int i = 0; i < op->n && s == dnnl_success; i++) {
		struct dnn_arg *a = &op->args[i];
		s = set_memory(a->user, data[a->data]);
		if (s == dnnl_success && a->own)
			s = set_memory(a->own, (char *)workspace + a->offset);
		if (s == dnnl_success && a->own && !a->output)
			s = reorder(op, a);
	}
	if (s == dnnl_success)
		s = dnnl_primitive_execute(op->primitive, op->dnn->stream, op->n + 1, op->exec);
	for (int i = 0; i < op->n && s == dnnl_success; i++)
		if (op->args[i].own && op->args[i].output)
			s = reorder(op, &op->args[i]);
	if (s == dnnl_success)
		s = dnnl_stream_wait(op->dnn->stream);
	return convert(s, "run", NULL);
}

/* ---- the operations ---- */

/* All primitives take their scratch memory from the workspace. */
static dnnl_status_t make_attr(dnnl_primitive_attr_t *out)
{
	dnnl_status_t s = dnnl_primitive_attr_create(out);
	if (s == dnnl_success)
		s = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
	return s;
}

/* Splits the first axis of weights (or none) by groups: [k, ...] to [group, k / group, ...]. */
static struct dnn_tensor grouped(const struct dnn_tensor *w, int64_t group)
{
	struct dnn_tensor t = *w;
	if (group == 1)
		return t;
	memmove(t.dim + 1, w->dim, (DNN_MAX_RANK - 1) * sizeof *t.dim);
	memmove(t.stride + 1, w->stride, (DNN_MAX_RANK - 1) * sizeof *t.stride);
	t.rank++;
	t.dim[0] = group;
	t.dim[1] /= group;
	t.stride[0] = t.dim[1] * t.stride[1];
	return t;
}

/* An implementation of the convolution for the goal; free_x: in whatever format for x and y. */
static dnnl_primitive_desc_t find_conv(struct dnn *dnn, const struct dnn_conv *c,
				       const struct dnn_tensor *w, enum goal goal, bool free_x,
				       const_dnnl_primitive_attr_t attr)
{
	struct dnn_conv_descs d = { 0 };
	struct dnn_search s;
	dnnl_primitive_desc_t found = NULL, hint = NULL;
	struct dnn_tensor forward_w = *w;
	forward_w.dtype = c->x.dtype;
	if (dnn_describe(&c->x, free_x, &d.x) == dnnl_success &&
	    dnn_describe(&c->y, free_x, &d.y) == dnnl_success &&
	    dnn_describe(&c->bias, true, &d.bias) == dnnl_success &&
	    dnn_describe(&forward_w, true, &d.w) == dnnl_success) {
		if (c->direction != DNN_FORWARD &&
		    dnn_search_conv(dnn, c, &d, DNN_FORWARD, attr, NULL, &s) == dnnl_success) {
			dnn_search_end(&s);
			hint = s.pd;
		}
		dnn_undescribe(&d.w);
		if (dnn_describe(w, true, &d.w) == dnnl_success &&
		    dnn_search_conv(dnn, c, &d, c->direction, attr, hint, &s) == dnnl_success)
			found = search_best(&s, goal);
	}
	dnnl_primitive_desc_destroy(hint);
	dnn_undescribe(&d.x);
	dnn_undescribe(&d.y);
	dnn_undescribe(&d.w);
	dnn_undescribe(&d.bias);
	return found;
}

enum status dnn_conv_new(struct dnn *dnn, const struct dnn_conv *conv, struct dnn_op **out,
			 struct error *err)
{
	static const struct {
		enum goal goal;
		bool free_x;
	} formulations[] = {
		{ GOAL_FAST, false },
		{ GOAL_FAST, true },
		{ GOAL_ANY, false },
		{ GOAL_ANY, true },
	};
	struct dnn_tensor w = grouped(&conv->w, conv->group);
	const struct role roles[][MAX_ARGS] = {
		[DNN_FORWARD] = {
			{ DNNL_ARG_SRC, dnnl_query_src_md, 0, 0, false, &conv->x },
			{ DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, 1, false, &w },
			{ DNNL_ARG_DST, dnnl_query_dst_md, 0, 2, true, &conv->y },
			{ DNNL_ARG_BIAS, dnnl_query_weights_md, 1, 3, false, &conv->bias },
		},
		[DNN_GRAD_INPUT] = {
			{ DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, 0, true, &conv->x },
			{ DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, 1, false, &w },
			{ DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, 2, false, &conv->y },
			{ DNNL_ARG_BIAS, dnnl_query_weights_md, 1, 3, false, &conv->bias },
		},
		[DNN_GRAD_WEIGHT] = {
			{ DNNL_ARG_SRC, dnnl_query_src_md, 0, 0, false, &conv->x },
			{ DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, 1, true, &w },
			{ DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, 2, false, &conv->y },
			{ DNNL_ARG_BIAS, dnnl_query_weights_md, 1, 3, false, &conv->bias },
		},
	};
	dnnl_primitive_attr_t attr = NULL;
	dnnl_primitive_desc_t pd = NULL;
	enum status status = convert(make_attr(&attr), "attribute", err);
	for (unsigned i = 0; status == OK && !pd && i < ARRAY_SIZE(formulations); i++)
		pd = find_conv(dnn, conv, &w, formulations[i].goal, formulations[i].free_x, attr);
	if (status == OK)
		status = pd ? make_op(dnn, pd, roles[conv->direction], MAX_ARGS, out, err)
			    : fail(err, ERR_UNSUPPORTED, "oneDNN has no such convolution");
	dnnl_primitive_attr_destroy(attr);
	return status;
}

enum status dnn_matmul_new(struct dnn *dnn, const struct dnn_matmul *m, struct dnn_op **out,
			   struct error *err)
{
	const struct role roles[] = {
		{ DNNL_ARG_SRC, dnnl_query_src_md, 0, 0, false, &m->a },
		{ DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, 1, false, &m->b },
		{ DNNL_ARG_BIAS, dnnl_query_weights_md, 1, 2, false, &m->bias },
		{ DNNL_ARG_DST, dnnl_query_dst_md, 0, 3, true, &m->y },
	};
	const struct dnn_tensor *tensors[] = { &m->a, &m->b, &m->bias, &m->y };
	dnn_desc d[4] = { 0 };
	dnnl_primitive_attr_t attr = NULL;
	dnnl_primitive_desc_t pd = NULL;
	struct dnn_search search;
	dnnl_status_t s = make_attr(&attr);
	for (unsigned i = 0; i < 4 && s == dnnl_success; i++)
		s = dnn_describe(tensors[i], false, &d[i]);
	if (s == dnnl_success)
		s = dnn_search_matmul(dnn, DNN_REF(d[0]), DNN_REF(d[1]),
				      m->bias.rank ? DNN_REF(d[2]) : NULL, DNN_REF(d[3]), attr,
				      &search);
	if (s == dnnl_success)
		pd = search_best(&search, GOAL_ANY);
	for (unsigned i = 0; i < 4; i++)
		dnn_undescribe(&d[i]);
	dnnl_primitive_attr_destroy(attr);
	if (s == dnnl_success && !pd)
		s = dnnl_unimplemented;
	TRY(convert(s, "matrix product", err));
	return make_op(dnn, pd, roles, ARRAY_SIZE(roles), out, err);
}

/* ---- the device ---- */

enum status dnn_open(struct dnn **out, struct error *err)
{
	/*
	 * The matrix product of oneDNN 2.6 reads some bytes behind its own buffers, which crashes
	 * where a page ends there: keep one heap with room at its end, and no mappings of their own.
	 */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_MMAP_THRESHOLD, 1 << 25);
	struct dnn *dnn = mem_alloc(sizeof *dnn);
	dnn_maker_init(&dnn->maker);
	dnnl_status_t s = dnnl_engine_create(&dnn->engine, dnnl_cpu, 0);
	if (s == dnnl_success)
		s = dnnl_stream_create(&dnn->stream, dnn->engine, dnnl_stream_default_flags);
	if (s != dnnl_success) {
		dnn_close(dnn);
		return convert(s, "engine", err);
	}
	*out = dnn;
	return OK;
}

void dnn_close(struct dnn *dnn)
{
	if (!dnn)
		return;
	dnn_maker_release(&dnn->maker);
	dnnl_stream_destroy(dnn->stream);
	dnnl_engine_destroy(dnn->engine);
	free(dnn);
}

/* Whether the instruction set, a set of bits, is used. */
static bool has_isa(unsigned isa)
{
	return !(isa & ~(unsigned)dnnl_get_effective_cpu_isa());
}

bool dnn_supports(enum dtype dtype)
{
	return dtype == DT_F32 || (dtype == DT_BF16 && has_isa(dnnl_cpu_isa_avx512_core_bf16));
}

bool dnn_wide(void)
{
	return has_isa(dnnl_cpu_isa_avx512_core);
}

bool dnn_batch_reduces(void)
{
	return dnn_wide() || (DNN_V3 && has_isa(dnnl_cpu_isa_avx2));
}

enum status dnn_gemm(const struct dnn_gemm *g)
{
	return convert(dnnl_sgemm(g->trans_a ? 'T' : 'N', g->trans_b ? 'T' : 'N', g->m, g->n, g->k,
				  1, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->ldc),
		       "matrix product", NULL);
}

#endif
