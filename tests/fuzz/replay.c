/*
 * replay.c - a main for fuzz targets where there is no fuzzer: each file given, or in a folder
 * given, is tried once. Its report is TAP; a crash ends it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int tried, failed;

static void try_file(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	size_t size = f && !fstat(fileno(f), &st) ? (size_t)st.st_size : 0;
	/* Just as large as the file, so that a sanitizer sees each byte read too much. */
	uint8_t *data = malloc(size ? size : 1);
	int good = f && data && fread(data, 1, size, f) == size;
	if (f)
		fclose(f);
	printf("# %s\n", path);
	fflush(stdout);
	if (good)
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("%sok %d - %s\n", good ? "" : "not ", ++tried, path);
	failed += !good;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int n = scandir(argv[i], &names, visible, alphasort);
		if (n < 0) {
			try_file(argv[i]);
			continue;
		}
		for (int k = 0; k < n; k++) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
			try_file(path);
			free(names[k]);
		}
		free(names);
	}
	printf("1..%d\n", tried);
	return failed != 0;
}
