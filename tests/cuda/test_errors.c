/*
 * test_errors.c - the command tune on a GPU of which one call of CUDA's libraries fails, each of those
 * of a short run in turn: one line on the standard error, exit status 1, the output as it was, and
 * nothing left on the GPU.
 */
#include "cli/commands.h"
#include "cudasim/command.h"
#include "cudasim/cudasim.h"
#include "support/data_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct sweep {
	const char *name, *folder; /* of the test; of the model */
	enum cudasim_failing failing;
	uint64_t step;  /* 1: each call in turn fails, n: every n-th */
	uint64_t calls; /* at least so many are there */
	bool compile;   /* compiled kernels are not on the disk */
	bool autotune;
};

static const struct sweep sweeps[] = {
	{ "one call", "mlp", CUDASIM_CALL, 1, 300, false, false },
	{ "the device is lost", "mlp", CUDASIM_LOST, 1, 300, false, false },
	{ "no memory", "mlp", CUDASIM_MEMORY, 1, 40, false, false },
	{ "one call, with convolutions", "lenet", CUDASIM_CALL, 5, 400, true, false },
	{ "the device is lost, with convolutions", "lenet", CUDASIM_LOST, 11, 400, true, false },
	{ "one call, with autotune", "mlp", CUDASIM_CALL, 3, 700, false, true },
	{ "the device is lost, with autotune", "mlp", CUDASIM_LOST, 7, 700, false, true },
};

struct bed {
	bool autotune;
	char *folder, *output, *model, *data;
	uint8_t *before, *after; /* the output as it was, and as a run without failures leaves it */
	size_t before_bytes, after_bytes;
};

static int run(struct bed *bed, char **says)
{
	char *argv[] = {
		"onnxtune", bed->model,      bed->data, "-o",          bed->output, "--force",
		"--quiet",  "--device",      "cuda",    "--steps",     "2",         "--batch-size",
		"8",        "--micro-batch", "4",       "--precision", "fp16",      NULL,
		NULL
	};
	if (bed->autotune)
		argv[ARRAY_SIZE(argv) - 2] = "--autotune";
	return command_line_run(argv, says);
}

static int files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;
	for (struct dirent *e; (e = readdir(dir));)
		n += *e->d_name != '.';
	closedir(dir);
	return n;
}

/* A run of which call n fails; false when it has fewer. */
static bool fails(struct bed *bed, enum cudasim_failing failing, uint64_t n)
{
	char *says;
	size_t bytes;
	assert_true(put_file(bed->folder, "o.onnx", bed->before, bed->before_bytes));
	cudasim_fail(failing, n);
	int status = run(bed, &says);
	const char *function = cudasim_failed();
	cudasim_fail(CUDASIM_NONE, 0);
	uint8_t *now = read_bytes(bed->output, &bytes);
	assert_non_null(now);
	if (status == EXIT_DONE) {
		/* Another engine of cuDNN is taken where one can't be had. */
		bool same = bytes == bed->after_bytes && !memcmp(now, bed->after, bytes);
		if (*says || (!same && (!function || strncmp(function, "cudnnBackend", 12))))
			fail_msg("call %d (%s) failed: the run went on, to other weights", (int)n,
				 function);
	} else {
		size_t length = strcspn(says, "\n");
		if (status != EXIT_FAILED || strncmp(says, "onnxtune: ", 10) ||
		    strlen(says) != length + 1)
			fail_msg("call %d (%s) failed: status %d, %s", (int)n, function, status,
				 says);
		/* What a library says is not taken for an answer about the product. */
		if (!strncmp(function, "cublasLt", 8) && strstr(says, "no algorithm"))
			fail_msg("call %d (%s) failed: %s", (int)n, function, says);
		/* The output is as it was, or whole where only its report is missing. */
		bool written = strstr(says, "o.onnx is written, but could not be evaluated: ");
		const uint8_t *expected = written ? bed->after : bed->before;
		size_t expected_bytes = written ? bed->after_bytes : bed->before_bytes;
		if (bytes != expected_bytes || memcmp(now, expected, bytes))
			fail_msg("call %d (%s) failed: the output is another, %s", (int)n, function,
				 says);
	}
	if (cudasim_left() || cudasim_memory_used() || files_in(bed->folder) != 1)
		fail_msg("call %d (%s) failed: %d things are left on the GPU, %d files", (int)n,
			 function, cudasim_left(), files_in(bed->folder));
	free(now);
	free(says);
	return function != NULL;
}

static void test_sweep(void **state)
{
	const struct sweep *sweep = *state;
	struct bed bed = { .autotune = sweep->autotune, .folder = make_folder() };
	char *says;
	const char *cache = getenv("XDG_CACHE_HOME");
	uint64_t n = 1;
	bed.output = mem_printf("%s/o.onnx", bed.folder);
	char *model = mem_printf("models/%s/model.onnx", sweep->folder);
	char *data = mem_printf("models/%s/data.npz", sweep->folder);
	bed.model = source_path(model);
	bed.data = source_path(data);
	bed.before = read_bytes(bed.model, &bed.before_bytes);
	if (sweep->compile)
		setenv("XDG_CACHE_HOME", "/dev/null", 1);
	if (run(&bed, &says) != EXIT_DONE || *says)
		fail_msg("%s", says);
	free(says);
	bed.after = read_bytes(bed.output, &bed.after_bytes);
	while (fails(&bed, sweep->failing, n))
		n += sweep->step;
	assert_true(n > sweep->calls);
	if (sweep->compile && cache)
		setenv("XDG_CACHE_HOME", cache, 1);
	remove_folder(bed.folder);
	free(bed.output);
	free(model);
	free(data);
	free(bed.model);
	free(bed.data);
	free(bed.before);
	free(bed.after);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(sweeps)];
	for (size_t i = 0; i < ARRAY_SIZE(sweeps); i++)
		tests[i] = (struct CMUnitTest){ .name = sweeps[i].name,
						.test_func = test_sweep,
						.initial_state = (void *)&sweeps[i] };
	return _cmocka_run_group_tests("errors", tests, ARRAY_SIZE(tests), NULL, NULL);
}
