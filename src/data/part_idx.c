/*
 * part_idx.c - pairs of IDX files as a part of a dataset (see dataset.h): pictures of one size, which
 * go through the preprocessing of images, and their labels.
 */
#include "data/idx.h"
#include "data/image.h"
#include "data/parts.h"

#include <stdlib.h>

static enum status check_pictures(const char *path, const struct tensor *t, struct error *err)
{
	char text[SHAPE_TEXT];
	const int64_t *dim = t->shape.dim;
	bool grey = t->shape.rank == 3, colour = t->shape.rank == 4 && dim[3] == 3;
	if (t->dtype != DT_U8 || (!grey && !colour) || dim[1] < 1 || dim[2] < 1 ||
	    dim[1] > IMAGE_MAX_SIDE || dim[2] > IMAGE_MAX_SIDE)
		return fail(
			err, ERR_INPUT,
			"%s: holds %s of shape %s; pictures are uint8, samples x height x width, "
			"x 3 with colours",
			path, dtype_name(t->dtype), shape_format(&t->shape, text));
	if (dim[0] < 1 || dim[0] > INT32_MAX)
		return fail(err, ERR_INPUT, "%s: %lld samples; 1 to %d can be used", path,
			    (long long)dim[0], INT32_MAX);
	return OK;
}

enum status part_open_idx(struct opening *o, const struct location *l, struct part *out,
			  struct error *err)
{
	struct part part = { .name = l->name };
	struct tensor labels;
	TRY(idx_read(l->path, &part.pixels, err));
	dataset_keep(o->ds, part.pixels.data);
	TRY(check_pictures(l->path, &part.pixels, err));
	part.n = (uint32_t)part.pixels.shape.dim[0];
	TRY(idx_read(l->labels, &labels, err));
	enum status status = opening_take_targets(o, l->labels, &labels, &part, err);
	free(labels.data);
	TRY(status);
	*out = part;
	return OK;
}
