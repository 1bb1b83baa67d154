/*
 * open.h - finding a backend: the CPU, or the CUDA module where there is a driver.
 */
#ifndef ONNXTUNE_BACKEND_OPEN_H
#define ONNXTUNE_BACKEND_OPEN_H

#include "backend/backend.h"

/*
 * The CUDA backend, whose module is opened and stays so until the process ends. The driver,
 * libcuda.so.1, is looked for first: where there is none this costs nothing. ERR_UNSUPPORTED says in
 * one line what is missing. The module is onnxtune_cuda.so in the folder that the environment
 * variable ONNXTUNE_MODULES names, else beside the program or where it was installed.
 */
enum status MUST_CHECK backend_find_cuda(const struct backend **out, struct error *err);

#endif
