/* checkpoints.c - a folder of checkpoints (see checkpoints.h). */
#include "api/checkpoints.h"

#include "data/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_RUN 300 /* seconds from which a run gets checkpoints that nobody asked for */
#define NAME_FORMAT "step-%012lld.npz"
#define BEST_NAME "best.npz"

/* The number in a name of ours, -1 for others. */
static int64_t number_of(const char *name)
{
	char again[64];
	long long number;
	if (sscanf(name, "step-%lld.npz", &number) != 1 || number < 0)
		return -1;
	snprintf(again, sizeof again, NAME_FORMAT, number);
	return strcmp(name, again) ? -1 : number;
}

/* What a killed run left of a checkpoint that it was writing. */
static bool is_leftover(const char *name)
{
	const char *end = strstr(name, ".npz.tmp.");
	return end &&
	       (!strncmp(name, "step-", 5) || !strncmp(name, BEST_NAME, sizeof BEST_NAME - 1));
}

struct found {
	int64_t *v; /* numbers, the smallest first */
	uint32_t n;
};

static enum status find(const char *path, struct arena *arena, struct found *out, struct error *err)
{
	struct folder folder;
	*out = (struct found){ 0 };
	if (!folder_has(path))
		return OK;
	if (!folder_is(path))
		return fail(err, ERR_IO, "%s: is no folder", path);
	TRY(folder_read(path, arena, &folder, err));
	out->v = arena_alloc(arena, folder.n * sizeof *out->v);
	for (uint32_t i = 0; i < folder.n; i++)
		if (!folder.v[i].folder && number_of(folder.v[i].name) >= 0)
			out->v[out->n++] = number_of(folder.v[i].name);
	return OK;
}

static char *path_of(const struct checkpoints *c, int64_t number)
{
	return mem_printf("%s/" NAME_FORMAT, c->folder, (long long)number);
}

static char *path_of_best(const struct checkpoints *c)
{
	return mem_printf("%s/" BEST_NAME, c->folder);
}

static void remove_number(const struct checkpoints *c, int64_t number)
{
	char *path = path_of(c, number);
	unlink(path);
	free(path);
}

/* ---- opening ---- */

/* The newest that is whole; *number is -1 when there is none at all. */
static enum status open_newest(struct checkpoints *c, int64_t *number, struct error *err)
{
	struct project *p = c->project;
	struct found found;
	*number = -1;
	TRY(find(c->folder, &p->arena, &found, err));
	for (uint32_t i = found.n; i-- > 0;) {
		char *path = path_of(c, found.v[i]);
		enum status status = checkpoint_open(path, &c->from, err);
		free(path);
		if (status == OK) {
			*number = found.v[i];
			return OK;
		}
		log_warn(&p->ui->log, "%s; %s", err->text,
			 i ? "the one before it is taken" : "there is no other");
	}
	return found.n ? fail(err, ERR_INPUT, "%s: none of the checkpoints can be read", c->folder)
		       : OK;
}

static enum status identify(struct checkpoints *c, struct error *err)
{
	if (!c->identified)
		TRY(run_identify(c->project, &c->identity, err));
	c->identified = true;
	return OK;
}

static enum status resume(struct checkpoints *c, struct run_state *state, struct error *err)
{
	struct project *p = c->project;
	int64_t number;
	TRY(open_newest(c, &number, err));
	if (number < 0) {
		log_note(&p->ui->log, "%s: has no checkpoint yet, the run begins", c->folder);
		return OK;
	}
	c->resumed = true;
	c->begun = c->automatic; /* it has been long enough before */
	TRY(identify(c, err));
	enum status status = run_read(&c->from, p, &c->identity, state, err);
	if (status != OK)
		return fail_context(err, "--resume=%s", c->folder);
	log_note(&p->ui->log, "%s: goes on after step %lld", c->folder, (long long)state->steps);
	return OK;
}

/* A run that begins where another one's checkpoints are. */
static enum status check_unused(struct checkpoints *c, struct error *err)
{
	struct project *p = c->project;
	struct found found;
	TRY(find(c->folder, &p->arena, &found, err));
	char *best = path_of_best(c);
	c->clear = found.n > 0 || folder_has(best);
	free(best);
	if (!c->clear || p->config->force)
		return OK;
	if (!c->automatic)
		return fail(err, ERR_USAGE,
			    "--checkpoint=%s: has checkpoints of a run; go on from them with "
			    "--resume, or replace them with --force",
			    c->folder);
	log_warn(&p->ui->log,
		 "%s: has checkpoints of a run that this one begins anew; --resume goes on from "
		 "them",
		 c->folder);
	return OK;
}

/* Makes the folder; ERR_IO when it can't be written to. */
static enum status begin(struct checkpoints *c, struct error *err)
{
	if (c->ready)
		return OK;
	if (mkdir(c->folder, 0777) && errno != EEXIST)
		return fail(err, ERR_IO, "%s: can't make the folder: %s", c->folder,
			    strerror(errno));
	char *path = path_of(c, 0);
	enum status status = file_check_writable(path, err);
	free(path);
	c->ready = status == OK;
	return status;
}

