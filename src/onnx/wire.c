/* wire.c - reading and writing the protobuf wire format (see wire.h). */
#include "onnx/wire.h"

#define NUMBER_MAX 0x1fffffff /* largest field number */

bool wire_varint(const uint8_t *data, size_t *pos, size_t end, uint64_t *out)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < WIRE_VARINT_MAX && *pos + i < end; i++) {
		uint8_t byte = data[*pos + i];
		value |= (uint64_t)(byte & 127) << (7 * i);
		if (byte < 128) {
			*pos += i + 1;
			*out = value;
			return true;
		}
	}
	return false;
}

unsigned wire_varint_size(uint64_t value)
{
	unsigned n = 1;
	while (value >>= 7)
		n++;
	return n;
}

unsigned wire_put_varint(uint8_t out[WIRE_VARINT_MAX], uint64_t value, unsigned width)
{
	unsigned n = 0;
	while (value >= 128 || n + 1 < width) {
		out[n++] = (uint8_t)(value | 128);
		value >>= 7;
	}
	out[n++] = (uint8_t)value;
	return n;
}

static bool bad(struct wire *wire, const char *problem)
{
	wire->problem = problem;
	return false;
}

bool wire_next(struct wire *wire, struct wire_field *field)
{
	struct wire_field f = { .start = wire->pos };
	size_t pos = wire->pos;
	uint64_t tag, size;
	if (pos >= wire->end)
		return false;
	if (!wire_varint(wire->data, &pos, wire->end, &tag) || tag > UINT32_MAX)
		return bad(wire, "the tag of a field is cut off or too long");
	if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return bad(wire, "a field has a number that none can have");
	f.number = (uint32_t)(tag >> 3);
	f.type = (enum wire_type)(tag & 7);
	f.length = f.value = pos;
	switch (tag & 7) {
	case WIRE_VARINT:
		if (!wire_varint(wire->data, &pos, wire->end, &f.varint))
			return bad(wire, "a number is cut off or too long");
		size = pos - f.value;
		break;
	case WIRE_FIXED64:
		size = 8;
		break;
	case WIRE_FIXED32:
		size = 4;
		break;
	case WIRE_BYTES:
		if (!wire_varint(wire->data, &pos, wire->end, &size))
			return bad(wire, "the length of a field is cut off or too long");
		f.value = pos;
		break;
	default:
		return bad(wire, "a field is of a kind that ONNX files do not have");
	}
	if (size > wire->end - f.value)
		return bad(wire, "a field is longer than what is left");
	f.end = f.value + (size_t)size;
	wire->pos = f.end;
	*field = f;
	return true;
}
