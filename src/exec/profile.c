/* profile.c - times of kernels and of the parts of a run (see profile.h). */
#include "exec/profile.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define OPERANDS 8 /* at most, of a contraction */

static double operations(const struct graph *graph, const struct node *node)
{
	const struct tensor *in[OPERANDS];
	struct tensor out[OPERANDS];
	struct op_io io = {
		.node = node, .n_in = node->n_in, .n_out = node->n_out, .in = in, .out = out
	};
	if (!node->def->operations || node->n_in > OPERANDS || node->n_out > OPERANDS)
		return 0;
	for (uint32_t k = 0; k < node->n_in; k++)
		in[k] = node->in[k] ? &graph_value(graph, node->in[k])->t : NULL;
	for (uint32_t k = 0; k < node->n_out; k++)
		out[k] = graph_value(graph, node->out[k])->t;
	return node->def->operations(&io);
}

void profile_add(struct profile *profile, const struct graph *graph, const struct plan_step *step,
		 double seconds)
{
	const struct node *node = graph_node(graph, step->nodes[0]);
	struct profile_row *row = NULL;
	for (uint32_t i = 0; i < profile->rows.n && !row; i++)
		if (profile->rows.v[i].op == node->def && profile->rows.v[i].kernel == step->kernel)
			row = &profile->rows.v[i];
	if (!row) {
		row = array_push(&profile->rows);
		*row = (struct profile_row){ .op = node->def, .kernel = step->kernel };
	}
	row->calls++;
	row->seconds += seconds;
	row->operations += operations(graph, node);
}

void profile_begin(struct profile *profile)
{
	profile->seconds = clock_now();
	profile_lap(profile, PROFILE_START);
}

void profile_lap(struct profile *profile, const char *name)
{
	struct profile_lap *lap = NULL;
	if (!profile)
		return;
	for (uint32_t i = 0; i < profile->laps.n && !lap; i++)
		if (!strcmp(profile->laps.v[i].name, name))
			lap = &profile->laps.v[i];
	if (!lap) {
		lap = array_push(&profile->laps);
		*lap = (struct profile_lap){ .name = name };
	}
	double seconds = clock_now(), cpu = clock_cpu();
	lap->times++;
	lap->seconds += seconds - profile->seconds;
	lap->cpu += cpu - profile->cpu;
	profile->seconds = seconds;
	profile->cpu = cpu;
}

static int by_time(const void *a, const void *b)
{
	double x = ((const struct profile_row *)a)->seconds,
	       y = ((const struct profile_row *)b)->seconds;
	return (x < y) - (x > y);
}

double profile_sort(struct profile *profile)
{
	double sum = 0;
	if (profile->rows.n)
		qsort(profile->rows.v, profile->rows.n, sizeof *profile->rows.v, by_time);
	for (uint32_t i = 0; i < profile->rows.n; i++)
		sum += profile->rows.v[i].seconds;
	return sum;
}

void profile_release(struct profile *profile)
{
	array_release(&profile->rows);
	array_release(&profile->laps);
}
