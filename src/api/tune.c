/*
 * tune.c - the training run (see tune.h).
 *
 *  1. Open the project, check the output, find the checkpoint to go on from, set the learning rates.
 *  2. Evaluate the untuned model; then the checkpoint's weights, if any, take their place.
 *  3. Steps: windows of micro-batches from the loader, epoch after epoch, checkpoints between them.
 *  4. Write the model, then evaluate: what takes time can be stopped without loss.
 */
#include "api/tune.h"

#include "api/adapter.h"
#include "api/class_weights.h"
#include "api/output.h"
#include "api/output_folder.h"
#include "api/rates.h"
#include "api/selection.h"
#include "api/steplog.h"
#include "api/timings.h"
#include "api/window.h"
#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- steps ---- */

/* A window whose result is not known yet. */
struct ended {
	uint32_t window, samples; /* its number in the epoch, and its size */
};

struct run {
	struct project *p;
	struct loader *loader;
	struct progress bar;
	struct steplog log;
	struct record *record;
	struct timings timings;
	struct checkpoints checkpoints;
	struct run_state state;
	int64_t steps, per_epoch; /* in the run, and in an epoch */
	double earlier;           /* seconds of the run before it was interrupted */
	double started, step_started;
	struct ended ended[RESULTS_MAX]; /* oldest first, as many as the session has pending */
	bool ran;                        /* a step */
};

/* Takes the result of the oldest window that has ended. */
static enum status take_result(struct run *run, struct error *err)
{
	struct project *p = run->p;
	const struct api_ui *ui = p->ui;
	struct ended ended = run->ended[0];
	struct step_result r;
	memmove(run->ended, run->ended + 1, sizeof run->ended - sizeof ended);
	TRY(session_result(p->session, &r, err));
	profile_lap(p->profile, run->ran ? "steps: the others" : "steps: the first");
	run->ran = true;
	double now = clock_now(), seconds = now - run->step_started;
	run->state.skipped += r.skipped;
	run->state.last_loss = r.loss;
	run->step_started = now;
	if (p->session->early && r.skipped && run->state.skipped == 1)
		log_warn(
			&ui->log,
			"step %lld: skipped from the first gradient on that was not finite; what was "
			"updated before it stays (with --clip-norm nothing would)",
			(long long)r.step);
	double speed = seconds > 0 ? (double)ended.samples / seconds : 0;
	TRY(steplog_add(&run->log, &r, run->state.epoch + 1, speed, err));
	TRY(record_step(run->record, &r, speed, err));
	if (r.skips > p->config->max_skips)
		return fail(
			err, ERR_INPUT,
			"step %lld: gradients were not finite %d times in a row; lower --lr, or "
			"use --precision fp32",
			(long long)r.step, r.skips);
	run->bar.postfix.n = 0;
	progress_add_number(&run->bar.postfix, "loss", r.loss);
	progress_add_number(&run->bar.postfix, "lr", r.rate);
	if (p->session->options.half == DT_F16)
		progress_add_number(&run->bar.postfix, "scale", r.scale);
	if (progress_update(&run->bar, ended.window + 1, now))
		ui->draw(ui->ctx, &run->bar, now, false);
	profile_lap(p->profile, "steps: log and progress bar");
	return OK;
}

/* Takes results until no more than so many are left; they are all known before anything but steps. */
static enum status take_results(struct run *run, uint32_t left, struct error *err)
{
	while (session_pending(run->p->session) > left)
		TRY(take_result(run, err));
	return OK;
}

static enum status end_step(struct run *run, const struct batch *batch, struct error *err)
{
	struct session *session = run->p->session;
	run->ended[session_pending(session)] = (struct ended){ batch->window,
							       batch->window_samples };
	TRY(session_end_window(session, err));
	run->state.steps++;
	return take_results(run, session_ahead(session), err);
}

