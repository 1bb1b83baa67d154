/*
 * test_data_labels.c - class names, the mapping of class folders to outputs, and the JSON files
 * beside a model.
 */
#include "data/labels.h"
#include "data/sidecar.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Folders in byte order, as a listing gives them; the class of each; the report's names. */
static const struct {
	const char *folders[4];
	const char *names[4]; /* none: not known */
	bool given;
	uint32_t outputs;
	const char *says; /* the error's text, or NULL */
	enum label_rule rule;
	uint32_t classes[4];
	const char *report[4];
} maps[] = {
	{ { "0", "180" }, { 0 }, false, 2, NULL, LABELS_BY_NUMBER, { 0, 1 }, { "0", "180" } },
	{ { "1", "10", "2" },
	  { 0 },
	  false,
	  3,
	  NULL,
	  LABELS_BY_NUMBER,
	  { 0, 2, 1 },
	  { "1", "2", "10" } },
	{ { "1", "10", "b" },
	  { 0 },
	  false,
	  0,
	  NULL,
	  LABELS_BY_BYTES,
	  { 0, 1, 2 },
	  { "1", "10", "b" } },
	{ { "007", "07", "5" },
	  { 0 },
	  false,
	  3,
	  NULL,
	  LABELS_BY_NUMBER,
	  { 1, 2, 0 },
	  { "5", "007", "07" } },
	{ { "cat", "dog" },
	  { "dog", "cow", "cat" },
	  true,
	  3,
	  NULL,
	  LABELS_BY_NAME,
	  { 2, 0 },
	  { "dog", "cow", "cat" } },
	{ { "cat", "dog" },
	  { "dog", "cow", "cat" },
	  false,
	  0,
	  NULL,
	  LABELS_BY_NAME,
	  { 2, 0 },
	  { "dog", "cow", "cat" } },
	{ { "cat", "elk" }, { "dog", "cow", "cat" }, false, 3, "'elk'", 0, { 0 }, { 0 } },
	/* Names that nobody gave and that no folder has are not meant. */
	{ { "0", "1" },
	  { "zero", "one" },
	  false,
	  2,
	  NULL,
	  LABELS_BY_NUMBER,
	  { 0, 1 },
	  { "0", "1" } },
	{ { "0", "1" }, { "zero", "one" }, true, 2, "'0'", 0, { 0 }, { 0 } },
	{ { "cat", "dog" }, { "dog", "cat", "cat" }, true, 3, "'cat'", 0, { 0 }, { 0 } },
	{ { "cat", "dog" }, { 0 }, false, 3, "3 outputs", 0, { 0 }, { 0 } },
	{ { "cat", "dog" }, { "cat", "dog" }, true, 3, "3 outputs", 0, { 0 }, { 0 } },
};

/* Where the model may get a new classifier. */
static const struct {
	const char *folders[4], *names[4];
	bool given;
	uint32_t outputs;
	bool foreign;
	const char *says;
	const char *report[4];
} adapted[] = {
	/* as without: the model's classes */
	{ { "10", "1", "2" }, { 0 }, false, 3, false, NULL, { "1", "2", "10" } },
	{ { "cat", "dog" },
	  { "dog", "cow", "cat" },
	  false,
	  3,
	  false,
	  NULL,
	  { "dog", "cow", "cat" } },
	/* another number, another class among the known ones, names for another number */
	{ { "cat", "dog" }, { 0 }, false, 3, true, NULL, { "cat", "dog" } },
	{ { "cat", "dog" }, { "cat", "dog", "cow" }, false, 4, true, NULL, { "cat", "dog" } },
	{ { "cat", "elk" }, { "dog", "cow", "cat" }, false, 3, true, NULL, { "cat", "elk" } },
	{ { "cat", "dog" }, { "dog", "cat" }, true, 3, true, NULL, { "dog", "cat" } },
	{ { "cat" }, { "dog", "cat" }, true, 3, true, NULL, { "dog", "cat" } },
	/* what the user names must be right */
	{ { "cat", "elk" }, { "dog", "cat" }, true, 3, false, "'elk'", { 0 } },
	{ { "cat", "elk" }, { "dog", "cat" }, true, 2, false, "'elk'", { 0 } },
};

