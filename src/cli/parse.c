/*
 * parse.c - the command line and configuration files (see parse.h). The command line is read in two
 * steps, because --config files come before the options beside it, and which options apply is known
 * only with the command:
 *   1. split it into options with their texts and arguments
 *   2. defaults, files, options; then what they say together is checked
 */
#include "cli/parse.h"
#include "base/file.h"
#include "cli/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An option as it stands on the command line. */
struct given {
	const struct option *option;
	const char *text;
};

struct words {
	ARRAY(struct given) options;
	ARRAY(const char *) arguments;
	uint32_t commands; /* arguments that may be a command: those before "--" */
};

void parse_defaults(struct invocation *inv, struct arena *arena)
{
	for (const struct option *o = options; o->name; o++) {
		enum status status = o->fallback ? value_parse(o, o->fallback, inv, arena, NULL)
						 : OK;
		assert(status == OK);
		(void)status;
	}
}

static enum status unknown(const char *dashes, const char *name, size_t n, struct error *err)
{
	const struct option *like = option_suggest(name, n);
	if (like)
		return fail(err, ERR_USAGE, "unknown option %s%.*s (did you mean %s%s?)", dashes,
			    (int)n, name, dashes, like->name);
	return fail(err, ERR_USAGE, "unknown option %s%.*s", dashes, (int)n, name);
}

static enum status no_value(const char *name, const struct option *option, struct error *err)
{
	return fail(err, ERR_USAGE, "%s needs a value: --%s=%s", name, option->name,
		    option->values);
}

/* True when the text is an option that we know, and so hardly the value of the one before it. */
static bool is_option(const char *text)
{
	return !strncmp(text, "--", 2) && option_find(text + 2, strcspn(text + 2, "="));
}

/* One "--name", "--name=value" or "--name value"; *i moves to the last word that was used. */
static enum status split_long(int argc, char **argv, int *i, struct words *words, struct error *err)
{
	const char *word = argv[*i], *name = word + 2;
	size_t n = strcspn(name, "=");
	const struct option *option = option_find(name, n);
	if (!option)
		return unknown("--", name, n, err);
	const char *text = name[n] ? name + n + 1 : NULL;
	if (!text && option_bare(option)) {
		text = option_bare(option);
	} else if (!text) {
		if (*i + 1 >= argc || is_option(argv[*i + 1]))
			return no_value(word, option, err);
		text = argv[++*i];
	}
	*array_push(&words->options) = (struct given){ option, text };
	return OK;
}

/* Short options: "-fq", "-ofile", "-o file". */
static enum status split_short(int argc, char **argv, int *i, struct words *words,
			       struct error *err)
{
	for (const char *letter = argv[*i] + 1; *letter; letter++) {
		const struct option *option = option_find_letter(*letter);
		if (!option)
			return fail(err, ERR_USAGE, "unknown option -%c in '%s'", *letter,
				    argv[*i]);
		if (option_bare(option)) {
			*array_push(&words->options) = (struct given){ option,
								       option_bare(option) };
			continue;
		}
		const char *text = letter + 1;
		if (!*text) {
			if (*i + 1 >= argc || is_option(argv[*i + 1]))
				return no_value((char[]){ '-', *letter, 0 }, option, err);
			text = argv[++*i];
		}
		*array_push(&words->options) = (struct given){ option, text };
		return OK;
	}
	return OK;
}

static enum status split(int argc, char **argv, struct words *words, struct error *err)
{
	bool options_end = false;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (options_end || word[0] != '-' || !word[1]) {
			*array_push(&words->arguments) = word;
			words->commands += !options_end;
		} else if (!strcmp(word, "--")) {
			options_end = true;
		} else if (word[1] == '-') {
			TRY(split_long(argc, argv, &i, words, err));
		} else {
			TRY(split_short(argc, argv, &i, words, err));
		}
	}
	return OK;
}

/* Takes the command off the arguments' front, if there is one; returns how many words that are. */
static uint32_t take_command(const struct words *words, struct invocation *inv)
{
	inv->command = COMMAND_TUNE;
	for (int c = 0; words->commands && c < COMMAND_COUNT; c++) {
		if (!strcmp(words->arguments.v[0], commands[c].name)) {
			inv->command = (enum command)c;
			inv->command_named = true;
			return 1;
		}
	}
	return 0;
}

