/*
 * fuse_again.c - what chains compute again instead of keeping it (see fuse.h).
 *
 * A value that one chain alone reads is kept for it: written, and read again. The chain may have the
 * nodes that compute it instead, back to what it has anyway or to what is kept for others. That reads
 * more, and computes more; it is done where this is less than the way of the value to memory and back.
 */
#include "ops/fused.h"
#include "passes/fuse_parts.h"

/* What computing an element costs, in halves of a byte that goes to memory or comes from there. */
enum { COST_CHEAP = 1, COST_COSTLY = 12, COST_BYTE = 2 };

struct search {
	struct fuse *f;
	uint32_t chain;
	const uint32_t *inputs; /* of the chain */
	uint32_t n_inputs;
	uint32_t nodes[FUSED_NODES], n; /* that compute the value, in order */
	uint32_t more[FUSED_INPUTS], n_more;
	int cost; /* of an element */
};

static int element_bytes(const struct value *v)
{
	return (int)dtype_bits(v->t.dtype) / 8;
}

/* Whether the chain has the value without further nodes. */
static bool is_there(const struct search *s, uint32_t value)
{
	const struct value *v = graph_value(s->f->from, value);
	const struct chain *chain = &s->f->chains.v[s->chain];
	return !value || is_scalar_constant(v) || contains(s->inputs, s->n_inputs, value) ||
	       contains(s->more, s->n_more, value) ||
	       (v->node && (contains(chain->members.v, chain->members.n, v->node) ||
			    contains(s->nodes, s->n, v->node)));
}

/* Whether the chain may have the value's node. */
static bool may_compute(const struct search *s, uint32_t value)
{
	const struct fuse *f = s->f;
	uint32_t id = graph_value(f->from, value)->node;
	const struct node *node = id ? graph_node(f->from, id) : NULL;
	return node && f->fusible[id] && !is_sum(node) && node->phase == fuse_phase(f, s->chain) &&
	       shape_equal(fuse_space(f, id), fuse_space(f, f->chains.v[s->chain].members.v[0])) &&
	       (f->reader[value] == NOBODY || f->reader[value] == s->chain);
}

static bool read_more(struct search *s, uint32_t value)
{
	const struct value *v = graph_value(s->f->from, value);
	if (s->n_more == FUSED_INPUTS || s->f->again[value])
		return false;
	if (shape_equal(&v->t.shape, fuse_space(s->f, s->f->chains.v[s->chain].members.v[0])))
		s->cost += COST_BYTE * element_bytes(v);
	s->more[s->n_more++] = value;
	return true;
}

static void add_node(struct search *s, uint32_t id)
{
	uint32_t before[FUSED_NODES];
	memcpy(before, s->nodes, s->n * sizeof *before);
	fuse_merge(s->f, before, s->n, &id, 1, s->nodes);
	s->n++;
	s->cost += s->f->fusible[id] == FUSIBLE_COSTLY ? COST_COSTLY : COST_CHEAP;
}

/* Adds the nodes that compute the value, and what they read; false when there are too many. */
static bool compute(struct search *s, uint32_t value)
{
	uint32_t id = graph_value(s->f->from, value)->node;
	const struct node *node = graph_node(s->f->from, id);
	for (uint32_t k = 0; k < node->n_in; k++)
		if (!is_there(s, node->in[k]) &&
		    !(may_compute(s, node->in[k]) ? compute(s, node->in[k])
						  : read_more(s, node->in[k])))
			return false;
	if (s->n == FUSED_NODES)
		return false;
	add_node(s, id);
	return true;
}

/* Gives the chain the nodes that were found, where they are not too many. */
static bool take(struct search *s, uint32_t value)
{
	struct fuse *f = s->f;
	struct chain *chain = &f->chains.v[s->chain];
	uint32_t members[FUSED_NODES], inputs[FUSED_INPUTS], n = chain->members.n + s->n;
	if (n > FUSED_NODES)
		return false;
	fuse_merge(f, chain->members.v, chain->members.n, s->nodes, s->n, members);
	if (fuse_inputs(f, members, n, inputs) == MANY)
		return false;
	for (uint32_t k = 0; k < s->n; k++)
		array_push(&chain->members);
	memcpy(chain->members.v, members, n * sizeof *members);
	for (uint32_t k = 0; k < s->n_more; k++)
		f->reader[s->more[k]] = MANY;
	f->again[value] = true;
	return true;
}

/* Computes an input again; whether there was one that is worth it. */
static bool add_again(struct fuse *f, uint32_t c)
{
	struct chain *chain = &f->chains.v[c];
	uint32_t inputs[FUSED_INPUTS];
	uint32_t n = fuse_inputs(f, chain->members.v, chain->members.n, inputs);
	for (uint32_t i = 0; n != MANY && i < n; i++) {
		struct search s = { .f = f, .chain = c, .inputs = inputs, .n_inputs = n };
		int kept = 2 * COST_BYTE * element_bytes(graph_value(f->from, inputs[i]));
		if (f->reader[inputs[i]] == c && may_compute(&s, inputs[i]) &&
		    compute(&s, inputs[i]) && s.cost < kept && take(&s, inputs[i]))
			return true;
	}
	return false;
}

void fuse_again(struct fuse *f, uint32_t chain)
{
	while (f->chains.v[chain].members.n && add_again(f, chain))
		;
}
