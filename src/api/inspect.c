/*
 * inspect.c - looks at a model as training would (see inspect.h).
 *
 *  1. The file, its operators, how it ends.
 *  2. Which constants are trained.
 *  3. The plans of a session that is not run: kernels and memory.
 */
#include "api/inspect.h"

#include "api/fit.h"
#include "api/settings.h"
#include "passes/bind.h"

#include <stdlib.h>
#include <string.h>

const char *const inspect_memory_names[MEMORY_KINDS] = {
	[MEMORY_PARAMETERS] = "parameters",
	[MEMORY_GRADIENTS] = "gradients",
	[MEMORY_MOMENTS] = "moments of the optimizer",
	[MEMORY_PREPARED] = "prepared weights",
	[MEMORY_CONSTANTS] = "constants",
	[MEMORY_INPUTS] = "inputs",
	[MEMORY_ACTIVATIONS] = "activations and workspaces",
	[MEMORY_EVALUATION] = "evaluation, besides",
};

/* ---- 1. the file ---- */

static void describe_file(struct inspect_result *r, const struct onnx_file *file)
{
	const Onnx__ModelProto *m = file->model;
	const char *name = m->producer_name ? m->producer_name : "";
	const char *version = m->producer_version ? m->producer_version : "";
	r->file_bytes = file->map.size;
	r->ir_version = m->ir_version;
	r->producer = arena_printf(&r->arena, "%s%s%s", name, *name && *version ? " " : "",
				   version);
	r->opsets = "";
	for (size_t i = 0; i < m->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = m->opset_import[i];
		const char *domain = o->domain ? o->domain : "";
		r->opsets = arena_printf(&r->arena, "%s%s%s%s%lld", r->opsets, i ? ", " : "",
					 domain, *domain ? " " : "", (long long)o->version);
	}
}

