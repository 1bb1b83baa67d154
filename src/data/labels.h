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
	bool foreign; /* these are not the model's classes: it needs a new classifier */
};

/*
 * Maps folders (or other `things` with names: "label") to the classes of a model with `outputs` of
 * them (0: as many as there are folders). ERR_INPUT when the counts differ, or a folder is not among
 * names that should match; with `adapt` the classes then are those of the data, or those that the
 * user names, and foreign.
 */
enum status MUST_CHECK label_map_make(const char *const *folders, uint32_t n, const char *things,
				      const struct class_names *names, uint32_t outputs, bool adapt,
				      struct arena *arena, struct label_map *out,
				      struct error *err);

/* "by name", "in the order of their numbers", "in byte order". */
const char *label_rule_text(enum label_rule rule);

/*
 * Class names as a property of a model's metadata: under the key CLASS_NAMES_KEY a Python dict,
 * {0: 'cat', 1: 'dog'}, as Ultralytics writes and reads it. class_names_parse reads that, with
 * quoted numbers too (JSON), and a list of names; false, and nothing else, for any other text.
 */
#define CLASS_NAMES_KEY "names"
const char *class_names_format(const char *const *names, uint32_t n, struct arena *arena);
bool class_names_parse(const char *text, struct arena *arena, struct class_names *out);

#endif
