/*
 * test_params.c - which constants are trained: each part of the rule on a graph made for it, and the
 * count on a third-party model, which was found with another tool (every float constant of rank >= 1
 * but the running statistics).
 */
#include "onnx/load.h"
#include "passes/bind.h"
#include "passes/params.h"

#include "ops/op.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct graph *graph;
	struct shape shape; /* of the input */
	uint32_t x;
};

static void begin(struct fixture *f, const struct shape *shape)
{
	arena_init(&f->arena);
	f->graph = graph_new(&f->arena);
	f->shape = *shape;
	f->x = graph_add_value(f->graph, "x", VALUE_INPUT, (struct tensor){ DT_F32, *shape, NULL });
	*array_push(&f->graph->inputs) = f->x;
}

/* A constant whose elements are all different, from first on. */
static uint32_t constant(struct fixture *f, const char *name, const struct shape *shape,
			 double first, double step)
{
	struct tensor t = tensor_new(&f->arena, DT_F32, shape);
	for (int64_t i = 0; i < shape_elements(shape); i++)
		tensor_set(&t, i, first + step * (double)i);
	return graph_add_value(f->graph, name, VALUE_CONSTANT, t);
}

static uint32_t integers(struct fixture *f, const char *name, int64_t a, int64_t b)
{
	struct tensor t = tensor_new(&f->arena, DT_I64, &SHAPE(2));
	tensor_set_int(&t, 0, a);
	tensor_set_int(&t, 1, b);
	return graph_add_value(f->graph, name, VALUE_CONSTANT, t);
}

static uint32_t node(struct fixture *f, const char *op, uint32_t a, uint32_t b)
{
	const struct attr none[] = { { 0 } };
	uint32_t in[] = { a, b };
	uint32_t id = graph_add_node(f->graph, op_find("", op, INT_MAX), op, op, in, b ? 2 : 1, 1,
				     NULL, none);
	return graph_node(f->graph, id)->out[0];
}

static void check(struct fixture *f, uint32_t y, uint32_t constant, bool trained,
		  const char *reason)
{
	struct problems problems = { 0 };
	struct error err;
	struct param_verdict *v = mem_alloc(f->graph->values.n * sizeof *v);
	f->graph->outputs.n = 0;
	*array_push(&f->graph->outputs) = y;
	assert_int_equal(params_choose(f->graph, &f->shape, NULL, NULL, 0, v, &problems, &err), OK);
	assert_int_equal(v[constant].trained, trained);
	if (reason)
		assert_string_equal(v[constant].reason, reason);
	free(v);
}

static void end(struct fixture *f)
{
	graph_free(f->graph);
	arena_release(&f->arena);
}

static void test_weight_and_bias(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t w = constant(&f, "w", &SHAPE(3, 5), 0, 0.1),
		 b = constant(&f, "b", &SHAPE(5), 0, 1);
	uint32_t y = node(&f, "Add", node(&f, "MatMul", f.x, w), b);
	check(&f, y, w, true, NULL);
	check(&f, y, b, true, NULL);
	end(&f);
}

/* A bias that reaches its Add through a Reshape. */
static void test_through_reshape(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t w = constant(&f, "w", &SHAPE(3, 5), 0, 0.1),
		 b = constant(&f, "b", &SHAPE(5), 0, 1);
	uint32_t row = node(&f, "Reshape", b, integers(&f, "row", 1, 5));
	check(&f, node(&f, "Add", node(&f, "MatMul", f.x, w), row), b, true, NULL);
	end(&f);
}

/* A weight that is stored in float16: a float32 master is put before it. */
static void test_half_stored(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	struct tensor t = tensor_new(&f.arena, DT_F16, &SHAPE(3, 5));
	uint32_t w = graph_add_value(f.graph, "w", VALUE_CONSTANT, t);
	const struct attr to[] = { attr_int("to", DT_F32), { 0 } };
	uint32_t cast = graph_add_node(f.graph, op_find("", "Cast", 13), "cast", "Cast", &w, 1, 1,
				       NULL, to);
	uint32_t y = node(&f, "MatMul", f.x, graph_node(f.graph, cast)->out[0]);
	check(&f, y, w, true, NULL);
	end(&f);
}

/* Mean and standard deviation of the input are no bias and scale. */
static void test_before_first_weight(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t mean = constant(&f, "mean", &SHAPE(3), 1, 1);
	uint32_t w = constant(&f, "w", &SHAPE(3, 5), 0, 0.1);
	uint32_t y = node(&f, "MatMul", node(&f, "Add", f.x, mean), w);
	check(&f, y, mean, false, "stands before the first weight");
	check(&f, y, w, true, NULL);
	end(&f);
}

static void test_mask(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t w = constant(&f, "w", &SHAPE(3, 5), 0, 0.1);
	uint32_t low = constant(&f, "low", &SHAPE(1, 5), -20000, 1);
	uint32_t flat = constant(&f, "flat", &SHAPE(1, 5), 1, 0);
	uint32_t y = node(&f, "Add", node(&f, "Add", node(&f, "MatMul", f.x, w), low), flat);
	check(&f, y, low, false, "mask");
	check(&f, y, flat, false, "mask");
	end(&f);
}

static void test_scalar(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, &SHAPE(4, 3));
	uint32_t w = constant(&f, "w", &SHAPE(3, 5), 0, 0.1);
	uint32_t s = constant(&f, "s", &SHAPE_SCALAR, 2, 0);
	check(&f, node(&f, "Mul", node(&f, "MatMul", f.x, w), s), s, false, "scalar");
	end(&f);
}

