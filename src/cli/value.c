/*
 * value.c - the values of options (see value.h): for each kind one function that reads a text and
 * one that writes it, in the table `kinds`.
 */
#include "cli/value.h"

#include "base/number.h"
#include "cli/value_device.h"
#include "cli/value_kinds.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

void value_print_real(double x, struct text *out)
{
	char text[NUMBER_TEXT];
	number_format(x, text);
	size_t n = strlen(text);
	if (n > 2 && !strcmp(text + n - 2, ".0"))
		text[n - 2] = 0;
	text_add(out, "%s", text);
}

enum status value_not_a_number(const struct option *option, const char *what, const char *text,
			       struct error *err)
{
	struct text want = { 0 };
	text_add(&want, "a %s", what);
	if (option->min == DBL_TRUE_MIN) {
		text_add(&want, " above 0");
	} else if (option->min > -DBL_MAX) {
		text_add(&want, " of at least ");
		value_print_real(option->min, &want);
	}
	if (option->max && option->max < 1) {
		text_add(&want, " and below 1");
	} else if (option->max) {
		text_add(&want, " and at most ");
		value_print_real(option->max, &want);
	}
	if (option->word)
		text_add(&want, " or '%s'", option->word);
	fail(err, ERR_USAGE, "'%s' is not %s", text, want.s);
	text_release(&want);
	return ERR_USAGE;
}

bool value_in_bounds(const struct option *option, double x)
{
	return x >= option->min && (!option->max || x <= option->max);
}

static bool is_word(const struct option *option, const char *text)
{
	return option->word && !strcmp(text, option->word);
}

static enum status parse_flag(const struct parsing *p)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(p->text, words[i])) {
			*(bool *)p->field = i & 1;
			return OK;
		}
	}
	return fail(p->err, ERR_USAGE, "'%s' is not 'yes' or 'no'", p->text);
}

static void print_flag(const struct printing *p)
{
	text_add(p->out, *(const bool *)p->field ? "yes" : "no");
}

/* The text itself, which must not be empty. */
static enum status take_text(const struct parsing *p, const char **out)
{
	if (!*p->text)
		return fail(p->err, ERR_USAGE, "'' is not a %s", p->option->values);
	*out = arena_strdup(p->arena, p->text);
	return OK;
}

static enum status parse_string(const struct parsing *p)
{
	return take_text(p, p->field);
}

static void print_string(const struct printing *p)
{
	text_add(p->out, "%s", *(const char *const *)p->field);
}

static uint32_t count_string(const void *field)
{
	return *(const char *const *)field != NULL;
}

void *value_one_more(struct arena *arena, void *v, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return v;
	void *copy = arena_alloc(arena, (n ? n * 2 : 1) * size);
	return n ? memcpy(copy, v, n * size) : copy;
}

static enum status find_choice(const struct parsing *p, unsigned *out)
{
	for (unsigned i = 0; p->option->choices[i]; i++) {
		if (!strcmp(p->text, p->option->choices[i])) {
			*out = i;
			return OK;
		}
	}
	struct text words = { 0 };
	for (unsigned i = 0; p->option->choices[i]; i++)
		text_add(&words, "%s%s", i ? "|" : "", p->option->choices[i]);
	fail(p->err, ERR_USAGE, "'%s' is not one of %s", p->text, words.s ? words.s : "");
	text_release(&words);
	return ERR_USAGE;
}

/* The numbers behind the choice; `text` (may be NULL) is what follows the colon. */
static enum status parse_args(const struct parsing *p, unsigned choice, char *text)
{
	struct config_args args = { 0 };
	uint32_t n = 0;
	for (const struct option_arg *arg = p->option->args; arg && arg->what; arg++) {
		if (arg->choice != choice)
			continue;
		const char *number = strsep(&text, ",");
		args.v[n] = arg->fallback;
		if (number && (!number_parse(number, &args.v[n]) || args.v[n] < arg->min ||
			       args.v[n] > arg->max))
			return fail(p->err, ERR_USAGE, "'%s': '%s' is not %s", p->text, number,
				    arg->what);
		args.given += number != NULL;
		n++;
	}
	if (text)
		return fail(p->err, ERR_USAGE, "'%s': %s takes %s", p->text,
			    p->option->choices[choice],
			    n == 0   ? "no number"
			    : n == 1 ? "one number"
				     : "two numbers");
	*p->args = args;
	return OK;
}

