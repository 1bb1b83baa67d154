/* settings.c - the user's configuration in the terms of the layers below (see settings.h). */
#include "api/settings.h"

#include "backend/open.h"
#include "data/sidecar.h"
#include "passes/bind.h"

#include <string.h>

static const char *const *patterns(const struct config_strings *strings, struct arena *arena)
{
	const char **list = arena_alloc(arena, (strings->n + 1) * sizeof *list);
	for (uint32_t i = 0; i < strings->n; i++)
		list[i] = strings->v[i];
	return list;
}

static struct group_options groups(const struct config *c, struct arena *arena)
{
	struct group_scale *scales = arena_alloc(arena, c->lr_scale.n * sizeof *scales);
	for (uint32_t i = 0; i < c->lr_scale.n; i++)
		scales[i] = (struct group_scale){ c->lr_scale.v[i].pattern,
						  c->lr_scale.v[i].factor };
	return (struct group_options){
		.scales = scales,
		.n_scales = c->lr_scale.n,
		.layer_decay = c->layer_decay,
		.decay = patterns(&c->decay, arena),
		.no_decay = patterns(&c->no_decay, arena),
	};
}

/* The CUDA backend, when its GPU can be used. */
static enum status find_gpu(const struct config_device *device, const struct backend **out,
			    struct error *err)
{
	const struct backend *found;
	TRY(backend_find_cuda(&found, err));
	TRY(found->usable(device->ordinal, err));
	*out = found;
	return OK;
}

enum status settings_backend(const struct config *config, const struct backend **out,
			     struct error *why, struct error *err)
{
	struct error reason = { 0 };
	*out = &backend_cpu;
	if (config->device.kind != CONFIG_DEVICE_CPU) {
		enum status status = find_gpu(&config->device, out, &reason);
		if (status != OK && config->device.kind == CONFIG_DEVICE_CUDA)
			return fail(err, status, "--device=cuda: %s", reason.text);
	}
	if (why)
		*why = reason;
	return OK;
}

struct session_options settings_session(const struct config *config, const struct backend *backend,
					struct arena *arena)
{
	const struct config *c = config;
	static const enum optimizer_kind optimizers[] = {
		[CONFIG_SGD] = OPTIMIZER_SGD,
		[CONFIG_ADAM] = OPTIMIZER_ADAM,
		[CONFIG_ADAMW] = OPTIMIZER_ADAMW,
		[CONFIG_RMSPROP] = OPTIMIZER_RMSPROP,
		[CONFIG_ADAGRAD] = OPTIMIZER_ADAGRAD,
		[CONFIG_NADAM] = OPTIMIZER_NADAM,
		[CONFIG_LAMB] = OPTIMIZER_LAMB,
		[CONFIG_LION] = OPTIMIZER_LION,
		[CONFIG_ADAFACTOR] = OPTIMIZER_ADAFACTOR,
	};
	static const enum dtype halves[] = { DT_F32, DT_F32, DT_F16, DT_BF16 };
	static const enum loss_kind losses[] = { LOSS_AUTO,
						 LOSS_CROSS_ENTROPY,
						 LOSS_BCE,
						 LOSS_MSE,
						 [CONFIG_FOCAL] = LOSS_AUTO,
						 [CONFIG_L1] = LOSS_L1,
						 [CONFIG_HUBER] = LOSS_HUBER };
	enum dtype half = c->precision == CONFIG_PRECISION_AUTO ? backend->half
								: halves[c->precision];
	bool scaled = half == DT_F16 || c->loss_scale != CONFIG_AUTO;
	return (struct session_options){
		.backend = backend,
		.ordinal = c->device.ordinal,
		.threads = settings_threads(c),
		.autotune = c->autotune,
		.loss = losses[c->loss],
		.distill = { c->distill.share, c->distill.temperature },
		.loss_shape = { c->label_smoothing,
				c->loss == CONFIG_FOCAL ? c->loss_args.v[0] : 0,
				c->loss == CONFIG_HUBER ? c->loss_args.v[0] : 1,
				c->mixup > 0 || c->cutmix > 0 },
		.train_batch_norm = c->batch_norm == CONFIG_BATCH_NORM_TRAIN,
		.half = half,
		.policy = c->precision_policy == CONFIG_POLICY_AUTOCAST ? POLICY_AUTOCAST
									: POLICY_ONNXTUNE,
		.training = {
			.update = {
				.optimizer = optimizers[c->optimizer],
				.momentum = c->momentum,
				.nesterov = c->nesterov,
				.centered = c->centered,
				.beta1 = c->beta1,
				.beta2 = c->beta2,
				.epsilon = c->eps,
				.decay = c->weight_decay,
				.decay_all = c->decay_all,
			},
			.ema = c->ema,
			.clip_norm = c->clip_norm,
			.dynamic_scale = half == DT_F16 && c->loss_scale == CONFIG_AUTO,
			.growth_interval = c->growth_interval,
			.min_scale = (float)c->min_loss_scale,
			.rates = 1,
		},
		.loss_scale = !scaled                     ? 1
			      : c->loss_scale == CONFIG_AUTO ? 65536
							     : (float)c->loss_scale,
		.seed = (uint64_t)c->seed,
		.groups = groups(c, arena),
		.lora = { .rank = c->lora.rank,
			  .alpha = c->lora.alpha > 0 ? c->lora.alpha : (double)c->lora.rank,
			  .on = patterns(&c->lora_on, arena) },
		.dropout = c->dropout,
		.cache_features = c->cache_features != CONFIG_FEATURES_OFF,
		.near_features = c->cache_features == CONFIG_FEATURES_NEAR,
		.freeze = patterns(&c->freeze, arena),
		.train_only = patterns(&c->train, arena),
	};
}

