/*
 * adapter.c - reads low-rank factors and other tensors into a model (see adapter.h); they are written in
 * adapter_save.c.
 */
#include "api/adapter_parts.h"

#include "base/number.h"
#include "data/folder.h"
#include "data/labels.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *adapter_path(const char *path, const char *name)
{
	size_t n = strlen(path);
	bool slash = n && path[n - 1] == '/';
	return slash || folder_is(path) ? mem_printf("%s%s%s", path, slash ? "" : "/", name)
					: mem_strdup(path);
}

bool adapter_ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

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
		if (!adapter_ends_in(weight, WEIGHT))
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

/* The tensor that takes the place of a constant as a whole. */
static const struct tensor *find_whole(const struct safetensors *file, const char *name, bool *used)
{
	for (uint32_t i = 0; i < file->n; i++) {
		const char *tensor = file->v[i].name;
		if (!strncmp(tensor, PREFIX, strlen(PREFIX)))
			tensor += strlen(PREFIX);
		if (!strcmp(tensor, name)) {
			used[i] = true;
			return &file->v[i].tensor;
		}
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

static enum status replace(struct model *model, uint32_t id, const struct tensor *by,
			   struct error *err)
{
	struct value *v = graph_value(model->graph, id);
	char have[SHAPE_TEXT], want[SHAPE_TEXT];
	if (!dtype_is_float(by->dtype) || !shape_equal(&by->shape, &v->t.shape))
		return fail(err, ERR_INPUT, "'%s' is %s %s, in this model %s", v->name,
			    dtype_name(by->dtype), shape_format(&by->shape, have),
			    shape_format(&v->t.shape, want));
	struct tensor t = tensor_new(&model->arena, v->t.dtype, &v->t.shape);
	for (int64_t i = 0, n = shape_elements(&t.shape); i < n; i++)
		tensor_set(&t, i, tensor_get(by, i));
	v->t.data = t.data;
	model->replaced[id] = true;
	return OK;
}

static enum status apply(const char *path, const struct safetensors *file, struct model *model,
			 const enum lora_form *forms, bool *used, struct error *err)
{
	const struct graph *loaded = model->graph;
	struct scaling scaling = { 0 };
	bool scaled = false;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (v->kind != VALUE_CONSTANT || !dtype_is_trainable(v->t.dtype))
			continue;
		const struct tensor *a = find_factor(file, v->name, 'A', used);
		const struct tensor *b = find_factor(file, v->name, 'B', used);
		const struct tensor *whole = find_whole(file, v->name, used);
		if (whole && replace(model, i, whole, err) != OK)
			return fail_context(err, "%s", path);
		if (a && !scaled)
			TRY(read_scaling(path, file, &scaling, err));
		scaled |= a != NULL;
		if (!a != !b)
			return fail(err, ERR_INPUT, "%s: '%s' has only one factor", path, v->name);
		if (a && apply_to(model, i, forms[i], &scaling, a, b, err) != OK)
			return fail_context(err, "%s", path);
	}
	for (uint32_t i = 0; i < file->n; i++)
		if (!used[i])
			return fail(err, ERR_INPUT, "%s: tensor '%s' is of no weight of this model",
				    path, file->v[i].name);
	return OK;
}

enum status adapter_open(const char *path, struct adapter *out, struct error *err)
{
	struct adapter a = { .path = adapter_path(path, ADAPTER_MODEL) };
	enum status status = safetensors_read(a.path, &a.file, err);
	if (status != OK) {
		free(a.path);
		return status;
	}
	a.classes = safetensors_metadata(&a.file, CLASS_NAMES_KEY);
	a.head_on = safetensors_metadata(&a.file, ADAPTER_HEAD_ON);
	*out = a;
	return OK;
}

void adapter_close(struct adapter *adapter)
{
	if (adapter->path)
		safetensors_release(&adapter->file);
	free(adapter->path);
	*adapter = (struct adapter){ 0 };
}

enum status adapter_apply(const struct adapter *adapter, struct model *model, struct error *err)
{
	const struct safetensors *file = &adapter->file;
	uint32_t n = model->graph->values.n;
	enum lora_form *forms = mem_alloc(n * sizeof *forms);
	bool *used = mem_alloc(file->n);
	model->replaced = arena_alloc(&model->arena, n);
	lora_forms(model->graph, forms);
	enum status status = apply(adapter->path, file, model, forms, used, err);
	free(forms);
	free(used);
	return status;
}
