/*
 * trial.h - a reference model (models/README.md) open for training, for the tests of this folder.
 *
 * Everything here fails the test instead of returning an error.
 */
#ifndef ONNXTUNE_TESTS_E2E_TRIAL_H
#define ONNXTUNE_TESTS_E2E_TRIAL_H

#include "data/npy.h"
#include "train/session.h"

struct trial {
	struct arena arena;
	struct model *model;
	struct arrays data, expected;
	struct session *session;
	int64_t micro_batch;
	const struct tensor *x; /* all samples */
	struct tensor labels;   /* of all samples; may be replaced */
	const double *weights;  /* of all samples, NULL: 1; may be replaced */
	double deviation;       /* of PyTorch's float32 from its float64, the largest so far */
};

/* Options of the recorded runs; what is trained is for trial_open to say. */
struct session_options trial_sgd(void);
struct session_options trial_adamw(void);

/*
 * Opens models/FOLDER/FILE, or FILE where that is an absolute path, with the data and the results of
 * models/FOLDER. Exactly the tensors of which a gradient is recorded are trained, unless o has
 * patterns. Inputs are converted to the model's type.
 * o: micro_batch is set, shapes are not. rate: of all steps.
 */
void trial_open(struct trial *t, const char *folder, const char *file, struct session_options o,
		double rate);
void trial_close(struct trial *t);

/*
 * Opens a model without recorded results, a file of the source tree, on 24 random samples of the
 * shape x (whose first axis does not count), with labels below `classes`. What is trained is the
 * session's choice.
 */
void trial_open_random(struct trial *t, const char *file, const struct shape *x, int64_t classes,
		       struct session_options o, double rate);

/* A run that is recorded, for tests that open it on more than one backend. */
struct trial_run {
	const char *name;               /* of the test */
	const char *folder, *optimizer; /* "sgd" or "adamw" */
	int64_t micro_batch, steps;
	bool train_batch_norm;
	enum dtype half; /* DT_F16: with a loss scale, at first 1024 */
};
struct session_options trial_run_options(const struct trial_run *run,
					 const struct backend *backend);
void trial_open_run(struct trial *t, const struct trial_run *run, const struct backend *backend);
/* The same with each parameter updated by itself, as soon as its gradient is known. */
void trial_open_early(struct trial *t, const struct trial_run *run, const struct backend *backend);

/* One optimizer step on samples first to first + n - 1; a short last micro-batch is padded. Queued, its
 * result is still to be taken from the session. */
void trial_queue_step(struct trial *t, int64_t first, int64_t n);
struct step_result trial_step(struct trial *t, int64_t first, int64_t n);

/* The same for the step of that number in the recorded runs. */
struct step_result trial_recorded_step(struct trial *t, int64_t step);

/*
 * Fails unless it is the recorded loss of that step (0, 1, ... in turn): float64's, but for ten
 * times what PyTorch's own float32 deviates from it, and at least 1e-5.
 */
void trial_expect_loss(struct trial *t, const char *optimizer, int64_t step, double loss);

/* Output 0 of the model as it would be written now, for the samples. */
struct tensor trial_predict(struct trial *t, int64_t first, int64_t n);

/* From the session, in the trial's arena. */
struct tensor trial_variable(struct trial *t, const char *prefix, const char *name);
struct tensor trial_gradient(struct trial *t, const char *name);

/* Array PREFIX NAME of expected.npz. */
const struct tensor *trial_expected(struct trial *t, const char *prefix, const char *name);

/* Norm of a - b in relation to that of b; NaN counts as infinity. */
double relative_norm(const struct tensor *a, const struct tensor *b);

/* Fails unless the gradients of all parameters are the recorded ones of the first step. */
void trial_expect_gradients(struct trial *t);

/* Cosine of the angle between the gradients of all parameters and the recorded ones. */
double trial_gradient_cosine(struct trial *t);

/* Fails unless two trials have the same bits in a variable of each trained tensor. */
void trial_expect_equal(struct trial *a, struct trial *b, const char *prefix);

/* The path of a file of the source tree, in the arena. */
const char *trial_path(struct arena *arena, const char *relative);

/* Fails the test when a status is not OK. */
void expect_ok(enum status status, const struct error *err);

/*
 * The CPU with nothing but the reference implementations of operators: what fast kernels are
 * compared with, and what a build without oneDNN comes near to. Half precision is computed as on a
 * device that has it.
 */
struct backend reference_backend(void);

#endif
