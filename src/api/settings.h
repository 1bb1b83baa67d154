/*
 * settings.h - the user's configuration in the terms of the layers below.
 */
#ifndef ONNXTUNE_API_SETTINGS_H
#define ONNXTUNE_API_SETTINGS_H

#include "api/config.h"
#include "train/session.h"

/*
 * How to train and what; not yet with which shapes, data and number of steps. Lists lie in the
 * arena.
 */
struct session_options settings_session(const struct config *config, const struct backend *backend,
					struct arena *arena);

/*
 * The backend that --device asks for. auto: CUDA where a GPU can be used, else the CPU, and why (may
 * be NULL; else ends empty) says in one line why no GPU is. ERR_UNSUPPORTED when one is asked for that
 * can't be had.
 */
enum status MUST_CHECK settings_backend(const struct config *config, const struct backend **out,
					struct error *why, struct error *err);

/* Which output --loss-output names, the first where it names none; ERR_USAGE when there is no such. */
enum status MUST_CHECK settings_output(const struct config *config, const struct graph *loaded,
				       uint32_t *out, struct error *err);

/* The batch that the model is exported for, 0 when its first axis is open. */
int64_t settings_fixed_batch(const struct graph *loaded);

/*
 * Concrete input shapes where there is no data to take them from: `batch` samples, or as many as the
 * model is exported for; images as --image-size or the files beside the model say; other open axes
 * the smallest size of a few, from 32 on, that the model can be bound with. *out has one shape for
 * each input (arena).
 */
enum status MUST_CHECK settings_shapes(const struct config *config, const struct graph *loaded,
				       int64_t batch, const struct log *log, struct arena *arena,
				       struct shape **out, struct error *err);

/* --threads as backends take it. */
static inline int settings_threads(const struct config *config)
{
	return config->threads == CONFIG_AUTO ? 0 : (int)config->threads;
}

#endif
