/*
 * save.c - writing a model and its data files (see save.h). The bytes of the model come from
 * splice.c; here are the names, the external bytes, and what must not be overwritten.
 */
#include "onnx/save.h"

#include "onnx/external.h"
#include "onnx/splice.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* New bytes in an external file. */
struct patch {
	struct external_region region;
	const Onnx__TensorProto *tensor;
	const uint8_t *data; /* NULL: not known yet */
	bool differs;        /* from what is there */
};

struct plan {
	struct arena arena;
	ARRAY(struct patch) patches; /* by file and offset, none overlap */
	const char **locations;      /* new names of file->externals, NULL: as they are */
	uint32_t n_outputs;
	const char *
		*outputs; /* paths: data files in the order of file->externals, the model last */
};

static void plan_release(struct plan *plan)
{
	array_release(&plan->patches);
	arena_release(&plan->arena);
}

/* A name in a folder: what a rename replaces, links or not. */
struct place {
	bool known; /* the folder exists */
	dev_t device;
	ino_t folder;
	const char *name;
};

static struct place place_of(const char *path, struct arena *arena)
{
	struct stat st;
	bool known = !stat(dirname(arena_strdup(arena, path)), &st);
	return (struct place){
		.known = known,
		.device = known ? st.st_dev : 0,
		.folder = known ? st.st_ino : 0,
		.name = basename(arena_strdup(arena, path)),
	};
}

static bool place_equal(const struct place *a, const struct place *b)
{
	return a->known && b->known && a->device == b->device && a->folder == b->folder &&
	       !strcmp(a->name, b->name);
}

static int compare_patches(const void *a, const void *b)
{
	const struct external_region *x = &((const struct patch *)a)->region;
	const struct external_region *y = &((const struct patch *)b)->region;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool overlap(const struct external_region *a, const struct external_region *b)
{
	return a->file == b->file && a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}

static const char *name_of(const Onnx__TensorProto *tensor)
{
	return tensor->name ? tensor->name : "";
}

static enum status shared(const struct onnx_file *file, const Onnx__TensorProto *a,
			  const Onnx__TensorProto *b, struct error *err)
{
	return fail(
		err, ERR_UNSUPPORTED,
		"%s: tensors '%.200s' and '%.200s' share external bytes, but don't change alike",
		file->path, name_of(a), name_of(b));
}

/* Sorts the patches and merges those of tensors that share a region and change alike. */
static enum status merge_patches(const struct onnx_file *file, struct plan *plan, struct error *err)
{
	struct patch *v = plan->patches.v;
	uint32_t n = 0;
	if (plan->patches.n)
		qsort(v, plan->patches.n, sizeof *v, compare_patches);
	for (uint32_t i = 0; i < plan->patches.n; i++) {
		struct patch *last = n ? &v[n - 1] : NULL;
		if (!last || !overlap(&last->region, &v[i].region))
			v[n++] = v[i];
		else if (last->region.offset != v[i].region.offset ||
			 last->region.size != v[i].region.size ||
			 (last->data && v[i].data &&
			  memcmp(last->data, v[i].data, last->region.size)))
			return shared(file, last->tensor, v[i].tensor, err);
	}
	plan->patches.n = n;
	return OK;
}

static bool is_changed(const struct onnx_change *changes, size_t n, const Onnx__TensorProto *tensor)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].tensor == tensor)
			return true;
	return false;
}

/*
 * Opens the external files, and sees that no tensor that is to stay lies in changed bytes and no
 * changed file is covered by a digest.
 */
static enum status check_externals(struct onnx_file *file, const struct onnx_change *changes,
				   size_t n, const struct plan *plan, bool *any, struct error *err)
{
	*any = false;
	for (uint32_t i = 0; i < file->tensors.n; i++) {
		const Onnx__TensorProto *tensor = file->tensors.v[i];
		struct external_region region;
		struct tensor t;
		size_t size;
		if (!payload_is_external(tensor))
			continue;
		*any = true;
		TRY(payload_type(file, tensor, &t, &size, err));
		TRY(external_find(file, tensor, size, &region, err));
		for (uint32_t k = 0; k < plan->patches.n; k++) {
			const struct patch *patch = &plan->patches.v[k];
			if (!patch->differs || patch->region.file != region.file)
				continue;
			if (region.checksum)
				return fail(err, ERR_UNSUPPORTED,
					    "%s: the model holds a checksum of '%s', which would "
					    "no longer be right",
					    file->path, file->externals.v[region.file].location);
			if (overlap(&patch->region, &region) && !is_changed(changes, n, tensor))
				return shared(file, patch->tensor, tensor, err);
		}
	}
	return OK;
}

