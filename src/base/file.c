/* file.c - mapped reading and atomic writing (see file.h). */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

enum status file_map_descriptor(int fd, const char *path, struct file_map *out, struct error *err)
{
	struct stat st;
	struct file_map map = { 0 };
	if (fstat(fd, &st))
		return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, ERR_IO, "%s: %s", path,
			    S_ISDIR(st.st_mode) ? "is a folder, not a file" : "not a regular file");
	if (st.st_size > 0) {
		map.size = (size_t)st.st_size;
		void *p = mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
		map.data = p;
	}
	*out = map;
	return OK;
}

enum status file_map(const char *path, struct file_map *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	enum status status = file_map_descriptor(fd, path, out, err);
	close(fd);
	return status;
}

void file_unmap(struct file_map *map)
{
	if (map->data)
		munmap((void *)map->data, map->size);
	*map = (struct file_map){ 0 };
}

void file_map_forget(const void *data, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)data + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)data + n) / page * page;
	/* Only a hint: a failure leaves the pages where they are. */
	if (start < end)
		madvise((void *)start, end - start, MADV_DONTNEED);
}

enum status file_create(const char *path, struct file_writer *out, struct error *err)
{
	struct stat st;
	bool exists = !stat(path, &st);
	/* A rename would put a file in the place of a folder, a device or a pipe. */
	if (exists && !S_ISREG(st.st_mode))
		return fail(err, ERR_IO, "%s: can't write: %s", path,
			    S_ISDIR(st.st_mode) ? "is a folder" : "not a regular file");
	struct file_writer w = { .path = mem_strdup(path), .fd = -1 };
	w.temporary = mem_printf("%s.tmp.XXXXXX", path);
	w.fd = mkostemp(w.temporary, O_CLOEXEC);
	if (w.fd < 0) {
		fail(err, ERR_IO, "%s: can't write: %s", path, strerror(errno));
		free(w.path);
		free(w.temporary);
		return ERR_IO;
	}
	/* mkostemp makes the file private: give it the mode that any new file gets, or that of
	 * the file that it replaces. */
	mode_t mask = umask(0);
	umask(mask);
	fchmod(w.fd, exists ? st.st_mode & 0777 : 0666 & ~mask);
	w.buffer = mem_alloc(BUFFER_SIZE);
	*out = w;
	return OK;
}

