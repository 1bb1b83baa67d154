/*
 * options.h - the table of all options and commands. Everything that knows options reads it: the
 * parser (parse.h), help, man page and documentation (help.h). A new option is one row, and one
 * field of struct config.
 */
#ifndef ONNXTUNE_CLI_OPTIONS_H
#define ONNXTUNE_CLI_OPTIONS_H

#include "api/config.h"

enum command {
	COMMAND_TUNE,
	COMMAND_EVALUATE,
	COMMAND_RUN,
	COMMAND_GRAD,
	COMMAND_INSPECT,
	COMMAND_GRADCHECK,
	COMMAND_COUNT
};

struct command_info {
	const char *name;
	const char *arguments; /* "MODEL DATA" */
	int least, most;       /* how many arguments */
	const char *help;      /* one sentence without the full stop */
};

extern const struct command_info commands[COMMAND_COUNT];

#define OPTIONS_MAX 192 /* rows that the table may have */

/* What a command line asks for. */
struct invocation {
	enum command command;
	bool command_named; /* false: tune, because no command was given */
	struct config_strings config_files;
	bool print_config, help, version;
	enum completion { COMPLETION_OFF, COMPLETION_BASH, COMPLETION_ZSH } completion;
	struct config config;
	/* for each row of the table where its value is from; NULL: the default */
	const char *origins[OPTIONS_MAX];
};

/* How a value is written and kept; value.h says the field's type for each. */
enum option_kind {
	OPTION_FLAG,
	OPTION_STRING,
	OPTION_STRINGS, /* may be given more than once */
	OPTION_COUNT,
	OPTION_COUNT_OR_WORD,
	OPTION_REAL,
	OPTION_CHOICE,
	OPTION_WARMUP,
	OPTION_VALIDATION,
	OPTION_SIZE,
	OPTION_MEMORY,
	OPTION_DEVICE,
	OPTION_RESIZE,
	OPTION_RATE,
	OPTION_REALS,
	OPTION_DISTILL,
	OPTION_GATES, /* may be given more than once */
	OPTION_LORA,
	OPTION_SCALES, /* may be given more than once */
	OPTION_EVERY,
	OPTION_RESUME,
};

enum option_group {
	GROUP_TRAINING,
	GROUP_PRECISION,
	GROUP_TRAINED,
	GROUP_DATA,
	GROUP_DEVICE,
	GROUP_OUTPUT,
	GROUP_GENERAL,
	GROUP_COUNT
};

extern const char *const option_group_titles[GROUP_COUNT];

/* A number that may follow a choice: CHOICE:A,B. In the order of the choice's numbers. */
struct option_arg {
	unsigned choice;
	double min, max, fallback;
	const char *what; /* "a number above 0"; NULL ends the list */
};

struct option {
	const char *name; /* without the dashes; also the key in a configuration file */
	char letter;      /* of the short form; 0: none */
	enum option_kind kind;
	const char *values;   /* what help shows after "="; NULL for flags */
	const char *fallback; /* the default, as text; NULL: not set */
	const char *unit;     /* of a number; NULL: none */
	double min, max;      /* bounds of a number, both included; max 0: none */
	const char *word;     /* OPTION_COUNT, OPTION_REAL: a word that stands for word_value */
	double word_value;
	/* OPTION_CHOICE: the words for 0, 1, ...; OPTION_COUNT_OR_WORD: for -1, -2, ...;
	   OPTION_STRINGS: what may be given. Ends with NULL. */
	const char *const *choices;
	const struct option_arg *args; /* OPTION_CHOICE: numbers behind the words; NULL: none */
	size_t args_field;             /* offset of their struct config_args */
	size_t field;                  /* offset in struct invocation */
	enum option_group group;
	unsigned commands; /* bit set of enum command */
	const char *bare;  /* its value where none is given; NULL: one must be (but for flags) */
	bool command_line_only; /* not in configuration files */
	bool inert;             /* see option_is_inert */
	const char *help;       /* without a full stop at the end */
};

/* All options in the order of the documentation; ends with a NULL name. */
extern const struct option options[];

/* The option of that name (n bytes) or short form, or NULL. */
const struct option *option_find(const char *name, size_t n);
const struct option *option_find_letter(char letter);

/*
 * The option with the name most like this one (n bytes), or NULL when none is much like it. The
 * same for commands: -1 when there is none.
 */
const struct option *option_suggest(const char *name, size_t n);
int command_suggest(const char *name);

/* The value of an option that is given without one; NULL: it needs one. */
static inline const char *option_bare(const struct option *option)
{
	return option->kind == OPTION_FLAG ? "yes" : option->bare;
}

/*
 * True for an option that changes no bit of what is trained, so that it may differ when a run is
 * resumed: all about the output, and those that say `inert`.
 */
static inline bool option_is_inert(const struct option *option)
{
	return option->inert || option->group == GROUP_OUTPUT || option->group == GROUP_GENERAL;
}

static inline bool option_applies(const struct option *option, enum command command)
{
	return option->commands >> command & 1;
}

#endif
