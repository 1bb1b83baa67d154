/*
 * commands.h - what the program does: one function for each command of options.h.
 */
#ifndef ONNXTUNE_CLI_COMMANDS_H
#define ONNXTUNE_CLI_COMMANDS_H

#include "api/config.h"
#include "base/log.h"
#include "cli/terminal.h"

#include <signal.h>
#include <stdio.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_GATE = 3,     /* --fail-under, --atol or --rtol: not reached */
	EXIT_SIGNAL = 128, /* plus the number of the signal */
};

/* Values of *cli->stop besides the number of the signal that asks to stop. */
enum {
	STOP_AT_ONCE = -1, /* a signal ends the process, as it does by default */
	STOP_ASKED_NOT =
		0, /* the command looks at *stop and ends in order; a second signal doesn't wait */
};

/* What a command has to talk with. */
struct cli {
	FILE *out;                 /* reports and results: the standard output */
	struct terminal *terminal; /* progress: the standard error */
	struct log log;            /* messages, above the progress line */
	volatile sig_atomic_t *stop;
	char **argv; /* as the program was called */
};

/*
 * Each returns the exit status. Errors have been shown with cli_fail; the results have been written
 * to cli->out, which the caller flushes and checks.
 */
int command_tune(const struct config *config, struct cli *cli);
int command_evaluate(const struct config *config, struct cli *cli);
int command_run(const struct config *config, struct cli *cli);
int command_grad(const struct config *config, struct cli *cli);
int command_inspect(const struct config *config, struct cli *cli);
int command_gradcheck(const struct config *config, struct cli *cli);

/* Shows the error as "onnxtune: text" and returns the exit status for it. */
int cli_fail(struct cli *cli, const struct error *err);

#endif
