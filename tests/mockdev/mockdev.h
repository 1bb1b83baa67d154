/*
 * mockdev.h - a backend for tests that takes every freedom that backend.h leaves it, and notices
 * every use that backend.h forbids. It computes with the reference kernels.
 *
 *  - Device addresses are not host addresses: whoever reads or writes there without the backend
 *    crashes. They are aligned to 64 bytes, not more, and never used twice.
 *  - Nothing runs before the host waits. Then streams run in an order drawn at random, as events
 *    allow: perhaps only what the wait is for, perhaps everything else before it.
 *  - New device memory holds NaNs, and so do outputs and workspaces before a kernel and workspaces
 *    after it, and host memory between copy_out and the wait.
 *  - A capture keeps the pointers that it was recorded with.
 *
 * A misuse is remembered; from then on each wait returns ERR_INTERNAL with the first one's text:
 *  - work that runs on memory that was freed or never allocated, or over its end; a second free;
 *  - host memory that changed between copy_in or copy_out and the moment the stream ran it;
 *  - a kernel that writes outside its outputs, or runs after it was destroyed; operands that share
 *    memory where the operator does not allow it;
 *  - during a capture: waits, events, memory allocated or freed (CUDA forbids them too);
 *  - streams, captures, host memory that are freed while work uses them; whatever is left at close.
 * Closing a device with a misuse that mock_misused was not asked about ends the process.
 */
#ifndef ONNXTUNE_TESTS_MOCKDEV_H
#define ONNXTUNE_TESTS_MOCKDEV_H

#include "backend/backend.h"

/* options.ordinal is the seed of the order in which streams run. */
extern const struct backend backend_mock;

/* Whether the device was misused since the last call; err (may be NULL) gets the first one's text. */
bool mock_misused(struct device *device, struct error *err);

/* Kernels made from now on run `kernel` (on host memory, at once) instead of the reference. */
void mock_use_kernel(struct device *device, const struct kernel *kernel);

struct mock_counts {
	uint64_t kernels;  /* kernels that ran */
	uint64_t direct;   /* kernels that were queued one by one, not captured */
	uint64_t captures; /* captures that were made */
	uint64_t launches; /* and launched */
};
struct mock_counts mock_counts(const struct device *device);

#endif
