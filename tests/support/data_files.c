/* data_files.c - files for tests of data (see data_files.h). */
#include "support/data_files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *source_path(const char *relative)
{
	const char *srcdir = getenv("srcdir");
	return mem_printf("%s/%s", srcdir ? srcdir : ".", relative);
}

uint8_t *read_bytes(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	uint8_t *data = NULL;
	size_t n = 0, k;
	do {
		data = mem_realloc(data, n + 65536 + 1);
		k = fread(data + n, 1, 65536, f);
		n += k;
	} while (k);
	fclose(f);
	data[n] = 0;
	*size = n;
	return data;
}

char *make_folder(void)
{
	char *path = mem_strdup("test-data.XXXXXX");
	if (!mkdtemp(path)) {
		perror(path);
		exit(1);
	}
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void remove_folder(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

bool put_file(const char *folder, const char *relative, const void *data, size_t size)
{
	char *path = mem_printf("%s/%s", folder, relative);
	for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0777);
		*p = '/';
	}
	FILE *f = fopen(path, "wb");
	bool ok = f && fwrite(data, 1, size, f) == size;
	if (f && fclose(f))
		ok = false;
	free(path);
	return ok;
}
