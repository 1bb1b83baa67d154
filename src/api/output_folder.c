/* output_folder.c - a tuned model in a folder of its own (see output_folder.h). */
#include "api/output_folder.h"

#include "data/sidecar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool output_is_folder(const struct config *config)
{
	size_t n = config->output ? strlen(config->output) : 0;
	return n && config->output[n - 1] == '/';
}

enum status output_make_folder(const struct config *config, bool *made, struct error *err)
{
	*made = false;
	if (!output_is_folder(config))
		return OK;
	if (!mkdir(config->output, 0777))
		*made = true;
	else if (errno != EEXIST)
		return fail(err, ERR_IO, "%s: can't make the folder: %s", config->output,
			    strerror(errno));
	return OK;
}

void output_remove_folder(const struct config *config, bool made)
{
	if (made)
		rmdir(config->output); /* not empty: then something was written */
}

#define FILES_MAX 2

struct files {
	struct file_writer w[FILES_MAX];
	uint32_t n;
};

/* A file beside the model, written but not yet under its name; takes the text over. */
static enum status add_file(struct files *files, const char *folder, const char *name, char *text,
			    struct error *err)
{
	char *path = mem_printf("%s%s", folder, name);
	enum status status = text ? file_create(path, &files->w[files->n], err) : OK;
	if (text && status == OK) {
		status = file_write(&files->w[files->n], text, strlen(text), err);
		files->n++;
	}
	free(path);
	free(text);
	return status;
}

static enum status add_files(const struct project *p, struct files *files, struct error *err)
{
	const struct config *c = p->config;
	const struct dataset *ds = &p->dataset;
	const char *why;
	if (ds->targets == TARGETS_CLASSES)
		TRY(add_file(files, c->output, "config.json",
			     sidecar_config(c->model, ds->labels.names, ds->labels.n), err));
	char *text = sidecar_preprocessor(c->model, ds->images ? &p->preprocess : NULL, &why);
	if (why)
		log_warn(
			&p->ui->log,
			"%spreprocessor_config.json is not written, since it can't tell of %s: give "
			"the same options again",
			c->output, why);
	return add_file(files, c->output, "preprocessor_config.json", text, err);
}

enum status output_save(const struct project *p, const char *path,
			const struct onnx_change *changes, uint32_t n, struct error *err)
{
	struct files files = { 0 };
	enum status status = OK;
	if (output_is_folder(p->config))
		status = add_files(p, &files, err);
	if (status == OK)
		status = onnx_save(&p->model->file, path, changes, n, err);
	if (status == OK && files.n)
		return file_commit_all(files.w, files.n, err);
	for (uint32_t i = 0; i < files.n; i++)
		file_abandon(&files.w[i]);
	return status;
}
