/*
 * sidecar_write.c - the JSON files beside a model that is written (see sidecar.h): those beside the
 * original with what is new in them, or new ones.
 */
#include "base/file.h"
#include "base/utf8.h"
#include "data/sidecar.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The object in the file beside the model; an empty one where there is none, or none of ours. */
static json_t *read_beside(const char *model_path, const char *name)
{
	struct file_map map = { 0 };
	json_t *root = NULL;
	char *path = sidecar_find(model_path, name);
	if (path && file_map(path, &map, NULL) == OK) {
		root = json_loadb((const char *)map.data, map.size, 0, NULL);
		file_unmap(&map);
	}
	free(path);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return json_object();
}

static char *print(json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
	char *lines = mem_printf("%s\n", text);
	free(text);
	json_decref(root);
	return lines;
}

char *sidecar_config(const char *model_path, const char *const *names, uint32_t n)
{
	json_t *root = read_beside(model_path, "config.json");
	json_t *names_of = json_object(), *numbers_of = json_object(), *list = json_array();
	for (uint32_t i = 0; i < n; i++) {
		char *name = utf8_clean(names[i]), *key = mem_printf("%u", i);
		json_object_set_new(names_of, key, json_string(name));
		json_object_set_new(numbers_of, name, json_integer(i));
		json_array_append_new(list, json_string(name));
		free(name);
		free(key);
	}
	json_object_set_new(root, "id2label", names_of);
	json_object_set_new(root, "label2id", numbers_of);
	json_object_set_new(root, "num_labels", json_integer(n));
	/* timm's words for the same */
	if (json_object_get(root, "label_names"))
		json_object_set(root, "label_names", list);
	if (json_object_get(root, "num_classes"))
		json_object_set_new(root, "num_classes", json_integer(n));
	json_decref(list);
	return print(root);
}

/* ---- preprocessor_config.json ---- */

static void set_side(json_t *size, const char *key, int pixels)
{
	json_object_set_new(size, key, json_integer(pixels));
}

static json_t *size_of(int height, int width)
{
	json_t *size = json_object();
	set_side(size, "height", height);
	set_side(size, "width", width);
	return size;
}

static json_t *reals(const double *v, int given, int channels)
{
	json_t *list = json_array();
	for (int i = 0; i < channels; i++)
		json_array_append_new(list, json_real(v[given > 1 ? i : 0]));
	return list;
}

/* size, crop_size and what switches them on; the reason why they can't say it, or NULL. */
static const char *put_geometry(json_t *root, const struct preprocess *p)
{
	bool crop = p->resize == RESIZE_CROP;
	json_t *size;
	if (p->resize == RESIZE_PAD)
		return "pictures that are padded";
	if (crop && !p->short_side && !p->crop_height && p->height != p->width)
		return "a cut of no fixed share of the picture";
	if (crop && !p->crop_height) {
		size = json_object();
		set_side(size, "shortest_edge", p->short_side ? p->short_side : p->height);
	} else {
		size = crop ? size_of(p->crop_height, p->crop_width) : size_of(p->height, p->width);
	}
	json_object_set_new(root, "do_resize", json_true());
	json_object_set_new(root, "size", size);
	json_object_set_new(root, "do_center_crop", json_boolean(crop));
	json_object_del(root, "crop_pct");
	if (crop)
		json_object_set_new(root, "crop_size", size_of(p->height, p->width));
	else
		json_object_del(root, "crop_size");
	return NULL;
}

/* The settings under the keys that sidecar.c reads; the reason why there are none, or NULL. */
static const char *put_settings(json_t *root, const struct preprocess *p)
{
	bool bgr = p->order == CHANNELS_BGR;
	if (p->order == CHANNELS_GREY && p->channels == 3)
		return "grey pictures for a model of three channels";
	if (p->lo != 0 && (p->lo != -1 || p->hi != 1))
		return "this range";
	const char *why = put_geometry(root, p);
	if (why)
		return why;
	json_object_set_new(root, "resample", json_integer(p->resample));
	json_object_set_new(root, "do_rescale", json_true());
	json_object_set_new(root, "rescale_factor", json_real((p->hi - p->lo) / 255));
	if (p->lo == -1)
		json_object_set_new(root, "rescale_offset", json_true());
	else
		json_object_del(root, "rescale_offset");
	if (bgr)
		json_object_set_new(root, "do_flip_channel_order", json_true());
	else
		json_object_del(root, "do_flip_channel_order");
	json_object_set_new(root, "do_normalize", json_true());
	json_object_set_new(root, "image_mean", reals(p->mean, p->mean_count, p->channels));
	json_object_set_new(root, "image_std", reals(p->std, p->std_count, p->channels));
	return NULL;
}

char *sidecar_preprocessor(const char *model_path, const struct preprocess *p, const char **why)
{
	json_t *root = read_beside(model_path, "preprocessor_config.json");
	*why = p ? put_settings(root, p) : NULL;
	if (!*why && json_object_size(root))
		return print(root);
	json_decref(root);
	return NULL;
}
