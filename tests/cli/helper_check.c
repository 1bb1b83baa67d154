/* helper_check.c - looks at JSON and models that onnxtune wrote (see helper.h). */
#include "helper.h"

#include "data/npy.h"
#include "onnx/file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is at "a.b.0.c", NULL when nothing is. */
static json_t *at(json_t *o, char *path)
{
	char *save, *part = strtok_r(path, ".", &save);
	for (; part && o; part = strtok_r(NULL, ".", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atol(part))
				     : json_object_get(o, part);
	return o;
}

int helper_json(int argc, char **argv)
{
	json_error_t error;
	json_t *document = json_load_file(argv[0], JSON_REJECT_DUPLICATES, &error);
	if (!document)
		helper_die("%s:%d: %s", argv[0], error.line, error.text);
	for (int i = 1; i < argc; i++) {
		char *path = mem_strdup(argv[i]);
		json_t *o = at(document, path);
		if (!o)
			helper_die("%s: nothing at %s", argv[0], argv[i]);
		char *text = json_dumps(o, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(8));
		printf("%s\n", text);
		free(text);
		free(path);
	}
	json_decref(document);
	return 0;
}

static void check_line(const char *name, int number, const char *line, char **keys, int n)
{
	json_error_t error;
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(o))
		helper_die("%s:%d: not one object: %s", name, number, error.text);
	for (int k = 0; k < n; k++)
		if (!json_object_get(o, keys[k]))
			helper_die("%s:%d: no %s", name, number, keys[k]);
	if (json_object_size(o) != (size_t)n)
		helper_die("%s:%d: %zu keys, not %d", name, number, json_object_size(o), n);
	json_decref(o);
}

int helper_lines(int argc, char **argv)
{
	FILE *in = fopen(argv[0], "r");
	char line[4000];
	int n = 0;
	if (!in)
		helper_die("can't read %s", argv[0]);
	while (fgets(line, sizeof line, in))
		check_line(argv[0], ++n, line, argv + 1, argc - 1);
	fclose(in);
	printf("%d\n", n);
	return 0;
}

int helper_losses(int argc, char **argv)
{
	struct arrays arrays;
	struct error err;
	char line[4000];
	FILE *in = fopen(argv[0], "r");
	double limit = atof(argv[3]), deviation = 0;
	int64_t n = 0;
	(void)argc;
	if (!in)
		helper_die("can't read %s", argv[0]);
	if (arrays_read(argv[1], &arrays, &err) != OK)
		helper_die("%s", err.text);
	char *names[] = { mem_printf("%s/loss32", argv[2]), mem_printf("%s/loss64", argv[2]) };
	const struct tensor *loss32 = arrays_find(&arrays, names[0]);
	const struct tensor *loss64 = arrays_find(&arrays, names[1]);
	if (!loss32 || !loss64)
		helper_die("%s: nothing of %s", argv[1], argv[2]);
	for (; fgets(line, sizeof line, in); n++) {
		json_t *o = json_loads(line, 0, NULL), *loss = json_object_get(o, "loss");
		if (!json_is_number(loss) || n == shape_elements(&loss64->shape))
			helper_die("%s:%d: no loss, or one too many", argv[0], (int)n + 1);
		double got = json_number_value(loss), expected = tensor_get(loss64, n);
		deviation = fmax(deviation, fabs(tensor_get(loss32, n) - expected));
		if (!(fabs(got - expected) <= fmax(limit, 10 * deviation)))
			printf("step %d: loss %.9g, not %.9g\n", (int)n + 1, got, expected);
		if (json_number_value(json_object_get(o, "skipped")) != 0)
			printf("step %d was skipped\n", (int)n + 1);
		json_decref(o);
	}
	if (n != shape_elements(&loss64->shape))
		printf("%d steps\n", (int)n);
	fclose(in);
	free(names[0]);
	free(names[1]);
	arrays_release(&arrays);
	return 0;
}

int helper_distance(int argc, char **argv)
{
	struct onnx_file file[2];
	struct tensor t[2];
	struct arena arena;
	struct error err;
	double worst = 0;
	(void)argc;
	arena_init(&arena);
	for (int f = 0; f < 2; f++)
		if (onnx_file_open(argv[f], &file[f], &err) != OK)
			helper_die("%s", err.text);
	if (file[0].tensors.n != file[1].tensors.n)
		helper_die("not as many tensors");
	for (uint32_t i = 0; i < file[0].tensors.n; i++) {
		for (int f = 0; f < 2; f++)
			if (onnx_file_tensor(&file[f], file[f].tensors.v[i], &arena, &t[f], &err) !=
			    OK)
				helper_die("%s", err.text);
		for (int64_t k = 0; k < shape_elements(&t[0].shape); k++) {
			double a = tensor_get(&t[0], k), b = tensor_get(&t[1], k);
			worst = fmax(worst, fabs(a - b) / (1 + fabs(a)));
		}
	}
	printf("%.3g\n", worst);
	for (int f = 0; f < 2; f++)
		onnx_file_close(&file[f]);
	arena_release(&arena);
	return 0;
}
