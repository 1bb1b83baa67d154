/*
 * fit.c - chooses the micro-batch by the memory that its plan takes (see fit.h).
 *
 *  1. Plan at the micro-batch that is wished. If it fits, that is all. All plans are for one
 *     open device, which the session that is chosen takes over.
 *  2. Plan at one sample; memory grows about linearly from there, which gives a guess.
 *  3. Plan at the guess, rounded so that the window has equal parts; smaller ones until it fits.
 */
#include "api/fit.h"

#include "api/settings.h"
#include "base/machine.h"
#include "base/number.h"

#include <stdio.h>

/* A plan at some micro-batch. */
struct attempt {
	int64_t micro_batch;
	struct session *session; /* NULL: a tensor alone is too large */
	uint64_t bytes;
	struct error err; /* without a session: what is too large */
};

static uint64_t limit_of(const struct config_memory *memory, uint64_t total)
{
	if (memory->bytes)
		return (uint64_t)memory->bytes;
	/* What is kept back without --memory is for the model's structure, decoding and the system. */
	return (uint64_t)((double)total * (memory->percent ? memory->percent / 100 : 0.9));
}

/* The loader makes each micro-batch in memory of its own, which may be that of the device. */
static uint64_t batch_bytes(const struct fit *f)
{
	const struct graph *loaded = f->model->graph;
	const struct shape *shapes = f->options.shapes;
	uint64_t sum = 0;
	for (uint32_t k = 0; f->options.backend->host_visible && k < loaded->inputs.n; k++) {
		enum dtype dtype = graph_value(loaded, loaded->inputs.v[k])->t.dtype;
		size_t bytes;
		if (tensor_size(dtype, &shapes[k], &bytes, NULL) == OK)
			sum += bytes;
	}
	return sum;
}

static enum status attempt(struct fit *f, int64_t micro_batch, struct attempt *out,
			   struct problems *problems, struct error *err)
{
	uint32_t before = problems->total;
	struct attempt a = { .micro_batch = micro_batch };
	f->options.micro_batch = micro_batch;
	f->options.early = micro_batch >= f->window && !f->config->histograms;
	TRY(f->shapes(f->ctx, micro_batch, &f->options.shapes, err));
	enum status status = session_plan(f->model, &f->options, &a.session, problems, err);
	if (status == ERR_MEMORY) {
		problems->total = before;
		a.err = *err;
		a.bytes = UINT64_MAX;
	} else if (status != OK) {
		return status;
	} else {
		a.bytes = session_memory(a.session) + batch_bytes(f);
	}
	*out = a;
	return OK;
}

static bool fits(const struct fit *f, const struct attempt *a)
{
	return a->session && a->bytes <= f->limit;
}

