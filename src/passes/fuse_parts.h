/*
 * fuse_parts.h - what the parts of fuse.c share: chains of nodes, and the order that they make
 * necessary.
 */
#ifndef ONNXTUNE_PASSES_FUSE_PARTS_H
#define ONNXTUNE_PASSES_FUSE_PARTS_H

#include "ops/target.h"
#include "passes/rewrite.h"

#define NOBODY 0
#define MANY UINT32_MAX

struct chain {
	ARRAY(uint32_t) members; /* nodes in order; also those that are computed again */
};

struct fuse {
	struct rewrite r;
	const struct graph *from;
	const struct target *target;
	uint32_t *position;    /* per node: its place in the order */
	uint32_t first_update; /* position of the first node of APPLY that writes over an input */
	enum fusible *fusible; /* per node */
	uint32_t *chain_of;    /* per node: its chain, 0: none */
	ARRAY(struct chain) chains; /* [0] is none */
	uint32_t *reader;      /* per value: the one chain beside its own that reads it, or MANY */
	bool *again;           /* per value: computed again by its reader */
	uint32_t *seen, stamp; /* per node: the search that has been there */
	uint32_t *local;       /* per value: its value in the body being built */
	ARRAY(uint32_t) stack;
};

static inline bool contains(const uint32_t *list, uint32_t n, uint32_t x)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == x)
			return true;
	return false;
}

/*
 * A valid order of nodes, in which any member stands for its chain; as near to the old one as it
 * goes, chains late. *n: how many. A chain that would wait for itself, through other chains, or 0.
 */
uint32_t fuse_order(struct fuse *f, uint32_t *order, uint32_t *n);

#endif
