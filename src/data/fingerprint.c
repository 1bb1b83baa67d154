/* fingerprint.c - numbers for files and arrays (see fingerprint.h). */
#include "data/fingerprint.h"

#include "base/crc32.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE ((size_t)1 << 24)

/* The CRC-32 in the low half, the number of bytes (modulo 2^32) in the high one. */
uint64_t fingerprint_bytes(uint64_t number, const void *data, size_t n)
{
	uint64_t bytes = (number >> 32) + n;
	return bytes << 32 | crc32_add((uint32_t)number, data, n);
}

uint64_t fingerprint_file(uint64_t number, const struct file_map *map)
{
	for (size_t at = 0; at < map->size; at += PIECE) {
		size_t k = map->size - at < PIECE ? map->size - at : PIECE;
		number = fingerprint_bytes(number, map->data + at, k);
		file_map_forget(map->data + at, k);
	}
	return number;
}

static void add(struct fingerprint *f, const char *name, uint64_t number)
{
	f->names[f->n] = name;
	f->numbers[f->n++] = number;
}

/* The path below the folder of the data, or the path where it is elsewhere. */
static const char *below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	if (strncmp(path, folder, n))
		return path;
	path += n;
	return path + strspn(path, "/");
}

static enum status add_images(struct fingerprint *f, const struct part *part, const char *data,
			      struct error *err)
{
	for (uint32_t i = 0; i < part->n && part->paths; i++) {
		struct stat st;
		const char *path = part->paths[i], *name = below(path, data);
		if (stat(path, &st))
			return fail(err, ERR_IO, "%s: %s", path, strerror(errno));
		int64_t facts[] = { st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
		uint64_t number = fingerprint_bytes(0, name, strlen(name));
		add(f, name, fingerprint_bytes(number, facts, sizeof facts));
	}
	return OK;
}

static uint64_t tensor_number(const struct tensor *t)
{
	size_t rank = (size_t)t->shape.rank;
	uint64_t number = fingerprint_bytes(t->dtype, t->shape.dim, rank * sizeof *t->shape.dim);
	return fingerprint_bytes(number, t->data, tensor_bytes(t));
}

/* The inputs of a part, unless they are those of the part that it was divided from. */
static void add_arrays(struct fingerprint *f, const struct part *part, const struct part *other,
		       const struct data_input *inputs, uint32_t n, struct arena *arena)
{
	if (part->pixels.data && part->pixels.data != other->pixels.data)
		add(f, "the pictures", tensor_number(&part->pixels));
	if (!part->arrays || part->arrays == other->arrays)
		return;
	for (uint32_t k = 0; k < n; k++)
		add(f, arena_printf(arena, "array '%s'", inputs[k].name),
		    tensor_number(&part->arrays[k]));
}

static uint64_t part_number(uint64_t number, const struct part *part)
{
	if (!part->n)
		return number;
	number = fingerprint_bytes(number, &part->n, sizeof part->n);
	number = fingerprint_bytes(number, part->targets.data, tensor_bytes(&part->targets));
	if (part->weights)
		number = fingerprint_bytes(number, part->weights, part->n * sizeof *part->weights);
	if (part->rows)
		number = fingerprint_bytes(number, part->rows, part->n * sizeof *part->rows);
	return number;
}

enum status dataset_fingerprint(const struct dataset *dataset, const char *path,
				const struct data_input *inputs, uint32_t n_inputs,
				struct arena *arena, struct fingerprint *out, struct error *err)
{
	const struct part *train = &dataset->train, *validation = &dataset->validation,
			  none = { 0 };
	uint64_t n = 2 * ((uint64_t)n_inputs + 1) + 1;
	if (dataset->images)
		n += (uint64_t)train->n + validation->n;
	struct fingerprint f = {
		.numbers = arena_alloc(arena, n * sizeof *f.numbers),
		.names = arena_alloc(arena, n * sizeof *f.names),
	};
	TRY(add_images(&f, train, path, err));
	TRY(add_images(&f, validation, path, err));
	add_arrays(&f, train, &none, inputs, n_inputs, arena);
	add_arrays(&f, validation, train, inputs, n_inputs, arena);
	add(&f, "what the labels are or weigh", part_number(part_number(0, train), validation));
	*out = f;
	return OK;
}
