/*
 * test_trained.c - a part of a model trained, or parts at rates of their own, against what PyTorch
 * recorded (models/README.md, trained.npz): 20 losses and the final weights.
 */
#include "trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 20
#define FLOOR 1e-5

struct trained_case {
	const char *folder, *name;
	struct session_options (*options)(void);
	double rate;
	int64_t micro_batch;
	const char *const *train;
	double decay; /* of AdamW */
	double layer_decay, dropout;
	const struct group_scale *scales;
	uint32_t n_scales;
	const char *const *decayed, *const *undecayed;
};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct group_scale scales[] = {
	{ "*", 7 }, { "fc[!1]*", 1 }, { "fc1.*", 0.1 }, { "fc3.bias", 3 }
};

static const struct trained_case cases[] = {
	{ "mlp", "scaled", trial_adamw, 1e-3, 8, .decay = 0.1, .scales = scales,
	  .n_scales = ARRAY_SIZE(scales), .decayed = LIST("fc2.b*"),
	  .undecayed = LIST("fc1.*", "fc2.bias") },
	{ "mlp", "last", trial_sgd, 0.01, 8, .train = LIST("last:2") },
	{ "mlp", "dropout", trial_sgd, 0.01, 8, .dropout = 0.4 },
	{ "mlp", "dropout", trial_sgd, 0.01, 3, .dropout = 0.4 },
	{ "vit", "layer_decay", trial_adamw, 1e-3, 8, .train = LIST("position", "token"),
	  .layer_decay = 0.65 },
};

/* The recorded arrays of the model. */
static struct arrays recorded(struct trial *t, const char *folder)
{
	struct arrays arrays;
	struct error err;
	const char *path = arena_printf(&t->arena, "models/%s/trained.npz", folder);
	expect_ok(arrays_read(trial_path(&t->arena, path), &arrays, &err), &err);
	return arrays;
}

static const struct tensor *find(struct trial *t, const struct arrays *arrays, const char *name,
				 const char *array)
{
	const char *key = arena_printf(&t->arena, "%s/%s", name, array);
	const struct tensor *out = arrays_find(arrays, key);
	if (!out)
		fail_msg("%s was not recorded", key);
	return out;
}

static void check_losses(struct trial *t, const struct arrays *arrays, const char *name)
{
	const struct tensor *loss32 = find(t, arrays, name, "loss32");
	const struct tensor *loss64 = find(t, arrays, name, "loss64");
	for (int64_t step = 0; step < STEPS; step++) {
		double a = tensor_get(loss32, step), b = tensor_get(loss64, step);
		double loss = trial_recorded_step(t, step).loss;
		if (!(fabs(loss - b) <= fmax(FLOOR, 10 * fabs(a - b))))
			fail_msg("%s: loss %.9g instead of %.9g in step %d", name, loss, b,
				 (int)step);
	}
}

/* Every trained tensor was recorded. */
static void check_final(struct trial *t, const struct arrays *arrays, const char *name)
{
	for (uint32_t k = 0; k < t->session->n_parameters; k++) {
		const char *p = t->session->parameters[k];
		const struct tensor *w32 = find(t, arrays, name,
						arena_printf(&t->arena, "final32/%s", p));
		const struct tensor *w64 = find(t, arrays, name,
						arena_printf(&t->arena, "final64/%s", p));
		struct tensor w = trial_variable(t, "", p);
		double d = relative_norm(&w, w64);
		if (d > fmax(FLOOR, 10 * relative_norm(w32, w64)))
			fail_msg("%s: %s deviates by %.3g", name, p, d);
	}
}

static void follows_pytorch(void **state)
{
	const struct trained_case *c = *state;
	static const char *const none[] = { NULL };
	struct session_options o = c->options();
	struct trial t;
	o.micro_batch = c->micro_batch;
	o.seed = 7;
	o.freeze = none;
	o.train_only = c->train;
	o.training.update.decay = c->decay;
	o.training.update.decay_all = false;
	o.dropout = c->dropout;
	o.groups = (struct group_options){ .scales = c->scales,
					   .n_scales = c->n_scales,
					   .layer_decay = c->layer_decay,
					   .decay = c->decayed,
					   .no_decay = c->undecayed };
	trial_open(&t, c->folder, "model.onnx", o, c->rate);
	struct arrays arrays = recorded(&t, c->folder);
	check_losses(&t, &arrays, c->name);
	check_final(&t, &arrays, c->name);
	arrays_release(&arrays);
	trial_close(&t);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases)];
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, follows_pytorch, NULL, NULL,
						(void *)&cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
