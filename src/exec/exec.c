/* exec.c - queues the kernels of a program, or a capture of them (see exec.h). */
#include "exec/exec.h"

#include "base/clock.h"

static enum status run(const struct executor *executor, const struct plan_step *s)
{
	struct kernel_io io = { s->in, s->out, s->workspace };
	return s->kernel->run(s->state, &io, executor->stream);
}

static enum status run_timed(struct executor *executor, const struct plan_step *s,
			     struct error *err)
{
	double from = clock_now();
	TRY(run(executor, s));
	TRY(executor->plan->backend->stream_wait(executor->stream, err));
	profile_add(executor->profile, executor->plan->graph, s, clock_now() - from);
	return OK;
}

static enum status kernel_failed(const struct plan *plan, const struct plan_step *s,
				 enum status status, const char *what, struct error *err)
{
	const struct node *node = graph_node(plan->graph, s->nodes[0]);
	return backend_fail(plan->backend, plan->device, err, status,
			    "node '%s' (%s): kernel %s (%s) %s", node->name, node->op,
			    s->kernel->name, node->def->name, what);
}

static enum status queue(struct executor *executor, enum program_kind kind, struct error *err)
{
	const struct plan *plan = executor->plan;
	const struct program *program = &plan->programs[kind];
	for (uint32_t i = 0; i < program->n; i++) {
		const struct plan_step *s = &program->steps[i];
		enum status status = executor->profile ? run_timed(executor, s, err)
						       : run(executor, s);
		if (status != OK)
			return kernel_failed(plan, s, status, "failed", err);
	}
	return OK;
}

/* Lets kernels choose their way to run, each step in its own memory. */
static enum status tune(const struct executor *executor, struct error *err)
{
	const struct plan *plan = executor->plan;
	for (int p = 0; p < PROGRAM_COUNT; p++)
		for (uint32_t i = 0; i < plan->programs[p].n; i++) {
			const struct plan_step *s = &plan->programs[p].steps[i];
			struct kernel_io io = { s->in, s->out, s->workspace };
			enum status status = s->kernel->tune ? s->kernel->tune(s->state, &io,
									       executor->stream)
							     : OK;
			if (status != OK)
				return kernel_failed(plan, s, status, "can't be timed", err);
		}
	return OK;
}

enum status exec_open(struct plan *plan, struct stream *stream, struct profile *profile,
		      struct executor *out, struct error *err)
{
	*out = (struct executor){ .plan = plan, .stream = stream, .profile = profile };
	TRY(tune(out, err));
	if (profile)
		return OK;
	for (int p = 0; p < PROGRAM_COUNT; p++) {
		if (!plan->programs[p].n || plan->backend->capture_begin(stream) != OK)
			continue;
		struct error later;
		enum status status = queue(out, (enum program_kind)p, err);
		enum status end = plan->backend->capture_end(stream, &out->captures[p],
							     status == OK ? err : &later);
		if (status != OK || end != OK) {
			exec_close(out);
			return status != OK ? status : end;
		}
	}
	return OK;
}

void exec_close(struct executor *executor)
{
	for (int p = 0; p < PROGRAM_COUNT; p++)
		if (executor->captures[p])
			executor->plan->backend->capture_free(executor->captures[p]);
	*executor = (struct executor){ 0 };
}

enum status exec_run(struct executor *executor, enum program_kind program, struct error *err)
{
	const struct backend *backend = executor->plan->backend;
	if (!executor->captures[program])
		return queue(executor, program, err);
	if (backend->capture_launch(executor->captures[program], executor->stream) != OK)
		return backend_fail(backend, executor->plan->device, err, ERR_INTERNAL,
				    "a captured program could not be launched");
	return OK;
}
