/* targets.c - checks and conversions of a dataset's arrays (see targets.h). */
#include "data/targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The sample that element i belongs to. */
static long long sample_of(const struct tensor *t, int64_t i)
{
	int64_t per = 1;
	for (int a = 1; a < t->shape.rank; a++)
		per *= t->shape.dim[a];
	return (long long)(per ? i / per : 0);
}

static enum status allocate(enum dtype dtype, const struct shape *shape, struct tensor *out,
			    struct error *err)
{
	size_t bytes = 0;
	struct tensor t = { dtype, *shape, NULL };
	TRY(tensor_size(dtype, shape, &bytes, err));
	TRY(mem_try_alloc(bytes, &t.data, err));
	*out = t;
	return OK;
}

enum status targets_class(const struct tensor *in, int64_t i, uint32_t limit,
			  const int64_t *ignored, int64_t *out, struct error *err)
{
	int64_t x;
	if (dtype_is_float(in->dtype)) {
		double d = tensor_get(in, i);
		if (!(fabs(d) < 0x1p53) || d != floor(d))
			return fail(err, ERR_INPUT,
				    "label %g of sample %lld is not a whole number, but the model "
				    "tells classes apart",
				    d, sample_of(in, i));
		x = (int64_t)d;
	} else {
		x = tensor_get_int(in, i);
	}
	if (x == -100 || (ignored && x == *ignored))
		x = IGNORED_CLASS;
	if (x != IGNORED_CLASS && (x < 0 || x >= (int64_t)limit))
		return fail(err, ERR_INPUT,
			    "label %lld of sample %lld is outside 0 to %u (and not -1 or -100, "
			    "which stand for: ignore)",
			    (long long)x, sample_of(in, i), limit - 1);
	*out = x;
	return OK;
}

enum status targets_classes(const struct tensor *in, uint32_t classes, const int64_t *ignored,
			    struct tensor *out, struct error *err)
{
	struct tensor t = { 0 };
	struct shape shape = in->shape;
	if (shape.rank == 2 && shape.dim[1] == 1)
		shape.rank = 1;
	TRY(allocate(DT_I64, &shape, &t, err));
	int64_t *x = t.data, n = shape_elements(&shape);
	for (int64_t i = 0; i < n; i++) {
		enum status status = targets_class(in, i, classes ? classes : CLASSES_MAX, ignored,
						   &x[i], err);
		if (status != OK) {
			free(t.data);
			return status;
		}
	}
	*out = t;
	return OK;
}

enum status targets_values(const struct tensor *in, struct tensor *out, struct error *err)
{
	struct tensor t = { 0 };
	TRY(allocate(DT_F32, &in->shape, &t, err));
	float *x = t.data;
	int64_t n = shape_elements(&in->shape);
	for (int64_t i = 0; i < n; i++) {
		x[i] = (float)tensor_get(in, i);
		if (!isfinite(x[i])) {
			fail(err, ERR_INPUT, "the target of sample %lld is %s", sample_of(in, i),
			     isnan(x[i]) ? "NaN" : "infinite as a float32");
			free(t.data);
			return ERR_INPUT;
		}
	}
	*out = t;
	return OK;
}

enum status targets_weights(const struct tensor *in, uint32_t n, float **out, struct error *err)
{
	char text[SHAPE_TEXT];
	void *p;
	if (in->shape.rank != 1 || in->shape.dim[0] != (int64_t)n)
		return fail(err, ERR_INPUT, "has shape %s, but there are %u samples",
			    shape_format(&in->shape, text), n);
	TRY(mem_try_alloc(n * sizeof **out, &p, err));
	float *w = p;
	bool any = false;
	for (uint32_t i = 0; i < n; i++) {
		w[i] = (float)tensor_get(in, i);
		if (!isfinite(w[i]) || w[i] < 0) {
			fail(err, ERR_INPUT, "the weight of sample %u is %g", i, (double)w[i]);
			free(w);
			return ERR_INPUT;
		}
		any |= w[i] > 0;
	}
	if (!any) {
		free(w);
		return fail(err, ERR_INPUT, "all weights are 0");
	}
	*out = w;
	return OK;
}

/*
 * Whether one of 1024 numbers in float32 is NaN or infinite: a constant number, vectorized as such. They
 * are a page, beyond which the machine does not read ahead by itself.
 */
