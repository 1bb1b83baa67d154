/* rates.c - learning rates (see rates.h). */
#include "api/rates.h"

#include "api/range_test.h"
#include "train/plateau.h"
#include "train/schedule.h"

#define PLATEAU_NAME "onnxtune.plateau"

/* Under a million trained numbers a model bears larger steps; optimizers differ in what a rate is. */
static double default_rate(const struct session *session)
{
	static const double factors[] = {
		[OPTIMIZER_ADAGRAD] = 10, [OPTIMIZER_LION] = 0.2, [OPTIMIZER_ADAFACTOR] = 10
	};
	double factor = factors[session->options.training.update.optimizer];
	return (session->n_elements < 1000000 ? 1e-3 : 1e-4) * (factor ? factor : 1);
}

static const enum schedule_kind kinds[] = {
	[CONFIG_CONSTANT] = SCHEDULE_CONSTANT,     [CONFIG_LINEAR] = SCHEDULE_LINEAR,
	[CONFIG_COSINE] = SCHEDULE_COSINE,         [CONFIG_STEP] = SCHEDULE_STEP,
	[CONFIG_POLYNOMIAL] = SCHEDULE_POLYNOMIAL, [CONFIG_ONE_CYCLE] = SCHEDULE_ONE_CYCLE,
	[CONFIG_RESTARTS] = SCHEDULE_RESTARTS,     [CONFIG_WSD] = SCHEDULE_WSD,
	[CONFIG_PLATEAU] = SCHEDULE_PLATEAU,
};

/* The plateau's counters are a variable of the session, as all that changes in a run. */
static enum status plateau_variable(struct project *p, struct variable **out, struct error *err)
{
	const struct tensor type = { DT_F64, SHAPE(sizeof(struct plateau) / sizeof(double)), NULL };
	return variables_get(&p->session->vars, PLATEAU_NAME, &type, NULL, out, err);
}

static enum status check_plateau(struct project *p, struct error *err)
{
	struct variable *unused;
	if (p->dataset.report_only || !p->dataset.validation.n)
		return fail(
			err, ERR_USAGE,
			"--schedule=plateau: %s has no validation part to take the loss of; add "
			"one, or give --validation",
			p->config->data);
	return plateau_variable(p, &unused, err);
}

static enum status set_rates(struct project *p, int64_t steps, double peak, struct error *err)
{
	const struct config *c = p->config;
	struct schedule schedule = { kinds[c->schedule], c->warmup, steps, c->schedule_args.v[0],
				     c->schedule_args.v[1] };
	int64_t n = steps > 0 ? steps : 1;
	double *rates = arena_alloc(&p->arena, (size_t)n * sizeof *rates);
	for (int64_t i = 0; i < n; i++)
		rates[i] = peak * schedule_factor(&schedule, i);
	return session_set_rates(p->session, rates, err);
}

enum status rates_begin(struct project *project, int64_t steps, struct error *err)
{
	const struct config *c = project->config;
	bool given = c->lr != CONFIG_LR_DEFAULT && c->lr != CONFIG_LR_AUTO;
	if (c->schedule == CONFIG_PLATEAU)
		TRY(check_plateau(project, err));
	return set_rates(project, steps, given ? c->lr : default_rate(project->session), err);
}

enum status rates_find(struct project *project, int64_t steps, struct error *err)
{
	double rate;
	if (project->config->lr != CONFIG_LR_AUTO || steps == 0)
		return OK;
	TRY(range_test(project, &rate, err));
	if (*project->ui->stop > 0)
		return OK;
	if (rate == 0) {
		log_note(&project->ui->log,
			 "--lr=auto: the loss fell at no rate; the default, %g, is taken",
			 default_rate(project->session));
		return OK;
	}
	log_note(&project->ui->log, "--lr=auto: %g, where the loss fell fastest", rate);
	return set_rates(project, steps, rate, err);
}

static enum status reduce(struct project *p, int64_t good_steps, struct error *err)
{
	struct session *session = p->session;
	int64_t n = session->options.training.rates;
	double *rates = arena_dup(&p->arena, session->rates, (size_t)n * sizeof *rates);
	for (int64_t i = good_steps; i < n; i++)
		rates[i] *= p->config->schedule_args.v[0];
	return session_set_rates(session, rates, err);
}

bool rates_want_epochs(const struct project *project)
{
	return project->config->schedule == CONFIG_PLATEAU;
}

enum status rates_epoch(struct project *project, int64_t epoch, int64_t good_steps, double loss,
			struct error *err)
{
	const struct config *c = project->config;
	struct variable *variable;
	struct plateau plateau;
	if (!rates_want_epochs(project))
		return OK;
	TRY(plateau_variable(project, &variable, err));
	TRY(variable_read(&project->session->vars, variable, &plateau, err));
	bool reduced = plateau_epoch(&plateau, loss, c->schedule_args.v[1]);
	TRY(variable_write(&project->session->vars, variable, &plateau, err));
	if (!reduced)
		return OK;
	log_note(&project->ui->log,
		 "epoch %lld: validation loss %.6g, the best was %.6g: learning rate times %g",
		 (long long)epoch, loss, plateau.best, c->schedule_args.v[0]);
	return reduce(project, good_steps, err);
}
