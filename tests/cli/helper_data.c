/* helper_data.c - arrays and pictures for the tests of the command (see helper.h). */
#include "helper.h"

#include "base/rng.h"
#include "data/npy.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A number of the stream, in [0, 1). */
static float number(uint32_t stream, uint64_t i)
{
	uint32_t words[4];
	philox(stream, 0, i, words);
	return rng_uniform(words[0]);
}

void helper_fill(struct tensor *t, const char *content, uint32_t stream)
{
	int64_t n = shape_elements(&t->shape);
	long k = strncmp(content, "mod:", 4) ? 0 : atol(content + 4);
	const char *list = content[0] == '=' ? content + 1 : NULL;
	double x = 0;
	if (!k && !list && strcmp(content, "random"))
		helper_die("unknown content: %s", content);
	for (int64_t i = 0; i < n; i++) {
		if (list && *list) {
			char *end;
			x = strtod(list, &end);
			list = end + (*end == ',');
		} else if (!list) {
			x = k ? (double)(i % k) : number(stream, (uint64_t)i) - 0.5;
		}
		if (dtype_is_float(t->dtype))
			tensor_set(t, i, x);
		else
			tensor_set_int(t, i, (int64_t)x);
	}
}

int helper_npz(int argc, char **argv)
{
	struct named_tensor *arrays = mem_alloc((size_t)argc * sizeof *arrays);
	struct arena arena;
	struct error err;
	arena_init(&arena);
	for (int i = 1; i < argc; i++) {
		struct shape shape = { 0 };
		char *save, *name = strtok_r(argv[i], "/", &save);
		char *type = strtok_r(NULL, "/", &save), *dims = strtok_r(NULL, "/", &save);
		char *content = strtok_r(NULL, "/", &save);
		if (!content)
			helper_die("not NAME/TYPE/DIMS/CONTENT: %s", argv[i]);
		shape.rank = helper_dims(dims, shape.dim, SHAPE_MAX_RANK);
		arrays[i - 1].name = name;
		arrays[i - 1].tensor = tensor_new(&arena, helper_dtype(type), &shape);
		helper_fill(&arrays[i - 1].tensor, content, (uint32_t)i);
	}
	if (npz_write(argv[0], arrays, (uint32_t)argc - 1, &err) != OK)
		helper_die("%s", err.text);
	arena_release(&arena);
	free(arrays);
	return 0;
}

/* A noisy picture that is brighter the higher its class. */
static void write_picture(const char *path, uint32_t class, uint32_t classes, uint32_t number_of_it,
			  int height, int width)
{
	uint8_t *pixels = mem_alloc((size_t)height * (size_t)width);
	png_image image = { .version = PNG_IMAGE_VERSION,
			    .width = (png_uint_32)width,
			    .height = (png_uint_32)height,
			    .format = PNG_FORMAT_GRAY };
	for (int i = 0; i < height * width; i++)
		pixels[i] = (uint8_t)(200 * class / classes +
				      50 * number(class * 1000 + number_of_it, (uint64_t)i));
	if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL))
		helper_die("%s: %s", path, image.message);
	free(pixels);
}

int helper_pictures(int argc, char **argv)
{
	int classes = atoi(argv[1]), each = atoi(argv[2]);
	(void)argc;
	mkdir(argv[0], 0777);
	for (int c = 0; c < classes; c++) {
		char *folder = mem_printf("%s/c%d", argv[0], c);
		if (mkdir(folder, 0777) && errno != EEXIST)
			helper_die("%s: %s", folder, strerror(errno));
		for (int i = 0; i < each; i++) {
			char *path = mem_printf("%s/%d.png", folder, i);
			write_picture(path, (uint32_t)c, (uint32_t)classes, (uint32_t)i,
				      atoi(argv[3]), atoi(argv[4]));
			free(path);
		}
		free(folder);
	}
	return 0;
}
