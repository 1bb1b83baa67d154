/*
 * html.h - pieces of an HTML page: text that is safe in it, data URIs, charts as inline SVG.
 */
#ifndef ONNXTUNE_EVAL_HTML_H
#define ONNXTUNE_EVAL_HTML_H

#include "base/text.h"

/*
 * Appends text so that it is only text, also within a quoted attribute: < > & " ' as references, and
 * '?' for control characters and for what is no UTF-8.
 */
void html_add(struct text *out, const char *s);

/* Appends "data:TYPE;base64,..." (RFC 2397, RFC 4648). */
void html_add_data(struct text *out, const char *type, const uint8_t *data, size_t n);

/* A curve; points that are not finite are gaps. */
struct chart_series {
	const char *name;
	const double *x, *y; /* [n] */
	size_t n;
	bool dots; /* each point is marked */
};

#define CHART_SERIES_MAX 2

struct chart {
	const char *title;
	struct chart_series series[CHART_SERIES_MAX]; /* drawn with the classes c0, c1 */
	size_t n_series;
	bool from_zero; /* the y axis includes 0 */
};

/*
 * Appends a <figure> with the title, the names of the series where there are several, and an SVG
 * drawing with axes that fills the width it is given. Nothing when no point is finite.
 */
void html_add_chart(struct text *out, const struct chart *chart);

#endif