static int by_frequency(const void *a, const void *b)
{
	const struct inspect_operator *x = a, *y = b;
	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void count_operators(struct inspect_result *r, const struct graph *loaded)
{
	struct map index = { 0 };
	r->operators = arena_alloc(&r->arena, loaded->order.n * sizeof *r->operators);
	for (uint32_t i = 0; i < loaded->order.n; i++) {
		const struct node *node = graph_node(loaded, loaded->order.v[i]);
		uint32_t at;
		if (!map_get(&index, node->op, &at)) {
			at = r->n_operators++;
			map_set(&index, node->op, at);
			r->operators[at] = (struct inspect_operator){ node->op, 0, node->def };
		}
		r->operators[at].nodes++;
	}
	map_release(&index);
	qsort(r->operators, r->n_operators, sizeof *r->operators, by_frequency);
}

/* How the model ends, and the loss that fits: for class labels where one does, else for values. */
static void find_ending(struct inspect_result *r, uint32_t output, enum loss_kind asked,
			bool *integer_labels)
{
	struct problems ignored = { 0 };
	struct binding bound;
	struct error err;
	*integer_labels = true;
	if (bind_graph(r->model->graph, r->shapes, NULL, &bound, &ignored, &err) != OK)
		return; /* told when the constants are looked at */
	const struct graph *g = bound.graph;
	r->head = loss_find(g, g->outputs.v[output]);
	r->has_ending = true;
	for (int round = 0; round < 2; round++) {
		*integer_labels = !round;
		if (loss_choose(g, &r->head, *integer_labels, asked, &r->loss, &err) == OK)
			break;
		r->loss = LOSS_AUTO;
	}
	const struct shape *logits = &graph_value(g, r->head.logits)->t.shape;
	r->classes = logits->rank ? logits->dim[r->head.axis] : 1;
	graph_free(bound.graph);
}

/* ---- 2. constants ---- */

/* Initializers are tensors of the graph, others those of Constant nodes. */
static const char *form_of(struct inspect_result *r, uint32_t value)
{
	const struct onnx_change *site = &r->model->sites[value];
	const Onnx__GraphProto *g = r->model->file.model->graph;
	if (!site->tensor)
		return arena_printf(&r->arena, "Constant node, %s", site->attribute->name);
	const char *form = onnx_file_form(&r->model->file, site->tensor);
	for (size_t i = 0; i < g->n_initializer; i++)
		if (g->initializer[i] == site->tensor)
			return form;
	return arena_printf(&r->arena, "Constant node, %s", form);
}

/* lora: NULL where no weight has factors. */
static void list_constants(struct inspect_result *r, const struct param_verdict *verdicts,
			   const struct lora *lora, bool complete)
{
	const struct graph *loaded = r->model->graph;
	r->constants = arena_alloc(&r->arena, loaded->values.n * sizeof *r->constants);
	for (uint32_t i = 1; i < loaded->values.n; i++) {
		const struct value *v = graph_value(loaded, i);
		if (v->kind != VALUE_CONSTANT || !dtype_is_trainable(v->t.dtype))
			continue;
		struct inspect_constant *c = &r->constants[r->n_constants++];
		*c = (struct inspect_constant){
			.name = v->name,
			.type = { v->t.dtype, v->t.shape, NULL },
			.form = form_of(r, i),
			.trained = complete && verdicts[i].trained,
			.reason = complete || !verdicts[i].trained ? verdicts[i].reason
								   : "not known, see the blockers",
		};
		r->n_trained += c->trained;
		if (lora && lora[i].on)
			r->n_elements += lora[i].rank * (lora[i].in + lora[i].out);
		else
			r->n_elements += c->trained ? shape_elements(&v->t.shape) : 0;
	}
}

/* A pattern that matches nothing is the only error; blockers are told. */
static enum status choose_constants(struct inspect_result *r, const struct session_options *options,
				    struct error *err)
{
	const struct graph *loaded = r->model->graph;
	struct param_verdict *verdicts = arena_alloc(&r->arena,
						     loaded->values.n * sizeof *verdicts);
	enum status status = params_choose(loaded, r->shapes, options->freeze, options->train_only,
					   options->output, verdicts, &r->problems, err);
	if (status == ERR_USAGE)
		return status;
	if (status == OK && options->lora.rank) {
		struct lora *lora = arena_alloc(&r->arena, loaded->values.n * sizeof *lora);
		TRY(lora_choose(loaded, &options->lora, verdicts, lora, err));
		list_constants(r, verdicts, lora, true);
		return OK;
	}
	list_constants(r, verdicts, NULL, status == OK);
	return OK;
}

/* ---- 3. plans ---- */

static void add_kernel(struct inspect_result *r, const struct plan *plan, enum program_kind program,
		       const struct plan_step *step, uint32_t id)
{
	const struct node *node = graph_node(plan->graph, id);
	struct arena scratch;
	const char *why = NULL;
	arena_init(&scratch);
	struct op_call call = op_call_of(plan->graph, node, &scratch);
	bool reference = !plan->backend->target(plan->device)
				  ->kernel(plan->backend->target(plan->device), &call, &why);
	arena_release(&scratch);
	r->kernels[r->n_kernels++] = (struct inspect_kernel){
		.node = arena_strdup(&r->arena, node->name),
		.node_op = arena_strdup(&r->arena, node->op),
		.op = node->def->name,
		.program = program,
		.kernel = step->kernel->name,
		.why = why && (reference || strcmp(why, "no kernel")) ? why : NULL,
		.reference = reference,
	};
}

/* NEXT stands for both programs of a micro-batch: it runs everything. */
static void list_kernels(struct inspect_result *r, const struct plan *plan)
{
	static const enum program_kind programs[] = { PROGRAM_INIT, PROGRAM_UPDATE, PROGRAM_NEXT,
						      PROGRAM_APPLY };
	uint32_t n = 0;
	for (size_t p = 0; p < ARRAY_SIZE(programs); p++)
		for (uint32_t i = 0; i < plan->programs[programs[p]].n; i++)
			n += plan->programs[programs[p]].steps[i].n_nodes;
	r->kernels = arena_alloc(&r->arena, n * sizeof *r->kernels);
	for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
		const struct program *program = &plan->programs[programs[p]];
		for (uint32_t i = 0; i < program->n; i++)
			for (uint32_t k = 0; k < program->steps[i].n_nodes; k++)
				add_kernel(r, plan, programs[p], &program->steps[i],
					   program->steps[i].nodes[k]);
	}
}

static enum inspect_memory_kind memory_kind(const struct value *v)
{
	switch (v->kind) {
	case VALUE_PARAM:
		return MEMORY_PARAMETERS;
	case VALUE_INPUT:
		return MEMORY_INPUTS;
	case VALUE_CONSTANT:
		return MEMORY_CONSTANTS;
	case VALUE_STATE:
		return !strncmp(v->name, "acc:", 4) ? MEMORY_GRADIENTS
		       : !strncmp(v->name, "m:", 2) || !strncmp(v->name, "v:", 2)
			       ? MEMORY_MOMENTS
			       : MEMORY_CONSTANTS;
	default:
		return v->phase == PHASE_APPLY ? MEMORY_GRADIENTS : MEMORY_PREPARED;
	}
}

