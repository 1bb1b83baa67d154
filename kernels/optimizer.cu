/*
 * optimizer.cu - the optimizers that treat each element alone, LAMB, and MovingAverage, on float32
 * masters (src/ops has the formulas). One launch does many parameters: their addresses travel in its
 * arguments, so a captured step keeps them.
 *
 *  1. Parameters are cut into parts of a fixed size, a block each; a block finds its parameter by
 *     its index.
 *  2. What is the same for all elements is computed in double from the step block and the learning
 *     rates of the device, once a block, and an element in float. Nothing changes in a skipped step.
 *  3. LAMB's norms: sums of squares of each part in double, added up in their order by one block a
 *     parameter; then a second launch over the parts updates the parameters.
 */
#include "kernels/block.h"

extern "C" {
#include "ops/optimizer.h"
}

#include <stdlib.h>
#include <string.h>

#define PART 4096 /* elements of a block */

enum kind { SGD, ADAM, RMSPROP, ADAGRAD, NADAM, LION, LAMB, AVERAGE, KINDS };

/* In the order of enum kind. Of MovingAverage the parameter is what it reads. */
static const char *const names[KINDS] = {
	"SGD", "Adam", "RMSprop", "Adagrad", "NAdam", "Lion", "LAMB", "MovingAverage",
};

/* What parameters have in common. */
struct set {
	const double *rates;
	int64_t n_rates;
	double attr[OPTIMIZER_ATTRS];
};

/* A parameter of a launch. */
struct slot {
	float *p;
	const float *g;
	float *a, *b, *c;    /* moments, NULL where there are none */
	double *product;     /* of NAdam's momenta */
	void *copy;          /* of the parameter in a half type, or NULL */
	int64_t n;           /* more than 0 */
	uint32_t first, set; /* block; of `sets` */
	enum dtype type;     /* of the copy */
};

#define SETS 8
#define SLOTS ((ARGUMENT_BYTES - SETS * sizeof(struct set) - 64) / sizeof(struct slot))

/* The arguments of a launch. */
struct batch {
	const struct step_block *step;
	double *sums; /* LAMB: of p and of r for each block, then for each slot the size of its step */
	enum kind kind;
	uint32_t slots, blocks, n_sets;
	struct set sets[SETS];
	struct slot slot[SLOTS];
};

static __device__ void make_factors(const struct batch &b, const struct slot *s, float *f)
{
	const struct set *set = &b.sets[s->set];
	int64_t good = b.step->good_steps;
	double rate = set->n_rates ? optimizer_rate(set->rates, set->n_rates, good) : 0;
	double product = s->product ? *s->product : 0; /* moved on when all have read it */
	switch (b.kind) {
	case SGD:
		sgd_factors(set->attr, rate, f);
		break;
	case ADAM:
		adam_factors(set->attr, rate, good, f);
		break;
	case RMSPROP:
		rmsprop_factors(set->attr, rate, f);
		break;
	case ADAGRAD:
		adagrad_factors(set->attr, rate, f);
		break;
	case NADAM:
		nadam_all_factors(set->attr, rate, good, &product, f);
		break;
	case LION:
		lion_factors(set->attr, rate, f);
		break;
	case LAMB:
		lamb_factors(set->attr, good, f);
		break;
	default:
		f[0] = good ? (float)(1 - set->attr[0]) : 1.f;
	}
}

/* Writes an element p of the parameter's copy, where there is one. */
static __device__ inline void write_copy(const struct slot *s, int64_t i, float p)
{
	if (s->copy)
		store_as(s->type, s->copy, i, p);
}

/* LAMB's update of an element. */
static __device__ inline float lamb_update(const float *f, float p, float m, float v)
{
	return m * f[3] / (sqrtf(v * f[4]) + f[5]) + f[6] * p;
}

