/*
 * test_new_head.c - other classifiers for the reference models: rows of known classes are kept to
 * the bit, others are as PyTorch initializes them, and nothing else of the file is touched.
 */
#include "api/new_head.h"
#include "passes/bind.h"
#include "passes/head.h"
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct subject {
	const char *path;
	int64_t classes, fan_in;
	/* the file stores its tensors as onnx writes them: edits can be taken back to the byte */
	bool plain;
};

static const struct subject subjects[] = {
	{ "models/mlp/model.onnx", 4, 32, true },
	{ "models/mlp/variants/constant_nodes.onnx", 4, 32, true },
	{ "models/mlp/variants/float_data.onnx", 4, 32, false },
	{ "models/mlp/variants/external.onnx", 4, 32, false },
	{ "models/mlp/variants/inputs.onnx", 4, 32, true },
	{ "models/mlp/variants/float64.onnx", 4, 32, true },
	{ "models/mlp/variants/float16.onnx", 4, 32, true },
	{ "models/mlp_fp16/model.onnx", 4, 32, true },
	{ "models/lenet/model.onnx", 10, 40, true },
	{ "models/lenet_fixed/model.onnx", 10, 40, true },
	{ "models/resnet_frozen/model.onnx", 5, 16, true },
	{ "models/vit/model.onnx", 5, 24, true },
	{ "models/vit_dynamo/model.onnx", 5, 24, true },
	{ "models/vit_opset13/model.onnx", 5, 24, true },
};

#define NEW_CLASSES 7
static const char *const new_names[NEW_CLASSES] = { "n2", "it's \"new\"", "n0",   "back\\slash",
						    "5",  "other",        "n 0 1" };
/* the model's class of each */
static const int64_t kept[NEW_CLASSES] = { 2, -1, 0, -1, -1, -1, -1 };

struct pair {
	struct arena arena;
	struct model *old, *new;
	struct shape *shapes;
};

static void open_pair(struct pair *p, const struct subject *s, uint64_t seed)
{
	struct problems problems = { 0 };
	struct error err;
	const char *names[10];
	*p = (struct pair){ 0 };
	arena_init(&p->arena);
	expect_ok(model_load(trial_path(&p->arena, s->path), &p->old, &problems, &err), &err);
	p->shapes = arena_alloc(&p->arena, p->old->graph->inputs.n * sizeof *p->shapes);
	expect_ok(bind_shapes(p->old->graph, 2, NULL, 16, p->shapes, &err), &err);
	for (int64_t i = 0; i < s->classes; i++)
		names[i] = arena_printf(&p->arena, "n%lld", (long long)i);
	struct new_head head = {
		.model = p->old,
		.shapes = p->shapes,
		.classes = NEW_CLASSES,
		.names = new_names,
		.known = { .v = names, .n = (uint32_t)s->classes },
		.seed = seed,
		.arena = &p->arena,
	};
	struct new_head_made made;
	expect_ok(new_head_make(&head, &made, &problems, &err), &err);
	p->new = made.model;
}

static void close_pair(struct pair *p)
{
	model_free(p->new);
	model_free(p->old);
	arena_release(&p->arena);
}

/* Element j of the row of a class. */
static size_t place(const struct tensor *t, int axis, int64_t class, int64_t j)
{
	int64_t inner = 1;
	for (int i = axis + 1; i < t->shape.rank; i++)
		inner *= t->shape.dim[i];
	return (size_t)((j / inner * t->shape.dim[axis] + class) * inner + j % inner);
}

static void check_rows(const struct tensor *old, const struct tensor *new, int axis, double bound)
{
	size_t bytes = dtype_bits(old->dtype) / 8;
	int64_t n = shape_elements(&old->shape) / old->shape.dim[axis], fresh = 0;
	double sum = 0, squares = 0;
	assert_int_equal(new->dtype, old->dtype);
	assert_int_equal(new->shape.dim[axis], NEW_CLASSES);
	for (int64_t k = 0; k < NEW_CLASSES; k++) {
		for (int64_t j = 0; j < n; j++) {
			size_t at = place(new, axis, k, j);
			if (kept[k] >= 0) {
				size_t from = place(old, axis, kept[k], j);
				assert_memory_equal((char *)new->data + at *bytes,
						    (char *)old->data + from * bytes, bytes);
				continue;
			}
			double x = tensor_get(new, (int64_t)at);
			assert_true(fabs(x) <= bound * (old->dtype == DT_F16 ? 1.001 : 1));
			sum += x / bound;
			squares += x / bound * x / bound;
			fresh++;
		}
	}
	/* a uniform distribution, by its first two moments: four standard deviations */
	double d = (double)fresh;
	assert_true(fabs(sum / d) < 4 * sqrt(1 / (3 * d)));
	assert_true(fabs(squares / d - 1.0 / 3) < 4 * sqrt(4 / (45 * d)));
}

static const struct tensor *constant(const struct model *m, uint32_t value)
{
	return &graph_value(m->graph, value)->t;
}