static int64_t divided(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

/*
 * What the user may do, but for more memory; "" when there is nothing. small: a plan that fits or,
 * where none does, that of one sample; NULL: none was tried.
 */
static void advise(const struct fit *f, const struct attempt *small, char *text, size_t size)
{
	char least[SIZE_TEXT];
	*text = 0;
	if (settings_fixed_batch(f->model->graph))
		snprintf(text, size, "; the model is exported for this batch");
	else if (small && !fits(f, small) && small->session)
		snprintf(text, size, "; one sample takes %s", size_format(small->bytes, least));
	else if (small && fits(f, small) && f->config->micro_batch != CONFIG_AUTO)
		snprintf(text, size, "; --micro-batch=%lld would do",
			 (long long)small->micro_batch);
	else if (small && fits(f, small))
		snprintf(text, size, "; --accumulate=%lld would do",
			 (long long)divided(f->window, small->micro_batch));
}

static enum status refuse(const struct fit *f, const struct attempt *a, const struct attempt *small,
			  struct error *err)
{
	char need[SIZE_TEXT], have[SIZE_TEXT], enough[2 * SIZE_TEXT] = "", advice[64];
	bool given = f->config->memory.bytes || f->config->memory.percent;
	if (!a->session) {
		*err = a->err;
		return err->status;
	}
	if (given)
		snprintf(enough, sizeof enough, " (--memory=%lluM would do)",
			 (unsigned long long)((a->bytes >> 20) + 1));
	advise(f, small, advice, sizeof advice);
	return fail(err, ERR_MEMORY, "a micro-batch of %lld takes %s of memory, %s %s%s%s",
		    (long long)a->micro_batch, size_format(a->bytes, need),
		    given                              ? "--memory is"
		    : f->options.backend->host_visible ? "this machine has"
						       : "the device has",
		    size_format(f->limit, have), enough, advice);
}

static void note_smaller(const struct fit *f, const struct attempt *a, const struct attempt *wished)
{
	char planned[SIZE_TEXT], more[SIZE_TEXT], limit[SIZE_TEXT];
	log_note(
		f->log,
		"memory: micro-batches of %lld samples, which take %s; the %lld of a batch at once "
		"would take %s, and %s may be used%s",
		(long long)a->micro_batch, size_format(a->bytes, planned),
		(long long)wished->micro_batch,
		wished->session ? size_format(wished->bytes, more) : "too much",
		size_format(f->limit, limit),
		f->options.train && f->options.train_batch_norm
			? "; trained BatchNormalization sees the statistics of a micro-batch"
			: "");
}

/* From the plans at one sample and at the wished size to the largest part that should fit. */
static int64_t guess(const struct fit *f, const struct attempt *one, const struct attempt *wished)
{
	double room = (double)(f->limit - one->bytes);
	if (!wished->session || wished->bytes <= one->bytes)
		return wished->micro_batch / 2;
	double each = (double)(wished->bytes - one->bytes) / (double)(wished->micro_batch - 1);
	double samples = 1 + room / each;
	return samples < (double)wished->micro_batch ? (int64_t)samples : wished->micro_batch - 1;
}

/* Replaces *a, a plan at one sample, by the largest that is found to fit. */
static enum status search(struct fit *f, const struct attempt *wished, struct attempt *a,
			  struct problems *problems, struct error *err)
{
	int64_t n = guess(f, a, wished);
	int64_t parts = divided(f->window, n > 1 ? n : 1);
	while (n > 1) {
		struct attempt smaller;
		n = divided(f->window, parts);
		if (n <= 1)
			break;
		TRY(attempt(f, n, &smaller, problems, err));
		if (fits(f, &smaller)) {
			session_free(a->session);
			*a = smaller;
			break;
		}
		session_free(smaller.session);
		/* the next smaller one, but not through all of thousands */
		parts = divided(f->window, n - 1) + parts / 8;
	}
	return OK;
}

/* The largest plan that is found to fit, or that of one sample. */
static enum status plan_smaller(struct fit *f, const struct attempt *wished, struct attempt *out,
				struct problems *problems, struct error *err)
{
	TRY(attempt(f, 1, out, problems, err));
	if (!fits(f, out))
		return OK;
	enum status status = search(f, wished, out, problems, err);
	if (status != OK)
		session_free(out->session);
	return status;
}

/* Makes the micro-batch smaller where it may be, else tells what would fit. */
static enum status make_smaller(struct fit *f, const struct attempt *wished, struct attempt *out,
				struct problems *problems, struct error *err)
{
	bool given = f->config->micro_batch != CONFIG_AUTO || f->config->accumulate != CONFIG_AUTO;
	enum status status;
	if (settings_fixed_batch(f->model->graph) || wished->micro_batch == 1)
		return refuse(f, wished, NULL, err);
	TRY(plan_smaller(f, wished, out, problems, err));
	if (given)
		TRY_GOTO(refuse(f, wished, out, err), out_session);
	if (!fits(f, out))
		TRY_GOTO(refuse(f, out, NULL, err), out_session);
	note_smaller(f, out, wished);
	return OK;
out_session:
	session_free(out->session);
	return status;
}

static enum status choose(struct fit *f, struct session **out, struct problems *problems,
			  struct error *err)
{
	struct attempt wished, a;
	TRY(attempt(f, f->micro_batch, &wished, problems, err));
	a = wished;
	if (!fits(f, &wished)) {
		enum status status = make_smaller(f, &wished, &a, problems, err);
		session_free(wished.session);
		TRY(status);
	}
	f->micro_batch = a.micro_batch;
	f->planned = a.bytes;
	*out = a.session;
	return OK;
}

/* An eighth of the host's memory, but no more than the plan leaves where that is there. */
static uint64_t left_on_host(const struct fit *f)
{
	const struct config_memory automatic = { 0 };
	if (!f->options.backend->host_visible)
		return limit_of(&automatic, machine_memory()) / 8;
	uint64_t left = f->limit - f->planned;
	return left < f->limit / 8 ? left : f->limit / 8;
}

enum status fit_session(struct fit *f, struct session **out, struct problems *problems,
			struct error *err)
{
	const struct backend *backend = f->options.backend;
	struct backend_options device = { .ordinal = f->options.ordinal,
					  .threads = f->options.threads,
					  .autotune = f->options.autotune };
	enum status status = backend->open(&device, &f->options.device, err);
	if (status != OK) {
		problems_add(problems, err);
		return status;
	}
	f->limit = limit_of(&f->config->memory, backend->memory_total(f->options.device));
	status = choose(f, out, problems, err);
	if (status != OK) {
		backend->close(f->options.device);
		return status;
	}
	(*out)->owns_device = true;
	f->left = left_on_host(f);
	return OK;
}
