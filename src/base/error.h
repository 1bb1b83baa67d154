/*
 * error.h - statuses and error texts.
 *
 * A function that can fail returns an enum status and takes a struct error. Who decides that
 * something failed fills the error (fail); callers pass the status up (TRY) or put words in front
 * of the text (fail_context). Outputs are written only on success. Nothing below cli/ prints.
 */
#ifndef ONNXTUNE_BASE_ERROR_H
#define ONNXTUNE_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Every status but OK comes with one line of text: what (file, node), why, what now. */
enum status {
	OK = 0,
	ERR_USAGE,       /* the command line or a configuration file is wrong: exit status 2 */
	ERR_INPUT,       /* a model or data file is not acceptable */
	ERR_UNSUPPORTED, /* valid input that this program can't handle */
	ERR_IO,          /* the system refused to read or write */
	ERR_MEMORY,      /* a tensor or the planned memory can't be had */
	ERR_STOPPED,     /* a signal asked to stop */
	ERR_INTERNAL,    /* a bug of ours, reported instead of hidden */
};

struct error {
	enum status status;
	char text[1000]; /* UTF-8, one line: '?' stands for control characters and wrong bytes */
};

/* Writes the text into err (which may be NULL) and returns status, which is not OK. */
enum status fail(struct error *err, enum status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Lets the compiler know that, too: else it warns that outputs are not set when "fail" gives OK. */
#define fail(...)                                                                                  \
	({                                                                                         \
		enum status fail_status_ = (fail)(__VA_ARGS__);                                    \
		if (fail_status_ == OK)                                                            \
			__builtin_unreachable();                                                   \
		fail_status_;                                                                      \
	})

/* Puts "text: " in front of err's text and returns err's status. */
enum status fail_context(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Returns from the calling function with the call's status unless it is OK. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum status try_status_ = (call);                                                  \
		if (try_status_ != OK)                                                             \
			return try_status_;                                                        \
	} while (0)

/* As TRY, but sets the variable `status` and jumps to the label. */
#define TRY_GOTO(call, label)                                                                      \
	do {                                                                                       \
		status = (call);                                                                   \
		if (status != OK)                                                                  \
			goto label;                                                                \
	} while (0)

/*
 * All problems of one input, so that the user sees them in one run: the first PROBLEMS_MAX texts
 * are kept, the rest counted.
 */
#define PROBLEMS_MAX 20
struct problems {
	uint32_t total;
	struct error list[PROBLEMS_MAX];
};

/* Adds a copy of err. */
void problems_add(struct problems *problems, const struct error *err);

/* fail_context for all problems from number `from` on. */
void problems_context(struct problems *problems, uint32_t from, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
