/*
 * parts.h - how dataset_open works inside: locations are found, each is opened as one part, and a
 * validation part is split off. Private to the data module.
 */
#ifndef ONNXTUNE_DATA_PARTS_H
#define ONNXTUNE_DATA_PARTS_H

#include "base/map.h"
#include "data/dataset.h"

enum form {
	FORM_NONE,
	FORM_IMAGES, /* a folder of class folders */
	FORM_LISTED, /* images and their labels in a CSV file */
	FORM_IDX,    /* a file of pictures and one of labels */
	FORM_ARRAYS,
	FORM_TABLE, /* a CSV file */
};

struct location {
	enum form form;
	const char *path;   /* the folder, .npz, .csv or IDX file */
	const char *name;   /* of the part */
	const char *labels; /* IDX: the file of labels */
	uint32_t samples;   /* of a CSV file, by opening_map_labels */
};

/* What dataset_open works on. */
struct opening {
	const struct dataset_options *options;
	struct dataset *ds;
	struct location train, validation;
	bool split; /* validation is to be taken from train */
	/* The class folders, or names in CSV files, of all parts, sorted, and the index of each. */
	const char **folders;
	uint32_t n_folders;
	struct map folder_index;
};

/* Fills train, validation and split with what lies at DATA (locate.c). */
enum status MUST_CHECK opening_locate(struct opening *o, const char *data, struct error *err);

/* Collects the class folders of both locations and maps them to classes (part_images.c). */
enum status MUST_CHECK opening_map_folders(struct opening *o, struct error *err);

/* Opens a location (part_images.c, part_idx.c, part_arrays.c, part_table.c). */
enum status MUST_CHECK part_open_images(struct opening *o, const struct location *l,
					struct part *out, struct error *err);
enum status MUST_CHECK part_open_arrays(struct opening *o, const struct location *l,
					struct part *out, struct error *err);

enum status MUST_CHECK part_open_listed(struct opening *o, const struct location *l,
					struct part *out, struct error *err);
enum status MUST_CHECK part_open_table(struct opening *o, const struct location *l,
				       struct part *out, struct error *err);

enum status MUST_CHECK part_open_idx(struct opening *o, const struct location *l, struct part *out,
				     struct error *err);

/* Makes an array of labels, one row for each sample of the part, its targets. */
enum status MUST_CHECK opening_take_targets(struct opening *o, const char *path,
					    const struct tensor *labels, struct part *part,
					    struct error *err);

/* The classes that labels must be of: those of the model or of names; 0: any. */
uint32_t opening_classes(const struct opening *o);

/* Divides ds->train into training and validation (part_split.c). */
enum status MUST_CHECK opening_split(struct opening *o, struct error *err);

/* Gives a buffer to the dataset, which frees it; returns it. */
void *dataset_keep(struct dataset *ds, void *buffer);

#endif