static enum status parse_choice(const struct parsing *p)
{
	struct parsing word = *p;
	char *text = arena_strdup(p->arena, p->text);
	unsigned i;
	if (!p->option->args) {
		TRY(find_choice(p, &i));
	} else {
		word.text = strsep(&text, ":");
		TRY(find_choice(&word, &i));
		TRY(parse_args(p, i, text));
	}
	memcpy(p->field, &i, sizeof i); /* an enum of whatever type */
	return OK;
}

static enum status parse_strings(const struct parsing *p)
{
	struct config_strings *list = p->field;
	unsigned known;
	if (p->option->choices)
		TRY(find_choice(p, &known));
	list->v = value_one_more(p->arena, list->v, list->n, sizeof *list->v);
	TRY(take_text(p, &list->v[list->n]));
	list->n++;
	return OK;
}

static void print_strings(const struct printing *p)
{
	text_add(p->out, "%s", ((const struct config_strings *)p->field)->v[p->i]);
}

static uint32_t count_strings(const void *field)
{
	return ((const struct config_strings *)field)->n;
}

static enum status parse_count(const struct parsing *p)
{
	int64_t x;
	if (is_word(p->option, p->text))
		x = (int64_t)p->option->word_value;
	else if (!number_parse_integer(p->text, &x) || !value_in_bounds(p->option, (double)x))
		return value_not_a_number(p->option, "whole number", p->text, p->err);
	*(int64_t *)p->field = x;
	return OK;
}

static void print_count(const struct printing *p)
{
	int64_t x = *(const int64_t *)p->field;
	if (p->option->word && x == (int64_t)p->option->word_value)
		text_add(p->out, "%s", p->option->word);
	else
		text_add(p->out, "%lld", (long long)x);
}

static enum status parse_count_or_word(const struct parsing *p)
{
	int64_t x, word = 0;
	while (p->option->choices[word] && strcmp(p->text, p->option->choices[word]))
		word++;
	if (p->option->choices[word])
		x = -1 - word;
	else if (!number_parse_integer(p->text, &x) || !value_in_bounds(p->option, (double)x))
		return fail(p->err, ERR_USAGE, "'%s' is not one of %s, N from %.0f to %.0f",
			    p->text, p->option->values, p->option->min, p->option->max);
	*(int64_t *)p->field = x;
	return OK;
}

static void print_count_or_word(const struct printing *p)
{
	int64_t x = *(const int64_t *)p->field;
	if (x < 0)
		text_add(p->out, "%s", p->option->choices[-1 - x]);
	else
		print_count(p);
}

static enum status parse_real(const struct parsing *p)
{
	double x;
	if (is_word(p->option, p->text))
		x = p->option->word_value;
	else if (!number_parse(p->text, &x) || !value_in_bounds(p->option, x))
		return value_not_a_number(p->option, "number", p->text, p->err);
	*(double *)p->field = x;
	return OK;
}

static void print_real_field(const struct printing *p)
{
	double x = *(const double *)p->field;
	if (p->option->word && x == p->option->word_value)
		text_add(p->out, "%s", p->option->word);
	else
		value_print_real(x, p->out);
}

static void print_choice(const struct printing *p)
{
	unsigned x;
	memcpy(&x, p->field, sizeof x);
	text_add(p->out, "%s", p->option->choices[x]);
	for (uint32_t k = 0; p->option->args && k < p->args->given; k++) {
		text_add(p->out, k ? "," : ":");
		value_print_real(p->args->v[k], p->out);
	}
}

static enum status parse_warmup(const struct parsing *p)
{
	double x;
	int64_t steps;
	if (!number_parse(p->text, &x) || x < 0 ||
	    (x >= 1 && (!number_parse_integer(p->text, &steps) || steps > INT32_MAX)))
		return fail(p->err, ERR_USAGE,
			    "'%s' is not a share of all steps below 1 or a whole number of steps",
			    p->text);
	*(double *)p->field = x;
	return OK;
}

static enum status parse_validation(const struct parsing *p)
{
	struct config_validation v = { 0 };
	if (number_parse(p->text, &v.fraction)) {
		if (v.fraction <= 0 || v.fraction >= 1)
			return fail(p->err, ERR_USAGE,
				    "'%s' is not a number between 0 and 1 (a folder of that name: "
				    "write './%s')",
				    p->text, p->text);
	} else {
		v.fraction = 0;
		TRY(take_text(p, &v.folder));
	}
	*(struct config_validation *)p->field = v;
	return OK;
}

