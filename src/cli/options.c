/*
 * options.c - the table of options and commands (see options.h), and looking things up in it.
 */
#include "cli/options.h"

#include <float.h>
#include <string.h>

const struct command_info commands[COMMAND_COUNT] = {
	[COMMAND_TUNE] = { "tune", "MODEL DATA", 2, 2,
			   "fine-tune the model on the data, report, and write the new model "
			   "(the default command)" },
	[COMMAND_EVALUATE] = { "evaluate", "MODEL DATA", 2, 2,
			       "report how well the model does on the data" },
	[COMMAND_RUN] = { "run", "MODEL INPUTS.npz", 2, 2,
			  "compute the outputs for arrays named as the graph's inputs" },
	[COMMAND_GRAD] = { "grad", "MODEL INPUTS.npz", 2, 2,
			   "compute gradients for arrays named as the graph's inputs and "
			   "cotangent:OUTPUT" },
	[COMMAND_INSPECT] = { "inspect", "MODEL", 1, 1,
			      "list inputs, outputs, parameters, operators, kernels, memory and "
			      "what stands in the way of training" },
	[COMMAND_GRADCHECK] = { "gradcheck", "MODEL [DATA]", 1, 2,
				"compare the gradient of each parameter with central differences "
				"in float64" },
};

const char *const option_group_titles[GROUP_COUNT] = {
	[GROUP_TRAINING] = "Training",       [GROUP_PRECISION] = "Precision",
	[GROUP_TRAINED] = "What is trained", [GROUP_DATA] = "Data",
	[GROUP_DEVICE] = "Device",           [GROUP_OUTPUT] = "Output",
	[GROUP_GENERAL] = "General",
};

/* The words of choices, in the order of their enums in api/config.h. */
#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

#define FIELD(member) offsetof(struct invocation, member)
#define SET(member) offsetof(struct invocation, config.member)

#define TUNE (1U << COMMAND_TUNE)
#define EVALUATE (1U << COMMAND_EVALUATE)
#define RUN (1U << COMMAND_RUN)
#define GRAD (1U << COMMAND_GRAD)
#define INSPECT (1U << COMMAND_INSPECT)
#define GRADCHECK (1U << COMMAND_GRADCHECK)
#define DATA (TUNE | EVALUATE | GRADCHECK)
#define GRADIENTS (TUNE | GRAD | INSPECT | GRADCHECK)
#define ALL (DATA | RUN | GRADIENTS)

/* The largest double below 1: a number that must be smaller than 1. */
#define BELOW_1 (1 - DBL_EPSILON / 2)
/* The smallest positive one: a number that must not be 0. */
#define ABOVE_0 DBL_TRUE_MIN

#define STEPS_OR_SHARE "a share below 1 or a number of steps"

static const struct option_arg schedule_args[] = {
	{ CONFIG_STEP, ABOVE_0, CONFIG_STEPS_MAX, 1.0 / 3, STEPS_OR_SHARE },
	{ CONFIG_STEP, 0, 1, 0.1, "a factor from 0 to 1" },
	{ CONFIG_POLYNOMIAL, ABOVE_0, 100, 2, "a power above 0 and at most 100" },
	{ CONFIG_RESTARTS, 1, 10000, 3, "a number of cycles from 1 to 10000" },
	{ CONFIG_RESTARTS, 1, 100, 1, "a factor from 1 to 100" },
	{ CONFIG_WSD, ABOVE_0, CONFIG_STEPS_MAX, 0.2, STEPS_OR_SHARE },
	{ CONFIG_PLATEAU, 0, BELOW_1, 0.1, "a factor of at least 0 and below 1" },
	{ CONFIG_PLATEAU, 0, CONFIG_STEPS_MAX, 2, "a number of epochs" },
	{ 0 },
};

static const struct option_arg loss_args[] = {
	{ CONFIG_FOCAL, 0, 100, 2, "a number from 0 to 100" },
	{ CONFIG_HUBER, ABOVE_0, 1e30, 1, "a number above 0" },
	{ 0 },
};