/* One window; *end after the last of the epoch. */
static enum status step(struct run *run, bool *end, struct error *err)
{
	struct batch batch;
	TRY(window_run(run->p->session, run->loader, &batch, end, err));
	if (*end)
		return OK;
	if (batch.window_weight != 0)
		TRY(end_step(run, &batch, err));
	run->state.done++;
	run->state.window = (int64_t)batch.window + 1;
	return OK;
}

/*
 * A checkpoint, of which the log's lines so far are a part. A run doesn't end because one can't be
 * written: there is the one before, and the next.
 */
static void save(struct run *run)
{
	struct error err;
	double now = clock_now();
	run->state.seconds = run->earlier + now - run->started;
	if (steplog_sync(&run->log, &run->state.log_bytes, &err) != OK ||
	    checkpoints_save(&run->checkpoints, &run->state, run->record, now, &err) != OK)
		log_warn(&run->p->ui->log, "%s; the run goes on without this checkpoint", err.text);
}

/*
 * A checkpoint follows the evaluations at its step, so that a run that goes on from it does not
 * record them again.
 */
static enum status save_if_due(struct run *run, struct error *err)
{
	if (!checkpoints_due(&run->checkpoints, &run->state, run->steps, run->step_started))
		return OK;
	TRY(take_results(run, 0, err));
	save(run);
	return OK;
}

static bool goes_on(const struct run *run)
{
	return run->state.done < run->steps && !run->state.over && *run->p->ui->stop <= 0;
}

/* The validation part in between: what is told, chosen by it, and changed after an epoch. */
static enum status look(struct run *run, bool after_epoch, struct error *err)
{
	struct project *p = run->p;
	struct run_state *state = &run->state;
	struct evaluated e;
	TRY(take_results(run, 0, err));
	TRY(project_evaluate(p, "validation", &e, err));
	enum status status = record_evaluation(run->record, state->steps, &e.evaluation, err);
	if (status == OK)
		status = selection_judge(&run->checkpoints, state, &e.evaluation, err);
	if (status == OK && after_epoch && !state->over)
		status = rates_epoch(p, state->epoch + 1, state->steps - state->skipped,
				     e.evaluation.loss, err);
	run->started += e.seconds; /* it is no part of the steps' time */
	run->step_started = clock_now();
	evaluated_release(&e);
	return status;
}

/* What follows an epoch that is not the last. */
static enum status end_epoch(struct run *run, struct error *err)
{
	struct project *p = run->p;
	bool due = selection_due(p->config, &run->state, !p->config->eval_every);
	if (!due && !rates_want_epochs(p) && !record_wants_epochs(run->record))
		return OK;
	return look(run, true, err);
}

/*
 * What is left of the epoch that the run is in. What follows an epoch is a part of it: where that is
 * not done yet, `window` stands at the epoch's end.
 */
static enum status epoch(struct run *run, int64_t epochs, struct error *err)
{
	struct run_state *state = &run->state;
	const struct api_ui *ui = run->p->ui;
	int64_t number = state->epoch, left = run->steps - state->done + state->window;
	int64_t before = state->done;
	bool end = false;
	enum status status = OK;
	progress_begin(&run->bar, left < run->per_epoch ? left : run->per_epoch, ui->interval,
		       clock_now(), "Epoch %lld/%lld", (long long)number + 1, (long long)epochs);
	ui->draw(ui->ctx, &run->bar, clock_now(), false);
	loader_start(run->loader, (uint64_t)number, (uint32_t)state->window);
	while (!end && goes_on(run) && status == OK) {
		if (selection_due(run->p->config, state, false))
			status = look(run, false, err);
		if (status == OK && state->window < run->per_epoch)
			status = save_if_due(run, err);
		profile_lap(run->p->profile, "steps: evaluations and checkpoints between them");
		if (status == OK && goes_on(run))
			status = step(run, &end, err);
	}
	if (status == OK)
		status = take_results(run, 0, err);
	ui->draw(ui->ctx, &run->bar, clock_now(), true);
	progress_release(&run->bar);
	if (status == OK && state->done > before)
		status = record_tensors(run->record, state->steps, err);
	if (status != OK || !end || *ui->stop > 0)
		return status;
	TRY(end_epoch(run, err));
	state->epoch += !state->over;
	state->window = state->over ? state->window : 0;
	return save_if_due(run, err);
}

