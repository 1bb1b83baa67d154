/*
 * plateau.h - the learning rate is made smaller when the validation loss stops improving, as
 * torch.optim.lr_scheduler.ReduceLROnPlateau does for a loss (threshold 1e-4, relative; no cooldown;
 * nothing is too small to be reduced).
 */
#ifndef ONNXTUNE_TRAIN_PLATEAU_H
#define ONNXTUNE_TRAIN_PLATEAU_H

#include <stdbool.h>

/* All that changes, so that it can be a variable of the session; zeros at first. */
struct plateau {
	double epochs; /* seen */
	double best;   /* smallest loss so far */
	double bad;    /* epochs since it, or since the last reduction */
};

/* Takes the loss of an epoch (NaN is no improvement); true when the rate is to be reduced: there
 * were more than `patience` bad epochs in a row. */
bool plateau_epoch(struct plateau *plateau, double loss, double patience);

#endif
