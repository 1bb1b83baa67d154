/*
 * page.c - the HTML report (see page.h), section by section in the order of the page. Every text that
 * is not ours goes through html_add.
 */
#include "eval/page.h"

#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--card:#f5f6f8;--fg:#1b1f24;--dim:#5a6472;"
	"--line:#d9dde3;--c0:#2563c9;--c1:#c2520a;--good:#1a7f37;--bad:#c62828}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1e2329;--fg:#e6e9ed;"
	"--dim:#9aa5b1;--line:#363d46;--c0:#6ea8fe;--c1:#ffa45c;--good:#56d364;--bad:#ff8a80}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--bg);color:var(--fg);"
	"font:16px/1.45 system-ui,sans-serif}\n"
	"h1{font-size:1.5rem;margin:.5rem 0 0;overflow-wrap:anywhere}\n"
	"h2{font-size:1.15rem;margin:2rem 0 .6rem}\n"
	"p{margin:.3rem 0;color:var(--dim);overflow-wrap:anywhere}\n"
	".tiles{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));"
	"margin-top:1rem}\n"
	".tile{background:var(--card);border-radius:.5rem;padding:.7rem .9rem}\n"
	".tile b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}\n"
	".tile span{color:var(--dim);font-size:.85rem}\n"
	".tile .good{color:var(--good)}.bad,.tile .bad{color:var(--bad)}\n"
	".charts{display:grid;gap:.8rem;"
	"grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr))}\n"
	"figure{margin:0;background:var(--card);border-radius:.5rem;padding:.6rem}\n"
	"figcaption{font-weight:600;font-size:.9rem}\n"
	"svg{display:block;width:100%;height:auto}\n"
	"svg text{font-size:11px;fill:var(--dim)}\n"
	"svg path{fill:none;stroke-width:1.6}path.dotted{stroke-dasharray:3 3;stroke-width:1}\n"
	".grid{stroke:var(--line);stroke-width:1}\n"
	"path.c0{stroke:var(--c0)}path.c1{stroke:var(--c1)}\n"
	"circle.c0{fill:var(--c0)}circle.c1{fill:var(--c1)}\n"
	".key{font-weight:400;margin-left:.7rem}.key.c0{color:var(--c0)}.key.c1{color:var(--c1)}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);"
	"white-space:nowrap}\n"
	"th{font-weight:600}\n"
	"th:first-child,.facts td{text-align:left}\n"
	"tbody th{font-weight:400;max-width:16rem;overflow:hidden;text-overflow:ellipsis}\n"
	".facts{width:100%;max-width:56rem}.facts th,.facts td{white-space:normal;overflow-wrap:anywhere;"
	"vertical-align:top}\n"
	".facts th{width:30%}.facts td:nth-child(3){color:var(--dim)}\n"
	"small{color:var(--dim)}\n"
	".matrix td{text-align:center;min-width:2.6rem;padding:.3rem;"
	"border:1px solid var(--line)}\n"
	".matrix td.d{font-weight:700}.matrix td.z{color:var(--dim);opacity:.6}\n"
	".matrix thead th{text-align:center;max-width:6rem;overflow:hidden;text-overflow:ellipsis}\n"
	".mistakes{display:grid;gap:.8rem;"
	"grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr))}\n"
	".mistakes figure{font-size:.85rem;overflow-wrap:anywhere}\n"
	".mistakes img{display:block;width:100%;height:7rem;object-fit:contain;background:#8882;"
	"border-radius:.3rem;margin-bottom:.4rem}\n"
	".none{height:7rem;display:grid;place-items:center;background:#8882;border-radius:.3rem;"
	"margin-bottom:.4rem;color:var(--dim)}\n"
	"details{margin-top:.6rem}summary{cursor:pointer;color:var(--c0)}\n"
	"@media(max-width:30rem){body{padding:.7rem}th,td{padding:.25rem .4rem}td small{display:block}"
	"tbody th{white-space:normal}"
	".mistakes,.tiles{grid-template-columns:repeat(2,1fr)}}\n";

/* Texts of classes: names, or numbers where there are none. */
static void add_class(struct text *out, const struct page *page, uint32_t class)
{
	if (page->names)
		html_add(out, page->names[class]);
	else
		text_add(out, "%u", class);
}

