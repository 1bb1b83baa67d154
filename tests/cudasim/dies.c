/*
 * dies.c - runs what must die in a child and reads its messages (dies.h).
 */
#include "cudasim/dies.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

const char *dies(void (*function)(void *argument), void *argument)
{
	static char text[4096];
	int ends[2], status = 0;
	size_t n = 0;
	fflush(NULL);
	if (pipe(ends))
		return "no pipe";
	pid_t child = fork();
	if (child == 0) {
		struct rlimit no_core = { 0, 0 };
		setrlimit(RLIMIT_CORE, &no_core);
		for (int i = 1; i < 32; i++) /* cmocka's would go on after the fault */
			signal(i, SIG_DFL);
		dup2(ends[1], 2);
		close(ends[0]);
		function(argument);
		exit(0);
	}
	close(ends[1]);
	for (ssize_t got; n < sizeof text - 1; n += (size_t)got) {
		got = read(ends[0], text + n, sizeof text - 1 - n);
		if (got <= 0)
			break;
	}
	text[n] = '\0';
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return "no child";
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return "nothing: it ended well";
	/* Sanitizers may say something first: that they don't know the stack of a fiber. */
	if (!strstr(text, "cudasim: "))
		snprintf(text, sizeof text, "no message of the simulator (status %x)", status);
	return text;
}
