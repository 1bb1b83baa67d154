/*
 * augment.h - random changes of training pictures.
 *
 * A list of operations, each with a chance and parameters by torchvision's names and defaults:
 *
 *     crop         RandomResizedCrop   scale=0.08-1 ratio=0.75-1.3333
 *     hflip vflip  Random...Flip       p=0.5
 *     rotate       RandomRotation      degrees=15 (torchvision has no default), or FROM-TO
 *     jitter       ColorJitter         brightness=0 contrast=0 saturation=0 hue=0
 *     randaugment  RandAugment         num_ops=2 magnitude=9 num_magnitude_bins=31
 *     erase        RandomErasing       p=0.5 scale=0.02-0.33 ratio=0.3-3.3
 *
 * They are applied in the order of the list, to the picture at the model's size, but for crop, which
 * makes that size and so comes first, and erase, which sets what it hits to 0 after normalization and
 * comes last. Interpolation is that of the preprocessing in crop, else the nearest pixel; black fills.
 *
 * Random numbers are Philox(seed; epoch, sample, operation): what a sample becomes in an epoch does
 * not depend on threads, batches or other operations.
 */
#ifndef ONNXTUNE_DATA_AUGMENT_H
#define ONNXTUNE_DATA_AUGMENT_H

#include "data/preprocess.h"

#define AUGMENT_MAX 16       /* operations of a list */
#define AUGMENT_PARAMETERS 4 /* of an operation */

struct augment_op {
	const struct augment_kind *kind; /* private */
	double low[AUGMENT_PARAMETERS], high[AUGMENT_PARAMETERS];
};

struct augment {
	uint32_t n;
	struct augment_op ops[AUGMENT_MAX];
	bool crops; /* pictures are needed whole, not fitted */
	uint64_t seed;
};

/*
 * Parses "NAME[:PARAMETER=VALUE...],...". ERR_USAGE names the operations, the parameters or the
 * values that there are.
 */
enum status MUST_CHECK augment_parse(const char *text, uint64_t seed, struct augment *out,
				     struct error *err);

/* All operations with their parameters, as augment_parse takes them, for messages and pages. */
const char *augment_forms(void);

/*
 * Makes of a sample's picture (whole if `crops`, else fitted) the one of the epoch: a new one, of the
 * bound preprocess' size if `crops`.
 */
enum status MUST_CHECK augment_picture(const struct augment *augment, const struct preprocess *p,
				       uint64_t epoch, uint32_t sample,
				       const struct picture *picture, struct picture *out,
				       struct error *err);

/* Erases from the elements that preprocess_write made of it. */
void augment_elements(const struct augment *augment, const struct preprocess *p, uint64_t epoch,
		      uint32_t sample, void *elements);

#endif
