/* value_run.c - the values of options about a run that is interrupted (see value_kinds.h). */
#include "base/number.h"
#include "cli/value_kinds.h"

#include <math.h>
#include <string.h>

enum status value_parse_every(const struct parsing *p)
{
	static const char letters[] = "smh";
	static const double seconds[] = { 1, 60, 3600 };
	struct config_every every = { 0 };
	size_t n = strlen(p->text);
	char *number = arena_strdup(p->arena, p->text);
	const char *unit = n ? strchr(letters, p->text[n - 1]) : NULL;
	if (unit)
		number[n - 1] = 0;
	bool good = unit ? number_parse(number, &every.seconds) && every.seconds > 0
			 : number_parse_integer(number, &every.steps) && every.steps > 0;
	if (!good)
		return fail(p->err, ERR_USAGE,
			    "'%s' is not a number of steps, or a time like 90s, 5m or 1h", p->text);
	if (unit)
		every.seconds *= seconds[unit - letters];
	*(struct config_every *)p->field = every;
	return OK;
}

void value_print_every(const struct printing *p)
{
	const struct config_every *every = p->field;
	bool minutes = fmod(every->seconds, 60) == 0;
	if (every->steps)
		text_add(p->out, "%lld", (long long)every->steps);
	else
		text_add(p->out, "%.15g%s", minutes ? every->seconds / 60 : every->seconds,
			 minutes ? "m" : "s");
}

enum status value_parse_resume(const struct parsing *p)
{
	struct config_resume resume = { .on = strcmp(p->text, "no") != 0 };
	if (!*p->text)
		return fail(p->err, ERR_USAGE, "'' is not a %s", p->option->values);
	if (resume.on && strcmp(p->text, "auto"))
		resume.folder = arena_strdup(p->arena, p->text);
	*(struct config_resume *)p->field = resume;
	return OK;
}

void value_print_resume(const struct printing *p)
{
	const struct config_resume *resume = p->field;
	text_add(p->out, "%s", !resume->on ? "no" : resume->folder ? resume->folder : "auto");
}
