/*
 * parity.h - kernels of a device against the reference implementation, on the cases of operators
 * (ops/case.h). What a case says once is tried in every way that a plan may use the kernel:
 *
 *  - in each element type and each combination of layouts that the kernel supports,
 *  - with each input that it may overwrite as the memory of its output, and outputs that take over
 *    an input's memory (alias),
 *  - twice, with workspace and outputs full of NaNs before: bits must be the same,
 *  - between guard bytes, so that nothing is written outside of outputs and workspace.
 *
 * Elements must agree within the case's tolerance, relative to the largest element (and what
 * rounding to half types costs); NaNs and infinities must stand in the same places; integers agree
 * exactly.
 */
#ifndef ONNXTUNE_TESTS_PARITY_PARITY_H
#define ONNXTUNE_TESTS_PARITY_PARITY_H

#include "backend/backend.h"
#include "ops/case.h"

/*
 * Runs the case in the floating-point type through the kernel. Returns how many combinations of
 * layouts the kernel supported; 0 when none, or when the case folds to constants. Ends the test
 * (fail_msg) on a difference.
 */
unsigned parity_run(const struct backend *backend, struct device *device,
		    const struct kernel *kernel, const struct op_case *c, enum dtype floating);

#endif
