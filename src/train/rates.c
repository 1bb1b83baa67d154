/* rates.c - a session's learning rates, a table for each group (see session.h). */
#include "train/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The learning rates of the groups with this factor. */
static enum status write_rates(struct session *s, double factor, struct error *err)
{
	struct arena scratch;
	enum status status;
	arena_init(&scratch);
	const struct variable *v = variables_find(&s->vars, group_rates_name(&scratch, factor));
	size_t n = (size_t)s->options.training.rates;
	double *rates = NULL;
	status = OK;
	if (!v) /* the loss does not depend on these parameters */
		goto out;
	TRY_GOTO(mem_try_alloc(n * sizeof *rates, (void **)&rates, err), out);
	for (size_t i = 0; i < n; i++)
		rates[i] = factor * s->rates[i];
	status = variable_write(&s->vars, v, rates, err);
out:
	free(rates);
	arena_release(&scratch);
	return status;
}

enum status session_set_rates(struct session *session, const double *rates, struct error *err)
{
	size_t bytes = (size_t)session->options.training.rates * sizeof *rates;
	assert(!session_pending(session)); /* their results tell the rate from this table */
	memcpy(session->rates, rates, bytes);
	const struct training_options *t = &session->options.training;
	TRY(write_rates(session, 1, err));
	for (uint32_t k = 0; k < t->n_groups; k++) {
		uint32_t first_of = 0; /* groups with the same factor share their rates */
		while (t->groups[first_of].rate != t->groups[k].rate)
			first_of++;
		if (first_of == k && t->groups[k].rate != 1)
			TRY(write_rates(session, t->groups[k].rate, err));
	}
	return OK;
}