static bool is_of_head(const struct head *h, uint32_t value)
{
	bool is = value == h->weight.value;
	for (uint32_t i = 0; i < h->n_biases; i++)
		is |= value == h->biases[i].value;
	return is;
}

/* Values keep their ids: the graphs are built alike. */
static void check_graph(const struct pair *p, const struct head *old)
{
	const struct graph *a = p->old->graph, *b = p->new->graph;
	assert_int_equal(a->values.n, b->values.n);
	for (uint32_t i = 1; i < a->values.n; i++) {
		const struct value *x = graph_value(a, i), *y = graph_value(b, i);
		assert_string_equal(x->name, y->name);
		if (x->kind != VALUE_CONSTANT || is_of_head(old, i))
			continue;
		assert_true(shape_equal(&x->t.shape, &y->t.shape));
		assert_memory_equal(x->t.data, y->t.data, tensor_bytes(&x->t));
	}
}

/* What the file declares is what binding finds. */
static void check_shapes(const struct pair *p)
{
	struct problems problems = { 0 };
	struct binding bound;
	struct error err;
	const Onnx__GraphProto *g = p->new->file.model->graph;
	expect_ok(bind_graph(p->new->graph, p->shapes, NULL, &bound, &problems, &err), &err);
	const struct shape *out = &graph_value(bound.graph, bound.graph->outputs.v[0])->t.shape;
	assert_int_equal(out->dim[out->rank - 1], NEW_CLASSES);
	for (size_t k = 0; k < g->n_output + g->n_value_info; k++) {
		const Onnx__ValueInfoProto *info = k < g->n_output ? g->output[k]
								   : g->value_info[k - g->n_output];
		const Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
		for (uint32_t i = 1; shape && i < p->new->graph->values.n; i++) {
			if (strcmp(graph_value(p->new->graph, i)->name, info->name) ||
			    !bound.map[i])
				continue;
			const struct tensor *t = &graph_value(bound.graph, bound.map[i])->t;
			assert_int_equal(t->shape.rank, shape->n_dim);
			for (size_t a = 0; a < shape->n_dim; a++)
				if (shape->dim[a]->value_case ==
				    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
					assert_int_equal(shape->dim[a]->dim_value, t->shape.dim[a]);
		}
	}
	graph_free(bound.graph);
}

static void check_names(const struct pair *p)
{
	struct class_names names;
	struct arena arena;
	arena_init(&arena);
	const char *text = model_metadata(p->new, CLASS_NAMES_KEY);
	assert_non_null(text);
	assert_true(class_names_parse(text, &arena, &names));
	assert_int_equal(names.n, NEW_CLASSES);
	for (uint32_t i = 0; i < NEW_CLASSES; i++)
		assert_string_equal(names.v[i], new_names[i]);
	arena_release(&arena);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct pair p;
		struct head old, new;
		struct error err;
		open_pair(&p, &subjects[i], 5);
		expect_ok(head_find(p.old->graph, p.old->graph->outputs.v[0], &old, &err), &err);
		expect_ok(head_find(p.new->graph, p.new->graph->outputs.v[0], &new, &err), &err);
		assert_int_equal(old.classes, subjects[i].classes);
		assert_int_equal(new.classes, NEW_CLASSES);
		assert_int_equal(old.fan_in, subjects[i].fan_in);
		assert_int_equal(new.fan_in, subjects[i].fan_in);
		assert_int_equal(new.n_biases, 1);
		double bound = 1 / sqrt((double)subjects[i].fan_in);
		check_rows(constant(p.old, old.weight.value), constant(p.new, new.weight.value),
			   old.weight.axis, bound);
		check_rows(constant(p.old, old.biases[0].value),
			   constant(p.new, new.biases[0].value), old.biases[0].axis, bound);
		check_graph(&p, &old);
		check_shapes(&p);
		check_names(&p);
		close_pair(&p);
	}
}

/* The old tensors and shapes put back, and the metadata cut off, is the old file. */
static void test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct pair p;
		struct head old;
		struct error err;
		struct onnx_tensor_edit tensors[2];
		struct onnx_axis_edit axes[64];
		size_t n_axes = 0, size;
		void *bytes;
		if (!subjects[i].plain)
			continue;
		open_pair(&p, &subjects[i], 5);
		const struct onnx_file *file = &p.old->file;
		expect_ok(head_find(p.old->graph, p.old->graph->outputs.v[0], &old, &err), &err);
		uint32_t values[] = { old.weight.value, old.biases[0].value };
		for (size_t k = 0; k < 2; k++) {
			const struct tensor *t = constant(p.old, values[k]);
			int axis = k ? old.biases[0].axis : old.weight.axis;
			tensors[k] = (struct onnx_tensor_edit){ p.new->sites[values[k]].tensor,
								p.new->sites[values[k]].attribute,
								*t };
			axes[n_axes++] = (struct onnx_axis_edit){
				graph_value(p.old->graph, values[k])->name, axis, t->shape.dim[axis]
			};
		}
		for (uint32_t k = 0; k < p.old->graph->outputs.n; k++) {
			const struct value *v = graph_value(p.old->graph,
							    p.old->graph->outputs.v[k]);
			axes[n_axes++] = (struct onnx_axis_edit){ v->name, 1, subjects[i].classes };
		}
		/* vit_dynamo declares the value of the classifier as well: it is the output */
		struct onnx_edits back = {
			.tensors = tensors, .n_tensors = 2, .axes = axes, .n_axes = n_axes
		};
		expect_ok(onnx_edit(&p.new->file, &back, &bytes, &size, &err), &err);
		assert_true(size > file->map.size);
		assert_memory_equal(bytes, file->map.data, 16);
		/* the graph's length may keep the width it had */
		assert_memory_equal(bytes, file->map.data, file->map.size);
		free(bytes);
		close_pair(&p);
	}
}

