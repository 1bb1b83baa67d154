/*
 * rates.h - the learning rates of a run: the peak, the schedule, and what happens to them after an
 * epoch.
 */
#ifndef ONNXTUNE_API_RATES_H
#define ONNXTUNE_API_RATES_H

#include "api/project.h"

/*
 * Sets the rate of each of the run's good steps, for --lr=auto as for the default. ERR_USAGE when the schedule needs a validation part
 * and the data has none.
 */
enum status MUST_CHECK rates_begin(struct project *project, int64_t steps, struct error *err);

/* True when the schedule wants the validation loss after each epoch. */
bool rates_want_epochs(const struct project *project);

/*
 * With --lr=auto, before the first step: a range test sets the rates anew, and a note says the peak that
 * was found, or that none was.
 */
enum status MUST_CHECK rates_find(struct project *project, int64_t steps, struct error *err);

/*
 * After an epoch (counted from 1) that is not the last, with its validation loss: the plateau
 * schedule makes the rates of the steps after `good_steps` smaller when it has not improved.
 */
enum status MUST_CHECK rates_epoch(struct project *project, int64_t epoch, int64_t good_steps,
				   double loss, struct error *err);

#endif