/* All steps that are left. The last state is a checkpoint, where the run has some or is stopped. */
static enum status train(struct run *run, struct error *err)
{
	struct project *p = run->p;
	struct checkpoints *c = &run->checkpoints;
	struct loader_options options = project_loader(p, &p->dataset.train, p->window,
						       !p->config->no_shuffle);
	TRY(loader_open(&options, &run->loader, err));
	int64_t epochs = (run->steps + run->per_epoch - 1) / run->per_epoch;
	enum status status = OK;
	run->earlier = run->state.seconds;
	run->started = run->step_started = clock_now();
	checkpoints_begin(c, &run->state, run->started);
	int64_t before = run->state.done;
	timings_begin(&run->timings);
	while (status == OK && goes_on(run))
		status = epoch(run, epochs, err);
	if (status == OK && *p->ui->stop <= 0 && selection_due(p->config, &run->state, true))
		status = look(run, false, err);
	if (status == ERR_STOPPED)
		status = OK;
	run->state.seconds = run->earlier + clock_now() - run->started;
	bool new = run->state.done != c->last_done;
	if (status == OK && ((new && c->begun) || (*p->ui->stop > 0 && c->folder)))
		save(run);
	loader_free(run->loader);
	if (status == OK)
		timings_write(&run->timings, run->state.done - before,
			      run->state.seconds - run->earlier);
	return status;
}

/* ---- the run ---- */

/* The last window of an epoch may end with a short micro-batch: its memory is planned now. */
static enum status plan_last_batch(struct project *p, struct error *err)
{
	int64_t last = p->dataset.train.n % p->window % p->micro_batch;
	int64_t inner = p->window % p->micro_batch;
	if (last)
		TRY(session_plan_short_batch(p->session, last, err));
	return inner ? session_plan_short_batch(p->session, inner, err) : OK;
}

/* The run writes an adapter and no model. */
static bool only_factors(const struct config *config)
{
	return config->lora_save && !config->output;
}

/* The store of features takes its part of the memory that is left for decoded images. */
static enum status cache_features(struct project *p, struct error *err)
{
	const struct feature_cache *c = &p->session->features;
	uint32_t n = p->dataset.train.n;
	char size[SIZE_TEXT];
	if (!p->config->cache_features)
		return OK;
	if (!c->on) {
		log_note(
			&p->ui->log, "features: none are cached: %s",
			c->no_products
				? "the frozen part differs by rounding with the place in a batch; see --cache-features=near"
				: "no frozen weight stands before all that is trained");
		return OK;
	}
	TRY(session_cache_features(p->session, n, p->cache_limit, err));
	if (!c->file_bytes)
		p->cache_limit -= n * c->sample_bytes;
	log_note(&p->ui->log, "features%s: %s for %u samples, in %s",
		 c->no_products ? " before the first matrix product" : "",
		 size_format(n * c->sample_bytes, size), n,
		 c->file_bytes ? "a temporary file" : "memory");
	return OK;
}

static enum status check_output(struct project *p, const char *path, struct error *err)
{
	const struct model *m = p->model;
	const struct graph *g = m->graph;
	if (p->config->lora_save)
		TRY(adapter_check(p->config, err));
	if (only_factors(p->config))
		return OK;
	struct onnx_change *changes = mem_alloc(g->values.n * sizeof *changes);
	uint32_t n = 0;
	for (uint32_t i = 1; i < g->values.n; i++)
		if (session_may_change(p->session, i))
			changes[n++] = m->sites[i];
	enum status status = output_check(p->config, p->model, path, changes, n, err);
	free(changes);
	return status;
}

