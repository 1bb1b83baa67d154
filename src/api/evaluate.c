/*
 * evaluate.c - the validation part through the model: predictions, counts, loss (see project.h).
 * All is computed in double from the outputs as the model gives them.
 */
#include "api/project.h"

#include "eval/report.h"

#include <math.h>
#include <stdlib.h>

/* Scores of one sample (or one position of it): n numbers, `step` elements apart. */
struct scores_view {
	const struct tensor *t;
	int64_t first, step, n;
};

static double score(const struct scores_view *s, int64_t k)
{
	return tensor_get(s->t, s->first + k * s->step);
}

static int64_t arg_max(const struct scores_view *s)
{
	int64_t best = 0;
	for (int64_t k = 1; k < s->n; k++)
		if (score(s, k) > score(s, best))
			best = k;
	return best;
}

/* -log of the probability of a class, whatever the model ends in. */
static double class_loss(const struct scores_view *s, enum ending ending, int64_t label)
{
	double max = -INFINITY, sum = 0;
	if (ending == ENDING_SOFTMAX)
		return -log(fmax(score(s, label), 1e-300));
	if (ending == ENDING_LOG_SOFTMAX)
		return -score(s, label);
	for (int64_t k = 0; k < s->n; k++)
		max = fmax(max, score(s, k));
	for (int64_t k = 0; k < s->n; k++)
		sum += exp(score(s, k) - max);
	return max + log(sum) - score(s, label);
}

/* Binary cross-entropy of one score, a probability or a logit. */
static double binary_loss(double x, enum ending ending, double target)
{
	if (ending == ENDING_SIGMOID)
		return -(target * log(fmax(x, 1e-300)) + (1 - target) * log(fmax(1 - x, 1e-300)));
	return fmax(x, 0) - x * target + log1p(exp(-fabs(x)));
}

static bool wants_mistakes(const struct project *p)
{
	return p->config->report && report_form_of(p->config->report) == REPORT_HTML;
}

/* A wrong prediction, for the list of the worst. The loss of a class is -log of its probability. */
static void note_mistake(const struct project *p, struct evaluated *out, uint32_t sample,
			 int64_t truth, double truth_loss, int64_t predicted, double predicted_loss)
{
	if (truth == predicted || !wants_mistakes(p))
		return;
	mistakes_add(&out->mistakes, &(struct mistake){
					     .sample = sample,
					     .truth = (uint32_t)truth,
					     .predicted = (uint32_t)predicted,
					     .truth_probability = exp(-truth_loss),
					     .predicted_probability = exp(-predicted_loss),
					     .loss = truth_loss,
				     });
}

/* The same for a sample of n classes, each there or not: its worst one, if any is wrong. */
static void note_mistakes(const struct project *p, struct evaluated *out, uint32_t sample,
			  const uint8_t *truth, const uint8_t *predicted, const double *losses,
			  int64_t n)
{
	int64_t worst = -1;
	for (int64_t k = 0; k < n; k++)
		if (truth[k] != predicted[k] && (worst < 0 || losses[k] > losses[worst]))
			worst = k;
	if (worst < 0 || !wants_mistakes(p))
		return;
	double probability = exp(-losses[worst]);
	mistakes_add(&out->mistakes, &(struct mistake){
					     .kind = truth[worst] ? MISTAKE_MISSED : MISTAKE_WRONG,
					     .sample = sample,
					     .truth = (uint32_t)worst,
					     .predicted = (uint32_t)worst,
					     .truth_probability = probability,
					     .predicted_probability = 1 - probability,
					     .loss = losses[worst],
				     });
}

struct sums {
	double loss, weight;
};

/* y [n, C, ...], labels and weights without the class axis. */
static void count_classes(struct project *p, const struct batch *batch, const struct tensor *y,
			  struct evaluated *out, struct sums *sums)
{
	int axis = p->head.axis < y->shape.rank ? p->head.axis : y->shape.rank - 1;
	int64_t strides[SHAPE_MAX_RANK], inner, classes = y->shape.dim[axis];
	shape_strides(&y->shape, strides);
	inner = strides[axis];
	int64_t per_sample = shape_elements(&batch->targets.shape) / p->micro_batch;
	for (int64_t i = 0; i < batch->n * per_sample; i++) {
		int64_t label = tensor_get_int(&batch->targets, i);
		double w = tensor_get(&batch->weights, i);
		struct scores_view s = { y, i / inner * inner * classes + i % inner, inner,
					 classes };
		if (w == 0 || label < 0)
			continue;
		int64_t predicted = arg_max(&s);
		double loss = class_loss(&s, p->head.ending, label);
		confusion_add(&out->confusion, label, predicted, w);
		sums->loss += w * loss;
		if (per_sample == 1 && predicted != label)
			note_mistake(p, out, batch->samples[i], label, loss, predicted,
				     class_loss(&s, p->head.ending, predicted));
		sums->weight += w;
	}
}

/* One score per sample, labels 0 and 1. */
static void count_binary(struct project *p, const struct batch *batch, const struct tensor *y,
			 struct evaluated *out, struct sums *sums)
{
	double threshold = p->head.ending == ENDING_SIGMOID ? 0.5 : 0;
	for (int64_t i = 0; i < batch->n; i++) {
		int64_t label = tensor_get_int(&batch->targets, i);
		double w = tensor_get(&batch->weights, i), x = tensor_get(y, i);
		if (w == 0 || label < 0)
			continue;
		double loss = binary_loss(x, p->head.ending, (double)label);
		confusion_add(&out->confusion, label, x > threshold, w);
		sums->loss += w * loss;
		note_mistake(p, out, batch->samples[i], label, loss, x > threshold,
			     binary_loss(x, p->head.ending, x > threshold));
		sums->weight += w;
	}
}

