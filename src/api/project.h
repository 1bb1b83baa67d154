/*
 * project.h - a model and data brought together as the user's configuration says: what tune and
 * evaluate share.
 *
 *	project_open: load the model, find the data's form, settle the preprocessing, plan
 *	project_evaluate: the validation part through the model
 */
#ifndef ONNXTUNE_API_PROJECT_H
#define ONNXTUNE_API_PROJECT_H

#include "api/config.h"
#include "api/ui.h"
#include "data/loader.h"
#include "eval/confusion.h"
#include "eval/metrics.h"
#include "eval/mistakes.h"

struct project {
	const struct config *config; /* not owned */
	const struct api_ui *ui;     /* not owned */
	struct arena arena;
	struct error no_gpu; /* why --device auto has none; else its text is empty */
	struct model *model;
	struct model *original;    /* the file's, where model has a new head; else NULL */
	struct data_input *inputs; /* as the model declares them */
	struct shape *shapes;      /* concrete, at the micro-batch */
	struct preprocess preprocess;
	struct augment augment;   /* of training images; n is 0: none */
	struct mix_options mix;   /* of training samples; all 0: none */
	struct class_names names; /* of the classes, and of those of the file's model */
	struct class_names known;
	/* A head that is asked for, by options or by an adapter, whose classes have names: the value
	 * that it is put on, NULL: the last; classes, 0: the data's. */
	struct {
		const char *on;
		uint32_t classes;
		struct class_names names;
	} wish;
	const char *const *head_tensors; /* of the new head */
	uint32_t n_head_tensors;
	char no_head[300]; /* why the model can't get a new head; "": it can, or need not */
	struct dataset dataset;
	bool has_dataset;
	int64_t window, micro_batch; /* samples per optimizer step, computed at a time */
	size_t cache_limit;          /* bytes of decoded images that the loader may keep */
	struct session *session;
	struct profile *profile;    /* of the run, in the arena; NULL without --profile */
	const float *class_weights; /* of training, by class; NULL: all 1 */
	uint32_t output;            /* which of the model's is trained and evaluated */
	struct loss_head head;      /* of that output */
	enum loss_kind loss;
	/* Sees each batch of an evaluation and all outputs of the model; may be NULL. */
	enum status (*observe)(void *ctx, const struct batch *batch, const struct tensor *y,
			       struct error *err);
	void *observe_ctx;
};

/*
 * Opens everything; `steps` good steps will be trained at most (0: evaluation only; negative: as the
 * configuration says, see project_steps). Problems of the model are all in problems, the first of
 * them in err as well.
 */
enum status MUST_CHECK project_open(const struct config *config, const struct api_ui *ui,
				    bool train, struct project *out, struct problems *problems,
				    struct error *err);
void project_release(struct project *project);

/* Optimizer steps in an epoch, and in the whole run as the configuration says. */
int64_t project_steps_per_epoch(const struct project *project);
int64_t project_steps(const struct project *project);

/* Options of a loader of a part at the project's micro-batch. */
struct loader_options project_loader(struct project *project, struct part *part, int64_t window,
				     bool shuffle);

/* What an evaluation owns: counts or sums, and the struct evaluation that points to them. */
struct evaluated {
	struct confusion confusion;
	struct regression regression;
	struct evaluation evaluation;
	struct mistakes mistakes; /* one class for each sample, where an HTML report is wanted */
	double seconds;
};
void evaluated_release(struct evaluated *e);

/*
 * Runs the validation part through the model and counts. description names the progress bar.
 * Stops early, with ERR_STOPPED, when *ui->stop asks for it.
 */
enum status MUST_CHECK project_evaluate(struct project *project, const char *description,
					struct evaluated *out, struct error *err);

#endif