/* An element p with moments a, b and c and the gradient d. */
static __device__ inline void update_element(enum kind kind, const float *f, float d, bool moment,
					     float *p, float *a, float *b, float *c)
{
	switch (kind) {
	case SGD:
		d += f[1] * *p;
		if (moment) {
			*a = f[2] * *a + d;
			d = f[3] * d + f[4] * *a;
		}
		*p -= f[0] * d;
		break;
	case ADAM:
		d += f[0] * *p;
		*a += (d - *a) * f[2];
		*b = f[3] * *b + f[4] * d * d;
		*p = *p * f[1] - f[5] * (*a / (sqrtf(*b) / f[6] + f[7]));
		break;
	case RMSPROP:
		d += f[3] * *p;
		*a = f[0] * *a + f[1] * d * d;
		if (f[6] != 0) { /* rounding may make the variance negative */
			*b += (d - *b) * f[1];
			float spread = *a - *b * *b;
			d /= sqrtf(spread < 0 ? 0 : spread) + f[2];
		} else {
			d /= sqrtf(*a) + f[2];
			c = b;
		}
		*c = f[5] * *c + d;
		*p -= f[4] * *c; /* without momentum *c was 0 */
		break;
	case ADAGRAD:
		d += f[1] * *p;
		*a += d * d;
		*p -= f[2] * (d / (sqrtf(*a) + f[0]));
		break;
	case NADAM:
		d += f[5] * *p;
		*a += (d - *a) * f[0];
		*b = f[1] * *b + f[2] * d * d;
		*p -= (f[6] * d + f[7] * *a) / (sqrtf(*b * f[3]) + f[4]);
		break;
	case LION: {
		float x = f[0] * *a + f[1] * d;
		*p = *p * f[4] - f[5] * ((x > 0 ? 1.f : 0.f) - (x < 0 ? 1.f : 0.f));
		*a = f[2] * *a + f[3] * d;
		break;
	}
	case LAMB:
		*a += (d - *a) * f[0];
		*b = f[1] * *b + f[2] * d * d;
		break;
	default: /* the average p of d */
		*p = f[0] == 1 ? d : *p + (d - *p) * f[0];
	}
}

static __global__ void update_parts(const __grid_constant__ struct batch batch)
{
	__shared__ float f[OPTIMIZER_FACTORS];
	if (batch.step->found_inf)
		return;
	const struct slot *s = &batch.slot[find_block(batch.slot, batch.slots, blockIdx.x)];
	if (threadIdx.x == 0)
		make_factors(batch, s, f);
	__syncthreads();
	enum kind kind = batch.kind;
	int64_t begin = (int64_t)(blockIdx.x - s->first) * PART;
	int64_t end = begin + PART < s->n ? begin + PART : s->n;
	float factor = kind == AVERAGE ? 1.f : batch.step->inverse * batch.step->clip;
	float *__restrict__ p = s->p, *__restrict__ a = s->a, *__restrict__ b = s->b;
	float *__restrict__ c = s->c;
	const float *__restrict__ g = s->g;
	double pp = 0, rr = 0;
	for (int64_t i = begin + threadIdx.x; i < end; i += THREADS) {
		float w = p[i], m = a ? a[i] : 0.f, v = b ? b[i] : 0.f;
		float u = c ? c[i] : 0.f;
		update_element(kind, f, g[i] * factor, a != NULL, &w, &m, &v, &u);
		if (a)
			a[i] = m;
		if (b)
			b[i] = v;
		if (c)
			c[i] = u;
		if (kind == LAMB) {
			double r = (double)lamb_update(f, w, m, v);
			pp += (double)w * (double)w;
			rr += r * r;
		} else {
			p[i] = w;
			write_copy(s, i, w);
		}
	}
	if (kind != LAMB)
		return;
	pp = block_sum(pp);
	rr = block_sum(rr);
	if (threadIdx.x == 0) {
		batch.sums[2 * (int64_t)blockIdx.x] = pp;
		batch.sums[2 * (int64_t)blockIdx.x + 1] = rr;
	}
}

