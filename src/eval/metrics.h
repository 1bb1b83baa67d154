/*
 * metrics.h - what one pass over a data set says about a model, regression metrics, and metrics by
 * name.
 */
#ifndef ONNXTUNE_EVAL_METRICS_H
#define ONNXTUNE_EVAL_METRICS_H

#include "eval/confusion.h"

/*
 * Sums over float targets, one set per output column. The definitions are scikit-learn's
 * mean_squared_error, mean_absolute_error and r2_score with uniform averages over the columns.
 */
struct regression_column {
	double n;                 /* samples */
	double weight;            /* of them */
	double mean, variance;    /* of the target; variance is the sum of squared deviations */
	double squared, absolute; /* summed errors */
};

struct regression {
	uint32_t columns;
	struct regression_column *column; /* [columns] */
};

void regression_init(struct regression *r, uint32_t columns);
void regression_release(struct regression *r);

/* One sample: target and prediction [columns], and what it counts. */
void regression_add(struct regression *r, const float *target, const float *predicted,
		    double weight);

double regression_mse(const struct regression *r);
double regression_mae(const struct regression *r);
/* 1 - errors / variance; NaN with fewer than two samples; of a constant target 1 or 0. */
double regression_r2(const struct regression *r);

/* The result of one evaluation. Exactly one of confusion and regression is set. */
struct evaluation {
	const struct confusion *confusion;
	const struct regression *regression;
	double loss; /* mean over the samples; NaN when there is none */
};

/* A metric: "accuracy", "macro_f1", "loss", ... */
struct metric {
	const char *name;
	bool lower_is_better;
	double (*value)(const struct evaluation *e); /* NaN when it does not apply */
};

/* All metrics; ends with a NULL name. */
#define METRICS_MAX 32 /* that there may be */
extern const struct metric metrics[];

/* The metric of that name, or NULL. */
const struct metric *metric_find(const char *name);

/* ERR_USAGE that names the known ones. */
enum status metric_unknown(const char *name, struct error *err);

#endif
