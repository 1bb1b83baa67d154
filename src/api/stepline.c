/* stepline.c - the lines of --log (see stepline.h). */
#include "api/stepline.h"

#include "base/number.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_csv(const char *path)
{
	size_t n = strlen(path);
	return n >= 4 && !strcmp(path + n - 4, ".csv");
}

const char *stepline_heading(const char *path)
{
	return is_csv(path) ? "step,epoch,loss,lr,loss_scale,skipped,grad_norm,samples_per_second\n"
			    : "";
}

/* JSON has no infinity and no NaN. */
static json_t *number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static char *format_json(const struct step_result *r, int64_t epoch, double samples_per_second)
{
	json_t *o = json_object();
	json_object_set_new(o, "step", json_integer(r->step));
	json_object_set_new(o, "epoch", json_integer(epoch));
	json_object_set_new(o, "loss", number(r->loss));
	json_object_set_new(o, "lr", number(r->rate));
	json_object_set_new(o, "loss_scale", number(r->scale));
	json_object_set_new(o, "skipped", json_boolean(r->skipped));
	json_object_set_new(o, "grad_norm", number(r->norm));
	json_object_set_new(o, "samples_per_second", number(samples_per_second));
	char *dump = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17));
	char *line = mem_printf("%s\n", dump);
	free(dump);
	json_decref(o);
	return line;
}

static void add_number(struct text *line, double x)
{
	char text[NUMBER_TEXT];
	text_add(line, ",%s", number_format(x, text));
}

static char *format_csv(const struct step_result *r, int64_t epoch, double samples_per_second)
{
	struct text line = { 0 };
	text_add(&line, "%lld,%lld", (long long)r->step, (long long)epoch);
	add_number(&line, r->loss);
	add_number(&line, r->rate);
	add_number(&line, r->scale);
	text_add(&line, ",%d", r->skipped);
	add_number(&line, r->norm);
	add_number(&line, samples_per_second);
	text_add(&line, "\n");
	return line.s;
}

char *stepline_format(const char *path, const struct step_result *r, int64_t epoch,
		      double samples_per_second)
{
	return is_csv(path) ? format_csv(r, epoch, samples_per_second)
			    : format_json(r, epoch, samples_per_second);
}
