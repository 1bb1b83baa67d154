/*
 * graphs.c - descriptors and graphs for the tests of the simulated cuDNN (graphs.h).
 */
#include "cudasim/graphs.h"

#include "cudasim/bed.h"

descriptor sim_graph_new(cudnnBackendDescriptorType_t type)
{
	descriptor d;
	assert_int_equal(cudnnBackendCreateDescriptor(type, &d), 0);
	return d;
}

void sim_graph_set(descriptor d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
		   int64_t count, const void *elements)
{
	assert_int_equal(cudnnBackendSetAttribute(d, name, type, count, elements), 0);
}

void sim_graph_set_child(descriptor d, cudnnBackendAttributeName_t name, descriptor child)
{
	sim_graph_set(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &child);
}

descriptor sim_graph_finalized(descriptor d)
{
	cudnnStatus_t status = cudnnBackendFinalize(d);
	char text[256];
	cudnnGetLastErrorString(text, sizeof text);
	if (status)
		fail_msg("%s: %s", cudnnGetErrorString(status), text);
	return d;
}

descriptor sim_graph_keep(struct made *made, descriptor d)
{
	return made->v[made->n++] = d;
}

void sim_graph_destroy(struct made *made)
{
	while (made->n)
		assert_int_equal(cudnnBackendDestroyDescriptor(made->v[--made->n]), 0);
}

/* The strides of channels-last. */
void sim_graph_last(int rank, const int64_t *dims, int64_t *strides)
{
	int64_t step = dims[1];
	strides[1] = 1;
	for (int axis = rank - 1; axis >= 2; axis--) {
		strides[axis] = step;
		step *= dims[axis];
	}
	strides[0] = step;
}

descriptor sim_graph_tensor(struct made *made, int64_t uid, cudnnDataType_t type, int rank,
			    const int64_t *dims, bool is_virtual)
{
	int64_t strides[5], alignment = 16;
	descriptor d = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_TENSOR_DESCRIPTOR));
	sim_graph_last(rank, dims, strides);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, rank, dims);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, rank, strides);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
	sim_graph_set(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
	return sim_graph_finalized(d);
}

int sim_graph_space(const struct setting *s)
{
	return s->depth ? 3 : 2;
}

/* Dimensions of x, w, y. */
void sim_graph_dimensions(const struct setting *s, int64_t dims[3][5])
{
	int at = 2;
	int64_t x[3] = { s->depth, s->h, s->w }, w[3] = { 2, s->r, s->s };
	dims[X][0] = dims[Y][0] = s->n;
	dims[X][1] = s->c;
	dims[W][0] = dims[Y][1] = s->k;
	dims[W][1] = s->c / s->groups;
	for (int i = 3 - sim_graph_space(s); i < 3; i++, at++) {
		dims[X][at] = x[i];
		dims[W][at] = w[i];
		dims[Y][at] = (x[i] + s->pre + s->post - s->dilation * (w[i] - 1) - 1) / s->stride +
			      1;
	}
}

descriptor sim_graph_convolution(struct made *made, const struct setting *s)
{
	descriptor d = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
	int64_t space = sim_graph_space(s), pre[3] = { s->pre, s->pre, s->pre },
		post[3] = { s->post, s->post, s->post },
		strides[3] = { s->stride, s->stride, s->stride },
		dilations[3] = { s->dilation, s->dilation, s->dilation };
	cudnnDataType_t type = CUDNN_DATA_FLOAT;
	cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &space);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, space, pre);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, space, post);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, space, strides);
	sim_graph_set(d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, space, dilations);
	return sim_graph_finalized(d);
}

const struct graph_way sim_graph_ways[] = {
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
	{ CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
	  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA },
};

