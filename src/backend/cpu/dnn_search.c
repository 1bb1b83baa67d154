/* dnn_search.c - oneDNN 2.x and 3.x as one (see dnn_search.h). */
#include "backend/cpu/dnn_search.h"

#ifdef HAVE_ONEDNN
#include <string.h>

/* free_format: oneDNN chooses the order of the axes. */
dnnl_status_t dnn_describe(const struct dnn_tensor *t, bool free_format, dnn_desc *out)
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
#if DNN_V3
	return free_format ? dnnl_memory_desc_create_with_tag(out, t->rank, dim, type,
							      dnnl_format_tag_any)
			   : dnnl_memory_desc_create_with_strides(out, t->rank, dim, type, stride);
#else
	return free_format
		       ? dnnl_memory_desc_init_by_tag(out, t->rank, dim, type, dnnl_format_tag_any)
		       : dnnl_memory_desc_init_by_strides(out, t->rank, dim, type, stride);
#endif
}

void dnn_undescribe(dnn_desc *d)
{
#if DNN_V3
	dnnl_memory_desc_destroy(*d);
#endif
	memset(d, 0, sizeof *d);
}

#if !DNN_V3
static dnnl_status_t search_start(struct dnn_search *s, struct dnn *dnn, const_dnnl_op_desc_t desc,
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

bool dnn_search_next(struct dnn_search *s)
{
#if DNN_V3
	return dnnl_primitive_desc_next_impl(s->pd) == dnnl_success;
#else
	if (dnnl_primitive_desc_iterator_next(s->iterator) != dnnl_success)
		return false;
	dnnl_primitive_desc_destroy(s->pd);
	s->pd = dnnl_primitive_desc_iterator_fetch(s->iterator);
	return true;
#endif
}

void dnn_search_end(struct dnn_search *s)
{
#if DNN_V3
	(void)s;
#else
	dnnl_primitive_desc_iterator_destroy(s->iterator);
#endif
}

dnnl_status_t dnn_search_conv(struct dnn *dnn, const struct dnn_conv *c,
			      const struct dnn_conv_descs *d, enum dnn_direction direction,
			      const_dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint,
			      struct dnn_search *out)
{
	dnnl_dims_t stride, dilation, begin, end;
	dnn_desc_ref bias = c->bias.rank ? DNN_REF(d->bias) : NULL;
	for (int i = 0; i < c->x.rank - 2; i++) {
		stride[i] = c->stride[i];
		dilation[i] = c->dilation[i] - 1;
		begin[i] = c->pad_begin[i];
		end[i] = c->pad_end[i];
	}
#if DNN_V3
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

dnnl_status_t dnn_search_matmul(struct dnn *dnn, dnn_desc_ref a, dnn_desc_ref b, dnn_desc_ref bias,
				dnn_desc_ref y, const_dnnl_primitive_attr_t attr,
				struct dnn_search *out)
{
#if DNN_V3
	return dnnl_matmul_primitive_desc_create(&out->pd, dnn->engine, a, b, bias, y, attr);
#else
	dnnl_status_t s = dnnl_matmul_desc_init(&out->desc.matmul, a, b, bias, y);
	if (s != dnnl_success)
		return s;
	return search_start(out, dnn, &out->desc.matmul, attr, NULL);
#endif
}

#endif