/* clang-format off */
const struct option options[] = {
	{ "epochs", 0, OPTION_COUNT, "N|auto", "auto", NULL, 0, CONFIG_STEPS_MAX, "auto", CONFIG_AUTO,
	  .field = SET(epochs), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "passes over the training data; auto: 3, but enough for 150 steps" },
	{ "steps", 0, OPTION_COUNT, "N|auto", "auto", NULL, 0, CONFIG_STEPS_MAX, "auto", CONFIG_AUTO,
	  .field = SET(steps), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "optimizer steps, whatever --epochs says; auto: as many as the epochs have" },
	{ "batch-size", 'b', OPTION_COUNT, "N|auto", "auto", "samples", 1, 0, "auto", CONFIG_AUTO,
	  .field = SET(batch_size), .group = GROUP_TRAINING, .commands = TUNE | EVALUATE | INSPECT,
	  .help = "samples per optimizer step; auto: 32, or --micro-batch times --accumulate" },
	{ "micro-batch", 0, OPTION_COUNT, "N|auto", "auto", "samples", 1, 0, "auto", CONFIG_AUTO,
	  .inert = true, .field = SET(micro_batch), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "samples that are computed at a time; auto: as many as fit in memory. The result "
		  "is that of the whole batch, but for --batch-norm=train" },
	{ "accumulate", 0, OPTION_COUNT, "N|auto", "auto", NULL, 1, 0, "auto", CONFIG_AUTO,
	  .inert = true, .field = SET(accumulate), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "micro-batches whose gradients make one optimizer step; auto: as many as the "
		  "batch needs" },
	{ "optimizer", 0, OPTION_CHOICE,
	  "sgd|adam|adamw|rmsprop|adagrad|nadam|lamb|lion|adafactor", "adamw",
	  .choices = WORDS("sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lamb", "lion",
			   "adafactor"),
	  .field = SET(optimizer), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "as PyTorch defines them; lamb and lion as their papers do" },
	{ "lr", 0, OPTION_RATE, "RATE|auto|default", "default", NULL,
	  .field = SET(lr), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "highest learning rate; auto: where the loss falls fastest in up to 100 steps of a "
		  "growing rate, of which nothing else stays; default: 1e-3 for less than a million "
		  "trained numbers, 1e-4 for more, ten times that for adagrad and adafactor, a fifth "
		  "for lion" },
	{ "momentum", 0, OPTION_REAL, "M|auto", "auto", NULL, 0, BELOW_1, "auto", CONFIG_AUTO,
	  .field = SET(momentum), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "momentum of sgd and rmsprop; auto: 0.9 for sgd, 0 for rmsprop" },
	{ "nesterov", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(nesterov), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "Nesterov's form of the momentum of sgd" },
	{ "centered", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(centered), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "rmsprop divides by the gradient's deviation from its mean instead of its size" },
	{ "beta1", 0, OPTION_REAL, "B", "0.9", NULL, 0, BELOW_1,
	  .field = SET(beta1), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "decay of the gradient's mean in adam, adamw, nadam and lamb; its share in lion's "
		  "step" },
	{ "beta2", 0, OPTION_REAL, "B|auto", "auto", NULL, 0, BELOW_1, "auto", CONFIG_AUTO,
	  .field = SET(beta2), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "decay of the squared gradient's mean in adam, adamw, nadam, lamb and rmsprop, of "
		  "the gradient's in lion; auto: 0.999, for rmsprop and lion 0.99" },
	{ "eps", 0, OPTION_REAL, "E|auto", "auto", NULL, 0, 0, "auto", CONFIG_AUTO,
	  .field = SET(eps), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "what is added to the denominator of all but sgd and lion; auto: 1e-8, 1e-10 for "
		  "adagrad, 1e-6 for lamb, the type's for adafactor" },
	{ "weight-decay", 0, OPTION_REAL, "W|auto", "auto", NULL, 0, 0, "auto", CONFIG_AUTO,
	  .field = SET(weight_decay), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "weight decay (adamw, lamb, lion, adafactor) or L2 penalty (the others) of weights, "
		  "not of biases and norms; auto: 0.01 for adamw, lamb and lion, else 0" },
	{ "decay-all", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(decay_all), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "weight decay of biases and norms too" },
	{ "schedule", 0, OPTION_CHOICE, "NAME[:A[,B]]", "cosine",
	  .choices = WORDS("constant", "linear", "cosine", "step", "polynomial", "one-cycle",
			   "restarts", "wsd", "plateau"),
	  .args = schedule_args, .args_field = SET(schedule_args),
	  .field = SET(schedule), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "the learning rate after the warm-up: constant; linear, cosine, polynomial:POWER (2) "
		  "to 0 at the last step; step:EACH,FACTOR (0.1 times after each third); one-cycle; "
		  "restarts:CYCLES,LONGER (3 cosines, each 1 times as long as the last); wsd:FALL "
		  "(constant, over the last 0.2 linear to 0); plateau:FACTOR,EPOCHS (0.1 times when "
		  "the validation loss was not better for more than 2 epochs)" },
	{ "warmup", 0, OPTION_WARMUP, "FRACTION|STEPS", "0.1", "of all steps",
	  .field = SET(warmup), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "how long the learning rate rises: a share of all steps below 1, or a number of "
		  "steps" },
	{ "clip-norm", 0, OPTION_REAL, "NORM|off", "1", NULL, ABOVE_0, 0, "off", 0,
	  .field = SET(clip_norm), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "largest L2 norm of all gradients together" },
	{ "ema", 0, OPTION_REAL, "DECAY|off", "off", NULL, ABOVE_0, BELOW_1, "off", 0,
	  .field = SET(ema), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "keep moving averages of the weights, e.g. 0.99: they are evaluated and written" },
	{ "metric", 0, OPTION_STRING, "NAME", "loss",
	  .field = SET(metric), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "what tells whether weights are better than others: loss, accuracy, macro_f1, ... of "
		  "the validation data" },
	{ "patience", 0, OPTION_COUNT, "N|off", "off", NULL, 1, CONFIG_STEPS_MAX, "off", 0,
	  .field = SET(patience), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "evaluations without a better --metric after which the run ends" },
	{ "min-delta", 0, OPTION_REAL, "X", "0", NULL, 0, 0,
	  .field = SET(min_delta), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "by how much the metric must be better to count as such" },
	{ "eval-every", 0, OPTION_COUNT, "STEPS|epoch", "epoch", NULL, 1, CONFIG_STEPS_MAX, "epoch", 0,
	  .field = SET(eval_every), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "how often the validation data is evaluated for --patience and --keep-best, or just "
		  "for a look" },
	{ "keep-best", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(keep_best), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "write the best weights of all evaluations, not the last; until then they are kept "
		  "with the checkpoints" },
	{ "loss", 0, OPTION_CHOICE, "auto|cross-entropy|bce|mse|focal[:GAMMA]|l1|huber[:DELTA]",
	  "auto",
	  .choices = WORDS("auto", "cross-entropy", "bce", "mse", "focal", "l1", "huber"),
	  .args = loss_args, .args_field = SET(loss_args),
	  .field = SET(loss), .group = GROUP_TRAINING, .commands = DATA | INSPECT,
	  .help = "auto: by how the graph ends and by the labels' type; focal: cross-entropy or bce "
		  "times (1 - p)^GAMMA (2), p being the label's probability; mse, l1, huber: of values" },
	{ "label-smoothing", 0, OPTION_REAL, "S", "0", NULL, 0, BELOW_1,
	  .field = SET(label_smoothing), .group = GROUP_TRAINING, .commands = TUNE | GRADCHECK,
	  .help = "share of the cross-entropy that all classes get alike" },
	{ "distill", 0, OPTION_DISTILL, "W[:T]|off", "off", NULL,
	  .field = SET(distill), .group = GROUP_TRAINING, .commands = TUNE | INSPECT,
	  .help = "against forgetting: the share W of the loss is the cross-entropy with what the "
		  "untuned model says, both softened by the temperature T (2)" },
	{ "class-weights", 0, OPTION_STRING, "auto|NAME=W,...|FILE", NULL,
	  .field = SET(class_weights), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "what samples of each class count in the loss; auto: the rarer, the more, so that "
		  "all classes count alike; else the classes named, in a file one NAME=W a line, and "
		  "1 for the others" },
	{ "sampling", 0, OPTION_CHOICE, "plain|balanced", "plain",
	  .choices = WORDS("plain", "balanced"),
	  .field = SET(sampling), .group = GROUP_TRAINING, .commands = TUNE,
	  .help = "balanced: an epoch draws as many samples as there are, each class as often as the "
		  "others" },
	{ "seed", 0, OPTION_COUNT, "N", "0", NULL, 0, 0,
	  .field = SET(seed), .group = GROUP_TRAINING, .commands = DATA,
	  .help = "of all random choices: the same seed gives the same bits" },

	{ "precision", 0, OPTION_CHOICE, "auto|fp32|fp16|bf16", "auto",
	  .choices = WORDS("auto", "fp32", "fp16", "bf16"),
	  .field = SET(precision), .group = GROUP_PRECISION, .commands = TUNE | INSPECT,
	  .help = "of matrix products and convolutions; weights are kept in float32; auto: what is "
		  "fast on the device and trains as well" },
	{ "precision-policy", 0, OPTION_CHOICE, "onnxtune|autocast", "onnxtune",
	  .choices = WORDS("onnxtune", "autocast"),
	  .field = SET(precision_policy), .group = GROUP_PRECISION, .commands = TUNE | INSPECT,
	  .help = "which operators compute in half precision: our choice, or that of "
		  "torch.autocast" },
	{ "loss-scale", 0, OPTION_REAL, "dynamic|N", "dynamic", NULL, ABOVE_0, 0, "dynamic",
	  CONFIG_AUTO,
	  .field = SET(loss_scale), .group = GROUP_PRECISION, .commands = TUNE,
	  .help = "factor that keeps fp16 gradients from vanishing; dynamic: from 65536, halved when "
		  "a gradient overflows" },
	{ "min-loss-scale", 0, OPTION_REAL, "N", "1", NULL, ABOVE_0, 0,
	  .field = SET(min_loss_scale), .group = GROUP_PRECISION, .commands = TUNE,
	  .help = "what the dynamic loss scale never goes below" },
	{ "growth-interval", 0, OPTION_COUNT, "N", "2000", "steps", 1, INT32_MAX,
	  .field = SET(growth_interval), .group = GROUP_PRECISION, .commands = TUNE,
	  .help = "steps without overflow after which the dynamic loss scale doubles" },
	{ "max-skips", 0, OPTION_COUNT, "N", "25", "steps", 1, INT32_MAX,
	  .field = SET(max_skips), .group = GROUP_PRECISION, .commands = TUNE,
	  .help = "steps skipped in a row, because a gradient is not finite, that end the run" },

	{ "freeze", 0, OPTION_STRINGS, "PATTERN", NULL,
	  .field = SET(freeze), .group = GROUP_TRAINED, .commands = GRADIENTS,
	  .help = "leave the parameters alone whose names match: * is any text, ? any character" },
	{ "train", 0, OPTION_STRINGS, "PATTERN", NULL,
	  .field = SET(train), .group = GROUP_TRAINED, .commands = GRADIENTS,
	  .help = "train the float constants whose names match, also against --freeze; last:N: of what "
		  "is trained by default only the last N weighted nodes before the loss, each with its "
		  "bias" },
	{ "lora", 0, OPTION_LORA, "R[:ALPHA]|off", "off",
	  .field = SET(lora), .group = GROUP_TRAINED, .commands = TUNE | INSPECT,
	  .help = "instead of the weights of MatMul, Gemm and 1x1 Conv train factors of rank R, of which "
		  "ALPHA / R times the product is added to them (ALPHA is R where it is not given); all "
		  "else is frozen but for what --train names" },
	{ "lora-on", 0, OPTION_STRINGS, "PATTERN", NULL,
	  .field = SET(lora_on), .group = GROUP_TRAINED, .commands = TUNE | INSPECT,
	  .help = "the weights that --lora adapts; else all that would be trained" },
	{ "lora-save", 0, OPTION_STRING, "FILE|FOLDER/", NULL,
	  .field = SET(lora_save), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "write the factors of --lora, and what is trained beside them, to a safetensors file "
		  "with peft's names, or as peft's folder, instead of a tuned model; with --output "
		  "both" },
	{ "adapter", 0, OPTION_STRING, "FILE|FOLDER", NULL,
	  .field = SET(adapter), .group = GROUP_TRAINED, .commands = TUNE | EVALUATE | RUN,
	  .help = "add what --lora-save or peft wrote to the model's weights, before anything else; a "
		  "new head in it becomes the model's" },
	{ "lr-scale", 0, OPTION_SCALES, "PATTERN=FACTOR", NULL, NULL, ABOVE_0, 0,
	  .field = SET(lr_scale), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "factor of the learning rate of the parameters whose names match; the last one "
		  "that matches counts" },
	{ "layer-decay", 0, OPTION_REAL, "FACTOR", "1", NULL, ABOVE_0, 1,
	  .field = SET(layer_decay), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "factor of the learning rate for each layer that lies between a parameter and the "
		  "output; a block of a network is one layer" },
	{ "decay", 0, OPTION_STRINGS, "PATTERN", NULL,
	  .field = SET(decay), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "weight decay of the parameters whose names match, also of biases and norms and "
		  "against --no-decay" },
	{ "no-decay", 0, OPTION_STRINGS, "PATTERN", NULL,
	  .field = SET(no_decay), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "no weight decay of the parameters whose names match" },
	{ "dropout", 0, OPTION_REAL, "P", "0", NULL, 0, BELOW_1,
	  .field = SET(dropout), .group = GROUP_TRAINED, .commands = TUNE | INSPECT,
	  .help = "while training, set this share of what the last linear layer reads to 0; not in "
		  "evaluation, not in the written model" },
	{ "cache-features", 0, OPTION_CHOICE, "off|exact|near", "off",
	  .choices = WORDS("off", "exact", "near"),
	  .field = SET(cache_features), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "compute what stands before the first trained weight once for each sample and keep it, "
		  "in memory or in a temporary file; exact: only what gives the same result to the last "
		  "bit; near: also what differs by rounding" },
	{ "loss-output", 0, OPTION_STRING, "NAME", NULL,
	  .field = SET(loss_output), .group = GROUP_TRAINED, .commands = DATA | INSPECT,
	  .help = "the output that is trained and evaluated; else the first" },
	{ "batch-norm", 0, OPTION_CHOICE, "frozen|train", "frozen",
	  .choices = WORDS("frozen", "train"),
	  .field = SET(batch_norm), .group = GROUP_TRAINED, .commands = GRADIENTS,
	  .help = "statistics of BatchNormalization: those of the file, or of each micro-batch" },

	{ "new-head", 0, OPTION_COUNT_OR_WORD, "auto|N|off", "auto", "classes", 1, 1 << 24,
	  .choices = WORDS("auto", "off"),
	  .field = SET(new_head), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "replace the classifier at the model's end: auto: by one for the data's classes, where "
		  "these are not the model's; N: by one for N classes. Rows of classes that both know by "
		  "name are kept" },
	{ "head-on", 0, OPTION_STRING, "VALUE", NULL,
	  .field = SET(head_on), .group = GROUP_TRAINED, .commands = TUNE,
	  .help = "add a linear classifier of this value of the graph; its scores become the first "
		  "output" },

	{ "validation", 0, OPTION_VALIDATION, "FRACTION|DIR", "0.2", NULL,
	  .field = SET(validation), .group = GROUP_DATA, .commands = DATA,
	  .help = "a folder or file of validation data, or what share of each class becomes it "
		  "where the data has no split of its own" },
	{ "split", 0, OPTION_STRING, "NAME", NULL,
	  .field = SET(split), .group = GROUP_DATA, .commands = DATA,
	  .help = "the split that is evaluated; else the first of val, valid, validation, test" },
	{ "image-size", 0, OPTION_SIZE, "HxW|auto", "auto", "pixels",
	  .field = SET(image_size), .group = GROUP_DATA, .commands = DATA | INSPECT,
	  .help = "height and width of the model's images; auto: of the model's input or "
		  "preprocessor_config.json" },
	{ "resize", 0, OPTION_RESIZE, "auto|stretch|crop|pad[:left|:center][,VALUE]", "auto",
	  .field = SET(resize), .group = GROUP_DATA, .commands = DATA,
	  .help = "how images get their size: any proportions; the middle of the picture; or the "
		  "whole picture with the rest filled with VALUE" },
	{ "range", 0, OPTION_CHOICE, "auto|0-1|0-255|-1-1", "auto",
	  .choices = WORDS("auto", "0-1", "0-255", "-1-1"),
	  .field = SET(range), .group = GROUP_DATA, .commands = DATA,
	  .help = "the numbers that black and white become, before --mean and --std" },
	{ "mean", 0, OPTION_REALS, "M[,M...]|auto", "auto", NULL, -DBL_MAX, 0,
	  .field = SET(mean), .group = GROUP_DATA, .commands = DATA,
	  .help = "subtracted from each channel, in the unit of the range" },
	{ "std", 0, OPTION_REALS, "S[,S...]|auto", "auto", NULL, ABOVE_0, 0,
	  .field = SET(std), .group = GROUP_DATA, .commands = DATA,
	  .help = "each channel is divided by it, in the unit of the range" },
	{ "channels", 0, OPTION_CHOICE, "auto|rgb|bgr|grey", "auto",
	  .choices = WORDS("auto", "rgb", "bgr", "grey"),
	  .field = SET(channels), .group = GROUP_DATA, .commands = DATA,
	  .help = "order of the colours; auto: rgb, or grey where the model has one channel" },
	{ "layout", 0, OPTION_CHOICE, "auto|nchw|nhwc", "auto",
	  .choices = WORDS("auto", "nchw", "nhwc"),
	  .field = SET(layout), .group = GROUP_DATA, .commands = DATA | INSPECT,
	  .help = "where the model's input has its channels" },
	{ "augment", 0, OPTION_STRING, "OP[:PARAMETER=VALUE...],...", NULL,
	  .field = SET(augment), .group = GROUP_DATA, .commands = TUNE,
	  .help = "random changes of training images, as torchvision defines them: crop, hflip, vflip, "
		  "rotate:degrees=15, jitter:brightness=0.4:contrast=0.4, randaugment, erase" },
	{ "mixup", 0, OPTION_REAL, "ALPHA|off", "off", NULL, ABOVE_0, 1000, "off", 0,
	  .field = SET(mixup), .group = GROUP_DATA, .commands = TUNE,
	  .help = "each step blends its samples and their labels with others by a share from "
		  "Beta(ALPHA, ALPHA); with --cutmix too, one of the two is drawn" },
	{ "cutmix", 0, OPTION_REAL, "ALPHA|off", "off", NULL, ABOVE_0, 1000, "off", 0,
	  .field = SET(cutmix), .group = GROUP_DATA, .commands = TUNE,
	  .help = "each step replaces a rectangle of its images by that of others" },
	{ "no-shuffle", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(no_shuffle), .group = GROUP_DATA, .commands = TUNE,
	  .help = "take the training data in the order of the files, every epoch" },
	{ "ignored-label", 0, OPTION_COUNT, "N", "-100", NULL, -0x1p53, 0x1p53,
	  .field = SET(ignored_label), .group = GROUP_DATA, .commands = DATA,
	  .help = "a class number that stands for no class: what has it is neither trained on nor "
		  "counted; -1 and -100 always do" },
	{ "label-column", 0, OPTION_STRING, "NAME[,NAME...]", NULL,
	  .field = SET(label_column), .group = GROUP_DATA, .commands = DATA,
	  .help = "the columns of CSV files with the labels; else label, class, target, y, or the "
		  "last; in labels.csv all but the file's" },
	{ "labels", 0, OPTION_STRING, "FILE", NULL,
	  .field = SET(labels), .group = GROUP_DATA, .commands = DATA,
	  .help = "class names, one a line, in the order of the model's outputs" },

	{ "device", 0, OPTION_DEVICE, "auto|cpu|cuda[:N]", "auto", NULL,
	  .field = SET(device), .group = GROUP_DEVICE, .commands = ALL,
	  .help = "where to compute: on the CPU, or on an NVIDIA GPU, the first or number N; auto: on "
		  "the first GPU that can be used, else on the CPU" },
	{ "threads", 0, OPTION_COUNT, "N|auto", "auto", NULL, 1, 4096, "auto", CONFIG_AUTO,
	  .field = SET(threads), .group = GROUP_DEVICE, .commands = ALL,
	  .help = "threads that compute; auto: one for each core" },
	{ "autotune", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(autotune), .group = GROUP_DEVICE, .commands = TUNE | EVALUATE,
	  .help = "on a GPU time the ways to compute each product and convolution before the first step "
		  "and take the fastest; another run may take others, so its results may differ by "
		  "rounding. On the CPU it changes nothing" },
	{ "memory", 0, OPTION_MEMORY, "SIZE|SHARE%|auto", "auto", NULL,
	  .inert = true, .field = SET(memory), .group = GROUP_DEVICE, .commands = TUNE | EVALUATE | INSPECT,
	  .help = "the most memory that is planned with: bytes, with K, M, G or T behind for powers of "
		  "1024, or a share of the device's. Where the batch needs more, fewer samples are "
		  "computed at a time; auto: 90%" },
	{ "decoders", 0, OPTION_COUNT, "N|auto", "auto", NULL, 1, 4096, "auto", CONFIG_AUTO,
	  .inert = true, .field = SET(decoders), .group = GROUP_DEVICE, .commands = DATA,
	  .help = "threads that read and decode data; the results do not depend on it" },

	{ "output", 'o', OPTION_STRING, "FILE", NULL,
	  .field = SET(output), .group = GROUP_OUTPUT, .commands = TUNE | RUN | GRAD,
	  .help = "what is written: the tuned model (else MODEL.tuned.onnx beside the model; DIR/ makes "
		  "DIR/model.onnx with config.json and preprocessor_config.json), or the "
		  "arrays (else INPUTS.outputs.npz, INPUTS.grads.npz)" },
	{ "force", 'f', OPTION_FLAG, NULL, "no",
	  .field = SET(force), .group = GROUP_OUTPUT, .commands = TUNE | RUN | GRAD,
	  .help = "replace an existing output" },
	{ "report", 0, OPTION_STRING, "FILE", NULL,
	  .field = SET(report), .group = GROUP_OUTPUT, .commands = TUNE | EVALUATE,
	  .help = "write the report to a file too: as JSON if its name ends in .json, as a page with "
		  "curves and the worst mistakes if in .html, else as text" },
	{ "log", 0, OPTION_STRING, "FILE", NULL,
	  .field = SET(log), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "write one line per optimizer step: comma-separated values if its name ends in "
		  ".csv, else a JSON object" },
	{ "profile", 0, OPTION_STRING, "FILE", NULL,
	  .field = SET(profile), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "write where the steps' time went: for each operator and kernel its calls, seconds "
		  "and, for contractions, speed; and the parts of the whole run; steps take a little longer" },
	{ "log-dir", 0, OPTION_STRING, "DIR", NULL,
	  .field = SET(log_dir), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "write an event file for TensorBoard into the folder: each step's loss, rate, loss "
		  "scale, gradient norm and speed, and all metrics after each epoch" },
	{ "histograms", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(histograms), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "with --log-dir: also each tensor's weights, gradients and their norms after each "
		  "epoch" },
	{ "checkpoint", 0, OPTION_STRING, "DIR|off", NULL,
	  .field = SET(checkpoint), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "the folder for checkpoints of the run; else they are beside the output, "
		  "OUTPUT.checkpoint, while the run lasts, if it takes more than five minutes" },
	{ "checkpoint-every", 0, OPTION_EVERY, "STEPS|Ns|Nm|Nh", "5m",
	  .field = SET(checkpoint_every), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "steps, seconds, minutes or hours between two checkpoints" },
	{ "keep", 0, OPTION_COUNT, "N", "2", "checkpoints", 1, 0,
	  .field = SET(keep), .group = GROUP_OUTPUT, .commands = TUNE,
	  .help = "how many checkpoints stay, the newest" },
	{ "resume", 0, OPTION_RESUME, "DIR", "no",
	  .bare = "auto", .field = SET(resume), .group = GROUP_OUTPUT,
	  .commands = TUNE,
	  .help = "go on from the newest checkpoint in the folder (else that of --checkpoint), to "
		  "the same bits as without the interruption; from the start where there is none" },
	{ "fail-under", 0, OPTION_GATES, "METRIC=VALUE", NULL,
	  .field = SET(fail_under), .group = GROUP_OUTPUT, .commands = TUNE | EVALUATE,
	  .help = "exit with status 3 when the metric (accuracy, macro_f1, loss, ...) is worse; also "
		  "precision, recall and f1 of a class, as in f1[cat], and change[METRIC], compared with "
		  "before tuning or the model of --compare" },
	{ "compare", 0, OPTION_STRING, "OTHER.onnx", NULL,
	  .field = SET(compare), .group = GROUP_OUTPUT, .commands = EVALUATE,
	  .help = "evaluate this model too, and report the differences of metrics and outputs" },
	{ "atol", 0, OPTION_REAL, "DIFFERENCE|none", "none", NULL, 0, 0, "none", CONFIG_AUTO,
	  .field = SET(atol), .group = GROUP_OUTPUT, .commands = EVALUATE,
	  .help = "with --compare: exit with status 3 when an output differs by more than this plus "
		  "--rtol times the other model's" },
	{ "rtol", 0, OPTION_REAL, "SHARE|none", "none", NULL, 0, 0, "none", CONFIG_AUTO,
	  .field = SET(rtol), .group = GROUP_OUTPUT, .commands = EVALUATE,
	  .help = "see --atol; each is 0 where only the other is given" },
	{ "json", 0, OPTION_FLAG, NULL, "no",
	  .field = SET(json), .group = GROUP_OUTPUT,
	  .commands = TUNE | EVALUATE | INSPECT | GRADCHECK,
	  .help = "make the standard output one JSON document" },
	{ "quiet", 'q', OPTION_FLAG, NULL, "no",
	  .field = SET(quiet), .group = GROUP_OUTPUT, .commands = ALL,
	  .help = "no progress and no notes; warnings, errors and results stay" },
	{ "dump-after", 0, OPTION_STRINGS, "bind|batch-norm|loss|precision|gradient|layout", NULL,
	  .choices = WORDS("bind", "batch-norm", "loss", "precision", "gradient", "layout"),
	  .field = SET(dump_after), .group = GROUP_OUTPUT, .commands = ALL,
	  .help = "print the graph to the standard error after a pass" },

	{ "config", 0, OPTION_STRINGS, "FILE", NULL,
	  .field = FIELD(config_files), .group = GROUP_GENERAL, .commands = ALL,
	  .command_line_only = true,
	  .help = "take options from lines `name = value`; the command line wins" },
	{ "print-config", 0, OPTION_FLAG, NULL, "no",
	  .field = FIELD(print_config), .group = GROUP_GENERAL, .commands = ALL,
	  .command_line_only = true,
	  .help = "print the value of each option in the form that --config reads, and end" },
	{ "completion", 0, OPTION_CHOICE, "off|bash|zsh", "off",
	  .choices = WORDS("off", "bash", "zsh"),
	  .field = FIELD(completion), .group = GROUP_GENERAL, .commands = ALL,
	  .command_line_only = true,
	  .help = "print what the shell needs to complete command lines, and end" },
	{ "help", 'h', OPTION_FLAG, NULL, "no",
	  .field = FIELD(help), .group = GROUP_GENERAL, .commands = ALL,
	  .command_line_only = true,
	  .help = "print this text, or that of one command, and end" },
	{ "version", 'V', OPTION_FLAG, NULL, "no",
	  .field = FIELD(version), .group = GROUP_GENERAL, .commands = ALL,
	  .command_line_only = true,
	  .help = "print the version and end" },
	{ 0 },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(options) <= OPTIONS_MAX, "options.h tells how many there may be");

