/*
 * test_options.c - the table of options and what is made of it: the parser, configuration files,
 * help, and the pages in docs/. With WRITE_DOCS=1 in the environment the pages are written anew
 * before they are compared.
 */
#include "base/file.h"
#include "base/utf8.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int open_arena(void **state)
{
	struct arena *arena = mem_alloc(sizeof *arena);
	arena_init(arena);
	*state = arena;
	return 0;
}

static int close_arena(void **state)
{
	arena_release(*state);
	free(*state);
	return 0;
}

/* Splits at blanks (no option here needs one in its value) and parses. */
static enum status parse(struct arena *arena, const char *line, struct invocation *out,
			 struct error *err)
{
	char *argv[64] = { (char *)"onnxtune" }, *next = arena_strdup(arena, line), *word;
	int argc = 1;
	while ((word = strsep(&next, " ")))
		argv[argc++] = word;
	return parse_command_line(argc, argv, arena, out, err);
}

static struct config defaults(struct arena *arena)
{
	struct invocation inv;
	struct error err;
	assert_int_equal(parse(arena, "m.onnx data", &inv, &err), OK);
	return inv.config;
}

static void test_defaults(void **state)
{
	const struct config c = defaults(*state);
	assert_string_equal(c.model, "m.onnx");
	assert_string_equal(c.data, "data");
	assert_int_equal(c.epochs, CONFIG_AUTO);
	assert_int_equal(c.steps, CONFIG_AUTO);
	assert_int_equal(c.batch_size, 32);
	assert_int_equal(c.micro_batch, CONFIG_AUTO);
	assert_int_equal(c.accumulate, CONFIG_AUTO);
	assert_int_equal(c.optimizer, CONFIG_ADAMW);
	assert_true(c.lr == CONFIG_LR_DEFAULT);
	assert_true(c.momentum == 0.9 && !c.nesterov);
	assert_true(c.beta1 == 0.9 && c.beta2 == 0.999 && c.eps == 1e-8);
	assert_true(c.weight_decay == 0.01 && !c.decay_all);
	assert_int_equal(c.schedule, CONFIG_COSINE);
	assert_true(c.warmup == 0.1 && c.clip_norm == 1);
	assert_int_equal(c.loss, CONFIG_LOSS_AUTO);
	assert_int_equal(c.seed, 0);
	assert_int_equal(c.precision, CONFIG_PRECISION_AUTO);
	assert_int_equal(c.precision_policy, CONFIG_POLICY_ONNXTUNE);
	assert_true(c.loss_scale == CONFIG_AUTO && c.min_loss_scale == 1);
	assert_int_equal(c.max_skips, 25);
	assert_int_equal(c.growth_interval, 2000);
	assert_int_equal(c.batch_norm, CONFIG_BATCH_NORM_FROZEN);
	assert_int_equal(c.new_head, CONFIG_AUTO);
	assert_true(c.validation.fraction == 0.2 && !c.validation.folder);
	assert_int_equal(c.resize.mode, CONFIG_RESIZE_AUTO);
	assert_true(!c.image_size.height && !c.mean.n && !c.std.n);
	assert_int_equal(c.range, CONFIG_RANGE_AUTO);
	assert_int_equal(c.channels, CONFIG_CHANNELS_AUTO);
	assert_int_equal(c.layout, CONFIG_LAYOUT_AUTO);
	assert_int_equal(c.device.kind, CONFIG_DEVICE_AUTO);
	assert_int_equal(c.threads, CONFIG_AUTO);
	assert_int_equal(c.decoders, CONFIG_AUTO);
	assert_true(!c.output && !c.report && !c.log && !c.labels && !c.split);
	assert_true(!c.autotune && !c.force && !c.quiet && !c.json && !c.no_shuffle);
	assert_true(!c.freeze.n && !c.train.n && !c.fail_under.n && !c.dump_after.n);
}