static uint32_t count(const char *const *v)
{
	uint32_t n = 0;
	while (n < 4 && v[n])
		n++;
	return n;
}

static void test_mapping(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct arena arena;
		struct label_map map;
		struct error err = { 0 };
		struct class_names names = { maps[i].names, count(maps[i].names), "names.txt",
					     maps[i].given };
		arena_init(&arena);
		uint32_t n = count(maps[i].folders);
		enum status status = label_map_make(maps[i].folders, n, "class folder", &names,
						    maps[i].outputs, false, &arena, &map, &err);
		if (maps[i].says) {
			if (status != ERR_INPUT || !strstr(err.text, maps[i].says))
				fail_msg("case %zu: %d '%s'", i, status, err.text);
			arena_release(&arena);
			continue;
		}
		if (status != OK)
			fail_msg("case %zu: %s", i, err.text);
		assert_int_equal(map.rule, maps[i].rule);
		assert_int_equal(map.n, count(maps[i].report));
		for (uint32_t k = 0; k < n; k++)
			assert_int_equal(map.classes[k], maps[i].classes[k]);
		for (uint32_t k = 0; k < map.n; k++)
			assert_string_equal(map.names[k], maps[i].report[k]);
		arena_release(&arena);
	}
}

static void test_adapting(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(adapted); i++) {
		struct arena arena;
		struct label_map map;
		struct error err = { 0 };
		struct class_names names = { adapted[i].names, count(adapted[i].names), "names.txt",
					     adapted[i].given };
		arena_init(&arena);
		uint32_t n = count(adapted[i].folders);
		enum status status = label_map_make(adapted[i].folders, n, "label", &names,
						    adapted[i].outputs, true, &arena, &map, &err);
		assert_int_equal(status, adapted[i].says ? ERR_INPUT : OK);
		if (adapted[i].says) {
			assert_non_null(strstr(err.text, adapted[i].says));
		} else {
			assert_int_equal(map.foreign, adapted[i].foreign);
			assert_int_equal(map.n, count(adapted[i].report));
			for (uint32_t k = 0; k < map.n; k++)
				assert_string_equal(map.names[k], adapted[i].report[k]);
		}
		arena_release(&arena);
	}
}

/* Texts of a metadata property, and the names that they are, NULL: none. */
static const struct {
	const char *text;
	const char *names[4];
} properties[] = {
	/* str() of a dict and of a list, and json.dumps(), as Python 3.11 prints them */
	{ "{0: 'cat', 1: 'dog'}", { "cat", "dog" } },
	{ "{0: \"it's\", 1: 'a \\'b\\' \"c\"', 2: 'd\\\\e'}", { "it's", "a 'b' \"c\"", "d\\e" } },
	{ "['cat', 'dog']", { "cat", "dog" } },
	{ "{\"0\": \"cat\", \"1\": \"d\\/og\"}", { "cat", "d/og" } },
	{ " { 1 : 'dog' ,\n0:'cat' }\n", { "cat", "dog" } },
	{ "{0: ''}", { "" } },
	{ "", { 0 } },
	{ "cat dog", { 0 } },
	{ "{}", { 0 } },
	{ "[]", { 0 } },
	{ "{0: 'cat', 2: 'dog'}", { 0 } },
	{ "{0: 'cat', 0: 'dog'}", { 0 } },
	{ "{0: 'cat', 4000000000: 'dog'}", { 0 } },
	{ "{99999999999999999999: 'dog'}", { 0 } },
	{ "{0: 'cat', 1: 2}", { 0 } },
	{ "{0: 'cat'", { 0 } },
	{ "{0: 'cat", { 0 } },
	{ "{0: 'cat\\", { 0 } },
	{ "{0: 'cat\\q'}", { 0 } },
	{ "{0: 'cat'} x", { 0 } },
	{ "{0: 'cat']", { 0 } },
	{ "{0 'cat'}", { 0 } },
	{ "{-1: 'cat'}", { 0 } },
	{ "{'0' 'cat'}", { 0 } },
	{ "{'a': 'cat'}", { 0 } },
};

