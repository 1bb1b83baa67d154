/*
 * case_call.h - a case of an operator (ops/case.h) as the call that a kernel sees.
 */
#ifndef ONNXTUNE_TESTS_SUPPORT_CASE_CALL_H
#define ONNXTUNE_TESTS_SUPPORT_CASE_CALL_H

#include "ops/case.h"
#include "ops/target.h"

#define CASE_CALL_MOST 8 /* inputs or outputs of a case */

struct case_call {
	struct graph *graph;
	const struct node *node;
	uint32_t n_in, n_out;
	struct tensor in[CASE_CALL_MOST]; /* with data where the operator reads them on the host */
	struct op_call call;              /* all layouts plain */
	struct op_operand *in_operands, *out_operands; /* those of call, to be changed */
};

/*
 * The graph of one node; out->graph is the caller's to free, NULL where there is none. False where no
 * node is: the operator lowers, or folds to constants. Fails the test where the case is wrong.
 */
bool case_call_make(const struct op_case *c, enum dtype floating, uint64_t seed,
		    struct arena *arena, struct case_call *out);

#endif