/* What a command line makes of one option: the texts of its value with '|' between. */
static void check_value(struct arena *arena, const char *line, const char *name, const char *want)
{
	struct invocation inv;
	struct error err;
	if (parse(arena, line, &inv, &err) != OK)
		fail_msg("%s: %s", line, err.text);
	const struct option *option = option_find(name, strlen(name));
	struct text got = { 0 };
	text_add(&got, ">");
	for (uint32_t i = 0; i < value_count(option, &inv); i++) {
		text_add(&got, "%s", i ? "|" : "");
		value_print(option, &inv, i, &got);
	}
	assert_string_equal(got.s + 1, want);
	text_release(&got);
}

static void test_command_lines(void **state)
{
	static const struct {
		const char *line, *name, *want;
	} cases[] = {
		{ "m d --epochs=5", "epochs", "5" },
		{ "m --epochs 5 d", "epochs", "5" },
		{ "--epochs=5 --epochs auto m d", "epochs", "auto" },
		{ "tune --steps 0 m d", "steps", "0" },
		{ "m d -b64", "batch-size", "64" },
		{ "m d -b 64", "batch-size", "64" },
		{ "m d -fqb 64", "batch-size", "64" },
		{ "m d -fqb 64", "force", "yes" },
		{ "m d --micro-batch=8 --accumulate=3", "batch-size", "24" },
		{ "m d --micro-batch=64", "batch-size", "64" },
		{ "m d --micro-batch=8 --accumulate=4 -b 30", "batch-size", "30" },
		{ "m d --optimizer=sgd", "weight-decay", "0" },
		{ "m d --optimizer=sgd --weight-decay=5e-4", "weight-decay", "0.0005" },
		{ "m d --optimizer=sgd --nesterov", "nesterov", "yes" },
		{ "m d --optimizer=rmsprop --centered", "centered", "yes" },
		{ "m d --lr 1e-30", "lr", "1e-30" },
		{ "m d --warmup=0", "warmup", "0" },
		{ "m d --warmup=100", "warmup", "100" },
		{ "m d --clip-norm=off", "clip-norm", "off" },
		{ "m d --loss-scale=1024", "loss-scale", "1024" },
		{ "m d --seed=9223372036854775807", "seed", "9223372036854775807" },
		{ "m d --precision=fp16", "precision", "fp16" },
		{ "m d --freeze a.* --freeze=b --freeze=c --freeze=d=e", "freeze", "a.*|b|c|d=e" },
		{ "m d --validation=val", "validation", "val" },
		{ "m d --validation=.25", "validation", "0.25" },
		{ "m d --image-size=48x192", "image-size", "48x192" },
		{ "m d --memory=12345", "memory", "12345" },
		{ "m d --memory=1.5K", "memory", "1536" },
		{ "m d --memory=2T", "memory", "2199023255552" },
		{ "m d --memory=12.5%", "memory", "12.5%" },
		{ "m d --checkpoint-every=200", "checkpoint-every", "200" },
		{ "m d --checkpoint-every=90s", "checkpoint-every", "90s" },
		{ "m d --checkpoint-every=120s", "checkpoint-every", "2m" },
		{ "m d --checkpoint-every=1.5h", "checkpoint-every", "90m" },
		{ "m d", "resume", "no" },
		{ "m d --resume", "resume", "auto" },
		{ "--resume m d", "resume", "auto" },
		{ "m d --resume=a/b", "resume", "a/b" },
		{ "m d --memory=auto", "memory", "auto" },
		{ "m d --image-size=224", "image-size", "224x224" },
		{ "m d --resize=pad", "resize", "pad:center,0" },
		{ "m d --resize=pad:left,127.5", "resize", "pad:left,127.5" },
		{ "m d --resize=pad,-1", "resize", "pad:center,-1" },
		{ "m d --resize=crop", "resize", "crop" },
		{ "m d --range -1-1", "range", "-1-1" },
		{ "m d --mean -0.5", "mean", "-0.5" },
		{ "m d --std=0.229,0.224,0.225", "std", "0.229,0.224,0.225" },
		{ "m d --fail-under accuracy=0.9 --fail-under=loss=1", "fail-under",
		  "accuracy=0.9|loss=1" },
		{ "m d --force=no", "force", "no" },
		{ "m d -o -", "output", "-" },
		{ "m d", "output", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_value(*state, cases[i].line, cases[i].name, cases[i].want);
}

static void test_commands(void **state)
{
	struct invocation inv;
	struct error err;
	for (int c = 0; c < COMMAND_COUNT; c++) {
		char *line = arena_printf(*state, "--quiet %s a%s", commands[c].name,
					  commands[c].least > 1 ? " b" : "");
		assert_int_equal(parse(*state, line, &inv, &err), OK);
		assert_int_equal(inv.command, c);
		assert_string_equal(inv.config.model, "a");
		assert_true(inv.config.quiet);
		if (commands[c].least > 1)
			assert_string_equal(inv.config.data, "b");
		else
			assert_null(inv.config.data);
	}
	/* files that are named as a command or an option */
	assert_int_equal(parse(*state, "-- tune --json", &inv, &err), OK);
	assert_false(inv.command_named);
	assert_string_equal(inv.config.model, "tune");
	assert_string_equal(inv.config.data, "--json");
	assert_false(inv.config.json);

	assert_int_equal(parse(*state, "--help", &inv, &err), OK);
	assert_true(inv.help && !inv.command_named);
	assert_int_equal(parse(*state, "run -h --config /nonexistent x y z", &inv, &err), OK);
	assert_true(inv.help && inv.command == COMMAND_RUN);
	assert_int_equal(parse(*state, "-V", &inv, &err), OK);
	assert_true(inv.version);
	assert_int_equal(parse(*state, "--print-config", &inv, &err), OK);
	assert_true(inv.print_config && !inv.config.model);
}

static void test_errors(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "m", "tune needs MODEL DATA" },
		{ "run m", "run needs MODEL INPUTS.npz" },
		{ "m d e", "'e' is too much: tune takes MODEL DATA" },
		{ "evalute m d", "unknown command 'evalute' (did you mean evaluate?)" },
		{ "inspect m d", "'d' is too much: inspect takes MODEL" },
		{ "m d --epoch 3", "unknown option --epoch (did you mean --epochs?)" },
		{ "m d --precison=fp16", "unknown option --precison (did you mean --precision?)" },
		{ "m d --batchsize 3", "unknown option --batchsize (did you mean --batch-size?)" },
		{ "m d --frobnicate", "unknown option --frobnicate" },
		{ "m d --x", "unknown option --x" },
		{ "m d --abc", "unknown option --abc" },
		{ "m d -x", "unknown option -x in '-x'" },
		{ "m d -fx", "unknown option -x in '-fx'" },
		{ "m d --epochs", "--epochs needs a value: --epochs=N|auto" },
		{ "m d -o", "-o needs a value: --output=FILE" },
		{ "m d -o --force", "-o needs a value: --output=FILE" },
		{ "m d --output --force=no", "--output needs a value: --output=FILE" },
		{ "m d --output=", "--output: '' is not a FILE" },
		{ "m d --epochs=1.5",
		  "--epochs: '1.5' is not a whole number of at least 0 and at most 100000000 or 'auto'" },
		{ "m d --epochs=-1",
		  "--epochs: '-1' is not a whole number of at least 0 and at most 100000000 or 'auto'" },
		{ "m d --micro-batch=0",
		  "--micro-batch: '0' is not a whole number of at least 1 or 'auto'" },
		{ "m d --seed=9223372036854775808",
		  "--seed: '9223372036854775808' is not a whole number of at least 0" },
		{ "m d --threads=5000", "--threads: '5000' is not a whole number of at least 1 and "
					"at most 4096 or 'auto'" },
		{ "m d --lr=nan",
		  "--lr: 'nan' is not a number of at least 0, 'auto' or 'default'" },
		{ "m d --lr=0x1",
		  "--lr: '0x1' is not a number of at least 0, 'auto' or 'default'" },
		{ "m d --beta1=1", "--beta1: '1' is not a number of at least 0 and below 1" },
		{ "m d --clip-norm=0", "--clip-norm: '0' is not a number above 0 or 'off'" },
		{ "m d --optimizer=ranger",
		  "--optimizer: 'ranger' is not one of sgd|adam|adamw|rmsprop|adagrad|nadam|lamb|"
		  "lion|adafactor" },
		{ "m d --warmup=1.5", "--warmup: '1.5' is not a share of all steps below 1 or a "
				      "whole number of steps" },
		{ "m d --warmup=-1", "--warmup: '-1' is not a share of all steps below 1 or a "
				     "whole number of steps" },
		{ "m d --validation=2", "--validation: '2' is not a number between 0 and 1 (a "
					"folder of that name: write './2')" },
		{ "m d --image-size=48x", "--image-size: '48x' is not HEIGHTxWIDTH with sides from "
					  "1 to 65535, or 'auto'" },
		{ "m d --image-size=0x4", "--image-size: '0x4' is not HEIGHTxWIDTH with sides from "
					  "1 to 65535, or 'auto'" },
		{ "m d --image-size=70000", "--image-size: '70000' is not HEIGHTxWIDTH with sides "
					    "from 1 to 65535, or 'auto'" },
		{ "m d --memory=0", "--memory: '0' is not a number of bytes (with K, M, G or T or "
				    "without), a share like 50% or 'auto'" },
		{ "m d --memory=1E9T", "--memory: '1E9T' is not a number of bytes (with K, M, G or "
				       "T or without), a share like 50% or 'auto'" },
		{ "m d --checkpoint-every=0",
		  "--checkpoint-every: '0' is not a number of steps, or a "
		  "time like 90s, 5m or 1h" },
		{ "m d --checkpoint-every=m",
		  "--checkpoint-every: 'm' is not a number of steps, or a "
		  "time like 90s, 5m or 1h" },
		{ "m d --checkpoint-every=-1s",
		  "--checkpoint-every: '-1s' is not a number of steps, "
		  "or a time like 90s, 5m or 1h" },
		{ "m d --resume=", "--resume: '' is not a DIR" },
		{ "m d --memory=101%",
		  "--memory: '101%' is not a share above 0% and at most 100%" },
		{ "m d --memory=%", "--memory: '%' is not a share above 0% and at most 100%" },
		{ "m d --resize=padded", "--resize: 'padded' is not "
					 "auto|stretch|crop|pad[:left|:center][,VALUE]" },
		{ "m d --resize=crop:left", "--resize: 'crop:left' is not "
					    "auto|stretch|crop|pad[:left|:center][,VALUE]" },
		{ "m d --resize=pad:right", "--resize: 'pad:right' is not "
					    "auto|stretch|crop|pad[:left|:center][,VALUE]" },
		{ "m d --resize=pad,", "--resize: 'pad,' is not "
				       "auto|stretch|crop|pad[:left|:center][,VALUE]" },
		{ "m d --mean=1,2,3,4,5", "--mean: '1,2,3,4,5' is not one to 4 numbers with commas "
					  "between, or 'auto'" },
		{ "m d --mean=1,,2",
		  "--mean: '1,,2' is not one to 4 numbers with commas between, or 'auto'" },
		{ "m d --std=0",
		  "--std: '0' is not one to 4 numbers above 0 with commas between, or 'auto'" },
		{ "m d --force=maybe", "--force: 'maybe' is not 'yes' or 'no'" },
		{ "m d --fail-under=0.9",
		  "--fail-under: '0.9' is not METRIC=VALUE, e.g. accuracy=0.9" },
		{ "run m d --epochs=3", "--epochs does not apply to run" },
		{ "m d --micro-batch=64 -b 32", "--micro-batch is larger than --batch-size 32" },
		{ "m d --accumulate=64 -b 32", "--accumulate is larger than --batch-size 32" },
		{ "m d --micro-batch=8 --accumulate=4 -b 24",
		  "--micro-batch 8 times --accumulate 4 is not --batch-size 24: leave one of them "
		  "out" },
		{ "m d --micro-batch=8 --accumulate=2 -b 24",
		  "--micro-batch 8 times --accumulate 2 is not --batch-size 24: leave one of them "
		  "out" },
		{ "m d --micro-batch=9223372036854775807 --accumulate=2",
		  "--micro-batch times --accumulate is too large" },
		{ "m d --distill=1.5",
		  "--distill: '1.5' is not a share above 0 and at most 1, with a temperature from "
		  "0.01 to 1000 behind a colon or without, or 'off'" },
		{ "m d --distill=0.5:0",
		  "--distill: '0.5:0' is not a share above 0 and at most 1, with a temperature from "
		  "0.01 to 1000 behind a colon or without, or 'off'" },
		{ "m d --schedule=steps",
		  "--schedule: 'steps' is not one of constant|linear|cosine|step|polynomial|"
		  "one-cycle|restarts|wsd|plateau" },
		{ "m d --schedule=step:0",
		  "--schedule: 'step:0': '0' is not a share below 1 or a number "
		  "of steps" },
		{ "m d --schedule=restarts:2,3,4",
		  "--schedule: 'restarts:2,3,4': restarts takes two numbers" },
		{ "m d --schedule=wsd:0.2,1", "--schedule: 'wsd:0.2,1': wsd takes one number" },
		{ "m d --schedule=cosine:1", "--schedule: 'cosine:1': cosine takes no number" },
		{ "m d --schedule=plateau:",
		  "--schedule: 'plateau:': '' is not a factor of at least 0 "
		  "and below 1" },
		{ "m d --nesterov --optimizer=rmsprop --momentum=0.9",
		  "--nesterov needs --optimizer=sgd and a momentum" },
		{ "m d --nesterov", "--nesterov needs --optimizer=sgd and a momentum" },
		{ "m d --centered", "--centered needs --optimizer=rmsprop" },
	};
	struct invocation inv;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err;
		assert_int_equal(parse(*state, cases[i].line, &inv, &err), ERR_USAGE);
		assert_string_equal(err.text, cases[i].text);
	}
	struct error err;
	assert_int_equal(parse(*state, "m d --config /nonexistent", &inv, &err), ERR_IO);
	assert_string_equal(err.text, "/nonexistent: No such file or directory");
}

