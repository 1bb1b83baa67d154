/*
 * fuzz_sidecar.c - any bytes as preprocessor_config.json, config.json and the text of a setting:
 * settings that can be written down and read again, or an error.
 */
#include "data/sidecar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted must be accepted again in its own words. */
static void check(const struct preprocess *p)
{
	for (int s = 0; s < SETTING_COUNT; s++) {
		char text[SETTING_TEXT];
		struct preprocess again = *p;
		if (p->source[s] == FROM_DEFAULT)
			continue;
		preprocess_format(p, (enum setting)s, text);
		if (preprocess_set(&again, (enum setting)s, text, FROM_OPTION, NULL) != OK)
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct preprocess p;
	struct class_names names = { 0 };
	struct arena arena;
	struct error err;
	arena_init(&arena);
	preprocess_init(&p);
	if (sidecar_read_preprocessor((const char *)data, size, &p, &err) == OK)
		check(&p);
	preprocess_init(&p);
	if (sidecar_read_config((const char *)data, size, &arena, &p, &names, &err) == OK)
		check(&p);
	char *text = arena_strndup(&arena, (const char *)data, size);
	preprocess_init(&p);
	for (int s = 0; s < SETTING_COUNT; s++)
		if (preprocess_set(&p, (enum setting)s, text, FROM_OPTION, &err) == OK)
			check(&p);
	arena_release(&arena);
	return 0;
}
