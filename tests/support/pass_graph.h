/*
 * pass_graph.h - the graph that a test of a pass builds, changes and looks at: one at a time, made by
 * pass_setup.
 */
#ifndef ONNXTUNE_TESTS_PASS_GRAPH_H
#define ONNXTUNE_TESTS_PASS_GRAPH_H

#include "ops/build.h"

extern struct graph *graph;
extern struct arena arena;
extern struct error err;
extern struct builder b; /* of the graph */

/* For cmocka. */
int pass_setup(void **state);
int pass_teardown(void **state);

/* An input of float32, or of a type. */
uint32_t input(const char *name, struct shape shape);
uint32_t input_of(const char *name, enum dtype dtype, struct shape shape);
void output(uint32_t id);

/* How many nodes of the operator there are. */
unsigned count(const char *op);

/* A tensor for each input, of numbers from -1 to 1. */
struct tensor *random_inputs(uint64_t seed);

/* The outputs, computed by the references. */
struct tensor *run(const struct tensor *in);

#endif
