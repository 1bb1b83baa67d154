/*
 * dnn.c - oneDNN 2.x and 3.x behind dnn.h. The versions differ in memory descriptors (structs, then
 * pointers) and in how a primitive is described (a descriptor of the operation and an iterator, then
 * one call): the first section hides that. A primitive is described with the formats of the caller,
 * or free to choose (format "any"); where it chose another format than the caller's, a reorder runs
 * before or after it.
 */
#include "backend/cpu/dnn.h"

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

#ifndef HAVE_ONEDNN

enum status dnn_open(struct dnn **out, struct error *err)
{
	(void)err;
	*out = NULL;
	return OK;
}

void dnn_close(struct dnn *dnn)
{
	(void)dnn;
}

bool dnn_supports(enum dtype dtype)
{
	(void)dtype;
	return false;
}

bool dnn_wide(void)
{
	return false;
}

enum status dnn_gemm(const struct dnn_gemm *g)
{
	(void)g;
	return ERR_INTERNAL;
}

enum status dnn_conv_new(struct dnn *dnn, const struct dnn_conv *conv, struct dnn_op **out,
			 struct error *err)
{
	(void)dnn, (void)conv, (void)out;
	return fail(err, ERR_UNSUPPORTED, "built without oneDNN");
}

enum status dnn_matmul_new(struct dnn *dnn, const struct dnn_matmul *matmul, struct dnn_op **out,
			   struct error *err)
{
	(void)dnn, (void)matmul, (void)out;
	return fail(err, ERR_UNSUPPORTED, "built without oneDNN");
}

void dnn_op_free(struct dnn_op *op)
{
	(void)op;
}

size_t dnn_op_workspace(const struct dnn_op *op)
{
	(void)op;
	return 0;
}

const char *dnn_op_name(const struct dnn_op *op)
{
	(void)op;
	return "";
}

enum status dnn_op_run(struct dnn_op *op, void *const *data, void *workspace)
{
	(void)op, (void)data, (void)workspace;
	return ERR_INTERNAL;
}

#else

#include <oneapi/dnnl/dnnl.h>

#define V3 (DNNL_VERSION_MAJOR >= 3)
#define MAX_ARGS 4
#define ALIGN 64

struct dnn {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
};

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

/* ---- the two versions ---- */

#if V3
typedef dnnl_memory_desc_t memory_desc; /* owned */
typedef const_dnnl_memory_desc_t memory_desc_ref;
#define REF(d) (d)
#else
typedef dnnl_memory_desc_t memory_desc;
typedef const dnnl_memory_desc_t *memory_desc_ref;
#define REF(d) (&(d))
#endif

/* free_format: oneDNN chooses the order of the axes. */
static dnnl_status_t describe(const struct dnn_tensor *t, bool free_format, memory_desc *out)
{
	dnnl_data_type_t type = t->dtype == DT_BF16  ? dnnl_bf16
				: t->dtype == DT_F16 ? dnnl_f16
						     : dnnl_f32;
	dnnl_dims_t dim, stride;
	memset(out, 0, sizeof *out);
	if (!t->rank)
		return dnnl_success;
	for (int i = 0; i < t->rank; i++) {
		dim[i] = t->dim[i];
		stride[i] = t->stride[i];
	}
#if V3
	return free_format ? dnnl_memory_desc_create_with_tag(out, t->rank, dim, type,
							      dnnl_format_tag_any)
			   : dnnl_memory_desc_create_with_strides(out, t->rank, dim, type, stride);
#else
	return free_format
		       ? dnnl_memory_desc_init_by_tag(out, t->rank, dim, type, dnnl_format_tag_any)
		       : dnnl_memory_desc_init_by_strides(out, t->rank, dim, type, stride);
#endif
}

static void undescribe(memory_desc *d)
{
#if V3
	dnnl_memory_desc_destroy(*d);
#endif
	memset(d, 0, sizeof *d);
}

/* A walk over the implementations of an operation, the one that oneDNN prefers first. */
struct search {
	dnnl_primitive_desc_t pd; /* where it stands */
#if !V3
	dnnl_primitive_desc_iterator_t iterator;
	union { /* the iterator keeps a pointer to it */
		dnnl_convolution_desc_t conv;
		dnnl_matmul_desc_t matmul;
	} desc;
#endif
};

#if !V3
static dnnl_status_t search_start(struct search *s, struct dnn *dnn, const_dnnl_op_desc_t desc,
				  const_dnnl_primitive_attr_t attr,
				  const_dnnl_primitive_desc_t hint)
{
	dnnl_status_t status = dnnl_primitive_desc_iterator_create(&s->iterator, desc, attr,
								   dnn->engine, hint);
	if (status == dnnl_success)
		s->pd = dnnl_primitive_desc_iterator_fetch(s->iterator);
	return status;
}
#endif

