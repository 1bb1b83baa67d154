/* window.c - the micro-batches of one optimizer step (see window.h). */
#include "api/window.h"

enum status window_run(struct session *session, struct loader *loader, struct batch *last,
		       bool *end, struct error *err)
{
	struct batch batch;
	do {
		TRY(loader_next(loader, &batch, end, err));
		profile_lap(session->options.profile, "steps: waiting for data");
		if (*end)
			return OK;
		if (batch.window_weight == 0)
			continue; /* nothing to learn from: every label of the window is ignored */
		if (batch.first == 0)
			TRY(session_begin_window(session, batch.window_weight, err));
		session_name_samples(session, batch.samples);
		struct tensor targets[] = { batch.targets, batch.mixed_targets };
		struct tensor weights[] = { batch.weights, batch.mixed_weights };
		TRY(session_micro_batch(session, batch.inputs, targets, weights, batch.n, err));
	} while (batch.first + batch.n < batch.window_samples);
	*last = batch;
	return OK;
}
