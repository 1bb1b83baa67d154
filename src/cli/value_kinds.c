/* value_kinds.c - kinds of values that are made of a name or rank and numbers (see value_kinds.h). */
#include "cli/value_kinds.h"

#include "base/number.h"

#include <string.h>

static const struct {
	const char *word;
	double value;
} rate_words[] = { { "default", CONFIG_LR_DEFAULT }, { "auto", CONFIG_LR_AUTO } };

enum status value_parse_rate(const struct parsing *p)
{
	double x;
	for (size_t i = 0; i < ARRAY_SIZE(rate_words); i++)
		if (!strcmp(p->text, rate_words[i].word)) {
			*(double *)p->field = rate_words[i].value;
			return OK;
		}
	if (!number_parse(p->text, &x) || x < 0)
		return fail(p->err, ERR_USAGE,
			    "'%s' is not a number of at least 0, 'auto' or 'default'", p->text);
	*(double *)p->field = x;
	return OK;
}

void value_print_rate(const struct printing *p)
{
	double x = *(const double *)p->field;
	for (size_t i = 0; i < ARRAY_SIZE(rate_words); i++)
		if (x == rate_words[i].value) {
			text_add(p->out, "%s", rate_words[i].word);
			return;
		}
	value_print_real(x, p->out);
}

enum status value_parse_distill(const struct parsing *p)
{
	struct config_distill d = { 0, 2 };
	char *temperature = arena_strdup(p->arena, p->text);
	const char *share = strsep(&temperature, ":");
	if (strcmp(p->text, "off") &&
	    (!number_parse(share, &d.share) || d.share <= 0 || d.share > 1 ||
	     (temperature && (!number_parse(temperature, &d.temperature) || d.temperature < 0.01 ||
			      d.temperature > 1000))))
		return fail(
			p->err, ERR_USAGE,
			"'%s' is not a share above 0 and at most 1, with a temperature from 0.01 "
			"to 1000 behind a colon or without, or 'off'",
			p->text);
	*(struct config_distill *)p->field = d;
	return OK;
}

void value_print_distill(const struct printing *p)
{
	const struct config_distill *d = p->field;
	if (d->share == 0) {
		text_add(p->out, "off");
		return;
	}
	value_print_real(d->share, p->out);
	text_add(p->out, ":");
	value_print_real(d->temperature, p->out);
}

enum status value_parse_gates(const struct parsing *p)
{
	struct config_gates *list = p->field;
	struct gate gate;
	TRY(gate_parse(p->text, p->arena, &gate, p->err));
	list->v = value_one_more(p->arena, list->v, list->n, sizeof *list->v);
	list->v[list->n++] = gate;
	return OK;
}

void value_print_gates(const struct printing *p)
{
	const struct gate *gate = &((const struct config_gates *)p->field)->v[p->i];
	text_add(p->out, "%s=", gate->name);
	value_print_real(gate->bound, p->out);
}

uint32_t value_count_gates(const void *field)
{
	return ((const struct config_gates *)field)->n;
}

enum status value_parse_lora(const struct parsing *p)
{
	struct config_lora lora = { 0 };
	const char *colon = strchr(p->text, ':');
	char *rank = arena_strndup(p->arena, p->text,
				   colon ? (size_t)(colon - p->text) : strlen(p->text));
	if (strcmp(p->text, "off") &&
	    (!number_parse_integer(rank, &lora.rank) || lora.rank < 1 || lora.rank > INT32_MAX ||
	     (colon && (!number_parse(colon + 1, &lora.alpha) || lora.alpha <= 0))))
		return fail(p->err, ERR_USAGE,
			    "'%s' is not a rank, a rank and a number above 0 (8:16) or 'off'",
			    p->text);
	*(struct config_lora *)p->field = lora;
	return OK;
}

void value_print_lora(const struct printing *p)
{
	const struct config_lora *lora = p->field;
	if (!lora->rank)
		text_add(p->out, "off");
	else
		text_add(p->out, "%lld", (long long)lora->rank);
	if (lora->alpha) {
		text_add(p->out, ":");
		value_print_real(lora->alpha, p->out);
	}
}

/* A pattern may have a '=' of its own. */
enum status value_parse_scales(const struct parsing *p)
{
	struct config_scales *list = p->field;
	const char *equals = strrchr(p->text, '=');
	struct config_scale scale;
	if (!equals || equals == p->text)
		return fail(p->err, ERR_USAGE, "'%s' is not %s", p->text, p->option->values);
	if (!number_parse(equals + 1, &scale.factor) || !value_in_bounds(p->option, scale.factor))
		return value_not_a_number(p->option, "number", equals + 1, p->err);
	scale.pattern = arena_strndup(p->arena, p->text, (size_t)(equals - p->text));
	list->v = value_one_more(p->arena, list->v, list->n, sizeof *list->v);
	list->v[list->n++] = scale;
	return OK;
}

void value_print_scales(const struct printing *p)
{
	const struct config_scale *scale = &((const struct config_scales *)p->field)->v[p->i];
	text_add(p->out, "%s=", scale->pattern);
	value_print_real(scale->factor, p->out);
}

uint32_t value_count_scales(const void *field)
{
	return ((const struct config_scales *)field)->n;
}
