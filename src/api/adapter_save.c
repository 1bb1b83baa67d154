/* adapter_save.c - writes low-rank factors and what else is trained, as peft does (see adapter.h). */
#include "api/adapter_parts.h"
#include "base/number.h"
#include "data/folder.h"
#include "data/labels.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
	return adapter_ends_in(path, "/") || folder_is(path);
}

/* ---- before the run ---- */

static enum status check_file(const struct config *config, const char *path, struct error *err)
{
	const char *others[] = { config->model, config->data, config->output, config->report,
				 config->log };
	struct stat st;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i] && (file_is_same(path, others[i]) || !strcmp(path, others[i])))
			return fail(err, ERR_USAGE, "--lora-save %s would replace %s", path,
				    others[i]);
	if (!lstat(path, &st) && !config->force)
		return fail(err, ERR_IO, "%s: exists; replace it with --force", path);
	return OK;
}

enum status adapter_check(const struct config *config, struct error *err)
{
	const char *path = config->lora_save;
	char *model = adapter_path(path, ADAPTER_MODEL),
	     *other = adapter_path(path, ADAPTER_CONFIG);
	enum status status = check_file(config, model, err);
	if (status == OK && is_folder(path))
		status = check_file(config, other, err);
	if (status == OK && !folder_is(path)) {
		/* a folder that is not there is made with the files */
		size_t n = strlen(path);
		while (n > 1 && path[n - 1] == '/')
			n--;
		free(other);
		other = mem_printf("%.*s", (int)n, path);
		status = file_check_writable(other, err);
	} else if (status == OK) {
		status = file_check_writable(model, err);
	}
	free(model);
	free(other);
	return status;
}

/* ---- content ---- */

struct saving {
	struct session *session;
	struct arena *arena;
	struct named_tensor *v; /* what is written */
	uint32_t n;
	json_t *adapted, *whole; /* names of modules */
};

/* The module of a tensor: what stands before the last point. */
static void add_module(json_t *list, const char *tensor, const char *end)
{
	const char *point = end ? NULL : strrchr(tensor, '.');
	size_t n = point ? (size_t)(point - tensor) : strlen(tensor);
	if (end && adapter_ends_in(tensor, end))
		n -= strlen(end);
	json_t *name = json_stringn(tensor, n);
	size_t i;
	json_t *other;
	json_array_foreach(list, i, other) if (json_equal(name, other))
	{
		json_decref(name);
		return;
	}
	json_array_append_new(list, name);
}

static struct named_tensor factor(const struct tensor *t, const struct value *weight, bool b,
				  struct arena *arena)
{
	struct named_tensor out = { .tensor = *t };
	size_t n = strlen(weight->name);
	if (adapter_ends_in(weight->name, WEIGHT))
		n -= strlen(WEIGHT);
	out.name = arena_printf(arena, PREFIX "%.*s%s" WEIGHT, (int)n, weight->name,
				b ? LORA_B_SUFFIX : LORA_A_SUFFIX);
	for (int i = 2; i < weight->t.shape.rank; i++)
		out.tensor.shape.dim[out.tensor.shape.rank++] = 1;
	return out;
}

static enum status add_factors(struct saving *s, const struct value *weight, struct error *err)
{
	for (int b = 0; b < 2; b++) {
		const char *name = lora_name(s->arena, weight->name, b);
		struct tensor t;
		TRY(session_variable(s->session, session_written(s->session, name)->name, s->arena,
				     &t, err));
		s->v[s->n++] = factor(&t, weight, b, s->arena);
	}
	add_module(s->adapted, weight->name, WEIGHT);
	return OK;
}

static enum status add_whole(struct saving *s, const struct value *v, struct error *err)
{
	struct named_tensor *out = &s->v[s->n];
	TRY(session_variable(s->session, session_written(s->session, v->name)->name, s->arena,
			     &out->tensor, err));
	out->name = arena_printf(s->arena, PREFIX "%s", v->name);
	s->n++;
	add_module(s->whole, v->name, NULL);
	return OK;
}

