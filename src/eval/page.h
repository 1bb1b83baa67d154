/*
 * page.h - a report as one HTML page that needs nothing else: no script, no file, no network. Its
 * pictures are data URIs, its colours follow the reader's choice of light or dark.
 */
#ifndef ONNXTUNE_EVAL_PAGE_H
#define ONNXTUNE_EVAL_PAGE_H

#include "eval/html.h"
#include "eval/metrics.h"
#include "eval/mistakes.h"

/* A row "name: value", and where the value is from. */
struct page_fact {
	const char *name, *value;
	const char *source; /* NULL: not told */
	bool plain;         /* a default: shown on request */
};

/* A mistake's picture and what it is of. */
struct page_picture {
	const char *file;    /* path, or NULL: the sample's number is shown */
	const uint8_t *data; /* a JPEG file; NULL: no picture */
	size_t n;
};

/* Everything that is shown; what is NULL or 0 is left out. */
struct page {
	const char *title, *subtitle;
	const struct evaluation *before; /* NULL: only one evaluation */
	const struct evaluation *after;
	const char *const *names; /* of classes; NULL: numbers */
	const struct chart *charts;
	size_t n_charts;
	const struct mistakes *mistakes;     /* of `after` */
	const struct page_picture *pictures; /* one for each of them */
	const struct page_fact *run, *settings;
	size_t n_run, n_settings;
};

/* The whole page; free with free(). */
char *page_format(const struct page *page);

#endif
