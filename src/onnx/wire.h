/*
 * wire.h - the protobuf wire format: the fields of a message, read where they lie.
 *
 * Bytes are hostile: every read is checked against the end of the message. Nothing is interpreted
 * beyond the encoding; which field means what is the caller's business.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef ONNXTUNE_ONNX_WIRE_H
#define ONNXTUNE_ONNX_WIRE_H

#include "base/error.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* One field: [start, length) tag, [length, value) length prefix (WIRE_BYTES only), [value, end). */
struct wire_field {
	uint32_t number;
	enum wire_type type;
	size_t start, length, value, end; /* offsets in the reader's data */
	uint64_t varint;                  /* WIRE_VARINT: the value */
};

/* A message: data[pos, end). `problem` tells, after wire_next returned false, what was wrong. */
struct wire {
	const uint8_t *data;
	size_t pos, end;
	const char *problem; /* NULL: all is well */
};

/* The next field; false at the end of the message or on a problem, then at byte `pos`. */
bool wire_next(struct wire *wire, struct wire_field *field);

/*
 * The varint at *pos, which moves behind it; false if it does not end before `end` or has more
 * than ten bytes. Bits above the 64th are dropped, as all implementations do.
 */
bool wire_varint(const uint8_t *data, size_t *pos, size_t end, uint64_t *out);

/* Writes a varint in its shortest form, or padded to `width` bytes if that is more; its bytes. */
#define WIRE_VARINT_MAX 10
unsigned wire_put_varint(uint8_t out[WIRE_VARINT_MAX], uint64_t value, unsigned width);
unsigned wire_varint_size(uint64_t value);

#endif
