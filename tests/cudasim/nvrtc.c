/*
 * nvrtc.c - the simulated NVRTC: runs the C++ compiler that the tests were built with on the source,
 * after shim.h and before a line for each kernel that exports it (shim_rtc.h). The binary is the
 * shared object, which library.c loads. Results are kept in a folder of the build, named by a hash
 * of everything that went in.
 */
#include "cudasim/internal.h"

#include <nvrtc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof *(a))

struct text {
	char *v; /* ended by 0 when not NULL */
	size_t n;
};

struct _nvrtcProgram {
	struct text source, log, binary;
	char *name;
	int headers;
	struct text *header_texts, *header_names;
};

static void append(struct text *t, const void *bytes, size_t n)
{
	char *v = realloc(t->v, t->n + n + 1);
	if (!v)
		sim_fatal("no memory");
	memcpy(v + t->n, bytes, n);
	v[t->n + n] = '\0';
	t->v = v;
	t->n += n;
}

static void append_text(struct text *t, const char *s)
{
	append(t, s, strlen(s));
}

static void release(struct text *t)
{
	free(t->v);
	*t = (struct text){ 0 };
}

static bool read_file(const char *path, struct text *out)
{
	char piece[65536];
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	for (size_t got; (got = fread(piece, 1, sizeof piece, f)) > 0;)
		append(out, piece, got);
	bool good = !ferror(f);
	fclose(f);
	return good;
}

static bool write_file(const char *path, const struct text *t)
{
	FILE *f = fopen(path, "wb");
	if (!f)
		return false;
	bool good = fwrite(t->v ? t->v : "", 1, t->n, f) == t->n;
	return fclose(f) == 0 && good;
}

/* ---- programs ---- */

const char *nvrtcGetErrorString(nvrtcResult result)
{
	static const char *const names[] = {
		[NVRTC_SUCCESS] = "NVRTC_SUCCESS",
		[NVRTC_ERROR_OUT_OF_MEMORY] = "NVRTC_ERROR_OUT_OF_MEMORY",
		[NVRTC_ERROR_INVALID_INPUT] = "NVRTC_ERROR_INVALID_INPUT",
		[NVRTC_ERROR_INVALID_PROGRAM] = "NVRTC_ERROR_INVALID_PROGRAM",
		[NVRTC_ERROR_INVALID_OPTION] = "NVRTC_ERROR_INVALID_OPTION",
		[NVRTC_ERROR_COMPILATION] = "NVRTC_ERROR_COMPILATION",
		[NVRTC_ERROR_INTERNAL_ERROR] = "NVRTC_ERROR_INTERNAL_ERROR",
	};
	if ((unsigned)result >= ARRAY_LENGTH(names) || !names[result])
		return "NVRTC_ERROR unknown";
	return names[result];
}

nvrtcResult nvrtcVersion(int *major, int *minor)
{
	*major = CUDART_VERSION / 1000;
	*minor = CUDART_VERSION % 1000 / 10;
	return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *out, const char *source, const char *name, int headers,
			       const char *const *texts, const char *const *names)
{
	if (SIM_FAILS())
		return NVRTC_ERROR_OUT_OF_MEMORY;
	if (!out || !source || headers < 0)
		return NVRTC_ERROR_INVALID_INPUT;
	nvrtcProgram p = sim_alloc(sizeof *p);
	append_text(&p->source, source);
	p->name = strdup(name ? name : "default_program");
	p->headers = headers;
	p->header_texts = sim_alloc((size_t)headers * sizeof *p->header_texts);
	p->header_names = sim_alloc((size_t)headers * sizeof *p->header_names);
	for (int i = 0; i < headers; i++) {
		append_text(&p->header_texts[i], texts[i]);
		append_text(&p->header_names[i], names[i]);
	}
	sim_made(THING_PROGRAM);
	*out = p;
	return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program)
{
	nvrtcProgram p = program ? *program : NULL;
	if (!p)
		return NVRTC_ERROR_INVALID_PROGRAM;
	for (int i = 0; i < p->headers; i++) {
		release(&p->header_texts[i]);
		release(&p->header_names[i]);
	}
	free(p->header_texts);
	free(p->header_names);
	release(&p->source);
	release(&p->log);
	release(&p->binary);
	free(p->name);
	free(p);
	*program = NULL;
	sim_gone(THING_PROGRAM);
	return NVRTC_SUCCESS;
}

