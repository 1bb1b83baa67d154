/*
 * distill.c - teacher and loss (see distill.h). The teacher's nodes depend on constants and data only,
 * so its weights are prepared once and its backward pass does not exist.
 */
#include "passes/distill.h"

#include "ops/step.h"
#include "passes/batch_norm.h"
#include "passes/bind.h"
#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

static uint32_t find_input(const struct graph *graph, const char *name)
{
	for (uint32_t k = 0; k < graph->inputs.n; k++)
		if (!strcmp(graph_value(graph, graph->inputs.v[k])->name, name))
			return graph->inputs.v[k];
	return 0;
}

/* Appends the teacher's nodes; returns its logits. */
static uint32_t copy_teacher(struct builder *b, const struct graph *teacher, uint32_t logits)
{
	struct rewrite r = { .b = *b,
			     .from = teacher,
			     .map = mem_alloc(teacher->values.n * sizeof *r.map) };
	for (uint32_t i = 1; i < teacher->values.n; i++) {
		const struct value *v = graph_value(teacher, i);
		if (v->kind == VALUE_INPUT)
			r.map[i] = find_input(b->graph, v->name);
		else if (!v->node)
			r.map[i] = graph_add_value(b->graph, v->name, v->kind, v->t);
	}
	for (uint32_t i = 0; i < teacher->order.n && r.b.status == OK; i++)
		rewrite_copy(&r, graph_node(teacher, teacher->order.v[i]));
	uint32_t copied = r.b.status == OK ? r.map[logits] : 0;
	free(r.map);
	b->status = r.b.status;
	return copied;
}

/* x / T in the type that the loss is computed in. */
static uint32_t soften(struct builder *b, uint32_t x, double temperature)
{
	if (build_type(b, x)->dtype != DT_F64)
		x = build_cast(b, x, DT_F32);
	return temperature == 1 ? x : build(b, "Div", IN(x, build_scalar(b, temperature, x)));
}

/* The sum over rows of their weight times the cross-entropy of softmax(x) with target softmax(t). */
static uint32_t soft_cross_entropy(struct builder *b, uint32_t x, uint32_t t, uint32_t weights,
				   int64_t axis)
{
	uint32_t q = build(b, "Softmax", IN(t), attr_int("axis", axis));
	uint32_t p = build(b, "LogSoftmax", IN(x), attr_int("axis", axis));
	uint32_t rows = build(b, "ReduceSum",
			      IN(build(b, "Mul", IN(q, p)), build_ints(b, &axis, 1)),
			      attr_int("keepdims", 0));
	weights = build_cast(b, weights, build_type(b, rows)->dtype);
	uint32_t sum = build(b, "ReduceSum", IN(build(b, "Mul", IN(rows, weights))),
			     attr_int("keepdims", 0));
	return build(b, "Neg", IN(sum));
}

/* Puts both losses together as the graph's output. */
static void add_loss(struct builder *b, uint32_t taught, const struct loss_head *head,
		     enum loss_kind kind, const struct distill *distill)
{
	struct graph *graph = b->graph;
	uint32_t loss = graph->outputs.v[0], soft = 0;
	uint32_t weights = find_input(graph, WEIGHTS_NAME);
	uint32_t mixed = find_input(graph, MIXED_WEIGHTS_NAME);
	double temperature = loss_of_values(kind) ? 1 : distill->temperature;
	double share = distill->share * temperature * temperature;
	if (mixed) /* the teacher has seen the mixture: it answers for all of it */
		weights = build(b, "Add", IN(weights, mixed));
	uint32_t t = soften(b, taught, temperature), x = soften(b, head->logits, temperature);
	if (kind == LOSS_CROSS_ENTROPY)
		soft = soft_cross_entropy(b, x, t, weights, head->axis);
	else if (kind == LOSS_BCE)
		soft = build(b, "SigmoidCrossEntropy", IN(x, build(b, "Sigmoid", IN(t)), weights));
	else
		soft = build(b, "SquaredError", IN(x, t, weights));
	loss = build(b, "Mul", IN(loss, build_scalar(b, 1 - distill->share, loss)));
	soft = build(b, "Mul", IN(soft, build_scalar(b, share, soft)));
	graph->outputs.v[0] = build(b, "Add", IN(loss, soft));
}

enum status distill_build(struct builder *b, const struct graph *loaded, const struct shape *shapes,
			  uint32_t output, const struct loss_head *head, enum loss_kind kind,
			  const struct distill *distill, struct problems *problems)
{
	struct binding teacher;
	enum status status;
	TRY(bind_graph(loaded, shapes, NULL, &teacher, problems, b->err));
	TRY_GOTO(batch_norm_apply(&teacher.graph, BATCH_NORM_FROZEN, b->err), out_graph);
	uint32_t logits = loss_find(teacher.graph, teacher.graph->outputs.v[output]).logits;
	uint32_t taught = copy_teacher(b, teacher.graph, logits);
	b->name = b->op = "distillation";
	if (b->status == OK)
		add_loss(b, taught, head, kind, distill);
	status = b->status;
out_graph:
	graph_free(teacher.graph);
	return status;
}
