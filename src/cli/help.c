/*
 * help.c - help text, man page and Markdown from the table of options (see help.h).
 */
#include "cli/help.h"
#include "cli/value.h"

#include <stdlib.h>
#include <string.h>

#define SUMMARY "fine-tunes an ONNX model as exported for inference, and writes it back"

static const struct {
	const char *status, *meaning;
} exit_statuses[] = {
	{ "0", "done" },
	{ "1", "failed: a line on the standard error for each problem says why" },
	{ "2", "wrong usage" },
	{ "3",
	  "a metric of --fail-under was not reached, or an output is beyond --atol and --rtol; "
	  "the output is written" },
	{ "130, 143", "stopped by SIGINT or SIGTERM, after writing what was trained" },
};

static const struct {
	const char *line, *meaning;
} examples[] = {
	{ "onnxtune model.onnx data/", "fine-tune a classifier on folders of pictures, "
				       "data/train/CLASS/*.jpg and data/val/CLASS/*.jpg, and write "
				       "model.tuned.onnx" },
	{ "onnxtune model.onnx data/ --freeze '*' --train 'head.*' -o new.onnx",
	  "train the parameters of the head alone" },
	{ "onnxtune evaluate model.onnx data/ --fail-under accuracy=0.9",
	  "a quality gate: exit status 3 when the accuracy is below 0.9" },
	{ "onnxtune inspect model.onnx", "what would be trained, and what stands in the way" },
};

static const struct {
	const char *form, *meaning;
} data_forms[] = {
	{ "DIR/train/CLASS/*, DIR/val/CLASS/*",
	  "pictures (JPEG, PNG, WebP), one folder for each class; val may also be named valid, "
	  "validation or test" },
	{ "DIR/CLASS/*", "pictures, of which a share becomes the validation data: --validation" },
	{ "DIR/train.npz, DIR/val.npz",
	  "arrays named as the model's inputs, and the labels in `labels` or `y`" },
	{ "DIR/x.npy, DIR/y.npy", "the array for the only input, and the labels" },
	{ "FILE.csv, DIR/train.csv, DIR/val.csv",
	  "tables with a header, numbers and a column of labels: --label-column" },
	{ "DIR/labels.csv", "pictures and their labels, one or several for each" },
	{ "DIR/train-images-idx3-ubyte, DIR/train-labels-idx1-ubyte",
	  "IDX files as MNIST's, and t10k-...; gzipped or not" },
};

/* The default with its unit, or NULL where there is nothing to tell. */
static char *default_of(const struct option *o)
{
	if (o->kind == OPTION_FLAG || !o->fallback)
		return NULL;
	bool with_unit = o->unit && strcmp(o->fallback, o->word ? o->word : "auto");
	return mem_printf("%s%s%s", o->fallback, with_unit ? " " : "", with_unit ? o->unit : "");
}

/* What follows the name: "=VALUES", "[=VALUES]" where the value may be left out, or nothing. */
static char *value_of(const struct option *o)
{
	if (!o->values)
		return mem_strdup("");
	return mem_printf(o->bare ? "[=%s]" : "=%s", o->values);
}

/* The help of an option with what the table's other columns say. */
static char *sentence_of(const struct option *o)
{
	struct text s = { 0 };
	text_add(&s, "%s", o->help);
	if (option_is_list(o))
		text_add(&s, " (may be given more than once)");
	char *fallback = default_of(o);
	if (fallback)
		text_add(&s, " [%s]", fallback);
	free(fallback);
	return s.s;
}

/* Appends words from column `at` on, in lines of at most HELP_COLUMNS that start at `indent`. */
static void add_wrapped(struct text *out, const char *words, int at, int indent)
{
	text_add(out, "%*s", at < indent ? indent - at : 0, "");
	int column = at < indent ? indent : at;
	bool first = true;
	while (*words) {
		int n = (int)strcspn(words, " ");
		if (!first && column + 1 + n > HELP_COLUMNS) {
			text_add(out, "\n%*s", indent, "");
			column = indent;
			first = true;
		}
		text_add(out, "%s%.*s", first ? "" : " ", n, words);
		column += n + !first;
		first = false;
		words += n;
		words += *words == ' ';
	}
	text_add(out, "\n");
}

