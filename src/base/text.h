/* text.h - a growing text. struct text t = {0}; text_add(&t, "%d", 3); free with text_release. */
#ifndef ONNXTUNE_BASE_TEXT_H
#define ONNXTUNE_BASE_TEXT_H

#include "base/mem.h"

struct text {
	char *s; /* NUL-terminated; NULL while empty */
	size_t n, cap;
};

void text_add(struct text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_add_bytes(struct text *text, const char *s, size_t n);
void text_release(struct text *text);

#endif
