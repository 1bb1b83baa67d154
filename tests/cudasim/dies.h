/*
 * dies.h - for tests of the simulator: runs a function in a process of its own, which the simulator
 * must end with a message.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_DIES_H
#define ONNXTUNE_TESTS_CUDASIM_DIES_H

/*
 * What the process wrote to stderr, if that has "cudasim: " and the process did not end well;
 * else a text that says what happened. The text stands until the next call.
 */
const char *dies(void (*function)(void *argument), void *argument);

/* Fails the test unless the process dies with a message that holds the text. */
#define assert_dies(function, argument, text)                                                      \
	do {                                                                                       \
		const char *says_ = dies(function, argument);                                      \
		if (!strstr(says_, text))                                                          \
			fail_msg("'%s' is not in: %s", text, says_);                               \
	} while (0)

#endif