static enum status write_model(struct project *p, const char *path, struct error *err)
{
	struct adapter_head head = { .on = p->wish.on };
	struct onnx_change *changes;
	uint32_t n;
	if (p->original) {
		head.classes = p->dataset.labels.names;
		head.n = p->dataset.n_classes;
	}
	if (p->config->lora_save)
		TRY(adapter_save(p->session, p->config, &head, err));
	if (only_factors(p->config))
		return OK;
	TRY(session_changes(p->session, &p->arena, &changes, &n, err));
	return output_save(p, path, changes, n, err);
}

/* A model that knows these classes but guesses is most often fed wrong numbers. */
static void note_chance(const struct project *p, const struct evaluated *e)
{
	const struct confusion *c = e->evaluation.confusion;
	if (p->original || !c || c->kind != CONFUSION_SINGLE_LABEL || c->total < 20 ||
	    confusion_accuracy(c) > 1.2 / c->classes)
		return;
	log_note(
		&p->ui->log,
		"the untuned model is at chance (%.1f %%): if its classes are these, check --range, "
		"--mean, --std, --channels and --labels",
		100 * confusion_accuracy(c));
}

static enum status check_sampling(const struct project *p, struct error *err)
{
	const struct dataset *ds = &p->dataset;
	if (p->config->sampling == CONFIG_SAMPLING_BALANCED &&
	    (ds->targets != TARGETS_CLASSES || ds->train.targets.shape.rank != 1))
		return fail(err, ERR_INPUT,
			    "%s: --sampling=balanced needs one class for each sample",
			    p->config->data);
	return OK;
}

/* The log goes on where the checkpoint was made, if it is the same file. */
static enum status open_log(struct run *run, struct error *err)
{
	struct run_state *state = &run->state;
	const char *path = run->p->config->log;
	bool same = path && state->log && !strcmp(path, state->log);
	enum status status = steplog_open(path, same ? state->log_bytes : 0, &run->log, err);
	state->log = path;
	return status;
}

/* A resumed run's event files begin behind the checkpoint, where they are in the same folder. */
static enum status open_record(struct run *run, struct error *err)
{
	struct run_state *state = &run->state;
	const struct checkpoints *c = &run->checkpoints;
	const char *folder = run->p->config->log_dir;
	bool begun = c->resumed && folder && state->log_dir && !strcmp(folder, state->log_dir);
	state->log_dir = folder;
	TRY(record_open(run->p, run->record, err));
	if (!run->p->config->resume.on)
		return OK;
	return record_resume(run->record, begun ? state->steps : -1, begun, err);
}

