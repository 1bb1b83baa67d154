/*
 * command_arrays.c - the commands run and grad: arrays in, arrays out; the path of what was written
 * is the only line printed.
 */
#include "api/forward.h"
#include "cli/screen.h"

typedef enum status forward_fn(const struct config *config, const struct api_ui *ui,
			       struct arena *arena, const char **path, struct problems *problems,
			       struct error *err);

static int command_arrays(const struct config *config, struct cli *cli, forward_fn *forward)
{
	struct screen screen = { cli, config };
	struct api_ui ui = screen_ui(&screen);
	struct problems problems = { 0 };
	struct arena arena;
	struct error err;
	const char *path;
	int status = EXIT_DONE;
	arena_init(&arena);
	if (forward(config, &ui, &arena, &path, &problems, &err) == OK)
		fprintf(cli->out, "%s\n", path);
	else
		status = screen_fail_all(cli, &problems, config->model);
	arena_release(&arena);
	return status;
}

int command_run(const struct config *config, struct cli *cli)
{
	return command_arrays(config, cli, forward_run);
}

int command_grad(const struct config *config, struct cli *cli)
{
	return command_arrays(config, cli, forward_grad);
}
