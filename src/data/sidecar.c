/*
 * sidecar.c - settings and class names from the JSON files beside a model (see sidecar.h). Each
 * field is turned into the text of a setting, so that files and options share one parser.
 */
#include "data/sidecar.h"

#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIDECAR_MAX_BYTES ((size_t)64 << 20)

static enum status load(const char *json, size_t size, json_t **out, struct error *err)
{
	json_error_t e;
	if (size > SIDECAR_MAX_BYTES)
		return fail(err, ERR_INPUT, "too large");
	json_t *root = json_loadb(json, size, 0, &e);
	if (!root)
		return fail(err, ERR_INPUT, "not JSON: line %d: %s", e.line, e.text);
	if (!json_is_object(root)) {
		json_decref(root);
		return fail(err, ERR_INPUT, "not a JSON object");
	}
	*out = root;
	return OK;
}

static enum status not_understood(struct error *err, const char *key)
{
	return fail(err, ERR_INPUT, "'%s' is not understood", key);
}

/* A boolean field; absent or null: otherwise. */
static bool flag(const json_t *root, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(root, key);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

/* An integer number of pixels, also written as 224.0; 0 when it is none. */
static int side(const json_t *v)
{
	double x = json_is_number(v) ? json_number_value(v) : 0;
	return x >= 1 && x <= IMAGE_MAX_SIDE && x == floor(x) ? (int)x : 0;
}

/* A size: a number (then *height == *width and *one), {"shortest_edge"}, {"height", "width"}. */
struct size {
	int height, width;
	bool one; /* a single number: what it means depends on its neighbours */
	bool shortest;
};

static bool read_size(const json_t *v, struct size *out)
{
	struct size s = { 0 };
	if (json_is_object(v)) {
		s.shortest = json_object_get(v, "shortest_edge") != NULL;
		s.height = side(json_object_get(v, s.shortest ? "shortest_edge" : "height"));
		s.width = s.shortest ? s.height : side(json_object_get(v, "width"));
	} else if (json_is_array(v) && json_array_size(v) == 2) {
		s.height = side(json_array_get(v, 0));
		s.width = side(json_array_get(v, 1));
	} else {
		s.height = s.width = side(v);
		s.one = true;
	}
	*out = s;
	return s.height && s.width;
}

static enum status set_size(struct preprocess *p, int height, int width, struct error *err)
{
	char text[64];
	snprintf(text, sizeof text, "%dx%d", height, width);
	return preprocess_set(p, SETTING_SIZE, text, FROM_FILE, err);
}

static enum status set_crop_from(struct preprocess *p, int height, int width, bool shortest,
				 struct error *err)
{
	char text[64];
	if (shortest)
		snprintf(text, sizeof text, "crop:%d", height);
	else
		snprintf(text, sizeof text, "crop:%dx%d", height, width);
	return preprocess_set(p, SETTING_RESIZE, text, FROM_FILE, err);
}

/*
 * timm's crop_pct: a square of `size` is cut out of a picture whose shorter side is
 * size / crop_pct.
 */
static enum status set_crop_fraction(struct preprocess *p, int size, const json_t *fraction,
				     struct error *err)
{
	double pct = json_number_value(fraction);
	if (!(pct > 0.01 && pct <= 1))
		return not_understood(err, "crop_pct");
	double from = floor(size / pct);
	return set_crop_from(p, from > IMAGE_MAX_SIDE ? IMAGE_MAX_SIDE : (int)from, 0, true, err);
}

/* mean or std: a number, or an array of 1 or 3. */
static enum status set_numbers(struct preprocess *p, enum setting setting, const json_t *v,
			       const char *key, struct error *err)
{
	char text[SETTING_TEXT] = "";
	size_t n = json_is_array(v) ? json_array_size(v) : 1, at = 0;
	for (size_t i = 0; i < n && n <= 3; i++) {
		const json_t *x = json_is_array(v) ? json_array_get(v, i) : v;
		if (!json_is_number(x))
			return not_understood(err, key);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%.17g", i ? "," : "",
				       json_number_value(x));
	}
	if (preprocess_set(p, setting, text, FROM_FILE, err) != OK)
		return not_understood(err, key);
	return OK;
}

static enum status set_resample(struct preprocess *p, const json_t *v, const char *key,
				struct error *err)
{
	const char *name = json_string_value(v);
	json_int_t number = json_integer_value(v);
	if (json_is_integer(v) && number >= 0 && number < RESAMPLE_COUNT)
		name = resample_name((enum resample)number);
	if (!name || preprocess_set(p, SETTING_RESAMPLE, name, FROM_FILE, err) != OK)
		return not_understood(err, key);
	return OK;
}