/* Float targets, one for each output: 0/1 labels (multi-label) or values. */
static void count_values(struct project *p, const struct batch *batch, const struct tensor *y,
			 struct evaluated *out, struct sums *sums)
{
	int64_t n = shape_elements(&y->shape) / y->shape.dim[0];
	double threshold = p->head.ending == ENDING_SIGMOID ? 0.5 : 0;
	const struct loss_shape *shape = &p->session->options.loss_shape;
	uint8_t *truth = mem_alloc((size_t)n), *predicted = mem_alloc((size_t)n);
	float *a = mem_alloc((size_t)n * sizeof *a), *b = mem_alloc((size_t)n * sizeof *b);
	double *losses = mem_alloc((size_t)n * sizeof *losses); /* of the labels */
	for (int64_t i = 0; i < batch->n; i++) {
		double w = tensor_get(&batch->weights, i), loss = 0;
		for (int64_t k = 0; k < n; k++) {
			double t = tensor_get(&batch->targets, i * n + k);
			double x = tensor_get(y, i * n + k);
			a[k] = (float)t;
			b[k] = (float)x;
			truth[k] = t > 0.5;
			predicted[k] = x > threshold;
			losses[k] = binary_loss(x, p->head.ending, truth[k]);
			loss += p->loss == LOSS_BCE ? binary_loss(x, p->head.ending, t)
						    : loss_value(p->loss, shape, x, t);
		}
		if (w == 0)
			continue;
		if (p->loss == LOSS_BCE) {
			confusion_add_multi(&out->confusion, truth, predicted, w);
			note_mistakes(p, out, batch->samples[i], truth, predicted, losses, n);
		} else {
			regression_add(&out->regression, a, b, w);
		}
		sums->loss += w * loss / (double)n;
		sums->weight += w;
	}
	free(truth);
	free(predicted);
	free(a);
	free(b);
	free(losses);
}

static void begin(struct project *p, const struct tensor *y, struct evaluated *out)
{
	int64_t per_sample = shape_elements(&y->shape) / y->shape.dim[0];
	*out = (struct evaluated){ 0 };
	if (loss_of_values(p->loss)) {
		regression_init(&out->regression, (uint32_t)per_sample);
		out->evaluation.regression = &out->regression;
		return;
	}
	bool multi = p->loss == LOSS_BCE && p->dataset.targets == TARGETS_VALUES;
	uint32_t classes = multi                           ? (uint32_t)per_sample
			   : p->loss == LOSS_CROSS_ENTROPY ? (uint32_t)y->shape.dim[p->head.axis]
							   : 2;
	confusion_init(&out->confusion, multi ? CONFUSION_MULTI_LABEL : CONFUSION_SINGLE_LABEL,
		       classes);
	out->evaluation.confusion = &out->confusion;
}

void evaluated_release(struct evaluated *e)
{
	if (e->evaluation.confusion)
		confusion_release(&e->confusion);
	if (e->evaluation.regression)
		regression_release(&e->regression);
	*e = (struct evaluated){ 0 };
}

static enum status count_batch(struct project *p, const struct batch *batch, struct tensor *y,
			       struct evaluated *out, struct sums *sums, struct error *err)
{
	TRY(session_predict(p->session, batch->inputs, y, err));
	if (p->observe)
		TRY(p->observe(p->observe_ctx, batch, y, err));
	if (p->loss == LOSS_CROSS_ENTROPY)
		count_classes(p, batch, &y[p->output], out, sums);
	else if (p->dataset.targets == TARGETS_CLASSES)
		count_binary(p, batch, &y[p->output], out, sums);
	else
		count_values(p, batch, &y[p->output], out, sums);
	return OK;
}

enum status project_evaluate(struct project *project, const char *description,
			     struct evaluated *out, struct error *err)
{
	const struct api_ui *ui = project->ui;
	struct part *part = &project->dataset.validation;
	struct loader_options options = project_loader(project, part, project->micro_batch, false);
	uint32_t n_outputs = project->model->graph->outputs.n;
	struct tensor *y = mem_alloc(n_outputs * sizeof *y);
	struct sums sums = { 0 };
	struct progress bar;
	struct loader *loader = NULL;
	struct batch batch;
	bool end = false;
	int64_t done = 0;
	double started = clock_now();
	enum status status;
	for (uint32_t k = 0; k < n_outputs; k++) {
		y[k] = *session_output_type(project->session, k);
		y[k].data = project->observe || k == project->output
				    ? mem_alloc(tensor_bytes(&y[k]))
				    : NULL;
	}
	begin(project, &y[project->output], out);
	progress_begin(&bar, part->n, ui->interval, clock_now(), "%s", description);
	TRY_GOTO(loader_open(&options, &loader, err), out);
	ui->draw(ui->ctx, &bar, clock_now(), false);
	for (;;) {
		TRY_GOTO(loader_next(loader, &batch, &end, err), out);
		if (end)
			break;
		TRY_GOTO(count_batch(project, &batch, y, out, &sums, err), out);
		done += batch.n;
		if (progress_update(&bar, done, clock_now()))
			ui->draw(ui->ctx, &bar, clock_now(), false);
		if (*ui->stop > 0) {
			status = fail(err, ERR_STOPPED, "stopped by a signal");
			goto out;
		}
	}
	out->seconds = clock_now() - started;
	out->evaluation.loss = sums.weight ? sums.loss / sums.weight : NAN;
	ui->draw(ui->ctx, &bar, clock_now(), true);
out:
	loader_free(loader);
	progress_release(&bar);
	for (uint32_t k = 0; k < n_outputs; k++)
		free(y[k].data);
	free(y);
	if (status != OK)
		evaluated_release(out);
	return status;
}
