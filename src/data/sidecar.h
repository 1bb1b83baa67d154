/*
 * sidecar.h - what the files beside a model say of its input and its classes:
 * preprocessor_config.json (Hugging Face image processors) and config.json (id2label, image_size,
 * or timm's pretrained_cfg), in the model's folder or its parent.
 *
 * Source: the documentation of transformers' image processors and of timm's pretrained_cfg.
 */
#ifndef ONNXTUNE_DATA_SIDECAR_H
#define ONNXTUNE_DATA_SIDECAR_H

#include "base/log.h"
#include "data/labels.h"
#include "data/preprocess.h"

/*
 * Applies the files beside the model, as far as they exist, to p (source FROM_FILE) and names
 * (unless those are known already); a note says which file was read. ERR_INPUT names the file and
 * what can't be understood in it; a config.json that is not JSON is only warned of, since it may
 * be anybody's.
 */
enum status MUST_CHECK sidecar_apply(const char *model_path, struct arena *arena,
				     struct preprocess *p, struct class_names *names,
				     const struct log *log, struct error *err);

/* The same for the text of one file. */
enum status MUST_CHECK sidecar_read_preprocessor(const char *json, size_t size,
						 struct preprocess *p, struct error *err);
enum status MUST_CHECK sidecar_read_config(const char *json, size_t size, struct arena *arena,
					   struct preprocess *p, struct class_names *names,
					   struct error *err);

/* The path of a file of that name in the model's folder or its parent, or NULL. Free with free(). */
char *sidecar_find(const char *model_path, const char *name);

/*
 * Texts of the files for a model that is written: what lies beside the original, with the keys that
 * tell of the classes, or of the settings of a bound preprocess. Free with free(). No preprocessor
 * (NULL): p is NULL and there is no file, or *why says what the file can't tell.
 */
char *sidecar_config(const char *model_path, const char *const *names, uint32_t n);
char *sidecar_preprocessor(const char *model_path, const struct preprocess *p, const char **why);

#endif
