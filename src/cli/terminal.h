/*
 * terminal.h - the standard error as messages and progress share it: on a terminal the progress
 * line stays at the bottom and messages go above it; elsewhere both are plain lines, progress one
 * every few seconds.
 *
 * The width is asked for before each line is drawn, so a resized window needs no signal handler.
 * Functions may be called from one thread at a time.
 */
#ifndef ONNXTUNE_CLI_TERMINAL_H
#define ONNXTUNE_CLI_TERMINAL_H

#include "eval/progress.h"

#define TERMINAL_PLAIN_INTERVAL 5.0 /* seconds between two lines of progress, not on a terminal */

struct terminal {
	int fd;
	bool is_tty;
	bool quiet;        /* no progress */
	bool ascii;        /* no block characters */
	struct text drawn; /* the progress line that is on the screen; n is 0 when there is none */
	size_t drawn_columns;
};

/* fd is not closed at the end. The locale (LC_CTYPE) must have been set. */
void terminal_init(struct terminal *t, int fd, bool quiet);
void terminal_release(struct terminal *t);

/* How often progress is to be drawn: the interval for progress_begin. */
double terminal_interval(const struct terminal *t);

/*
 * Draws the line of a bar that is due: after progress_begin (0 % is shown on terminals only), and
 * when progress_update says so.
 */
void terminal_progress(struct terminal *t, struct progress *p, double now);

/* Draws a bar for the last time; what comes next stands below it. */
void terminal_progress_end(struct terminal *t, struct progress *p, double now);

/* Writes a message, which must not hold a newline; a progress line is drawn again below it. */
void terminal_line(struct terminal *t, const char *line);

/* Takes the progress line off the screen, before something else writes to it. */
void terminal_clear(struct terminal *t);

#endif
