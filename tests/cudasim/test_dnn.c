/*
 * test_dnn.c - the simulated cuDNN: convolutions and their gradients against plain loops in double
 * (types, strides, dilations, groups, paddings, two and three axes), fused chains, engines and their
 * notes; what it must refuse.
 */
#include "cudasim/bed.h"
#include "cudasim/cudasim.h"
#include "cudasim/dies.h"
#include "cudasim/graphs.h"

#include "base/half.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 4096 }; /* elements of a tensor */

/* ---- references ---- */

static double load(cudnnDataType_t type, const void *p, int64_t i)
{
	return type == CUDNN_DATA_FLOAT  ? ((const float *)p)[i]
	       : type == CUDNN_DATA_HALF ? fp16_to_float(((const uint16_t *)p)[i])
					 : bf16_to_float(((const uint16_t *)p)[i]);
}

/* Multiples of 1/4 that all types hold. */
static void fill(cudnnDataType_t type, void *p, int salt)
{
	for (int i = 0; i < MOST; i++) {
		float v = (float)((i * 5 + i / 7 + salt) % 13 - 6) * 0.25f;
		if (type == CUDNN_DATA_FLOAT)
			((float *)p)[i] = v;
		else
			((uint16_t *)p)[i] = type == CUDNN_DATA_HALF ? float_to_fp16(v)
								     : float_to_bf16(v);
	}
}

/* t[n][c][z][a][b], channels-last, of a tensor with those sizes of space */
static int64_t at(const int64_t *dims, int space, int64_t n, int64_t c, const int64_t *p)
{
	int64_t i = n;
	for (int k = 0; k < space; k++)
		i = i * dims[2 + k] + p[3 - space + k];
	return i * dims[1] + c;
}

/* Adds each product of the sum to what is wanted: y += x w, x += y w, w += x y. */
static void reference(const struct setting *s, const double *in[3], double *out)
{
	int64_t dims[3][5], o[3], t[3], p[3], sizes[3][3];
	int space = sim_graph_space(s);
	sim_graph_dimensions(s, dims);
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 3; i++)
			sizes[k][i] = i < 3 - space ? 1 : dims[k][2 + i - (3 - space)];
	int64_t ys = sizes[Y][0] * sizes[Y][1] * sizes[Y][2],
		ws = sizes[W][0] * sizes[W][1] * sizes[W][2];
	for (int64_t n = 0; n < s->n; n++)
		for (int64_t k = 0; k < s->k; k++)
			for (int64_t c = 0; c < dims[W][1]; c++)
				for (int64_t i = 0; i < ys * ws; i++) {
					int64_t yi = i / ws, wi = i % ws;
					bool inside = true;
					for (int a = 2; a >= 0; a--) {
						o[a] = yi % sizes[Y][a];
						t[a] = wi % sizes[W][a];
						yi /= sizes[Y][a];
						wi /= sizes[W][a];
						p[a] = a < 3 - space ? 0
								     : o[a] * s->stride +
									       t[a] * s->dilation -
									       s->pre;
						inside &= p[a] >= 0 && p[a] < sizes[X][a];
					}
					if (!inside)
						continue;
					int64_t xc = k / (s->k / s->groups) * dims[W][1] + c;
					int64_t ix = at(dims[X], space, n, xc, p),
						iw = at(dims[W], space, k, c, t),
						iy = at(dims[Y], space, n, k, o);
					if (s->kind == FORWARD)
						out[iy] += in[X][ix] * in[W][iw];
					else if (s->kind == BACKWARD_DATA)
						out[ix] += in[Y][iy] * in[W][iw];
					else
						out[iw] += in[X][ix] * in[Y][iy];
				}
}

static int64_t count(const int64_t *dims, int rank)
{
	int64_t n = 1;
	for (int i = 0; i < rank; i++)
		n *= dims[i];
	return n;
}

static size_t bytes_of(cudnnDataType_t type, int64_t n)
{
	return (size_t)n * (type == CUDNN_DATA_FLOAT ? 4 : 2);
}

