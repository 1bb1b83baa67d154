/*
 * adapter.h - low-rank factors (passes/lora.h) as a file beside the model.
 *
 * The file is a safetensors file with the names of the library peft:
 * base_model.model.NAME.lora_A.weight [r,in] and ...lora_B.weight [out,r], of a 1x1 convolution with
 * two axes of 1 behind; NAME is the weight's name without ".weight" at its end. Metadata: "r" and
 * "lora_alpha".
 */
#ifndef ONNXTUNE_API_ADAPTER_H
#define ONNXTUNE_API_ADAPTER_H

#include "api/config.h"
#include "train/session.h"

/* ERR_IO or ERR_USAGE when config->lora_save can't be written, exists, or is another file of the run. */
enum status MUST_CHECK adapter_check(const struct config *config, struct error *err);

/* Writes the session's factors. */
enum status MUST_CHECK adapter_save(struct session *session, const char *path, struct error *err);

/*
 * Adds scale * B A to the weights of a loaded model, which is then another one than its file:
 * model->replaced says where. The scale is lora_alpha / r; where the file does not tell lora_alpha,
 * adapter_config.json beside it must. ERR_INPUT when a tensor is of no weight of the model.
 */
enum status MUST_CHECK adapter_apply(const char *path, struct model *model, struct error *err);

#endif
