/*
 * lora.h - low-rank adaptation of matrix weights: W + alpha / r * B A, of which W is frozen and the
 * factors A [r,in] and B [out,r] are trained.
 *
 * The sum depends on parameters alone, so it is computed once per update, and its gradient is taken
 * apart into those of A and B once per step; nothing else knows of it. A weight that the file
 * holds in half precision is rounded to that type behind the sum, as it would be written.
 *
 * Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021; names and first
 * values as in the library peft.
 */
#ifndef ONNXTUNE_PASSES_LORA_H
#define ONNXTUNE_PASSES_LORA_H

#include "ops/build.h"
#include "passes/params.h"

/* How a file stores the matrix of a linear layer, or of a 1x1 convolution. */
enum lora_form {
	LORA_NONE,   /* it is none, or read in several ways */
	LORA_OUT_IN, /* [out,in] or [out,in,1,...] */
	LORA_IN_OUT, /* [in,out] */
};

struct lora_options {
	int64_t rank; /* 0: no adaptation */
	double alpha;
	const char *const *on; /* patterns; NULL or empty: all that would be trained */
};

/* Of a constant of the loaded graph. */
struct lora {
	bool on;
	enum lora_form form;
	int64_t rank, in, out;
	double scale; /* alpha / rank */
};

/* forms: one per value of the loaded graph. */
void lora_forms(const struct graph *loaded, enum lora_form *forms);

/* Sizes of a weight of that form. */
void lora_sizes(const struct shape *weight, enum lora_form form, int64_t *in, int64_t *out);

/*
 * Which weights are adapted: of the verdicts those that are trained by default, or what `on`
 * matches. These stay `trained`, for they change; everything else is frozen but for what --train
 * names. lora: one per value of the loaded graph. ERR_USAGE when a pattern matches no matrix.
 */
enum status MUST_CHECK lora_choose(const struct graph *loaded, const struct lora_options *options,
				   struct param_verdict *verdicts, struct lora *lora,
				   struct error *err);

/* Names of the factors of a weight (arena). */
#define LORA_A_SUFFIX ".lora_A"
#define LORA_B_SUFFIX ".lora_B"
const char *lora_name(struct arena *arena, const char *weight, bool b);

/* Appends the PARAM values A and B and the sum, which has the type of the constant `weight`. */
uint32_t lora_build(struct builder *b, const struct lora *lora, uint32_t weight);

/*
 * A's first content, uniform in +-1 / sqrt(in) (kaiming_uniform with a = sqrt 5); B's is zero.
 * stream: tells weights of one seed apart.
 */
void lora_init(const struct lora *lora, uint64_t seed, uint32_t stream, struct tensor *a);

#endif