/* A term and its meaning beside it, or below where the term is long. */
static void add_entry(struct text *out, const char *term, const char *meaning, int indent)
{
	int n = (int)strlen(term);
	text_add(out, "%s", term);
	if (n + 2 > indent) {
		text_add(out, "\n");
		n = 0;
	}
	add_wrapped(out, meaning, n, indent);
}

#define OPTION_INDENT 34
#define COMMAND_INDENT 14

/* The options of the commands in the set, by groups. */
static void add_options(struct text *out, unsigned set)
{
	for (int group = 0; group < GROUP_COUNT; group++) {
		bool any = false;
		for (const struct option *o = options; o->name; o++) {
			if ((int)o->group != group || !(o->commands & set))
				continue;
			if (!any)
				text_add(out, "\n%s:\n", option_group_titles[group]);
			any = true;
			char letter[] = "      ";
			if (o->letter)
				memcpy(letter, (char[]){ ' ', ' ', '-', o->letter, ',' }, 5);
			char *value = value_of(o);
			char *term = mem_printf("%s--%s%s", letter, o->name, value);
			free(value);
			char *sentence = sentence_of(o);
			add_entry(out, term, sentence, OPTION_INDENT);
			free(sentence);
			free(term);
		}
	}
}

void help_text(struct text *out)
{
	text_add(out, "Usage: onnxtune [COMMAND] [OPTION]... MODEL DATA\n"
		      "onnxtune " SUMMARY ".\n\nCommands:\n");
	for (int c = 0; c < COMMAND_COUNT; c++) {
		char *term = mem_printf("  %s", commands[c].name);
		add_entry(out, term, commands[c].help, COMMAND_INDENT);
		free(term);
	}
	text_add(out, "\nData:\n");
	for (size_t i = 0; i < ARRAY_SIZE(data_forms); i++) {
		char *term = mem_printf("  %s", data_forms[i].form);
		add_entry(out, term, data_forms[i].meaning, OPTION_INDENT + 4);
		free(term);
	}
	add_options(out, ~0U);
	text_add(out, "\nExamples:\n");
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		text_add(out, "  %s\n", examples[i].line);
	text_add(out, "\nExit status:\n");
	for (size_t i = 0; i < ARRAY_SIZE(exit_statuses); i++) {
		char *term = mem_printf("  %s", exit_statuses[i].status);
		add_entry(out, term, exit_statuses[i].meaning, COMMAND_INDENT);
		free(term);
	}
}

void help_command(enum command command, struct text *out)
{
	const struct command_info *info = &commands[command];
	text_add(out, "Usage: onnxtune %s [OPTION]... %s\n", info->name, info->arguments);
	add_wrapped(out, info->help, 0, 0);
	add_options(out, 1U << command);
}

/* Text for troff: no hyphen may become a typographic dash, no line may look like a request. */
static void add_roff(struct text *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		text_add(out, "\\&");
	for (; *s; s++) {
		if (*s == '-')
			text_add(out, "\\-");
		else if (*s == '\\')
			text_add(out, "\\e");
		else
			text_add(out, "%c", *s);
	}
}

static void add_roff_entry(struct text *out, const char *term, const char *meaning)
{
	text_add(out, ".TP\n.B ");
	add_roff(out, term);
	text_add(out, "\n");
	add_roff(out, meaning);
	text_add(out, "\n");
}

