/*
 * update.h - what kernels of optimizers share: attributes and sizes read when a kernel is created,
 * the step block, and copies of what is not updated in place.
 */
#ifndef ONNXTUNE_BACKEND_CPU_UPDATE_H
#define ONNXTUNE_BACKEND_CPU_UPDATE_H

#include "ops/optimizer.h"

#include "backend/backend.h"

#define UPDATE_GRAIN 16384 /* elements that are worth a thread */

enum { UPDATE_OUTPUTS = 5 };

struct update_state {
	const struct op_def *def;
	int64_t n, n_rates;
	uint32_t n_out, copy;         /* outputs; the one that is the parameter's copy */
	enum dtype copy_type;         /* DT_NONE: there is none */
	size_t bytes[UPDATE_OUTPUTS]; /* of each output; it updates input 2, 4, 5... */
	struct shape shape;           /* of the parameter */
	double attr[OPTIMIZER_ATTRS]; /* in the order of the operator's table */
};

/* Parameter, gradient and the moments that are like them are plain F32, a copy F16 or BF16. */
bool update_supports(const struct op_call *call, const char **why);

/* For struct kernel's create; *state is a struct update_state that free() destroys. */
enum status update_create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err);

/* Copies what is not updated in place, reads the step block and this step's learning rate; false in
 * a skipped step. */
bool update_begin(const struct update_state *s, const struct kernel_io *io, struct step_block *step,
		  double *rate);

/* Moment k, from 1; NULL where there is none. */
void *update_moment(const struct update_state *s, const struct kernel_io *io, uint32_t k);

/* Runs the last pass over the parameter, which writes its elements, and writes the copy of a block
 * while that is in the cache. */
typedef void update_pass(const void *pass, int64_t begin, int64_t end);
void update_all(const struct update_state *s, const struct kernel_io *io, update_pass *pass,
		const void *ctx);

#endif
