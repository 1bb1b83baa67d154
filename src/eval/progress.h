/*
 * progress.h - the progress line, as tqdm 4.70 writes it:
 *
 *   Epoch 1/3:  37%|███▎     | 37/100 [00:12<00:20,  3.01it/s, loss=0.123, lr=0.001]
 *
 * Nothing here prints or looks at a clock: state and time go in, text comes out.
 */
#ifndef ONNXTUNE_EVAL_PROGRESS_H
#define ONNXTUNE_EVAL_PROGRESS_H

#include "base/text.h"

/* What one line shows. */
struct progress_line {
	int64_t n, total; /* total <= 0: not known, or passed (n > total): no bar */
	double elapsed;   /* seconds */
	double rate;      /* units a second; negative: the average so far */
	const char *unit; /* "it" */
	bool scale;       /* counts and rates as 1.23k, 4.56M */
	const char *description, *postfix; /* "" for none */
};

/* How wide a line is. */
enum {
	PROGRESS_NO_BAR = 0, /* the numbers alone */
	PROGRESS_SHORT = -1, /* a bar of ten cells, the line as long as it gets */
};

/*
 * Appends the line to text. columns: the width of the whole line in code points, or one of the
 * above. ascii: the bar is made of digits and '#' instead of block characters.
 */
void progress_format(const struct progress_line *line, int columns, bool ascii, struct text *text);

/* Appends "key=value" with at most three significant digits, after ", " unless text is empty. */
void progress_add_number(struct text *text, const char *key, double value);

/* An exponential moving average (factor 0.3) without the bias of its start at 0. */
struct progress_average {
	double last;
	double unseen; /* weight of the values before the first one */
	bool any;
};

/* One bar from 0 to its end. */
struct progress {
	struct progress_line line;
	char description[64];
	struct text postfix;
	double interval;        /* seconds that lie between two lines */
	double start, drawn_at; /* seconds on any clock */
	int64_t drawn_n;
	struct progress_average dn, dt; /* of the lines that were drawn */
};

#define PROGRESS_INTERVAL 0.1 /* on a terminal, seconds */

/* Starts a bar; the first line is due at once. Free with progress_release. */
void progress_begin(struct progress *p, int64_t total, double interval, double now,
		    const char *description, ...) PRINTF_LIKE(5, 6);
void progress_release(struct progress *p);

/* Tells that n units are done. True when the line is due (the moving rate counts it as drawn). */
bool progress_update(struct progress *p, int64_t n, double now);

/* The line as of now: while the bar runs, and its last form with the average rate. */
void progress_text(struct progress *p, double now, int columns, bool ascii, struct text *text);
void progress_last_text(struct progress *p, double now, int columns, bool ascii, struct text *text);

#endif