/* do_rescale, rescale_factor (1/255 when absent), rescale_offset: minus one after it. */
static enum status set_range(struct preprocess *p, const json_t *root, struct error *err)
{
	const json_t *factor = json_object_get(root, "rescale_factor");
	double scale = json_is_number(factor) ? json_number_value(factor) : 1.0 / 255;
	double lo = flag(root, "rescale_offset", false) ? -1 : 0;
	if (!flag(root, "do_rescale", true)) {
		scale = 1;
		lo = 0;
	}
	double width = scale * 255;
	if (!(width > 0) || !isfinite(width))
		return not_understood(err, "rescale_factor");
	/* Not 1.0000000000000002 for 0.00392156862745098. */
	if (fabs(width - round(width)) < 1e-9)
		width = round(width);
	char text[SETTING_TEXT];
	snprintf(text, sizeof text, "%.17g-%.17g", lo, lo + width);
	return preprocess_set(p, SETTING_RANGE, text, FROM_FILE, err);
}

/* size, crop_size, do_resize, do_center_crop, crop_pct */
static enum status set_geometry(struct preprocess *p, const json_t *root, struct error *err)
{
	const json_t *size_json = json_object_get(root, "size");
	const json_t *crop_json = json_object_get(root, "crop_size");
	const json_t *fraction = json_object_get(root, "crop_pct");
	struct size size = { 0 }, crop = { 0 };
	bool resizes = size_json && !json_is_null(size_json) && flag(root, "do_resize", true);
	bool crops = crop_json && !json_is_null(crop_json) && flag(root, "do_center_crop", true);
	if (resizes && !read_size(size_json, &size))
		return not_understood(err, "size");
	if (crops && !read_size(crop_json, &crop))
		return not_understood(err, "crop_size");
	if (crops) {
		TRY(set_size(p, crop.height, crop.width, err));
		if (resizes)
			return set_crop_from(p, size.height, size.width, size.shortest || size.one,
					     err);
		return preprocess_set(p, SETTING_RESIZE, "crop", FROM_FILE, err);
	}
	if (!resizes)
		return OK;
	TRY(set_size(p, size.height, size.width, err));
	if (!size.shortest)
		return preprocess_set(p, SETTING_RESIZE, "stretch", FROM_FILE, err);
	/* ConvNeXt: crop_pct counts below 384 pixels, above them the picture is stretched. */
	if (json_is_number(fraction) && size.height >= 384)
		return preprocess_set(p, SETTING_RESIZE, "stretch", FROM_FILE, err);
	if (json_is_number(fraction))
		return set_crop_fraction(p, size.height, fraction, err);
	return preprocess_set(p, SETTING_RESIZE, "crop", FROM_FILE, err);
}

static enum status read_preprocessor(const json_t *root, struct preprocess *p, struct error *err)
{
	const json_t *v;
	TRY(set_geometry(p, root, err));
	TRY(set_range(p, root, err));
	if ((v = json_object_get(root, "resample")) && !json_is_null(v))
		TRY(set_resample(p, v, "resample", err));
	if (flag(root, "do_flip_channel_order", false))
		TRY(preprocess_set(p, SETTING_CHANNELS, "bgr", FROM_FILE, err));
	if (!flag(root, "do_normalize", true))
		return OK;
	if ((v = json_object_get(root, "image_mean")) && !json_is_null(v))
		TRY(set_numbers(p, SETTING_MEAN, v, "image_mean", err));
	if ((v = json_object_get(root, "image_std")) && !json_is_null(v))
		TRY(set_numbers(p, SETTING_STD, v, "image_std", err));
	return OK;
}

enum status sidecar_read_preprocessor(const char *json, size_t size, struct preprocess *p,
				      struct error *err)
{
	json_t *root = NULL;
	TRY(load(json, size, &root, err));
	struct preprocess changed = *p;
	enum status status = read_preprocessor(root, &changed, err);
	json_decref(root);
	if (status == OK)
		*p = changed;
	return status;
}

/* {"0": "cat", "1": "dog"}, keys 0 to n-1 in any order. */
static enum status read_id2label(const json_t *map, struct arena *arena, struct class_names *names,
				 struct error *err)
{
	size_t n = json_object_size(map);
	const char **v = arena_alloc(arena, n * sizeof *v);
	bool generic = true;
	if (!n)
		return OK;
	for (size_t i = 0; i < n; i++) {
		char key[24], label[32];
		snprintf(key, sizeof key, "%zu", i);
		snprintf(label, sizeof label, "LABEL_%zu", i);
		const char *name = json_string_value(json_object_get(map, key));
		if (!name || i >= UINT32_MAX)
			return not_understood(err, "id2label");
		generic = generic && !strcmp(name, label);
		v[i] = arena_strdup(arena, name);
	}
	if (!generic) /* LABEL_0, LABEL_1, ... stand for "never named" */
		*names = (struct class_names){ .v = v, .n = (uint32_t)n, .source = "config.json" };
	return OK;
}

