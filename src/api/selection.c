/* selection.c - the best weights of a run, and its early end (see selection.h). */
#include "api/selection.h"

#include <math.h>

static const struct metric *metric_of(const struct config *c)
{
	return metric_find(c->metric ? c->metric : "loss");
}

static bool is_wanted(const struct config *c)
{
	return c->patience || c->keep_best || c->eval_every;
}

/* NaN is never better, and anything else is better than NaN. */
static bool is_better(const struct metric *metric, double value, double than, double delta)
{
	if (isnan(value) || isnan(than))
		return !isnan(value);
	return metric->lower_is_better ? value < than - delta : value > than + delta;
}

enum status selection_check(const struct project *project, const struct evaluated *before,
			    struct error *err)
{
	const struct config *c = project->config;
	const struct metric *metric = metric_of(c);
	if (!is_wanted(c))
		return OK;
	if ((project->dataset.report_only && (c->patience || c->keep_best)) ||
	    !project->dataset.validation.n)
		return fail(err, ERR_USAGE,
			    "--%s: %s has no validation part to choose by; add one, or give "
			    "--validation",
			    c->keep_best  ? "keep-best"
			    : c->patience ? "patience"
					  : "eval-every",
			    c->data);
	if (isnan(metric->value(&before->evaluation)) && !isnan(before->evaluation.loss))
		return fail(err, ERR_USAGE, "--metric=%s: does not apply to this model",
			    metric->name);
	return OK;
}

bool selection_due(const struct config *config, const struct run_state *state, bool at_end)
{
	bool due = at_end || (config->eval_every && state->done % config->eval_every == 0);
	return is_wanted(config) && due && state->done > 0 && state->evaluated != state->done;
}

static void note(const struct project *p, const struct run_state *state, double value)
{
	const char *name = metric_of(p->config)->name;
	if (state->best_done == state->done)
		log_note(&p->ui->log, "step %lld: validation %s %.6g, the best so far",
			 (long long)state->steps, name, value);
	else
		log_note(&p->ui->log, "step %lld: validation %s %.6g, the best was %.6g",
			 (long long)state->steps, name, value, state->best);
	if (state->over)
		log_note(&p->ui->log, "no better %s in %lld evaluations: the run ends (--patience)",
			 name, (long long)state->waits);
}

enum status selection_judge(struct checkpoints *checkpoints, struct run_state *state,
			    const struct evaluation *e, struct error *err)
{
	struct project *p = checkpoints->project;
	const struct config *c = p->config;
	const struct metric *metric = metric_of(c);
	double value = metric->value(e);
	if (!is_wanted(c) || state->evaluated == state->done)
		return OK;
	bool better = is_better(metric, value, state->best_done ? state->best : NAN, c->min_delta);
	state->evaluated = state->done;
	state->waits = better ? 0 : state->waits + 1;
	state->over = c->patience && state->waits >= c->patience;
	if (better) {
		state->best = value;
		state->best_done = state->done;
		state->best_steps = state->steps;
	}
	note(p, state, value);
	return better && c->keep_best ? checkpoints_save_best(checkpoints, state, err) : OK;
}

enum status selection_take_best(struct checkpoints *checkpoints, const struct run_state *state,
				struct error *err)
{
	struct project *p = checkpoints->project;
	if (!p->config->keep_best || !state->best_done || state->best_done == state->done)
		return OK;
	TRY(checkpoints_restore_best(checkpoints, state->best_done, err));
	log_note(&p->ui->log, "the weights of step %lld are the best and are written",
		 (long long)state->best_steps);
	return OK;
}

void selection_compare(const struct project *project, const struct evaluated *before,
		       const struct evaluated *after)
{
	const struct metric *metric = metric_of(project->config);
	double a = metric->value(&before->evaluation), b = metric->value(&after->evaluation);
	if (is_better(metric, a, b, 0) && !isnan(b))
		log_warn(&project->ui->log,
			 "the tuned model is worse than the untuned: %s was %.6g and is %.6g",
			 metric->name, a, b);
}