static enum status take_arguments(const char *const *arguments, int n, struct invocation *inv,
				  struct error *err)
{
	const struct command_info *command = &commands[inv->command];
	if (n > command->most) {
		int meant = inv->command_named ? -1 : command_suggest(arguments[0]);
		if (meant >= 0)
			return fail(err, ERR_USAGE, "unknown command '%s' (did you mean %s?)",
				    arguments[0], commands[meant].name);
		return fail(err, ERR_USAGE, "'%s' is too much: %s takes %s",
			    arguments[command->most], command->name, command->arguments);
	}
	if (n < command->least && !inv->print_config)
		return fail(err, ERR_USAGE, "%s needs %s", command->name, command->arguments);
	inv->config.model = n > 0 ? arguments[0] : NULL;
	inv->config.data = n > 1 ? arguments[1] : NULL;
	return OK;
}

static enum status read_config(const char *path, struct invocation *inv, struct arena *arena,
			       struct error *err)
{
	struct file_map map;
	TRY(file_map(path, &map, err));
	enum status status = OK;
	if (map.size > CONFIG_FILE_MAX)
		status = fail(err, ERR_USAGE, "%s: too large for a configuration file", path);
	else
		status = parse_config(path, (const char *)map.data, map.size, inv, arena, err);
	file_unmap(&map);
	return status;
}

/* The option's value, and who gave it. */
static enum status set_option(const struct option *option, const char *text, const char *origin,
			      struct invocation *inv, struct arena *arena, struct error *err)
{
	inv->origins[option - options] = origin;
	return value_parse(option, text, inv, arena, err);
}

/* Sets all given options that are in configuration files, or all that are not. */
static enum status set_given(const struct words *words, bool command_line_only,
			     struct invocation *inv, struct arena *arena, struct error *err)
{
	for (uint32_t i = 0; i < words->options.n; i++) {
		const struct given *given = &words->options.v[i];
		const struct option *option = given->option;
		if (option->command_line_only != command_line_only)
			continue;
		if (!option_applies(option, inv->command))
			return fail(err, ERR_USAGE, "--%s does not apply to %s", option->name,
				    commands[inv->command].name);
		if (set_option(option, given->text, "command line", inv, arena, err) != OK)
			return fail_context(err, "--%s", option->name);
	}
	return OK;
}

/* All options of the command with their values, which are final now. */
static void list_settings(struct invocation *inv, struct arena *arena)
{
	struct config_setting *settings = arena_alloc(arena, OPTIONS_MAX * sizeof *settings);
	uint32_t n = 0;
	for (const struct option *o = options; o->name; o++) {
		struct text value = { 0 };
		if (o->command_line_only || !option_applies(o, inv->command))
			continue;
		for (uint32_t i = 0, count = value_count(o, inv); i < count; i++) {
			text_add(&value, "%s", i ? ", " : "");
			value_print(o, inv, i, &value);
		}
		settings[n++] = (struct config_setting){
			o->name, arena_strdup(arena, value.s ? value.s : ""),
			inv->origins[o - options], option_is_inert(o)
		};
		text_release(&value);
	}
	inv->config.settings = settings;
	inv->config.n_settings = n;
}

static enum status fill(const struct words *words, struct arena *arena, struct invocation *inv,
			struct error *err)
{
	uint32_t taken = take_command(words, inv);
	parse_defaults(inv, arena);
	TRY(set_given(words, true, inv, arena, err));
	if (inv->help || inv->version || inv->completion)
		return OK;
	TRY(take_arguments(words->arguments.v + taken, (int)(words->arguments.n - taken), inv,
			   err));
	for (uint32_t i = 0; i < inv->config_files.n; i++)
		TRY(read_config(inv->config_files.v[i], inv, arena, err));
	TRY(set_given(words, false, inv, arena, err));
	/* what is printed stays as it was given, so that it can be edited */
	struct invocation finished = *inv;
	TRY(parse_finish(&finished, err));
	if (!inv->print_config)
		*inv = finished;
	list_settings(inv, arena);
	return OK;
}