static void test_properties(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		struct arena arena;
		struct class_names names;
		uint32_t n = count(properties[i].names);
		arena_init(&arena);
		if (class_names_parse(properties[i].text, &arena, &names) != (n > 0))
			fail_msg("%s", properties[i].text);
		for (uint32_t k = 0; k < n; k++)
			assert_string_equal(names.v[k], properties[i].names[k]);
		if (n) {
			assert_int_equal(names.n, n);
			const char *text = class_names_format(names.v, n, &arena);
			struct class_names again;
			assert_true(class_names_parse(text, &arena, &again));
			assert_int_equal(again.n, n);
			for (uint32_t k = 0; k < n; k++)
				assert_string_equal(again.v[k], properties[i].names[k]);
		}
		arena_release(&arena);
	}
	struct arena arena;
	static const char *const odd[] = { "cat", "it's", "\\", "\xff\x1b" };
	arena_init(&arena);
	assert_string_equal(class_names_format(odd, 4, &arena),
			    "{0: 'cat', 1: 'it\\'s', 2: '\\\\', 3: '\?\?'}");
	arena_release(&arena);
}

static void test_name_files(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t n;
		const char *last, *says;
	} files[] = {
		{ "cat\ndog\n", 2, "dog", NULL },
		{ "cat\r\ndog, big \r\n\n\n", 2, "dog, big", NULL },
		{ "one", 1, "one", NULL },
		{ "a\n\nb\n", 0, NULL, "line 2" },
		{ "\n\n", 0, NULL, "no class names" },
		{ "", 0, NULL, "no class names" },
	};
	char *folder = make_folder(), *path = mem_printf("%s/labels.txt", folder);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct arena arena;
		struct class_names names;
		struct error err = { 0 };
		arena_init(&arena);
		assert_true(put_file(folder, "labels.txt", files[i].text, strlen(files[i].text)));
		enum status status = class_names_read(path, &arena, &names, &err);
		if (files[i].says) {
			assert_int_equal(status, ERR_INPUT);
			assert_non_null(strstr(err.text, files[i].says));
			assert_non_null(strstr(err.text, path));
		} else {
			assert_int_equal(status, OK);
			assert_true(names.given);
			assert_int_equal(names.n, files[i].n);
			assert_string_equal(names.v[names.n - 1], files[i].last);
		}
		arena_release(&arena);
	}
	struct class_names names;
	assert_int_equal(class_names_read("no-such-file", NULL, &names, NULL), ERR_IO);
	free(path);
	remove_folder(folder);
}

/* What a file makes of the settings that it speaks of: the others stay default. */
static const struct {
	const char *what, *json;
	const char *settings[SETTING_COUNT]; /* expected, where the source is the file */
} preprocessors[] = {
	{ "ViT",
	  "{\"do_normalize\": true, \"do_rescale\": true, \"do_resize\": true, \"image_mean\": "
	  "[0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5], \"resample\": 2, \"rescale_factor\": "
	  "0.00392156862745098, \"size\": {\"height\": 224, \"width\": 224}}",
	  { "224x224", "stretch", "bilinear", NULL, NULL, "0-1", "0.5,0.5,0.5", "0.5,0.5,0.5" } },
	{ "CLIP",
	  "{\"crop_size\": {\"height\": 224, \"width\": 224}, \"do_center_crop\": true, "
	  "\"do_resize\": true, \"resample\": 3, \"size\": {\"shortest_edge\": 256}, "
	  "\"image_mean\": [0.48145466, 0.4578275, 0.40821073], \"image_std\": [0.26862954, "
	  "0.26130258, 0.27577711]}",
	  { "224x224", "crop:256", "bicubic", NULL, NULL, "0-1", "0.48145466,0.4578275,0.40821073",
	    "0.26862954,0.26130258,0.27577711" } },
	{ "sizes as numbers, cropped",
	  "{\"crop_size\": 224, \"do_center_crop\": true, \"size\": 256}",
	  { "224x224", "crop:256", NULL, NULL, NULL, "0-1" } },
	{ "size as a number, not cropped",
	  "{\"crop_size\": 224, \"do_center_crop\": false, \"size\": 256}",
	  { "256x256", "stretch", NULL, NULL, NULL, "0-1" } },
	{ "BEiT",
	  "{\"crop_size\": {\"height\": 224, \"width\": 220}, \"do_center_crop\": true, \"size\": "
	  "{\"height\": 256, \"width\": 250}}",
	  { "224x220", "crop:256x250", NULL, NULL, NULL, "0-1" } },
	{ "ConvNeXt below 384",
	  "{\"crop_pct\": 0.875, \"size\": {\"shortest_edge\": 224}}",
	  { "224x224", "crop:256", NULL, NULL, NULL, "0-1" } },
	{ "ConvNeXt from 384",
	  "{\"crop_pct\": 0.875, \"size\": {\"shortest_edge\": 384}}",
	  { "384x384", "stretch", NULL, NULL, NULL, "0-1" } },
	{ "MobileViT",
	  "{\"crop_size\": {\"height\": 256, \"width\": 256}, \"do_center_crop\": true, "
	  "\"do_flip_channel_order\": true, \"size\": {\"shortest_edge\": 288}}",
	  { "256x256", "crop:288", NULL, "bgr", NULL, "0-1" } },
	{ "no rescaling, no normalization",
	  "{\"do_rescale\": false, \"do_normalize\": false, \"image_mean\": [1, 1, 1], "
	  "\"do_resize\": false, \"size\": 8}",
	  { NULL, NULL, NULL, NULL, NULL, "0-255" } },
	{ "offset",
	  "{\"rescale_factor\": 0.00784313725490196, \"rescale_offset\": true}",
	  { NULL, NULL, NULL, NULL, NULL, "-1-1" } },
	{ "nulls",
	  "{\"crop_size\": null, \"size\": null, \"resample\": null, \"image_mean\": null}",
	  { NULL, NULL, NULL, NULL, NULL, "0-1" } },
};

