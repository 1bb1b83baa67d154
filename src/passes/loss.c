/* loss.c - finds how a model ends and puts a loss there (see loss.h). */
#include "passes/loss.h"

#include "ops/step.h"

#include <math.h>

static const struct node *producer(const struct graph *graph, uint32_t value)
{
	const struct value *v = graph_value(graph, value);
	return v->node ? graph_node(graph, v->node) : NULL;
}

/* The x of Div(Exp(x), ReduceSum(Exp(x), axis)), 0 if it is none; x may be z - max(z). */
static uint32_t written_out_softmax(const struct graph *graph, const struct node *div, int *axis)
{
	const struct node *exp = producer(graph, div->in[0]);
	const struct node *sum = producer(graph, div->in[1]);
	if (sum && node_is(sum, "Expand"))
		sum = producer(graph, sum->in[0]);
	if (!exp || !sum || !node_is(exp, "Exp") || !node_is(sum, "ReduceSum") ||
	    sum->in[0] != div->in[0] || !node_int(sum, "keepdims") || sum->n_in < 2 || !sum->in[1])
		return 0;
	const struct tensor *axes = &graph_value(graph, sum->in[1])->t;
	const struct shape *shape = &graph_value(graph, div->in[0])->t.shape;
	if (!axes->data || shape_elements(&axes->shape) != 1 ||
	    !shape_axis(shape, tensor_get_int(axes, 0), axis))
		return 0;
	/* z - max(z) trains as z: the maximum cancels. */
	const struct node *sub = producer(graph, exp->in[0]);
	if (sub && node_is(sub, "Sub")) {
		const struct node *max = producer(graph, sub->in[1]);
		if (max && node_is(max, "ReduceMax") && max->in[0] == sub->in[0])
			return sub->in[0];
	}
	return exp->in[0];
}

/* Whether the value comes from a linear layer, whose features are the last axis. */
static bool is_linear(const struct graph *graph, uint32_t value)
{
	const struct node *node = producer(graph, value);
	for (uint32_t i = 0; node && node_is(node, "Add") && i < 2; i++) {
		const struct node *product = producer(graph, node->in[i]);
		if (product && node_is(product, "MatMul") &&
		    graph_value(graph, node->in[1 - i])->t.shape.rank == 1)
			return true;
	}
	return node && node_is(node, "MatMul");
}

struct loss_head loss_find(const struct graph *graph, uint32_t output)
{
	struct loss_head head = { .ending = ENDING_LOGITS, .logits = output };
	uint32_t value = output;
	const struct shape *shape = &graph_value(graph, output)->t.shape;
	head.axis = shape->rank > 2 && is_linear(graph, output) ? shape->rank - 1
		    : shape->rank > 1                           ? 1
								: 0;
	for (const struct node *node; (node = producer(graph, value));) {
		int axis = 0;
		if (node_is(node, "Identity") || node_is(node, "Cast") ||
		    node_is(node, "Dropout")) {
			value = node->in[0];
			continue;
		}
		/* The last axis is the class axis where an activation names it. */
		shape = &graph_value(graph, node->in[0])->t.shape;
		uint32_t x = node_is(node, "Div") ? written_out_softmax(graph, node, &axis) : 0;
		if (x) {
			head = (struct loss_head){ ENDING_SOFTMAX, x, axis };
		} else if (node_is(node, "Softmax") || node_is(node, "LogSoftmax")) {
			shape_axis(shape, node_int(node, "axis"), &axis);
			head.ending = node_is(node, "Softmax") ? ENDING_SOFTMAX
							       : ENDING_LOG_SOFTMAX;
			head.logits = node->in[0];
			head.axis = axis;
		} else if (node_is(node, "Sigmoid")) {
			head.ending = ENDING_SIGMOID;
			head.logits = node->in[0];
		} else if (node_is(node, "Reshape") && shape->rank >= 1 &&
			   shape->dim[0] == graph_value(graph, output)->t.shape.dim[0]) {
			value = node->in[0]; /* an activation may stand before the last Reshape */
			continue;
		}
		break;
	}
	return head;
}

