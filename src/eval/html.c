/*
 * html.c - pieces of HTML pages (see html.h). A chart's axes end at round numbers: multiples of 1, 2
 * or 5 times a power of ten.
 */
#include "eval/html.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

void html_add(struct text *out, const char *s)
{
	static const char *const references[128] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;",
	};
	char *clean = utf8_clean(s);
	for (const char *p = clean; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 128 && references[c])
			text_add(out, "%s", references[c]);
		else
			text_add_bytes(out, p, 1);
	}
	free(clean);
}

void html_add_data(struct text *out, const char *type, const uint8_t *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	text_add(out, "data:%s;base64,", type);
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		uint32_t bits = 0;
		char four[4] = { '=', '=', '=', '=' };
		for (size_t k = 0; k < left; k++)
			bits |= (uint32_t)data[i + k] << (16 - 8 * k);
		for (size_t k = 0; k <= left; k++)
			four[k] = digits[bits >> (18 - 6 * k) & 63];
		text_add_bytes(out, four, sizeof four);
	}
}

/* ---- charts ---- */

/* The drawing's own units: those of a phone's screen, so that its texts are readable there. */
enum { WIDTH = 360, HEIGHT = 200, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22 };

struct axis {
	double low, high, step;
};

/* Round bounds around [low, high], about `n` steps apart. */
static struct axis make_axis(double low, double high, int n)
{
	if (!(high > low)) {
		double around = low == 0 ? 1 : fabs(low) / 2;
		low -= around;
		high += around;
	}
	double raw = (high - low) / n, power = pow(10, floor(log10(raw))), digit = raw / power;
	double step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
	return (struct axis){ floor(low / step) * step, ceil(high / step) * step, step };
}

static double place(const struct axis *axis, double value, double from, double to)
{
	return from + (value - axis->low) / (axis->high - axis->low) * (to - from);
}

static double place_x(const struct axis *axis, double x)
{
	return place(axis, x, LEFT, WIDTH - RIGHT);
}

static double place_y(const struct axis *axis, double y)
{
	return place(axis, y, HEIGHT - BOTTOM, TOP);
}

static int steps_of(const struct axis *axis)
{
	return (int)lround((axis->high - axis->low) / axis->step);
}

/* A multiple of the step without what rounding left of zero. */
static double tick(const struct axis *axis, int i)
{
	double value = axis->low + i * axis->step;
	return fabs(value) < axis->step / 2 ? 0 : value;
}

static void add_axes(struct text *out, const struct axis *x, const struct axis *y)
{
	for (int i = 0, n = steps_of(y); i <= n; i++) {
		double at = place_y(y, tick(y, i));
		text_add(out,
			 "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			 "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n",
			 LEFT, WIDTH - RIGHT, at, at, LEFT - 5, at + 4, tick(y, i));
	}
	for (int i = 0, n = steps_of(x); i <= n; i++)
		text_add(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.6g</text>\n",
			 place_x(x, tick(x, i)) + (i == n ? RIGHT : 0), HEIGHT - 6,
			 i == n ? "end" : "middle", tick(x, i));
}

static void add_series(struct text *out, const struct chart_series *s, int number,
		       const struct axis *x, const struct axis *y)
{
	bool down = false;
	text_add(out, "<path class=\"c%d%s\" d=\"", number, s->dots ? " dotted" : "");
	for (size_t i = 0; i < s->n; i++) {
		if (isfinite(s->y[i]))
			text_add(out, "%c%.1f %.1f", down ? 'L' : 'M', place_x(x, s->x[i]),
				 place_y(y, s->y[i]));
		down = isfinite(s->y[i]);
	}
	text_add(out, "\"/>\n");
	for (size_t i = 0; i < s->n && s->dots; i++)
		if (isfinite(s->y[i]))
			text_add(out, "<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
				 number, place_x(x, s->x[i]), place_y(y, s->y[i]));
}

/* Bounds of the finite points; false when there is none. */
static bool find_bounds(const struct chart *chart, struct axis *x, struct axis *y)
{
	bool any = false;
	*x = *y = (struct axis){ INFINITY, -INFINITY, 0 };
	for (size_t k = 0; k < chart->n_series; k++) {
		const struct chart_series *s = &chart->series[k];
		for (size_t i = 0; i < s->n; i++) {
			if (!isfinite(s->y[i]))
				continue;
			any = true;
			*x = (struct axis){ fmin(x->low, s->x[i]), fmax(x->high, s->x[i]), 0 };
			*y = (struct axis){ fmin(y->low, s->y[i]), fmax(y->high, s->y[i]), 0 };
		}
	}
	if (chart->from_zero && any)
		y->low = fmin(y->low, 0);
	return any;
}

void html_add_chart(struct text *out, const struct chart *chart)
{
	struct axis x, y;
	if (!find_bounds(chart, &x, &y))
		return;
	x = make_axis(fmin(x.low, 0), x.high, 4);
	y = make_axis(y.low, y.high, 4);
	text_add(out, "<figure><figcaption>");
	html_add(out, chart->title);
	for (size_t k = 0; k < chart->n_series && chart->n_series > 1; k++) {
		text_add(out, " <span class=\"key c%zu\">", k);
		html_add(out, chart->series[k].name);
		text_add(out, "</span>");
	}
	text_add(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
		 HEIGHT);
	html_add(out, chart->title);
	text_add(out, "\">\n");
	add_axes(out, &x, &y);
	for (size_t k = 0; k < chart->n_series; k++)
		add_series(out, &chart->series[k], (int)k, &x, &y);
	text_add(out, "</svg></figure>\n");
}
