/* Cases of Gelu. */
#include "case.h"

const struct op_case cases_gelu[] = {
	{ "both signs", "Gelu", .in = { NORMAL(3, 5) } },
	{ "attributes", "Gelu", .attrs = { { "approximate", ATTR_STRING, .s = "tanh" } },
	  .in = { NORMAL(3, 5) } },
	{ "far out", "Gelu", .in = { UNIFORM(-90, 90, 37) }, .flags = CASE_NO_GRAD },
	{ "large", "Gelu", .in = { UNIFORM(-8, 8, 65, 129) }, .flags = CASE_NO_GRAD },
	{ "gradient", "GeluGrad", "onnxtune", .in = { NORMAL(9, 31), NORMAL(9, 31) },
	  .flags = CASE_NO_GRAD },
	{ "gradient, attributes", "GeluGrad", "onnxtune",
	  .attrs = { { "approximate", ATTR_STRING, .s = "tanh" } },
	  .in = { NORMAL(9, 31), NORMAL(9, 31) }, .flags = CASE_NO_GRAD },
	{ 0 },
};