static enum status read_text(struct arena *arena, const char *text, struct invocation *inv,
			     struct error *err)
{
	*inv = (struct invocation){ 0 };
	parse_defaults(inv, arena);
	return parse_config("f", text, strlen(text), inv, arena, err);
}

static void test_config(void **state)
{
	struct invocation inv;
	struct error err;
	const char *text = "# a comment\r\n"
			   "\r\n"
			   "  epochs=7\r\n"
			   "\tlr = 0.5 # half\n"
			   "freeze = a#b # comment\n"
			   "freeze = \" \\\"q\\\" \\\\ # \\n\\t\\r \" # comment\n"
			   "labels = names with blanks\n"
			   "force = true\n"
			   "json = no";
	if (read_text(*state, text, &inv, &err) != OK)
		fail_msg("%s", err.text);
	assert_int_equal(inv.config.epochs, 7);
	assert_true(inv.config.lr == 0.5);
	assert_int_equal(inv.config.freeze.n, 2);
	assert_string_equal(inv.config.freeze.v[0], "a#b");
	assert_string_equal(inv.config.freeze.v[1], " \"q\" \\ # \n\t\r ");
	assert_string_equal(inv.config.labels, "names with blanks");
	assert_true(inv.config.force && !inv.config.json);
	assert_int_equal(read_text(*state, "", &inv, &err), OK);
}

