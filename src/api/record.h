/*
 * record.h - what is kept of a run while it trains, besides the file of --log: the event files of
 * --log-dir, and the curves of an HTML report.
 */
#ifndef ONNXTUNE_API_RECORD_H
#define ONNXTUNE_API_RECORD_H

#include "api/project.h"
#include "eval/events.h"

/* A point of the curves: the mean over the steps since the point before it. */
struct record_point {
	double step; /* the last of them */
	double loss, rate, scale;
};

/* What an evaluation of the validation part said. */
struct record_validation {
	double step, loss;
	double accuracy; /* NaN where there is none */
};

struct record {
	struct project *project;
	struct events *events; /* NULL without --log-dir */
	bool goes_on;          /* the folder has the events of the run's beginning */
	ARRAY(struct record_point) points;
	ARRAY(struct record_validation) validations;
	/* private: steps of a point, and those that are not in one yet */
	int64_t per_point, n_open;
	struct record_point open;
};

/* With at most this many points a curve is drawn; where there are more they are joined in pairs. */
#define RECORD_POINTS_MAX 1024

/* Opens what the configuration asks for. */
enum status MUST_CHECK record_open(struct project *project, struct record *out, struct error *err);

/*
 * The run goes on after `steps` steps, or with -1 from the start: what the folder has of later ones
 * is void. `begun`: it has the events up to there.
 */
enum status MUST_CHECK record_resume(struct record *record, int64_t steps, bool begun,
				     struct error *err);

enum status MUST_CHECK record_step(struct record *record, const struct step_result *r,
				   double samples_per_second, struct error *err);

/* The evaluation after `step` steps: all metrics that it has. */
enum status MUST_CHECK record_evaluation(struct record *record, int64_t step,
					 const struct evaluation *e, struct error *err);

/*
 * True when the run wants an evaluation after each epoch for the record. It changes nothing of what
 * is trained.
 */
bool record_wants_epochs(const struct record *record);

/*
 * With --histograms, right after the last of `step` steps: of each trained tensor its elements and
 * norm, and those of its gradient (see session_gradient).
 */
enum status MUST_CHECK record_tensors(struct record *record, int64_t step, struct error *err);

/* Ends the event file; the curves stay. */
enum status MUST_CHECK record_close(struct record *record, struct error *err);
void record_release(struct record *record);

#endif
