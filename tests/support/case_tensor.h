/*
 * case_tensor.h - makes the inputs that a case of an operator describes (ops/case.h).
 */
#ifndef ONNXTUNE_TESTS_SUPPORT_CASE_TENSOR_H
#define ONNXTUNE_TESTS_SUPPORT_CASE_TENSOR_H

#include "ops/case.h"

/* How many inputs the case has, absent ones before the last included. */
uint32_t case_inputs(const struct op_case *c);

/* How many outputs it wants. */
uint32_t case_outputs(const struct op_case *c);

/* The type of input k, without data: its own, or `floating` where that is DT_F64. */
struct tensor case_type(const struct op_case *c, uint32_t k, enum dtype floating);

/*
 * The tensor of input k in the arena: of its own type, or `floating` where that is DT_F64. The same
 * numbers for the same seed and k whatever the type. DT_NONE and no data where absent.
 */
struct tensor case_tensor(const struct op_case *c, uint32_t k, enum dtype floating, uint64_t seed,
			  struct arena *arena);

/* Standard normal numbers, the same for the same seed and stream. */
void fill_normal(struct tensor *t, uint64_t seed, uint64_t stream);

#endif