/* A pointwise operation with its operands by their attributes, ended by 0. */
descriptor sim_graph_pointwise(struct made *made, cudnnPointwiseMode_t mode,
			       const cudnnBackendAttributeName_t *names, descriptor *operands)
{
	cudnnDataType_t type = CUDNN_DATA_FLOAT;
	descriptor d = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_POINTWISE_DESCRIPTOR)),
		   op = sim_graph_keep(made,
				       sim_graph_new(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
	sim_graph_set(d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
	sim_graph_set(d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
	sim_graph_finalized(d);
	sim_graph_set_child(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, d);
	for (int i = 0; names[i]; i++)
		sim_graph_set_child(op, names[i], operands[i]);
	return sim_graph_finalized(op);
}

static const cudnnBackendAttributeName_t binary[] = { CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
						      CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
						      CUDNN_ATTR_OPERATION_POINTWISE_YDESC, 0 };
static const cudnnBackendAttributeName_t unary[] = { CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
						     CUDNN_ATTR_OPERATION_POINTWISE_YDESC, 0 };
const cudnnBackendAttributeName_t sim_graph_backward[] = { CUDNN_ATTR_OPERATION_POINTWISE_DYDESC,
							   CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
							   CUDNN_ATTR_OPERATION_POINTWISE_DXDESC,
							   0 };

/* The operation graph of a setting; operations are handed over from the last to the first. */
descriptor sim_graph_of_setting(struct made *made, const struct setting *s, float alpha, float beta)
{
	int64_t dims[3][5];
	descriptor operations[4];
	int n = 0, rank = 2 + sim_graph_space(s);
	sim_graph_dimensions(s, dims);
	int64_t bias_dims[5] = { 1, s->k, 1, 1, 1 };
	cudnnDataType_t y_type = s->fused ? CUDNN_DATA_FLOAT : s->type;
	descriptor x = sim_graph_tensor(made, X, s->type, rank, dims[X], false),
		   w = sim_graph_tensor(made, W, s->w_type, rank, dims[W], false),
		   y = sim_graph_tensor(made, Y, y_type, rank, dims[Y], s->fused),
		   op = sim_graph_keep(made, sim_graph_new(sim_graph_ways[s->kind].type));
	sim_graph_set_child(op, sim_graph_ways[s->kind].x, x);
	sim_graph_set_child(op, sim_graph_ways[s->kind].w, w);
	sim_graph_set_child(op, sim_graph_ways[s->kind].y, y);
	sim_graph_set_child(op, sim_graph_ways[s->kind].conv, sim_graph_convolution(made, s));
	sim_graph_set(op, sim_graph_ways[s->kind].alpha, CUDNN_TYPE_FLOAT, 1, &alpha);
	sim_graph_set(op, sim_graph_ways[s->kind].beta, CUDNN_TYPE_FLOAT, 1, &beta);
	operations[3 - n++] = sim_graph_finalized(op);
	if (s->fused) {
		bool only = s->fused == 1;
		descriptor bias = sim_graph_tensor(made, BIAS, CUDNN_DATA_FLOAT, rank, bias_dims,
						   false),
			   biased = sim_graph_tensor(made, only ? OUT : BIASED,
						     only ? s->type : CUDNN_DATA_FLOAT, rank,
						     dims[Y], !only);
		operations[3 - n++] = sim_graph_pointwise(made, CUDNN_POINTWISE_ADD, binary,
							  (descriptor[]){ y, bias, biased });
		if (s->fused == 3) {
			descriptor residual = sim_graph_tensor(made, RESIDUAL, s->type, rank,
							       dims[Y], false),
				   sum = sim_graph_tensor(made, SUM, CUDNN_DATA_FLOAT, rank,
							  dims[Y], true);
			operations[3 - n++] = sim_graph_pointwise(made, CUDNN_POINTWISE_ADD, binary,
								  (descriptor[]){ biased, residual,
										  sum });
			biased = sum;
		}
		if (!only) {
			descriptor out = sim_graph_tensor(made, OUT, s->type, rank, dims[Y], false);
			operations[3 - n++] = sim_graph_pointwise(made, CUDNN_POINTWISE_RELU_FWD,
								  unary,
								  (descriptor[]){ biased, out });
		}
	}
	descriptor graph = sim_graph_keep(made,
					  sim_graph_new(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
	sim_graph_set(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, n,
		      &operations[4 - n]);
	return graph;
}

descriptor sim_graph_heuristic(struct made *made, descriptor graph)
{
	cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
	descriptor d = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR));
	sim_graph_set_child(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
	sim_graph_set(d, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
	return d;
}

static bool is_deterministic(struct made *made, descriptor config)
{
	cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
	int64_t n;
	descriptor engine = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_ENGINE_DESCRIPTOR));
	assert_int_equal(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE,
						  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine),
			 0);
	assert_int_equal(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
						  CUDNN_TYPE_NUMERICAL_NOTE,
						  CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n, notes),
			 0);
	for (int64_t i = 0; i < n; i++)
		if (notes[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)
			return false;
	return true;
}

/* The first plan of the heuristic's list that is deterministic or not, and can be made. */
descriptor sim_graph_plan(struct made *made, descriptor graph, bool deterministic, int64_t *bytes)
{
	descriptor configs[8], heuristic = sim_graph_finalized(sim_graph_heuristic(made, graph));
	int64_t n;
	assert_int_equal(cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
						  CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &n, NULL),
			 0);
	assert_in_range(n, 3, 8);
	for (int64_t i = 0; i < n; i++)
		configs[i] = sim_graph_keep(made,
					    sim_graph_new(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
	assert_int_equal(cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
						  CUDNN_TYPE_BACKEND_DESCRIPTOR, n, &n, configs),
			 0);
	for (int64_t i = 0, one; i < n; i++) {
		if (is_deterministic(made, configs[i]) != deterministic)
			continue;
		descriptor plan = sim_graph_keep(
			made, sim_graph_new(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
		sim_graph_set_child(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configs[i]);
		if (cudnnBackendFinalize(plan))
			continue;
		assert_int_equal(cudnnBackendGetAttribute(plan,
							  CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
							  CUDNN_TYPE_INT64, 1, &one, bytes),
				 0);
		return plan;
	}
	fail_msg("no engine");
	return NULL;
}

descriptor sim_graph_pack(struct made *made, int64_t n, const int64_t *ids, void **pointers,
			  void *workspace)
{
	descriptor d = sim_graph_keep(made, sim_graph_new(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
	sim_graph_set(d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, ids);
	sim_graph_set(d, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n, pointers);
	sim_graph_set(d, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
	return sim_graph_finalized(d);
}