static enum status read_label_names(const json_t *list, struct arena *arena,
				    struct class_names *names, struct error *err)
{
	size_t n = json_array_size(list);
	const char **v = arena_alloc(arena, n * sizeof *v);
	if (!n)
		return OK;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (!name || i >= UINT32_MAX)
			return not_understood(err, "label_names");
		v[i] = arena_strdup(arena, name);
	}
	*names = (struct class_names){ .v = v, .n = (uint32_t)n, .source = "config.json" };
	return OK;
}

/* timm: input_size [C,H,W], crop_pct, crop_mode, interpolation, mean, std */
static enum status read_timm(const json_t *cfg, struct preprocess *p, struct error *err)
{
	const json_t *v = json_object_get(cfg, "input_size");
	const char *mode = json_string_value(json_object_get(cfg, "crop_mode"));
	if (json_is_array(v) && json_array_size(v) == 3) {
		int height = side(json_array_get(v, 1)), width = side(json_array_get(v, 2));
		if (!height || !width)
			return not_understood(err, "input_size");
		TRY(set_size(p, height, width, err));
		v = json_object_get(cfg, "crop_pct");
		if (mode && !strcmp(mode, "squash"))
			TRY(preprocess_set(p, SETTING_RESIZE, "stretch", FROM_FILE, err));
		else if (json_is_number(v) && height == width)
			TRY(set_crop_fraction(p, height, v, err));
		else
			TRY(preprocess_set(p, SETTING_RESIZE, "crop", FROM_FILE, err));
	}
	if (json_is_string(v = json_object_get(cfg, "interpolation")) &&
	    strcmp(json_string_value(v), "random"))
		TRY(set_resample(p, v, "interpolation", err));
	if (json_is_array(v = json_object_get(cfg, "mean")))
		TRY(set_numbers(p, SETTING_MEAN, v, "mean", err));
	if (json_is_array(v = json_object_get(cfg, "std")))
		TRY(set_numbers(p, SETTING_STD, v, "std", err));
	return OK;
}

static enum status read_config(const json_t *root, struct arena *arena, struct preprocess *p,
			       struct class_names *names, struct error *err)
{
	const json_t *v;
	struct size size;
	if (!names->n && json_is_object(v = json_object_get(root, "id2label")))
		TRY(read_id2label(v, arena, names, err));
	if (!names->n && json_is_array(v = json_object_get(root, "label_names")))
		TRY(read_label_names(v, arena, names, err));
	if ((v = json_object_get(root, "image_size")) && read_size(v, &size))
		TRY(set_size(p, size.height, size.width, err));
	if (json_is_object(v = json_object_get(root, "pretrained_cfg")))
		TRY(read_timm(v, p, err));
	return OK;
}

enum status sidecar_read_config(const char *json, size_t size, struct arena *arena,
				struct preprocess *p, struct class_names *names, struct error *err)
{
	json_t *root = NULL;
	TRY(load(json, size, &root, err));
	struct preprocess changed = *p;
	struct class_names known = *names;
	enum status status = read_config(root, arena, &changed, &known, err);
	json_decref(root);
	if (status == OK) {
		*p = changed;
		*names = known;
	}
	return status;
}

char *sidecar_find(const char *model_path, const char *name)
{
	const char *slash = strrchr(model_path, '/');
	int n = slash ? (int)(slash - model_path) + 1 : 0;
	static const char *const places[] = { "", "../" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = mem_printf("%.*s%s%s", n, model_path, places[i], name);
		if (!access(path, F_OK))
			return path;
		free(path);
	}
	return NULL;
}

enum status sidecar_apply(const char *model_path, struct arena *arena, struct preprocess *p,
			  struct class_names *names, const struct log *log, struct error *err)
{
	/* The preprocessor's own file comes last: it knows better. */
	static const char *const files[] = { "config.json", "preprocessor_config.json" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *path = sidecar_find(model_path, files[i]);
		struct file_map map = { 0 };
		if (!path)
			continue;
		enum status status = file_map(path, &map, err);
		const char *json = (const char *)map.data;
		if (status == OK) {
			status = i ? sidecar_read_preprocessor(json, map.size, p, err)
				   : sidecar_read_config(json, map.size, arena, p, names, err);
			if (status != OK)
				fail_context(err, "%s", path);
			if (status != OK && !i) {
				log_warn(log, "%s; the file is not used", err ? err->text : path);
				status = OK;
			} else if (status == OK) {
				log_note(log, "%s is read for the defaults of the input", path);
			}
		}
		file_unmap(&map);
		free(path);
		TRY(status);
	}
	return OK;
}
