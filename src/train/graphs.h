/*
 * graphs.h - inside of the session: the graphs that it plans, from the loaded one.
 */
#ifndef ONNXTUNE_TRAIN_GRAPHS_H
#define ONNXTUNE_TRAIN_GRAPHS_H

#include "train/session.h"

/* A whole training step for concrete input shapes. Fills the session's head, loss, labels and the
 * names and numbers of what is trained. */
enum status MUST_CHECK graphs_training(struct session *s, const struct shape *shapes,
				       struct graph **out, struct problems *problems,
				       struct error *err);

/* The model at the session's shapes, with the averages of the parameters where there are such;
 * adapted weights (passes/lora.h) are outputs behind the model's own. */
enum status MUST_CHECK graphs_evaluation(struct session *s, struct graph **out,
					 struct problems *problems, struct error *err);

#endif
