/*
 * main.c - the program: reads the command line, calls the command, and turns what comes back into an
 * exit status. The flag that a signal sets, the set of those signals, and what the environment was
 * are the only global variables there are.
 */
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop = STOP_AT_ONCE;

/* The thread that signals wait for: the first one asks to stop, the next ends the program. */
static void *wait_for_signals(void *set)
{
	int number;
	while (!sigwait(set, &number)) {
		if (stop == STOP_ASKED_NOT) {
			stop = number;
			continue;
		}
		pthread_sigmask(SIG_UNBLOCK, set, NULL);
		raise(number);
	}
	return NULL;
}

/*
 * Signals are blocked in all threads, and one thread waits for them. A handler would not do: oneDNN's
 * generated code uses the stack pointer for other things, and the frame of a handler that interrupts
 * it overwrites memory of the heap.
 */
static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	static sigset_t set;
	pthread_t thread;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct sigaction old;
		/* what was ignored stays ignored: nohup, background jobs */
		if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, wait_for_signals, &set))
		pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* then they end the program */
	else
		pthread_detach(thread);
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, with a message */
}

/*
 * Where a standard stream is closed, the next file that is opened would take its number, and
 * messages would end up in it. A stand-in is opened in its place that can't be used.
 */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(EXIT_FAILED);
}

static int (*const functions[COMMAND_COUNT])(const struct config *config, struct cli *cli) = {
	[COMMAND_TUNE] = command_tune,       [COMMAND_EVALUATE] = command_evaluate,
	[COMMAND_RUN] = command_run,         [COMMAND_GRAD] = command_grad,
	[COMMAND_INSPECT] = command_inspect, [COMMAND_GRADCHECK] = command_gradcheck,
};

static void log_line(void *ctx, enum log_level level, const char *text)
{
	struct terminal *terminal = ctx;
	if (terminal->quiet && level == LOG_NOTE)
		return;
	char *line = mem_printf("%s%s", level == LOG_WARN ? "warning: " : "", text);
	terminal_line(terminal, line);
	free(line);
}

/* What --help, --version, --completion and --print-config write; false when a command is to be run. */
static bool print_text(const struct invocation *inv, FILE *out)
{
	struct text text = { 0 };
	if (inv->help && inv->command_named)
		help_command(inv->command, &text);
	else if (inv->help)
		help_text(&text);
	else if (inv->version)
		text_add(&text, "onnxtune %s\n", PACKAGE_VERSION);
	else if (inv->completion == COMPLETION_BASH)
		completion_bash(&text);
	else if (inv->completion == COMPLETION_ZSH)
		completion_zsh(&text);
	else if (inv->print_config)
		parse_print_config(inv, &text);
	else
		return false;
	fputs(text.s, out);
	text_release(&text);
	return true;
}

/* Results that did not reach their file or pipe are no results. */
static int finish(struct cli *cli, int status)
{
	struct error err;
	if (!fflush(cli->out) && !ferror(cli->out))
		return status;
	fail(&err, ERR_IO, "standard output: can't write: %s", strerror(errno));
	return status == EXIT_DONE ? cli_fail(cli, &err) : status;
}

/*
 * libgomp's threads spin while they wait, by default for so long that one other busy process makes
 * every loop many times slower. How long is read from the environment while the library is loaded,
 * that is before main(). What the linker collects in .preinit_array runs earlier still, but setenv()
 * can't be used there: libc takes over the environment that the system passed only later. So one of
 * its entries, of those that no library asks for, gives its place to ours until main() takes it back.
 * Nothing happens where the user has set one of the variables.
 */
static char **spin_place, *spin_entry; /* where ours is, and the entry that was there */

static bool names(const char *entry, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(entry, name, n) && entry[n] == '=';
}

static void limit_spinning(int argc, char **argv, char **environment)
{
	static const char *const unasked[] = { "PATH", "PWD", "SHLVL", "_" };
	static char ours[] = "GOMP_SPINCOUNT=1000";
	char **place = NULL;
	(void)argc;
	(void)argv;
	for (char **e = environment; *e; e++) {
		if (names(*e, "OMP_WAIT_POLICY") || names(*e, "GOMP_SPINCOUNT"))
			return;
		for (size_t i = 0; i < ARRAY_SIZE(unasked); i++)
			if (names(*e, unasked[i]))
				place = e;
	}
	if (!place)
		return;
	spin_place = place;
	spin_entry = *place;
	*place = ours;
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const before_libraries)(int, char **, char **) = limit_spinning;

/* Where it could not be done so, the program starts itself again: that takes longer. */
static void take_place_back(char **argv)
{
	if (spin_place)
		*spin_place = spin_entry;
	else if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT") &&
		 !setenv("GOMP_SPINCOUNT", "1000", 1))
		execv("/proc/self/exe", argv); /* if it fails, all works, only slower */
}

int main(int argc, char **argv)
{
	struct arena arena;
	struct invocation inv;
	struct error err;
	struct terminal terminal;
	int status;

	hold_standard_streams();
	take_place_back(argv);
	setlocale(LC_CTYPE, "");
	catch_signals();
	arena_init(&arena);
	terminal_init(&terminal, STDERR_FILENO, false);
	struct cli cli = { stdout, &terminal, { log_line, &terminal }, &stop, argv };

	if (parse_command_line(argc, argv, &arena, &inv, &err) != OK) {
		struct error usage;
		fail(&usage, err.status, "%s%s", err.text,
		     err.status == ERR_USAGE ? "; see onnxtune --help" : "");
		status = cli_fail(&cli, &usage);
	} else if (print_text(&inv, stdout)) {
		status = EXIT_DONE;
	} else {
		terminal.quiet = inv.config.quiet;
		status = functions[inv.command](&inv.config, &cli);
	}
	status = finish(&cli, status);
	terminal_release(&terminal);
	arena_release(&arena);
	return status;
}