/* LAMB: a block for each slot. */
static __global__ void find_sizes(const __grid_constant__ struct batch batch)
{
	if (batch.step->found_inf)
		return;
	const struct slot *s = &batch.slot[blockIdx.x];
	const struct set *set = &batch.sets[s->set];
	int64_t end = s->first + (s->n + PART - 1) / PART;
	double pp = 0, rr = 0;
	for (int64_t i = s->first + threadIdx.x; i < end; i += THREADS) {
		pp += batch.sums[2 * i];
		rr += batch.sums[2 * i + 1];
	}
	pp = block_sum(pp);
	rr = block_sum(rr);
	double rate = optimizer_rate(set->rates, set->n_rates, batch.step->good_steps);
	if (threadIdx.x == 0)
		batch.sums[2 * (int64_t)batch.blocks + blockIdx.x] = lamb_step(rate, pp, rr);
}

static __global__ void apply_sizes(const __grid_constant__ struct batch batch)
{
	__shared__ float f[OPTIMIZER_FACTORS];
	if (batch.step->found_inf)
		return;
	const struct slot *s = &batch.slot[find_block(batch.slot, batch.slots, blockIdx.x)];
	if (threadIdx.x == 0)
		make_factors(batch, s, f);
	__syncthreads();
	int64_t begin = (int64_t)(blockIdx.x - s->first) * PART;
	int64_t end = begin + PART < s->n ? begin + PART : s->n;
	float size = (float)batch.sums[2 * (int64_t)batch.blocks + (s - batch.slot)];
	for (int64_t i = begin + threadIdx.x; i < end; i += THREADS) {
		float p = s->p[i] - size * lamb_update(f, s->p[i], s->a[i], s->b[i]);
		s->p[i] = p;
		write_copy(s, i, p);
	}
}

/* NAdam: moves the products on, a thread for each slot. */
static __global__ void move_products(const __grid_constant__ struct batch batch)
{
	float f[OPTIMIZER_FACTORS];
	if (batch.step->found_inf)
		return;
	EACH(i, batch.slots)
	{
		const struct slot *s = &batch.slot[i];
		nadam_all_factors(batch.sets[s->set].attr, 0, batch.step->good_steps, s->product,
				  f);
	}
}

/* ---- the call ---- */

/* One call, and a run of them. */
struct one {
	uint32_t inputs, outputs;
	int64_t n;
	uint32_t copy;   /* the output that is one, of all that there may be */
	enum dtype type; /* of it; DT_NONE: there is none */
	struct set set;  /* without rates */
};

struct update {
	enum kind kind;
	uint32_t n;
	struct one *calls;
};

static bool is_average(const struct op_call *call)
{
	return !strcmp(call->def->name, names[AVERAGE]);
}

static bool supports(const struct op_call *call, const char **why)
{
	*why = "for float32";
	uint32_t copy = is_average(call) ? call->n_in : optimizer_copy(call->def) + 3;
	for (uint32_t k = 1; k < call->n_in && k < copy; k++) {
		const struct op_operand *in = &call->in[k];
		/* lists of rates and a product are float64 */
		if (in->t.dtype && in->t.dtype != DT_F32 && in->t.shape.rank && k != 1)
			return false;
	}
	return call->in[2].t.dtype == DT_F32;
}

static void destroy(void *state)
{
	free(((struct update *)state)->calls);
	free(state);
}

static enum status create_run(struct device *device, const struct op_call *calls, uint32_t n,
			      void **state, size_t *workspace, struct error *err)
{
	(void)device, (void)err;
	struct update *u = (struct update *)mem_alloc(sizeof *u);
	int64_t parts = 0;
	int kind = 0;
	while (strcmp(names[kind], calls->def->name))
		kind++;
	u->kind = (enum kind)kind;
	u->n = n;
	u->calls = (struct one *)mem_alloc(n * sizeof *u->calls);
	for (uint32_t c = 0; c < n; c++) {
		struct one *one = &u->calls[c];
		one->inputs = calls[c].n_in;
		one->outputs = calls[c].n_out;
		one->n = shape_elements(&calls[c].in[2].t.shape);
		if (kind != AVERAGE) {
			one->set.n_rates = shape_elements(&calls[c].in[1].t.shape);
			one->copy = optimizer_copy(calls[c].def);
			if (one->copy < one->outputs)
				one->type = calls[c].out[one->copy].t.dtype;
		}
		optimizer_attributes(calls[c].def, calls[c].node, one->set.attr);
		parts += (one->n + PART - 1) / PART;
	}
	if (kind == LAMB)
		*workspace = (size_t)(parts * 2 + n) * sizeof(double);
	*state = u;
	return OK;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	return create_run(device, call, 1, state, workspace, err);
}

