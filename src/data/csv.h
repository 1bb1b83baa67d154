/*
 * csv.h - comma-separated text, one record at a time.
 *
 * The form is that of RFC 4180: fields are divided by commas, records by CR LF, LF or CR. A field in
 * double quotes may hold commas, line ends, and quotes written twice. Besides: a byte order mark at
 * the start and empty lines are passed over. Knows nothing of headers or what the fields mean.
 *
 * Source: RFC 4180, section 2.
 */
#ifndef ONNXTUNE_DATA_CSV_H
#define ONNXTUNE_DATA_CSV_H

#include "base/mem.h"

#define CSV_RECORD_MAX ((size_t)256 << 20) /* bytes of one record */

struct csv {
	uint64_t line; /* of the record that was read last, from 1 */
	uint32_t n;    /* its fields */
	/* private */
	const uint8_t *data;
	size_t size, at;
	uint64_t next_line;
	ARRAY(char) text;    /* the fields, each with a NUL behind it */
	ARRAY(size_t) start; /* of each in the text */
};

/* The bytes are read while the records are, and must live until csv_release. */
void csv_open(struct csv *csv, const uint8_t *data, size_t size);
void csv_release(struct csv *csv);

/*
 * Reads the next record; *end is true after the last. ERR_INPUT says what is wrong and in which line:
 * a quote that is not closed or stands inside a field, a NUL byte, a record over CSV_RECORD_MAX.
 */
enum status MUST_CHECK csv_next(struct csv *csv, bool *end, struct error *err);

/* Field i of the record, unquoted; it lives until the next record is read. */
const char *csv_field(const struct csv *csv, uint32_t i);

/* A field as a number, or a whole one, blanks around it allowed; false when it isn't one. */
bool csv_number(const char *field, double *out);
bool csv_integer(const char *field, int64_t *out);

#endif