static void begin_section(struct text *out, const char *title)
{
	text_add(out, "<section>\n<h2>%s</h2>\n", title);
}

/* ---- the main metrics ---- */

static void add_tile(struct text *out, const struct page *page, const struct metric *m)
{
	double after = m->value(page->after), before = NAN;
	if (isnan(after))
		return;
	text_add(out, "<div class=\"tile\"><span>");
	for (const char *c = m->name; *c; c++)
		text_add(out, "%c", *c == '_' ? ' ' : *c);
	text_add(out, "</span><b>%.4f</b>", after);
	if (page->before)
		before = m->value(page->before);
	if (!isnan(before)) {
		double change = after - before;
		bool better = m->lower_is_better ? change < 0 : change > 0;
		text_add(out, "<span>before %.4f <span class=\"%s\">%+.4f</span></span>", before,
			 change == 0 ? ""
			 : better    ? "good"
				     : "bad",
			 change);
	}
	text_add(out, "</div>\n");
}

static void add_tiles(struct text *out, const struct page *page)
{
	static const char *const names[] = { "accuracy", "macro_f1", "weighted_f1", "loss",
					     "mse",      "mae",      "r2" };
	text_add(out, "<div class=\"tiles\">\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_tile(out, page, metric_find(names[i]));
	text_add(out, "</div>\n");
}

static void add_charts(struct text *out, const struct page *page)
{
	if (!page->n_charts)
		return;
	begin_section(out, "Training");
	text_add(out, "<div class=\"charts\">\n");
	for (size_t i = 0; i < page->n_charts; i++)
		html_add_chart(out, &page->charts[i]);
	text_add(out, "</div>\n</section>\n");
}

/* ---- classes ---- */

static void add_score(struct text *out, double after, const double *before)
{
	text_add(out, "<td>");
	if (before)
		text_add(out, "<small>%.2f&nbsp;→</small> ", *before);
	text_add(out, "%.2f</td>", after);
}

static void add_scores(struct text *out, struct scores after, const struct scores *before)
{
	add_score(out, after.precision, before ? &before->precision : NULL);
	add_score(out, after.recall, before ? &before->recall : NULL);
	add_score(out, after.f1, before ? &before->f1 : NULL);
}

static void add_support(struct text *out, double support)
{
	text_add(out, "<td>%.*f</td></tr>\n", support == floor(support) ? 0 : 2, support);
}

static void add_average(struct text *out, const struct page *page, const char *name,
			enum average average)
{
	const struct confusion *after = page->after->confusion;
	const struct confusion *before = page->before ? page->before->confusion : NULL;
	struct scores old = { 0 };
	double support = 0;
	if (before)
		old = confusion_average(before, average, NULL, 0);
	for (uint32_t i = 0; i < after->classes; i++)
		support += after->support[i];
	text_add(out, "<tr><th>%s</th>", name);
	add_scores(out, confusion_average(after, average, NULL, 0), before ? &old : NULL);
	add_support(out, support);
}

static void add_classes(struct text *out, const struct page *page)
{
	const struct confusion *after = page->after->confusion;
	const struct confusion *before = page->before ? page->before->confusion : NULL;
	if (!after)
		return;
	begin_section(out, "Classes");
	if (before)
		text_add(out, "<p>Before tuning → after.</p>\n");
	text_add(out, "<div class=\"wide\"><table>\n<thead><tr><th>class</th><th>precision</th>"
		      "<th>recall</th><th>F1</th><th>support</th></tr></thead>\n<tbody>\n");
	for (uint32_t i = 0; i < after->classes; i++) {
		struct scores old = before ? confusion_class(before, i) : (struct scores){ 0 };
		text_add(out, "<tr><th>");
		add_class(out, page, i);
		text_add(out, "</th>");
		add_scores(out, confusion_class(after, i), before ? &old : NULL);
		add_support(out, after->support[i]);
	}
	add_average(out, page, "<b>macro average</b>", AVERAGE_MACRO);
	add_average(out, page, "<b>weighted average</b>", AVERAGE_WEIGHTED);
	if (after->kind == CONFUSION_MULTI_LABEL)
		add_average(out, page, "<b>samples average</b>", AVERAGE_SAMPLES);
	text_add(out, "</tbody></table></div>\n</section>\n");
}

/* ---- confusion ---- */

#define MATRIX_MAX 40 /* classes; a larger matrix can't be read, the largest confusions can */
#define PAIRS_MAX 30

/* Each cell is as dark as its share of its row. */
static void add_matrix(struct text *out, const struct page *page, const struct confusion *c)
{
	text_add(out, "<p>Rows: true class, columns: predicted class.</p>\n"
		      "<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th></th>");
	for (uint32_t j = 0; j < c->classes; j++) {
		text_add(out, "<th title=\"");
		add_class(out, page, j);
		text_add(out, "\">");
		add_class(out, page, j);
		text_add(out, "</th>");
	}
	text_add(out, "</tr></thead>\n<tbody>\n");
	for (uint32_t i = 0; i < c->classes; i++) {
		text_add(out, "<tr><th>");
		add_class(out, page, i);
		text_add(out, "</th>");
		for (uint32_t j = 0; j < c->classes; j++) {
			double x = c->matrix[(size_t)i * c->classes + j];
			double share = c->support[i] > 0 ? x / c->support[i] : 0;
			text_add(out, "<td%s",
				 x == 0   ? " class=\"z\""
				 : i == j ? " class=\"d\""
					  : "");
			if (x > 0)
				text_add(out,
					 " style=\"background:color-mix(in srgb,var(--%s) "
					 "%.0f%%,transparent)\"",
					 i == j ? "good" : "bad", 10 + 50 * share);
			text_add(out, ">%.6g</td>", x);
		}
		text_add(out, "</tr>\n");
	}
	text_add(out, "</tbody></table></div>\n");
}

/* The largest number off the diagonal below `limit` in (value, place) order; false at the end. */
static bool next_pair(const struct confusion *c, size_t *at)
{
	size_t n = (size_t)c->classes * c->classes, best = n;
	double last = *at < n ? c->matrix[*at] : INFINITY;
	for (size_t k = 0; k < n; k++) {
		double x = c->matrix[k];
		if (k / c->classes == k % c->classes || x <= 0)
			continue;
		bool behind = x < last || (x == last && k > *at);
		if (behind && (best == n || x > c->matrix[best]))
			best = k;
	}
	*at = best;
	return best < n;
}

static void add_pairs(struct text *out, const struct page *page, const struct confusion *c)
{
	size_t at = SIZE_MAX;
	text_add(out,
		 "<p>The most frequent ones of %u classes.</p>\n<div class=\"wide\"><table>\n"
		 "<thead><tr><th>true</th><th>predicted</th><th>samples</th><th>of the "
		 "class</th></tr></thead>\n<tbody>\n",
		 c->classes);
	for (int i = 0; i < PAIRS_MAX && next_pair(c, &at); i++) {
		uint32_t truth = (uint32_t)(at / c->classes);
		text_add(out, "<tr><th>");
		add_class(out, page, truth);
		text_add(out, "</th><td>");
		add_class(out, page, (uint32_t)(at % c->classes));
		text_add(out, "</td><td>%.6g</td><td>%.1f %%</td></tr>\n", c->matrix[at],
			 100 * c->matrix[at] / c->support[truth]);
	}
	text_add(out, "</tbody></table></div>\n");
}

static void add_confusion(struct text *out, const struct page *page)
{
	const struct confusion *c = page->after->confusion;
	if (!c || !c->matrix)
		return;
	begin_section(out, "Confusions");
	if (c->classes <= MATRIX_MAX)
		add_matrix(out, page, c);
	else
		add_pairs(out, page, c);
	text_add(out, "</section>\n");
}

/* ---- mistakes ---- */

static void add_mistake(struct text *out, const struct page *page, uint32_t i)
{
	const struct mistake *m = &page->mistakes->worst[i];
	const struct page_picture *picture = &page->pictures[i];
	const char *slash = picture->file ? strrchr(picture->file, '/') : NULL;
	char *number = mem_printf("sample %u", m->sample);
	const char *name = slash ? slash + 1 : picture->file ? picture->file : number;
	text_add(out, "<figure>");
	if (picture->data) {
		text_add(out, "<img loading=\"lazy\" alt=\"");
		html_add(out, name);
		text_add(out, "\" src=\"");
		html_add_data(out, "image/jpeg", picture->data, picture->n);
		text_add(out, "\">");
	} else {
		text_add(out, "<div class=\"none\">no picture</div>");
	}
	text_add(out, "<b>");
	add_class(out, page, m->truth);
	if (m->kind == MISTAKE_CONFUSED) {
		text_add(out, "</b> %.1f %%<br>taken for <b class=\"bad\">",
			 100 * m->truth_probability);
		add_class(out, page, m->predicted);
		text_add(out, "</b> %.1f %%", 100 * m->predicted_probability);
	} else {
		bool missed = m->kind == MISTAKE_MISSED;
		text_add(out, "</b> %.1f %%<br><b class=\"bad\">%s</b>",
			 100 * (missed ? m->truth_probability : m->predicted_probability),
			 missed ? "missed" : "not there");
	}
	text_add(out, "<br><small title=\"");
	html_add(out, picture->file ? picture->file : number);
	text_add(out, "\">");
	html_add(out, name);
	text_add(out, "</small></figure>\n");
	free(number);
}

static void add_mistakes(struct text *out, const struct page *page)
{
	const struct mistakes *m = page->mistakes;
	if (!m || !m->n)
		return;
	bool several = m->worst[0].kind != MISTAKE_CONFUSED;
	begin_section(out, "Worst mistakes");
	text_add(out, "<p>%u of %llu %s.</p>\n<div class=\"mistakes\">\n", m->n,
		 (unsigned long long)m->total,
		 several ? "samples with a class that is missed or not there, by the probability "
			   "of what is true of it"
			 : "wrong predictions: those that give the true class the lowest "
			   "probability");
	for (uint32_t i = 0; i < m->n; i++)
		add_mistake(out, page, i);
	text_add(out, "</div>\n</section>\n");
}

/* ---- facts ---- */

static void add_facts(struct text *out, const struct page_fact *facts, size_t n, bool plain)
{
	text_add(out, "<table class=\"facts\"><tbody>\n");
	for (size_t i = 0; i < n; i++) {
		if (facts[i].plain != plain)
			continue;
		text_add(out, "<tr><th>");
		html_add(out, facts[i].name);
		text_add(out, "</th><td>");
		html_add(out, facts[i].value);
		text_add(out, "</td>");
		if (facts[i].source) {
			text_add(out, "<td>");
			html_add(out, facts[i].source);
			text_add(out, "</td>");
		}
		text_add(out, "</tr>\n");
	}
	text_add(out, "</tbody></table>\n");
}

static void add_section_of_facts(struct text *out, const char *title, const struct page_fact *facts,
				 size_t n)
{
	size_t plain = 0;
	for (size_t i = 0; i < n; i++)
		plain += facts[i].plain;
	if (!n)
		return;
	begin_section(out, title);
	if (plain < n)
		add_facts(out, facts, n, false);
	if (plain) {
		text_add(out, "<details><summary>%zu defaults</summary>\n", plain);
		add_facts(out, facts, n, true);
		text_add(out, "</details>\n");
	}
	text_add(out, "</section>\n");
}

char *page_format(const struct page *page)
{
	struct text out = { 0 };
	text_add(&out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		       "<title>");
	html_add(&out, page->title);
	text_add(&out, "</title>\n<style>\n");
	text_add_bytes(&out, style, sizeof style - 1);
	text_add(&out, "</style>\n</head>\n<body>\n<main>\n<header><h1>");
	html_add(&out, page->title);
	text_add(&out, "</h1>\n<p>");
	html_add(&out, page->subtitle);
	text_add(&out, "</p></header>\n");
	add_tiles(&out, page);
	add_charts(&out, page);
	add_classes(&out, page);
	add_confusion(&out, page);
	add_mistakes(&out, page);
	add_section_of_facts(&out, "Run", page->run, page->n_run);
	add_section_of_facts(&out, "Configuration", page->settings, page->n_settings);
	text_add(&out, "</main>\n</body>\n</html>\n");
	return out.s;
}
