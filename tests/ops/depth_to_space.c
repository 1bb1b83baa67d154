/* Cases of DepthToSpace and SpaceToDepth. */
#include "case.h"

#define BLOCK(n)                                                                                   \
	{                                                                                          \
		"blocksize", ATTR_INT, .i = n                                                      \
	}
#define CRD                                                                                        \
	{                                                                                          \
		"mode", ATTR_STRING, .s = "CRD"                                                    \
	}

const struct op_case cases_depth_to_space[] = {
	{ "DCR", "DepthToSpace", .attrs = { BLOCK(2) }, .in = { NORMAL(2, 8, 2, 3) } },
	{ "CRD", "DepthToSpace", .attrs = { BLOCK(2), CRD }, .in = { NORMAL(2, 8, 2, 3) } },
	{ "to depth", "SpaceToDepth", .attrs = { BLOCK(2) }, .in = { NORMAL(2, 3, 4, 2) } },
	{ "to depth, CRD", "SpaceToDepth", .attrs = { BLOCK(2), CRD },
	  .in = { NORMAL(2, 3, 4, 2) } },
	{ 0 },
};
