/*
 * commands.c - the commands of the program (see commands.h).
 */
#include "cli/commands.h"

#include <stdlib.h>

int cli_fail(struct cli *cli, const struct error *err)
{
	char *line = mem_printf("onnxtune: %s", err->text);
	terminal_line(cli->terminal, line);
	free(line);
	return err->status == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static int not_built(const char *name, struct cli *cli)
{
	struct error err;
	fail(&err, ERR_UNSUPPORTED, "%s: not built", name);
	return cli_fail(cli, &err);
}

#define NOT_BUILT(command)                                                                         \
	int command_##command(const struct config *config, struct cli *cli)                        \
	{                                                                                          \
		(void)config;                                                                      \
		return not_built(#command, cli);                                                   \
	}
NOT_BUILT(tune)
NOT_BUILT(evaluate)
NOT_BUILT(run)
NOT_BUILT(grad)
NOT_BUILT(inspect)
NOT_BUILT(gradcheck)
