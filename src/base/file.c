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

enum status file_map(const char *path, struct file_map *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	enum status status = OK;
	struct stat st;
	struct file_map map = { 0 };
	if (fstat(fd, &st)) {
		status = fail(err, ERR_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		status = fail(err, ERR_IO, "%s: %s", path,
			      S_ISDIR(st.st_mode) ? "is a folder, not a file" : "not a regular file");
	} else if (st.st_size > 0) {
		map.size = (size_t)st.st_size;
		void *p = mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			status = fail(err, ERR_IO, "%s: %s", path, strerror(errno));
		else
			map.data = p;
	}
	close(fd);
	if (status == OK)
		*out = map;
	return status;
}

void file_unmap(struct file_map *map)
{
	if (map->data)
		munmap((void *)map->data, map->size);
	*map = (struct file_map){ 0 };
}

enum status file_create(const char *path, struct file_writer *out, struct error *err)
{
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
	struct stat st;
	mode_t mask = umask(0);
	umask(mask);
	fchmod(w.fd, stat(path, &st) ? 0666 & ~mask : st.st_mode & 0777);
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

enum status file_commit(struct file_writer *w, struct error *err)
{
	enum status status = flush(w, err);
	if (status == OK && fsync(w->fd))
		status = fail(err, ERR_IO, "%s: can't write: %s", w->path, strerror(errno));
	int fd = w->fd;
	w->fd = -1;
	if (close(fd) && status == OK)
		status = fail(err, ERR_IO, "%s: can't write: %s", w->path, strerror(errno));
	if (status == OK && rename(w->temporary, w->path))
		status = fail(err, ERR_IO, "%s: can't write: %s", w->path, strerror(errno));
	if (status == OK) {
		sync_folder(w->path);
		free(w->temporary);
		w->temporary = NULL;
	}
	file_abandon(w);
	return status;
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
	struct stat st;
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return fail(err, ERR_IO, "%s: can't write: is a folder", path);
	struct file_writer w;
	TRY(file_create(path, &w, err));
	file_abandon(&w);
	return OK;
}
