/*
 * test_grad.c - the gradient rule of every operator against differences, on the cases of
 * tests/ops, in float64. With random gradients dy of the outputs, the derivative of sum(dy * y) by
 * each element of an input is what the backward pass gives, and what
 *
 *	(8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h = f'(x) + O(h^4)
 *
 * gives. Each case runs with all floating-point inputs differentiated at once, and with each of
 * them alone, the others being constants.
 */
#include "support/case_tensor.h"

#include "ops/interpret.h"
#include "passes/gradient.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 2024
#define MAX 8 /* inputs or outputs of a case */

struct check {
	const struct op_case *c;
	const struct op_def *def;
	uint32_t n_in, n_out;
	struct tensor in[MAX], dy[MAX];
	bool moved[MAX];             /* inputs that the output depends on differentiably */
	struct tensor expected[MAX]; /* their gradients by differences */
	struct arena arena;
};

/* The outputs of the operator, in the arena. */
static void forward(const struct check *check, struct tensor out[MAX], struct arena *arena)
{
	const struct tensor *in[MAX];
	bool wanted[MAX];
	struct error err;
	for (uint32_t k = 0; k < check->n_in; k++)
		in[k] = check->in[k].data ? &check->in[k] : NULL;
	for (uint32_t k = 0; k < check->n_out; k++)
		wanted[k] = true;
	if (interpret_op(check->def, check->c->attrs, in, check->n_in, wanted, out, check->n_out,
			 arena, &err) != OK)
		fail_msg("%s", err.text);
}

/* sum(dy * y) */
static double objective(const struct check *check)
{
	struct tensor y[MAX];
	struct arena arena;
	double sum = 0;
	arena_init(&arena);
	forward(check, y, &arena);
	for (uint32_t k = 0; k < check->n_out; k++)
		for (int64_t i = 0; check->dy[k].data && i < shape_elements(&y[k].shape); i++)
			sum += tensor_get(&check->dy[k], i) * tensor_get(&y[k], i);
	arena_release(&arena);
	return sum;
}

/* The objective with h added to element i of an input. */
static double moved_by(struct check *check, uint32_t k, int64_t i, double h)
{
	double x = tensor_get(&check->in[k], i);
	tensor_set(&check->in[k], i, x + h);
	double f = objective(check);
	tensor_set(&check->in[k], i, x);
	return f;
}

static void differences(struct check *check, uint32_t k)
{
	double h = check->c->eps ? check->c->eps : 1e-4;
	check->expected[k] = tensor_new(&check->arena, DT_F64, &check->in[k].shape);
	for (int64_t i = 0, n = shape_elements(&check->in[k].shape); i < n; i++) {
		double near = moved_by(check, k, i, h) - moved_by(check, k, i, -h);
		double far = moved_by(check, k, i, 2 * h) - moved_by(check, k, i, -2 * h);
		tensor_set(&check->expected[k], i, (8 * near - far) / (12 * h));
	}
}

/* Fills inputs, dy and expected gradients. */
static void prepare(struct check *check)
{
	const struct op_case *c = check->c;
	struct tensor y[MAX];
	check->def = op_find(c->domain ? c->domain : "", c->op, c->opset ? c->opset : INT_MAX);
	if (!check->def)
		fail_msg("there is no such operator");
	check->n_in = case_inputs(c);
	check->n_out = case_outputs(c);
	for (uint32_t k = 0; k < check->n_in; k++)
		check->in[k] = case_tensor(c, k, DT_F64, SEED, &check->arena);
	bool differentiable = false;
	forward(check, y, &check->arena);
	for (uint32_t k = 0; k < check->n_out; k++)
		if (y[k].dtype == DT_F64) {
			differentiable = true;
			check->dy[k] = tensor_new(&check->arena, DT_F64, &y[k].shape);
			fill_normal(&check->dy[k], SEED, 100 + k);
		}
	for (uint32_t k = 0; k < check->n_in; k++) {
		const struct op_arg *arg = op_input(check->def, k);
		check->moved[k] = differentiable && check->in[k].dtype == DT_F64 && arg &&
				  !(arg->flags & (ARG_NO_GRAD | ARG_HOST));
		if (check->moved[k])
			differences(check, k);
	}
}

