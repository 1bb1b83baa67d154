/* adapter.c - writes low-rank factors, and adds those of a file to a model (see adapter.h). */
#include "api/adapter.h"

#include "base/number.h"
#include "data/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "base_model.model."
#define WEIGHT ".weight"

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

/* ---- writing ---- */

enum status adapter_check(const struct config *config, struct error *err)
{
	const char *path = config->lora_save;
	const char *others[] = { config->model, config->data, config->output, config->report,
				 config->log };
	struct stat st;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i] && (file_is_same(path, others[i]) || !strcmp(path, others[i])))
			return fail(err, ERR_USAGE, "--lora-save %s would replace %s", path,
				    others[i]);
	if (!lstat(path, &st) && !config->force)
		return fail(err, ERR_IO, "%s: exists; replace it with --force", path);
	return file_check_writable(path, err);
}

static struct named_tensor factor(const struct tensor *t, const struct value *weight, bool b,
				  struct arena *arena)
{
	struct named_tensor out = { .tensor = *t };
	size_t n = strlen(weight->name);
	if (ends_in(weight->name, WEIGHT))
		n -= strlen(WEIGHT);
	out.name = arena_printf(arena, PREFIX "%.*s%s" WEIGHT, (int)n, weight->name,
				b ? LORA_B_SUFFIX : LORA_A_SUFFIX);
	for (int i = 2; i < weight->t.shape.rank; i++)
		out.tensor.shape.dim[out.tensor.shape.rank++] = 1;
	return out;
}

static enum status save(struct session *s, const char *path, struct arena *arena, struct error *err)
{
	const struct graph *loaded = s->model->graph;
	struct named_tensor *v = arena_alloc(arena, 2 * loaded->values.n * sizeof *v);
	char alpha[NUMBER_TEXT];
	uint32_t n = 0;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *weight = graph_value(loaded, i);
		for (int b = 0; b < 2 && s->lora[i].on; b++) {
			const char *name = lora_name(arena, weight->name, b);
			struct tensor t;
			TRY(session_variable(s, session_written(s, name)->name, arena, &t, err));
			v[n++] = factor(&t, weight, b, arena);
		}
	}
	const struct lora_options *o = &s->options.lora;
	number_format(o->alpha, alpha);
	struct safetensors_text metadata[] = {
		{ "format", "pt" },
		{ "lora_alpha", alpha },
		{ "r", arena_printf(arena, "%lld", (long long)o->rank) },
	};
	return safetensors_write(path, v, n, metadata, ARRAY_SIZE(metadata), err);
}

enum status adapter_save(struct session *session, const char *path, struct error *err)
{
	struct arena arena;
	arena_init(&arena);
	enum status status = save(session, path, &arena, err);
	arena_release(&arena);
	return status;
}

/* ---- reading ---- */

/* What a file says of the scale of its factors. */
struct scaling {
	double alpha;
	bool root; /* divided by the root of the rank (rank-stabilized) */
};

static enum status read_config(const char *path, struct scaling *out, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *beside = mem_printf("%.*sadapter_config.json", slash ? (int)(slash - path) + 1 : 0,
				  path);
	json_error_t e;
	json_t *root = json_load_file(beside, 0, &e);
	const json_t *alpha = json_object_get(root, "lora_alpha");
	bool patterns = json_object_size(json_object_get(root, "rank_pattern")) ||
			json_object_size(json_object_get(root, "alpha_pattern"));
	out->alpha = json_number_value(alpha);
	out->root = json_is_true(json_object_get(root, "use_rslora"));
	enum status status = OK;
	if (!json_is_number(alpha))
		status = fail(err, ERR_INPUT,
			      "%s: no lora_alpha, neither in its metadata nor in %s", path, beside);
	else if (patterns)
		status = fail(err, ERR_UNSUPPORTED,
			      "%s: ranks or alphas by pattern are not supported", beside);
	json_decref(root);
	free(beside);
	return status;
}

static enum status read_scaling(const char *path, const struct safetensors *file,
				struct scaling *out, struct error *err)
{
	const char *alpha = safetensors_metadata(file, "lora_alpha");
	*out = (struct scaling){ 0 };
	if (!alpha)
		return read_config(path, out, err);
	if (!number_parse(alpha, &out->alpha))
		return fail(err, ERR_INPUT, "%s: lora_alpha is '%s'", path, alpha);
	return OK;
}

/* Whether a tensor's name is that of a factor, "A" or "B", of the weight. */
static bool is_factor_of(const char *tensor, const char *weight, char which)
{
	static const char *const ends[] = { WEIGHT, ".default" WEIGHT };
	size_t n = strlen(weight);
	if (!strncmp(tensor, PREFIX, strlen(PREFIX)))
		tensor += strlen(PREFIX);
	for (int bare = 0; bare < 2; bare++) {
		const char *rest = tensor + n;
		if (!strncmp(tensor, weight, n) && !strncmp(rest, ".lora_", 6) && rest[6] == which)
			for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
				if (!strcmp(rest + 7, ends[i]))
					return true;
		if (!ends_in(weight, WEIGHT))
			return false;
		if (!bare)
			n -= strlen(WEIGHT);
	}
	return false;
}

