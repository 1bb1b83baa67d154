/* helper_stop.c - sends a signal to a program in the middle of its work (see helper.h). */
#include "helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int lines(const char *path)
{
	FILE *in = fopen(path, "r");
	int n = 0, c;
	while (in && (c = getc(in)) != EOF)
		n += c == '\n';
	if (in)
		fclose(in);
	return n;
}

/* Whether the process runs a handler when it gets the signal. */
static int handles(pid_t pid, int number)
{
	char path[64], line[256];
	unsigned long long caught = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *in = fopen(path, "r");
	while (in && fgets(line, sizeof line, in))
		if (!strncmp(line, "SigCgt:", 7))
			caught = strtoull(line + 7, NULL, 16);
	if (in)
		fclose(in);
	return caught >> (number - 1) & 1;
}

int helper_stop(int argc, char **argv)
{
	int number = atoi(argv[0]), wanted = atoi(argv[2]), status;
	(void)argc;
	pid_t child = fork();
	if (!child) {
		signal(number, SIG_DFL); /* shells let jobs in the background ignore some */
		execv(argv[3], argv + 3);
		_exit(127);
	}
	/* a minute at most */
	for (int i = 0; i < 6000 && lines(argv[1]) < wanted; i++)
		usleep(10000);
	int handler = handles(child, number);
	kill(child, number);
	waitpid(child, &status, 0);
	if (handler) { /* a frame of it amid generated code would overwrite memory */
		fprintf(stderr, "signal %d has a handler\n", number);
		return 99;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
