/*
 * folder.h - what lies in a folder, in byte order of the names whatever the file system says.
 * Hidden entries (".x") are left out; links are followed.
 */
#ifndef ONNXTUNE_DATA_FOLDER_H
#define ONNXTUNE_DATA_FOLDER_H

#include "base/mem.h"

struct folder_entry {
	const char *name; /* lives in the arena */
	bool folder;
};

struct folder {
	struct folder_entry *v;
	uint32_t n;
};

/* ERR_IO names the path. The entries live in the arena. */
enum status MUST_CHECK folder_read(const char *path, struct arena *arena, struct folder *out,
				   struct error *err);

bool folder_is(const char *path);  /* path is a folder */
bool folder_has(const char *path); /* path exists */

/*
 * The paths of the images (.jpg .jpeg .jpe .png .webp, in any case) in a folder and the folders in it,
 * FOLDER_MAX_DEPTH deep; other files are counted.
 */
#define FOLDER_MAX_DEPTH 16
struct image_paths {
	const char **v;
	uint32_t n, cap;
	uint32_t others;
};

enum status MUST_CHECK folder_find_images(const char *path, struct arena *arena,
					  struct image_paths *out, struct error *err);

#endif
