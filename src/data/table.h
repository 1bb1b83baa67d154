/*
 * table.h - a CSV file with a header: named columns, records of as many fields, and the labels among
 * them. Private to the data module. Every error is one line that names the file, the line and the
 * column.
 */
#ifndef ONNXTUNE_DATA_TABLE_H
#define ONNXTUNE_DATA_TABLE_H

#include "data/csv.h"
#include "data/parts.h"

struct table {
	const char *path;
	const char *const *names; /* [columns], in the arena */
	uint32_t columns;
	struct csv csv; /* the current record */
	struct file_map map;
	size_t forgotten;
};

/* Opens the file and reads its header. Names are unique and not empty. */
enum status MUST_CHECK table_open(const char *path, struct arena *arena, struct table *out,
				  struct error *err);
void table_close(struct table *table);

/* The next record; the pages of the file that were read are given back as it goes. */
enum status MUST_CHECK table_next(struct table *table, bool *end, struct error *err);

/* "PATH: line 3, column 'age': TEXT" for a field of the current record. */
enum status table_fail(const struct table *table, uint32_t column, struct error *err,
		       const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Which column says what. */
struct table_columns {
	uint32_t *labels, *rest; /* numbers of columns, in their order */
	uint32_t n_labels, n_rest;
};

/*
 * The label columns: those of `given` (names, divided by commas where no column has the whole
 * name), else `label`, `class`, `target` or `y` in any case, else the last. A list of images
 * (`listed`) has one other column, the files: `file`, `filename`, `image`, `path` or the first; all
 * the rest are labels unless they are given.
 */
enum status MUST_CHECK table_columns(const struct table *table, const char *given, bool listed,
				     struct arena *arena, struct table_columns *out,
				     struct error *err);

/*
 * Reads the labels of both locations, that all classes are known, whichever part is used: decides
 * what kind of targets they are (ds->targets, ds->multi_label), and maps texts to classes. Sets the
 * number of samples of each location.
 */
enum status MUST_CHECK opening_map_labels(struct opening *o, struct error *err);

/* Targets of a location, [n] or [n, columns], for the dataset to own. */
enum status MUST_CHECK table_new_targets(const struct opening *o, const struct location *l,
					 uint32_t columns, struct tensor *out, struct error *err);

/* Writes the current record's labels as those of sample i. */
enum status MUST_CHECK table_take_labels(const struct opening *o, const struct table *table,
					 const struct table_columns *columns, uint32_t i,
					 struct tensor *targets, struct error *err);

#endif
