/*
 * compare.h - a second model on the same data: its evaluation, and how far its outputs are from the
 * first one's.
 */
#ifndef ONNXTUNE_API_COMPARE_H
#define ONNXTUNE_API_COMPARE_H

#include "api/project.h"

/*
 * Outputs of both models, element by element: |a - b|, and that by |b|, b being the second model's.
 * NaN in one of them only is an infinite difference.
 */
struct parity {
	const char *name; /* of the first model's output; NULL: the sum of all */
	bool paired;      /* the second model has it too */
	bool comparable;  /* both give the same samples as many elements: else all is 0 */
	uint64_t elements;
	uint64_t beyond; /* elements with |a - b| > atol + rtol * |b| */
	double max_absolute, max_relative;
	uint32_t worst_sample; /* the one with max_absolute */
};

struct comparison {
	struct config config; /* the first one's, but for the model */
	struct project other; /* open until compare_release */
	struct evaluated evaluated;
	struct parity parity; /* comparable: all pairs are */
	struct parity *each;  /* of the first model's outputs */
	uint32_t n;
};

/* What is kept of one of the first model's outputs. */
struct kept_output {
	const char *name;
	struct tensor type; /* of one sample; no type: it is not by samples, or too large to keep */
	uint8_t *data;      /* [samples of the part] */
};

/* The outputs of a model, sample by sample, while it is evaluated. */
struct outputs {
	const struct project *project;
	struct kept_output *v;
	uint32_t n;
	uint8_t *seen; /* [samples of the part]: damaged images are not */
};

/*
 * Evaluates as project_evaluate does, and keeps all outputs; a line says which do not fit in memory.
 * Release them whatever the status.
 */
enum status MUST_CHECK compare_first(struct project *project, struct outputs *outputs,
				     struct evaluated *out, struct error *err);
void outputs_release(struct outputs *outputs);

/*
 * Opens and evaluates the model of --compare. The evaluated outputs are a pair, the others where
 * they have the same name. *out must not be moved: it points into itself.
 * problems: as project_open.
 */
enum status MUST_CHECK compare_second(const struct project *project, const struct outputs *first,
				      struct comparison *out, struct problems *problems,
				      struct error *err);
void compare_release(struct comparison *comparison);

/* True when --atol or --rtol is given and some element is beyond, or nothing can be compared. */
bool compare_is_beyond(const struct config *config, const struct parity *parity);

#endif
