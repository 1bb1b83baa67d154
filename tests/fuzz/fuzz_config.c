/*
 * fuzz_config.c - configuration files: any bytes give an error or options that can be written, read
 * and written again without a change.
 */
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct invocation inv = { 0 }, again = { 0 };
	struct error err;
	if (size > CONFIG_FILE_MAX)
		return 0;
	arena_init(&arena);
	parse_defaults(&inv, &arena);
	if (parse_config("f", (const char *)data, size, &inv, &arena, &err) == OK) {
		struct text first = { 0 }, second = { 0 };
		parse_print_config(&inv, &first);
		parse_defaults(&again, &arena);
		if (parse_config("f", first.s, first.n, &again, &arena, &err) != OK)
			abort();
		parse_print_config(&again, &second);
		if (strcmp(first.s, second.s))
			abort();
		text_release(&first);
		text_release(&second);
		inv = again;
		if (parse_finish(&inv, &err) == OK && inv.config.batch_size < 1)
			abort();
	}
	arena_release(&arena);
	return 0;
}
