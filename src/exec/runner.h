/*
 * runner.h - one graph on a device, ready to run: its plan, the memory of its residents, its
 * programs. Variables are shared with other runners; inputs and outputs go through host tensors.
 */
#ifndef ONNXTUNE_EXEC_RUNNER_H
#define ONNXTUNE_EXEC_RUNNER_H

#include "exec/exec.h"
#include "exec/variables.h"

struct runner {
	struct graph *graph; /* owned */
	struct plan *plan;
	struct executor executor;
	struct variables *vars;
	void *scratch; /* the step arena, where it is its own */
	bool linked;
	struct profile *profile; /* not owned; set before runner_link; NULL: nothing is timed */
};

/*
 * Plans the graph (phases marked, layouts final), makes its variables and uploads its constants.
 * `first` (may be NULL) gives the first content of a variable by name, of any type. The runner owns
 * the graph from now on, also on failure.
 */
typedef const struct tensor *runner_first_fn(void *ctx, const char *name);
enum status MUST_CHECK runner_open(struct graph *graph, struct variables *vars,
				   runner_first_fn *first, void *ctx, struct runner *out,
				   struct error *err);

/*
 * The same in two parts. First only the plan: all that may be done with the runner then is to look at
 * it, runner_close and runner_fill, which makes and uploads. After an error of runner_fill the runner
 * is still to be closed.
 */
enum status MUST_CHECK runner_plan(struct graph *graph, struct variables *vars, struct runner *out,
				   struct error *err);
enum status MUST_CHECK runner_fill(struct runner *runner, runner_first_fn *first, void *ctx,
				   struct error *err);

/*
 * Gives the runner its step arena: `scratch` when it is large enough (plan->arena_bytes), which
 * several runners may share, else one of its own. Then runs INIT.
 */
enum status MUST_CHECK runner_link(struct runner *runner, void *scratch, size_t bytes,
				   struct error *err);
void runner_close(struct runner *runner);

/* Where an input has its memory, by name; types must agree. NULL: the graph does not read it. */
enum status MUST_CHECK runner_place(struct runner *runner, const char *name, const struct tensor *t,
				    const struct resident **out, struct error *err);

/* Queues a copy of a host tensor into an input, by name; types must agree. Inputs that the graph
 * does not read are ignored. The tensor must stay until the stream has passed it. */
enum status MUST_CHECK runner_input(struct runner *runner, const char *name, const struct tensor *t,
				    struct error *err);

enum status MUST_CHECK runner_run(struct runner *runner, enum program_kind program,
				  struct error *err);

/* Queues a copy of output k (plain layout) to host memory of its size. */
enum status MUST_CHECK runner_output(struct runner *runner, uint32_t k, void *host,
				     struct error *err);

#endif
