/* Cases of StridedMatMul: attention's products, forms that no plain matrix serves, edges of tiles. */
#include "case.h"

#define PERM(name, ...)                                                                            \
	{                                                                                          \
		name, ATTR_INTS, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),             \
			.ints = (const int64_t[])                                                  \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ALPHA(x)                                                                                   \
	{                                                                                          \
		"alpha", ATTR_FLOAT, .f = x                                                        \
	}
#define OURS "StridedMatMul", "onnxtune", .flags = CASE_NO_GRAD

static const double a[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 1, -1, 2, 0, 1, 3 };
/* a is [3,2] and read as [2,3], b is [2,3] and read as [3,2]: y' = {{8,18},{10,22}}, stored transposed,
 * times 2 */
static const double y[] = { 16, 20, 36, 44 };

const struct op_case cases_strided_matmul[] = {
	{ "matrices, all transposed", OURS,
	  .attrs = { PERM("perm_a", 1, 0), PERM("perm_b", 1, 0), PERM("perm_y", 1, 0), ALPHA(2) },
	  .in = { VALUES(a, 3, 2), VALUES(b, 2, 3) }, .expected = y },
	{ "queries by keys", OURS,
	  .attrs = { PERM("perm_a", 0, 2, 1, 3), PERM("perm_b", 0, 2, 3, 1),
		     PERM("perm_y", 0, 1, 2, 3), ALPHA(0.125f) },
	  .in = { NORMAL(2, 19, 3, 26), NORMAL(2, 37, 3, 26) } },
	{ "weights by values", OURS,
	  .attrs = { PERM("perm_a", 0, 1, 2, 3), PERM("perm_b", 0, 2, 1, 3),
		     PERM("perm_y", 0, 2, 1, 3) },
	  .in = { NORMAL(2, 3, 19, 37), NORMAL(2, 37, 3, 26) } },
	{ "gradient of the values", OURS,
	  .attrs = { PERM("perm_a", 0, 1, 3, 2), PERM("perm_b", 0, 2, 1, 3),
		     PERM("perm_y", 0, 2, 1, 3) },
	  .in = { NORMAL(2, 3, 37, 19), NORMAL(2, 37, 3, 26) } },
	{ "gradient of the keys, columns of the result scattered", OURS,
	  .attrs = { PERM("perm_a", 0, 2, 3, 1), PERM("perm_b", 0, 1, 2, 3),
		     PERM("perm_y", 0, 3, 1, 2), ALPHA(0.5f) },
	  .in = { NORMAL(2, 19, 3, 26), NORMAL(2, 3, 19, 37) } },
	{ "whole tiles and their edges, slices of k", OURS,
	  .attrs = { PERM("perm_a", 0, 2, 1), PERM("perm_b", 0, 2, 1), PERM("perm_y", 0, 1, 2) },
	  .in = { NORMAL(2, 401, 107), NORMAL(2, 141, 401) } },
	{ "one product for all threads", OURS,
	  .attrs = { PERM("perm_a", 0, 1), PERM("perm_b", 0, 1), PERM("perm_y", 0, 1), ALPHA(3) },
	  .in = { NORMAL(107, 401), NORMAL(401, 141) } },
	{ "vectors", OURS,
	  .attrs = { PERM("perm_a", 1, 0, 2), PERM("perm_b", 1, 2, 0), PERM("perm_y", 0, 2, 1) },
	  .in = { NORMAL(1, 5, 7), NORMAL(1, 5, 7) } },
	{ "elements of a matrix scattered", OURS,
	  .attrs = { PERM("perm_a", 2, 0, 1), PERM("perm_b", 0, 1, 2), PERM("perm_y", 0, 1, 2) },
	  .in = { NORMAL(4, 5, 3), NORMAL(3, 5, 2) } },
	{ 0 },
};