/* Nothing to edit: the same bytes. */
static void test_no_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct arena arena;
		struct onnx_file file;
		struct onnx_edits none = { 0 };
		struct error err;
		void *bytes;
		size_t size;
		arena_init(&arena);
		expect_ok(onnx_file_open(trial_path(&arena, subjects[i].path), &file, &err), &err);
		expect_ok(onnx_edit(&file, &none, &bytes, &size, &err), &err);
		assert_int_equal(size, file.map.size);
		assert_memory_equal(bytes, file.map.data, size);
		free(bytes);
		onnx_file_close(&file);
		arena_release(&arena);
	}
}

static void test_seed(void **state)
{
	(void)state;
	struct pair p[3];
	struct head head;
	struct error err;
	for (size_t i = 0; i < 3; i++)
		open_pair(&p[i], &subjects[0], i == 2 ? 6 : 5);
	expect_ok(head_find(p[0].new->graph, p[0].new->graph->outputs.v[0], &head, &err), &err);
	const struct tensor *t = constant(p[0].new, head.weight.value);
	assert_memory_equal(t->data, constant(p[1].new, head.weight.value)->data, tensor_bytes(t));
	assert_memory_not_equal(t->data, constant(p[2].new, head.weight.value)->data,
				tensor_bytes(t));
	for (size_t i = 0; i < 3; i++)
		close_pair(&p[i]);
}

static size_t find_bytes(const uint8_t *data, size_t size, const uint8_t *part, size_t n)
{
	const uint8_t *at = memmem(data, size, part, n);
	assert_non_null(at);
	return (size_t)(at - data);
}

/* A head on what the classifier reads: all that the graph had is there, one output is in front. */
static void test_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct pair p;
		struct head old, on;
		struct error err;
		struct problems problems = { 0 };
		struct binding bound;
		open_pair(&p, &subjects[i], 5);
		model_free(p.new);
		p.new = NULL;
		const struct graph *g = p.old->graph;
		expect_ok(head_find(g, g->outputs.v[0], &old, &err), &err);
		struct new_head head = {
			.model = p.old,
			.shapes = p.shapes,
			.on = graph_value(g, graph_node(g, old.node)->in[0])->name,
			.classes = NEW_CLASSES,
			.names = new_names,
			.seed = 5,
			.arena = &p.arena,
		};
		struct new_head_made made;
		expect_ok(new_head_make(&head, &made, &problems, &err), &err);
		p.new = made.model;
		assert_int_equal(made.n, 2);
		const struct graph *n = p.new->graph;
		assert_int_equal(n->outputs.n, g->outputs.n + 1);
		expect_ok(bind_graph(n, p.shapes, NULL, &bound, &problems, &err), &err);
		const struct shape *out =
			&graph_value(bound.graph, bound.graph->outputs.v[0])->t.shape;
		assert_true(shape_equal(out, &SHAPE(p.shapes[0].dim[0], NEW_CLASSES)));
		graph_free(bound.graph);
		expect_ok(head_find(n, n->outputs.v[0], &on, &err), &err);
		assert_int_equal(on.fan_in, subjects[i].fan_in);
		assert_int_equal(on.classes, NEW_CLASSES);
		const struct tensor *w = constant(p.new, on.weight.value);
		double bound_w = 1 / sqrt((double)on.fan_in), largest = 0;
		for (int64_t k = 0; k < shape_elements(&w->shape); k++)
			largest = fmax(largest, fabs(tensor_get(w, k)));
		assert_true(largest > 0.9 * bound_w && largest <= 1.001 * bound_w);
		check_names(&p);
		/* the fields of the old graph, in one piece */
		const struct file_map *a = &p.old->file.map, *b = &p.new->file.map;
		size_t body = a->size;
		for (uint32_t k = 0; k < p.old->file.spans.n; k++)
			if (p.old->file.spans.v[k].parent == 0 && k > 0 &&
			    p.old->file.spans.v[k].size > a->size / 2)
				body = p.old->file.spans.v[k].body;
		assert_true(body < a->size);
		size_t at = find_bytes(b->data, b->size, a->data + body, a->size / 2);
		assert_true(at > body);
		close_pair(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),    cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_no_edit), cmocka_unit_test(test_seed),
		cmocka_unit_test(test_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
