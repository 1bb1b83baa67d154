/*
 * full_disk.c - for LD_PRELOAD: a disk that fills up. Files whose path starts with FULL_PREFIX share
 * FULL_BYTES bytes, after which writing fails with ENOSPC; FULL_CALL names one call that fails
 * instead: fsync, rename.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long written;

static int is_ours(const char *path)
{
	const char *prefix = getenv("FULL_PREFIX");
	return prefix && !strncmp(path, prefix, strlen(prefix));
}

static int is_full(int fd)
{
	char link[40], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return is_ours(path);
}

static int fails(const char *call)
{
	const char *name = getenv("FULL_CALL");
	if (!name || strcmp(name, call))
		return 0;
	errno = ENOSPC;
	return 1;
}

ssize_t write(int fd, const void *data, size_t n)
{
	ssize_t (*real)(int, const void *, size_t);
	const char *limit = getenv("FULL_BYTES");
	real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (limit && n && is_full(fd)) {
		long left = atol(limit) - written;
		if (left <= 0) {
			errno = ENOSPC;
			return -1;
		}
		n = (size_t)left < n ? (size_t)left : n;
		written += (long)n;
	}
	return real(fd, data, n);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	return is_full(fd) && fails("fsync") ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *);
	real = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
	return fails("rename") ? -1 : real(from, to);
}
