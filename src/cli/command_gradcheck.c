/* command_gradcheck.c - the command gradcheck. */
#include "cli/screen.h"

int command_gradcheck(const struct config *config, struct cli *cli)
{
	struct error err;
	(void)config;
	fail(&err, ERR_UNSUPPORTED, "gradcheck: not built");
	return cli_fail(cli, &err);
}
