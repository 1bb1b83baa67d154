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

/* The pixels of a noisy picture that is brighter the higher its class. */
static uint8_t *draw(uint32_t class, uint32_t classes, uint32_t number_of_it, int height, int width)
{
	uint8_t *pixels = mem_alloc((size_t)height * (size_t)width);
	for (int i = 0; i < height * width; i++)
		pixels[i] = (uint8_t)(200 * class / classes +
				      50 * number(class * 1000 + number_of_it, (uint64_t)i));
	return pixels;
}

static void write_picture(const char *path, uint32_t class, uint32_t classes, uint32_t number_of_it,
			  int height, int width)
{
	uint8_t *pixels = draw(class, classes, number_of_it, height, width);
	png_image image = { .version = PNG_IMAGE_VERSION,
			    .width = (png_uint_32)width,
			    .height = (png_uint_32)height,
			    .format = PNG_FORMAT_GRAY };
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

/* A header of an IDX file of uint8: the type, the axes, their sizes. */
static void put_idx_header(FILE *f, int rank, const int *dims)
{
	fwrite((uint8_t[]){ 0, 0, 8, (uint8_t)rank }, 1, 4, f);
	for (int a = 0; a < rank; a++)
		for (int shift = 24; shift >= 0; shift -= 8)
			fputc(dims[a] >> shift & 255, f);
}

int helper_idx(int argc, char **argv)
{
	int classes = atoi(argv[1]), each = atoi(argv[2]);
	int dims[] = { classes * each, atoi(argv[3]), atoi(argv[4]) };
	(void)argc;
	char *paths[] = { mem_printf("%s-images-idx3-ubyte", argv[0]),
			  mem_printf("%s-labels-idx1-ubyte", argv[0]) };
	FILE *images = fopen(paths[0], "w"), *labels = fopen(paths[1], "w");
	if (!images || !labels)
		helper_die("%s: %s", argv[0], strerror(errno));
	put_idx_header(images, 3, dims);
	put_idx_header(labels, 1, dims);
	for (int n = 0; n < dims[0]; n++) {
		uint8_t *pixels = draw((uint32_t)(n % classes), (uint32_t)classes,
				       (uint32_t)(n / classes), dims[1], dims[2]);
		fwrite(pixels, 1, (size_t)(dims[1] * dims[2]), images);
		fputc(n % classes, labels);
		free(pixels);
	}
	if (fclose(images) || fclose(labels))
		helper_die("%s: %s", argv[0], strerror(errno));
	free(paths[0]);
	free(paths[1]);
	return 0;
}
