/*
 * adapter.h - what is trained beside a model, as a file: low-rank factors (passes/lora.h) and tensors
 * that are trained as a whole.
 *
 * The file is a safetensors file with the names of the library peft:
 * base_model.model.NAME.lora_A.weight [r,in] and ...lora_B.weight [out,r], of a 1x1 convolution with
 * two axes of 1 behind; NAME is the weight's name without ".weight" at its end. Other tensors have
 * their whole name behind base_model.model. (peft's modules_to_save). A new head is among these; the
 * metadata then has its classes under "names" (data/labels.h), and "head_on", the value that it is put on.
 *
 * A path that is a folder, or ends in a slash, is peft's form: FOLDER/adapter_model.safetensors and
 * FOLDER/adapter_config.json. Else "r" and "lora_alpha" are in the file's metadata.
 */
#ifndef ONNXTUNE_API_ADAPTER_H
#define ONNXTUNE_API_ADAPTER_H

#include "api/config.h"
#include "data/safetensors.h"
#include "train/session.h"

/* ERR_IO or ERR_USAGE when config->lora_save can't be written, exists, or is another file of the run. */
enum status MUST_CHECK adapter_check(const struct config *config, struct error *err);

/* The new head that a model has got, whose tensors are saved even if they have not changed. */
struct adapter_head {
	const char *const *classes; /* names; NULL: there is none */
	uint32_t n;
	const char *on; /* the value that it is put on, or NULL */
};

/* Writes the session's factors and what else it has trained. */
enum status MUST_CHECK adapter_save(struct session *session, const struct config *config,
				    const struct adapter_head *head, struct error *err);

/* A file that was opened. */
struct adapter {
	char *path;
	struct safetensors file;
	const char *classes; /* of its head, as text; NULL: it has none */
	const char *head_on;
};

enum status MUST_CHECK adapter_open(const char *path, struct adapter *out, struct error *err);
void adapter_close(struct adapter *adapter); /* may be all 0 */

/*
 * Adds scale * B A to the weights of a loaded model and replaces what is there as a whole; it is then
 * another model than its file: model->replaced says where. The scale is lora_alpha / r; where the file
 * does not tell lora_alpha, adapter_config.json beside it must. ERR_INPUT when a tensor is of no weight
 * of the model.
 */
enum status MUST_CHECK adapter_apply(const struct adapter *adapter, struct model *model,
				     struct error *err);

#endif
