/*
 * session.h - a model being trained: its graphs planned on a device, its variables, its steps.
 *
 *	plan: choose parameters, build the training and the evaluation graph, lay out memory
 *	start: allocate, upload
 *	step: begin the window, each micro-batch, end the window (optimizer, loss scale); its result
 *	evaluate: predict() on batches, with the weights (averages) as they would be written now
 *	save: changes() for onnx_save
 *
 * A session knows nothing of files of data, epochs or reports. Its whole changing state are its
 * variables (exec/variables.h).
 */
#ifndef ONNXTUNE_TRAIN_SESSION_H
#define ONNXTUNE_TRAIN_SESSION_H

#include "base/log.h"
#include "exec/feed.h"
#include "onnx/load.h"
#include "ops/step.h"
#include "passes/distill.h"
#include "passes/loss.h"
#include "passes/params.h"
#include "passes/precision.h"
#include "passes/training.h"
#include "train/feature_cache.h"
#include "train/results.h"

/* Called with the training graph after each pass (--dump-after); may be NULL. */
typedef void session_dump_fn(void *ctx, const char *pass, const struct graph *graph);

struct session_options {
	const struct backend *backend;
	struct device *device; /* open, and outlives the session; NULL: it opens its own */
	int ordinal;           /* of the device that it opens */
	int threads;           /* 0: all */
	bool autotune;       /* of the device that it opens: kernels may be chosen by their speed */
	int64_t micro_batch; /* samples computed at a time */
	bool early; /* no window has more than one micro-batch, and session_gradient is not called:
		       parameters may be updated as soon as their gradients are known, and are where
		       the backend is faster so */
	size_t early_bytes; /* of gradients in a group then (passes/early.h); 0: the usual */
	const struct shape *shapes; /* concrete shape of each input at that size */
	uint32_t output;            /* which output is trained */
	bool train;                 /* false: evaluation only, nothing else is planned */
	enum loss_kind loss;        /* LOSS_AUTO: by the ending and the labels */
	struct loss_shape loss_shape;
	struct distill distill; /* the untuned model as teacher */
	bool integer_labels;
	bool train_batch_norm;
	enum dtype half; /* type of contractions: DT_F32, DT_F16, DT_BF16 */
	enum precision_policy policy;
	struct training_options training; /* its groups are made from `groups` */
	struct group_options groups;      /* rates and decay of parameters */
	struct lora_options lora;
	double dropout;      /* before the head, while training; 0: none */
	bool cache_features; /* cut the frozen beginning off, see below */
	bool near_features;  /* ... also where features then are equal but for rounding */
	float loss_scale;    /* first (or fixed) loss scale; 1 without scaling */
	uint64_t seed;
	const char *const *freeze, *const *train_only; /* patterns, ended by NULL; may be NULL */
	struct profile *profile; /* gets the times of the training's kernels; NULL: not timed */
	session_dump_fn *dump;
	void *dump_ctx;
};

struct short_batch {
	int64_t samples;
	struct runner *runner;
	bool stale; /* its copies of the weights are old */
};

struct session {
	const struct model *model; /* not owned */
	struct session_options options;
	struct device *device;
	bool owns_device; /* closes it at the end */
	struct stream *stream;
	struct variables vars;
	struct param_verdict *verdicts; /* per value of the loaded graph */
	bool *trained;                  /* per value of the loaded graph, as a whole */
	struct lora *lora;              /* per value of the loaded graph */
	const char **parameters;        /* names of the tensors that are trained */
	uint32_t n_parameters;          /* of them */
	int64_t n_elements;             /* numbers in them */
	bool early;                     /* they are updated by the micro-batch (passes/early.h) */
	struct loss_head head;          /* how the model ends (values of a graph that is gone) */
	enum loss_kind loss;            /* LOSS_AUTO when not training */
	struct runner training, evaluation;
	struct feature_cache features;
	const uint32_t *samples; /* numbers of those of the next micro-batch; NULL: not told */
	/* Training at other batch sizes, for the short batches of trained BatchNormalization, which
	 * can't be padded: their statistics are those of the real samples. */
	ARRAY(struct short_batch) short_batches;
	struct feed feed;       /* of the training's inputs */
	struct results results; /* of steps */
	void *scratch;          /* step arena shared by the runners */
	bool stale;             /* the evaluation's copies of the weights are old */
	bool all_old;           /* all of the training's are, also those that optimizers write */
	uint32_t micro_batches; /* in the current window so far */
	double window_weight;
	int64_t sample_base;
	double *rates; /* host copy of the learning rates */
	void *labels;  /* a micro-batch's labels in the type of the loss, twice where mixed */
	struct arena arena;
};

/*
 * Plans: nothing is allocated for the plans or run, so a session may be planned just for a look at
 * them. Problems of the model are all added to problems. The model and the backend must outlive the
 * session; shapes and patterns need not.
 */
enum status MUST_CHECK session_plan(const struct model *model,
				    const struct session_options *options, struct session **out,
				    struct problems *problems, struct error *err);

/* Bytes of device memory that session_start allocates. */
uint64_t session_memory(const struct session *session);

