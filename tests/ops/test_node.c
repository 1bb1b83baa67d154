/*
 * test_node.c - ONNX's own tests of operators, run through the reference implementations.
 *
 * A folder test_NAME holds model.onnx and test_data_set_N with input_K.pb and output_K.pb. Those of
 * opset 17 and older come with Debian's libonnx-testdata (ONNX_NODE_TESTS names another folder),
 * newer ones lie in tests/data/node (models/generate_node_tests.py). A test must pass when all its
 * operators are known here, or when tests/ops/node-tests.txt has it ("NAME"), so that an operator
 * can't be lost; "NAME: REASON" is one that can't be expected to pass, and must not, and
 * "NAME TOLERANCE: REASON" one that needs a larger relative tolerance.
 */
#include "base/map.h"
#include "onnx/load.h"
#include "ops/interpret.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* that of base/error.h is meant */

/* ---- comparing ---- */

/* Relative tolerance by element type; integers, booleans and strings must be equal. */
static double tolerance(enum dtype dtype)
{
	switch (dtype) {
	case DT_F64:
		return 1e-7; /* ONNX computes some of these in float32 */
	case DT_F32:
		return 1e-5;
	case DT_F16:
		return 1e-3;
	case DT_BF16:
		return 1e-2;
	default:
		return 0;
	}
}

static bool near(double a, double b, double relative)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return a == b || fabs(a - b) <= 1e-7 + relative * fabs(b);
}

static bool same_element(const struct tensor *a, const struct tensor *b, int64_t i, double wide)
{
	double relative = tolerance(a->dtype);
	if (a->dtype == DT_STRING) {
		const struct string *s = a->data, *t = b->data;
		return s[i].n == t[i].n && !memcmp(s[i].s, t[i].s, s[i].n);
	}
	if (dtype_is_float(a->dtype))
		return near(tensor_get(a, i), tensor_get(b, i), wide > relative ? wide : relative);
	return tensor_get_int(a, i) == tensor_get_int(b, i);
}

/* The older test data holds bfloat16 as uint16. */
static void fix_bf16(struct tensor *t, enum dtype dtype)
{
	if (t->dtype == DT_U16 && dtype == DT_BF16)
		t->dtype = DT_BF16;
}

static enum status compare(const struct tensor *got, const struct tensor *expected, double wide,
			   struct error *err)
{
	char a[SHAPE_TEXT], b[SHAPE_TEXT];
	if (got->dtype != expected->dtype || !shape_equal(&got->shape, &expected->shape))
		return fail(err, ERR_INTERNAL, "is %s %s, not %s %s", dtype_name(got->dtype),
			    shape_format(&got->shape, a), dtype_name(expected->dtype),
			    shape_format(&expected->shape, b));
	for (int64_t i = 0, n = shape_elements(&got->shape); i < n; i++) {
		if (same_element(got, expected, i, wide))
			continue;
		if (got->dtype == DT_STRING)
			return fail(err, ERR_INTERNAL, "element %lld differs", (long long)i);
		return fail(err, ERR_INTERNAL, "element %lld is %.9g, not %.9g", (long long)i,
			    tensor_get(got, i), tensor_get(expected, i));
	}
	return OK;
}

/* ---- one test ---- */

/* A tensor from a file; false when there is none. The file stays open in *file. */
static bool read_tensor(const char *folder, const char *name, struct onnx_file *file,
			struct arena *arena, struct tensor *out, enum status *status,
			struct error *err)
{
	char *path = arena_printf(arena, "%s/%s.pb", folder, name);
	if (access(path, R_OK))
		return false;
	*status = onnx_file_open_tensor(path, file, err);
	if (*status == OK)
		*status = onnx_file_tensor(file, file->tensors.v[0], arena, out, err);
	return true;
}

#define MAX_VALUES 16

