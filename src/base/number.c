/*
 * number.c - numbers as text (see number.h). The shortest form is found by trying one to seventeen
 * significant digits: plainly right, and only used for texts that people read.
 */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *number_format(double x, char text[NUMBER_TEXT])
{
	if (!isfinite(x)) {
		strcpy(text, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
		return text;
	}
	int digits = 1;
	do {
		snprintf(text, NUMBER_TEXT, "%.*e", digits - 1, x);
	} while (strtod(text, NULL) != x && ++digits < 18);
	int exponent = atoi(strchr(text, 'e') + 1);
	if (exponent >= -4 && exponent < 16) {
		int decimals = digits - 1 - exponent;
		snprintf(text, NUMBER_TEXT, "%.*f", decimals > 1 ? decimals : 1, x);
	}
	return text;
}

bool number_parse(const char *text, double *out)
{
	/* strtod also takes blanks, hexadecimal digits, "inf" and "nan" */
	if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	char *end;
	double x = strtod(text, &end);
	if (*end || !isfinite(x))
		return false;
	*out = x;
	return true;
}

bool number_parse_integer(const char *text, int64_t *out)
{
	if (!*text || strspn(text, "+-0123456789") != strlen(text))
		return false;
	char *end;
	errno = 0;
	long long x = strtoll(text, &end, 10);
	if (*end || errno)
		return false;
	*out = x;
	return true;
}

static const char prefixes[] = "KMGT";

const char *size_format(uint64_t bytes, char text[SIZE_TEXT])
{
	double size = (double)bytes;
	int unit = -1;
	for (; size >= 1024 && prefixes[unit + 1]; unit++)
		size /= 1024;
	if (unit < 0)
		snprintf(text, SIZE_TEXT, "%.0f B", size);
	else
		snprintf(text, SIZE_TEXT, "%.1f %ciB", size, prefixes[unit]);
	return text;
}

bool size_parse(const char *text, int64_t *out)
{
	char number[NUMBER_TEXT];
	size_t n = strlen(text);
	const char *prefix = n ? strchr(prefixes, text[n - 1]) : NULL;
	double x;
	if (n >= sizeof number)
		return false;
	memcpy(number, text, n + 1);
	if (prefix)
		number[n - 1] = 0;
	if (!number_parse(number, &x))
		return false;
	x = prefix ? ldexp(x, 10 * (int)(prefix - prefixes + 1)) : x;
	if (!(x >= 1 && x < 0x1p62))
		return false;
	*out = (int64_t)x;
	return true;
}