enum status settings_output(const struct config *config, const struct graph *loaded, uint32_t *out,
			    struct error *err)
{
	uint32_t k = 0;
	const char *name = config->loss_output;
	while (name && k < loaded->outputs.n &&
	       strcmp(graph_value(loaded, loaded->outputs.v[k])->name, name))
		k++;
	if (k == loaded->outputs.n)
		return fail(err, ERR_USAGE,
			    "--loss-output '%s' is no output of the model; see onnxtune inspect",
			    name ? name : "");
	*out = k;
	return OK;
}

int64_t settings_fixed_batch(const struct graph *loaded)
{
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const struct shape *shape = &graph_value(loaded, loaded->inputs.v[k])->t.shape;
		if (shape->rank && shape->dim[0] != DIM_UNKNOWN)
			return shape->dim[0];
	}
	return 0;
}

/* The size of the model's images, 0 where nothing says. */
static enum status image_size(const struct config *config, const struct log *log,
			      struct arena *arena, struct config_size *out, struct error *err)
{
	struct preprocess preprocess;
	struct class_names names = { 0 };
	*out = config->image_size;
	if (out->height)
		return OK;
	preprocess_init(&preprocess);
	TRY(sidecar_apply(config->model, arena, &preprocess, &names, log, err));
	*out = (struct config_size){ preprocess.height, preprocess.width };
	return OK;
}

/* [N,C,H,W], or [N,H,W,C] where the channels are known to stand last. */
static void wish_image(const struct config *config, const struct shape *declared,
		       struct config_size size, struct shape *out)
{
	bool last = config->layout == CONFIG_NHWC ||
		    (config->layout == CONFIG_LAYOUT_AUTO && declared->dim[1] == DIM_UNKNOWN &&
		     declared->dim[3] != DIM_UNKNOWN);
	out->rank = 4;
	for (int i = 0; i < 4; i++)
		out->dim[i] = DIM_UNKNOWN;
	out->dim[last ? 1 : 2] = size.height;
	out->dim[last ? 2 : 3] = size.width;
}

/* What open axes become: too small for some networks, slow for others. */
static const int64_t open_sizes[] = { 32, 64, 128, 224 };

enum status settings_shapes(const struct config *config, const struct graph *loaded, int64_t batch,
			    const struct log *log, struct arena *arena, struct shape **out,
			    struct error *err)
{
	struct shape *shapes = arena_alloc(arena, loaded->inputs.n * sizeof *shapes);
	struct shape *wanted = arena_alloc(arena, loaded->inputs.n * sizeof *wanted);
	int64_t fixed = settings_fixed_batch(loaded);
	struct config_size size;
	TRY(image_size(config, log, arena, &size, err));
	for (uint32_t k = 0; k < loaded->inputs.n; k++) {
		const struct shape *s = &graph_value(loaded, loaded->inputs.v[k])->t.shape;
		if (s->rank == 4 && size.height)
			wish_image(config, s, size, &wanted[k]);
		else
			wanted[k].rank = -1; /* no wish */
	}
	for (size_t i = 0; i < ARRAY_SIZE(open_sizes); i++) {
		struct problems ignored = { 0 };
		struct binding bound;
		struct error reason;
		TRY(bind_shapes(loaded, fixed ? fixed : batch, wanted, open_sizes[i], shapes, err));
		if (bind_graph(loaded, shapes, NULL, &bound, &ignored, &reason) == OK) {
			graph_free(bound.graph);
			*out = shapes;
			return OK;
		}
	}
	/* None will do: the first tells why. */
	*out = shapes;
	return bind_shapes(loaded, fixed ? fixed : batch, wanted, open_sizes[0], shapes, err);
}