static void test_config_errors(void **state)
{
	static const struct {
		const char *file, *text;
	} cases[] = {
		{ "epochs", "f:1: 'epochs' is not 'name = value'" },
		{ "= 3", "f:1: '= 3' is not 'name = value'" },
		{ "# x\n\nepochs 3", "f:3: 'epochs 3' is not 'name = value'" },
		{ "epochs = x\nlr = 1",
		  "f:1: epochs: 'x' is not a whole number of at least 0 and at most 100000000 or 'auto'" },
		{ "\nepoch = 3", "f:2: unknown option epoch (did you mean epochs?)" },
		{ "--epochs = 3", "f:1: unknown option --epochs (did you mean epochs?)" },
		{ "config = x", "f:1: config belongs on the command line" },
		{ "help = yes", "f:1: help belongs on the command line" },
		{ "output =", "f:1: output: '' is not a FILE" },
		{ "output = # nothing", "f:1: output: '' is not a FILE" },
		{ "output = \"x", "f:1: the closing '\"' is missing" },
		{ "output = \"x\\", "f:1: unknown escape after '\\'" },
		{ "output = \"x\\q\"", "f:1: unknown escape after '\\'" },
		{ "output = \"x\" y", "f:1: text after the closing '\"'" },
	};
	struct invocation inv;
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(read_text(*state, cases[i].file, &inv, &err), ERR_USAGE);
		assert_string_equal(err.text, cases[i].text);
	}
	parse_defaults(&inv, *state);
	assert_int_equal(parse_config("f", "seed = 1\0", 9, &inv, *state, &err), ERR_USAGE);
	assert_string_equal(err.text, "f:1: a NUL byte: not a text file");
}

