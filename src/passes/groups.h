/*
 * groups.h - parameter groups: the factor of the learning rate and the weight decay of each trained
 * parameter (torch.optim's parameter groups).
 */
#ifndef ONNXTUNE_PASSES_GROUPS_H
#define ONNXTUNE_PASSES_GROUPS_H

#include "passes/lora.h"

enum group_decay {
	GROUP_DECAY_BY_FORM, /* not biases and norms, unless all are decayed */
	GROUP_DECAY_YES,
	GROUP_DECAY_NO,
};

struct param_group {
	const char *name; /* of the parameter */
	const char *of;   /* what patterns see: of a factor the weight's name */
	double rate;      /* factor of the learning rate */
	enum group_decay decay;
};

struct group_scale {
	const char *pattern;
	double factor;
};

/* Patterns are those of passes/params.h and may be NULL; names are those of trained parameters. */
struct group_options {
	const struct group_scale *scales; /* the last one that matches counts */
	uint32_t n_scales;
	double layer_decay; /* F: the rate at depth d is multiplied by F^d; 0: as 1 */
	const char *const *decay, *const *no_decay; /* `decay` wins over `no_decay` */
};

/*
 * One group for each trained constant (arena), in order, and two for one that is trained by its
 * factors; verdicts and lora: one per value of the loaded graph. ERR_USAGE when a pattern matches no trained parameter.
 */
enum status MUST_CHECK groups_choose(const struct graph *loaded,
				     const struct param_verdict *verdicts, const struct lora *lora,
				     const struct group_options *options, struct arena *arena,
				     struct param_group **out, uint32_t *n, struct error *err);

/* The group of a parameter; by default rate 1 and decay by form. */
struct param_group group_of(const struct param_group *groups, uint32_t n, const char *name);

/* Name of the STATE with the learning rates times a factor: LEARNING_RATE_NAME for 1 (arena). */
const char *group_rates_name(struct arena *arena, double rate);

#endif
