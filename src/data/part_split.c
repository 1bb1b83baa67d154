/*
 * part_split.c - takes a validation part out of the training part, stratified by class, when the
 * data has none (see dataset.h).
 */
#include "base/rng.h"
#include "data/parts.h"

#include <stdlib.h>
#include <string.h>

/* Stream numbers of the split's permutations: apart from those of epochs. */
#define SPLIT_STREAM (UINT64_C(0x73706c6974) << 24)

static bool single_class_targets(const struct dataset *ds, const struct part *part)
{
	return ds->targets == TARGETS_CLASSES && part->targets.shape.rank == 1;
}

static int64_t target_elements(const struct part *part)
{
	return part->n ? shape_elements(&part->targets.shape) / part->n : 0;
}

/* The part of `from` that holds the samples index[0..n). */
static enum status subset(struct dataset *ds, const struct part *from, const uint32_t *index,
			  uint32_t n, const char *name, struct part *out, struct error *err)
{
	struct part part = { .name = name, .n = n, .pixels = from->pixels, .arrays = from->arrays };
	size_t row = (size_t)target_elements(from) * dtype_bits(from->targets.dtype) / 8;
	part.targets = from->targets;
	part.targets.shape.dim[0] = n;
	TRY(mem_try_alloc(n * row, &part.targets.data, err));
	dataset_keep(ds, part.targets.data);
	uint32_t *rows = from->paths ? NULL : arena_dup(&ds->arena, index, n * sizeof *rows);
	const char **paths = from->paths ? arena_alloc(&ds->arena, n * sizeof *paths) : NULL;
	float *weights = from->weights ? arena_alloc(&ds->arena, n * sizeof *weights) : NULL;
	for (uint32_t i = 0; i < n; i++) {
		memcpy((char *)part.targets.data + i * row,
		       (const char *)from->targets.data + index[i] * row, row);
		if (paths)
			paths[i] = from->paths[index[i]];
		if (weights)
			weights[i] = from->weights[index[i]];
	}
	part.paths = paths;
	part.weights = weights;
	part.rows = rows;
	*out = part;
	return OK;
}

/*
 * Marks the samples that validate: round(fraction * count) of each class, but never all of them.
 * Without one class per sample all samples are one group.
 */
static uint32_t choose_validation(const struct dataset *ds, const struct part *part,
				  double fraction, uint64_t seed, uint8_t *chosen)
{
	bool stratified = single_class_targets(ds, part);
	const int64_t *classes = part->targets.data;
	uint32_t groups = stratified ? ds->n_classes + 1 : 1, total = 0; /* the last: ignored */
	uint32_t *count = mem_alloc((groups + 1) * sizeof *count);
	uint32_t *members = mem_alloc(part->n * sizeof *members);
	uint32_t *order = mem_alloc(part->n * sizeof *order);
	uint32_t *start = mem_alloc((groups + 1) * sizeof *start);
	uint32_t *group = mem_alloc(part->n * sizeof *group);
	for (uint32_t i = 0; i < part->n; i++) {
		group[i] = !stratified ? 0 : classes[i] < 0 ? groups - 1 : (uint32_t)classes[i];
		count[group[i]]++;
	}
	for (uint32_t g = 0; g < groups; g++)
		start[g + 1] = start[g] + count[g];
	memset(count, 0, groups * sizeof *count);
	for (uint32_t i = 0; i < part->n; i++)
		members[start[group[i]] + count[group[i]]++] = i;
	for (uint32_t g = 0; g < groups; g++) {
		uint32_t take = (uint32_t)(fraction * count[g] + 0.5);
		if (count[g] && take >= count[g])
			take = count[g] - 1;
		rng_permutation(seed, SPLIT_STREAM + g, order, count[g]);
		for (uint32_t k = 0; k < take; k++)
			chosen[members[start[g] + order[k]]] = 1;
		total += take;
	}
	free(count);
	free(members);
	free(order);
	free(start);
	free(group);
	return total;
}

enum status opening_split(struct opening *o, struct error *err)
{
	struct dataset *ds = o->ds;
	double fraction = o->options->validation;
	struct part whole = ds->train;
	if (!(fraction >= 0 && fraction < 1))
		return fail(err, ERR_USAGE, "the part for validation is %g; it must be below 1",
			    fraction);
	if (fraction == 0)
		return OK;
	uint8_t *chosen = mem_alloc(whole.n);
	uint32_t *index = mem_alloc(whole.n * sizeof *index), n = 0;
	uint32_t total = choose_validation(ds, &whole, fraction, o->options->seed, chosen);
	enum status status = OK;
	if (!total)
		status = fail(err, ERR_INPUT,
			      "%s: %u samples are too few to take %g %% of each class for "
			      "validation; give a part of their own in val/",
			      o->train.path, whole.n, fraction * 100);
	for (int part = 0; status == OK && part < 2; part++) {
		const char *name = part ? arena_printf(&ds->arena, "%g %% of %s", fraction * 100,
						       whole.name)
					: whole.name;
		n = 0;
		for (uint32_t i = 0; i < whole.n; i++)
			if (chosen[i] == part)
				index[n++] = i;
		status = subset(ds, &whole, index, n, name, part ? &ds->validation : &ds->train,
				err);
	}
	free(chosen);
	free(index);
	return status;
}
