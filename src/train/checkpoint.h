/*
 * checkpoint.h - a session's whole changing state in a file: every variable that a step leaves for the
 * next one (masters, moments, statistics, the step block, the learning rates; not the accumulators,
 * which a step begins by writing), and what the caller adds: a text and arrays.
 *
 * The file is a sealed .npz (data/zipfile.h): NumPy reads it, and a torn or changed one is found out
 * before anything is taken from it. Variables have their own names, what the caller adds must not
 * have one of theirs. Types that NumPy does not have are stored as their bits in unsigned integers.
 */
#ifndef ONNXTUNE_TRAIN_CHECKPOINT_H
#define ONNXTUNE_TRAIN_CHECKPOINT_H

#include "data/npy.h"
#include "train/session.h"

#define CHECKPOINT_TEXT_NAME "onnxtune.run"

struct checkpoint {
	const char *text; /* as the caller gave it */
	struct arrays arrays;
};

/* Writes the state after the last whole step. The file appears complete or not at all. */
enum status MUST_CHECK checkpoint_write(const char *path, struct session *session, const char *text,
					const struct named_tensor *more, uint32_t n_more,
					struct error *err);

/* Opens a file and checks every byte of it; ERR_INPUT when it is damaged or no checkpoint. */
enum status MUST_CHECK checkpoint_open(const char *path, struct checkpoint *out, struct error *err);
void checkpoint_close(struct checkpoint *checkpoint);

/*
 * Gives a session that was opened with the same model and options the state that it had. ERR_INPUT,
 * and nothing changed, when a variable is missing or of another type.
 */
enum status MUST_CHECK checkpoint_restore(const struct checkpoint *checkpoint,
					  struct session *session, struct error *err);

#endif
