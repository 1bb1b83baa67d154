/*
 * steplog.h - the file of --log: a line (stepline.h) for each optimizer step.
 */
#ifndef ONNXTUNE_API_STEPLOG_H
#define ONNXTUNE_API_STEPLOG_H

#include "train/session.h"

#include <stdio.h>

struct steplog {
	const char *path; /* NULL: nothing is written. Not owned. */
	FILE *file;
};

/*
 * Opens the file anew, or, from > 0, cuts it to its first `from` bytes and goes on behind them.
 * ERR_INPUT when it has fewer.
 */
enum status MUST_CHECK steplog_open(const char *path, int64_t from, struct steplog *out,
				    struct error *err);
enum status MUST_CHECK steplog_add(struct steplog *log, const struct step_result *r, int64_t epoch,
				   double samples_per_second, struct error *err);

/* What has been added is on the disk; *bytes is how much that is. */
enum status MUST_CHECK steplog_sync(struct steplog *log, int64_t *bytes, struct error *err);
enum status MUST_CHECK steplog_close(struct steplog *log, struct error *err);
void steplog_abandon(struct steplog *log); /* after a failure */

#endif
