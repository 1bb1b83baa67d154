/*
 * range_test.c - the range test of the learning rate (see range_test.h).
 *
 *  1. Put the session's state aside.
 *  2. The loss of the first windows of an epoch, with the weights as they are.
 *  3. Steps on the same windows, again and again, the rate growing from one to the next. What is
 *     added to the range is the change of each window's loss: windows differ more than a small rate
 *     changes them.
 *  4. Put the state back.
 */
#include "api/range_test.h"

#include "api/window.h"
#include "train/range.h"
#include "train/snapshot.h"

#include <math.h>
#include <stdlib.h>

struct test {
	struct project *p;
	struct loader *loader;
	struct progress bar;
	struct range range;
	double *rates; /* the session's whole table, of one rate */
	uint32_t windows, done;
	double before[RANGE_STEPS], mean; /* losses of the windows at rate 0, and their mean */
};

/* One step at the rate on the next window; NaN when the window has nothing to learn from. */
static enum status try_rate(struct test *t, double rate, double *loss, struct error *err)
{
	struct session *session = t->p->session;
	struct step_result r;
	struct batch batch;
	bool end = false;
	*loss = NAN;
	for (int64_t i = 0; i < session->options.training.rates; i++)
		t->rates[i] = rate;
	TRY(session_set_rates(session, t->rates, err));
	TRY(window_run(session, t->loader, &batch, &end, err));
	if (!end && batch.window_weight != 0) {
		TRY(session_end_window(session, err));
		TRY(session_result(session, &r, err));
		*loss = r.loss;
	}
	const struct api_ui *ui = t->p->ui;
	if (progress_update(&t->bar, ++t->done, clock_now()))
		ui->draw(ui->ctx, &t->bar, clock_now(), false);
	return OK;
}

/* The same windows as they are before any step. */
static enum status measure_before(struct test *t, struct error *err)
{
	uint32_t n = 0;
	loader_start(t->loader, 0, 0);
	for (uint32_t k = 0; k < t->windows && *t->p->ui->stop <= 0; k++) {
		TRY(try_rate(t, 0, &t->before[k], err));
		if (!isfinite(t->before[k]))
			continue;
		t->mean += t->before[k];
		n++;
	}
	t->mean = n ? t->mean / n : 0;
	return OK;
}

/* What a window has lost since is told from what windows have of their own. */
static enum status ramp(struct test *t, struct error *err)
{
	bool more = true;
	for (uint32_t step = 0; step < RANGE_STEPS && more && *t->p->ui->stop <= 0; step++) {
		uint32_t k = step % t->windows;
		double loss;
		if (k == 0)
			loader_start(t->loader, 0, 0);
		TRY(try_rate(t, range_rate(step), &loss, err));
		if (isfinite(t->before[k]))
			more = range_add(&t->range, range_rate(step),
					 loss - t->before[k] + t->mean);
	}
	return OK;
}

enum status range_test(struct project *project, double *rate, struct error *err)
{
	struct loader_options options = project_loader(
		project, &project->dataset.train, project->window, !project->config->no_shuffle);
	const struct api_ui *ui = project->ui;
	struct test t = { .p = project };
	struct snapshot snapshot;
	size_t n = (size_t)project->session->options.training.rates;
	enum status status;
	TRY(snapshot_take(project->session, &snapshot, err));
	TRY_GOTO(loader_open(&options, &t.loader, err), out_snapshot);
	t.rates = mem_alloc(n * sizeof *t.rates);
	t.windows = loader_windows(t.loader);
	t.windows = t.windows < RANGE_STEPS ? t.windows : RANGE_STEPS;
	progress_begin(&t.bar, t.windows + RANGE_STEPS, ui->interval, clock_now(), "learning rate");
	status = measure_before(&t, err);
	if (status == OK)
		status = ramp(&t, err);
	ui->draw(ui->ctx, &t.bar, clock_now(), true);
	progress_release(&t.bar);
	free(t.rates);
	loader_free(t.loader);
	if (status == OK)
		status = snapshot_restore(&snapshot, project->session, err);
	if (status == OK)
		*rate = *ui->stop > 0 ? 0 : range_choose(&t.range);
out_snapshot:
	snapshot_release(&snapshot);
	return status;
}
