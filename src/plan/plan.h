/*
 * plan.h - a graph made executable on a device: kernels chosen and created, memory laid out.
 *
 * A plan has one program per phase; MICRO has two, for the first micro-batch of a window (which
 * writes the accumulators) and for the next ones (which add to them). UPDATE has one more, for after
 * a step, without what an optimizer has written itself (passes/copies.h). Values live in one of two
 * places:
 *  - residents: inputs, constants, parameters, state, and what is read in a later phase than its
 *    own. Each is a buffer of the session; parameters and state of the same name are one buffer in
 *    all plans of a session.
 *  - the step arena: everything else, at offsets planned from lifetimes, in place where the
 *    operator allows. One block serves all programs of all plans of a session, so nothing in it
 *    outlives a program.
 */
#ifndef ONNXTUNE_PLAN_PLAN_H
#define ONNXTUNE_PLAN_PLAN_H

#include "backend/backend.h"
#include "graph/graph.h"

enum program_kind {
	PROGRAM_INIT,
	PROGRAM_UPDATE,
	PROGRAM_AFTER, /* of UPDATE what is old after a step */
	PROGRAM_FIRST,
	PROGRAM_NEXT,
	PROGRAM_APPLY,
	PROGRAM_COUNT
};

struct resident {
	uint32_t value; /* of the graph: tells kind, name, type, layout and first content */
	size_t bytes;
	void *memory; /* set by the owner before plan_link */
};

struct plan_step {
	uint32_t *nodes; /* several where they are run as one (see create_run in backend.h) */
	uint32_t n_nodes;
	const struct kernel *kernel;
	void *state;      /* owned by the plan, shared by FIRST and NEXT */
	void **in, **out; /* device memory, after plan_link */
	void *workspace;
};

struct program {
	struct plan_step *steps;
	uint32_t n;
};

struct plan {
	const struct backend *backend;
	struct device *device;
	const struct graph *graph; /* not owned: must outlive the plan */
	struct arena arena;
	struct resident *residents;
	uint32_t n_residents;
	size_t arena_bytes; /* size of the step arena that the plan needs */
	struct program programs[PROGRAM_COUNT];
	struct plan_layout *layout; /* private */
};

/* Chooses kernels and lays out memory. The graph's phases are marked and its layouts final. */
enum status MUST_CHECK plan_build(const struct graph *graph, const struct backend *backend,
				  struct device *device, struct plan **out, struct error *err);
void plan_free(struct plan *plan); /* NULL is fine */

/* Turns offsets into addresses: every resident's memory is set, `arena` has arena_bytes. */
void plan_link(struct plan *plan, void *arena);

/* The resident that holds a value, or NULL when it lives in the arena. */
struct resident *plan_resident(const struct plan *plan, uint32_t value);

#endif