static void print_validation(const struct printing *p)
{
	const struct config_validation *v = p->field;
	if (v->folder)
		text_add(p->out, "%s", v->folder);
	else
		value_print_real(v->fraction, p->out);
}

#define SIDE_MAX 65535

/* A whole number at *text, which moves behind it. */
static bool parse_side(const char **text, int *out)
{
	size_t n = strspn(*text, "0123456789");
	if (!n || n > 5)
		return false;
	*out = atoi(*text);
	*text += n;
	return *out >= 1 && *out <= SIDE_MAX;
}

static enum status parse_size(const struct parsing *p)
{
	struct config_size size = { 0 };
	const char *s = p->text;
	if (strcmp(p->text, "auto")) {
		bool good = parse_side(&s, &size.height);
		size.width = size.height;
		if (good && *s == 'x') {
			s++;
			good = parse_side(&s, &size.width);
		}
		if (!good || *s)
			return fail(p->err, ERR_USAGE,
				    "'%s' is not HEIGHTxWIDTH with sides from 1 to %d, or 'auto'",
				    p->text, SIDE_MAX);
	}
	*(struct config_size *)p->field = size;
	return OK;
}

static void print_size(const struct printing *p)
{
	const struct config_size *size = p->field;
	if (size->height)
		text_add(p->out, "%dx%d", size->height, size->width);
	else
		text_add(p->out, "auto");
}

static enum status parse_memory(const struct parsing *p)
{
	struct config_memory memory = { 0 };
	size_t n = strlen(p->text);
	if (n && p->text[n - 1] == '%') {
		char *number = arena_strdup(p->arena, p->text);
		number[n - 1] = 0;
		if (!number_parse(number, &memory.percent) || memory.percent <= 0 ||
		    memory.percent > 100)
			return fail(p->err, ERR_USAGE,
				    "'%s' is not a share above 0%% and at most 100%%", p->text);
	} else if (strcmp(p->text, "auto") && !size_parse(p->text, &memory.bytes)) {
		return fail(p->err, ERR_USAGE,
			    "'%s' is not a number of bytes (with K, M, G or T or without), a share "
			    "like 50%% or 'auto'",
			    p->text);
	}
	*(struct config_memory *)p->field = memory;
	return OK;
}

static enum status parse_device(const struct parsing *p)
{
	return device_parse(p->text, p->field, p->err);
}

static void print_device(const struct printing *p)
{
	device_print(p->field, p->out);
}

static void print_memory(const struct printing *p)
{
	const struct config_memory *memory = p->field;
	if (memory->percent) {
		value_print_real(memory->percent, p->out);
		text_add(p->out, "%%");
	} else if (memory->bytes) {
		text_add(p->out, "%lld", (long long)memory->bytes);
	} else {
		text_add(p->out, "auto");
	}
}

static const char *const resize_modes[] = {
	[CONFIG_RESIZE_AUTO] = "auto",
	[CONFIG_RESIZE_STRETCH] = "stretch",
	[CONFIG_RESIZE_CROP] = "crop",
	[CONFIG_RESIZE_PAD] = "pad",
};

/* True when *text starts with the word and ends or goes on with ':' or ','; moves behind it. */
static bool take_word(const char **text, const char *word)
{
	size_t n = strlen(word);
	if (strncmp(*text, word, n) || !strchr(":,", (*text)[n]))
		return false;
	*text += n;
	return true;
}

static enum status parse_resize(const struct parsing *p)
{
	struct config_resize r = { 0 };
	const char *s = p->text;
	unsigned mode = 0;
	while (mode < ARRAY_SIZE(resize_modes) && !take_word(&s, resize_modes[mode]))
		mode++;
	bool good = mode < ARRAY_SIZE(resize_modes);
	if (mode == CONFIG_RESIZE_PAD) {
		r.pad_left = take_word(&s, ":left");
		if (!r.pad_left)
			take_word(&s, ":center");
		if (*s == ',') {
			good = number_parse(s + 1, &r.pad_value);
			s = "";
		}
	}
	if (!good || *s)
		return fail(p->err, ERR_USAGE, "'%s' is not %s", p->text, p->option->values);
	r.mode = mode;
	*(struct config_resize *)p->field = r;
	return OK;
}

