/*
 * stepline.h - what the file of --log has for each optimizer step: a JSON object, or a row of
 * comma-separated values where its name ends in .csv. Both have the same fields.
 */
#ifndef ONNXTUNE_API_STEPLINE_H
#define ONNXTUNE_API_STEPLINE_H

#include "train/session.h"

/* The line that a new file begins with, its end included; "" where there is none. */
const char *stepline_heading(const char *path);

/*
 * One step's line, its end included; free with free(). What is not finite is null in JSON and
 * nan or inf in CSV.
 */
char *stepline_format(const char *path, const struct step_result *r, int64_t epoch,
		      double samples_per_second);

#endif
