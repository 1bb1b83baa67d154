/*
 * map.h - a map from strings to 32-bit numbers (value ids, indices of files, ...).
 * Keys are not copied: they must outlive the map.
 */
#ifndef ONNXTUNE_BASE_MAP_H
#define ONNXTUNE_BASE_MAP_H

#include "base/mem.h"

struct map {
	struct map_entry *entries; /* open addressing, cap is a power of two */
	uint32_t n, cap;
};

void map_release(struct map *map); /* struct map m = {0} is an empty map */

/* The number stored under key, or false. */
bool map_get(const struct map *map, const char *key, uint32_t *out);

/* Stores number under key, replacing what was there. */
void map_set(struct map *map, const char *key, uint32_t number);

#endif
