/*
 * thumbnail.h - small pictures of samples for people to look at, as JPEG files.
 */
#ifndef ONNXTUNE_DATA_THUMBNAIL_H
#define ONNXTUNE_DATA_THUMBNAIL_H

#include "data/dataset.h"

#define THUMBNAIL_WIDTH 192 /* pixels that are not exceeded; smaller samples keep their size */
#define THUMBNAIL_HEIGHT 128

/*
 * The sample of the part: its image file, or the row of its first array where that has the shape of
 * pictures (H,W, C,H,W or H,W,C with 1 or 3 channels), its numbers stretched to the whole range.
 * False when there is no picture; *data is freed with free().
 */
bool thumbnail_make(const struct part *part, uint32_t sample, uint8_t **data, size_t *n);

#endif