/* Printing, reading and printing again gives the same text, for every option of every command. */
static void test_round_trip(void **state)
{
	static const char *const lines[] = {
		"%s a b",
		"%s a b --batch-size=7 --threads 3 --device=cpu --quiet",
		"tune a b --lr=0.1 --lr=3e-7 --micro-batch=3 --image-size=3x4 --resize=pad:left,0.5 "
		"--mean=0.1,0.2,0.3 --std=1 --freeze=a --freeze=#b --train=\"c\" --fail-under=r2=0.1 "
		"--validation=x/ --output=a#b --labels=\n --report=\\ --log=a\t --split=\ta --steps=3 "
		"--schedule=restarts:4,2 --distill=0.5 --memory=3G --resume --checkpoint-every=7m --clip-norm=off --loss-scale=2 --optimizer=sgd --nesterov --warmup=7 --range=-1-1",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		for (int c = 0; c < COMMAND_COUNT; c++) {
			struct invocation inv, again = { 0 };
			struct error err;
			/* not every command takes every line: those that do are compared */
			char *line = arena_printf(*state, lines[i], commands[c].name);
			if (parse(*state, line, &inv, &err) != OK)
				continue;
			struct text first = { 0 }, second = { 0 };
			parse_print_config(&inv, &first);
			again.command = inv.command;
			parse_defaults(&again, *state);
			if (parse_config("f", first.s, first.n, &again, *state, &err) != OK)
				fail_msg("%s in\n%s", err.text, first.s);
			parse_print_config(&again, &second);
			assert_string_equal(first.s, second.s);
			text_release(&first);
			text_release(&second);
		}
	}
	check_value(*state, "tune a b --freeze=#b --freeze=\n", "freeze", "#b|\n");
}

