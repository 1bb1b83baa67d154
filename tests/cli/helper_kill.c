/* helper_kill.c - kills a program again and again at random instants (see helper.h). */
#include "base/rng.h"
#include "helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kills the child after so many microseconds unless it ends before; its status. */
static int run_for(char **argv, uint32_t microseconds)
{
	int status;
	pid_t child = fork();
	if (!child) {
		execv(argv[0], argv);
		_exit(127);
	}
	for (uint32_t done = 0; done < microseconds; done += 200) {
		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		usleep(200);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return status;
}

int helper_kill(int argc, char **argv)
{
	int most = atoi(argv[0]), kills = 0, status;
	uint64_t seed = strtoull(argv[1], NULL, 0);
	double microseconds = 1000 * strtod(argv[2], NULL);
	(void)argc;
	for (uint64_t i = 0;; i++) {
		uint32_t words[4];
		philox(seed, 0, i, words);
		if (ftruncate(STDOUT_FILENO, 0) || lseek(STDOUT_FILENO, 0, SEEK_SET))
			helper_die("the output is no file");
		double time = (double)rng_uniform(words[0]) * microseconds;
		status = run_for(argv + 3, kills < most ? (uint32_t)time : UINT32_MAX);
		if (!WIFSIGNALED(status))
			break;
		kills++;
		microseconds *= 1.1; /* so that it gets further, however slow the machine is */
	}
	fprintf(stderr, "killed %d times\n", kills);
	return WEXITSTATUS(status);
}
