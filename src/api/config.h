/*
 * config.h - all that a user can set, as plain typed fields.
 *
 * src/cli/options.c holds the table of options with which the command line and configuration files
 * fill this struct; each field is named after its option. "Not set" and "auto" are values of their
 * own, given below. Strings and lists belong to whoever filled the struct.
 */
#ifndef ONNXTUNE_API_CONFIG_H
#define ONNXTUNE_API_CONFIG_H

#include "eval/gate.h"

enum config_optimizer {
	CONFIG_SGD,
	CONFIG_ADAM,
	CONFIG_ADAMW,
	CONFIG_RMSPROP,
	CONFIG_ADAGRAD,
	CONFIG_NADAM,
	CONFIG_LAMB,
	CONFIG_LION,
	CONFIG_ADAFACTOR,
};
enum config_schedule {
	CONFIG_CONSTANT,
	CONFIG_LINEAR,
	CONFIG_COSINE,
	CONFIG_STEP,
	CONFIG_POLYNOMIAL,
	CONFIG_ONE_CYCLE,
	CONFIG_RESTARTS,
	CONFIG_WSD,
	CONFIG_PLATEAU,
};
enum config_loss {
	CONFIG_LOSS_AUTO,
	CONFIG_CROSS_ENTROPY,
	CONFIG_BCE,
	CONFIG_MSE,
	CONFIG_FOCAL,
	CONFIG_L1,
	CONFIG_HUBER
};
enum config_sampling { CONFIG_SAMPLING_PLAIN, CONFIG_SAMPLING_BALANCED };
enum config_precision {
	CONFIG_PRECISION_AUTO,
	CONFIG_FP32,
	CONFIG_FP16,
	CONFIG_BF16,
};
enum config_policy { CONFIG_POLICY_ONNXTUNE, CONFIG_POLICY_AUTOCAST };
enum config_batch_norm { CONFIG_BATCH_NORM_FROZEN, CONFIG_BATCH_NORM_TRAIN };
enum config_range {
	CONFIG_RANGE_AUTO,
	CONFIG_RANGE_0_1,
	CONFIG_RANGE_0_255,
	CONFIG_RANGE_MINUS_1_1,
};
enum config_channels { CONFIG_CHANNELS_AUTO, CONFIG_RGB, CONFIG_BGR, CONFIG_GREY };
enum config_layout { CONFIG_LAYOUT_AUTO, CONFIG_NCHW, CONFIG_NHWC };
enum config_device_kind { CONFIG_DEVICE_AUTO, CONFIG_DEVICE_CPU, CONFIG_DEVICE_CUDA };
struct config_device {
	enum config_device_kind kind;
	int ordinal; /* which GPU */
};
enum config_features { CONFIG_FEATURES_OFF, CONFIG_FEATURES_EXACT, CONFIG_FEATURES_NEAR };
enum config_resize_mode {
	CONFIG_RESIZE_AUTO,
	CONFIG_RESIZE_STRETCH, /* to the size, whatever the proportions */
	CONFIG_RESIZE_CROP,    /* the shorter side to the size, the centre is kept */
	CONFIG_RESIZE_PAD,     /* the longer side to the size, the rest is filled */
};

struct config_strings {
	const char **v;
	uint32_t n;
};

struct config_gates {
	struct gate *v;
	uint32_t n;
};

struct config_scale {
	const char *pattern;
	double factor;
};

/* Rank of low-rank factors, 0: none; and the dividend of their scale, 0: the rank. */
struct config_lora {
	int64_t rank;
	double alpha;
};

struct config_scales {
	struct config_scale *v;
	uint32_t n;
};

struct config_resize {
	enum config_resize_mode mode;
	bool pad_left;    /* pad: the picture stays at the left and top; else in the centre */
	double pad_value; /* pad: what fills the rest, in the unit of the range */
};

struct config_size {
	int height, width; /* pixels; 0: auto */
};

#define CONFIG_REALS_MAX 4
struct config_reals {
	double v[CONFIG_REALS_MAX];
	uint32_t n; /* 0: auto */
};

/* Part of the training data or a number of its own. */
struct config_validation {
	double fraction;    /* in (0, 1) */
	const char *folder; /* or the validation data; NULL: fraction counts */
};

/* The largest memory that a run's plan may take. Both 0: what the machine has, less a reserve. */
struct config_memory {
	int64_t bytes;
	double percent; /* of the device's memory */
};

/* The numbers behind a choice, as in step:0.5,0.1; those that are not given have their default. */
#define CONFIG_ARGS_MAX 2
struct config_args {
	double v[CONFIG_ARGS_MAX];
	uint32_t given;
};

/* An option of the run's command as a page shows it. */
struct config_setting {
	const char *name, *value;
	const char *source; /* "command line", the configuration file's name; NULL: the default */
	bool inert; /* changes no bit of what is trained: may differ when a run is resumed */
};

/* How often something is done: after so many steps, or, where steps is 0, seconds. */
struct config_every {
	int64_t steps;
	double seconds;
};

struct config_resume {
	bool on;
	const char *folder; /* NULL: the one that checkpoints go to */
};

/* The untuned model as teacher. */
struct config_distill {
	double share;       /* of the loss, up to 1; 0: none */
	double temperature; /* of teacher and model */
};

/* Peak learning rates: by the number of parameters; by a range test. */
#define CONFIG_LR_DEFAULT (-1)
#define CONFIG_LR_AUTO (-2)

#define CONFIG_AUTO (-1)
#define CONFIG_OFF "off" /* instead of a path */
#define CONFIG_HEAD_OFF (-2)