static void check_settings(const struct preprocess *p, const char *const *want, const char *what)
{
	for (int s = 0; s < SETTING_COUNT; s++) {
		char text[SETTING_TEXT];
		bool from_file = p->source[s] == FROM_FILE;
		preprocess_format(p, (enum setting)s, text);
		if (from_file != (want[s] != NULL) || (want[s] && strcmp(want[s], text)))
			fail_msg("%s: %s is %s from %s", what, setting_name((enum setting)s), text,
				 setting_source_name(p->source[s]));
	}
}

static void test_preprocessor_config(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(preprocessors); i++) {
		struct preprocess p;
		struct error err;
		const char *json = preprocessors[i].json;
		preprocess_init(&p);
		if (sidecar_read_preprocessor(json, strlen(json), &p, &err) != OK)
			fail_msg("%s: %s", preprocessors[i].what, err.text);
		check_settings(&p, preprocessors[i].settings, preprocessors[i].what);
	}
	static const struct {
		const char *json, *says;
	} bad[] = {
		{ "", "JSON" },
		{ "[1]", "object" },
		{ "{\"size\": 224", "line 1" },
		{ "{\"size\": -1}", "'size'" },
		{ "{\"size\": 1e300}", "'size'" },
		{ "{\"size\": {\"height\": 3}}", "'size'" },
		{ "{\"size\": \"large\"}", "'size'" },
		{ "{\"size\": 8, \"crop_size\": {}}", "'crop_size'" },
		{ "{\"resample\": 9}", "'resample'" },
		{ "{\"resample\": []}", "'resample'" },
		{ "{\"image_mean\": [1, 2]}", "'image_mean'" },
		{ "{\"image_mean\": [1, 2, 3, 4]}", "'image_mean'" },
		{ "{\"image_mean\": [\"a\"]}", "'image_mean'" },
		{ "{\"image_std\": [0, 0, 0]}", "'image_std'" },
		{ "{\"rescale_factor\": 0}", "'rescale_factor'" },
		{ "{\"crop_pct\": 0, \"size\": {\"shortest_edge\": 224}}", "'crop_pct'" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct preprocess p, before;
		struct error err = { 0 };
		preprocess_init(&p);
		before = p;
		enum status status = sidecar_read_preprocessor(bad[i].json, strlen(bad[i].json), &p,
							       &err);
		if (status != ERR_INPUT || !strstr(err.text, bad[i].says))
			fail_msg("%s: %d %s", bad[i].json, status, err.text);
		assert_memory_equal(&p, &before, sizeof p);
	}
}

