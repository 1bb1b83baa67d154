/*
 * idx.h - reads the IDX files of MNIST and its kin: one array, big endian, also gzipped.
 *
 * The file is two zero bytes, the type, the number of axes, their sizes in 32 bits each, the
 * elements. Source: the description on MNIST's page (Y. LeCun, C. Cortes, C. Burges).
 */
#ifndef ONNXTUNE_DATA_IDX_H
#define ONNXTUNE_DATA_IDX_H

#include "graph/tensor.h"

/*
 * Reads a whole file; the memory (free) goes to out->data, which is aligned. ERR_INPUT for what is no
 * IDX file, cut, longer than it says, or damaged; errors of idx_read start with the path.
 */
enum status MUST_CHECK idx_read(const char *path, struct tensor *out, struct error *err);
enum status MUST_CHECK idx_parse(const uint8_t *data, size_t size, struct tensor *out,
				 struct error *err);

#endif
