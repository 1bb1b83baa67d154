/*
 * dropout.c - Dropout. As the file has it, an exported model is in its inference form: the output
 * is the input, and nothing was dropped (ONNX Dropout-7, 10, 12, 13, 22).
 *
 * onnxtune.Dropout is that of training: y = x / (1 - ratio) with probability 1 - ratio, else 0. The
 * random numbers depend on the seed, the step, the node, the sample's index in the window and the
 * element in the sample alone, so that no mask is kept for the gradient, which is the same operator
 * on dy, and micro-batches do not change what is dropped. Axis 0 is the samples.
 */
#include "base/rng.h"
#include "ops/build.h"
#include "ops/step.h"

#include <string.h>

static void lower(struct lower *l, enum dtype mask)
{
	struct builder *b = l->b;
	l->out[0] = build(b, "Identity", IN(l->in[0]));
	if (l->n_out > 1 && l->wanted[1]) {
		const struct shape *shape = build_shape(b, l->in[0]);
		uint32_t dims = build_ints(b, shape->dim, (uint32_t)shape->rank);
		l->out[1] = build(b, "Expand", IN(build_scalar_dtype(b, 1, mask), dims));
	}
}

static void lower_7(struct lower *l)
{
	lower(l, build_type(l->b, l->in[0])->dtype);
}

static void lower_10(struct lower *l)
{
	lower(l, DT_BOOL);
}

static enum status infer(struct op_io *io)
{
	float ratio = node_float(io->node, "ratio");
	if (!(ratio >= 0 && ratio < 1))
		return fail(io->err, ERR_INPUT, "dropout ratio %g is not in [0, 1)", ratio);
	if (io->in[1]->dtype != DT_U8 ||
	    shape_elements(&io->in[1]->shape) != sizeof(struct step_block) ||
	    io->in[2]->dtype != DT_I64 || shape_elements(&io->in[2]->shape) != 1)
		return fail(io->err, ERR_INTERNAL, "no step block or sample index");
	return infer_float(io);
}

static enum status ref(struct op_io *io)
{
	struct tensor *y = &io->out[0];
	float ratio = node_float(io->node, "ratio");
	uint64_t node = (uint64_t)node_int(io->node, "node");
	uint64_t base = (uint64_t)tensor_get_int(io->in[2], 0);
	int64_t n = shape_elements(&y->shape);
	uint64_t samples = y->shape.rank ? (uint64_t)y->shape.dim[0] : 1;
	uint64_t size = samples ? (uint64_t)n / samples : 0; /* of a sample */
	struct step_block step;
	uint32_t word[4];
	memcpy(&step, io->in[1]->data, sizeof step);
	for (uint64_t i = 0; i < samples; i++)
		for (uint64_t j = 0; j < size; j++) {
			int64_t at = (int64_t)(i * size + j);
			if (j % 4 == 0)
				philox(step.seed, (uint64_t)step.steps << 32 | node,
				       (base + i) * ((size + 3) / 4) + j / 4, word);
			bool keep = rng_uniform(word[j % 4]) >= ratio;
			tensor_set(y, at, keep ? tensor_get(io->in[0], at) / (1 - ratio) : 0);
		}
	return OK;
}

static void grad(struct grad *g);

static const struct op_attr attrs_7[] = { { "ratio", ATTR_FLOAT, 0, 0, 0.5f, NULL }, { 0 } };
static const struct op_attr attrs_12[] = { { "seed", ATTR_INT, ATTR_OPTIONAL, 0, 0, NULL }, { 0 } };
static const struct op_arg in_7[] = { { "data", 0, 0 }, { 0 } };
static const struct op_arg in_12[] = {
	{ "data", 0, 0 },
	{ "ratio", ARG_OPTIONAL | ARG_NO_GRAD, 0 },
	{ "training_mode", ARG_OPTIONAL | ARG_NO_GRAD, 0 },
	{ 0 },
};
static const struct op_arg out[] = { { "output", 0, 0 }, { "mask", ARG_OPTIONAL, 0 }, { 0 } };

const struct op_def op_dropout_7 = {
	.domain = "",
	.name = "Dropout",
	.since = 7,
	.attrs = attrs_7,
	.in = in_7,
	.out = out,
	.lower = lower_7,
};

const struct op_def op_dropout_10 = {
	.domain = "",
	.name = "Dropout",
	.since = 10,
	.attrs = attrs_7,
	.in = in_7,
	.out = out,
	.lower = lower_10,
};

const struct op_def op_dropout_12 = {
	.domain = "",
	.name = "Dropout",
	.since = 12,
	.attrs = attrs_12,
	.in = in_12,
	.out = out,
	.lower = lower_10,
};

static const struct op_attr attrs[] = {
	{ "ratio", ATTR_FLOAT, ATTR_REQUIRED, 0, 0, NULL },
	{ "node", ATTR_INT, ATTR_REQUIRED, 0, 0, NULL }, /* its number in the file */
	{ 0 },
};
static const struct op_arg in[] = {
	{ "X", 0, 0 },
	{ "step", ARG_NO_GRAD | ARG_KEEP, 0 },
	{ "sample_base", ARG_NO_GRAD | ARG_KEEP, 0 },
	{ 0 },
};
static const struct op_arg out_training[] = { { "Y", 0, 0 }, { 0 } };

const struct op_def op_onnxtune_dropout = {
	.domain = "onnxtune",
	.name = "Dropout",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out_training,
	.precision = PRECISION_FOLLOW,
	.flags = OP_INPLACE,
	.infer = infer,
	.ref = ref,
	.grad = grad,
};

/* build() would find the operator of the file by this name. */
static void grad(struct grad *g)
{
	build_def(g->b, &op_onnxtune_dropout, IN(g->dy[0], g->x[1], g->x[2]), g->node->attrs, NULL,
		  NULL, g->dx, 1);
}
