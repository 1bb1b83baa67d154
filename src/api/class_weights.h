/*
 * class_weights.h - what each class counts in the loss (--class-weights).
 *
 * The loss is the mean weighted by the weight of each sample's class, as PyTorch's CrossEntropyLoss
 * has it; the loader multiplies them into the weights of the samples.
 */
#ifndef ONNXTUNE_API_CLASS_WEIGHTS_H
#define ONNXTUNE_API_CLASS_WEIGHTS_H

#include "api/project.h"

/*
 * *out is NULL when none are given, else one weight for each class (the project's arena), said in a
 * note. ERR_USAGE when the text or file is wrong, names no class, or leaves the training data
 * without weight; ERR_INPUT when the targets are no classes.
 */
enum status MUST_CHECK class_weights_make(struct project *project, const float **out,
					  struct error *err);

#endif
