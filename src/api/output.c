/* output.c - where a tuned model goes (see output.h). */
#include "api/output.h"

#include "api/output_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *output_path(const struct config *config, struct arena *arena)
{
	const char *model = config->model, *end = model + strlen(model);
	if (config->output)
		return output_is_folder(config)
			       ? arena_printf(arena, "%smodel.onnx", config->output)
			       : config->output;
	if (end - model > 5 && !strcmp(end - 5, ".onnx"))
		end -= 5;
	return arena_printf(arena, "%.*s.tuned.onnx", (int)(end - model), model);
}

/* The location of a tensor's external data, NULL when there is none. */
static char **location_of(const Onnx__TensorProto *tensor)
{
	for (size_t i = 0; i < tensor->n_external_data; i++)
		if (tensor->external_data[i]->key &&
		    !strcmp(tensor->external_data[i]->key, "location"))
			return &tensor->external_data[i]->value;
	return NULL;
}

static bool is_equal_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t n = protobuf_c_message_get_packed_size(a);
	if (protobuf_c_message_get_packed_size(b) != n)
		return false;
	uint8_t *packed_a = mem_alloc(n), *packed_b = mem_alloc(n);
	protobuf_c_message_pack(a, packed_a);
	protobuf_c_message_pack(b, packed_b);
	bool same = !memcmp(packed_a, packed_b, n);
	free(packed_a);
	free(packed_b);
	return same;
}

/* A pointer in a message that is replaced for a while. */
struct loan {
	void **place;
	void *own;
};

struct loans {
	ARRAY(struct loan) list;
};

static void lend(struct loans *loans, void **place, void *other)
{
	*array_push(&loans->list) = (struct loan){ place, *place };
	*place = other;
}

static void return_loans(struct loans *loans)
{
	for (uint32_t i = loans->list.n; i-- > 0;)
		*loans->list.v[i].place = loans->list.v[i].own;
	array_release(&loans->list);
}

/* The floats of a Constant node that holds a list of them, NULL for all other nodes. */
static Onnx__AttributeProto *list_of(const Onnx__NodeProto *node)
{
	Onnx__AttributeProto *a = node->n_attribute == 1 ? node->attribute[0] : NULL;
	return a && a->n_floats && node->op_type && !strcmp(node->op_type, "Constant") ? a : NULL;
}

/* Gives the file what the model has where a tuned form may differ outside of tensors' elements. */
static void lend_differences(struct loans *loans, const struct onnx_file *model,
			     struct onnx_file *file)
{
	const Onnx__GraphProto *g = model->model->graph, *h = file->model->graph;
	for (uint32_t i = 0; i < model->tensors.n && i < file->tensors.n; i++) {
		char **theirs = location_of(model->tensors.v[i]);
		char **location = location_of(file->tensors.v[i]);
		if (theirs && location) /* data files are named after the output */
			lend(loans, (void **)location, *theirs);
	}
	for (size_t i = 0; h && i < g->n_node && i < h->n_node; i++) {
		Onnx__AttributeProto *theirs = list_of(g->node[i]), *list = list_of(h->node[i]);
		if (theirs && list && theirs->n_floats == list->n_floats)
			lend(loans, (void **)&list->floats, theirs->floats);
	}
}

/* Whether the file at path is this model with other content in its tensors. */
static bool is_tuned_form(const struct model *model, const char *path)
{
	struct onnx_file file;
	struct loans loans = { 0 };
	struct error ignored;
	if (onnx_file_open(path, &file, &ignored) != OK)
		return false;
	lend_differences(&loans, &model->file, &file);
	bool same = is_equal_message(&model->file.model->base, &file.model->base);
	return_loans(&loans);
	onnx_file_close(&file);
	return same;
}

/* ---- files that would get into each other's way ---- */

static enum status check_apart(const char *written, const char *option, const char *other,
			       const char *what, struct error *err)
{
	if (!written || !other || !file_is_same(written, other))
		return OK;
	return fail(err, ERR_USAGE, "%s %s would replace %s", option, written, what);
}

enum status output_check_apart(const struct config *config, const struct model *model,
			       struct error *err)
{
	const struct {
		const char *option, *path;
	} written[] = {
		{ "--report", config->report },
		{ "--log", config->log },
		{ "--output", config->output },
	};
	TRY(check_apart(config->report, "--report", config->log, "the --log", err));
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		const char *path = written[i].path, *option = written[i].option;
		bool output = path == config->output;
		if (!output)
			TRY(check_apart(path, option, config->model, "the model", err));
		for (uint32_t k = 0; k < model->file.externals.n && !output; k++)
			TRY(check_apart(path, option, model->file.externals.v[k].path,
					"the model's data", err));
		TRY(check_apart(path, option, config->compare, "the --compare model", err));
		TRY(check_apart(path, option, config->data, "the data", err));
		TRY(check_apart(path, option, config->labels, "the --labels", err));
	}
	return OK;
}

static bool exists(const char *path)
{
	struct stat st;
	return !lstat(path, &st);
}

/* The files beside a model that is not there, or not this one, are someone else's. */
static enum status check_beside(const struct config *config, struct error *err)
{
	static const char *const names[] = { "config.json", "preprocessor_config.json" };
	enum status status = OK;
	for (size_t i = 0; i < ARRAY_SIZE(names) && status == OK; i++) {
		char *path = mem_printf("%s%s", config->output, names[i]);
		if (exists(path))
			status = fail(err, ERR_IO,
				      "%s: exists, and beside it is no tuned form of this model; "
				      "replace it with --force",
				      path);
		free(path);
	}
	return status;
}

enum status output_check(const struct config *config, struct model *model, const char *path,
			 const struct onnx_change *changes, size_t n, struct error *err)
{
	struct arena arena;
	struct onnx_outputs files;
	arena_init(&arena);
	enum status status = onnx_save_check(&model->file, path, changes, n, &arena, &files, err);
	for (uint32_t i = 0; status == OK && i < files.n; i++) {
		const char *file = files.paths[i];
		if (!config->force && exists(file) && !is_tuned_form(model, path))
			status = fail(err, ERR_IO,
				      "%s: exists, and is no tuned form of this model; replace it "
				      "with --force",
				      file);
		if (status == OK)
			status = check_apart(config->report, "--report", file, "the output", err);
		if (status == OK)
			status = check_apart(config->log, "--log", file, "the output", err);
	}
	if (status == OK && output_is_folder(config) && !config->force &&
	    !is_tuned_form(model, path))
		status = check_beside(config, err);
	arena_release(&arena);
	return status;
}