static void run(const struct setting *s, float alpha, float beta)
{
	static float host[IDS][MOST], result[MOST];
	static double wide[3][MOST], wanted[MOST];
	struct made made = { .n = 0 };
	int64_t dims[3][5], workspace_bytes = 0, ids[] = { X, W, Y, BIAS, RESIDUAL, OUT };
	int rank = 2 + sim_graph_space(s), out = s->kind == FORWARD         ? Y
						 : s->kind == BACKWARD_DATA ? X
									    : W;
	void *device[IDS] = { NULL };
	cudnnHandle_t handle;
	cudaStream_t stream = bed_stream();
	assert_int_equal(cudnnCreate(&handle), 0);
	assert_int_equal(cudnnSetStream(handle, stream), 0);
	sim_graph_dimensions(s, dims);
	descriptor graph = sim_graph_finalized(sim_graph_of_setting(&made, s, alpha, beta)),
		   plan = sim_graph_plan(&made, graph, true, &workspace_bytes);
	assert_true(workspace_bytes > 0);
	cudnnDataType_t types[IDS] = { s->type,          s->w_type, s->type,
				       CUDNN_DATA_FLOAT, s->type,   s->type };
	int64_t counts[IDS] = { count(dims[X], rank), count(dims[W], rank),
				count(dims[Y], rank), s->k,
				count(dims[Y], rank), count(dims[Y], rank) };
	for (int i = 0; i <= OUT; i++) {
		assert_in_range(counts[i], 1, MOST);
		fill(types[i], host[i], i);
		device[i] = bed_upload(host[i], bytes_of(types[i], counts[i]), stream);
	}
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < MOST; i++)
			wide[k][i] = load(types[k], host[k], i);
	memset(wanted, 0, sizeof wanted);
	reference(s, (const double *[]){ wide[X], wide[W], wide[Y] }, wanted);
	void *workspace = bed_alloc((size_t)workspace_bytes);
	assert_int_equal(cudnnBackendExecute(handle, plan,
					     sim_graph_pack(&made, 6, ids, device, workspace)),
			 0);
	sim_graph_destroy(&made); /* what is queued has its own */
	int target = s->fused ? OUT : out;
	bed_download(result, device[target], bytes_of(types[target], counts[target]), stream);
	for (int64_t i = 0; i < counts[target]; i++) {
		double v = wanted[i] * alpha + beta * wide[out][i];
		if (s->fused)
			v += load(CUDNN_DATA_FLOAT, host[BIAS], i % s->k);
		if (s->fused == 3)
			v += load(s->type, host[RESIDUAL], i);
		if (s->fused >= 2)
			v = v > 0 ? v : 0;
		assert_near(load(types[target], result, i), v, s->tolerance * (1 + fabs(v)));
	}
	for (int i = 0; i <= OUT; i++)
		assert_ok(cudaFree(device[i]));
	assert_ok(cudaFree(workspace));
	assert_int_equal(cudnnDestroy(handle), 0);
	assert_ok(cudaStreamDestroy(stream));
}

#define F CUDNN_DATA_FLOAT
#define H CUDNN_DATA_HALF
#define B CUDNN_DATA_BFLOAT16

static void test_convolutions(void **state)
{
	(void)state;
	/* kind and type are filled in:   n  c  k  g  d  h  w  r  s st di pre post */
	static const struct setting shapes[] = {
		{ 0, F, F, 2, 3, 5, 1, 0, 6, 7, 3, 3, 1, 1, 1, 1, 0, 0 },
		{ 0, F, F, 1, 4, 6, 2, 0, 7, 5, 3, 2, 2, 1, 1, 2, 0, 0 },
		{ 0, F, F, 2, 4, 4, 4, 0, 9, 8, 3, 3, 1, 2, 2, 1, 0, 0 },
		{ 0, F, F, 1, 2, 3, 1, 4, 5, 4, 2, 3, 1, 1, 1, 1, 0, 0 },
		{ 0, F, F, 2, 8, 3, 1, 0, 4, 4, 1, 1, 1, 1, 0, 0, 0, 0 },
	};
	static const struct {
		cudnnDataType_t type, w_type;
		double tolerance;
	} types[] = { { F, F, 1e-6 }, { H, H, 0x1p-11 }, { B, B, 0x1p-8 } };
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (int kind = 0; kind < 3; kind++)
			for (int t = 0; t < 3; t++) {
				struct setting s = shapes[i];
				s.kind = kind;
				s.type = types[t].type;
				s.w_type = types[t].w_type;
				s.tolerance = types[t].tolerance;
				run(&s, 1, 0);
				if (t == 0)
					run(&s, 0.5f, 2);
			}
}

