/*
 * report.h - the texts and JSON that tell how well a model does.
 *
 * All functions return memory of their caller: texts are freed with free(), JSON with
 * json_decref(). Class names are UTF-8; what is not, and control characters, are replaced by '?'.
 */
#ifndef ONNXTUNE_EVAL_REPORT_H
#define ONNXTUNE_EVAL_REPORT_H

#include "eval/metrics.h"

#include <jansson.h>

/* The version of the JSON forms below; it grows when a key changes its meaning or goes. */
#define REPORT_VERSION 1
/* docs/schema.json describes all documents of this version. */
#define REPORT_SCHEMA "onnxtune-document-1"

/* What a report is written as, by its file's name: .json, .html or .htm, else text. */
enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_HTML };
enum report_form report_form_of(const char *path);

struct report_options {
	const char *const *names; /* [classes of the counts]; NULL: "0", "1", ... */
	int digits;               /* after the point */
	/*
	 * The classes that are reported, in this order; NULL: all. A report on a part has a
	 * "micro avg" row where one on all classes that occur has "accuracy".
	 */
	const uint32_t *labels;
	uint32_t n_labels;
};

/*
 * scikit-learn 1.9's classification_report, character for character: classification_report(y_true,
 * y_pred, labels=..., target_names=..., digits=..., zero_division=0). Ends with a newline.
 */
char *report_text(const struct confusion *c, const struct report_options *options);

/*
 * The same as an object: {NAME: {"precision", "recall", "f1-score", "support"}, ..., "accuracy" or
 * "micro avg", "macro avg", "weighted avg"} (the keys and order of output_dict=True).
 */
json_t *report_json(const struct confusion *c, const struct report_options *options);

/*
 * Everything about one evaluation: {"version", "loss", "classes", "report", "confusion_matrix"} for
 * classes (rows of the matrix: true, columns: predicted), {"version", "loss", "mse", "mae", "r2"}
 * for regression. What is not known is null. names may be NULL.
 */
json_t *evaluation_json(const struct evaluation *e, const char *const *names);

/* The report of one evaluation as text: report_text with two digits, or the regression metrics. */
char *evaluation_text(const struct evaluation *e, const char *const *names);

/*
 * The confusion matrix with class names: aligned columns, rows true, columns predicted. NULL when
 * there are more than REPORT_MATRIX_MAX classes or no matrix. names may be NULL.
 */
#define REPORT_MATRIX_MAX 30
char *report_matrix(const struct confusion *c, const char *const *names);

/* One aligned line "name  before -> after" for each of the main metrics. */
char *report_summary(const struct evaluation *before, const struct evaluation *after);

#endif