static enum status collect(struct saving *s, struct error *err)
{
	const struct graph *loaded = s->session->model->graph;
	s->v = arena_alloc(s->arena, 2 * loaded->values.n * sizeof *s->v);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (s->session->lora[i].on)
			TRY(add_factors(s, v, err));
		else if (v->kind == VALUE_CONSTANT && session_written(s->session, v->name))
			TRY(add_whole(s, v, err));
	}
	return OK;
}

/* ---- files ---- */

/* peft's LoraConfig, as its save_pretrained writes it. */
static char *config_text(const struct saving *s, const struct config *config)
{
	const struct lora_options *o = &s->session->options.lora;
	double alpha = o->alpha;
	json_t *number = alpha == (double)(json_int_t)alpha ? json_integer((json_int_t)alpha)
							    : json_real(alpha);
	json_t *whole = json_array_size(s->whole) ? json_incref(s->whole) : json_null();
	json_t *root = json_pack(
		"{s:{}, s:n, s:s, s:s, s:b, s:b, s:b, s:n, s:n, s:o, s:f, s:o, s:s, s:I, s:{}, s:n, "
		"s:O, s:n, s:b, s:b}",
		"alpha_pattern", "auto_mapping", "base_model_name_or_path", config->model, "bias",
		"none", "fan_in_fan_out", 0, "inference_mode", 1, "init_lora_weights", 1,
		"layers_pattern", "layers_to_transform", "lora_alpha", number, "lora_dropout", 0.0,
		"modules_to_save", whole, "peft_type", "LORA", "r", (json_int_t)o->rank,
		"rank_pattern", "revision", "target_modules", s->adapted, "task_type", "use_dora",
		0, "use_rslora", 0);
	char *text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

static enum status write_config(const struct saving *s, const struct config *config,
				struct error *err)
{
	char *path = adapter_path(config->lora_save, ADAPTER_CONFIG);
	char *text = config_text(s, config);
	enum status status = file_write_all(path, text, strlen(text), err);
	free(text);
	free(path);
	return status;
}

static enum status write(const struct saving *s, const struct config *config,
			 const struct adapter_head *head, struct error *err)
{
	const struct lora_options *o = &s->session->options.lora;
	struct safetensors_text metadata[5] = { { "format", "pt" } };
	uint32_t n = 1;
	bool folder = is_folder(config->lora_save);
	char alpha[NUMBER_TEXT];
	if (folder && mkdir(config->lora_save, 0777) && errno != EEXIST)
		return fail(err, ERR_IO, "%s: can't make the folder: %s", config->lora_save,
			    strerror(errno));
	if (head->on)
		metadata[n++] = (struct safetensors_text){ ADAPTER_HEAD_ON, head->on };
	if (!folder) {
		number_format(o->alpha, alpha);
		metadata[n++] = (struct safetensors_text){ "lora_alpha", alpha };
	}
	if (head->classes)
		metadata[n++] = (struct safetensors_text){
			CLASS_NAMES_KEY, class_names_format(head->classes, head->n, s->arena)
		};
	if (!folder)
		metadata[n++] = (struct safetensors_text){ "r", arena_printf(s->arena, "%lld",
									     (long long)o->rank) };
	char *path = adapter_path(config->lora_save, ADAPTER_MODEL);
	enum status status = safetensors_write(path, s->v, s->n, metadata, n, err);
	free(path);
	return status == OK && folder ? write_config(s, config, err) : status;
}

enum status adapter_save(struct session *session, const struct config *config,
			 const struct adapter_head *head, struct error *err)
{
	struct arena arena;
	arena_init(&arena);
	struct saving s = { session, &arena, NULL, 0, json_array(), json_array() };
	enum status status = collect(&s, err);
	if (status == OK)
		status = write(&s, config, head, err);
	json_decref(s.adapted);
	json_decref(s.whole);
	arena_release(&arena);
	return status;
}