static void test_config(void **state)
{
	(void)state;
	static const struct {
		const char *what, *json;
		const char *settings[SETTING_COUNT];
		uint32_t n;
		const char *second;
	} configs[] = {
		{ "ViT",
		  "{\"image_size\": 224, \"id2label\": {\"1\": \"dog\", \"0\": \"cat\"}}",
		  { "224x224" },
		  2,
		  "dog" },
		{ "names of nobody",
		  "{\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}}",
		  { 0 },
		  0,
		  NULL },
		{ "timm",
		  "{\"label_names\": [\"a\", \"b\", \"c\"], \"pretrained_cfg\": {\"input_size\": [3, "
		  "224, 224], \"crop_pct\": 0.9, \"crop_mode\": \"center\", \"interpolation\": "
		  "\"bicubic\", \"mean\": [0.5, 0.5, 0.5], \"std\": [0.25, 0.25, 0.25]}}",
		  { "224x224", "crop:248", "bicubic", NULL, NULL, NULL, "0.5,0.5,0.5",
		    "0.25,0.25,0.25" },
		  3,
		  "b" },
		{ "somebody else's", "{\"name\": \"x\", \"image_size\": {}}", { 0 }, 0, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		struct preprocess p;
		struct arena arena;
		struct class_names names = { 0 };
		struct error err;
		const char *json = configs[i].json;
		preprocess_init(&p);
		arena_init(&arena);
		if (sidecar_read_config(json, strlen(json), &arena, &p, &names, &err) != OK)
			fail_msg("%s: %s", configs[i].what, err.text);
		check_settings(&p, configs[i].settings, configs[i].what);
		assert_int_equal(names.n, configs[i].n);
		assert_false(names.given);
		if (names.n)
			assert_string_equal(names.v[1], configs[i].second);
		arena_release(&arena);
	}
	struct preprocess p;
	struct arena arena;
	struct class_names names = { 0 };
	struct error err;
	const char *json = "{\"id2label\": {\"0\": \"a\", \"2\": \"b\"}}";
	preprocess_init(&p);
	arena_init(&arena);
	assert_int_equal(sidecar_read_config(json, strlen(json), &arena, &p, &names, &err),
			 ERR_INPUT);
	arena_release(&arena);
}

struct lines {
	uint32_t notes, warnings;
};

static void count_line(void *ctx, enum log_level level, const char *text)
{
	struct lines *lines = ctx;
	assert_non_null(strstr(text, "onfig.json"));
	if (level == LOG_WARN)
		lines->warnings++;
	else
		lines->notes++;
}

/* The files are found beside the model and in the folder above it. */
static void test_places(void **state)
{
	(void)state;
	static const char preprocessor[] = "{\"size\": 32}", config[] = "{\"image_size\": 64}";
	char *folder = make_folder(), *model = mem_printf("%s/onnx/model.onnx", folder);
	struct lines lines = { 0 };
	struct log log = { count_line, &lines };
	struct preprocess p;
	struct arena arena;
	struct class_names names = { 0 };
	struct error err;
	arena_init(&arena);
	preprocess_init(&p);
	assert_true(put_file(folder, "onnx/model.onnx", "", 0));
	assert_int_equal(sidecar_apply(model, &arena, &p, &names, &log, &err), OK);
	assert_int_equal(p.source[SETTING_SIZE], FROM_DEFAULT);
	assert_int_equal(lines.notes, 0);

	/* The preprocessor's file wins over config.json, wherever it lies. */
	assert_true(
		put_file(folder, "preprocessor_config.json", preprocessor, strlen(preprocessor)));
	assert_true(put_file(folder, "onnx/config.json", config, strlen(config)));
	assert_int_equal(sidecar_apply(model, &arena, &p, &names, &log, &err), OK);
	assert_int_equal(p.height, 32);
	assert_int_equal(lines.notes, 2);

	assert_true(put_file(folder, "onnx/config.json", "not json", 8));
	assert_int_equal(sidecar_apply(model, &arena, &p, &names, &log, &err), OK);
	assert_int_equal(lines.warnings, 1);
	assert_true(put_file(folder, "preprocessor_config.json", "{", 1));
	assert_int_equal(sidecar_apply(model, &arena, &p, &names, &log, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "preprocessor_config.json"));
	arena_release(&arena);
	free(model);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_adapting),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_name_files),
		cmocka_unit_test(test_preprocessor_config),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
