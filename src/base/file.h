/*
 * file.h - reading files by mapping them, writing them atomically.
 */
#ifndef ONNXTUNE_BASE_FILE_H
#define ONNXTUNE_BASE_FILE_H

#include "base/mem.h"

/* A read-only view of a whole file. */
struct file_map {
	const uint8_t *data; /* NULL when size is 0 */
	size_t size;
};

/* Maps a regular file. ERR_IO names the path and the system's reason. */
enum status MUST_CHECK file_map(const char *path, struct file_map *out, struct error *err);
void file_unmap(struct file_map *map);

/* The same for an open file, which may be closed afterwards; `path` is for messages. */
enum status MUST_CHECK file_map_descriptor(int fd, const char *path, struct file_map *out,
					   struct error *err);

/*
 * Lets the system have the memory of the pages that lie within these bytes of a mapped file: nothing
 * changes but that they are read from the file again when they are needed.
 */
void file_map_forget(const void *data, size_t n);

/*
 * A file that appears under its name complete or not at all: written beside it under a temporary
 * name, then fsync and rename. Until file_commit nothing under `path` changes; file_abandon, also
 * after a failure, removes the temporary file and is a no-op after file_commit.
 */
struct file_writer {
	char *path, *temporary;
	int fd;
	uint64_t written; /* bytes so far */
	uint8_t *buffer;  /* private */
	size_t buffered;
};

enum status MUST_CHECK file_create(const char *path, struct file_writer *out, struct error *err);
enum status MUST_CHECK file_write(struct file_writer *w, const void *data, size_t n,
				  struct error *err);
enum status MUST_CHECK file_commit(struct file_writer *w, struct error *err);
void file_abandon(struct file_writer *w);

/*
 * Commits files that belong together: nothing is renamed before all are safely on the disk, then
 * they are renamed in order, and when one can't be, those before it are taken back, so that what
 * the paths held before is there again. (Power lost between two renames leaves the first new.)
 */
enum status MUST_CHECK file_commit_all(struct file_writer *w, size_t n, struct error *err);

/* Creates and commits a whole file. */
enum status MUST_CHECK file_write_all(const char *path, const void *data, size_t n,
				      struct error *err);

/* ERR_IO unless a file could be created at path (its folder exists and is writable). */
enum status MUST_CHECK file_check_writable(const char *path, struct error *err);

/* True when writing one would change the other: one name in one folder, or one existing file. */
bool file_is_same(const char *a, const char *b);

#endif