void help_man(struct text *out)
{
	text_add(out, ".\\\" Written from src/cli/options.c: do not edit.\n"
		      ".TH ONNXTUNE 1\n.nh\n.SH NAME\nonnxtune \\- " SUMMARY "\n.SH SYNOPSIS\n");
	for (int c = 0; c < COMMAND_COUNT; c++)
		text_add(out, "%s.B onnxtune %s\n[\\fIOPTION\\fR]... %s\n", c ? ".br\n" : "",
			 c == COMMAND_TUNE ? "[tune]" : commands[c].name, commands[c].arguments);
	text_add(out, ".SH DESCRIPTION\n");
	add_roff(out, "The model is an ONNX file as exported for inference. It is trained on the "
		      "data in mixed precision, reported on before and after, and written with the "
		      "new weights; nothing else in the file changes. Reports go to the standard "
		      "output, progress and messages to the standard error.");
	text_add(out, "\n.SH COMMANDS\n");
	for (int c = 0; c < COMMAND_COUNT; c++)
		add_roff_entry(out, commands[c].name, commands[c].help);
	text_add(out, ".SH DATA\n");
	for (size_t i = 0; i < ARRAY_SIZE(data_forms); i++)
		add_roff_entry(out, data_forms[i].form, data_forms[i].meaning);
	text_add(out, ".SH OPTIONS\nDefaults are in brackets.\n");
	for (int group = 0; group < GROUP_COUNT; group++) {
		text_add(out, ".SS %s\n", option_group_titles[group]);
		for (const struct option *o = options; o->name; o++) {
			if ((int)o->group != group)
				continue;
			text_add(out, ".TP\n");
			if (o->letter)
				text_add(out, "\\fB\\-%c\\fR, ", o->letter);
			text_add(out, "\\fB\\-\\-");
			add_roff(out, o->name);
			text_add(out, "\\fR");
			char *value = value_of(o);
			add_roff(out, value);
			free(value);
			text_add(out, "\n");
			char *sentence = sentence_of(o);
			add_roff(out, sentence);
			text_add(out, "\n");
			free(sentence);
		}
	}
	text_add(out, ".SH CONFIGURATION FILES\n");
	add_roff(out,
		 "A file for --config has lines `name = value`, the names being those of the "
		 "options without the dashes; flags are yes or no. Text from '#' on is a "
		 "comment. A value may stand between double quotes, where \\\" \\\\ \\n \\r \\t "
		 "are escapes. Options that belong to another command are ignored, so one file "
		 "may serve several commands. --print-config writes such a file.");
	text_add(out, "\n.SH EXIT STATUS\n");
	for (size_t i = 0; i < ARRAY_SIZE(exit_statuses); i++)
		add_roff_entry(out, exit_statuses[i].status, exit_statuses[i].meaning);
	text_add(out, ".SH EXAMPLES\n");
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		add_roff_entry(out, examples[i].line, examples[i].meaning);
}

/* Text in a cell of a table. */
static void add_cell(struct text *out, const char *s)
{
	for (; *s; s++)
		text_add(out, *s == '|' || *s == '*' || *s == '<' ? "\\%c" : "%c", *s);
}

void help_markdown(struct text *out)
{
	text_add(out, "<!-- Written from src/cli/options.c: do not edit. -->\n\n# Options\n\n"
		      "| command | what it does |\n| --- | --- |\n");
	for (int c = 0; c < COMMAND_COUNT; c++) {
		text_add(out, "| `onnxtune %s %s` | ", commands[c].name, commands[c].arguments);
		add_cell(out, commands[c].help);
		text_add(out, " |\n");
	}
	for (int group = 0; group < GROUP_COUNT; group++) {
		text_add(out,
			 "\n## %s\n\n| option | default | commands | meaning |\n"
			 "| --- | --- | --- | --- |\n",
			 option_group_titles[group]);
		for (const struct option *o = options; o->name; o++) {
			if ((int)o->group != group)
				continue;
			text_add(out, "| `--%s", o->name);
			if (o->letter)
				text_add(out, "`, `-%c", o->letter);
			text_add(out, "`");
			if (o->values) {
				text_add(out, o->bare ? " [" : " ");
				add_cell(out, o->values);
				text_add(out, o->bare ? "]" : "");
			}
			char *fallback = default_of(o);
			text_add(out, " | %s |", fallback ? fallback : "");
			free(fallback);
			unsigned all = (1U << COMMAND_COUNT) - 1;
			if ((o->commands & all) == all)
				text_add(out, " all");
			for (int c = 0; c < COMMAND_COUNT && (o->commands & all) != all; c++)
				if (option_applies(o, (enum command)c))
					text_add(out, " %s", commands[c].name);
			text_add(out, " | ");
			add_cell(out, o->help);
			text_add(out, "%s |\n",
				 option_is_list(o) ? " (may be given more than once)" : "");
		}
	}
}
