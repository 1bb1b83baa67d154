/*
 * data_files.h - files for tests of data: recorded ones of tests/data, and temporary folders.
 */
#ifndef ONNXTUNE_TESTS_DATA_FILES_H
#define ONNXTUNE_TESTS_DATA_FILES_H

#include "base/mem.h"

/* The path of a file of the source tree, which the caller frees. */
char *source_path(const char *relative);

/* The bytes of a file (NUL-terminated), which the caller frees; NULL when it can't be read. */
uint8_t *read_bytes(const char *path, size_t *size);

/* A new folder under the working folder, which the caller frees; removed with all in it. */
char *make_folder(void);
void remove_folder(char *path);

/* Writes bytes to FOLDER/RELATIVE, making the folders between them. False when it fails. */
bool put_file(const char *folder, const char *relative, const void *data, size_t size);

#endif
