/* new_head_parts.h - private to new_head.c and new_head_on.c: a new head in the making. */
#ifndef ONNXTUNE_API_NEW_HEAD_PARTS_H
#define ONNXTUNE_API_NEW_HEAD_PARTS_H

#include "api/new_head.h"

/* A constant of the loaded graph and what takes its place, everywhere or where one node reads it. */
struct head_change {
	uint32_t value;
	struct tensor to;
	uint32_t reader, operand; /* 0: everywhere */
	uint32_t was;             /* the value that the reader has there */
};

struct head_work {
	const struct new_head *request;
	struct arena arena;
	ARRAY(void *) buffers; /* elements of new tensors */
	ARRAY(struct head_change) changes;
	ARRAY(struct onnx_axis_edit) axes;
	ARRAY(const char *) tensors; /* names of the head's, in the request's arena */
	ARRAY(struct onnx_input_edit) inputs;
	const Onnx__GraphProto *front, *back; /* added to the graph, NULL: nothing */
};

/* A zeroed tensor that lives as long as the work. */
enum status MUST_CHECK head_tensor(struct head_work *w, enum dtype dtype, const struct shape *shape,
				   struct tensor *out, struct error *err);

/* Uniform in +-1/sqrt(fan_in); `axis` counts classes, `stream` tells tensors apart. */
void head_fill(struct tensor *t, int axis, uint64_t seed, uint64_t stream, int64_t fan_in);

/* Notes the name of a tensor of the head. */
void head_name(struct head_work *w, const char *name);

/* A name that nothing in the graph has: this one, or with a number behind. */
char *head_free_name(struct head_work *w, const char *wish);

/* Declares the added initializers as inputs too where the version of the file wants it. */
void head_declare_tensors(struct head_work *w, Onnx__GraphProto *added);

/* The head on the value `request->on`: fills front and back (new_head_on.c). */
enum status MUST_CHECK head_put_on(struct head_work *w, struct problems *problems,
				   struct error *err);

#endif