static void test_patterns(void **state)
{
	(void)state;
	struct fixture f;
	struct problems problems = { 0 };
	struct error err;
	struct param_verdict v[16] = { 0 };
	const char *all[] = { "*", NULL }, *head[] = { "head*", NULL }, *none[] = { "typo", NULL };
	begin(&f, &SHAPE(4, 3));
	uint32_t w = constant(&f, "body", &SHAPE(3, 5), 0, 0.1);
	uint32_t h = constant(&f, "head.w", &SHAPE(5, 2), 0, 0.1);
	*array_push(&f.graph->outputs) = node(&f, "MatMul", node(&f, "MatMul", f.x, w), h);
	assert_int_equal(params_choose(f.graph, &f.shape, all, head, 0, v, &problems, &err), OK);
	assert_false(v[w].trained);
	assert_true(v[h].trained);
	assert_int_equal(params_choose(f.graph, &f.shape, none, NULL, 0, v, &problems, &err),
			 ERR_USAGE);
	end(&f);
}

static void test_third_party(void **state)
{
	(void)state;
	const char *srcdir = getenv("srcdir");
	char *path = mem_printf("%s/data/demo/ppocr_cls.onnx", srcdir ? srcdir : ".");
	struct problems problems = { 0 };
	struct error err;
	struct model *m;
	int trained = 0, scalars = 0, statistics = 0;
	assert_int_equal(model_load(path, &m, &problems, &err), OK);
	struct param_verdict *v = mem_alloc(m->graph->values.n * sizeof *v);
	assert_int_equal(params_choose(m->graph, &SHAPE(2, 3, 48, 192), NULL, NULL, 0, v, &problems,
				       &err),
			 OK);
	for (uint32_t i = 0; i < m->graph->values.n; i++) {
		trained += v[i].trained;
		scalars += v[i].is_float && !strcmp(v[i].reason, "scalar");
		statistics += v[i].is_float && !strcmp(v[i].reason, "running statistics");
	}
	assert_int_equal(trained, 143);
	assert_int_equal(scalars, 72);
	assert_int_equal(statistics, 70);
	free(v);
	model_free(m);
	free(path);
}

/*
 * Nodes and layers counted from the end, by hand from the rule in passes/layers.h: vit's are those of
 * timm's ViT; the nodes of vit_dynamo have no paths.
 */
static void test_layers(void **state)
{
	static const struct {
		const char *model, *name;
		uint32_t last, depth;
	} cases[] = {
		{ "mlp", "fc3.bias", 1, 0 },
		{ "mlp", "fc1.weight", 3, 2 },
		{ "resnet_frozen", "head.weight", 1, 0 },
		{ "resnet_frozen", "stage2.down.1.bias", 2, 1 },
		{ "resnet_frozen", "stage2.down.0.weight", 3, 1 },
		{ "resnet_frozen", "stage2.bn2.weight", 4, 2 },
		{ "resnet_frozen", "bn.bias", 12, 6 },
		{ "resnet_frozen", "stem.weight", 13, 6 },
		{ "vit", "head.bias", 1, 0 },
		{ "vit", "norm.weight", 2, 0 },
		{ "vit", "blocks.1.fc2.bias", 3, 1 },
		{ "vit", "blocks.1.norm1.weight", 8, 1 },
		{ "vit", "blocks.0.norm1.weight", 14, 2 },
		{ "vit", "patch.weight", 15, 3 },
		{ "vit_dynamo", "norm.weight", 2, 0 },
		{ "vit_dynamo", "blocks.1.norm2.weight", 5, 2 },
		{ "vit_dynamo", "blocks.0.norm1.bias", 14, 8 },
		{ "vit_dynamo", "patch.bias", 15, 9 },
		{ "lstm", "fc.bias", 1, 0 },
		{ "lstm", "onnx::LSTM_200", 2, 1 },
		{ "lstm", "onnx::LSTM_201", 2, 1 },
		{ "lstm", "onnx::LSTM_202", 2, 1 },
		{ "lstm", "embedding.weight", 3, 2 },
	};
	(void)state;
	const char *srcdir = getenv("srcdir");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = mem_printf("%s/models/%s/model.onnx", srcdir ? srcdir : ".",
					cases[i].model);
		struct problems problems = { 0 };
		struct model *m;
		struct error err;
		struct shape shape;
		bool found = false;
		assert_int_equal(model_load(path, &m, &problems, &err), OK);
		struct param_verdict *v = mem_alloc(m->graph->values.n * sizeof *v);
		assert_int_equal(bind_shapes(m->graph, 2, NULL, 0, &shape, &err), OK);
		assert_int_equal(params_choose(m->graph, &shape, NULL, NULL, 0, v, &problems, &err),
				 OK);
		for (uint32_t k = 1; k < m->graph->values.n; k++) {
			if (strcmp(graph_value(m->graph, k)->name, cases[i].name))
				continue;
			found = true;
			if (v[k].last != cases[i].last || v[k].depth != cases[i].depth)
				fail_msg("%s: %s: node %u, depth %u", cases[i].model, cases[i].name,
					 v[k].last, v[k].depth);
		}
		assert_true(found);
		free(v);
		free(path);
		model_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight_and_bias),
		cmocka_unit_test(test_through_reshape),
		cmocka_unit_test(test_half_stored),
		cmocka_unit_test(test_before_first_weight),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_scalar),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_third_party),
		cmocka_unit_test(test_layers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