/* Goes to the next implementation; false when there is none. */
static bool search_next(struct search *s)
{
#if V3
	return dnnl_primitive_desc_next_impl(s->pd) == dnnl_success;
#else
	if (dnnl_primitive_desc_iterator_next(s->iterator) != dnnl_success)
		return false;
	dnnl_primitive_desc_destroy(s->pd);
	s->pd = dnnl_primitive_desc_iterator_fetch(s->iterator);
	return true;
#endif
}

/* Ends the walk; s->pd stays, and is the caller's. */
static void search_end(struct search *s)
{
#if V3
	(void)s;
#else
	dnnl_primitive_desc_iterator_destroy(s->iterator);
#endif
}

struct conv_descs {
	memory_desc x, w, y, bias;
};

/* hint: an implementation of the forward pass, for a gradient. */
static dnnl_status_t search_conv(struct dnn *dnn, const struct dnn_conv *c,
				 const struct conv_descs *d, enum dnn_direction direction,
				 const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
				 struct search *out)
{
	dnnl_dims_t stride, dilation, begin, end;
	memory_desc_ref bias = c->bias.rank ? REF(d->bias) : NULL;
	for (int i = 0; i < c->x.rank - 2; i++) {
		stride[i] = c->stride[i];
		dilation[i] = c->dilation[i] - 1;
		begin[i] = c->pad_begin[i];
		end[i] = c->pad_end[i];
	}
#if V3
	switch (direction) {
	case DNN_GRAD_INPUT:
		return dnnl_convolution_backward_data_primitive_desc_create(
			&out->pd, dnn->engine, dnnl_convolution_direct, d->x, d->w, d->y, stride,
			dilation, begin, end, hint, attr);
	case DNN_GRAD_WEIGHT:
		return dnnl_convolution_backward_weights_primitive_desc_create(
			&out->pd, dnn->engine, dnnl_convolution_direct, d->x, d->w, bias, d->y,
			stride, dilation, begin, end, hint, attr);
	default:
		return dnnl_convolution_forward_primitive_desc_create(
			&out->pd, dnn->engine, dnnl_forward_training, dnnl_convolution_direct, d->x,
			d->w, bias, d->y, stride, dilation, begin, end, attr);
	}
#else
	dnnl_convolution_desc_t *desc = &out->desc.conv;
	dnnl_status_t s;
	switch (direction) {
	case DNN_GRAD_INPUT:
		s = dnnl_dilated_convolution_backward_data_desc_init(desc, dnnl_convolution_direct,
								     &d->x, &d->w, &d->y, stride,
								     dilation, begin, end);
		break;
	case DNN_GRAD_WEIGHT:
		s = dnnl_dilated_convolution_backward_weights_desc_init(
			desc, dnnl_convolution_direct, &d->x, &d->w, bias, &d->y, stride, dilation,
			begin, end);
		break;
	default:
		s = dnnl_dilated_convolution_forward_desc_init(desc, dnnl_forward_training,
							       dnnl_convolution_direct, &d->x,
							       &d->w, bias, &d->y, stride, dilation,
							       begin, end);
	}
	if (s != dnnl_success)
		return s;
	return search_start(out, dnn, desc, attr, hint);
#endif
}

