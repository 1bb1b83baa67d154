/*
 * tune.h - fine-tunes a model: evaluation before, the steps, evaluation after, the file.
 */
#ifndef ONNXTUNE_API_TUNE_H
#define ONNXTUNE_API_TUNE_H

#include "api/record.h"

struct tune_result {
	struct project project;         /* open until tune_release */
	struct evaluated before, after; /* after: not when a signal stopped the run */
	struct record record;           /* its curves */
	int64_t steps, skipped;         /* optimizer steps, and those of them that were skipped */
	double last_loss;
	int64_t best_steps; /* with evaluations on the way: steps done at the best; 0: there is none */
	double best;        /* the --metric there */
	double seconds, samples_per_second; /* of the steps alone */
	const char *output;                 /* path of the tuned model, in the project's arena */
	int signal;      /* the run was stopped by it, after saving; 0: it was not */
	bool can_resume; /* there is a checkpoint with what a stopped run did */
};

/*
 * Runs `tune`. Everything that can be refused is refused before the first step: what the model
 * can't do, the data, an output that can't be written or that is someone else's. problems: as
 * project_open. On failure nothing that existed has changed. *out must not be moved: it points into
 * itself.
 */
enum status MUST_CHECK tune_run(const struct config *config, const struct api_ui *ui,
				struct tune_result *out, struct problems *problems,
				struct error *err);
void tune_release(struct tune_result *result);

#endif
