/*
 * value_kinds.h - inside of value.c: what a kind of value is, helpers, and the kinds that stand in
 * value_kinds.c and value_run.c.
 */
#ifndef ONNXTUNE_CLI_VALUE_KINDS_H
#define ONNXTUNE_CLI_VALUE_KINDS_H

#include "base/text.h"
#include "cli/options.h"

struct parsing {
	const struct option *option;
	const char *text;
	void *field;
	struct config_args *args; /* of a choice */
	struct arena *arena;
	struct error *err;
};

struct printing {
	const struct option *option;
	const void *field;
	const struct config_args *args;
	uint32_t i; /* of a list */
	struct text *out;
};

struct kind {
	enum status (*parse)(const struct parsing *p);
	void (*print)(const struct printing *p);
	/* how many texts; NULL: one */
	uint32_t (*count)(const void *field);
	bool list;
};

/* A number as short as it can be written. */
void value_print_real(double x, struct text *out);

/* ERR_USAGE: "'x' is not a number of at least 1 or 'auto'" */
enum status value_not_a_number(const struct option *option, const char *what, const char *text,
			       struct error *err);
bool value_in_bounds(const struct option *option, double x);

/* Room for one more after n elements. The room doubles whenever n reaches a power of two. */
void *value_one_more(struct arena *arena, void *v, uint32_t n, size_t size);

enum status value_parse_rate(const struct parsing *p);
void value_print_rate(const struct printing *p);
enum status value_parse_distill(const struct parsing *p);
void value_print_distill(const struct printing *p);
enum status value_parse_gates(const struct parsing *p);
void value_print_gates(const struct printing *p);
uint32_t value_count_gates(const void *field);
enum status value_parse_lora(const struct parsing *p);
void value_print_lora(const struct printing *p);
enum status value_parse_scales(const struct parsing *p);
void value_print_scales(const struct printing *p);
uint32_t value_count_scales(const void *field);

/* OPTION_EVERY and OPTION_RESUME (value_run.c). */
enum status value_parse_every(const struct parsing *p);
void value_print_every(const struct printing *p);
enum status value_parse_resume(const struct parsing *p);
void value_print_resume(const struct printing *p);

#endif
