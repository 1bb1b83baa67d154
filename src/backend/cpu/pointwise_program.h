/*
 * pointwise_program.h - what a pointwise call or a Fused node comes to: loops over contiguous elements
 * that read and write registers, which are inputs, outputs or buffers of a block's size, and the walk
 * over blocks. pointwise_program.c makes it, pointwise.c runs it.
 */
#ifndef ONNXTUNE_BACKEND_CPU_POINTWISE_PROGRAM_H
#define ONNXTUNE_BACKEND_CPU_POINTWISE_PROGRAM_H

#include "backend/cpu/pointwise.h"
#include "ops/fused.h"

#define BLOCK 1024 /* elements of a block */

struct input {
	int operand;        /* of the loop */
	unsigned size;      /* bytes of an element in memory */
	enum dtype convert; /* half type to be converted, or DT_NONE */
	bool direct;        /* in each block it lies as the output does */
	bool fixed_rows;    /* all rows of a plane read the same elements */
	bool fixed_columns; /* all elements of a row are the same */
	bool absent;        /* no input of the node: stands at `value` */
	float value;
};

struct instruction {
	pointwise_loop *loop;
	float p[2];
	uint8_t inputs, in[POINTWISE_INPUTS]; /* registers */
	enum dtype round; /* half type that the result must be rounded to, or DT_NONE */
};

struct output {
	uint8_t reg;
	bool direct;   /* the result is written to its memory at once */
	unsigned size; /* bytes of an element in memory */
	enum dtype convert;
	int64_t sum;       /* elements of a sum over axes, 0: is none */
	int operand;       /* of the loop, a sum's */
	int64_t first_sum; /* where it begins among the sums of a part */
};

/* Registers are the inputs, then the results of the instructions. */
#define RESULT(i) (FUSED_INPUTS + (i))
#define REGISTERS RESULT(FUSED_NODES)
#define IN_OUTPUT FUSED_NODES /* home of a result, plus the output: its memory; below: a buffer */

struct state {
	struct loop loop; /* operand 0 is the outputs, contiguous */
	struct input in[FUSED_INPUTS];
	struct instruction code[FUSED_NODES];
	struct output out[FUSED_OUTPUTS];
	int inputs, instructions, outputs;
	uint8_t home[FUSED_NODES];   /* of the instructions' results */
	int64_t rows, columns;       /* of a plane */
	int64_t block_rows, pieces;  /* rows of a block; pieces that a row is cut into */
	int64_t plane_blocks, total; /* blocks of a plane, and of all */
	int64_t grain;               /* blocks */
	int64_t sums, parts;         /* elements of all sums; 0 parts: there are none */
};

#endif