static dnnl_status_t search_matmul(struct dnn *dnn, memory_desc_ref a, memory_desc_ref b,
				   memory_desc_ref bias, memory_desc_ref y,
				   const_dnnl_primitive_attr_t attr, struct search *out)
{
#if V3
	return dnnl_matmul_primitive_desc_create(&out->pd, dnn->engine, a, b, bias, y, attr);
#else
	dnnl_status_t s = dnnl_matmul_desc_init(&out->desc.matmul, a, b, bias, y);
	if (s != dnnl_success)
		return s;
	return search_start(out, dnn, &out->desc.matmul, attr, NULL);
#endif
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
static dnnl_primitive_desc_t search_best(struct search *s, enum goal goal)
{
	dnnl_primitive_desc_t found = NULL;
	do {
		const char *name = implementation(s->pd);
		if (!strstr(name, refused[goal][0]) && !strstr(name, refused[goal][1]))
			found = s->pd;
	} while (!found && search_next(s));
	search_end(s);
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
	dnnl_primitive_t primitive;
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

static size_t reserve(struct dnn_op *op, memory_desc_ref desc)
{
	size_t offset = op->workspace;
	op->workspace += (dnnl_memory_desc_get_size(desc) + ALIGN - 1) / ALIGN * ALIGN;
	return offset;
}

static dnnl_status_t make_reorder(struct dnn *dnn, memory_desc_ref from, memory_desc_ref to,
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
	memory_desc user;
	memory_desc_ref own = dnnl_primitive_desc_query_md(pd, role->query, role->index);
	*a = (struct dnn_arg){ .output = role->output, .data = role->data };
	dnnl_status_t s = describe(role->tensor, false, &user);
	if (s == dnnl_success)
		s = dnnl_memory_create(&a->user, REF(user), dnn->engine, DNNL_MEMORY_NONE);
	if (s == dnnl_success && !dnnl_memory_desc_equal(REF(user), own)) {
		a->offset = reserve(op, own);
		s = dnnl_memory_create(&a->own, own, dnn->engine, DNNL_MEMORY_NONE);
		if (s == dnnl_success)
			s = role->output ? make_reorder(dnn, own, REF(user), &a->reorder)
					 : make_reorder(dnn, REF(user), own, &a->reorder);
	}
	op->exec[op->n++] = (dnnl_exec_arg_t){ role->arg, a->own ? a->own : a->user };
	undescribe(&user);
	return s;
}

/* The operation of an implementation, which is freed. */
static enum status make_op(struct dnn *dnn, dnnl_primitive_desc_t pd, const struct role *roles,
			   int n, struct dnn_op **out, struct error *err)
{
	struct dnn_op *op = mem_alloc(sizeof *op);
	op->dnn = dnn;
	strncpy(op->name, implementation(pd), sizeof op->name - 1);
	dnnl_status_t s = dnnl_primitive_create(&op->primitive, pd);
	for (int i = 0; i < n && s == dnnl_success; i++)
		if (roles[i].tensor->rank)
			s = add_arg(op, pd, &roles[i]);
	if (s == dnnl_success) {
		memory_desc_ref d = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
		op->scratchpad_offset = reserve(op, d);
		s = dnnl_memory_create(&op->scratchpad, d, dnn->engine, DNNL_MEMORY_NONE);
		op->exec[op->n] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, op->scratchpad };
	}
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
	dnnl_primitive_destroy(op->primitive);
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
	struct conv_descs d = { 0 };
	struct search s;
	dnnl_primitive_desc_t found = NULL, hint = NULL;
	struct dnn_tensor forward_w = *w;
	forward_w.dtype = c->x.dtype;
	if (describe(&c->x, free_x, &d.x) == dnnl_success &&
	    describe(&c->y, free_x, &d.y) == dnnl_success &&
	    describe(&c->bias, true, &d.bias) == dnnl_success &&
	    describe(&forward_w, true, &d.w) == dnnl_success) {
		if (c->direction != DNN_FORWARD &&
		    search_conv(dnn, c, &d, DNN_FORWARD, attr, NULL, &s) == dnnl_success) {
			search_end(&s);
			hint = s.pd;
		}
		undescribe(&d.w);
		if (describe(w, true, &d.w) == dnnl_success &&
		    search_conv(dnn, c, &d, c->direction, attr, hint, &s) == dnnl_success)
			found = search_best(&s, goal);
	}
	dnnl_primitive_desc_destroy(hint);
	undescribe(&d.x);
	undescribe(&d.y);
	undescribe(&d.w);
	undescribe(&d.bias);
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
	memory_desc d[4] = { 0 };
	dnnl_primitive_attr_t attr = NULL;
	dnnl_primitive_desc_t pd = NULL;
	struct search search;
	dnnl_status_t s = make_attr(&attr);
	for (unsigned i = 0; i < 4 && s == dnnl_success; i++)
		s = describe(tensors[i], false, &d[i]);
	if (s == dnnl_success)
		s = search_matmul(dnn, REF(d[0]), REF(d[1]), m->bias.rank ? REF(d[2]) : NULL,
				  REF(d[3]), attr, &search);
	if (s == dnnl_success)
		pd = search_best(&search, GOAL_ANY);
	for (unsigned i = 0; i < 4; i++)
		undescribe(&d[i]);
	dnnl_primitive_attr_destroy(attr);
	if (s == dnnl_success && !pd)
		s = dnnl_unimplemented;
	TRY(convert(s, "matrix product", err));
	return make_op(dnn, pd, roles, ARRAY_SIZE(roles), out, err);
}

/* ---- the device ---- */

enum status dnn_open(struct dnn **out, struct error *err)
{
	struct dnn *dnn = mem_alloc(sizeof *dnn);
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

enum status dnn_gemm(const struct dnn_gemm *g)
{
	return convert(dnnl_sgemm(g->trans_a ? 'T' : 'N', g->trans_b ? 'T' : 'N', g->m, g->n, g->k,
				  1, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->ldc),
		       "matrix product", NULL);
}

#endif