static void test_fused(void **state)
{
	(void)state;
	for (int fused = 1; fused <= 3; fused++) {
		struct setting s = { FORWARD, H, H, 2, 8, 16, 1, 0,       5,
				     6,       3, 3, 1, 1, 1,  1, 0x1p-11, fused };
		run(&s, 1, 0);
	}
}

/* dx = dy where x > 0, and y = x as another type. */
static void test_pointwise(void **state)
{
	(void)state;
	struct made made = { .n = 0 };
	int64_t dims[4] = { 2, 3, 2, 2 }, ids[] = { X, Y, OUT }, bytes;
	float x[24], dy[24], dx[24];
	cudnnHandle_t handle;
	cudaStream_t stream = bed_stream();
	for (int i = 0; i < 24; i++) {
		x[i] = (float)(i % 5 - 2);
		dy[i] = (float)(i + 1);
	}
	assert_int_equal(cudnnCreate(&handle), 0);
	assert_int_equal(cudnnSetStream(handle, stream), 0);
	descriptor op = sim_graph_pointwise(
		&made, CUDNN_POINTWISE_RELU_BWD, sim_graph_backward,
		(descriptor[]){ sim_graph_tensor(&made, Y, F, 4, dims, false),
				sim_graph_tensor(&made, X, F, 4, dims, false),
				sim_graph_tensor(&made, OUT, F, 4, dims, false) });
	descriptor graph = sim_graph_keep(&made,
					  sim_graph_new(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
	sim_graph_set_child(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, op);
	descriptor plan = sim_graph_plan(&made, sim_graph_finalized(graph), true, &bytes);
	void *device[] = { bed_upload(x, sizeof x, stream), bed_upload(dy, sizeof dy, stream),
			   bed_alloc(sizeof dx) },
	     *workspace = bed_alloc((size_t)bytes);
	assert_int_equal(cudnnBackendExecute(handle, plan,
					     sim_graph_pack(&made, 3, ids, device, workspace)),
			 0);
	bed_download(dx, device[2], sizeof dx, stream);
	for (int i = 0; i < 24; i++)
		assert_near(dx[i], x[i] > 0 ? dy[i] : 0, 0);
	for (int i = 0; i < 3; i++)
		assert_ok(cudaFree(device[i]));
	assert_ok(cudaFree(workspace));
	sim_graph_destroy(&made);
	assert_int_equal(cudnnDestroy(handle), 0);
	assert_ok(cudaStreamDestroy(stream));
}

static const struct setting sound = { FORWARD, H, H, 1, 8, 8, 1, 0, 5, 5, 3, 3, 1, 1, 1, 1, 0, 0 };

/* What the heuristic says to the setting. */
static cudnnStatus_t answer(struct setting s, float beta)
{
	struct made made = { .n = 0 };
	descriptor graph = sim_graph_of_setting(&made, &s, 1, beta);
	cudnnStatus_t status = cudnnBackendFinalize(graph);
	if (!status)
		status = cudnnBackendFinalize(sim_graph_heuristic(&made, graph));
	sim_graph_destroy(&made);
	return status;
}

static void test_refused_graphs(void **state)
{
	(void)state;
	struct setting s = sound;
	struct cudasim_devices turing = { 1, 7, 5, 1 << 30 }, ampere = { 1, 8, 0, 1 << 30 };
	assert_int_equal(answer(s, 0), CUDNN_STATUS_SUCCESS);
	s.fused = 3;
	assert_int_equal(answer(s, 0), CUDNN_STATUS_SUCCESS);
	assert_int_equal(answer(s, 1), CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
	s.k = 12;
	assert_int_equal(answer(s, 0), CUDNN_STATUS_NOT_SUPPORTED_SHAPE);
	s = sound;
	s.type = s.w_type = B;
	assert_int_equal(answer(s, 0), CUDNN_STATUS_SUCCESS);
	cudasim_set_devices(&turing);
	assert_int_equal(answer(s, 0), CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH);
	cudasim_set_devices(&ampere);
	s = sound;
	s.kind = BACKWARD_FILTER;
	assert_int_equal(answer(s, 0), CUDNN_STATUS_SUCCESS);
	s.w_type = F;
	assert_int_equal(answer(s, 0), CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
}

/* Descriptors that cuDNN refuses when they are set or finalized. */
static void test_refused_descriptors(void **state)
{
	(void)state;
	struct made made = { .n = 0 };
	int64_t dims[3][5], plain[4] = { 200, 25, 5, 1 }, one = 1, three = 3;
	float alpha = 1, beta = 0;
	char text[128];
	sim_graph_dimensions(&sound, dims);
	descriptor d = sim_graph_tensor(&made, X, H, 4, dims[X], false);
	assert_int_equal(cudnnBackendSetAttribute(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64,
						  1, &one),
			 CUDNN_STATUS_BAD_PARAM); /* it is finalized */
	d = sim_graph_keep(&made, sim_graph_new(CUDNN_BACKEND_TENSOR_DESCRIPTOR));
	assert_int_equal(cudnnBackendSetAttribute(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_FLOAT,
						  1, &one),
			 CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
	assert_int_equal(cudnnBackendSetAttribute(d, CUDNN_ATTR_CONVOLUTION_DILATIONS,
						  CUDNN_TYPE_INT64, 1, &one),
			 CUDNN_STATUS_BAD_PARAM);
	assert_int_equal(cudnnBackendFinalize(d), CUDNN_STATUS_BAD_PARAM);
	cudnnGetLastErrorString(text, sizeof text);
	assert_non_null(strstr(text, "dimensions"));
	assert_int_equal(cudnnBackendCreateDescriptor(CUDNN_BACKEND_MATMUL_DESCRIPTOR, &d),
			 CUDNN_STATUS_NOT_SUPPORTED);

	/* x in plain layout; a child that is not finalized; shapes that do not fit */
	for (int fault = 0; fault < 3; fault++) {
		cudnnDataType_t half = H;
		descriptor x = sim_graph_keep(&made,
					      sim_graph_new(CUDNN_BACKEND_TENSOR_DESCRIPTOR)),
			   op = sim_graph_keep(&made, sim_graph_new(sim_graph_ways[FORWARD].type));
		sim_graph_set(x, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &half);
		if (fault == 2)
			dims[X][0] = three;
		sim_graph_set(x, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims[X]);
		if (fault)
			sim_graph_last(4, dims[X], plain);
		sim_graph_set(x, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, plain);
		sim_graph_set(x, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &one);
		sim_graph_set(x, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &one);
		if (fault == 1) {
			assert_int_equal(cudnnBackendSetAttribute(op, sim_graph_ways[FORWARD].x,
								  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
								  &x),
					 CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
			continue;
		}
		sim_graph_set_child(op, sim_graph_ways[FORWARD].x, sim_graph_finalized(x));
		sim_graph_set_child(op, sim_graph_ways[FORWARD].w,
				    sim_graph_tensor(&made, W, H, 4, dims[W], false));
		sim_graph_set_child(op, sim_graph_ways[FORWARD].y,
				    sim_graph_tensor(&made, Y, H, 4, dims[Y], false));
		sim_graph_set_child(op, sim_graph_ways[FORWARD].conv,
				    sim_graph_convolution(&made, &sound));
		sim_graph_set(op, sim_graph_ways[FORWARD].alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
		sim_graph_set(op, sim_graph_ways[FORWARD].beta, CUDNN_TYPE_FLOAT, 1, &beta);
		assert_int_equal(cudnnBackendFinalize(op),
				 fault ? CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH
				       : CUDNN_STATUS_NOT_SUPPORTED_LAYOUT);
	}
	sim_graph_destroy(&made);
}

/* An engine that is noted as not deterministic is not; calls that lack something are refused. */
static void test_execution(void **state)
{
	(void)state;
	struct made made = { .n = 0 };
	struct setting s = sound;
	static float zeros[MOST];
	float dw[2][576];
	int64_t ids[] = { X, W, Y }, bytes;
	cudnnHandle_t handle;
	cudaStream_t stream = bed_stream();
	s.kind = BACKWARD_FILTER;
	s.type = s.w_type = F;
	assert_int_equal(cudnnCreate(&handle), 0);
	assert_int_equal(cudnnSetStream(handle, stream), 0);
	fill(F, zeros, 1);
	descriptor graph = sim_graph_finalized(sim_graph_of_setting(&made, &s, 1, 0));
	void *device[] = { bed_upload(zeros, 1024, stream), bed_alloc(sizeof dw[0]),
			   bed_upload(zeros, 1024, stream) };
	descriptor plan = sim_graph_plan(&made, graph, false, &bytes);
	assert_int_equal(bytes, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cudnnBackendExecute(handle, plan,
						     sim_graph_pack(&made, 3, ids, device, NULL)),
				 0);
		bed_download(dw[i], device[W], sizeof dw[i], stream);
	}
	assert_memory_not_equal(dw[0], dw[1], sizeof dw[0]);
	plan = sim_graph_plan(&made, graph, true, &bytes);
	assert_int_equal(cudnnBackendExecute(handle, plan,
					     sim_graph_pack(&made, 3, ids, device, NULL)),
			 CUDNN_STATUS_BAD_PARAM); /* no workspace */
	void *workspace = bed_alloc((size_t)bytes);
	assert_int_equal(cudnnBackendExecute(handle, plan,
					     sim_graph_pack(&made, 2, ids, device, workspace)),
			 CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
	void *shifted[] = { device[X], (char *)device[W] + 4, device[Y] };
	assert_int_equal(cudnnBackendExecute(handle, plan,
					     sim_graph_pack(&made, 3, ids, shifted, workspace)),
			 CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
	for (int i = 0; i < 3; i++)
		assert_ok(cudaFree(device[i]));
	assert_ok(cudaFree(workspace));
	sim_graph_destroy(&made);
	assert_int_equal(cudnnDestroy(handle), 0);
	assert_ok(cudaStreamDestroy(stream));
}

/* ---- planted faults ---- */

static void use_destroyed(void *argument)
{
	struct made made = { .n = 0 };
	descriptor graph = sim_graph_finalized(sim_graph_of_setting(&made, &sound, 1, 0));
	descriptor heuristic = sim_graph_heuristic(&made, graph);
	cudnnBackendDestroyDescriptor(graph);
	sim_graph_set_child(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
	(void)argument;
}

static void short_memory(void *argument)
{
	struct made made = { .n = 0 };
	int64_t ids[] = { X, W, Y }, bytes;
	cudnnHandle_t handle;
	cudaStream_t stream = bed_stream();
	cudnnCreate(&handle);
	cudnnSetStream(handle, stream);
	descriptor plan = sim_graph_plan(
		&made, sim_graph_finalized(sim_graph_of_setting(&made, &sound, 1, 0)), true,
		&bytes);
	void *device[] = { bed_alloc(398), bed_alloc(4096), bed_alloc(4096) };
	cudnnBackendExecute(handle, plan,
			    sim_graph_pack(&made, 3, ids, device, bed_alloc((size_t)bytes)));
	cudaStreamSynchronize(stream);
	(void)argument;
}

static void test_faults(void **state)
{
	(void)state;
	assert_dies(use_destroyed, NULL, "used after it was destroyed");
	assert_dies(short_memory, NULL,
		    "1 bytes over the end of 398 bytes of device memory, in cudnnBackendExecute");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_fused),
		cmocka_unit_test(test_pointwise),
		cmocka_unit_test(test_refused_graphs),
		cmocka_unit_test(test_refused_descriptors),
		cmocka_unit_test(test_execution),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
