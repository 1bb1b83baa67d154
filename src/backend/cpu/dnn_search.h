/*
 * dnn_search.h - what differs between oneDNN 2.x and 3.x, for dnn.c alone: memory descriptors
 * (structs, then pointers) and how the implementations of an operation are found (a descriptor of the
 * operation and an iterator, then one call).
 */
#ifndef ONNXTUNE_BACKEND_CPU_DNN_SEARCH_H
#define ONNXTUNE_BACKEND_CPU_DNN_SEARCH_H

#include "backend/cpu/dnn.h"

#ifdef HAVE_ONEDNN
#include "backend/cpu/dnn_maker.h"

#include <oneapi/dnnl/dnnl.h>

#define DNN_V3 (DNNL_VERSION_MAJOR >= 3)

struct dnn {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	struct dnn_maker maker;
};

#if DNN_V3
typedef dnnl_memory_desc_t dnn_desc; /* owned */
typedef const_dnnl_memory_desc_t dnn_desc_ref;
#define DNN_REF(d) (d)
#else
typedef dnnl_memory_desc_t dnn_desc;
typedef const dnnl_memory_desc_t *dnn_desc_ref;
#define DNN_REF(d) (&(d))
#endif

/*
 * The descriptor of a tensor (rank 0: one that stands for none); free_format: oneDNN chooses the
 * order of the axes. dnn_undescribe frees it.
 */
dnnl_status_t dnn_describe(const struct dnn_tensor *t, bool free_format, dnn_desc *out);
void dnn_undescribe(dnn_desc *d);

/* A walk over the implementations of an operation, the one that oneDNN prefers first. */
struct dnn_search {
	dnnl_primitive_desc_t pd; /* where it stands */
#if !DNN_V3
	dnnl_primitive_desc_iterator_t iterator;
	union { /* the iterator keeps a pointer to it */
		dnnl_convolution_desc_t conv;
		dnnl_matmul_desc_t matmul;
	} desc;
#endif
};

struct dnn_conv_descs {
	dnn_desc x, w, y, bias;
};

/* Starts a walk. hint: an implementation of the forward pass, for a gradient. *out must stay where it
 * is until dnn_search_end. */
dnnl_status_t dnn_search_conv(struct dnn *dnn, const struct dnn_conv *c,
			      const struct dnn_conv_descs *d, enum dnn_direction direction,
			      const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
			      struct dnn_search *out);
dnnl_status_t dnn_search_matmul(struct dnn *dnn, dnn_desc_ref a, dnn_desc_ref b, dnn_desc_ref bias,
				dnn_desc_ref y, const_dnnl_primitive_attr_t attr,
				struct dnn_search *out);

/* Goes to the next implementation; false when there is none. */
bool dnn_search_next(struct dnn_search *s);
/* Ends the walk; s->pd stays, and is the caller's. */
void dnn_search_end(struct dnn_search *s);

#endif
#endif
