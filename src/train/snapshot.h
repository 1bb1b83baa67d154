/*
 * snapshot.h - the whole state of a session put aside and back, bit for bit: for steps that are only
 * tried.
 */
#ifndef ONNXTUNE_TRAIN_SNAPSHOT_H
#define ONNXTUNE_TRAIN_SNAPSHOT_H

#include "train/session.h"

struct snapshot {
	void **content; /* host copies, one for each variable of the session */
	uint32_t n;
};

/* Between windows, of a started session; memory as large as the variables. ERR_MEMORY. */
enum status MUST_CHECK snapshot_take(struct session *session, struct snapshot *out,
				     struct error *err);

/* Variables made since it was taken stay. */
enum status MUST_CHECK snapshot_restore(const struct snapshot *snapshot, struct session *session,
					struct error *err);
void snapshot_release(struct snapshot *snapshot);

#endif
