/*
 * module.h - what a module with a backend of its own exports: one symbol, `onnxtune_backend`. Program
 * and module pass each other plain structs, so they must come from the same sources.
 */
#ifndef ONNXTUNE_BACKEND_MODULE_H
#define ONNXTUNE_BACKEND_MODULE_H

#include "backend/backend.h"

#include "build-id.h" /* BUILD_ID, a string that the Makefile makes from all sources */

#define MODULE_EXPORT __attribute__((visibility("default")))

struct backend_module {
	const char *build; /* BUILD_ID */
	const struct backend *backend;
};

extern MODULE_EXPORT const struct backend_module onnxtune_backend;

#endif