/* Output k, NULL where there is no such moment. */
static void *moment(const struct one *call, void *const *out, uint32_t k)
{
	return k < call->outputs && k < call->copy ? out[k] : NULL;
}

/* Adds a call to a batch; false when it has no room. */
static bool add_call(struct batch *b, const struct one *call, void *const *in, void *const *out)
{
	struct set set = call->set;
	bool average = b->kind == AVERAGE;
	uint32_t k = 0;
	if (!average)
		set.rates = (const double *)in[1];
	while (k < b->n_sets && memcmp(&b->sets[k], &set, sizeof set))
		k++;
	if (b->slots == SLOTS || k == SETS)
		return false;
	if (k == b->n_sets)
		b->sets[b->n_sets++] = set;
	struct slot *s = &b->slot[b->slots++];
	s->p = (float *)out[0];
	s->g = (const float *)(average ? in[2] : in[3]);
	s->a = (float *)moment(call, out, 1);
	s->b = (float *)moment(call, out, 2);
	void *third = moment(call, out, 3);
	s->c = (float *)(b->kind == NADAM ? NULL : third);
	s->product = (double *)(b->kind == NADAM ? third : NULL);
	s->copy = call->type ? out[call->copy] : NULL;
	s->type = call->type;
	s->n = call->n;
	s->first = b->blocks;
	s->set = k;
	b->blocks += (uint32_t)((call->n + PART - 1) / PART);
	return true;
}

/* Launches what is in a batch and empties it. */
static void launch(struct batch *b, struct stream *stream)
{
	cudaStream_t handle = work_handle(stream);
	if (!b->slots)
		return;
	LAUNCH(update_parts, b->blocks, THREADS, 0, handle, *b);
	if (b->kind == LAMB) {
		LAUNCH(find_sizes, b->slots, THREADS, 0, handle, *b);
		LAUNCH(apply_sizes, b->blocks, THREADS, 0, handle, *b);
	}
	if (b->kind == NADAM)
		LAUNCH(move_products, 1, THREADS, 0, handle, *b);
	b->slots = b->blocks = b->n_sets = 0;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct update *u = (const struct update *)state;
	void *const *in = io->in, *const *out = io->out;
	struct batch b;
	memset(&b, 0, sizeof b);
	b.sums = (double *)io->workspace;
	b.kind = u->kind;
	for (uint32_t c = 0; c < u->n; c++) {
		const struct one *call = &u->calls[c];
		bool same = b.step == in[0];
		if (call->n && (!same || !add_call(&b, call, in, out))) {
			launch(&b, stream);
			b.step = (const struct step_block *)in[0];
			add_call(&b, call, in, out);
		}
		in += call->inputs;
		out += call->outputs;
	}
	launch(&b, stream);
	return launched();
}

#define UPDATE(operator)                                                                           \
	{                                                                                          \
		.op = operator, .name = "CUDA", .rank = 0, .supports = supports, .propose = NULL,  \
		.create = create, .create_run = create_run, .run = run, .destroy = destroy         \
	}

extern "C" const struct kernel cuda_kernel_sgd = UPDATE("SGD");
extern "C" const struct kernel cuda_kernel_adam = UPDATE("Adam");
extern "C" const struct kernel cuda_kernel_rmsprop = UPDATE("RMSprop");
extern "C" const struct kernel cuda_kernel_adagrad = UPDATE("Adagrad");
extern "C" const struct kernel cuda_kernel_nadam = UPDATE("NAdam");
extern "C" const struct kernel cuda_kernel_lion = UPDATE("Lion");
extern "C" const struct kernel cuda_kernel_lamb = UPDATE("LAMB");
extern "C" const struct kernel cuda_kernel_moving_average = UPDATE("MovingAverage");
