/*
 * number.h - numbers as text, both ways.
 *
 * The program never sets LC_NUMERIC, so the decimal sign is always a point.
 */
#ifndef ONNXTUNE_BASE_NUMBER_H
#define ONNXTUNE_BASE_NUMBER_H

#include "base/error.h"

/*
 * The shortest text that reads back as the same double, in the form of Python's repr: "0.1",
 * "2.0", "1e-05", "1e+22", "inf", "nan".
 */
#define NUMBER_TEXT 32
const char *number_format(double x, char text[NUMBER_TEXT]);

/* The whole text as a number, with nothing before or after it; false when it isn't one. */
bool number_parse(const char *text, double *out);          /* finite decimal numbers only */
bool number_parse_integer(const char *text, int64_t *out); /* decimal, a sign is allowed */

/* Bytes for people: "17 B", "1.5 GiB". */
#define SIZE_TEXT 32
const char *size_format(uint64_t bytes, char text[SIZE_TEXT]);

/*
 * Whole bytes from a positive number, with K, M, G or T (powers of 1024) behind it or not; false when
 * it isn't one or is 2^62 or more.
 */
bool size_parse(const char *text, int64_t *out);

#endif