/* Steps of a run, which has a table with the learning rate of each. */
#define CONFIG_STEPS_MAX 100000000

struct config {
	const char *model; /* path of the ONNX file */
	const char *data;  /* path of the data; NULL: not given */

	/* training */
	int64_t epochs;      /* CONFIG_AUTO: 3, but as many as 150 steps need */
	int64_t steps;       /* optimizer steps instead of epochs; CONFIG_AUTO: as epochs say */
	int64_t batch_size;  /* samples per optimizer step, >= 1 */
	int64_t micro_batch; /* samples computed at a time; CONFIG_AUTO: as many as fit */
	int64_t accumulate; /* micro-batches per optimizer step; CONFIG_AUTO: as batch_size needs */
	enum config_optimizer optimizer;
	double lr;           /* peak learning rate, or CONFIG_LR_DEFAULT, CONFIG_LR_AUTO */
	double momentum;     /* sgd, rmsprop */
	bool nesterov;       /* sgd */
	bool centered;       /* rmsprop */
	double beta1, beta2; /* means of the gradient and of its square */
	double eps;          /* what is added to denominators */
	double weight_decay; /* >= 0: decoupled for adamw, lamb, lion, adafactor, else added to
				the gradient */
	bool decay_all;      /* decay biases and norms too */
	enum config_schedule schedule;
	struct config_args schedule_args; /* see train/schedule.h */
	double warmup;                    /* below 1: share of all steps; else a number of steps */
	double ema;                       /* decay of averages of the weights; 0: none are kept */
	const char *metric; /* by which weights are better than others; one of eval/metrics.h */
	int64_t patience;   /* evaluations without a better one that end the run; 0: none do */
	double min_delta;   /* what counts as better is better by more than this */
	int64_t eval_every; /* steps; 0: an epoch, where evaluations are asked for at all */
	bool keep_best;     /* the best weights are written, not the last */
	double clip_norm;   /* L2 norm that gradients are clipped to; 0: not clipped */
	enum config_loss loss;
	struct config_args loss_args; /* focal: gamma, huber: delta */
	double label_smoothing;
	struct config_distill distill;
	const char *class_weights; /* "auto", NAME=W,..., or a file of them; NULL: all 1 */
	enum config_sampling sampling;
	int64_t seed;

	/* precision */
	enum config_precision precision;
	enum config_policy precision_policy;
	double loss_scale;       /* fixed scale; CONFIG_AUTO: dynamic */
	double min_loss_scale;   /* dynamic scaling does not go below */
	int64_t max_skips;       /* skipped steps in a row that are an error */
	int64_t growth_interval; /* good steps after which the scale doubles */

	/* what is trained: patterns of parameter names, `train` wins over `freeze` */
	struct config_strings freeze, train; /* train: or "last:N", the last N weighted nodes */
	struct config_lora lora;
	const char *lora_save;         /* file for the factors; NULL: they are merged */
	const char *adapter;           /* file with factors that the model gets first; NULL: none */
	struct config_strings lora_on; /* none: all that would be trained */
	struct config_scales lr_scale; /* the last pattern that matches counts */
	double layer_decay;            /* factor of the rate for each layer of depth */
	struct config_strings decay, no_decay; /* `decay` wins */
	enum config_features cache_features;   /* keep what the frozen beginning gives */
	double dropout;                        /* before the head; 0: none */
	const char *loss_output;               /* NULL: the first */
	enum config_batch_norm batch_norm;
	int64_t new_head; /* classes of a new classifier; CONFIG_AUTO: as the data asks; CONFIG_HEAD_OFF */
	const char *head_on; /* value that gets a new classifier; NULL: none */

	/* data */
	struct config_validation validation;
	const char *split; /* NULL: the first of val, valid, validation, test */
	struct config_size image_size;
	struct config_resize resize;
	enum config_range range;
	struct config_reals mean, std; /* in the unit of the range, one or one for each channel */
	enum config_channels channels;
	enum config_layout layout;
	const char *augment;  /* list of random changes of training images; NULL: none */
	double mixup, cutmix; /* alpha; 0: off */
	bool no_shuffle;
	int64_t ignored_label;    /* a label that takes no part, besides -1 and -100 */
	const char *label_column; /* of CSV files; NULL: by the usual names */
	const char *labels;       /* file of class names, one a line; NULL: auto */

	/* device */
	struct config_device device;
	int64_t threads; /* CONFIG_AUTO: one for each core */
	bool autotune;   /* kernels of a GPU may be chosen by their speed */
	struct config_memory memory;
	int64_t decoders; /* threads that read and decode data; CONFIG_AUTO: by the cores */

	/* output */
	const char *output;  /* NULL: auto, or not allowed where a file must be named */
	bool force;          /* replace existing files */
	const char *report;  /* file for the report; NULL: none */
	const char *log;     /* file for one line per step, JSON or CSV by its name; NULL: none */
	const char *profile; /* file for the times of kernels; NULL: they are not taken */
	const char *log_dir; /* folder for event files; NULL: none */
	bool histograms;     /* of weights and gradients, in them */
	const char *checkpoint; /* folder for checkpoints; NULL: auto; CONFIG_OFF: none */
	struct config_every checkpoint_every;
	int64_t keep; /* checkpoints, the newest */
	struct config_resume resume;
	struct config_gates fail_under;
	const char *compare; /* another model that is evaluated too; NULL: none */
	double atol, rtol;   /* how far outputs may be from its; CONFIG_AUTO: not given */
	bool quiet;
	bool json;
	struct config_strings dump_after; /* passes after which the graph is printed */

	const struct config_setting *settings; /* what all of this is made of */
	uint32_t n_settings;
};

#endif