static const struct tensor *find_factor(const struct safetensors *file, const char *weight,
					char which, bool *used)
{
	for (uint32_t i = 0; i < file->n; i++)
		if (is_factor_of(file->v[i].name, weight, which)) {
			used[i] = true;
			return &file->v[i].tensor;
		}
	return NULL;
}

static double *as_doubles(const struct tensor *t)
{
	int64_t n = shape_elements(&t->shape);
	double *x = mem_alloc((size_t)n * sizeof *x);
	for (int64_t i = 0; i < n; i++)
		x[i] = tensor_get(t, i);
	return x;
}

/* w[o,i] += scale * sum over k of b[o,k] a[k,i] */
static void add_product(struct tensor *w, enum lora_form form, const struct lora *l,
			const struct tensor *ta, const struct tensor *tb)
{
	double *a = as_doubles(ta), *b = as_doubles(tb);
	for (int64_t o = 0; o < l->out; o++)
		for (int64_t i = 0; i < l->in; i++) {
			int64_t at = form == LORA_IN_OUT ? i * l->out + o : o * l->in + i;
			double sum = 0;
			for (int64_t k = 0; k < l->rank; k++)
				sum += b[o * l->rank + k] * a[k * l->in + i];
			tensor_set(w, at, tensor_get(w, at) + l->scale * sum);
		}
	free(a);
	free(b);
}

static bool is_matrix(const struct tensor *t, int64_t rows, int64_t columns)
{
	bool ok = t->shape.rank >= 2 && t->shape.dim[0] == rows && t->shape.dim[1] == columns &&
		  dtype_is_float(t->dtype);
	for (int i = 2; i < t->shape.rank; i++)
		ok &= t->shape.dim[i] == 1;
	return ok;
}

static enum status apply_to(struct model *model, uint32_t id, enum lora_form form,
			    const struct scaling *scaling, const struct tensor *a,
			    const struct tensor *b, struct error *err)
{
	struct value *v = graph_value(model->graph, id);
	struct lora l = { .rank = a->shape.rank ? a->shape.dim[0] : 0 };
	if (!form)
		return fail(err, ERR_INPUT, "'%s' is no weight of a MatMul, Gemm or 1x1 Conv alone",
			    v->name);
	lora_sizes(&v->t.shape, form, &l.in, &l.out);
	if (l.rank < 1 || !is_matrix(a, l.rank, l.in) || !is_matrix(b, l.out, l.rank))
		return fail(err, ERR_INPUT,
			    "the factors of '%s' are no floats [r,%lld] and [%lld,r]", v->name,
			    (long long)l.in, (long long)l.out);
	double rank = (double)l.rank;
	l.scale = scaling->alpha / (scaling->root ? sqrt(rank) : rank);
	struct tensor w = tensor_new(&model->arena, v->t.dtype, &v->t.shape);
	memcpy(w.data, v->t.data, tensor_bytes(&w));
	add_product(&w, form, &l, a, b);
	v->t.data = w.data;
	model->replaced[id] = true;
	return OK;
}

static enum status apply(const char *path, const struct safetensors *file, struct model *model,
			 const enum lora_form *forms, bool *used, struct error *err)
{
	const struct graph *loaded = model->graph;
	struct scaling scaling;
	TRY(read_scaling(path, file, &scaling, err));
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (v->kind != VALUE_CONSTANT || !dtype_is_trainable(v->t.dtype))
			continue;
		const struct tensor *a = find_factor(file, v->name, 'A', used);
		const struct tensor *b = find_factor(file, v->name, 'B', used);
		if (!a != !b)
			return fail(err, ERR_INPUT, "%s: '%s' has only one factor", path, v->name);
		if (a && apply_to(model, i, forms[i], &scaling, a, b, err) != OK)
			return fail_context(err, "%s", path);
	}
	for (uint32_t i = 0; i < file->n; i++)
		if (!used[i])
			return fail(err, ERR_INPUT,
				    "%s: tensor '%s' is no factor of a weight of this model", path,
				    file->v[i].name);
	return OK;
}

enum status adapter_apply(const char *path, struct model *model, struct error *err)
{
	struct safetensors file;
	TRY(safetensors_read(path, &file, err));
	uint32_t n = model->graph->values.n;
	enum lora_form *forms = mem_alloc(n * sizeof *forms);
	bool *used = mem_alloc(file.n);
	model->replaced = arena_alloc(&model->arena, n);
	lora_forms(model->graph, forms);
	enum status status = apply(path, &file, model, forms, used, err);
	free(forms);
	free(used);
	safetensors_release(&file);
	return status;
}