/* What is printed is as it was given: values that follow from others are not fixed by it. */
static void test_print_keeps_auto(void **state)
{
	check_value(*state, "--print-config", "weight-decay", "auto");
	check_value(*state, "--print-config", "batch-size", "auto");
}

static void test_table(void **state)
{
	(void)state;
	for (const struct option *o = options; o->name; o++) {
		assert_ptr_equal(option_find(o->name, strlen(o->name)), o);
		assert_ptr_equal(option_suggest(o->name, strlen(o->name)), o);
		if (o->letter)
			assert_ptr_equal(option_find_letter(o->letter), o);
		assert_true(o->commands != 0);
		assert_true(o->field < sizeof(struct invocation));
		assert_true((o->kind == OPTION_FLAG) == !o->values);
		if (o->kind != OPTION_STRINGS)
			assert_true((o->kind == OPTION_CHOICE || o->kind == OPTION_COUNT_OR_WORD) ==
				    !!o->choices);
		assert_true(strlen(o->help) > 5 && o->help[strlen(o->help) - 1] != '.');
		for (const struct option *other = options; other < o; other++)
			assert_true(other->field != o->field);
	}
}

static void check_lines(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = mem_printf("%.*s", (int)n, text);
		if (utf8_length(line) > HELP_COLUMNS || (n && line[n - 1] == ' '))
			fail_msg("line of %zu columns: '%s'", utf8_length(line), line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

/* What follows an option's name in the help. */
static const char *behind_name(const struct option *o)
{
	return !o->values ? "  " : o->bare ? "[=" : "=";
}

static void test_help(void **state)
{
	(void)state;
	struct text all = { 0 };
	help_text(&all);
	check_lines(all.s);
	for (const struct option *o = options; o->name; o++) {
		char *name = mem_printf("--%s%s", o->name, behind_name(o));
		assert_non_null(strstr(all.s, name));
		free(name);
	}
	for (int c = 0; c < COMMAND_COUNT; c++) {
		struct text one = { 0 };
		help_command((enum command)c, &one);
		check_lines(one.s);
		for (const struct option *o = options; o->name; o++) {
			char *name = mem_printf(" --%s%s", o->name, behind_name(o));
			assert_int_equal(strstr(one.s, name) != NULL,
					 option_applies(o, (enum command)c));
			free(name);
		}
		text_release(&one);
	}
	text_release(&all);
}

static char *source(const char *path)
{
	const char *srcdir = getenv("srcdir");
	return mem_printf("%s/%s", srcdir ? srcdir : ".", path);
}

static void check_page(const char *name, const struct text *want)
{
	char *path = source(name);
	struct error err;
	struct file_map map;
	if (getenv("WRITE_DOCS"))
		assert_int_equal(file_write_all(path, want->s, want->n, &err), OK);
	if (file_map(path, &map, &err) != OK)
		fail_msg("%s", err.text);
	if (map.size != want->n || memcmp(map.data, want->s, want->n))
		fail_msg("%s is old: run this test with WRITE_DOCS=1", path);
	file_unmap(&map);
	free(path);
}

static void test_man_page(void **state)
{
	(void)state;
	struct text page = { 0 };
	help_man(&page);
	for (const struct option *o = options; o->name; o++) {
		struct text name = { 0 };
		text_add(&name, "\\fB\\-\\-");
		for (const char *p = o->name; *p; p++)
			text_add(&name, *p == '-' ? "\\-" : "%c", *p);
		text_add(&name, "\\fR");
		assert_non_null(strstr(page.s, name.s));
		text_release(&name);
	}
	check_page("docs/onnxtune.1", &page);
	text_release(&page);
}

static void test_markdown(void **state)
{
	(void)state;
	struct text page = { 0 };
	help_markdown(&page);
	for (const struct option *o = options; o->name; o++) {
		char *name = mem_printf("| `--%s`", o->name);
		assert_non_null(strstr(page.s, name));
		free(name);
	}
	check_page("docs/options.md", &page);
	text_release(&page);
}

/* The README leads to the page with the options. */
static void test_readme(void **state)
{
	(void)state;
	char *path = source("README.md");
	struct file_map map;
	struct error err;
	if (file_map(path, &map, &err) != OK)
		fail_msg("%s", err.text);
	assert_non_null(memmem(map.data, map.size, "docs/options.md", strlen("docs/options.md")));
	file_unmap(&map);
	free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		TEST(defaults), TEST(command_lines), TEST(commands),   TEST(errors),
		TEST(config),   TEST(config_errors), TEST(round_trip), TEST(print_keeps_auto),
		TEST(table),    TEST(help),          TEST(man_page),   TEST(markdown),
		TEST(readme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
