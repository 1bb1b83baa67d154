/* feature_cache.c - keeps the features of samples (see feature_cache.h). */
#include "train/feature_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum status map_file(struct feature_cache *c, size_t bytes, struct error *err)
{
	const char *folder = getenv("TMPDIR");
	char *path = mem_printf("%s/onnxtune-features-XXXXXX", folder && *folder ? folder : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	void *store = MAP_FAILED;
	if (fd >= 0) {
		unlink(path);
		error = posix_fallocate(fd, 0, (off_t)bytes);
	}
	if (!error) {
		store = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		error = store == MAP_FAILED ? errno : 0;
	}
	if (fd >= 0)
		close(fd);
	if (error)
		fail(err, ERR_IO,
		     "%s: no room for %zu bytes of features: %s; leave --cache-features "
		     "out",
		     path, bytes, strerror(error));
	free(path);
	if (error)
		return ERR_IO;
	c->store = store;
	c->file_bytes = bytes;
	return OK;
}

enum status feature_cache_open(struct feature_cache *cache, uint32_t samples, size_t budget,
			       struct error *err)
{
	size_t bytes;
	if (!size_mul(cache->sample_bytes, samples, &bytes))
		return fail(err, ERR_MEMORY, "the features of %u samples are too large", samples);
	if (bytes <= budget) {
		void *memory;
		TRY(mem_try_alloc(bytes, &memory, err));
		cache->store = memory;
	} else {
		TRY(map_file(cache, bytes, err));
	}
	cache->present = mem_alloc(samples);
	cache->samples = samples;
	return OK;
}

void feature_cache_close(struct feature_cache *cache)
{
	runner_close(&cache->prefix);
	if (cache->file_bytes)
		munmap(cache->store, cache->file_bytes);
	else
		free(cache->store);
	free(cache->present);
	*cache = (struct feature_cache){ 0 };
}

bool feature_cache_has(const struct feature_cache *cache, const uint32_t *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (samples[i] >= cache->samples || !cache->present[samples[i]])
			return false;
	return true;
}

void feature_cache_put(struct feature_cache *cache, const uint32_t *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (samples[i] >= cache->samples)
			continue;
		uint8_t *at = cache->store + samples[i] * cache->sample_bytes;
		for (uint32_t k = 0; k < cache->n; k++) {
			size_t bytes = cache->row_bytes[k];
			memcpy(at, (const uint8_t *)cache->rows[k].data + i * bytes, bytes);
			at += bytes;
		}
		cache->present[samples[i]] = 1;
	}
}

void feature_cache_get(struct feature_cache *cache, const uint32_t *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *at = cache->store + samples[i] * cache->sample_bytes;
		for (uint32_t k = 0; k < cache->n; k++) {
			size_t bytes = cache->row_bytes[k];
			memcpy((uint8_t *)cache->rows[k].data + i * bytes, at, bytes);
			at += bytes;
		}
	}
}
