/* command.c - the command tune on the simulated GPU (see command.h). */
#include "cudasim/command.h"

#include "backend/module.h"
#include "backend/open.h"
#include "cli/commands.h"
#include "cli/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* In place of backend/open.c: the module is linked in. */
enum status backend_find_cuda(const struct backend **out, struct error *err)
{
	(void)err;
	*out = onnxtune_backend.backend;
	return OK;
}

static void log_line(void *ctx, enum log_level level, const char *text)
{
	struct terminal *terminal = ctx;
	if (level != LOG_NOTE) /* --quiet */
		terminal_line(terminal, text);
}

int command_line_run(char **argv, char **says)
{
	volatile sig_atomic_t stop = STOP_AT_ONCE;
	struct invocation inv;
	struct arena arena;
	struct error err;
	struct terminal terminal;
	int n = 0;
	FILE *out = tmpfile(), *messages = tmpfile();
	assert_true(out && messages);
	terminal_init(&terminal, fileno(messages), true);
	struct cli cli = { out, &terminal, { log_line, &terminal }, &stop, argv };
	arena_init(&arena);
	while (argv[n])
		n++;
	if (parse_command_line(n, argv, &arena, &inv, &err) != OK)
		fail_msg("%s", err.text);
	int status = command_tune(&inv.config, &cli);
	terminal_release(&terminal);
	arena_release(&arena);
	fseek(messages, 0, SEEK_END);
	long bytes = ftell(messages);
	rewind(messages);
	*says = mem_alloc((size_t)bytes + 1);
	assert_int_equal(fread(*says, 1, (size_t)bytes, messages), bytes);
	(*says)[bytes] = '\0';
	fclose(out);
	fclose(messages);
	return status;
}
