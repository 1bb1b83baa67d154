/*
 * project_head.h - private to a project's opening: whose classes the data is held against, and the new
 * head that the model gets where the user, the data or an adapter ask for one.
 */
#ifndef ONNXTUNE_API_PROJECT_HEAD_H
#define ONNXTUNE_API_PROJECT_HEAD_H

#include "api/adapter.h"
#include "api/new_head.h"
#include "api/project.h"

/* Fills p->wish. adapter: closed where there is none. ERR_USAGE: both have a head. */
enum status MUST_CHECK project_wish_head(struct project *p, const struct adapter *adapter,
					 struct error *err);

bool project_trains_values(const struct config *c);

/*
 * What the data is held against: the model's classes, which the data may differ from where a new
 * head can be made. A model with one score is none for classes: it stays.
 */
void project_expect_classes(struct project *p, bool train, struct dataset_options *options);

/* Gives the model a classifier for the data's classes if it has none, or if one is wished. */
enum status MUST_CHECK project_fit_head(struct project *p, struct problems *problems,
					struct error *err);

/* With --lora a new head is trained as a whole, beside the factors; they can't be on it. */
void project_train_head(struct project *p, struct session_options *options);
enum status MUST_CHECK project_check_factors(const struct project *p, struct error *err);

/* Of project.c: concrete shapes of the inputs at a micro-batch; a callback of struct fit. */
enum status MUST_CHECK project_shapes(void *ctx, int64_t micro_batch, const struct shape **out,
				      struct error *err);
void project_describe_inputs(struct project *p);

#endif