enum status checkpoints_open(struct project *project, const char *output, struct checkpoints *out,
			     struct run_state *state, struct error *err)
{
	const struct config *config = project->config;
	const char *folder = config->resume.folder ? config->resume.folder : config->checkpoint;
	struct checkpoints *c = out;
	*state = (struct run_state){ .log = config->log, .log_dir = config->log_dir };
	*c = (struct checkpoints){ .project = project, .automatic = !folder };
	if (folder && !strcmp(folder, CONFIG_OFF))
		return OK;
	c->folder = folder ? folder : arena_printf(&project->arena, "%s.checkpoint", output);
	if (config->resume.on)
		TRY(resume(c, state, err));
	else
		TRY(check_unused(c, err));
	if (c->automatic)
		return OK;
	c->begun = true;
	return begin(c, err);
}

enum status checkpoints_restore(struct checkpoints *c, const struct run_state *state,
				struct record *record, struct error *err)
{
	if (!c->resumed)
		return OK;
	run_restore_curves(&c->from, state, record);
	enum status status = run_restore(&c->from, c->project, err);
	checkpoint_close(&c->from);
	return status == OK ? OK : fail_context(err, "--resume=%s", c->folder);
}

/* ---- saving ---- */

void checkpoints_begin(struct checkpoints *c, const struct run_state *state, double now)
{
	c->started = c->last = now;
	c->first = c->last_done = state->done;
}

bool checkpoints_due(const struct checkpoints *c, const struct run_state *state, int64_t windows,
		     double now)
{
	const struct config_every *every = &c->project->config->checkpoint_every;
	int64_t here = state->done - c->first;
	bool due = every->steps ? state->done - c->last_done >= every->steps
				: now - c->last >= every->seconds;
	if (!c->folder || !due || here <= 0)
		return false;
	double pace = (now - c->started) / (double)here;
	return !c->automatic || c->begun || pace * (double)windows >= LONG_RUN;
}

/* Keeps the newest of those up to `number`; higher ones are damaged, or of another run. */
static void prune(const struct checkpoints *c, int64_t number)
{
	struct arena arena;
	struct found found;
	struct folder folder;
	struct error ignored;
	arena_init(&arena);
	int64_t keep = c->project->config->keep;
	if (find(c->folder, &arena, &found, &ignored) == OK)
		for (uint32_t i = found.n; i-- > 0;)
			if (found.v[i] > number || keep-- <= 0)
				remove_number(c, found.v[i]);
	if (folder_read(c->folder, &arena, &folder, &ignored) == OK)
		for (uint32_t i = 0; i < folder.n; i++)
			if (is_leftover(folder.v[i].name))
				unlink(arena_printf(&arena, "%s/%s", c->folder, folder.v[i].name));
	arena_release(&arena);
}

static void remove_all(const struct checkpoints *c)
{
	char *best = path_of_best(c);
	prune(c, -1);
	unlink(best);
	free(best);
}

/* Before anything is written: what is of another run goes. */
static enum status prepare(struct checkpoints *c, struct error *err)
{
	TRY(begin(c, err));
	TRY(identify(c, err));
	if (c->clear)
		remove_all(c);
	c->clear = false;
	return OK;
}

enum status checkpoints_save_best(struct checkpoints *c, const struct run_state *state,
				  struct error *err)
{
	const struct record none = { 0 };
	TRY(prepare(c, err));
	char *path = path_of_best(c);
	enum status status = run_save(path, c->project, &c->identity, state, &none, err);
	free(path);
	return status;
}

enum status checkpoints_restore_best(struct checkpoints *c, int64_t done, struct error *err)
{
	struct checkpoint best;
	struct run_state state;
	char *path = path_of_best(c);
	enum status status;
	TRY_GOTO(identify(c, err), out_path);
	TRY_GOTO(checkpoint_open(path, &best, err), out_path);
	TRY_GOTO(run_read(&best, c->project, &c->identity, &state, err), out_best);
	if (state.done != done)
		status = fail(err, ERR_INPUT, "%s: is not the best of this run", path);
	else
		status = run_restore(&best, c->project, err);
out_best:
	checkpoint_close(&best);
out_path:
	free(path);
	return status;
}

enum status checkpoints_save(struct checkpoints *c, const struct run_state *state,
			     const struct record *record, double now, struct error *err)
{
	bool first = !c->begun;
	c->last = now;
	c->last_done = state->done;
	if (!c->folder)
		return OK;
	TRY(prepare(c, err));
	c->begun = true;
	if (first)
		log_note(
			&c->project->ui->log,
			"checkpoints are written to %s until the run is complete; --resume goes on "
			"from them",
			c->folder);
	char *path = path_of(c, state->done);
	enum status status = run_save(path, c->project, &c->identity, state, record, err);
	free(path);
	if (status == OK)
		prune(c, state->done);
	else
		rmdir(c->folder); /* where it has no other */
	return status;
}

void checkpoints_finish(struct checkpoints *c)
{
	if (!c->folder || c->clear)
		return;
	/* one that was killed between a checkpoint and what it makes needless may have nothing left to do */
	if (!c->automatic) {
		prune(c, c->last_done);
		return;
	}
	remove_all(c);
	rmdir(c->folder); /* stays if others put something in it */
}

void checkpoints_release(struct checkpoints *c)
{
	if (c->resumed)
		checkpoint_close(&c->from);
}
