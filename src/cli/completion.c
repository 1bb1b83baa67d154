/*
 * completion.c - what shells complete (see completion.h): commands, the options of the command, and
 * the values of an option, which are words of the table, metrics or files.
 */
#include "cli/completion.h"

#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

/* The words that may follow an option, with blanks between; "" when there are none. */
static void add_words(struct text *out, const struct option *o)
{
	if (o->word)
		text_add(out, "%s ", o->word);
	for (const char *const *word = o->choices; word && *word; word++)
		text_add(out, "%s ", *word);
	for (const struct metric *m = metrics; m->name && o->kind == OPTION_GATES; m++)
		text_add(out, "%s= ", m->name);
	if (out->n)
		out->s[--out->n] = 0;
}

static bool takes_file(const struct option *o)
{
	static const char *const kinds[] = { "FILE", "DIR", ".onnx" };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (o->values && strstr(o->values, kinds[i]))
			return true;
	return false;
}

/* ---- bash ---- */

static void add_bash_options(struct text *out, enum command command)
{
	text_add(out, "\t%s) options='", commands[command].name);
	const char *blank = "";
	for (const struct option *o = options; o->name; o++) {
		if (!option_applies(o, command))
			continue;
		text_add(out, "%s--%s%s", blank, o->name, option_bare(o) ? "" : "=");
		blank = " ";
	}
	text_add(out, "' ;;\n");
}

static void add_bash_values(struct text *out)
{
	for (const struct option *o = options; o->name; o++) {
		struct text words = { 0 };
		add_words(&words, o);
		bool files = takes_file(o);
		if (!option_bare(o)) {
			text_add(out, "\t--%s", o->name);
			if (o->letter)
				text_add(out, " | -%c", o->letter);
			text_add(out, ") values='%s' files=%s ;;\n", words.s ? words.s : "",
				 files ? "yes" : "no");
		}
		text_release(&words);
	}
}

void completion_bash(struct text *out)
{
	text_add(out,
		 "# Completion for bash. Written from src/cli/options.c: do not edit.\n\n"
		 "_onnxtune()\n{\n"
		 "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
		 "\tlocal command=tune options='' values='' files=no word\n"
		 "\t# bash makes words of their own of '=' and of what is behind it\n"
		 "\tif [[ $current == = ]]; then\n\t\tcurrent=\n"
		 "\telif [[ $before == = ]]; then\n\t\tbefore=${COMP_WORDS[COMP_CWORD - 2]}\n\tfi\n"
		 "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $word in\n\t\t");
	for (int c = 0; c < COMMAND_COUNT; c++)
		text_add(out, "%s%s", c ? " | " : "", commands[c].name);
	text_add(out, ") command=$word; break ;;\n\t\tesac\n\tdone\n\tcase $before in\n");
	add_bash_values(out);
	text_add(out, "\t*) files=yes before= ;;\n\tesac\n\tcase $command in\n");
	for (int c = 0; c < COMMAND_COUNT; c++)
		add_bash_options(out, (enum command)c);
	text_add(out, "\tesac\n\tCOMPREPLY=()\n"
		      "\tif [[ -z $before && $current == -* ]]; then\n"
		      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
		      "\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
		      "\t\treturn\n\tfi\n"
		      "\tif [[ -z $before && $COMP_CWORD -eq 1 ]]; then\n\t\tvalues='");
	for (int c = 0; c < COMMAND_COUNT; c++)
		text_add(out, "%s%s", c ? " " : "", commands[c].name);
	text_add(out,
		 "'\n\tfi\n"
		 "\t[[ -z $values ]] || COMPREPLY=($(compgen -W \"$values\" -- \"$current\"))\n"
		 "\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
		 "\tif [[ $files == yes ]]; then\n"
		 "\t\tlocal IFS=$'\\n'\n"
		 "\t\tcompopt -o filenames 2>/dev/null\n"
		 "\t\tCOMPREPLY+=($(compgen -f -- \"$current\"))\n\tfi\n"
		 "}\ncomplete -F _onnxtune onnxtune\n");
}

/* ---- zsh ---- */

/* Text within single quotes, where `special` characters of _arguments have a backslash. */
static void add_quoted(struct text *out, const char *s, const char *special)
{
	for (; *s; s++) {
		if (*s == '\'')
			text_add(out, "'\\''");
		else
			text_add(out, "%s%c", strchr(special, *s) ? "\\" : "", *s);
	}
}

static void add_zsh_option(struct text *out, const struct option *o)
{
	struct text words = { 0 };
	bool flag = o->kind == OPTION_FLAG;
	add_words(&words, o);
	text_add(out, "\t\t\t");
	if (o->letter)
		text_add(out, "{-%c%s,--%s%s}", o->letter, flag ? "" : "+", o->name,
			 flag ? "" : "=");
	else
		text_add(out, "--%s%s", o->name, flag ? "" : o->bare ? "=-" : "=");
	text_add(out, "'[");
	add_quoted(out, o->help, "[]\\");
	text_add(out, "]");
	if (!flag) {
		text_add(out, o->bare ? "::" : ":");
		add_quoted(out, o->values, ":\\");
		text_add(out, ":");
		if (words.n)
			text_add(out, "(%s)", words.s);
		else if (takes_file(o))
			text_add(out, "_files");
	}
	text_add(out, "' \\\n");
	text_release(&words);
}

void completion_zsh(struct text *out)
{
	text_add(out, "#compdef onnxtune\n"
		      "# Completion for zsh. Written from src/cli/options.c: do not edit.\n\n"
		      "_onnxtune()\n{\n\tlocal command=tune\n\tlocal -a commands\n\tcommands=(\n");
	for (int c = 0; c < COMMAND_COUNT; c++) {
		text_add(out, "\t\t'%s:", commands[c].name);
		add_quoted(out, commands[c].help, "");
		text_add(out, "'\n");
	}
	text_add(out, "\t)\n\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
		      "\t\t_describe command commands\n\t\t_files\n\t\treturn\n\tfi\n"
		      "\tcase $words[2] in\n\t");
	for (int c = 0; c < COMMAND_COUNT; c++)
		text_add(out, "%s%s", c ? "|" : "", commands[c].name);
	text_add(out, ") command=$words[2] ;;\n\tesac\n\tcase $command in\n");
	for (int c = 0; c < COMMAND_COUNT; c++) {
		text_add(out, "\t%s)\n\t\t_arguments -s \\\n", commands[c].name);
		for (const struct option *o = options; o->name; o++)
			if (option_applies(o, (enum command)c))
				add_zsh_option(out, o);
		text_add(out, "\t\t\t'*:file:_files' ;;\n");
	}
	text_add(out, "\tesac\n}\n\n_onnxtune \"$@\"\n");
}
