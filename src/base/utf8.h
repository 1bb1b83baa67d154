/*
 * utf8.h - names from files and folders as texts that can be printed and aligned.
 */
#ifndef ONNXTUNE_BASE_UTF8_H
#define ONNXTUNE_BASE_UTF8_H

#include "base/mem.h"

/* The number of code points of a valid text. */
size_t utf8_length(const char *s);

/*
 * Puts '?' in place of each byte that is no UTF-8 (RFC 3629: no surrogates, no overlong forms) and
 * of each control character.
 */
void utf8_replace(char *s);

/* A copy to which this was done. Free with free(). */
char *utf8_clean(const char *s);

#endif
