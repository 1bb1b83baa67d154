/*
 * command.h - the command tune of the program, whose GPU is the simulated one.
 */
#ifndef ONNXTUNE_TESTS_CUDASIM_COMMAND_H
#define ONNXTUNE_TESTS_CUDASIM_COMMAND_H

/* Runs the command line (ended by NULL); the exit status. *says: what it wrote to the standard error,
 * to be freed with free(). */
int command_line_run(char **argv, char **says);

#endif