/* Sorts one change: external ones become patches. */
static enum status add_change(struct onnx_file *file, const struct onnx_change *change,
			      struct plan *plan, bool *differs, struct error *err)
{
	struct tensor t;
	size_t size;
	*differs = true;
	if (change->attribute) {
		const Onnx__AttributeProto *a = change->attribute;
		if (change->data)
			*differs = a->n_floats ? memcmp(a->floats, change->data, 4 * a->n_floats)
					       : memcmp(&a->f, change->data, 4);
		return OK;
	}
	TRY(onnx_file_tensor(file, change->tensor, &plan->arena, &t, err));
	TRY(tensor_size(t.dtype, &t.shape, &size, err));
	if (change->data)
		*differs = memcmp(t.data, change->data, size);
	onnx_file_forget(file, &t);
	if (!payload_is_external(change->tensor))
		return OK;
	struct patch patch = { .tensor = change->tensor,
			       .data = change->data,
			       .differs = *differs };
	TRY(external_find(file, change->tensor, size, &patch.region, err));
	if (size)
		*array_push(&plan->patches) = patch;
	return OK;
}

static const char *join(struct arena *arena, const char *path, const char *location)
{
	const char *slash = strrchr(path, '/');
	return arena_printf(arena, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, location);
}

/* Names the outputs: see save.h. */
static void name_outputs(const struct onnx_file *file, const char *path, bool data, bool rename,
			 struct plan *plan)
{
	uint32_t n = data ? file->externals.n : 0;
	const char *name = basename(arena_strdup(&plan->arena, path));
	plan->outputs = arena_alloc(&plan->arena, (n + 1) * sizeof *plan->outputs);
	if (rename && n)
		plan->locations = arena_alloc(&plan->arena, n * sizeof *plan->locations);
	for (uint32_t i = 0; i < n; i++) {
		const char *location = file->externals.v[i].location;
		if (plan->locations)
			plan->locations[i] = location = i ? arena_printf(&plan->arena, "%s.data.%u",
									 name, i + 1)
							  : arena_printf(&plan->arena, "%s.data",
									 name);
		plan->outputs[i] = join(&plan->arena, path, location);
	}
	plan->outputs[n] = arena_strdup(&plan->arena, path);
	plan->n_outputs = n + 1;
}

/* No output may replace a file of the model, but a model in one file itself; no two the same. */
static enum status check_places(const struct onnx_file *file, bool external, struct plan *plan,
				struct error *err)
{
	struct arena *arena = &plan->arena;
	struct place model = place_of(file->path, arena);
	struct place *data = arena_alloc(arena, file->externals.n * sizeof *data);
	struct place *out = arena_alloc(arena, plan->n_outputs * sizeof *out);
	for (uint32_t i = 0; i < file->externals.n; i++)
		data[i] = place_of(file->externals.v[i].path, arena);
	for (uint32_t i = 0; i < plan->n_outputs; i++) {
		out[i] = place_of(plan->outputs[i], arena);
		bool self = i + 1 == plan->n_outputs && !external;
		bool named = !file->in_memory || file->folder >= 0;
		if (named && !self && place_equal(&out[i], &model))
			return fail(err, ERR_USAGE,
				    "%s: would replace the model itself, which has external data; "
				    "choose another output",
				    plan->outputs[i]);
		for (uint32_t k = 0; k < file->externals.n; k++)
			if (place_equal(&out[i], &data[k]))
				return fail(
					err, ERR_USAGE,
					"%s: would replace the model's data; choose another output",
					plan->outputs[i]);
		for (uint32_t k = 0; k < i; k++)
			if (place_equal(&out[i], &out[k]))
				return fail(
					err, ERR_USAGE,
					"%s: would be both the model and its data; choose another "
					"output",
					plan->outputs[i]);
	}
	return OK;
}

static bool in_folder_of_model(const struct onnx_file *file, const char *path, struct arena *arena)
{
	struct stat model, out;
	return file->folder >= 0 && !fstat(file->folder, &model) &&
	       !stat(dirname(arena_strdup(arena, path)), &out) && model.st_dev == out.st_dev &&
	       model.st_ino == out.st_ino;
}

/* On failure too, plan is to be released. */
static enum status make_plan(struct onnx_file *file, const char *path,
			     const struct onnx_change *changes, size_t n, struct plan *plan,
			     struct error *err)
{
	bool changed = false, external;
	arena_init(&plan->arena);
	for (size_t i = 0; i < n; i++) {
		bool differs;
		TRY(add_change(file, &changes[i], plan, &differs, err));
		changed |= differs;
	}
	TRY(merge_patches(file, plan, err));
	TRY(check_externals(file, changes, n, plan, &external, err));
	bool beside = in_folder_of_model(file, path, &plan->arena);
	name_outputs(file, path, external && (changed || !beside), beside, plan);
	return check_places(file, external, plan, err);
}

/* Whether a file could be created at a path whose folders are made when needed. */
static enum status check_writable(const char *path, struct arena *arena, struct error *err)
{
	struct stat st;
	char *folder = dirname(arena_strdup(arena, path));
	if (!stat(folder, &st) || errno != ENOENT || strcmp(folder, ".") == 0)
		return file_check_writable(path, err);
	return check_writable(folder, arena, err);
}

