/* graphs.c - the graphs of a session (see graphs.h); graphs_training reads as the list of passes. */
#include "train/graphs.h"

#include "passes/batch_norm.h"
#include "passes/bind.h"
#include "passes/copies.h"
#include "passes/early.h"
#include "passes/gelu.h"
#include "passes/head_dropout.h"
#include "passes/lower.h"
#include "passes/phase.h"

#include <string.h>

static void dump(const struct session *s, const char *pass, const struct graph *graph)
{
	if (s->options.dump)
		s->options.dump(s->options.dump_ctx, pass, graph);
}

static const struct target *target_of(const struct session *s)
{
	return s->vars.backend->target(s->device);
}

/*
 * Whether parameters are updated before all gradients are known. Not in float16, whose overflow
 * in the middle of a backward pass is nothing unusual: such a step must leave all as it is.
 */
static bool updates_early(const struct session_options *o)
{
	return o->early && o->backend->early_updates && o->training.clip_norm == 0 &&
	       !o->training.dynamic_scale && o->half != DT_F16;
}

enum status graphs_training(struct session *s, const struct shape *shapes, struct graph **out,
			    struct problems *problems, struct error *err)
{
	const struct session_options *o = &s->options;
	struct binding bound;
	struct graph *graph;
	uint32_t *params;
	enum status status;
	TRY(bind_adapted(s->model->graph, shapes, s->trained, s->lora, &bound, problems, err));
	graph = bound.graph;
	dump(s, "bind", graph);
	TRY_GOTO(gelu_apply(&graph, err), out_graph);
	TRY_GOTO(batch_norm_apply(&graph,
				  o->train_batch_norm ? BATCH_NORM_TRAIN : BATCH_NORM_FROZEN, err),
		 out_graph);
	dump(s, "batch-norm", graph);
	if (o->dropout > 0)
		TRY_GOTO(head_dropout_apply(&graph, o->output, o->dropout, err), out_graph);
	s->head = loss_find(graph, graph->outputs.v[o->output]);
	TRY_GOTO(loss_choose(graph, &s->head, o->integer_labels, o->loss, &s->loss, err),
		 out_graph);
	struct builder b = { .graph = graph, .err = err };
	loss_build(&b, &s->head, s->loss, &o->loss_shape);
	TRY_GOTO(b.status, out_graph);
	if (o->distill.share > 0)
		TRY_GOTO(distill_build(&b, s->model->graph, shapes, o->output, &s->head, s->loss,
				       &o->distill, problems),
			 out_graph);
	dump(s, "loss", graph);
	if (!s->labels)
		s->labels = arena_alloc(
			&s->arena, 2 * tensor_bytes(&graph_value(graph, s->head.logits)->t) + 8);
	phase_mark(graph);
	TRY_GOTO(precision_apply(&graph, o->half, o->policy, err), out_graph);
	dump(s, "precision", graph);
	TRY_GOTO(training_build(graph, &o->training, &params, &s->n_parameters, problems, err),
		 out_graph);
	dump(s, "gradient", graph);
	s->n_elements = 0;
	s->parameters = arena_alloc(&s->arena, s->n_parameters * sizeof *s->parameters);
	for (uint32_t k = 0; k < s->n_parameters; k++) {
		s->n_elements += shape_elements(&graph_value(graph, params[k])->t.shape);
		s->parameters[k] = arena_strdup(&s->arena, graph_value(graph, params[k])->name);
	}
	TRY_GOTO(lower_apply(&graph, target_of(s), err), out_graph);
	TRY_GOTO(copies_apply(&graph, err), out_graph);
	s->early = updates_early(o);
	if (s->early)
		TRY_GOTO(early_apply(&graph, o->early_bytes ? o->early_bytes : EARLY_GROUP_BYTES,
				     err),
			 out_graph);
	dump(s, "layout", graph);
	*out = graph;
	return OK;
out_graph:
	graph_free(graph);
	return status;
}

/* The averages in the place of the parameters: another source of the same residents. */
static void evaluate_averages(struct session *s, struct graph *graph)
{
	for (uint32_t i = 1; i < graph->values.n; i++) {
		struct value *v = graph_value(graph, i);
		for (uint32_t k = 0; v->kind == VALUE_PARAM && k < s->n_parameters; k++)
			if (!strcmp(v->name, s->parameters[k])) {
				v->name = arena_printf(graph->arena, AVERAGE_PREFIX "%s", v->name);
				break;
			}
	}
}

enum status graphs_evaluation(struct session *s, struct graph **out, struct problems *problems,
			      struct error *err)
{
	struct binding bound;
	enum status status = OK;
	TRY(bind_adapted(s->model->graph, s->options.shapes, s->trained, s->lora, &bound, problems,
			 err));
	if (!s->options.train)
		dump(s, "bind", bound.graph);
	/* adapted weights as outputs behind the model's own: they are read when it is saved */
	for (uint32_t i = 1; i < s->model->graph->values.n; i++)
		if (s->lora[i].on)
			*array_push(&bound.graph->outputs) = bound.map[i];
	if (s->options.train_batch_norm)
		TRY_GOTO(batch_norm_apply(&bound.graph, BATCH_NORM_STATE, err), out_graph);
	if (s->options.train && s->options.training.ema > 0)
		evaluate_averages(s, bound.graph);
	TRY_GOTO(lower_apply(&bound.graph, target_of(s), err), out_graph);
	if (!s->options.train)
		dump(s, "layout", bound.graph);
	*out = bound.graph;
	return OK;
out_graph:
	graph_free(bound.graph);
	return status;
}
