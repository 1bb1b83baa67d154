/*
 * cpu.h - the CPU backend: host memory, one stream that runs everything at once, kernels from
 * oneDNN and loops of our own. Each kernel is one file here; bootstrap collects the
 * `const struct kernel kernel_...` of the folder.
 */
#ifndef ONNXTUNE_BACKEND_CPU_CPU_H
#define ONNXTUNE_BACKEND_CPU_CPU_H

#include "backend/backend.h"

struct device {
	int threads;
	char description[128];
	struct target target;
	struct dnn *dnn; /* oneDNN's engine and stream, NULL in a build without oneDNN */
};

/* All kernels of the folder, ended by NULL (written by bootstrap). */
extern const struct kernel *const cpu_kernel_table[];

#endif
