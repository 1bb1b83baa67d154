/*
 * runstate.h - what a checkpoint holds of a run besides the session's variables: where it stands, and
 * what it depends on, so that it is only resumed as the same run.
 */
#ifndef ONNXTUNE_API_RUNSTATE_H
#define ONNXTUNE_API_RUNSTATE_H

#include "api/record.h"
#include "data/fingerprint.h"
#include "train/checkpoint.h"

/* Where a run stands. The order of samples follows from the seed and the epoch. */
struct run_state {
	int64_t done;           /* windows, those of no weight too */
	int64_t epoch, window;  /* the next window: counted from 0, in the epoch */
	int64_t steps, skipped; /* optimizer steps, and those of them that were skipped */
	double last_loss;
	double seconds;  /* of the steps alone */
	const char *log; /* the --log file, NULL without; and how much of it counts */
	int64_t log_bytes;
	const char *log_dir; /* the folder of event files, NULL without */
	/* Evaluations on the way: `done` at the last and at the best (0: none yet), the steps and the
	 * metric at the best, evaluations since then, and whether the run ends because of them. */
	int64_t evaluated, best_done, best_steps, waits, over;
	double best;
	int64_t curve_steps, curve_open; /* of the record's curves, for which see record.h */
};

/* What its bits depend on. */
struct run_identity {
	const char *settings, *device;
	uint64_t model;
	int64_t window, micro_batch;
	struct fingerprint data;
};

/* Reads all of the model and of arrays. Lies in the project's arena. */
enum status MUST_CHECK run_identify(struct project *project, struct run_identity *out,
				    struct error *err);

/* Writes a checkpoint of the project's session. */
enum status MUST_CHECK run_save(const char *path, struct project *project,
				const struct run_identity *identity, const struct run_state *state,
				const struct record *record, struct error *err);

/*
 * The state in a checkpoint (text in the project's arena). What the run depends on must be as it was:
 * ERR_USAGE (options) or ERR_INPUT (model, data) name the first difference. Another machine or version
 * is only warned of.
 */
enum status MUST_CHECK run_read(const struct checkpoint *checkpoint, struct project *project,
				const struct run_identity *identity, struct run_state *out,
				struct error *err);

/* The session's variables, and which images are known to be damaged. */
enum status MUST_CHECK run_restore(const struct checkpoint *checkpoint, struct project *project,
				   struct error *err);

/* The curves so far. */
void run_restore_curves(const struct checkpoint *checkpoint, const struct run_state *state,
			struct record *record);

#endif
