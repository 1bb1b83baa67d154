/*
 * exec.h - runs the programs of a plan on a stream.
 */
#ifndef ONNXTUNE_EXEC_EXEC_H
#define ONNXTUNE_EXEC_EXEC_H

#include "exec/profile.h"

struct executor {
	struct plan *plan;
	struct stream *stream;
	struct profile *profile;                 /* not owned; NULL: kernels are not timed */
	struct capture *captures[PROGRAM_COUNT]; /* where the backend can capture */
};

/* Prepares a linked plan: kernels that have to choose by time do so, programs are captured once where the backend can, unless there is a profile
 * (may be NULL). Nothing is owned. */
enum status MUST_CHECK exec_open(struct plan *plan, struct stream *stream, struct profile *profile,
				 struct executor *out, struct error *err);
void exec_close(struct executor *executor);

/* Queues a program. */
enum status MUST_CHECK exec_run(struct executor *executor, enum program_kind program,
				struct error *err);

#endif