/* The model on one set of inputs, its outputs compared. */
static enum status run_set(const struct graph *graph, const char *folder, double wide,
			   struct error *err)
{
	struct onnx_file files[2 * MAX_VALUES] = { 0 };
	struct tensor in[MAX_VALUES] = { 0 }, out[MAX_VALUES] = { 0 };
	struct arena arena;
	enum status status = OK;
	uint32_t n = 0;
	arena_init(&arena);
	for (uint32_t k = 0; k < graph->inputs.n && status == OK; k++, n++) {
		if (!read_tensor(folder, arena_printf(&arena, "input_%u", k), &files[n], &arena,
				 &in[k], &status, err))
			status = fail(err, ERR_INTERNAL, "input %u is missing", k);
		fix_bf16(&in[k], graph_value(graph, graph->inputs.v[k])->t.dtype);
	}
	if (status == OK)
		status = interpret_graph(graph, in, out, NULL, &arena, err);
	for (uint32_t k = 0; k < graph->outputs.n && status == OK; k++, n++) {
		struct tensor expected;
		if (!read_tensor(folder, arena_printf(&arena, "output_%u", k), &files[n], &arena,
				 &expected, &status, err))
			continue; /* an optional output that the test does not look at */
		if (status == OK) {
			fix_bf16(&expected, out[k].dtype);
			status = compare(&out[k], &expected, wide, err);
		}
		if (status != OK)
			fail_context(err, "output %u", k);
	}
	for (uint32_t k = 0; k < n; k++)
		onnx_file_close(&files[k]);
	arena_release(&arena);
	return status;
}

/*
 * The model with an opset of at least 7, the oldest that models may have: operators that did not
 * change since an older one are tested by ONNX at that.
 */
static enum status load(const char *path, uint8_t **bytes, struct model **out, struct error *err)
{
	struct problems problems = { 0 };
	struct file_map map;
	TRY(file_map(path, &map, err));
	Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, map.size, map.data);
	file_unmap(&map);
	if (!m)
		return fail(err, ERR_INTERNAL, "%s is no model", path);
	for (size_t i = 0; i < m->n_opset_import; i++)
		if (m->opset_import[i]->version < OPSET_OLDEST)
			m->opset_import[i]->version = OPSET_OLDEST;
	*bytes = mem_alloc(onnx__model_proto__get_packed_size(m));
	size_t size = onnx__model_proto__pack(m, *bytes);
	onnx__model_proto__free_unpacked(m, NULL);
	return model_load_memory(*bytes, size, out, &problems, err);
}

/* Whether all operators of the model are known here. */
static bool is_known(const char *path)
{
	struct onnx_file file;
	struct error err;
	bool known = true;
	if (onnx_file_open(path, &file, &err) != OK)
		return false;
	const Onnx__ModelProto *m = file.model;
	int64_t opset = 0;
	for (size_t i = 0; i < m->n_opset_import; i++)
		if (!m->opset_import[i]->domain || !*m->opset_import[i]->domain)
			opset = m->opset_import[i]->version;
	if (opset < OPSET_OLDEST)
		opset = OPSET_OLDEST;
	for (size_t i = 0; i < m->graph->n_node; i++) {
		const Onnx__NodeProto *node = m->graph->node[i];
		known &= (!node->domain || !*node->domain) &&
			 op_find("", node->op_type, (int)opset) != NULL;
	}
	onnx_file_close(&file);
	return known;
}

static enum status run_node_test(const char *folder, double wide, struct error *err)
{
	struct model *model = NULL;
	uint8_t *bytes = NULL;
	char path[PATH_MAX];
	int sets = 0;
	snprintf(path, sizeof path, "%s/model.onnx", folder);
	enum status status = load(path, &bytes, &model, err);
	for (uint32_t i = 1; status == OK && i < model->graph->nodes.n; i++)
		if (!graph_node(model->graph, i)->def)
			status = fail(err, ERR_INTERNAL, "there is no operator %s",
				      graph_node(model->graph, i)->op);
	if (status == OK &&
	    (model->graph->inputs.n > MAX_VALUES || model->graph->outputs.n > MAX_VALUES))
		status = fail(err, ERR_INTERNAL, "more than %d inputs or outputs", MAX_VALUES);
	while (status == OK) {
		snprintf(path, sizeof path, "%s/test_data_set_%d", folder, sets);
		if (access(path, R_OK))
			break;
		status = run_set(model->graph, path, wide, err);
		sets++;
	}
	if (status == OK && !sets)
		status = fail(err, ERR_INTERNAL, "there is no data");
	model_free(model);
	free(bytes);
	return status;
}

