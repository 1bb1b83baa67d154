/*
 * selection.h - evaluations during a run: which weights are the best so far, and when there is no use
 * in going on (--metric, --patience, --min-delta, --eval-every, --keep-best).
 */
#ifndef ONNXTUNE_API_SELECTION_H
#define ONNXTUNE_API_SELECTION_H

#include "api/checkpoints.h"

/*
 * ERR_USAGE when the options ask for evaluations, but there is no validation part to choose by, or
 * the metric does not apply to it; `before` is the evaluation of the untuned model.
 */
enum status MUST_CHECK selection_check(const struct project *project,
				       const struct evaluated *before, struct error *err);

/* Whether the state is to be evaluated: at the end of an epoch or of the run, or after any step. */
bool selection_due(const struct config *config, const struct run_state *state, bool at_end);

/*
 * Sets what the state says of an evaluation, where it is asked for any; the best weights so far become
 * the best checkpoint where they are to be kept.
 */
enum status MUST_CHECK selection_judge(struct checkpoints *checkpoints, struct run_state *state,
				       const struct evaluation *e, struct error *err);

/* With --keep-best, gives the session the best weights of the run, which is over. */
enum status MUST_CHECK selection_take_best(struct checkpoints *checkpoints,
					   const struct run_state *state, struct error *err);

/* Warns when the tuned model is worse than the untuned by the metric. */
void selection_compare(const struct project *project, const struct evaluated *before,
		       const struct evaluated *after);

#endif