/* ---- compiling ---- */

/*
 * The options of NVRTC that the project may use. Those with an architecture must name a real one
 * ("sm_80"): for others there is no binary. Definitions and folders go on to the compiler.
 */
static nvrtcResult take_options(int n, const char *const *options, struct text *passed)
{
	static const char *const ignored[] = {
		"--std=",
		"-std=",
		"--fmad=",
		"-fmad=",
		"--ftz=",
		"--prec-div=",
		"--prec-sqrt=",
		"--use_fast_math",
		"-default-device",
		"--device-as-default-execution-space",
		"--extra-device-vectorization",
		"-lineinfo",
		"--generate-line-info",
		"--restrict",
		"--maxrregcount=",
	};
	static const char *const architectures[] = { "--gpu-architecture=sm_", "-arch=sm_" };
	bool architecture = false;
	for (int i = 0; i < n; i++) {
		const char *o = options[i];
		bool known = false;
		for (size_t k = 0; k < ARRAY_LENGTH(ignored); k++)
			known |= strncmp(o, ignored[k], strlen(ignored[k])) == 0;
		for (size_t k = 0; k < ARRAY_LENGTH(architectures); k++)
			if (strncmp(o, architectures[k], strlen(architectures[k])) == 0)
				known = architecture = true;
		if (!strncmp(o, "-D", 2) || !strncmp(o, "-I", 2)) {
			if (strchr(o, '\''))
				return NVRTC_ERROR_INVALID_OPTION;
			append_text(passed, " '");
			append_text(passed, o);
			append_text(passed, "'");
			known = true;
		}
		if (!known)
			return NVRTC_ERROR_INVALID_OPTION;
	}
	return architecture ? NVRTC_SUCCESS : NVRTC_ERROR_INVALID_OPTION;
}

static const char *after_spaces(const char *s)
{
	return s + strspn(s, " \t\n");
}

