/* command_inspect.c - the command inspect. */
#include "cli/screen.h"

int command_inspect(const struct config *config, struct cli *cli)
{
	struct error err;
	(void)config;
	fail(&err, ERR_UNSUPPORTED, "inspect: not built");
	return cli_fail(cli, &err);
}
