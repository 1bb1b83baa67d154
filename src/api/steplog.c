/* steplog.c - the file of --log, which a resumed run goes on with (see steplog.h). */
#include "api/steplog.h"

#include "api/stepline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status cannot(const char *path, const char *what, struct error *err)
{
	return fail(err, ERR_IO, "%s: can't %s: %s", path, what, strerror(errno));
}

static enum status open_at(const char *path, int64_t from, FILE **out, struct error *err)
{
	struct stat st;
	FILE *file = fopen(path, "r+e");
	if (!file)
		return cannot(path, "go on with it", err);
	enum status status = OK;
	if (fstat(fileno(file), &st))
		status = cannot(path, "read", err);
	else if (st.st_size < from)
		status = fail(
			err, ERR_INPUT,
			"%s: is shorter than when the checkpoint was made: put the file back, "
			"or give another --log",
			path);
	else if (ftruncate(fileno(file), from) || fseeko(file, from, SEEK_SET))
		status = cannot(path, "write", err);
	if (status != OK) {
		fclose(file);
		return status;
	}
	*out = file;
	return OK;
}

enum status steplog_open(const char *path, int64_t from, struct steplog *out, struct error *err)
{
	struct steplog log = { .path = path };
	if (path && from > 0)
		TRY(open_at(path, from, &log.file, err));
	else if (path)
		log.file = fopen(path, "we");
	if (path && (!log.file || (!from && fputs(stepline_heading(path), log.file) == EOF)))
		return cannot(path, "write", err);
	*out = log;
	return OK;
}

enum status steplog_add(struct steplog *log, const struct step_result *r, int64_t epoch,
			double samples_per_second, struct error *err)
{
	if (!log->file)
		return OK;
	char *line = stepline_format(log->path, r, epoch, samples_per_second);
	bool failed = fputs(line, log->file) == EOF || fflush(log->file);
	free(line);
	return failed ? cannot(log->path, "write", err) : OK;
}

enum status steplog_sync(struct steplog *log, int64_t *bytes, struct error *err)
{
	*bytes = 0;
	if (!log->file)
		return OK;
	off_t at = ftello(log->file);
	/* a pipe or a terminal can't be synced */
	if (fflush(log->file) || (fsync(fileno(log->file)) && errno != EINVAL && errno != EROFS))
		return cannot(log->path, "write", err);
	*bytes = at > 0 ? at : 0;
	return OK;
}

enum status steplog_close(struct steplog *log, struct error *err)
{
	bool failed = log->file && fclose(log->file);
	log->file = NULL;
	return failed ? cannot(log->path, "write", err) : OK;
}

void steplog_abandon(struct steplog *log)
{
	struct error ignored;
	if (steplog_close(log, &ignored) != OK)
		log->path = NULL;
}