enum status parse_command_line(int argc, char **argv, struct arena *arena, struct invocation *out,
			       struct error *err)
{
	struct words words = { 0 };
	struct invocation inv = { 0 };
	enum status status = split(argc, argv, &words, err);
	if (status == OK)
		status = fill(&words, arena, &inv, err);
	if (status == OK)
		*out = inv;
	array_release(&words.options);
	array_release(&words.arguments);
	return status;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The escapes of quoted values: what follows the backslash, and what it means. */
static const char escapes[][2] = {
	{ '"', '"' }, { '\\', '\\' }, { 'n', '\n' }, { 'r', '\r' }, { 't', '\t' },
};

/* Reads a value between quotes up to `end` in place, and checks that only a comment follows. */
static enum status unquote(char *s, char *end, char **out, struct error *err)
{
	char *to = s;
	*out = s++;
	for (; s < end && *s != '"'; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		size_t i = 0;
		s++;
		while (i < ARRAY_SIZE(escapes) && (s == end || *s != escapes[i][0]))
			i++;
		if (i == ARRAY_SIZE(escapes))
			return fail(err, ERR_USAGE, "unknown escape after '\\'");
		*to++ = escapes[i][1];
	}
	if (s == end)
		return fail(err, ERR_USAGE, "the closing '\"' is missing");
	for (s++; s < end && is_blank(*s); s++)
		;
	if (s < end && *s != '#')
		return fail(err, ERR_USAGE, "text after the closing '\"'");
	*to = 0;
	return OK;
}

/* Cuts a comment and the blanks around a plain value. */
static void trim(char *s, char *end)
{
	for (char *p = s; p < end; p++)
		if (*p == '#' && (p == s || is_blank(p[-1])))
			end = p;
	while (end > s && is_blank(end[-1]))
		end--;
	*end = 0;
}

/* One line, NUL-terminated at `end`, without its newline. The text is changed. */
static enum status parse_line(char *s, char *end, const char *file, struct invocation *inv,
			      struct arena *arena, struct error *err)
{
	if (strlen(s) != (size_t)(end - s))
		return fail(err, ERR_USAGE, "a NUL byte: not a text file");
	if (end > s && end[-1] == '\r')
		*--end = 0;
	while (is_blank(*s))
		s++;
	if (!*s || *s == '#')
		return OK;
	char *name = s;
	s += strcspn(s, " \t=");
	size_t n = (size_t)(s - name);
	while (is_blank(*s))
		s++;
	if (*s != '=' || !n)
		return fail(err, ERR_USAGE, "'%s' is not 'name = value'", name);
	const struct option *option = option_find(name, n);
	if (!option)
		return unknown("", name, n, err);
	if (option->command_line_only)
		return fail(err, ERR_USAGE, "%s belongs on the command line", option->name);
	for (s++; is_blank(*s); s++)
		;
	char *value = s;
	if (*s == '"')
		TRY(unquote(s, end, &value, err));
	else
		trim(value, end);
	if (set_option(option, value, file, inv, arena, err) != OK)
		return fail_context(err, "%s", option->name);
	return OK;
}

enum status parse_config(const char *name, const char *text, size_t n, struct invocation *inv,
			 struct arena *arena, struct error *err)
{
	enum status status = OK;
	char *copy = mem_alloc(n + 1), *s = copy, *end = copy + n;
	const char *file = arena_strdup(arena, name);
	if (n)
		memcpy(copy, text, n);
	for (unsigned line = 1; s < end && status == OK; line++) {
		char *newline = memchr(s, '\n', (size_t)(end - s));
		newline = newline ? newline : end;
		*newline = 0;
		status = parse_line(s, newline, file, inv, arena, err);
		if (status != OK)
			fail_context(err, "%s:%u", name, line);
		s = newline + 1;
	}
	free(copy);
	return status;
}

static enum status metric_check(const char *name, struct error *err)
{
	if (metric_find(name))
		return OK;
	metric_unknown(name, err);
	return fail_context(err, "--metric");
}

#define DEFAULT_BATCH 32

/* What auto stands for. */
static const struct optimizer_defaults {
	double momentum, beta2, eps, weight_decay;
} optimizer_defaults[] = {
	[CONFIG_SGD] = { 0.9, 0.999, 1e-8, 0 },      [CONFIG_ADAM] = { 0.9, 0.999, 1e-8, 0 },
	[CONFIG_ADAMW] = { 0.9, 0.999, 1e-8, 0.01 }, [CONFIG_RMSPROP] = { 0, 0.99, 1e-8, 0 },
	[CONFIG_ADAGRAD] = { 0, 0, 1e-10, 0 },       [CONFIG_NADAM] = { 0, 0.999, 1e-8, 0 },
	[CONFIG_LAMB] = { 0, 0.999, 1e-6, 0.01 },    [CONFIG_LION] = { 0, 0.99, 0, 0.01 },
	[CONFIG_ADAFACTOR] = { 0, 0, 0, 0 },
};

static void set_auto(double *field, double value)
{
	if (*field == CONFIG_AUTO)
		*field = value;
}

/* Options of a new head that contradict each other or others. */
static enum status check_head(const struct config *c, struct error *err)
{
	const char *option = c->head_on ? "--head-on" : c->new_head > 0 ? "--new-head" : NULL;
	if (!option)
		return OK;
	if (c->head_on && c->new_head == CONFIG_HEAD_OFF)
		return fail(err, ERR_USAGE,
			    "--head-on makes a new head, --new-head=off forbids it");
	if (c->head_on && c->loss_output)
		return fail(err, ERR_USAGE,
			    "--head-on trains the output that it makes; leave out "
			    "--loss-output");
	if (c->loss != CONFIG_LOSS_AUTO && c->loss != CONFIG_CROSS_ENTROPY &&
	    c->loss != CONFIG_FOCAL)
		return fail(err, ERR_USAGE,
			    "%s makes a head for classes, which --loss=%s does not train", option,
			    option_find("loss", 4)->choices[c->loss]);
	return OK;
}

static enum status check_factors(const struct config *c, struct error *err)
{
	if (!c->lora.rank && (c->lora_on.n || c->lora_save))
		return fail(err, ERR_USAGE, "--lora-%s needs --lora=RANK",
			    c->lora_save ? "save" : "on");
	if (c->lora_save && c->adapter)
		return fail(err, ERR_USAGE,
			    "--lora-save does not go with --adapter: the factors would fit neither "
			    "model alone; leave --lora-save out to write a merged model");
	return OK;
}

enum status parse_finish(struct invocation *inv, struct error *err)
{
	struct config *c = &inv->config;
	const struct optimizer_defaults *d = &optimizer_defaults[c->optimizer];
	bool both = c->micro_batch != CONFIG_AUTO && c->accumulate != CONFIG_AUTO;
	int64_t product;
	TRY(check_head(c, err));
	if (both && __builtin_mul_overflow(c->micro_batch, c->accumulate, &product))
		return fail(err, ERR_USAGE, "--micro-batch times --accumulate is too large");
	if (c->batch_size == CONFIG_AUTO)
		c->batch_size = both                             ? product
				: c->micro_batch > DEFAULT_BATCH ? c->micro_batch
				: c->accumulate > DEFAULT_BATCH  ? c->accumulate
								 : DEFAULT_BATCH;
	if (c->micro_batch > c->batch_size || c->accumulate > c->batch_size)
		return fail(err, ERR_USAGE, "%s is larger than --batch-size %lld",
			    c->micro_batch > c->batch_size ? "--micro-batch" : "--accumulate",
			    (long long)c->batch_size);
	/* the last micro-batch of a step may be smaller than the others, but not missing */
	if (both && (product < c->batch_size || product - c->batch_size >= c->micro_batch))
		return fail(err, ERR_USAGE,
			    "--micro-batch %lld times --accumulate %lld is not --batch-size %lld: "
			    "leave one of them out",
			    (long long)c->micro_batch, (long long)c->accumulate,
			    (long long)c->batch_size);
	set_auto(&c->momentum, d->momentum);
	set_auto(&c->beta2, d->beta2);
	set_auto(&c->eps, d->eps);
	set_auto(&c->weight_decay, d->weight_decay);
	if (c->sampling == CONFIG_SAMPLING_BALANCED && c->no_shuffle)
		return fail(err, ERR_USAGE,
			    "--sampling=balanced draws samples at random: leave --no-shuffle out");
	static const char *const other_losses[] = { [CONFIG_BCE] = "bce",
						    [CONFIG_MSE] = "mse",
						    [CONFIG_L1] = "l1",
						    [CONFIG_HUBER] = "huber" };
	if (c->label_smoothing > 0 && c->loss < ARRAY_SIZE(other_losses) && other_losses[c->loss])
		return fail(err, ERR_USAGE, "--label-smoothing is for cross-entropy, not --loss=%s",
			    other_losses[c->loss]);
	if (inv->command == COMMAND_EVALUATE && !c->compare) {
		if (c->atol != CONFIG_AUTO || c->rtol != CONFIG_AUTO)
			return fail(err, ERR_USAGE, "--%s needs --compare",
				    c->atol != CONFIG_AUTO ? "atol" : "rtol");
		for (uint32_t i = 0; i < c->fail_under.n; i++)
			if (c->fail_under.v[i].change)
				return fail(err, ERR_USAGE, "--fail-under=%s needs --compare",
					    c->fail_under.v[i].name);
	}
	if (c->histograms && !c->log_dir)
		return fail(err, ERR_USAGE, "--histograms needs --log-dir");
	TRY(check_factors(c, err));
	bool mixes = c->mixup > 0 || c->cutmix > 0;
	if (c->cache_features && (c->augment || mixes))
		return fail(
			err, ERR_USAGE,
			"--cache-features needs the same input for a sample in every epoch: leave "
			"--%s out",
			c->augment     ? "augment"
			: c->mixup > 0 ? "mixup"
				       : "cutmix");
	if (c->nesterov && (c->optimizer != CONFIG_SGD || c->momentum == 0))
		return fail(err, ERR_USAGE, "--nesterov needs --optimizer=sgd and a momentum");
	if (c->centered && c->optimizer != CONFIG_RMSPROP)
		return fail(err, ERR_USAGE, "--centered needs --optimizer=rmsprop");
	TRY(metric_check(c->metric, err));
	if (c->keep_best && c->checkpoint && !strcmp(c->checkpoint, CONFIG_OFF))
		return fail(err, ERR_USAGE,
			    "--keep-best needs the folder that --checkpoint=%s does "
			    "without: leave one of them out",
			    CONFIG_OFF);
	if (c->resume.on && c->checkpoint && !strcmp(c->checkpoint, CONFIG_OFF))
		return fail(err, ERR_USAGE,
			    "--resume needs the checkpoints that --checkpoint=%s "
			    "does without: leave one of them out",
			    CONFIG_OFF);
	if (c->resume.folder && c->checkpoint && strcmp(c->resume.folder, c->checkpoint))
		return fail(err, ERR_USAGE,
			    "--resume=%s and --checkpoint=%s are two folders, a run has one: "
			    "leave one of them out",
			    c->resume.folder, c->checkpoint);
	return OK;
}

static bool must_quote(const char *s)
{
	size_t n = strlen(s);
	if (!n || is_blank(s[0]) || is_blank(s[n - 1]) || s[0] == '"' || s[0] == '#' ||
	    strpbrk(s, "\n\r"))
		return true;
	for (const char *p = s + 1; *p; p++)
		if (*p == '#' && is_blank(p[-1]))
			return true;
	return false;
}

static void print_quoted(const char *s, struct text *out)
{
	text_add(out, "\"");
	for (; *s; s++) {
		size_t i = 0;
		while (i < ARRAY_SIZE(escapes) && *s != escapes[i][1])
			i++;
		if (i < ARRAY_SIZE(escapes))
			text_add(out, "\\%c", escapes[i][0]);
		else
			text_add(out, "%c", *s);
	}
	text_add(out, "\"");
}

void parse_print_config(const struct invocation *inv, struct text *out)
{
	for (int group = 0; group < GROUP_COUNT; group++) {
		bool any = false;
		for (const struct option *o = options; o->name; o++) {
			if ((int)o->group != group || o->command_line_only ||
			    !option_applies(o, inv->command))
				continue;
			if (!any)
				text_add(out, "%s# %s\n", out->n ? "\n" : "",
					 option_group_titles[group]);
			any = true;
			uint32_t n = value_count(o, inv);
			if (!n)
				text_add(out, "# %s =\n", o->name);
			for (uint32_t i = 0; i < n; i++) {
				struct text value = { 0 };
				value_print(o, inv, i, &value);
				text_add(out, "%s = ", o->name);
				if (must_quote(value.s))
					print_quoted(value.s, out);
				else
					text_add(out, "%s", value.s);
				text_add(out, "\n");
				text_release(&value);
			}
		}
	}
}
