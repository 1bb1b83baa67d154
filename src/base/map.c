/* map.c - string map with open addressing and FNV-1a hashes (see map.h). */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct map_entry {
	const char *key; /* NULL: free */
	uint32_t number;
};

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h ^ (h >> 32);
}

static struct map_entry *find(const struct map *map, const char *key)
{
	uint32_t i = (uint32_t)hash(key) & (map->cap - 1);
	while (map->entries[i].key && strcmp(map->entries[i].key, key))
		i = (i + 1) & (map->cap - 1);
	return &map->entries[i];
}

void map_release(struct map *map)
{
	free(map->entries);
	*map = (struct map){ 0 };
}

bool map_get(const struct map *map, const char *key, uint32_t *out)
{
	if (!map->cap)
		return false;
	const struct map_entry *e = find(map, key);
	if (!e->key)
		return false;
	*out = e->number;
	return true;
}

void map_set(struct map *map, const char *key, uint32_t number)
{
	if (map->n * 2 >= map->cap) {
		struct map old = *map;
		map->cap = old.cap ? old.cap * 2 : 16;
		map->entries = mem_alloc(map->cap * sizeof *map->entries);
		for (uint32_t i = 0; i < old.cap; i++)
			if (old.entries[i].key)
				*find(map, old.entries[i].key) = old.entries[i];
		free(old.entries);
	}
	struct map_entry *e = find(map, key);
	if (!e->key)
		map->n++;
	*e = (struct map_entry){ key, number };
}
