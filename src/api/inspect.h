/*
 * inspect.h - what a model is made of and what training would make of it: inputs and outputs, which
 * constants are trained and why, operators, the kernels that a step would run, memory, and what
 * stands in the way.
 *
 * Nothing is computed or allocated for it; it works on models far larger than memory. What comes
 * after a blocker is left out.
 */
#ifndef ONNXTUNE_API_INSPECT_H
#define ONNXTUNE_API_INSPECT_H

#include "api/config.h"
#include "api/ui.h"

struct inspect_constant {
	const char *name;
	struct tensor type; /* no data */
	const char *form;   /* how it is stored: "raw_data", "Constant node", ... */
	bool trained;
	const char *reason;
};

struct inspect_operator {
	const char *name;
	uint32_t nodes;
	bool supported; /* at the model's opset */
};

/* A node of the training graph. */
struct inspect_kernel {
	const char *node; /* of the file, and its operator there */
	const char *node_op;
	const char *op; /* the operator that runs */
	enum program_kind program;
	const char *kernel;
	const char *why; /* no better one is used; NULL: there is none */
	bool reference;
};

/* Bytes. */
enum inspect_memory_kind {
	MEMORY_PARAMETERS,  /* as they are trained: float32 at least */
	MEMORY_GRADIENTS,   /* accumulators, and what becomes of them once per step */
	MEMORY_MOMENTS,     /* of the optimizer */
	MEMORY_PREPARED,    /* weights as kernels read them */
	MEMORY_CONSTANTS,   /* what is not trained, running statistics */
	MEMORY_INPUTS,      /* of a micro-batch */
	MEMORY_ACTIVATIONS, /* and workspaces: the step arena */
	MEMORY_EVALUATION,  /* what evaluation needs besides */
	MEMORY_KINDS
};
extern const char *const inspect_memory_names[MEMORY_KINDS];

struct inspect_result {
	struct arena arena;
	struct model *model; /* NULL: it could not be loaded */
	uint64_t file_bytes;
	int64_t ir_version;
	const char *producer; /* "pytorch 2.1.0"; "" where it is not known */
	const char *opsets;   /* "17, com.microsoft 1" */

	struct shape *shapes; /* of the inputs, in the plan; NULL: not known */
	int64_t micro_batch, batch;

	bool has_ending;
	struct loss_head head;
	int64_t classes;     /* scores along the class axis */
	enum loss_kind loss; /* LOSS_AUTO: none fits */

	struct inspect_constant *constants; /* the float ones, in the order of the file */
	uint32_t n_constants, n_trained;
	int64_t n_elements; /* numbers in those that are trained */

	struct inspect_operator *operators; /* most frequent first */
	uint32_t n_operators;

	/* From here on only when there are no problems. */
	bool planned;
	const char *device;
	struct inspect_kernel *kernels;
	uint32_t n_kernels;
	uint64_t memory[MEMORY_KINDS], memory_total, memory_device;

	struct problems problems; /* blockers of training */
};

/*
 * Looks at config->model. An error only when nothing can be said at all (no such file, a wrong
 * option); what is wrong with the model is in out->problems.
 */
enum status MUST_CHECK inspect_run(const struct config *config, const struct api_ui *ui,
				   struct inspect_result *out, struct error *err);
void inspect_release(struct inspect_result *result);

#endif
