/*
 * completion.h - completion of command lines in bash and zsh, from the table of options: what --completion
 * writes, and `make install` installs.
 */
#ifndef ONNXTUNE_CLI_COMPLETION_H
#define ONNXTUNE_CLI_COMPLETION_H

#include "base/text.h"

void completion_bash(struct text *out);
void completion_zsh(struct text *out);

#endif
