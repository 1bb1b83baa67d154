/*
 * adafactor.c - Adafactor, the optimizer, as torch.optim.Adafactor (Shazeer, Stern 2018). The second
 * moment of a parameter with rows and columns (its last two axes) is kept as a mean for each row
 * and one for each column; with fewer axes it is kept whole:
 *	g = g * inverse * clip;  b = t^-0.8
 *	alpha = max(1e-3, rms(p)) min(rate, 1 / sqrt(t))
 *	p = p (1 - rate decay)
 *	row = row + (mean of g^2 over columns - row) b;  column in the same way
 *	v = row * column / max(mean(row), epsilon)      or  v = v + (g^2 - v) b
 *	u = g / sqrt(max(v, epsilon^2))
 *	p = p - alpha / max(1, rms(u)) * u
 * with t = 1 in the first good step. epsilon 0 stands for that of the parameter's type.
 * Inputs: row and column, or v and no other.
 */
#include "ops/optimizer.h"

#include <float.h>
#include <math.h>

static enum status infer(struct op_io *io)
{
	const struct tensor *p = io->in[2];
	struct adafactor_form f = adafactor_form(&p->shape);
	TRY(optimizer_infer_moments(io, 0));
	if (f.factored != (io->n_in > 5 && io->in[5]))
		return fail(io->err, ERR_INTERNAL, "a moment is missing, or one too many");
	for (uint32_t k = 4; k < (f.factored ? 6 : 5); k++) {
		if (io->in[k]->dtype != p->dtype ||
		    !shape_equal(&io->in[k]->shape, k == 4 ? &f.row : &f.column))
			return fail(io->err, ERR_INTERNAL, "a moment has the wrong shape");
		TRY(infer_set(io, k - 3, p->dtype, &io->in[k]->shape));
	}
	return OK;
}

struct update {
	double b, epsilon, factor; /* of the moments; of the gradient */
	const struct tensor *g;
	double *u;
};

static double gradient(const struct update *s, int64_t i)
{
	return tensor_get(s->g, i) * s->factor;
}

/* x = x + (y - x) b */
static double blend(struct tensor *x, int64_t i, double y, double b)
{
	double old = tensor_get(x, i), now = old + (y - old) * b;
	tensor_set(x, i, now);
	return tensor_get(x, i);
}

/* One matrix, the m-th of the parameter. */
static void factored(const struct update *s, const struct adafactor_form *f, int64_t m,
		     struct tensor *row, struct tensor *column)
{
	int64_t first = m * f->rows * f->columns;
	double mean = 0;
	for (int64_t r = 0; r < f->rows; r++) {
		double sum = 0;
		for (int64_t c = 0; c < f->columns; c++)
			sum += pow(gradient(s, first + r * f->columns + c), 2);
		mean += blend(row, m * f->rows + r, sum / (double)f->columns, s->b);
	}
	mean = fmax(mean / (double)f->rows, s->epsilon);
	for (int64_t c = 0; c < f->columns; c++) {
		double sum = 0;
		for (int64_t r = 0; r < f->rows; r++)
			sum += pow(gradient(s, first + r * f->columns + c), 2);
		double v = blend(column, m * f->columns + c, sum / (double)f->rows, s->b) / mean;
		for (int64_t r = 0; r < f->rows; r++) {
			int64_t i = first + r * f->columns + c;
			double var = tensor_get(row, m * f->rows + r) * v;
			s->u[i] = gradient(s, i) / sqrt(fmax(var, s->epsilon * s->epsilon));
		}
	}
}

static enum status ref(struct op_io *io)
{
	struct step_block step;
	double rate, decay = node_double(io->node, "decay");
	if (!optimizer_begin(io, &step, &rate))
		return OK;
	struct tensor *p = &io->out[0];
	struct adafactor_form f = adafactor_form(&p->shape);
	double t = (double)step.good_steps + 1, pp = 0, uu = 0;
	int64_t n = shape_elements(&p->shape);
	struct update s = { pow(t, -0.8), node_double(io->node, "epsilon"),
			    (double)step.inverse * step.clip, io->in[3],
			    arena_alloc(io->arena, (size_t)n * sizeof(double)) };
	if (s.epsilon == 0)
		s.epsilon = p->dtype == DT_F64 ? DBL_EPSILON : FLT_EPSILON;
	for (int64_t m = 0; f.factored && m < f.matrices; m++)
		factored(&s, &f, m, &io->out[1], &io->out[2]);
	for (int64_t i = 0; !f.factored && i < n; i++) {
		double g = gradient(&s, i), v = blend(&io->out[1], i, g * g, s.b);
		s.u[i] = g / sqrt(fmax(v, s.epsilon * s.epsilon));
	}
	for (int64_t i = 0; i < n; i++) {
		pp += pow(tensor_get(p, i), 2);
		uu += pow(s.u[i], 2);
	}
	double step_size = adafactor_step(rate, t, pp, uu, n);
	for (int64_t i = 0; i < n; i++)
		tensor_set(p, i, tensor_get(p, i) * (1 - rate * decay) - step_size * s.u[i]);
	return optimizer_end(io);
}

static const struct op_attr attrs[] = { { "epsilon", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ "decay", ATTR_DOUBLE, 0, 0, 0, NULL },
					{ 0 } };
static const struct op_arg in[] = { OPTIMIZER_INPUTS,
				    { "Row", ARG_KEEP, 0 },
				    { "Column", ARG_KEEP | ARG_OPTIONAL, 0 },
				    OPTIMIZER_COPY_INPUT,
				    { 0 } };
static const struct op_arg out[] = {
	{ "P", 0, 3 }, { "Row", 0, 5 }, { "Column", 0, 6 }, OPTIMIZER_COPY_OUTPUT(7), { 0 }
};

const struct op_def op_onnxtune_adafactor = {
	.domain = "onnxtune",
	.name = "Adafactor",
	.since = 1,
	.attrs = attrs,
	.in = in,
	.out = out,
	.flags = OP_NO_GRAD,
	.infer = infer,
	.ref = ref,
};
