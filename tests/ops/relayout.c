/* relayout.c - cases of Relayout: odd sizes around those of the tiles, and long thin ones. */
#include "ops/case.h"

#define OURS .op = "Relayout", .domain = "onnxtune", .flags = CASE_NO_GRAD

static const double expected[] = { 1, 2, 3, 4, 5, 6 };

const struct op_case cases_relayout[] = {
	{ "keeps every element", OURS, .in = { VALUES(expected, 1, 2, 3) }, .expected = expected },
	{ "images", OURS, .in = { NORMAL(2, 17, 9, 5) } },
	{ "larger than a tile", OURS, .in = { NORMAL(2, 70, 11, 13) } },
	{ "signals", OURS, .in = { NORMAL(3, 33, 65) } },
	{ "volumes", OURS, .in = { NORMAL(1, 5, 3, 4, 7) } },
	{ "one channel", OURS, .in = { NORMAL(2, 1, 4, 4) } },
	{ "one position", OURS, .in = { NORMAL(3, 40, 1, 1) } },
	{ 0 },
};
