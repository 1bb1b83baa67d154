/*
 * metrics.c - metrics by name and the sums behind the regression metrics (see metrics.h).
 */
#include "eval/metrics.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void regression_init(struct regression *r, uint32_t columns)
{
	r->columns = columns;
	r->column = mem_alloc(columns * sizeof *r->column);
}

void regression_release(struct regression *r)
{
	free(r->column);
	r->column = NULL;
}

void regression_add(struct regression *r, const float *target, const float *predicted,
		    double weight)
{
	for (uint32_t i = 0; i < r->columns; i++) {
		struct regression_column *c = &r->column[i];
		double y = target[i], error = predicted[i] - y, delta = y - c->mean;
		/* Welford: no difference of two large sums */
		c->n++;
		c->weight += weight;
		c->mean += delta * weight / c->weight;
		c->variance += weight * delta * (y - c->mean);
		c->squared += weight * error * error;
		c->absolute += weight * fabs(error);
	}
}

static double column_mse(const struct regression_column *c)
{
	return c->squared / c->weight;
}

static double column_mae(const struct regression_column *c)
{
	return c->absolute / c->weight;
}

static double column_r2(const struct regression_column *c)
{
	if (c->n < 2)
		return NAN;
	if (c->variance == 0)
		return c->squared == 0 ? 1 : 0;
	return 1 - c->squared / c->variance;
}

static double mean_of_columns(const struct regression *r,
			      double (*value)(const struct regression_column *))
{
	double sum = 0;
	for (uint32_t i = 0; i < r->columns; i++)
		sum += value(&r->column[i]);
	return sum / r->columns;
}

double regression_mse(const struct regression *r)
{
	return mean_of_columns(r, column_mse);
}

double regression_mae(const struct regression *r)
{
	return mean_of_columns(r, column_mae);
}

double regression_r2(const struct regression *r)
{
	return mean_of_columns(r, column_r2);
}

static double accuracy(const struct evaluation *e)
{
	return e->confusion ? confusion_accuracy(e->confusion) : NAN;
}

static double loss(const struct evaluation *e)
{
	return e->loss;
}

#define AVERAGE(function, average, field)                                                          \
	static double function(const struct evaluation *e)                                         \
	{                                                                                          \
		return e->confusion ? confusion_average(e->confusion, average, NULL, 0).field      \
				    : NAN;                                                         \
	}
AVERAGE(macro_f1, AVERAGE_MACRO, f1)
AVERAGE(macro_precision, AVERAGE_MACRO, precision)
AVERAGE(macro_recall, AVERAGE_MACRO, recall)
AVERAGE(micro_f1, AVERAGE_MICRO, f1)
AVERAGE(micro_precision, AVERAGE_MICRO, precision)
AVERAGE(micro_recall, AVERAGE_MICRO, recall)
AVERAGE(weighted_f1, AVERAGE_WEIGHTED, f1)
AVERAGE(weighted_precision, AVERAGE_WEIGHTED, precision)
AVERAGE(weighted_recall, AVERAGE_WEIGHTED, recall)

/* Over samples, where each may have several classes. */
#define SAMPLES(function, field)                                                                   \
	static double function(const struct evaluation *e)                                         \
	{                                                                                          \
		const struct confusion *c = e->confusion;                                          \
		return c && c->kind == CONFUSION_MULTI_LABEL                                       \
			       ? confusion_average(c, AVERAGE_SAMPLES, NULL, 0).field              \
			       : NAN;                                                              \
	}
SAMPLES(samples_f1, f1)
SAMPLES(samples_precision, precision)
SAMPLES(samples_recall, recall)

#define REGRESSION(name)                                                                           \
	static double name(const struct evaluation *e)                                             \
	{                                                                                          \
		return e->regression ? regression_##name(e->regression) : NAN;                     \
	}
REGRESSION(mse)
REGRESSION(mae)
REGRESSION(r2)

const struct metric metrics[] = {
	{ "accuracy", false, accuracy },
	{ "macro_f1", false, macro_f1 },
	{ "macro_precision", false, macro_precision },
	{ "macro_recall", false, macro_recall },
	{ "micro_f1", false, micro_f1 },
	{ "micro_precision", false, micro_precision },
	{ "micro_recall", false, micro_recall },
	{ "weighted_f1", false, weighted_f1 },
	{ "weighted_precision", false, weighted_precision },
	{ "weighted_recall", false, weighted_recall },
	{ "samples_f1", false, samples_f1 },
	{ "samples_precision", false, samples_precision },
	{ "samples_recall", false, samples_recall },
	{ "loss", true, loss },
	{ "mse", true, mse },
	{ "mae", true, mae },
	{ "r2", false, r2 },
	{ 0 },
};
_Static_assert(ARRAY_SIZE(metrics) <= METRICS_MAX, "metrics.h tells how many there may be");

const struct metric *metric_find(const char *name)
{
	for (const struct metric *m = metrics; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

enum status metric_unknown(const char *name, struct error *err)
{
	struct text known = { 0 };
	for (const struct metric *m = metrics; m->name; m++)
		text_add(&known, "%s%s", m == metrics ? "" : ", ", m->name);
	fail(err, ERR_USAGE, "'%s': unknown metric; known are %s", name, known.s);
	text_release(&known);
	return ERR_USAGE;
}
