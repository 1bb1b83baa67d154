/*
 * ui.h - how the library talks with its user while it works. Nothing in api/ prints: whoever calls
 * it gives these functions.
 */
#ifndef ONNXTUNE_API_UI_H
#define ONNXTUNE_API_UI_H

#include "base/clock.h"
#include "base/log.h"
#include "eval/progress.h"
#include "train/session.h"

#include <signal.h>

struct api_ui {
	struct log log;
	double interval; /* seconds between two progress lines */
	/* Draws a bar that is due; last: for the last time. */
	void (*draw)(void *ctx, struct progress *progress, double now, bool last);
	void *ctx;
	const volatile sig_atomic_t *stop; /* > 0: number of the signal that asks to stop */
	session_dump_fn *dump;             /* for --dump-after; ctx as above */
};

#endif
