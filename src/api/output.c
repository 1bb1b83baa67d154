/* output.c - where a tuned model goes (see output.h). */
#include "api/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *output_path(const struct config *config, struct arena *arena)
{
	const char *model = config->model, *end = model + strlen(model);
	if (config->output)
		return config->output;
	if (end - model > 5 && !strcmp(end - 5, ".onnx"))
		end -= 5;
	return arena_printf(arena, "%.*s.tuned.onnx", (int)(end - model), model);
}

/* Whether the file at path is this model with other content in its tensors. */
static bool is_tuned_form(const struct model *model, const char *path)
{
	struct onnx_file other;
	struct error ignored;
	bool same = false;
	if (onnx_file_open(path, &other, &ignored) != OK)
		return false;
	const ProtobufCMessage *a = &model->file.model->base, *b = &other.model->base;
	size_t n = protobuf_c_message_get_packed_size(a);
	if (model->file.map.size == other.map.size &&
	    other.model->base.descriptor == a->descriptor &&
	    protobuf_c_message_get_packed_size(b) == n) {
		uint8_t *packed_a = mem_alloc(n), *packed_b = mem_alloc(n);
		protobuf_c_message_pack(a, packed_a);
		protobuf_c_message_pack(b, packed_b);
		same = !memcmp(packed_a, packed_b, n);
		free(packed_a);
		free(packed_b);
	}
	onnx_file_close(&other);
	return same;
}

enum status output_check(const struct config *config, struct model *model, const char *path,
			 const struct onnx_change *changes, size_t n, struct error *err)
{
	struct arena arena;
	struct onnx_outputs files;
	arena_init(&arena);
	enum status status = onnx_save_check(&model->file, path, changes, n, &arena, &files, err);
	for (uint32_t i = 0; i < files.n && status == OK && !config->force; i++)
		if (!access(files.paths[i], F_OK) && !is_tuned_form(model, path))
			status = fail(err, ERR_IO,
				      "%s: exists, and is no tuned form of this model; replace it "
				      "with --force",
				      files.paths[i]);
	arena_release(&arena);
	return status;
}