static void print_resize(const struct printing *p)
{
	const struct config_resize *r = p->field;
	text_add(p->out, "%s", resize_modes[r->mode]);
	if (r->mode == CONFIG_RESIZE_PAD) {
		text_add(p->out, r->pad_left ? ":left," : ":center,");
		value_print_real(r->pad_value, p->out);
	}
}

static enum status parse_reals(const struct parsing *p)
{
	struct config_reals list = { 0 };
	char *next = arena_strdup(p->arena, p->text);
	bool good = true;
	while (strcmp(p->text, "auto") && good && next) {
		const char *number = strsep(&next, ",");
		double x;
		good = list.n < CONFIG_REALS_MAX && number_parse(number, &x) &&
		       value_in_bounds(p->option, x);
		if (good)
			list.v[list.n++] = x;
	}
	if (!good)
		return fail(p->err, ERR_USAGE,
			    "'%s' is not one to %d numbers%s with commas between, or 'auto'",
			    p->text, CONFIG_REALS_MAX, p->option->min > 0 ? " above 0" : "");
	*(struct config_reals *)p->field = list;
	return OK;
}

static void print_reals(const struct printing *p)
{
	const struct config_reals *list = p->field;
	if (!list->n)
		text_add(p->out, "auto");
	for (uint32_t k = 0; k < list->n; k++) {
		if (k)
			text_add(p->out, ",");
		value_print_real(list->v[k], p->out);
	}
}

static const struct kind kinds[] = {
	[OPTION_FLAG] = { .parse = parse_flag, .print = print_flag },
	[OPTION_STRING] = { .parse = parse_string, .print = print_string, .count = count_string },
	[OPTION_STRINGS] = { .parse = parse_strings,
			     .print = print_strings,
			     .count = count_strings,
			     .list = true },
	[OPTION_COUNT] = { .parse = parse_count, .print = print_count },
	[OPTION_COUNT_OR_WORD] = { .parse = parse_count_or_word, .print = print_count_or_word },
	[OPTION_REAL] = { .parse = parse_real, .print = print_real_field },
	[OPTION_CHOICE] = { .parse = parse_choice, .print = print_choice },
	[OPTION_WARMUP] = { .parse = parse_warmup, .print = print_real_field },
	[OPTION_VALIDATION] = { .parse = parse_validation, .print = print_validation },
	[OPTION_SIZE] = { .parse = parse_size, .print = print_size },
	[OPTION_MEMORY] = { .parse = parse_memory, .print = print_memory },
	[OPTION_DEVICE] = { .parse = parse_device, .print = print_device },
	[OPTION_RESIZE] = { .parse = parse_resize, .print = print_resize },
	[OPTION_REALS] = { .parse = parse_reals, .print = print_reals },
	[OPTION_RATE] = { .parse = value_parse_rate, .print = value_print_rate },
	[OPTION_DISTILL] = { .parse = value_parse_distill, .print = value_print_distill },
	[OPTION_GATES] = { .parse = value_parse_gates,
			   .print = value_print_gates,
			   .count = value_count_gates,
			   .list = true },
	[OPTION_LORA] = { .parse = value_parse_lora, .print = value_print_lora },
	[OPTION_SCALES] = { .parse = value_parse_scales,
			    .print = value_print_scales,
			    .count = value_count_scales,
			    .list = true },
	[OPTION_EVERY] = { .parse = value_parse_every, .print = value_print_every },
	[OPTION_RESUME] = { .parse = value_parse_resume, .print = value_print_resume },
};

enum status value_parse(const struct option *option, const char *text, struct invocation *inv,
			struct arena *arena, struct error *err)
{
	const struct parsing p = {
		.option = option,
		.text = text,
		.field = (char *)inv + option->field,
		.args = (void *)((char *)inv + option->args_field),
		.arena = arena,
		.err = err,
	};
	return kinds[option->kind].parse(&p);
}

uint32_t value_count(const struct option *option, const struct invocation *inv)
{
	const struct kind *kind = &kinds[option->kind];
	return kind->count ? kind->count((const char *)inv + option->field) : 1;
}

void value_print(const struct option *option, const struct invocation *inv, uint32_t i,
		 struct text *out)
{
	const struct printing p = {
		.option = option,
		.field = (const char *)inv + option->field,
		.args = (const void *)((const char *)inv + option->args_field),
		.i = i,
		.out = out,
	};
	kinds[option->kind].print(&p);
}

bool option_is_list(const struct option *option)
{
	return kinds[option->kind].list;
}