/* Appends CUDASIM_KERNEL(name) for each "__global__ void name(" of the source. */
static void export_kernels(const char *source, struct text *out)
{
	static const char bounds[] = "__launch_bounds__";
	for (const char *s = source; (s = strstr(s, "__global__"));) {
		size_t n = strlen("__global__");
		do { /* to the name: words, perhaps one with its arguments */
			s = after_spaces(s + n);
			n = strspn(
				s,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
			if (n == strlen(bounds) && !strncmp(s, bounds, n))
				n = strcspn(s, ")") + 1;
		} while (n && *after_spaces(s + n) != '(');
		if (!n)
			continue;
		append_text(out, "CUDASIM_KERNEL(");
		append(out, s, n);
		append_text(out, ")\n");
	}
}

static void hash(uint64_t *h, const void *bytes, size_t n)
{
	for (const uint8_t *b = bytes; n; n--)
		*h = (*h ^ *b++) * 0x100000001b3;
	*h = (*h ^ 0xff) * 0x100000001b3;
}

/* Of the compiler, its options, and all sources, the shim's too. */
static uint64_t hash_of(const struct text *whole, const struct _nvrtcProgram *p,
			const struct text *passed)
{
	static const char *const shim[] = {
		"cudasim/shim.h",
		"cudasim/shim_rtc.h",
		"cudasim/include/cuda_fp16.h",
		"cudasim/include/cuda_bf16.h",
		"cudasim/include/cudasim_half.h",
		"cudasim/include/cudasim_vector.h",
	};
	uint64_t h = 0xcbf29ce484222325;
	hash(&h, CUDASIM_COMPILER, strlen(CUDASIM_COMPILER));
	hash(&h, whole->v, whole->n);
	hash(&h, passed->v ? passed->v : "", passed->n);
	for (int i = 0; i < p->headers; i++) {
		hash(&h, p->header_names[i].v, p->header_names[i].n);
		hash(&h, p->header_texts[i].v, p->header_texts[i].n);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(shim); i++) {
		char path[1024];
		struct text t = { 0 };
		snprintf(path, sizeof path, "%s/%s", CUDASIM_TESTS, shim[i]);
		if (!read_file(path, &t))
			sim_fatal("%s can't be read", path);
		hash(&h, t.v, t.n);
		release(&t);
	}
	return h;
}

/* Runs the compiler in a folder of its own, which is removed again. */
static bool run_compiler(struct _nvrtcProgram *p, const struct text *whole,
			 const struct text *passed, const char *object)
{
	char folder[] = CUDASIM_CACHE "/XXXXXX";
	char path[sizeof folder + 256];
	struct text command = { 0 };
	if (!mkdtemp(folder))
		sim_fatal("no folder can be made in %s", CUDASIM_CACHE);
	for (int i = 0; i < p->headers; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, p->header_names[i].v);
		if (!write_file(path, &p->header_texts[i]))
			sim_fatal("%s can't be written", path);
	}
	snprintf(path, sizeof path, "%s/source.cu", folder);
	if (!write_file(path, whole))
		sim_fatal("%s can't be written", path);
	append_text(&command, CUDASIM_COMPILER
		    " -I" CUDASIM_TESTS "/cudasim/include -I" CUDASIM_TESTS
		    " -DCUDASIM -DCUDASIM_RTC -O1 -fPIC -shared -nostdlib -x c++ -o ");
	append_text(&command, folder);
	append_text(&command, "/object -I");
	append_text(&command, folder);
	append_text(&command, passed->v ? passed->v : "");
	append_text(&command, " ");
	append_text(&command, path);
	append_text(&command, " 2>");
	append_text(&command, folder);
	append_text(&command, "/log");
	int status = system(command.v);
	bool good = status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	snprintf(path, sizeof path, "%s/log", folder);
	release(&p->log);
	if (!read_file(path, &p->log))
		append_text(&p->log, "the compiler did not run");
	snprintf(path, sizeof path, "%s/object", folder);
	good = good && rename(path, object) == 0;
	release(&command);
	append_text(&command, "rm -r ");
	append_text(&command, folder);
	good = system(command.v) == 0 && good;
	release(&command);
	sim_counts.compiled++;
	return good;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram p, int count, const char *const *options)
{
	struct text passed = { 0 }, whole = { 0 };
	char object[sizeof CUDASIM_CACHE + 64];
	if (SIM_FAILS())
		return NVRTC_ERROR_OUT_OF_MEMORY;
	if (!p)
		return NVRTC_ERROR_INVALID_PROGRAM;
	nvrtcResult result = take_options(count, options, &passed);
	if (result == NVRTC_SUCCESS) {
		append_text(&whole, "#include \"cudasim/shim.h\"\n#line 1 \"");
		append_text(&whole, p->name);
		append_text(&whole, "\"\n");
		append(&whole, p->source.v, p->source.n);
		append_text(&whole, "\n");
		export_kernels(p->source.v, &whole);
		if (mkdir(CUDASIM_CACHE, 0777) && errno != EEXIST)
			sim_fatal("%s can't be made", CUDASIM_CACHE);
		snprintf(object, sizeof object, "%s/%016llx.so", CUDASIM_CACHE,
			 (unsigned long long)hash_of(&whole, p, &passed));
		release(&p->binary);
		if (!read_file(object, &p->binary) &&
		    (!run_compiler(p, &whole, &passed, object) || !read_file(object, &p->binary)))
			result = NVRTC_ERROR_COMPILATION;
	}
	release(&passed);
	release(&whole);
	return result;
}

/* ---- results ---- */

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram p, size_t *size)
{
	if (!p || !size)
		return NVRTC_ERROR_INVALID_INPUT;
	*size = p->binary.n;
	return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram p, char *out)
{
	if (!p || !out || !p->binary.n)
		return NVRTC_ERROR_INVALID_INPUT;
	memcpy(out, p->binary.v, p->binary.n);
	return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram p, size_t *size)
{
	if (!p || !size)
		return NVRTC_ERROR_INVALID_INPUT;
	*size = p->log.n + 1;
	return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram p, char *out)
{
	if (!p || !out)
		return NVRTC_ERROR_INVALID_INPUT;
	memcpy(out, p->log.v ? p->log.v : "", p->log.n + 1);
	return NVRTC_SUCCESS;
}
