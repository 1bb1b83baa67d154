/*
 * profile.h - how long kernels take, by operator and kernel, and the parts of a run. Executors that
 * have one wait for each kernel to end and don't capture; results are the same.
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

/* What a process does before its first lap begins. */
#define PROFILE_START "start of the program"

struct profile_lap {
	const char *name; /* not owned */
	int64_t times;
	double seconds, cpu; /* on the clock, and of all threads */
};

struct profile {
	ARRAY(struct profile_row) rows;
	ARRAY(struct profile_lap) laps; /* in the order in which they were first met */
	double seconds, cpu;            /* when the last one ended */
};

/* Begins the first lap; what the process has computed so far is one, without a time on the clock. */
void profile_begin(struct profile *profile);

/*
 * What happened since the last lap was this (a string that stays); laps of one name are added up.
 * A profile that is NULL does nothing.
 */
void profile_lap(struct profile *profile, const char *name);

/* A call of the step's kernel took so long. */
void profile_add(struct profile *profile, const struct graph *graph, const struct plan_step *step,
		 double seconds);

/* Rows by falling time; returns the sum of all. */
double profile_sort(struct profile *profile);
void profile_release(struct profile *profile);

#endif
