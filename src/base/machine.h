/*
 * machine.h - what the machine lets this process have.
 */
#ifndef ONNXTUNE_BASE_MACHINE_H
#define ONNXTUNE_BASE_MACHINE_H

#include <stdint.h>

/*
 * Bytes of memory that the process may use: the machine's, or less where one of its control groups
 * (version 1 or 2, parents included) has a limit. It does not depend on what is free at the moment.
 */
uint64_t machine_memory(void);

#endif