/* Makes a planned session ready for everything below. */
enum status MUST_CHECK session_start(struct session *session, struct error *err);

/* session_plan and session_start. */
enum status MUST_CHECK session_open(const struct model *model,
				    const struct session_options *options, struct session **out,
				    struct problems *problems, struct error *err);
void session_free(struct session *session);

/* The learning rate by good step, options.training.rates of them; zero until this is called. */
enum status MUST_CHECK session_set_rates(struct session *session, const double *rates,
					 struct error *err);

/*
 * Plans micro-batches of fewer samples, before the first step; only where trained
 * BatchNormalization forbids padding (else it does nothing). session_micro_batch does it when needed.
 */
enum status MUST_CHECK session_plan_short_batch(struct session *session, int64_t samples,
						struct error *err);

/*
 * One window: begin with its total weight W > 0, then each micro-batch (inputs in the order of the
 * model, labels and weights as the loss operator documents them, two of each where samples are mixed; of `samples` real samples, which
 * come first, the rest padding at weight 0), then end.
 * Host tensors may be reused after the call. Nothing of this waits for the device to be done: that is what
 * session_result does.
 */
enum status MUST_CHECK session_begin_window(struct session *session, double weight,
					    struct error *err);
enum status MUST_CHECK session_micro_batch(struct session *session, const struct tensor *inputs,
					   const struct tensor *labels,
					   const struct tensor *weights, int64_t samples,
					   struct error *err);
enum status MUST_CHECK session_end_window(struct session *session, struct error *err);

struct step_result {
	double loss; /* weighted mean over the window */
	double norm; /* of the unscaled gradients, before clipping */
	double rate; /* learning rate that was used */
	float scale; /* loss scale that was used */
	/* a gradient was not finite: nothing changed, or, where parameters are updated early, nothing
	 * from that gradient on */
	bool skipped;
	int32_t skips;            /* in a row, this one included */
	int64_t step, good_steps; /* after this one */
};

/*
 * The result of the oldest window that has ended and whose result was not taken; waits for it, and
 * tells what failed on the device. There must be one: session_pending says how many. Before another
 * window ends, no more than session_ahead() may be left: 0 on the CPU, where steps are done when they
 * are queued. Rates may only be set when none is left.
 */
enum status MUST_CHECK session_result(struct session *session, struct step_result *out,
				      struct error *err);
uint32_t session_ahead(const struct session *session);
static inline uint32_t session_pending(const struct session *session)
{
	return session->results.pending;
}

/*
 * With options.cache_features: keeps what the frozen beginning gives for each of so many samples, in
 * memory where that takes at most `budget` bytes, else in a temporary file; features.sample_bytes
 * tells how much a sample takes. The results have the same bits: a beginning that gives others for a
 * sample at another place of a micro-batch is cut shorter, unless options.near_features allows it.
 * Nothing happens where the model has no frozen beginning (features.on).
 * session_name_samples: the numbers of a micro-batch's samples, padding too, before it is given. What
 * the inputs of a sample are must not change between its micro-batches.
 */
enum status MUST_CHECK session_cache_features(struct session *session, uint32_t samples,
					      size_t budget, struct error *err);
static inline void session_name_samples(struct session *session, const uint32_t *samples)
{
	session->samples = samples;
}

/* Runs the model on one batch. outputs[k] has the type of the model's output k and host memory;
 * those with data NULL are not wanted. */
enum status MUST_CHECK session_predict(struct session *session, const struct tensor *inputs,
				       struct tensor *outputs, struct error *err);

/* What autotune has timed so far, for people; NULL: nothing. */
const char *session_tuned(const struct session *session);

/* Type of the model's output k at the micro-batch. */
const struct tensor *session_output_type(const struct session *session, uint32_t k);

/* The variable that a parameter is written from, its average where there is one; NULL: none. */
const struct variable *session_written(const struct session *session, const char *name);

/* Whether session_changes may find that a constant of the loaded graph has changed. */
bool session_may_change(const struct session *session, uint32_t value);

/*
 * The content of every trained tensor (its average, with training.ema), adapted weight and running
 * statistic in the file's own type, as changes for onnx_save (in the arena, or where the session keeps them: valid until its next step). Tensors
 * whose bytes did not change are left away.
 */
enum status MUST_CHECK session_changes(struct session *session, struct arena *arena,
				       struct onnx_change **out, uint32_t *n, struct error *err);

/* Host copy of a variable ("acc:conv.w", "conv.w") in the arena; ERR_INPUT if there is none. */
enum status MUST_CHECK session_variable(struct session *session, const char *name,
					struct arena *arena, struct tensor *out, struct error *err);

/* To be called after variables were written from outside: what is computed from them is made anew. */
enum status MUST_CHECK session_refresh(struct session *session, struct error *err);

/*
 * The gradient of a trained tensor in the last window, of the mean loss, in the type of its master
 * and in the arena: unscaled, before clipping. ERR_INPUT when no tensor of that name is trained. Not
 * with options.early.
 */
enum status MUST_CHECK session_gradient(struct session *session, const char *name,
					struct arena *arena, struct tensor *out, struct error *err);

#endif