/* Largest difference to the expected gradient, relative to its largest element. */
static double deviation(const struct tensor *expected, const struct tensor *dx)
{
	double largest = 1e-3, worst = 0;
	for (int64_t i = 0, n = shape_elements(&expected->shape); i < n; i++) {
		double e = tensor_get(expected, i), g = dx ? tensor_get(dx, i) : 0;
		largest = fmax(largest, fabs(e));
		worst = isnan(e - g) ? INFINITY : fmax(worst, fabs(e - g));
	}
	return worst / largest;
}

/* Differentiates by the inputs that are asked for; the others are constants. */
static void compare(struct check *check, const bool by[MAX])
{
	struct error err = { 0 };
	struct problems problems = { 0 };
	struct arena arena;
	uint32_t in[MAX] = { 0 }, y[MAX], dy[MAX], dx[MAX], n_x = 0, n_y = 0, x[MAX], input[MAX];
	uint32_t out[MAX];
	char name[16];
	arena_init(&arena);
	struct graph *graph = graph_new(&arena);
	struct builder b = { .graph = graph,
			     .err = &err,
			     .name = check->c->op,
			     .op = check->c->op,
			     .fold_limit = 65536 };
	for (uint32_t k = 0; k < check->n_in; k++) {
		if (!check->in[k].data)
			continue;
		snprintf(name, sizeof name, "x%u", k);
		in[k] = graph_add_value(graph, name, by[k] ? VALUE_PARAM : VALUE_CONSTANT,
					check->in[k]);
		if (by[k]) {
			input[n_x] = k;
			x[n_x++] = in[k];
		}
	}
	build_def(&b, check->def, (struct inputs){ in, check->n_in }, check->c->attrs, NULL, NULL,
		  out, check->n_out);
	for (uint32_t k = 0; k < check->n_out; k++) {
		if (!check->dy[k].data || b.status != OK)
			continue;
		snprintf(name, sizeof name, "dy%u", k);
		y[n_y] = out[k];
		dy[n_y++] = graph_add_value(graph, name, VALUE_PARAM, check->dy[k]);
	}
	if (b.status != OK ||
	    gradient_build(&b, y, dy, n_y, x, n_x, GRADIENT_AS_VALUES, dx, &problems) != OK)
		fail_msg("%s", err.text);
	for (uint32_t k = 0; k < n_x; k++)
		if (dx[k])
			*array_push(&graph->outputs) = dx[k];
	struct tensor *result = arena_alloc(&arena, graph->outputs.n * sizeof *result);
	if (graph_verify(graph, &err) != OK ||
	    interpret_graph(graph, NULL, result, NULL, &arena, &err) != OK)
		fail_msg("%s", err.text);
	for (uint32_t k = 0, r = 0; k < n_x; k++) {
		const struct tensor *expected = &check->expected[input[k]];
		const struct tensor *g = dx[k] ? &result[r++] : NULL; /* none: zero everywhere */
		double limit = check->c->tolerance ? check->c->tolerance : 1e-7;
		if (g && (g->dtype != DT_F64 || !shape_equal(&g->shape, &expected->shape)))
			fail_msg("the gradient of input %u has another type", input[k]);
		double found = deviation(expected, g);
		if (!(found <= limit))
			fail_msg("the gradient of input %u deviates by %.3g (limit %.3g)", input[k],
				 found, limit);
	}
	graph_free(graph);
	arena_release(&arena);
}

static void test_case(void **state)
{
	struct check check = { .c = *state };
	uint32_t moved = 0;
	arena_init(&check.arena);
	prepare(&check);
	compare(&check, check.moved);
	for (uint32_t k = 0; k < check.n_in; k++)
		moved += check.moved[k];
	for (uint32_t k = 0; moved > 1 && k < check.n_in; k++) {
		bool alone[MAX] = { false };
		alone[k] = true;
		if (check.moved[k])
			compare(&check, alone);
	}
	arena_release(&check.arena);
}

int main(void)
{
	ARRAY(struct CMUnitTest) tests = { 0 };
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			if (!(c->flags & CASE_NO_GRAD))
				*array_push(&tests) = (struct CMUnitTest){
					.name = mem_printf("%s: %s", c->op, c->name),
					.test_func = test_case,
					.initial_state = (void *)c,
				};
	int failed = _cmocka_run_group_tests("gradients", tests.v, tests.n, NULL, NULL);
	for (uint32_t i = 0; i < tests.n; i++)
		free((void *)tests.v[i].name);
	array_release(&tests);
	return failed;
}