/* ---- the list ---- */

struct entry {
	const char *name;
	bool passes;
	double tolerance; /* 0: the usual */
	bool seen;
};

struct list {
	struct map index; /* of names in entries */
	ARRAY(struct entry) entries;
};

static void read_list(struct list *list, struct arena *arena)
{
	const char *srcdir = getenv("srcdir");
	struct file_map map;
	struct error err;
	char *rest;
	const char *path = arena_printf(arena, "%s/tests/ops/node-tests.txt",
					srcdir ? srcdir : ".");
	assert_int_equal(file_map(path, &map, &err), OK);
	char *text = arena_strndup(arena, (const char *)map.data, map.size);
	file_unmap(&map);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *tolerance = strchr(line, ' '), *reason = strchr(line, ':');
		struct entry entry = { .name = line, .passes = !reason };
		if (*line == '#')
			continue;
		if (reason)
			*reason = 0;
		if (tolerance && (!reason || tolerance < reason)) {
			*tolerance = 0;
			entry.passes = true;
			entry.tolerance = strtod(tolerance + 1, NULL);
		}
		map_set(&list->index, line, list->entries.n);
		*array_push(&list->entries) = entry;
	}
}

/* Runs the tests in the folder and returns the number of those that are not as listed. */
static int run_folder(const char *folder, struct list *list, struct arena *arena)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort), wrong = 0, passed = 0;
	for (int i = 0; i < n; i++) {
		char *path = arena_printf(arena, "%s/%s", folder, names[i]->d_name);
		const char *name = strrchr(path, '/') + 1;
		struct entry new_one = { .passes = true }, *entry = &new_one;
		struct error err = { 0 };
		uint32_t k;
		free(names[i]);
		if (strncmp(name, "test_", 5))
			continue;
		if (map_get(&list->index, name, &k))
			entry = &list->entries.v[k];
		else if (!is_known(arena_printf(arena, "%s/model.onnx", path)))
			continue;
		bool passes = run_node_test(path, entry->tolerance, &err) == OK;
		passed += passes;
		if (passes && entry == &new_one)
			print_message("%s: passes, but is not in node-tests.txt yet\n", name);
		entry->seen = true;
		if (passes == entry->passes)
			continue;
		print_error("%s: %s\n", name,
			    passes ? "passes, unlike node-tests.txt says" : err.text);
		wrong++;
	}
	if (n >= 0)
		free(names);
	print_message("%s: %d passed, %d are wrong\n", folder, passed, wrong);
	return wrong;
}

static void test_all(void **state)
{
	(void)state;
	const char *installed = getenv("ONNX_NODE_TESTS"), *srcdir = getenv("srcdir");
	struct list list = { 0 };
	struct arena arena;
	int wrong;
	arena_init(&arena);
	read_list(&list, &arena);
	if (!installed)
		installed = "/usr/share/libonnx-testdata/data/node";
	bool complete = !access(installed, R_OK);
	wrong = run_folder(arena_printf(&arena, "%s/tests/data/node", srcdir ? srcdir : "."), &list,
			   &arena);
	if (complete)
		wrong += run_folder(installed, &list, &arena);
	for (uint32_t i = 0; i < list.entries.n && complete; i++)
		if (!list.entries.v[i].seen) {
			print_error("%s: listed, but not there\n", list.entries.v[i].name);
			wrong++;
		}
	map_release(&list.index);
	array_release(&list.entries);
	arena_release(&arena);
	assert_int_equal(wrong, 0);
	if (!complete) {
		print_message(
			"no tests of opset 17 and older: libonnx-testdata is not installed\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
