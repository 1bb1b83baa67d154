/*
 * library.c - libraries of kernels that were compiled at run time (nvrtc.c): what the device is given
 * as its binary is a shared object, which exports for its kernel NAME the functions cudasim_run_NAME
 * (one thread of it) and cudasim_size_NAME (bytes of its one argument), and cudasim_touch.
 */
#include "cudasim/internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct CUkern_st {
	struct sim_kernel kernel;
	struct CUkern_st *next;
};

struct CUlib_st {
	void *handle;
	struct CUkern_st *kernels;
};

/* The bytes of an ELF file in memory: it ends with its table of sections. */
static size_t elf_bytes(const void *code)
{
	const Elf64_Ehdr *header = code;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64)
		return 0;
	return header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

cudaError_t cudaLibraryLoadData(cudaLibrary_t *library, const void *code,
				enum cudaJitOption *jit_options, void **jit_values,
				unsigned jit_count, enum cudaLibraryOption *options, void **values,
				unsigned count)
{
	char path[] = "/tmp/cudasim-XXXXXX";
	(void)jit_options, (void)jit_values, (void)options, (void)values;
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (!code || jit_count || count)
		return sim_error(cudaErrorInvalidValue);
	size_t bytes = elf_bytes(code);
	if (!bytes)
		return sim_error(cudaErrorInvalidKernelImage);
	int fd = mkstemp(path);
	void *handle = NULL;
	if (fd >= 0 && write(fd, code, bytes) == (ssize_t)bytes)
		handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fprintf(stderr, "cudasim: %s\n", fd < 0 ? path : dlerror());
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	if (!handle)
		return sim_error(cudaErrorInvalidKernelImage);
	/* Makes the loader allocate its shared memory, which is thread-local. */
	void (*touch)(void) = (void (*)(void))dlsym(handle, "cudasim_touch");
	if (touch)
		touch();
	*library = sim_alloc(sizeof **library);
	(*library)->handle = handle;
	sim_made(THING_LIBRARY);
	return cudaSuccess;
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t *kernel, cudaLibrary_t library, const char *name)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	char run[128], size[128];
	snprintf(run, sizeof run, "cudasim_run_%s", name);
	snprintf(size, sizeof size, "cudasim_size_%s", name);
	void (*run_function)(void *) = (void (*)(void *))dlsym(library->handle, run);
	size_t (*size_function)(void) = (size_t(*)(void))dlsym(library->handle, size);
	if (!run_function || !size_function)
		return sim_error(cudaErrorSymbolNotFound);
	struct CUkern_st *k = sim_alloc(sizeof *k);
	snprintf(k->kernel.name, sizeof k->kernel.name, "%s", name);
	k->kernel.run = run_function;
	k->kernel.size = size_function();
	k->next = library->kernels;
	library->kernels = k;
	*kernel = k;
	return cudaSuccess;
}

cudaError_t cudaLibraryUnload(cudaLibrary_t library)
{
	if (!library)
		return sim_error(cudaErrorInvalidResourceHandle);
	for (struct CUkern_st *next, *k = library->kernels; k; k = next) {
		next = k->next;
		free(k);
	}
	dlclose(library->handle);
	free(library);
	sim_gone(THING_LIBRARY);
	return cudaSuccess;
}
