/*
 * checkpoints.h - the checkpoints of a run: in which folder, when, how many, and which one a run goes
 * on from.
 *
 * The folder holds step-NUMBER.npz, the number being that of the steps done, and with --keep-best
 * best.npz. Without --checkpoint it
 * is named after the output, is made once the run's pace says that it will take more than five
 * minutes (or a signal stops it), and is gone when the run is complete.
 */
#ifndef ONNXTUNE_API_CHECKPOINTS_H
#define ONNXTUNE_API_CHECKPOINTS_H

#include "api/runstate.h"

struct checkpoints {
	struct project *project; /* not owned */
	const char *folder;      /* NULL: --checkpoint=off */
	bool automatic;          /* nobody asked for it */
	bool ready;              /* the folder can be written to */
	bool begun;              /* the run has checkpoints from time to time */
	bool clear;              /* what lies in it is of another run */
	bool identified;
	struct run_identity identity;
	struct checkpoint from; /* what the run goes on from */
	bool resumed;
	double started, last;     /* times: of the first step here, of the last checkpoint */
	int64_t first, last_done; /* steps: done before, in the last checkpoint */
};

/*
 * Finds the folder and, with --resume, the newest checkpoint that can be read; *state says where the
 * run stands. Without --resume ERR_USAGE when the folder that was asked for has checkpoints and
 * --force is not given.
 */
enum status MUST_CHECK checkpoints_open(struct project *project, const char *output,
					struct checkpoints *out, struct run_state *state,
					struct error *err);

/* Puts session and record where the checkpoint was made; nothing where there is none. */
enum status MUST_CHECK checkpoints_restore(struct checkpoints *c, const struct run_state *state,
					   struct record *record, struct error *err);

/* The steps begin. */
void checkpoints_begin(struct checkpoints *c, const struct run_state *state, double now);

/* Whether it is time for one, of a run of so many windows. */
bool checkpoints_due(const struct checkpoints *c, const struct run_state *state, int64_t windows,
		     double now);

/* Writes one and removes those that are too many. */
enum status MUST_CHECK checkpoints_save(struct checkpoints *c, const struct run_state *state,
					const struct record *record, double now, struct error *err);

/* The best weights so far; what they replace is gone. */
enum status MUST_CHECK checkpoints_save_best(struct checkpoints *c, const struct run_state *state,
					     struct error *err);

/* Gives the session the weights of best.npz, which must be those after `done` windows. */
enum status MUST_CHECK checkpoints_restore_best(struct checkpoints *c, int64_t done,
						struct error *err);

/* The run is complete: what nobody asked for goes, and what is too many. */
void checkpoints_finish(struct checkpoints *c);
void checkpoints_release(struct checkpoints *c);

#endif
