/*
 * clock.h - times in seconds, as far apart as they are.
 */
#ifndef ONNXTUNE_BASE_CLOCK_H
#define ONNXTUNE_BASE_CLOCK_H

double clock_now(void);  /* since some instant; never goes back */
double clock_wall(void); /* since 1970 (UTC); the machine may set it */
double clock_cpu(void);  /* that all threads of the process have computed */

#endif
