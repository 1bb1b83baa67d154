/*
 * test_page.c - the HTML report: every element is closed, nothing is fetched or run, hostile texts
 * stay texts, the numbers are there; the list of worst mistakes; data URIs.
 */
#include "eval/page.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the structure of a page ---- */

static bool is_void(const char *name)
{
	static const char *const names[] = { "meta", "img", "br" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Checks one tag, from its '<'; returns what follows its '>'. */
static const char *check_tag(const char *s, char open[][16], int *depth)
{
	char name[16] = "";
	bool closing = s[1] == '/';
	s += 1 + closing;
	for (size_t n = 0; isalnum((unsigned char)*s) && n < sizeof name - 1; n++)
		name[n] = *s++;
	if (!*name)
		fail_msg("a '<' that begins no tag: %.40s", s);
	while (*s && *s != '>') { /* attributes: all values are quoted */
		if (*s == '<')
			fail_msg("a '<' in <%s>: %.40s", name, s);
		if (*s++ != '"')
			continue;
		s += strcspn(s, "\"<>");
		if (*s++ != '"')
			fail_msg("an attribute of <%s> does not end: %.40s", name, s);
	}
	if (closing) {
		if (!*depth || strcmp(open[*depth - 1], name))
			fail_msg("</%s> closes <%s>", name, *depth ? open[*depth - 1] : "");
		--*depth;
	} else if (s[-1] != '/' && !is_void(name)) {
		assert_true(*depth < 32);
		strcpy(open[(*depth)++], name);
	}
	return s + 1;
}

static void check_structure(const char *page)
{
	char open[32][16];
	int depth = 0;
	static const char begin[] = "<!DOCTYPE html>\n";
	assert_memory_equal(page, begin, sizeof begin - 1);
	for (const char *s = page + sizeof begin - 1; *s;) {
		if (*s == '<')
			s = check_tag(s, open, &depth);
		else
			s++;
	}
	assert_int_equal(depth, 0);
	static const char *const forbidden[] = { "<script", "http:",  "https:", "@import", "url(",
						 "<link",   "onload", "nan\"",  "src=\"/" };
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (strstr(page, forbidden[i]))
			fail_msg("the page has %s", forbidden[i]);
}

static void expect(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("the page has no %s", text);
}

/* ---- pages ---- */

#define HOSTILE "</th><script>alert(1)</script>\" onx='&amp;\x01\xff"
#define HARMLESS "&lt;/th&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onx=&#39;&amp;amp;??"

static void fill(struct confusion *c, const double *matrix, uint32_t classes)
{
	confusion_init(c, CONFUSION_SINGLE_LABEL, classes);
	for (uint32_t i = 0; i < classes * classes; i++)
		for (int k = 0; k < (int)matrix[i]; k++)
			confusion_add(c, i / classes, i % classes, 1);
}

static void test_page(void **state)
{
	(void)state;
	const char *names[] = { HOSTILE, "b&w" };
	struct confusion before, after;
	fill(&before, (const double[]){ 4, 6, 5, 5 }, 2);
	fill(&after, (const double[]){ 9, 1, 2, 8 }, 2);
	struct evaluation e[] = { { &before, NULL, 1.5 }, { &after, NULL, 0.25 } };
	const double x[] = { 1, 2, 3, 4 }, y[] = { 2, NAN, INFINITY, 1 };
	const struct chart charts[] = {
		{ "loss " HOSTILE, { { HOSTILE, x, y, 4, false }, { "b", x, x, 4, true } }, 2, 0 },
		{ "empty", { { "", x, y + 1, 2, false } }, 1, false },
	};
	struct mistakes mistakes = { .n = 2, .total = 3 };
	mistakes.worst[0] = (struct mistake){ 7, 0, 1, 0.125, 0.75, 2, MISTAKE_CONFUSED };
	mistakes.worst[1] = (struct mistake){ 5, 1, 0, 0.25, 0.5, 1, MISTAKE_CONFUSED };
	const struct page_picture pictures[] = { { "dir/" HOSTILE, (const uint8_t *)"abcd", 4 },
						 { 0 } };
	const struct page_fact facts[] = { { HOSTILE, HOSTILE, HOSTILE, false },
					   { "--lr", "0.5", "default", true } };
	const struct page page = { HOSTILE,   HOSTILE,  &e[0], &e[1], names, charts, 2,
				   &mistakes, pictures, facts, facts, 1,     2 };
	char *text = page_format(&page);
	check_structure(text);
	expect(text, "<title>" HARMLESS "</title>");
	expect(text, "<tr><th>" HARMLESS "</th><td><small>0.44&nbsp;→</small> 0.82</td>");
	expect(text, "<tr><th>b&amp;w</th>");
	expect(text, "<b>0.8500</b><span>before 0.4500 <span class=\"good\">+0.4000</span>");
	expect(text, "<b>0.2500</b><span>before 1.5000 <span class=\"good\">-1.2500</span>");
	expect(text, "src=\"data:image/jpeg;base64,YWJjZA==\"");
	expect(text, "</b> 12.5 %<br>taken for <b class=\"bad\">b&amp;w</b> 75.0 %");
	expect(text, "<small title=\"sample 5\">sample 5</small>");
	expect(text, "no picture");
	expect(text, "2 of 3 wrong predictions");
	expect(text, "<summary>1 defaults</summary>");
	expect(text, "prefers-color-scheme:dark");
	expect(text, "width=device-width");
	/* points that are not finite are gaps; a chart without any is left out */
	assert_null(strstr(text, "inf"));
	assert_null(strstr(text, "empty"));
	free(text);
	confusion_release(&before);
	confusion_release(&after);
}

/* One evaluation of many classes: the largest confusions instead of the matrix. */
static void test_many_classes(void **state)
{
	(void)state;
	struct confusion c;
	confusion_init(&c, CONFUSION_SINGLE_LABEL, 100);
	for (int i = 0; i < 100; i++)
		confusion_add(&c, i, i, 1);
	for (int k = 0; k < 3; k++)
		confusion_add(&c, 70, 3, 1);
	confusion_add(&c, 2, 99, 1);
	confusion_add(&c, 1, 99, 1);
	struct evaluation e = { &c, NULL, NAN };
	const struct page page = { .title = "a", .subtitle = "b", .after = &e };
	char *text = page_format(&page);
	check_structure(text);
	const char *first = strstr(text, "<tr><th>70</th><td>3</td><td>3</td><td>75.0 %</td></tr>");
	const char *second = strstr(text,
				    "<tr><th>1</th><td>99</td><td>1</td><td>50.0 %</td></tr>");
	const char *third = strstr(text, "<tr><th>2</th><td>99</td><td>1</td>");
	assert_true(first && second > first && third > second);
	assert_null(strstr(text, "before"));
	free(text);
	confusion_release(&c);
}

static void test_regression(void **state)
{
	(void)state;
	struct regression r;
	regression_init(&r, 1);
	regression_add(&r, (const float[]){ 1 }, (const float[]){ 2 }, 1);
	struct evaluation e = { NULL, &r, 1 };
	const struct page page = { .title = "a", .subtitle = "b", .after = &e };
	char *text = page_format(&page);
	check_structure(text);
	expect(text, "<span>mse</span><b>1.0000</b>");
	free(text);
	regression_release(&r);
}

/* Several labels: one average more, no matrix, since a label is not taken for another. */
static void test_multi_label(void **state)
{
	(void)state;
	struct confusion c;
	confusion_init(&c, CONFUSION_MULTI_LABEL, 2);
	confusion_add_multi(&c, (const uint8_t[]){ 1, 1 }, (const uint8_t[]){ 1, 0 }, 1);
	struct evaluation e = { &c, NULL, 1 };
	struct mistakes mistakes = { .n = 2, .total = 9 };
	mistakes.worst[0] = (struct mistake){ 3, 1, 1, 0.125, 0.875, 2, MISTAKE_WRONG };
	mistakes.worst[1] = (struct mistake){ 4, 0, 0, 0.25, 0.75, 1, MISTAKE_MISSED };
	const struct page_picture pictures[2] = { { 0 } };
	const struct page page = { .title = "a",
				   .subtitle = "b",
				   .after = &e,
				   .mistakes = &mistakes,
				   .pictures = pictures };
	char *text = page_format(&page);
	check_structure(text);
	expect(text, "2 of 9 samples with a class that is missed or not there");
	expect(text, "<b>1</b> 87.5 %<br><b class=\"bad\">not there</b>");
	expect(text, "<b>0</b> 25.0 %<br><b class=\"bad\">missed</b>");
	expect(text, "<tr><th><b>samples average</b></th><td>1.00</td><td>0.50</td><td>0.67</td>"
		     "<td>2</td></tr>");
	assert_null(strstr(text, "Rows: true class"));
	free(text);
	confusion_release(&c);
}

/* ---- its pieces ---- */

/* The vectors of RFC 4648, section 10. */
static void test_data(void **state)
{
	(void)state;
	static const char *const want[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
					    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	for (size_t n = 0; n < ARRAY_SIZE(want); n++) {
		struct text text = { 0 };
		html_add_data(&text, "a/b", (const uint8_t *)"foobar", n);
		assert_memory_equal(text.s, "data:a/b;base64,", 16);
		assert_string_equal(text.s + 16, want[n]);
		text_release(&text);
	}
}

static void test_mistakes(void **state)
{
	(void)state;
	struct mistakes m = { 0 };
	/* losses 0, 3, 6, 2, 5, 1, 4, 0, ...: the highest stay, of equal ones the first */
	for (uint32_t i = 0; i < 70; i++)
		mistakes_add(&m, &(struct mistake){ .sample = i, .loss = i * 3 % 7 });
	assert_int_equal(m.n, MISTAKES_MAX);
	assert_int_equal(m.total, 70);
	for (uint32_t i = 0; i < m.n; i++) {
		assert_true(m.worst[i].loss == 6 - (int)i / 10);
		if (i % 10)
			assert_true(m.worst[i].sample > m.worst[i - 1].sample);
	}
	assert_int_equal(m.worst[0].sample, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),       cmocka_unit_test(test_many_classes),
		cmocka_unit_test(test_regression), cmocka_unit_test(test_multi_label),
		cmocka_unit_test(test_data),       cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
