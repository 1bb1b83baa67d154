/*
 * graphs.h - for tests of the simulated cuDNN: descriptors, graphs of convolutions and their plans. A
 * function fails the test where cuDNN refuses what it does.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_GRAPHS_H
#define ONNXTUNE_TESTS_CUDASIM_GRAPHS_H

#include <cudnn.h>
#include <stdbool.h>

typedef cudnnBackendDescriptor_t descriptor;

/* Ids of tensors. */
enum { X, W, Y, BIAS, RESIDUAL, OUT, SUM, BIASED, IDS };
enum { FORWARD, BACKWARD_DATA, BACKWARD_FILTER };

/* A convolution with two axes of space (three where depth is set). */
struct setting {
	int kind;
	cudnnDataType_t type, w_type;
	int64_t n, c, k, groups, depth, h, w, r, s, stride, dilation, pre, post;
	double tolerance;
	int fused; /* 1: bias, 2: bias and relu, 3: bias, residual, relu */
};

/* What a test makes, so that it can be destroyed at its end. */
struct made {
	descriptor v[128];
	int n;
};

/* The operation of a kind and its attributes. */
struct graph_way {
	cudnnBackendDescriptorType_t type;
	cudnnBackendAttributeName_t x, w, y, conv, alpha, beta;
};
extern const struct graph_way sim_graph_ways[];

/* The operands of sim_graph_pointwise for a backward mode. */
extern const cudnnBackendAttributeName_t sim_graph_backward[];

descriptor sim_graph_new(cudnnBackendDescriptorType_t type);
void sim_graph_set(descriptor d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
		   int64_t count, const void *elements);
void sim_graph_set_child(descriptor d, cudnnBackendAttributeName_t name, descriptor child);
descriptor sim_graph_finalized(descriptor d);
descriptor sim_graph_keep(struct made *made, descriptor d);
void sim_graph_destroy(struct made *made);
void sim_graph_last(int rank, const int64_t *dims, int64_t *strides);
descriptor sim_graph_tensor(struct made *made, int64_t uid, cudnnDataType_t type, int rank,
			    const int64_t *dims, bool is_virtual);
int sim_graph_space(const struct setting *s);
void sim_graph_dimensions(const struct setting *s, int64_t dims[3][5]);
descriptor sim_graph_convolution(struct made *made, const struct setting *s);
descriptor sim_graph_pointwise(struct made *made, cudnnPointwiseMode_t mode,
			       const cudnnBackendAttributeName_t *names, descriptor *operands);
descriptor sim_graph_of_setting(struct made *made, const struct setting *s, float alpha,
				float beta);
descriptor sim_graph_heuristic(struct made *made, descriptor graph);
descriptor sim_graph_plan(struct made *made, descriptor graph, bool deterministic, int64_t *bytes);
descriptor sim_graph_pack(struct made *made, int64_t n, const int64_t *ids, void **pointers,
			  void *workspace);

#endif
