/*
 * progress.c - tqdm's progress line (see progress.h). The order of the floating-point operations is
 * tqdm's, because the number of bar cells is a truncated product.
 */
#include "eval/progress.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ASCII_CELLS " 123456789#"

/* [H:]MM:SS */
static void add_interval(struct text *text, double seconds)
{
	int64_t s = seconds < 0x1p62 ? (int64_t)seconds : (int64_t)1 << 62;
	if (s >= 3600)
		text_add(text, "%lld:", (long long)(s / 3600));
	text_add(text, "%02d:%02d", (int)(s / 60 % 60), (int)(s % 60));
}

/* Three significant digits with an SI prefix. */
static void add_scaled(struct text *text, double x)
{
	static const char prefixes[] = "\0kMGTPEZ"; /* the first has none */
	for (size_t i = 0; i < sizeof prefixes - 1; i++) {
		if (fabs(x) < 999.5) {
			int decimals = fabs(x) < 9.995 ? 2 : fabs(x) < 99.95 ? 1 : 0;
			text_add(text, "%*.*f%.1s", decimals ? 0 : 3, decimals, x, prefixes + i);
			return;
		}
		x /= 1000;
	}
	text_add(text, "%3.1fY", x);
}

static void add_count(struct text *text, const struct progress_line *line, int64_t n)
{
	if (line->scale)
		add_scaled(text, (double)n);
	else
		text_add(text, "%lld", (long long)n);
}

/* " 3.01it/s", or the seconds that one unit takes when that is more than one. */
static void add_rate(struct text *text, const struct progress_line *line, double rate)
{
	bool slow = rate && 1 / rate > 1;
	double x = slow ? 1 / rate : rate;
	if (!rate)
		text_add(text, "?");
	else if (line->scale)
		add_scaled(text, x);
	else
		text_add(text, "%5.2f", x);
	if (slow)
		text_add(text, "s/%s", line->unit);
	else
		text_add(text, "%s/s", line->unit);
}

static void add_bar(struct text *text, double fraction, int cells, bool ascii)
{
	const int steps = ascii ? (int)sizeof ASCII_CELLS - 2 : 8;
	int done = (int)(fraction * cells * steps), full = done / steps;
	for (int i = 0; i < cells; i++) {
		int level = i < full ? steps : i == full ? done % steps : 0;
		if (ascii || !level)
			text_add(text, "%c", ASCII_CELLS[level]);
		else /* U+258F, one eighth, down to U+2588, the full block */
			text_add(text, "\xe2\x96%c", 0x90 - level);
	}
}

/* Cuts what was added to text after `from` to n code points. */
static void trim(struct text *text, size_t from, int n)
{
	for (char *s = text->s + from; *s; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80 && n-- == 0) {
			*s = 0;
			text->n = (size_t)(s - text->s);
			return;
		}
	}
}

void progress_format(const struct progress_line *line, int columns, bool ascii, struct text *text)
{
	bool bounded = line->total > 0 && line->n <= line->total;
	double rate = line->rate >= 0 || !line->elapsed ? line->rate
							: (double)line->n / line->elapsed;
	rate = rate < 0 ? 0 : rate;
	double fraction = bounded ? (double)line->n / (double)line->total : 0;

	struct text right = { 0 };
	if (bounded)
		text_add(&right, " ");
	add_count(&right, line, line->n);
	if (bounded) {
		text_add(&right, "/");
		add_count(&right, line, line->total);
	} else {
		text_add(&right, "%s", line->unit);
	}
	text_add(&right, " [");
	add_interval(&right, line->elapsed);
	if (bounded && rate) {
		text_add(&right, "<");
		add_interval(&right, (double)(line->total - line->n) / rate);
	} else if (bounded) {
		text_add(&right, "<?");
	}
	text_add(&right, ", ");
	add_rate(&right, line, rate);
	text_add(&right, "%s%s]", *line->postfix ? ", " : "", line->postfix);

	size_t from = text->n, n = strlen(line->description);
	bool colon = n >= 2 && !strcmp(line->description + n - 2, ": ");
	text_add(text, "%s%s", line->description, !n || (colon && bounded) ? "" : ": ");
	if (bounded)
		text_add(text, "%3.0f%%", fraction * 100);
	if (bounded && columns != PROGRESS_NO_BAR) {
		text_add(text, "|");
		int taken = (int)(utf8_length(text->s + from) + utf8_length(right.s)) + 1;
		int cells = columns == PROGRESS_SHORT ? 10 : columns - taken;
		add_bar(text, fraction, cells > 1 ? cells : 1, ascii);
		text_add(text, "|");
	}
	text_add(text, "%s", right.s);
	if (columns > 0)
		trim(text, from, columns);
	text_release(&right);
}

void progress_add_number(struct text *text, const char *key, double value)
{
	char exact[NUMBER_TEXT], rounded[NUMBER_TEXT];
	number_format(value, exact);
	snprintf(rounded, sizeof rounded, "%.3g", value);
	char *e = strchr(rounded, 'e');
	if (e && e[2] == '0') /* 1e-05 to 1e-5 */
		memmove(e + 2, e + 3, strlen(e + 3) + 1);
	text_add(text, "%s%s=%s", text->n ? ", " : "", key,
		 strlen(rounded) < strlen(exact) ? rounded : exact);
}

#define SMOOTHING 0.3

static void average_add(struct progress_average *a, double x)
{
	a->last = SMOOTHING * x + (1 - SMOOTHING) * a->last;
	a->unseen = (a->any ? a->unseen : 1) * (1 - SMOOTHING);
	a->any = true;
}

static double average(const struct progress_average *a)
{
	return a->any ? a->last / (1 - a->unseen) : 0;
}

void progress_begin(struct progress *p, int64_t total, double interval, double now,
		    const char *description, ...)
{
	*p = (struct progress){
		.line = { .total = total, .unit = "it" },
		.interval = interval,
		.start = now,
		.drawn_at = now,
	};
	va_list ap;
	va_start(ap, description);
	vsnprintf(p->description, sizeof p->description, description, ap);
	va_end(ap);
}

void progress_release(struct progress *p)
{
	text_release(&p->postfix);
}

bool progress_update(struct progress *p, int64_t n, double now)
{
	p->line.n = n;
	double dt = now - p->drawn_at;
	if (dt < p->interval)
		return false;
	if (dt > 0 && n != p->drawn_n) {
		average_add(&p->dn, (double)(n - p->drawn_n));
		average_add(&p->dt, dt);
	}
	p->drawn_n = n;
	p->drawn_at = now;
	return true;
}

static void format_now(struct progress *p, double now, double rate, int columns, bool ascii,
		       struct text *text)
{
	p->line.elapsed = now - p->start;
	p->line.rate = rate;
	p->line.description = p->description;
	p->line.postfix = p->postfix.s ? p->postfix.s : "";
	progress_format(&p->line, columns, ascii, text);
}

void progress_text(struct progress *p, double now, int columns, bool ascii, struct text *text)
{
	double dt = average(&p->dt);
	format_now(p, now, dt ? average(&p->dn) / dt : -1, columns, ascii, text);
}

void progress_last_text(struct progress *p, double now, int columns, bool ascii, struct text *text)
{
	format_now(p, now, -1, columns, ascii, text);
}
