/*
 * compare.c - two models on the same data (see compare.h). The first one's outputs are kept in their
 * own type while the second is evaluated: the models never run side by side.
 */
#include "api/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ---- */

static double tolerance(double given)
{
	return given == CONFIG_AUTO ? 0 : given;
}

static void compare_element(struct parity *parity, const struct config *c, uint32_t sample,
			    double a, double b)
{
	bool same = a == b || (isnan(a) && isnan(b));
	double difference = same ? 0 : fabs(a - b);
	if (isnan(difference))
		difference = INFINITY;
	double relative = difference > 0 ? difference / fabs(b) : 0;
	if (isnan(relative))
		relative = INFINITY;
	parity->elements++;
	/* written so that an infinite or missing b does not hide a difference */
	if (!same && !(difference <= tolerance(c->atol) + tolerance(c->rtol) * fabs(b) &&
		       isfinite(difference)))
		parity->beyond++;
	if (difference > parity->max_absolute) {
		parity->max_absolute = difference;
		parity->worst_sample = sample;
	}
	parity->max_relative = fmax(parity->max_relative, relative);
}

static void compare_sample(const struct outputs *o, uint32_t sample, const struct tensor *y,
			   int64_t from, int64_t n)
{
	struct tensor a = o->first->type;
	a.data = o->first->data + (size_t)sample * tensor_bytes(&a);
	for (int64_t i = 0; i < n; i++)
		compare_element(o->parity, o->project->config, sample, tensor_get(&a, i),
				tensor_get(y, from + i));
}

/* ---- batches ---- */

/* The type of one sample of a batch of outputs. */
static struct tensor sample_type(const struct tensor *y)
{
	struct tensor type = { y->dtype, y->shape, NULL };
	type.shape.dim[0] = 1;
	return type;
}

static enum status begin(struct outputs *o, const struct tensor *y, struct error *err)
{
	const struct project *p = o->project;
	uint32_t n = p->dataset.validation.n;
	size_t bytes;
	o->type = sample_type(y);
	if (o->parity) {
		const struct outputs *first = o->first;
		o->parity->comparable = first->project->dataset.validation.n == n &&
					shape_elements(&first->type.shape) ==
						shape_elements(&o->type.shape);
		return OK;
	}
	if (!size_mul(tensor_bytes(&o->type), n, &bytes))
		return fail(err, ERR_MEMORY, "the outputs of %u samples are too large", n);
	o->seen = mem_alloc(n);
	return mem_try_alloc(bytes, (void **)&o->data, err);
}

static enum status observe(void *ctx, const struct batch *batch, const struct tensor *y,
			   struct error *err)
{
	struct outputs *o = ctx;
	if (!o->type.shape.rank)
		TRY(begin(o, y, err));
	int64_t n = shape_elements(&o->type.shape);
	size_t bytes = tensor_bytes(&o->type);
	for (uint32_t i = 0; i < batch->n; i++) {
		uint32_t sample = batch->samples[i];
		if (!o->parity) {
			memcpy(o->data + sample * bytes, (const uint8_t *)y->data + i * bytes,
			       bytes);
			o->seen[sample] = true;
		} else if (o->parity->comparable && o->first->seen[sample]) {
			compare_sample(o, sample, y, i * n, n);
		}
	}
	return OK;
}

static enum status evaluate(struct project *project, const char *description,
			    struct outputs *outputs, struct evaluated *out, struct error *err)
{
	project->observe = observe;
	project->observe_ctx = outputs;
	enum status status = project_evaluate(project, description, out, err);
	project->observe = NULL;
	return status;
}

enum status compare_first(struct project *project, struct outputs *outputs, struct evaluated *out,
			  struct error *err)
{
	*outputs = (struct outputs){ .project = project };
	return evaluate(project, "evaluate", outputs, out, err);
}

void outputs_release(struct outputs *outputs)
{
	free(outputs->data);
	free(outputs->seen);
	*outputs = (struct outputs){ 0 };
}

enum status compare_second(const struct project *project, const struct outputs *first,
			   struct comparison *out, struct problems *problems, struct error *err)
{
	*out = (struct comparison){ .config = *project->config };
	out->config.model = project->config->compare;
	TRY(project_open(&out->config, project->ui, false, &out->other, problems, err));
	struct outputs outputs = { .project = &out->other, .parity = &out->parity, .first = first };
	enum status status = evaluate(&out->other, "compare", &outputs, &out->evaluated, err);
	if (status == OK)
		return OK;
	problems_add(problems, err);
	project_release(&out->other);
	return status;
}

void compare_release(struct comparison *comparison)
{
	evaluated_release(&comparison->evaluated);
	project_release(&comparison->other);
}

bool compare_is_beyond(const struct config *config, const struct parity *parity)
{
	bool asked = config->atol != CONFIG_AUTO || config->rtol != CONFIG_AUTO;
	return asked && (!parity->comparable || parity->beyond);
}
