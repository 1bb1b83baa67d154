/*
 * part_table.c - CSV files as a part of a dataset (see dataset.h): tables of features, which fill the
 * model's single input row by row, and lists of image files.
 */
#include "data/folder.h"
#include "data/table.h"
#include "data/targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- features ---- */

/*
 * The input's array for n samples of so many columns: [n, columns], or the shape that the model
 * declares where its axes have as many elements. Whole numbers stay whole.
 */
static enum status new_features(const struct data_input *input, uint32_t n, uint32_t columns,
				struct tensor *out, struct error *err)
{
	enum dtype dtype = dtype_is_integer(input->dtype) ? DT_I64
			   : input->dtype == DT_F64       ? DT_F64
							  : DT_F32;
	struct tensor t = { dtype, SHAPE(n, columns), NULL };
	struct shape declared = input->shape;
	size_t bytes = 0;
	bool known = declared.rank > 0;
	for (int a = 1; a < declared.rank; a++)
		known &= declared.dim[a] >= 0;
	if (known) {
		declared.dim[0] = 1;
		if (shape_elements(&declared) == columns) {
			declared.dim[0] = n;
			t.shape = declared;
		}
	}
	TRY(tensor_size(dtype, &t.shape, &bytes, err));
	TRY(mem_try_alloc(bytes, &t.data, err));
	*out = t;
	return OK;
}

static enum status take_feature(const struct table *t, uint32_t column, struct tensor *out,
				int64_t i, struct error *err)
{
	const char *field = csv_field(&t->csv, column);
	int64_t whole;
	double x;
	if (out->dtype == DT_I64) {
		if (!csv_integer(field, &whole))
			return table_fail(t, column, err, "'%s' is not a whole number", field);
		((int64_t *)out->data)[i] = whole;
		return OK;
	}
	if (!csv_number(field, &x))
		return table_fail(t, column, err,
				  *field ? "'%s' is not a number" : "there is no number%s", field);
	if (out->dtype == DT_F64)
		((double *)out->data)[i] = x;
	else if (isfinite((float)x))
		((float *)out->data)[i] = (float)x;
	else
		return table_fail(t, column, err, "%s is too large for a float32", field);
	return OK;
}

static enum status read_table(struct opening *o, const struct location *l, struct table *t,
			      const struct table_columns *c, struct part *part,
			      struct tensor *features, struct error *err)
{
	TRY(new_features(o->options->inputs, l->samples, c->n_rest, features, err));
	dataset_keep(o->ds, features->data);
	TRY(table_new_targets(o, l, c->n_labels, &part->targets, err));
	dataset_keep(o->ds, part->targets.data);
	bool end;
	for (;; part->n++) {
		TRY(table_next(t, &end, err));
		if (end || part->n == l->samples)
			break;
		for (uint32_t k = 0; k < c->n_rest; k++)
			TRY(take_feature(t, c->rest[k], features, (int64_t)part->n * c->n_rest + k,
					 err));
		TRY(table_take_labels(o, t, c, part->n, &part->targets, err));
	}
	if (!end || part->n != l->samples)
		return fail(err, ERR_IO, "%s: changed while it was read", l->path);
	return inputs_check(features, o->options->inputs, err) == OK
		       ? OK
		       : fail_context(err, "%s: %u columns besides the label for '%s'", l->path,
				      c->n_rest, o->options->inputs[0].name);
}

enum status part_open_table(struct opening *o, const struct location *l, struct part *out,
			    struct error *err)
{
	struct part part = { .name = l->name };
	struct tensor *features = arena_alloc(&o->ds->arena, sizeof *features);
	struct table_columns columns;
	struct table t;
	if (o->options->n_inputs != 1)
		return fail(
			err, ERR_INPUT,
			"%s: a table fills one input, but the model has %u; give arrays named as "
			"the inputs",
			l->path, o->options->n_inputs);
	TRY(table_open(l->path, &o->ds->arena, &t, err));
	enum status status = table_columns(&t, o->options->label_column, false, &o->ds->arena,
					   &columns, err);
	if (status == OK)
		status = read_table(o, l, &t, &columns, &part, features, err);
	table_close(&t);
	TRY(status);
	part.arrays = features;
	*out = part;
	return OK;
}

/* ---- lists of images ---- */

static enum status read_list(struct opening *o, const struct location *l, struct table *t,
			     const struct table_columns *c, const char **paths, struct part *part,
			     struct error *err)
{
	struct arena *arena = &o->ds->arena;
	const char *slash = strrchr(l->path, '/');
	const char *folder = slash ? arena_strndup(arena, l->path, (size_t)(slash - l->path)) : ".";
	bool end;
	TRY(table_new_targets(o, l, c->n_labels, &part->targets, err));
	dataset_keep(o->ds, part->targets.data);
	for (;; part->n++) {
		TRY(table_next(t, &end, err));
		if (end || part->n == l->samples)
			break;
		const char *name = csv_field(&t->csv, c->rest[0]);
		if (!*name || *name == '/' || strstr(name, ".."))
			return table_fail(t, c->rest[0], err,
					  "'%s' is not the path of a file in the folder", name);
		paths[part->n] = arena_printf(arena, "%s/%s", folder, name);
		if (!folder_has(paths[part->n]))
			return table_fail(t, c->rest[0], err, "there is no file '%s'",
					  paths[part->n]);
		TRY(table_take_labels(o, t, c, part->n, &part->targets, err));
	}
	if (!end || part->n != l->samples)
		return fail(err, ERR_IO, "%s: changed while it was read", l->path);
	return OK;
}

enum status part_open_listed(struct opening *o, const struct location *l, struct part *out,
			     struct error *err)
{
	struct part part = { .name = l->name };
	const char **paths = arena_alloc(&o->ds->arena, l->samples * sizeof *paths);
	struct table_columns columns;
	struct table t;
	TRY(table_open(l->path, &o->ds->arena, &t, err));
	enum status status = table_columns(&t, o->options->label_column, true, &o->ds->arena,
					   &columns, err);
	if (status == OK)
		status = read_list(o, l, &t, &columns, paths, &part, err);
	table_close(&t);
	TRY(status);
	part.paths = paths;
	*out = part;
	return OK;
}