enum status onnx_save_check(struct onnx_file *file, const char *path,
			    const struct onnx_change *changes, size_t n, struct arena *arena,
			    struct onnx_outputs *out, struct error *err)
{
	struct plan plan = { 0 };
	struct splice splice;
	enum status status = OK;
	TRY_GOTO(make_plan(file, path, changes, n, &plan, err), out);
	for (size_t i = 0; i < n; i++)
		if (!changes[i].data)
			goto writable; /* a splice needs the data */
	TRY_GOTO(splice_init(&splice, file, changes, n, plan.locations, err), out);
	splice_release(&splice);
writable:
	/* Only the model's own folder must exist; folders of data files are made. */
	TRY_GOTO(file_check_writable(path, err), out);
	for (uint32_t i = 0; i < plan.n_outputs; i++)
		TRY_GOTO(check_writable(plan.outputs[i], &plan.arena, err), out);
	if (out) {
		out->n = plan.n_outputs;
		out->paths = arena_alloc(arena, plan.n_outputs * sizeof *out->paths);
		for (uint32_t i = 0; i < plan.n_outputs; i++)
			out->paths[i] = arena_strdup(arena, plan.outputs[i]);
	}
out:
	plan_release(&plan);
	return status;
}

/* Makes the folders that the data file at `location` below the output's folder lies in. */
static enum status make_folders(const char *path, const char *location, struct arena *arena,
				struct error *err)
{
	char *folder = arena_strdup(arena, path);
	for (char *p = folder + strlen(path) - strlen(location); (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (mkdir(folder, 0777) && errno != EEXIST)
			return fail(err, ERR_IO, "%s: can't make the folder: %s", folder,
				    strerror(errno));
	}
	return OK;
}

/* A copy of an external file with its patches. */
static enum status write_data(const struct onnx_external *e, uint32_t index,
			      const struct plan *plan, struct file_writer *w, struct error *err)
{
	size_t pos = 0;
	for (uint32_t i = 0; i < plan->patches.n; i++) {
		const struct patch *patch = &plan->patches.v[i];
		if (patch->region.file != index)
			continue;
		TRY(file_write(w, e->map.data + pos, patch->region.offset - pos, err));
		TRY(file_write(w, patch->data, patch->region.size, err));
		pos = patch->region.offset + patch->region.size;
	}
	return file_write(w, e->map.data + pos, e->map.size - pos, err);
}

static enum status write_to_file(void *ctx, const void *data, size_t n, struct error *err)
{
	return file_write(ctx, data, n, err);
}

static enum status write_outputs(struct onnx_file *file, struct plan *plan, struct splice *splice,
				 struct error *err)
{
	struct file_writer *w = mem_alloc(plan->n_outputs * sizeof *w);
	enum status status = OK;
	uint32_t open = 0;
	for (; open < plan->n_outputs && status == OK; open += status == OK) {
		const char *path = plan->outputs[open];
		bool model = open + 1 == plan->n_outputs;
		const struct onnx_external *e = model ? NULL : &file->externals.v[open];
		if (e && !plan->locations)
			TRY_GOTO(make_folders(path, e->location, &plan->arena, err), out);
		TRY_GOTO(file_create(path, &w[open], err), out);
		status = model ? splice_run(splice, write_to_file, &w[open], err)
			       : write_data(e, open, plan, &w[open], err);
		if (status != OK)
			file_abandon(&w[open]);
	}
out:
	if (status == OK)
		status = file_commit_all(w, open, err);
	else
		while (open-- > 0)
			file_abandon(&w[open]);
	free(w);
	return status;
}

enum status onnx_save(struct onnx_file *file, const char *path, const struct onnx_change *changes,
		      size_t n, struct error *err)
{
	struct plan plan = { 0 };
	struct splice splice;
	enum status status = make_plan(file, path, changes, n, &plan, err);
	if (status == OK)
		status = splice_init(&splice, file, changes, n, plan.locations, err);
	if (status == OK) {
		status = write_outputs(file, &plan, &splice, err);
		splice_release(&splice);
	}
	plan_release(&plan);
	return status;
}

struct memory {
	uint8_t *data;
	size_t n;
};

static enum status write_to_memory(void *ctx, const void *data, size_t n, struct error *err)
{
	struct memory *m = ctx;
	(void)err;
	memcpy(m->data + m->n, data, n);
	m->n += n;
	return OK;
}

enum status onnx_save_memory(struct onnx_file *file, const struct onnx_change *changes, size_t n,
			     void **data, size_t *size, struct error *err)
{
	struct splice splice;
	struct memory m = { 0 };
	void *p = NULL;
	TRY(splice_init(&splice, file, changes, n, NULL, err));
	enum status status = mem_try_alloc(splice.size, &p, err);
	m.data = p;
	if (status == OK)
		status = splice_run(&splice, write_to_memory, &m, err);
	splice_release(&splice);
	if (status == OK) {
		*data = m.data;
		*size = m.n;
	} else {
		free(m.data);
	}
	return status;
}