static void add_memory(struct inspect_result *r, const struct session *s)
{
	const struct plan *training = s->training.plan, *evaluation = s->evaluation.plan;
	for (uint32_t i = 0; i < training->n_residents; i++) {
		const struct resident *resident = &training->residents[i];
		const struct value *v = graph_value(training->graph, resident->value);
		r->memory[memory_kind(v)] += resident->bytes;
	}
	/* Parameters and states are shared. */
	for (uint32_t i = 0; i < evaluation->n_residents; i++) {
		const struct resident *resident = &evaluation->residents[i];
		enum value_kind kind = graph_value(evaluation->graph, resident->value)->kind;
		if (kind != VALUE_PARAM && kind != VALUE_STATE)
			r->memory[MEMORY_EVALUATION] += resident->bytes;
	}
	r->memory[MEMORY_ACTIVATIONS] = training->arena_bytes > evaluation->arena_bytes
						? training->arena_bytes
						: evaluation->arena_bytes;
	r->memory_total = session_memory(s);
	r->memory_device = s->options.backend->memory_total(s->device);
}

static void choose_sizes(struct inspect_result *r, const struct config *c)
{
	int64_t fixed = settings_fixed_batch(r->model->graph);
	r->batch = c->batch_size > fixed ? c->batch_size : fixed;
	r->micro_batch = fixed                ? fixed
			 : c->micro_batch > 0 ? c->micro_batch
			 : c->accumulate > 0  ? (r->batch + c->accumulate - 1) / c->accumulate
					      : r->batch;
}

struct shapes_at {
	struct inspect_result *result;
	const struct config *config;
};

static enum status shapes_at(void *ctx, int64_t micro_batch, const struct shape **out,
			     struct error *err)
{
	const struct shapes_at *at = ctx;
	struct inspect_result *r = at->result;
	TRY(settings_shapes(at->config, r->model->graph, micro_batch, NULL, &r->arena, &r->shapes,
			    err));
	*out = r->shapes;
	return OK;
}

static enum status look(struct inspect_result *r, const struct config *config,
			const struct api_ui *ui, struct error *err)
{
	const struct backend *backend;
	TRY(settings_backend(config, &backend, NULL, err));
	struct session_options options = settings_session(config, backend, &r->arena);
	struct shapes_at at = { r, config };
	struct session *session;
	count_operators(r, r->model->graph);
	choose_sizes(r, config);
	TRY(settings_shapes(config, r->model->graph, r->micro_batch, &ui->log, &r->arena,
			    &r->shapes, err));
	TRY(settings_output(config, r->model->graph, &options.output, err));
	find_ending(r, options.output, options.loss, &options.integer_labels);
	TRY(choose_constants(r, &options, err));
	if (r->problems.total)
		return OK;
	options.train = true;
	options.dump = ui->dump;
	options.dump_ctx = ui->ctx;
	struct fit fit = {
		.config = config,
		.model = r->model,
		.log = &ui->log,
		.options = options,
		.window = r->batch,
		.micro_batch = r->micro_batch,
		.shapes = shapes_at,
		.ctx = &at,
	};
	if (fit_session(&fit, &session, &r->problems, err) != OK) {
		if (!r->problems.total)
			problems_add(&r->problems, err);
		return OK; /* a blocker like others */
	}
	r->micro_batch = fit.micro_batch;
	r->planned = true;
	r->device = arena_strdup(&r->arena, options.backend->describe(session->device));
	list_kernels(r, session->training.plan);
	add_memory(r, session);
	session_free(session);
	return OK;
}

enum status inspect_run(const struct config *config, const struct api_ui *ui,
			struct inspect_result *out, struct error *err)
{
	struct onnx_file file;
	*out = (struct inspect_result){ 0 };
	TRY(onnx_file_open(config->model, &file, err));
	arena_init(&out->arena);
	describe_file(out, &file);
	onnx_file_close(&file);
	if (model_load(config->model, &out->model, &out->problems, err) != OK)
		return OK; /* its problems are the result */
	enum status status = look(out, config, ui, err);
	if (status != OK)
		inspect_release(out);
	return status;
}

void inspect_release(struct inspect_result *result)
{
	model_free(result->model);
	arena_release(&result->arena);
}
