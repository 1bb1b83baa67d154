/*
 * fit.h - a session planned so that it fits in memory: with a smaller micro-batch where that of the
 * user's configuration does not.
 */
#ifndef ONNXTUNE_API_FIT_H
#define ONNXTUNE_API_FIT_H

#include "api/config.h"
#include "base/log.h"
#include "train/session.h"

struct fit {
	const struct config *config;
	const struct model *model;
	const struct log *log; /* gets a line when the micro-batch is made smaller */
	/* The session's, but for device, micro_batch, early and shapes. */
	struct session_options options;
	int64_t window;      /* samples of a step: the micro-batches are equal parts of it */
	int64_t micro_batch; /* wished; then planned */
	/* Concrete input shapes for a micro-batch. */
	enum status (*shapes)(void *ctx, int64_t micro_batch, const struct shape **out,
			      struct error *err);
	void *ctx;
	/* results: bytes of the device that may be used, and that the plan takes, with a batch of the
	 * loader where that is in the same memory; bytes of the host that data may be kept in */
	uint64_t limit, planned, left;
};

/*
 * The planned session, not yet started; it owns the device. fit->micro_batch is kept where it fits, or where it may not
 * be changed (--micro-batch or --accumulate given, a model for a fixed batch). ERR_MEMORY, with what
 * would do, when the plan is larger than --memory and can't be made smaller.
 */
enum status MUST_CHECK fit_session(struct fit *fit, struct session **out, struct problems *problems,
				   struct error *err);

#endif
