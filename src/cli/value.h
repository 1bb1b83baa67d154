/*
 * value.h - the values of options: from text to a field of struct invocation, and back.
 *
 *   kind               type of the field            text
 *   OPTION_FLAG        bool                         yes, no (true, false, 1, 0 are read too)
 *   OPTION_STRING      const char *                 not empty
 *   OPTION_STRINGS     struct config_strings        not empty; each value is added
 *   OPTION_COUNT       int64_t                      a whole number, or the word
 *   OPTION_COUNT_OR_WORD  int64_t                   a whole number, or a choice: -1, -2, ...
 *   OPTION_REAL        double                       a number, or the word
 *   OPTION_CHOICE      an enum                      one of the words; with args: WORD[:A[,B]], and
                                                   struct config_args
 *   OPTION_WARMUP      double                       a number below 1, or a whole number
 *   OPTION_VALIDATION  struct config_validation     a number in (0, 1), or a path
 *   OPTION_SIZE        struct config_size           HxW, N, or auto
 *   OPTION_MEMORY      struct config_memory         a number, K, M, G or T; or P%; or auto
 *   OPTION_DEVICE      struct config_device         auto, cpu, cuda or cuda:N
 *   OPTION_RESIZE      struct config_resize         MODE[:ANCHOR][,VALUE]
 *   OPTION_REALS       struct config_reals          numbers with commas between, or auto
 *   OPTION_RATE        double                       a number of at least 0, default, or auto
 *   OPTION_DISTILL     struct config_distill        W[:T], or off
 *   OPTION_GATES       struct config_gates          METRIC=VALUE; each value is added
 *   OPTION_LORA        struct config_lora           R[:ALPHA], or off
 *   OPTION_SCALES      struct config_scales         PATTERN=NUMBER; each value is added
 *   OPTION_EVERY       struct config_every          a number of steps, or one with s, m or h
 *   OPTION_RESUME      struct config_resume         no, auto, or a path
 */
#ifndef ONNXTUNE_CLI_VALUE_H
#define ONNXTUNE_CLI_VALUE_H

#include "base/text.h"
#include "cli/options.h"

/*
 * Sets the option's field from the text. ERR_USAGE says what is expected; the caller puts the
 * option's name in front. What the field points to lives in the arena.
 */
enum status MUST_CHECK value_parse(const struct option *option, const char *text,
				   struct invocation *inv, struct arena *arena, struct error *err);

/*
 * How many texts the field's value is made of (0: not set; lists: one for each entry), and the
 * i-th, appended to out. value_parse of them all gives the field again.
 */
uint32_t value_count(const struct option *option, const struct invocation *inv);
void value_print(const struct option *option, const struct invocation *inv, uint32_t i,
		 struct text *out);

/* True when one option may be given several times, each adding to the list. */
bool option_is_list(const struct option *option);

#endif