const struct option *option_find(const char *name, size_t n)
{
	for (const struct option *o = options; o->name; o++)
		if (strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	return NULL;
}

const struct option *option_find_letter(char letter)
{
	for (const struct option *o = options; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

#define NAME_MAX_LENGTH 32

/* How many characters must be changed, added or removed (Levenshtein). */
static size_t distance(const char *a, size_t n, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1], m = strlen(b);
	if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			row[j] = best;
		}
	}
	return row[m];
}

/* Half of a name may be wrong, but never more than this. */
#define SUGGEST_MAX 3

static bool is_close(size_t d, size_t n)
{
	return d <= SUGGEST_MAX && d <= n / 2;
}

const struct option *option_suggest(const char *name, size_t n)
{
	const struct option *best = NULL;
	size_t best_distance = SIZE_MAX;
	for (const struct option *o = options; o->name; o++) {
		size_t d = distance(name, n, o->name);
		if (!d)
			return o;
		/* a name that was not written out is meant more likely than a misspelt one */
		if (n >= 3 && !strncmp(o->name, name, n))
			d = 0;
		if (d < best_distance) {
			best = o;
			best_distance = d;
		}
	}
	return is_close(best_distance, n) ? best : NULL;
}

int command_suggest(const char *name)
{
	for (int c = 0; c < COMMAND_COUNT; c++)
		if (is_close(distance(name, strlen(name), commands[c].name), strlen(name)))
			return c;
	return -1;
}
