/*
 * gradcheck.h - the gradient of each trained tensor, as training would compute it, against central
 * differences in float64.
 *
 * With data the function is the loss of its first samples, without it a weighted sum of all outputs
 * for random inputs. The model is converted to float64; gradients are those of the graph that
 * training differentiates, differences those of the graph as the file has it (where BatchNormalization
 * is trained, both are of the former).
 */
#ifndef ONNXTUNE_API_GRADCHECK_H
#define ONNXTUNE_API_GRADCHECK_H

#include "api/config.h"
#include "api/difference.h"
#include "api/ui.h"

/* Samples in the batch, unless the model is exported for another number. */
#define GRADCHECK_SAMPLES 2

/* Along a random direction, at the element of the largest gradient, and at random ones. */
#define GRADCHECK_CHECKS 4

struct gradcheck_check {
	int64_t element; /* in row-major order; -1: along a direction */
	double analytic;
	struct difference_result difference;
};

struct gradcheck_tensor {
	const char *name;
	struct shape shape;
	struct gradcheck_check checks[GRADCHECK_CHECKS];
	uint32_t n;
	double error;                    /* the largest */
	enum difference_verdict verdict; /* the worst */
};

struct gradcheck_result {
	struct arena arena; /* of all below */
	const char *function;
	struct gradcheck_tensor *tensors;
	uint32_t n, failed, kinks; /* tensors, and those of them with such a verdict */
};

/*
 * Checks every trained tensor. Problems of the model are all in problems, the first of them in err as
 * well. A wrong gradient is no error: it is counted. Ends with ERR_STOPPED when *ui->stop asks.
 */
enum status MUST_CHECK gradcheck_run(const struct config *config, const struct api_ui *ui,
				     struct gradcheck_result *out, struct problems *problems,
				     struct error *err);
void gradcheck_release(struct gradcheck_result *result);

#endif
