/* text.c - a growing text (see text.h). */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add_bytes(struct text *text, const char *s, size_t n)
{
	if (text->cap - text->n <= n || !text->cap) {
		text->cap = (text->n + n + 1) * 2;
		text->s = mem_realloc(text->s, text->cap);
	}
	if (n)
		memcpy(text->s + text->n, s, n);
	text->n += n;
	text->s[text->n] = 0;
}

void text_add(struct text *text, const char *fmt, ...)
{
	va_list ap;
	char small[512], *big = NULL;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof small) {
		big = mem_alloc((size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(big, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (n > 0)
		text_add_bytes(text, big ? big : small, (size_t)n);
	free(big);
}

void text_release(struct text *text)
{
	free(text->s);
	*text = (struct text){ 0 };
}
