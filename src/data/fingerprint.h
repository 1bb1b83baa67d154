/*
 * fingerprint.h - what tells whether two runs got the same data: one number for each file or array,
 * and one for what the dataset makes of them (targets, weights, which samples train).
 *
 * Images are known by their path below DATA, size and time of change, since reading them all would
 * take as long as an epoch; arrays by their content.
 */
#ifndef ONNXTUNE_DATA_FINGERPRINT_H
#define ONNXTUNE_DATA_FINGERPRINT_H

#include "data/dataset.h"

struct fingerprint {
	uint32_t n;
	uint64_t *numbers;  /* [n] */
	const char **names; /* [n]: "a/1.png", "array 'x'"; the last is that of the labels */
};

/* path, inputs: as dataset_open got them. ERR_IO when an image is gone. All is in the arena. */
enum status MUST_CHECK dataset_fingerprint(const struct dataset *dataset, const char *path,
					   const struct data_input *inputs, uint32_t n_inputs,
					   struct arena *arena, struct fingerprint *out,
					   struct error *err);

/* A number for bytes, going on from that of the bytes before them (at first 0). */
uint64_t fingerprint_bytes(uint64_t number, const void *data, size_t n);

/* The same for a mapped file, whose memory is given back piece by piece. */
uint64_t fingerprint_file(uint64_t number, const struct file_map *map);

#endif
