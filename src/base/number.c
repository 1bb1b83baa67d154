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
