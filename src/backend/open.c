/* open.c - opens the CUDA module (see open.h). */
#include "backend/open.h"

#include "backend/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE "onnxtune_cuda.so"

static bool file_at(char *path, const char *folder)
{
	return snprintf(path, PATH_MAX, "%s/" MODULE, folder) < PATH_MAX && !access(path, R_OK);
}

/* The module's path; false when there is none. */
static bool find_module(char *path)
{
	char self[PATH_MAX];
	const char *given = getenv("ONNXTUNE_MODULES");
	if (given)
		return file_at(path, given);
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	return (slash && file_at(path, self)) || file_at(path, MODULE_FOLDER);
}

enum status backend_find_cuda(const struct backend **out, struct error *err)
{
	char path[PATH_MAX];
	void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (!driver)
		return fail(err, ERR_UNSUPPORTED, "no NVIDIA driver (libcuda.so.1) is installed");
	dlclose(driver);
	if (!find_module(path))
		return fail(err, ERR_UNSUPPORTED, "this program was built without CUDA");
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		return fail(err, ERR_UNSUPPORTED, "%s", dlerror());
	const struct backend_module *found = dlsym(module, "onnxtune_backend");
	if (!found || strcmp(found->build, BUILD_ID)) {
		dlclose(module);
		return fail(err, ERR_UNSUPPORTED, "%s belongs to another build of the program",
			    path);
	}
	*out = found->backend;
	return OK;
}
