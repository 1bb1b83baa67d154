/*
 * output.h - where a tuned model goes, and whether it may.
 */
#ifndef ONNXTUNE_API_OUTPUT_H
#define ONNXTUNE_API_OUTPUT_H

#include "api/config.h"
#include "base/log.h"
#include "onnx/load.h"

/*
 * The path of the output: --output, or model.onnx in it where it is a folder (output_folder.h), or
 * MODEL's stem + ".tuned.onnx" beside the model (arena).
 */
const char *output_path(const struct config *config, struct arena *arena);

/*
 * ERR_USAGE when an option names a file to write that is the model, its data or another one to
 * write. --output may be the model: whether that is possible, output_check says.
 */
enum status MUST_CHECK output_check_apart(const struct config *config, const struct model *model,
					  struct error *err);

/*
 * Whether all files of the output can be written, found out before any work. An existing model is
 * replaced when --force says so, or when it is a tuned form of this one: the same file but for the
 * content of its tensors. changes as in onnx_save_check.
 */
enum status MUST_CHECK output_check(const struct config *config, struct model *model,
				    const char *path, const struct onnx_change *changes, size_t n,
				    struct error *err);

#endif
