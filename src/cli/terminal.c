/*
 * terminal.c - progress and messages on one screen (see terminal.h). Each change is one write(), so
 * that lines of other processes can't get in between.
 */
#include "cli/terminal.h"
#include "base/utf8.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_init(struct terminal *t, int fd, bool quiet)
{
	const char *term = getenv("TERM");
	*t = (struct terminal){ .fd = fd, .quiet = quiet };
	t->is_tty = isatty(fd) && (!term || strcmp(term, "dumb"));
	t->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

void terminal_release(struct terminal *t)
{
	text_release(&t->drawn);
}

double terminal_interval(const struct terminal *t)
{
	return t->is_tty ? PROGRESS_INTERVAL : TERMINAL_PLAIN_INTERVAL;
}

/* Messages that can't be written are lost: there is nowhere to tell it. */
static void write_all(const struct terminal *t, const struct text *text)
{
	for (size_t done = 0; done < text->n;) {
		ssize_t n = write(t->fd, text->s + done, text->n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static int columns(const struct terminal *t)
{
	struct winsize size;
	if (!t->is_tty)
		return PROGRESS_NO_BAR;
	if (ioctl(t->fd, TIOCGWINSZ, &size) || !size.ws_col)
		return PROGRESS_SHORT;
	return size.ws_col;
}

static void add_blanks(struct text *out, size_t n)
{
	text_add(out, "%*s", (int)n, "");
}

static void draw(struct terminal *t, struct progress *p, double now,
		 void (*format)(struct progress *p, double now, int columns, bool ascii,
				struct text *text),
		 bool last)
{
	/* a log has no use for lines that tell of nothing done */
	if (t->quiet || (!t->is_tty && !last && !p->line.n))
		return;
	struct text out = { 0 };
	t->drawn.n = 0;
	format(p, now, columns(t), t->ascii, &t->drawn);
	if (t->is_tty) {
		size_t n = utf8_length(t->drawn.s);
		text_add(&out, "\r%s", t->drawn.s);
		add_blanks(&out, n < t->drawn_columns ? t->drawn_columns - n : 0);
		t->drawn_columns = n;
	} else {
		text_add(&out, "%s", t->drawn.s);
	}
	if (last || !t->is_tty) {
		text_add(&out, "\n");
		t->drawn.n = t->drawn_columns = 0;
	}
	write_all(t, &out);
	text_release(&out);
}

void terminal_progress(struct terminal *t, struct progress *p, double now)
{
	draw(t, p, now, progress_text, false);
}

void terminal_progress_end(struct terminal *t, struct progress *p, double now)
{
	draw(t, p, now, progress_last_text, true);
}

/* Blanks over the progress line, and the cursor at its start. */
static void add_clear(const struct terminal *t, struct text *out)
{
	if (!t->drawn.n)
		return;
	text_add(out, "\r");
	add_blanks(out, t->drawn_columns);
	text_add(out, "\r");
}

void terminal_line(struct terminal *t, const char *line)
{
	struct text out = { 0 };
	add_clear(t, &out);
	text_add(&out, "%s\n", line);
	if (t->drawn.n)
		text_add(&out, "%s", t->drawn.s);
	write_all(t, &out);
	text_release(&out);
}

void terminal_clear(struct terminal *t)
{
	struct text out = { 0 };
	add_clear(t, &out);
	t->drawn.n = t->drawn_columns = 0;
	write_all(t, &out);
	text_release(&out);
}