enum status tune_run(const struct config *config, const struct api_ui *ui, struct tune_result *out,
		     struct problems *problems, struct error *err)
{
	struct project *p = &out->project;
	struct run run = { .p = p, .record = &out->record };
	struct run_state *state = &run.state;
	bool made = false;
	enum status status;
	*out = (struct tune_result){ 0 };
	TRY(project_open(config, ui, true, p, problems, err));
	int64_t steps = run.steps = project_steps(p);
	run.per_epoch = project_steps_per_epoch(p);
	out->output = only_factors(config) ? config->lora_save : output_path(config, &p->arena);
	TRY_GOTO(output_make_folder(config, &made, err), out_run);
	TRY_GOTO(check_output(p, out->output, err), out_run);
	TRY_GOTO(class_weights_make(p, &p->class_weights, err), out_run);
	TRY_GOTO(check_sampling(p, err), out_run);
	TRY_GOTO(checkpoints_open(p, out->output, &run.checkpoints, state, err), out_run);
	TRY_GOTO(rates_begin(p, steps, err), out_run);
	TRY_GOTO(open_log(&run, err), out_run);
	TRY_GOTO(open_record(&run, err), out_run);
	TRY_GOTO(timings_open(config->profile, p->profile, &run.timings, err), out_run);
	TRY_GOTO(plan_last_batch(p, err), out_run);
	TRY_GOTO(cache_features(p, err), out_run);
	log_note(&ui->log, "training %u tensors, %lld numbers, by %s; %lld steps of %lld samples",
		 p->session->n_parameters, (long long)p->session->n_elements, loss_name(p->loss),
		 (long long)steps, (long long)p->window);
	log_note(&ui->log, "computing on %s in %s%s%s%s",
		 p->session->vars.backend->describe(p->session->device),
		 dtype_name(p->session->options.half),
		 config->precision == CONFIG_PRECISION_AUTO ? " (--precision auto)" : "",
		 *p->no_gpu.text ? "; no GPU: " : "", p->no_gpu.text);
	profile_lap(p->profile, "output, logs and checkpoints opened");
	TRY_GOTO(project_evaluate(p, "before", &out->before, err), out_run);
	profile_lap(p->profile, "evaluation before");
	note_chance(p, &out->before);
	TRY_GOTO(record_evaluation(&out->record, 0, &out->before.evaluation, err), out_run);
	TRY_GOTO(selection_check(p, &out->before, err), out_run);
	TRY_GOTO(checkpoints_restore(&run.checkpoints, state, &out->record, err), out_run);
	if (state->done == 0) /* later ones are in the checkpoint */
		TRY_GOTO(rates_find(p, steps, err), out_run);
	TRY_GOTO(train(&run, err), out_run);
	if (*ui->stop <= 0)
		TRY_GOTO(selection_take_best(&run.checkpoints, state, err), out_run);
	out->steps = state->steps;
	out->skipped = state->skipped;
	out->last_loss = state->last_loss;
	out->seconds = state->seconds;
	out->best_steps = state->best_steps;
	out->best = state->best;
	if (out->steps && out->skipped == out->steps)
		log_warn(&ui->log, "no step changed the model, since no gradient was finite; lower "
				   "--lr, or use --precision fp32");
	profile_lap(p->profile, "steps: evaluations and checkpoints between them");
	TRY_GOTO(write_model(p, out->output, err), out_run);
	profile_lap(p->profile, "model written");
	if (*ui->stop <= 0)
		status = project_evaluate(p, "after", &out->after, err);
	if (status != OK && status != ERR_STOPPED)
		fail_context(err, "%s is written, but could not be evaluated", out->output);
	out->signal = *ui->stop > 0 ? *ui->stop : 0;
	profile_lap(p->profile, "evaluation after");
	if (status == OK && !out->signal && isfinite(out->before.evaluation.loss) &&
	    !isfinite(out->after.evaluation.loss))
		log_warn(&ui->log, "%s: its loss is not finite any more; lower --lr", out->output);
	if (status == ERR_STOPPED)
		status = OK; /* the model is written, only the report is missing */
	else if (status == OK && !out->signal)
		status = record_evaluation(&out->record, out->steps, &out->after.evaluation, err);
	if (status == OK)
		status = record_close(&out->record, err);
	if (status == OK)
		status = timings_end(&run.timings, err);
	if (status == OK && !out->signal)
		selection_compare(p, &out->before, &out->after);
	out->can_resume = out->signal && run.checkpoints.folder;
	if (status == OK && !out->signal)
		checkpoints_finish(&run.checkpoints);
out_run:
	checkpoints_release(&run.checkpoints);
	timings_release(&run.timings);
	if (status == OK)
		status = steplog_close(&run.log, err);
	else
		steplog_abandon(&run.log);
	if (status != OK) {
		if (!problems->total)
			problems_add(problems, err);
		output_remove_folder(config, made);
		tune_release(out);
	}
	return status;
}

void tune_release(struct tune_result *result)
{
	record_release(&result->record);
	evaluated_release(&result->before);
	evaluated_release(&result->after);
	project_release(&result->project);
}
