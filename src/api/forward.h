/*
 * forward.h - a model on arrays that the user gives: outputs (run) and gradients (grad).
 *
 * Arrays come from one .npz and go into one, named as the graph's inputs and outputs. Shapes are
 * those of the arrays; everything is computed in the file's own types.
 */
#ifndef ONNXTUNE_API_FORWARD_H
#define ONNXTUNE_API_FORWARD_H

#include "api/config.h"
#include "api/ui.h"

/* Names in the files of `grad`. */
#define COTANGENT_PREFIX "cotangent:"
#define GRADIENT_PREFIX "grad:"

/*
 * `run`: reads config->data, writes every output of the model under its name. Arrays named
 * cotangent:... are left alone, so that one file serves run and grad. *path (arena) is the file
 * that was written: config->output, or the stem of the inputs + ".outputs.npz".
 *
 * Everything that is wrong with model and arrays is in problems, the first of it in err as well. An
 * existing file is only replaced when config->force says so.
 */
enum status MUST_CHECK forward_run(const struct config *config, const struct api_ui *ui,
				   struct arena *arena, const char **path,
				   struct problems *problems, struct error *err);

/*
 * `grad`: the sum over all outputs that have an array cotangent:OUTPUT (of the output's type and
 * shape; float32 serves half precision) of cotangent * output, differentiated by every float input
 * and every constant that is trained. Writes them under grad:NAME, in float32 or, for float64, in
 * that; 0 where nothing depends on the value. By default to the stem of the inputs + ".grads.npz".
 */
enum status MUST_CHECK forward_grad(const struct config *config, const struct api_ui *ui,
				    struct arena *arena, const char **path,
				    struct problems *problems, struct error *err);

#endif
