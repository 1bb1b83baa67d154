/* groups.c - learning rate and decay for each parameter from the user's patterns (see groups.h). */
#include "passes/groups.h"

#include "ops/step.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

static bool matches(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return true;
	return false;
}

/* A pattern without a parameter is a mistake that would cost a training run. */
static enum status check_pattern(const struct param_group *groups, uint32_t n, const char *option,
				 const char *pattern, struct error *err)
{
	for (uint32_t i = 0; i < n; i++)
		if (!fnmatch(pattern, groups[i].of, 0))
			return OK;
	return fail(err, ERR_USAGE,
		    "--%s '%s' matches nothing that is trained; see onnxtune inspect", option,
		    pattern);
}

static enum status check(const struct param_group *groups, uint32_t n,
			 const struct group_options *o, struct error *err)
{
	for (uint32_t i = 0; i < o->n_scales; i++)
		TRY(check_pattern(groups, n, "lr-scale", o->scales[i].pattern, err));
	for (const char *const *p = o->decay; p && *p; p++)
		TRY(check_pattern(groups, n, "decay", *p, err));
	for (const char *const *p = o->no_decay; p && *p; p++)
		TRY(check_pattern(groups, n, "no-decay", *p, err));
	return OK;
}

static struct param_group make(const char *name, uint32_t depth, const struct group_options *o)
{
	struct param_group group = { .name = name, .of = name, .rate = 1 };
	for (uint32_t i = 0; i < o->n_scales; i++)
		if (!fnmatch(o->scales[i].pattern, name, 0))
			group.rate = o->scales[i].factor;
	if (o->layer_decay > 0)
		group.rate *= pow(o->layer_decay, depth);
	group.decay = matches(o->decay, name)      ? GROUP_DECAY_YES
		      : matches(o->no_decay, name) ? GROUP_DECAY_NO
						   : GROUP_DECAY_BY_FORM;
	return group;
}

enum status groups_choose(const struct graph *loaded, const struct param_verdict *verdicts,
			  const struct lora *lora, const struct group_options *options,
			  struct arena *arena, struct param_group **out, uint32_t *n,
			  struct error *err)
{
	struct param_group *groups = arena_alloc(arena, 2 * loaded->values.n * sizeof *groups);
	uint32_t count = 0;
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const char *name = graph_value(loaded, i)->name;
		if (!verdicts[i].trained)
			continue;
		groups[count] = make(name, verdicts[i].depth, options);
		if (lora[i].on) {
			groups[count + 1] = groups[count];
			groups[count++].name = lora_name(arena, name, false);
			groups[count].name = lora_name(arena, name, true);
		}
		count++;
	}
	TRY(check(groups, count, options, err));
	*out = groups;
	*n = count;
	return OK;
}

struct param_group group_of(const struct param_group *groups, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(groups[i].name, name))
			return groups[i];
	return (struct param_group){ .name = name, .of = name, .rate = 1 };
}

const char *group_rates_name(struct arena *arena, double rate)
{
	return rate == 1 ? LEARNING_RATE_NAME
			 : arena_printf(arena, "%s*%.17g", LEARNING_RATE_NAME, rate);
}