static enum status write_fully(struct file_writer *w, const uint8_t *p, size_t n, struct error *err)
{
	while (n) {
		ssize_t k = write(w->fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fail(err, ERR_IO, "%s: can't write: %s", w->path, strerror(errno));
		p += k;
		n -= (size_t)k;
	}
	return OK;
}

static enum status flush(struct file_writer *w, struct error *err)
{
	size_t n = w->buffered;
	w->buffered = 0;
	return write_fully(w, w->buffer, n, err);
}

enum status file_write(struct file_writer *w, const void *data, size_t n, struct error *err)
{
	w->written += n;
	if (n >= BUFFER_SIZE - w->buffered) {
		TRY(flush(w, err));
		if (n >= BUFFER_SIZE)
			return write_fully(w, data, n, err);
	}
	if (n)
		memcpy(w->buffer + w->buffered, data, n);
	w->buffered += n;
	return OK;
}

/* The rename itself is durable only when the folder is synced too. */
static void sync_folder(const char *path)
{
	char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

static enum status cannot_write(const struct file_writer *w, struct error *err)
{
	return fail(err, ERR_IO, "%s: can't write: %s", w->path, strerror(errno));
}

/* Everything on the disk under the temporary name. */
static enum status finish(struct file_writer *w, struct error *err)
{
	TRY(flush(w, err));
	bool failed = fsync(w->fd);
	int reason = errno;
	if (close(w->fd) && !failed) {
		failed = true;
		reason = errno;
	}
	w->fd = -1;
	errno = reason;
	return failed ? cannot_write(w, err) : OK;
}

/* Gives what is at the path a second name, or, on file systems without links, another name. */
static bool keep_old(const struct file_writer *w, const char *old)
{
	struct stat st;
	if (!link(w->path, old) || errno == ENOENT)
		return true;
	if (!stat(w->path, &st) && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return false;
	}
	return !rename(w->path, old);
}

/* Back to what was at the path, which is nothing if there is no old name. */
static void take_back(const struct file_writer *w, const char *old)
{
	if (rename(old, w->path) && errno == ENOENT)
		unlink(w->path);
}

/*
 * 1. All files are complete and synced under their temporary names.
 * 2. In order: the old file at the path is kept under one more name, the new one renamed to it. The
 *    last needs no old name: nothing that could fail comes after it.
 * 3. The old names go; on a failure they are renamed back instead.
 */
enum status file_commit_all(struct file_writer *w, size_t n, struct error *err)
{
	enum status status = OK;
	for (size_t i = 0; i < n && status == OK; i++)
		status = finish(&w[i], err);
	char **old = mem_alloc(n * sizeof *old);
	size_t renamed = 0;
	for (; renamed < n && status == OK; renamed += status == OK) {
		struct file_writer *f = &w[renamed];
		old[renamed] = mem_printf("%s.old", f->temporary);
		if (renamed + 1 < n && !keep_old(f, old[renamed]))
			status = cannot_write(f, err);
		else if (rename(f->temporary, f->path))
			status = cannot_write(f, err);
	}
	if (status != OK && renamed < n && old[renamed]) {
		/* The one that failed: its path may have been moved, but was not replaced. If both
		 * names are the same file, rename does nothing. */
		rename(old[renamed], w[renamed].path);
		unlink(old[renamed]);
	}
	for (size_t i = 0; i < renamed; i++) {
		if (status != OK) {
			take_back(&w[i], old[i]);
			continue;
		}
		unlink(old[i]);
		sync_folder(w[i].path);
		free(w[i].temporary);
		w[i].temporary = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		free(old[i]);
		file_abandon(&w[i]);
	}
	free(old);
	return status;
}

enum status file_commit(struct file_writer *w, struct error *err)
{
	return file_commit_all(w, 1, err);
}

void file_abandon(struct file_writer *w)
{
	if (w->fd >= 0 && w->buffer)
		close(w->fd);
	if (w->temporary)
		unlink(w->temporary);
	free(w->path);
	free(w->temporary);
	free(w->buffer);
	*w = (struct file_writer){ .fd = -1 };
}

enum status file_write_all(const char *path, const void *data, size_t n, struct error *err)
{
	struct file_writer w;
	TRY(file_create(path, &w, err));
	enum status status = file_write(&w, data, n, err);
	if (status == OK)
		return file_commit(&w, err);
	file_abandon(&w);
	return status;
}

enum status file_check_writable(const char *path, struct error *err)
{
	struct file_writer w;
	TRY(file_create(path, &w, err));
	file_abandon(&w);
	return OK;
}

/* The folder of a path and the name in it; false when there is no such folder. */
static bool place_of(char *copy, struct stat *folder, char **name)
{
	char *slash = strrchr(copy, '/');
	*name = slash ? slash + 1 : copy;
	if (!slash)
		return !stat(".", folder);
	*slash = 0;
	return !stat(slash == copy ? "/" : copy, folder);
}

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool file_is_same(const char *a, const char *b)
{
	struct stat x, y;
	char *copy_a = mem_strdup(a), *copy_b = mem_strdup(b), *name_a, *name_b;
	bool same = !stat(a, &x) && !stat(b, &y) && is_same_inode(&x, &y);
	if (place_of(copy_a, &x, &name_a) && place_of(copy_b, &y, &name_b))
		same |= is_same_inode(&x, &y) && !strcmp(name_a, name_b);
	free(copy_a);
	free(copy_b);
	return same;
}