enum status loss_choose(const struct graph *graph, const struct loss_head *head,
			bool integer_labels, enum loss_kind asked, enum loss_kind *out,
			struct error *err)
{
	const struct tensor *t = &graph_value(graph, head->logits)->t;
	enum loss_kind kind = asked;
	if (!dtype_is_trainable(t->dtype) || !t->shape.rank)
		return fail(err, ERR_UNSUPPORTED, "output '%s' has no scores to train by",
			    graph_value(graph, graph->outputs.v[0])->name);
	int64_t per_sample = t->shape.dim[0] ? shape_elements(&t->shape) / t->shape.dim[0] : 0;
	if (kind == LOSS_AUTO) {
		if (head->ending == ENDING_SIGMOID)
			kind = LOSS_BCE;
		else if (integer_labels || head->ending != ENDING_LOGITS)
			kind = LOSS_CROSS_ENTROPY;
		else
			kind = LOSS_MSE;
	}
	if (kind == LOSS_CROSS_ENTROPY && !integer_labels)
		return fail(err, ERR_INPUT,
			    "the model tells classes apart, but the labels are floats: give "
			    "integers, or --loss cross-entropy to take whole numbers as classes");
	if (kind == LOSS_CROSS_ENTROPY && (t->shape.rank < 2 || t->shape.dim[head->axis] < 2))
		return fail(err, ERR_INPUT,
			    "the output has a single score, no classes: use "
			    "--loss bce or mse");
	if (kind == LOSS_BCE && integer_labels && per_sample != 1)
		return fail(err, ERR_INPUT,
			    "the loss bce takes a target from 0 to 1 for each of the %lld outputs "
			    "in an array of floats, not classes",
			    (long long)per_sample);
	if (kind == LOSS_BCE &&
	    (head->ending == ENDING_SOFTMAX || head->ending == ENDING_LOG_SOFTMAX))
		return fail(
			err, ERR_INPUT,
			"the model ends in %s, which makes its classes exclude each other: the "
			"loss bce needs a Sigmoid or plain scores. Labels with a single 1 in each "
			"row are given as class numbers",
			ending_name(head->ending));
	*out = kind;
	return OK;
}

static uint32_t add_input(struct builder *b, const char *name, enum dtype dtype,
			  const struct shape *shape)
{
	uint32_t id = graph_add_value(b->graph, name, VALUE_INPUT,
				      (struct tensor){ dtype, *shape, NULL });
	*array_push(&b->graph->inputs) = id;
	return id;
}

/* The loss of one pair of labels and weights. */
static uint32_t add_loss(struct builder *b, const struct loss_head *head, enum loss_kind kind,
			 const struct loss_shape *modified, const char *labels_name,
			 const char *weights_name)
{
	struct shape shape = *build_shape(b, head->logits);
	uint32_t loss;
	if (kind == LOSS_CROSS_ENTROPY) {
		struct shape labels = { .rank = 0 };
		for (int i = 0; i < shape.rank; i++)
			if (i != head->axis)
				labels.dim[labels.rank++] = shape.dim[i];
		uint32_t l = add_input(b, labels_name, DT_I64, &labels);
		uint32_t w = add_input(b, weights_name, DT_F32, &labels);
		loss = build(b, "SoftmaxCrossEntropy", IN(head->logits, l, w),
			     attr_int("axis", head->axis),
			     attr_double("smoothing", modified->smoothing),
			     attr_double("gamma", modified->gamma));
	} else {
		enum dtype dtype = build_type(b, head->logits)->dtype;
		/* Targets keep float32 precision whatever the model computes in. */
		uint32_t l = add_input(b, labels_name, dtype == DT_F64 ? DT_F64 : DT_F32, &shape);
		uint32_t w = add_input(b, weights_name, DT_F32, &SHAPE(shape.dim[0]));
		if (kind == LOSS_BCE)
			loss = build(b, "SigmoidCrossEntropy", IN(head->logits, l, w),
				     attr_double("gamma", modified->gamma));
		else if (kind == LOSS_HUBER)
			loss = build(b, "HuberError", IN(head->logits, l, w),
				     attr_double("delta", modified->delta));
		else
			loss = build_op(b, kind == LOSS_L1 ? "AbsoluteError" : "SquaredError",
					IN(head->logits, l, w), NULL);
	}
	return loss;
}

uint32_t loss_build(struct builder *b, const struct loss_head *head, enum loss_kind kind,
		    const struct loss_shape *modified)
{
	b->name = b->op = "loss";
	uint32_t loss = add_loss(b, head, kind, modified, LABELS_NAME, WEIGHTS_NAME);
	if (modified->mixed)
		loss = build(b, "Add",
			     IN(loss, add_loss(b, head, kind, modified, MIXED_LABELS_NAME,
					       MIXED_WEIGHTS_NAME)));
	b->graph->outputs.n = 0;
	*array_push(&b->graph->outputs) = loss;
	return loss;
}

bool loss_of_values(enum loss_kind kind)
{
	return kind == LOSS_MSE || kind == LOSS_L1 || kind == LOSS_HUBER;
}

double loss_value(enum loss_kind kind, const struct loss_shape *shape, double y, double t)
{
	double d = fabs(y - t);
	if (kind == LOSS_L1)
		return d;
	if (kind == LOSS_MSE)
		return d * d;
	return d < shape->delta ? 0.5 * d * d : shape->delta * (d - 0.5 * shape->delta);
}

const char *loss_name(enum loss_kind kind)
{
	static const char *const names[] = { "auto", "cross-entropy", "bce", "mse", "l1", "huber" };
	return names[kind];
}

const char *ending_name(enum ending ending)
{
	static const char *const names[] = { "no activation", "Softmax", "LogSoftmax", "Sigmoid" };
	return names[ending];
}
