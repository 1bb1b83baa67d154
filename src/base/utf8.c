/*
 * utf8.c - printable texts (see utf8.h).
 */
#include "base/utf8.h"

#include <string.h>

size_t utf8_length(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* The bytes of the printable code point at s; 0 when there is none. */
static size_t sequence(const unsigned char *s)
{
	static const uint32_t smallest[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };
	uint32_t code;
	size_t n;
	if (s[0] < 0x80)
		n = 1, code = s[0];
	else if ((s[0] & 0xe0) == 0xc0)
		n = 2, code = s[0] & 0x1f;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3, code = s[0] & 0x0f;
	else if ((s[0] & 0xf8) == 0xf0)
		n = 4, code = s[0] & 0x07;
	else
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) /* also the end of the text */
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	bool surrogate = code >= 0xd800 && code < 0xe000;
	return code < smallest[n] || code == 0x7f || code > 0x10ffff || surrogate ? 0 : n;
}

void utf8_replace(char *s)
{
	while (*s) {
		size_t n = sequence((const unsigned char *)s);
		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
}

char *utf8_clean(const char *s)
{
	char *clean = mem_strdup(s);
	utf8_replace(clean);
	return clean;
}
