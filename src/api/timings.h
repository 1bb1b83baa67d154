/*
 * timings.h - the file of --profile: where the time of the steps went, by operator and kernel, and that
 * of the whole run, by what it was spent on.
 */
#ifndef ONNXTUNE_API_TIMINGS_H
#define ONNXTUNE_API_TIMINGS_H

#include "exec/profile.h"

#include <stdio.h>

struct timings {
	const char *path; /* NULL: nothing is written. Not owned. */
	FILE *file;
	struct profile *profile; /* not owned */
};

/* Opens the file (path may be NULL), so that a run does not end with none. */
enum status MUST_CHECK timings_open(const char *path, struct profile *profile, struct timings *out,
				    struct error *err);

/* Steps from here on count. */
void timings_begin(struct timings *timings);

/* Writes the table of kernels: so many steps took so many seconds in all. */
void timings_write(struct timings *timings, int64_t steps, double seconds);

/* Writes the table of the run's parts, which ends the file. */
enum status MUST_CHECK timings_end(struct timings *timings, struct error *err);
void timings_release(struct timings *timings);

#endif
