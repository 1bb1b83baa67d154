/*
 * window.h - the micro-batches of one optimizer step, from the loader to the session.
 */
#ifndef ONNXTUNE_API_WINDOW_H
#define ONNXTUNE_API_WINDOW_H

#include "data/loader.h"
#include "train/session.h"

/*
 * Runs a window; session_end_window is left to the caller, where last->window_weight is not 0 (then
 * there was nothing to learn from, and nothing ran). *last is the window's last batch; *end is true,
 * and *last untouched, after the last window of the epoch.
 */
enum status MUST_CHECK window_run(struct session *session, struct loader *loader,
				  struct batch *last, bool *end, struct error *err);

#endif
