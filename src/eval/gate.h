/*
 * gate.h - quality gates: METRIC=VALUE, METRIC being one of
 *
 *   NAME             a metric of metrics.h
 *   NAME[CLASS]      precision, recall or f1 of one class, by its name, or by its number
 *   change[METRIC]   how much higher it is than in another evaluation
 */
#ifndef ONNXTUNE_EVAL_GATE_H
#define ONNXTUNE_EVAL_GATE_H

#include "eval/metrics.h"

struct gate {
	const char *name;            /* the metric as it was written */
	const struct metric *metric; /* NULL: one of a class */
	const char *class;
	double (*of_class)(struct scores scores);
	bool change;
	double bound;
};

/* ERR_USAGE says what is wrong and names the known metrics. Texts are copied to the arena. */
enum status MUST_CHECK gate_parse(const char *text, struct arena *arena, struct gate *out,
				  struct error *err);

/* ERR_USAGE unless the class of the gate, if it has one, is among these; names may be NULL. */
enum status MUST_CHECK gate_check_class(const struct gate *gate, const char *const *names,
					uint32_t classes, struct error *err);

/* What a gate looks at. */
struct gate_view {
	const struct evaluation *evaluation;
	const struct evaluation *other; /* that a change is measured from; NULL: there is none */
	const char *const *names, *const *other_names; /* of their classes, may be NULL */
};

/*
 * True when the metric reaches the bound (losses and errors: does not exceed it). A metric that
 * does not apply or is NaN never does. *value gets the metric's value.
 */
bool gate_met(const struct gate *gate, const struct gate_view *view, double *value);

#endif