static bool is_any_non_finite(const char *data)
{
	enum { PAGE = 4096, LINE = 64 };
	uint32_t any = 0;
	for (int i = 0; i < PAGE; i += LINE)
		__builtin_prefetch((const void *)((uintptr_t)data + PAGE + (uintptr_t)i));
	for (int i = 0; i < 1024; i++) {
		uint32_t u;
		memcpy(&u, data + 4 * i, sizeof u);
		any |= (u & 0x7f800000) == 0x7f800000;
	}
	return any;
}

/* The first element that is NaN or infinite, or -1. */
static int64_t find_non_finite(const struct tensor *t)
{
	int64_t n = dtype_is_float(t->dtype) ? shape_elements(&t->shape) : 0, i = 0;
	if (t->dtype == DT_F32) /* the usual case, at the speed of memory */
		while (n - i >= 1024 && !is_any_non_finite((const char *)t->data + 4 * i))
			i += 1024;
	for (; i < n; i++)
		if (!isfinite(tensor_get(t, i)))
			return i;
	return -1;
}

/* Integers must survive the model's type. */
static enum status check_fits(const struct tensor *in, enum dtype dtype, struct error *err)
{
	uint64_t element;
	struct tensor one = { dtype, SHAPE_SCALAR, &element };
	int64_t n = in->dtype == dtype ? 0 : shape_elements(&in->shape);
	for (int64_t i = 0; i < n; i++) {
		int64_t x = tensor_get_int(in, i);
		tensor_set_int(&one, 0, x);
		if (tensor_get_int(&one, 0) != x)
			return fail(err, ERR_INPUT,
				    "sample %lld holds %lld, more than the model's %s can",
				    sample_of(in, i), (long long)x, dtype_name(dtype));
	}
	return OK;
}

enum status inputs_check(const struct tensor *in, const struct data_input *input, struct error *err)
{
	char has[SHAPE_TEXT], needs[SHAPE_TEXT];
	bool fits = in->shape.rank == input->shape.rank && in->shape.rank > 0;
	for (int a = 1; fits && a < in->shape.rank; a++)
		fits = input->shape.dim[a] < 0 || input->shape.dim[a] == in->shape.dim[a];
	if (!fits)
		return fail(err, ERR_INPUT, "has shape %s, but the model takes %s (samples first)",
			    shape_format(&in->shape, has), shape_format(&input->shape, needs));
	bool numeric = dtype_is_float(in->dtype) || dtype_is_integer(in->dtype) ||
		       in->dtype == DT_BOOL;
	bool takes = dtype_is_trainable(input->dtype) ||
		     (dtype_is_integer(input->dtype) && dtype_bits(input->dtype) >= 8 &&
		      !dtype_is_float(in->dtype)) ||
		     input->dtype == in->dtype;
	if (!numeric || !takes)
		return fail(err, ERR_INPUT, "holds %s, but the model takes %s",
			    dtype_name(in->dtype), dtype_name(input->dtype));
	if (dtype_is_integer(input->dtype))
		return check_fits(in, input->dtype, err);
	int64_t bad = find_non_finite(in);
	if (bad >= 0)
		return fail(err, ERR_INPUT, "sample %lld holds %s", sample_of(in, bad),
			    isnan(tensor_get(in, bad)) ? "NaN" : "an infinite number");
	return OK;
}

/* The pairs of types that are worth a loop of their own: NumPy's default, and pixels. */
#define CONVERT(from)                                                                              \
	for (int64_t i = 0; i < n; i++) {                                                          \
		from x;                                                                            \
		memcpy(&x, data + (size_t)i * sizeof x, sizeof x);                                 \
		((float *)out->data)[i] = (float)x;                                                \
	}

void inputs_convert(const struct tensor *in, int64_t first, int64_t n, struct tensor *out)
{
	size_t element = dtype_bits(in->dtype) / 8;
	const char *data = (const char *)in->data + (size_t)first * element;
	if (in->dtype == out->dtype) {
		memcpy(out->data, data, (size_t)n * element);
	} else if (in->dtype == DT_F64 && out->dtype == DT_F32) {
		CONVERT(double)
	} else if (in->dtype == DT_U8 && out->dtype == DT_F32) {
		CONVERT(uint8_t)
	} else if (dtype_is_integer(out->dtype)) {
		for (int64_t i = 0; i < n; i++)
			tensor_set_int(out, i, tensor_get_int(in, first + i));
	} else {
		for (int64_t i = 0; i < n; i++)
			tensor_set(out, i, tensor_get(in, first + i));
	}
}
