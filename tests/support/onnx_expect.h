/*
 * onnx_expect.h - what the onnx package read from the models of tests/data/onnx (the NAME.txt that
 * models/generate_onnx_files.py writes), and small helpers for tests on model files.
 */
#ifndef ONNXTUNE_TESTS_ONNX_EXPECT_H
#define ONNXTUNE_TESTS_ONNX_EXPECT_H

#include "onnx/file.h"

/* A tensor, or with '@' before the name, the floats of an attribute of the node of that name. */
struct expect {
	char *name;
	enum dtype dtype;
	struct shape shape;
	uint8_t *before, *after; /* elements as raw_data holds them; after is NULL for "-" */
	size_t n_before, n_after;
	char *strings; /* DT_STRING: the text of the column instead, hexadecimal with commas */
};

struct expect_list {
	ARRAY(struct expect) list;
};

/* Reads a list below tests/data/onnx; fails the test when it can't. */
void expect_read(const char *name, struct expect_list *out);
void expect_release(struct expect_list *list);

/* The path of a file below tests/data/onnx, to be freed. */
char *expect_path(const char *name);

/* The tensor or attribute of that name, or NULL. Attributes are those of the main graph. */
Onnx__TensorProto *expect_tensor(const struct onnx_file *file, const char *name);
Onnx__AttributeProto *expect_attribute(const struct onnx_file *file, const char *node);

/* A whole file, to be freed; fails the test when it can't be read. */
uint8_t *expect_file(const char *path, size_t *n);
/* Fails the test unless the two files are equal. */
void expect_same_file(const char *a, const char *b);

/* A new folder for temporary files, to be freed; folder_remove deletes it with what is in it. */
char *folder_make(void);
void folder_remove(char *folder);
/* The number of entries, "." and ".." not counted. */
unsigned folder_count(const char *folder);

#endif
