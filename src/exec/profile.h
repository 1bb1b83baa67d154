/*
 * profile.h - how long kernels take, by operator and kernel. Executors that have one wait for each
 * kernel to end and don't capture; results are the same.
 */
#ifndef ONNXTUNE_EXEC_PROFILE_H
#define ONNXTUNE_EXEC_PROFILE_H

#include "plan/plan.h"

struct profile_row {
	const struct op_def *op;
	const struct kernel *kernel;
	int64_t calls;
	double seconds;
	double operations; /* multiplications and additions; 0 where the operator does not count */
};

struct profile {
	ARRAY(struct profile_row) rows;
};

/* A call of the step's kernel took so long. */
void profile_add(struct profile *profile, const struct graph *graph, const struct plan_step *step,
		 double seconds);

/* Rows by falling time; returns the sum of all. */
double profile_sort(struct profile *profile);
void profile_release(struct profile *profile);

#endif
