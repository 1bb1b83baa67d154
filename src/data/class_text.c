/* class_text.c - class names as the text of a metadata property (see labels.h). */
#include "base/text.h"
#include "base/utf8.h"
#include "data/labels.h"

#include <stdlib.h>
#include <string.h>

const char *class_names_format(const char *const *names, uint32_t n, struct arena *arena)
{
	struct text text = { 0 };
	text_add(&text, "{");
	for (uint32_t i = 0; i < n; i++) {
		/* strings of a model are UTF-8: other readers refuse the whole file for one that isn't */
		char *name = utf8_clean(names[i]);
		text_add(&text, "%s%u: '", i ? ", " : "", i);
		for (const char *p = name; *p; p++)
			text_add(&text, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
		text_add(&text, "'");
		free(name);
	}
	text_add(&text, "}");
	const char *copy = arena_strdup(arena, text.s);
	text_release(&text);
	return copy;
}

/* ---- reading ---- */

static void skip_blanks(const char **p)
{
	*p += strspn(*p, " \t\r\n");
}

/* Moves behind a character if it is there. */
static bool skip(const char **p, char c)
{
	skip_blanks(p);
	bool there = **p == c;
	*p += there;
	return there;
}

static bool read_number(const char **p, uint32_t *out)
{
	uint64_t x = 0;
	size_t digits = strspn(*p, "0123456789");
	for (size_t i = 0; i < digits && digits < 10; i++)
		x = x * 10 + (uint64_t)((*p)[i] - '0');
	*p += digits;
	*out = (uint32_t)x;
	return digits > 0 && digits < 10;
}

/* 'cat', "dog", with backslashes before quotes and backslashes. */
static bool read_string(const char **p, struct arena *arena, const char **out)
{
	struct text text = { 0 };
	char quote = **p;
	if (quote != '\'' && quote != '"')
		return false;
	for (++*p; **p && **p != quote; ++*p) {
		if (**p == '\\') {
			++*p;
			if (!**p || !strchr("'\"\\/", **p))
				break;
		}
		text_add(&text, "%c", **p);
	}
	bool whole = **p == quote;
	*p += whole;
	*out = arena_strdup(arena, text.s ? text.s : "");
	text_release(&text);
	return whole;
}

/* `3:` or `"3":` */
static bool read_key(const char **p, struct arena *arena, uint32_t *out)
{
	const char *digits;
	if (!read_string(p, arena, &digits))
		return read_number(p, out) && skip(p, ':');
	return read_number(&digits, out) && !*digits && skip(p, ':');
}

/* The entries of a dict or a list up to its closing bracket: each number once, none left out. */
static bool read_entries(const char *p, bool dict, struct arena *arena, struct class_names *out)
{
	ARRAY(const char *) names = { 0 };
	uint32_t n = 0, key;
	size_t limit = strlen(p); /* of numbers: each takes some bytes of the text */
	const char *name;
	bool good = true;
	for (; good; n++) {
		skip_blanks(&p);
		key = n;
		good = (!dict || read_key(&p, arena, &key)) && key < limit;
		skip_blanks(&p);
		good = good && read_string(&p, arena, &name);
		while (good && names.n <= key) /* they may come in any order */
			*array_push(&names) = NULL;
		good = good && !names.v[key];
		if (good)
			names.v[key] = name;
		if (good && !skip(&p, ',')) {
			n++;
			break;
		}
	}
	good = good && n == names.n && skip(&p, dict ? '}' : ']');
	skip_blanks(&p);
	good = good && !*p;
	if (good)
		*out = (struct class_names){
			.v = arena_dup(arena, names.v, n * sizeof *names.v),
			.n = n,
			.source = "the model's metadata",
		};
	array_release(&names);
	return good;
}

bool class_names_parse(const char *text, struct arena *arena, struct class_names *out)
{
	skip_blanks(&text);
	if (*text != '{' && *text != '[')
		return false;
	return read_entries(text + 1, *text == '{', arena, out);
}
