/*
 * labels.h - which class is which output of the model.
 *
 * Class names may be known from a file of the user's, the model's metadata or a config.json; then
 * class folders are matched by name. Otherwise they are numbered: in natural order when all are
 * numbers ("2" before "10"), else in byte order.
 */
#ifndef ONNXTUNE_DATA_LABELS_H
#define ONNXTUNE_DATA_LABELS_H

#include "base/mem.h"

/* Names in output order; all zero: not known. */
struct class_names {
	const char *const *v;
	uint32_t n;
	const char *source; /* for messages: "labels.txt" */
	/* The user gave them: a folder of another name is an error, even when no folder matches. */
	bool given;
};

/* Reads one name a line (given names). The names live in the arena. ERR_INPUT names the line. */
enum status MUST_CHECK class_names_read(const char *path, struct arena *arena,
					struct class_names *out, struct error *err);

enum label_rule { LABELS_BY_NAME, LABELS_BY_NUMBER, LABELS_BY_BYTES };

struct label_map {
	uint32_t n;               /* classes */
	const char *const *names; /* [n], in output order: what a report prints */
	enum label_rule rule;
	const char *const *folders; /* [n_folders], in the order they were given */
	const uint32_t *classes;    /* [n_folders]: the class of each */
	uint32_t n_folders;
};

/*
 * Maps folders (or other `things` with names: "label") to the classes of a model with `outputs` of them (0: as many as there are
 * folders). ERR_INPUT when the counts differ, or a folder is not among names that should match.
 */
enum status MUST_CHECK label_map_make(const char *const *folders, uint32_t n, const char *things,
				      const struct class_names *names, uint32_t outputs,
				      struct arena *arena, struct label_map *out,
				      struct error *err);

/* "by name", "in the order of their numbers", "in byte order". */
const char *label_rule_text(enum label_rule rule);

#endif
