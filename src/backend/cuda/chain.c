/*
 * chain.c - compiles the texts of pointwise kernels and launches them (see chain.h). Two caches: the
 * device has the kernels that it has loaded, by text; the disk has the compiled code, one file for
 * each text, named by a hash and checked by the text's length and a second hash.
 */
#include "backend/cuda/chain.h"

#include "backend/cuda/chain_expression.h"
#include "backend/cuda/chain_text.h"
#include "backend/cuda/cuda.h"
#include "backend/fused_body.h"

#include <fcntl.h>
#include <nvrtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 256
#define BLOCKS_MAX 8192

struct compiled {
	char *text;
	cudaLibrary_t library;
	cudaKernel_t kernel;
};

struct chain_cache {
	char arch[32];
	int version;  /* of NVRTC */
	char *folder; /* NULL: there is none */
	ARRAY(struct compiled) compiled;
};

/* ---- the disk ---- */

struct file_head {
	char magic[8];
	uint64_t text_bytes, text_hash, code_bytes, code_hash;
};
#define MAGIC "otchain1"

/* FNV-1a, 64 bits. */
static uint64_t hash(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *c = p;
	uint64_t h = 0xcbf29ce484222325u ^ seed;
	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 0x100000001b3u;
	return h;
}

static char *find_folder(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *base = cache && *cache == '/' ? mem_strdup(cache)
		     : home && *home == '/' ? mem_printf("%s/.cache", home)
					    : NULL;
	if (!base)
		return NULL;
	char *folder = mem_printf("%s/onnxtune", base);
	(void)!mkdir(base, 0700);
	free(base);
	if ((mkdir(folder, 0700) && access(folder, W_OK))) {
		free(folder);
		return NULL;
	}
	return folder;
}

static char *file_of(const struct chain_cache *cache, const char *text)
{
	uint64_t name = hash(text, strlen(text),
			     hash(cache->arch, strlen(cache->arch), (uint64_t)cache->version));
	return mem_printf("%s/%016llx", cache->folder, (unsigned long long)name);
}

/* The compiled code, or NULL when it is not there whole. */
static char *read_code(const struct chain_cache *cache, const char *text, size_t *bytes)
{
	struct file_head head;
	char *code = NULL;
	if (!cache->folder)
		return NULL;
	char *path = file_of(cache, text);
	FILE *file = fopen(path, "rb");
	free(path);
	if (!file)
		return NULL;
	if (fread(&head, sizeof head, 1, file) == 1 && !memcmp(head.magic, MAGIC, 8) &&
	    head.text_bytes == strlen(text) && head.text_hash == hash(text, strlen(text), 2) &&
	    head.code_bytes < (1u << 30)) {
		code = mem_alloc(head.code_bytes + 1);
		if (fread(code, 1, head.code_bytes, file) != head.code_bytes ||
		    hash(code, head.code_bytes, 3) != head.code_hash) {
			free(code);
			code = NULL;
		}
		*bytes = head.code_bytes;
	}
	fclose(file);
	return code;
}

/* Best effort: what can't be written is compiled again next time. */
static void write_code(const struct chain_cache *cache, const char *text, const char *code,
		       size_t bytes)
{
	struct file_head head = { .text_bytes = strlen(text),
				  .text_hash = hash(text, strlen(text), 2),
				  .code_bytes = bytes,
				  .code_hash = hash(code, bytes, 3) };
	memcpy(head.magic, MAGIC, 8);
	if (!cache->folder)
		return;
	char *path = file_of(cache, text), *temporary = mem_printf("%s.XXXXXX", path);
	int fd = mkstemp(temporary);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
	bool done = file && fwrite(&head, sizeof head, 1, file) == 1 &&
		    fwrite(code, 1, bytes, file) == bytes;
	if (file)
		done &= !fclose(file);
	if (fd >= 0 && (!done || rename(temporary, path)))
		unlink(temporary);
	free(path);
	free(temporary);
}

/* ---- compiling ---- */

static enum status compile(const struct chain_cache *cache, const char *text, char **code,
			   size_t *bytes, struct error *err)
{
	nvrtcProgram program;
	/* no contraction: a chain has the bits of its operators */
	const char *options[] = { cache->arch, "--fmad=false", "--std=c++17" };
	nvrtcResult result = nvrtcCreateProgram(&program, text, "chain.cu", 0, NULL, NULL);
	if (result != NVRTC_SUCCESS)
		return fail(err, ERR_INTERNAL, "NVRTC: %s", nvrtcGetErrorString(result));
	result = nvrtcCompileProgram(program, ARRAY_SIZE(options), options);
	if (result == NVRTC_SUCCESS)
		result = nvrtcGetCUBINSize(program, bytes);
	if (result == NVRTC_SUCCESS) {
		*code = mem_alloc(*bytes);
		result = nvrtcGetCUBIN(program, *code);
	}
	if (result != NVRTC_SUCCESS) {
		size_t n = 0;
		char *log = nvrtcGetProgramLogSize(program, &n) == NVRTC_SUCCESS ? mem_alloc(n + 1)
										 : NULL;
		if (log && nvrtcGetProgramLog(program, log) != NVRTC_SUCCESS)
			*log = '\0';
		fail(err, ERR_INTERNAL, "NVRTC: %s: %s", nvrtcGetErrorString(result),
		     log ? log : "");
		free(log);
	}
	nvrtcDestroyProgram(&program);
	return result == NVRTC_SUCCESS ? OK : ERR_INTERNAL;
}

static enum status load(struct chain_cache *cache, const char *text, const char *code,
			struct error *err)
{
	struct compiled c = { 0 };
	cudaError_t error = cudaLibraryLoadData(&c.library, code, NULL, NULL, 0, NULL, NULL, 0);
	if (error == cudaSuccess) {
		error = cudaLibraryGetKernel(&c.kernel, c.library, "k");
		if (error != cudaSuccess)
			cudaLibraryUnload(c.library);
	}
	if (error != cudaSuccess)
		return cuda_failed(err, error, "a compiled chain");
	c.text = mem_strdup(text);
	*(array_push(&cache->compiled)) = c;
	return OK;
}

static enum status get_kernel(struct chain_cache *cache, const char *text, cudaKernel_t *out,
			      struct error *err)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < cache->compiled.n; i++)
		if (!strcmp(cache->compiled.v[i].text, text)) {
			*out = cache->compiled.v[i].kernel;
			return OK;
		}
	char *code = read_code(cache, text, &bytes);
	enum status status = code ? load(cache, text, code, err) : ERR_INTERNAL;
	if (status != OK) { /* not there, or made by another version */
		free(code);
		code = NULL;
		TRY(compile(cache, text, &code, &bytes, err));
		status = load(cache, text, code, err);
		if (status == OK)
			write_code(cache, text, code, bytes);
	}
	free(code);
	if (status == OK)
		*out = cache->compiled.v[cache->compiled.n - 1].kernel;
	return status;
}

enum status chain_open(int compute, struct chain_cache **out, struct error *err)
{
	int major, minor;
	nvrtcResult result = nvrtcVersion(&major, &minor);
	if (result != NVRTC_SUCCESS)
		return fail(err, ERR_INTERNAL, "NVRTC: %s", nvrtcGetErrorString(result));
	struct chain_cache *cache = mem_alloc(sizeof *cache);
	snprintf(cache->arch, sizeof cache->arch, "--gpu-architecture=sm_%d", compute);
	cache->version = major * 100 + minor;
	cache->folder = find_folder();
	*out = cache;
	return OK;
}

void chain_close(struct chain_cache *cache)
{
	if (!cache)
		return;
	for (uint32_t i = 0; i < cache->compiled.n; i++) {
		cudaLibraryUnload(cache->compiled.v[i].library);
		free(cache->compiled.v[i].text);
	}
	array_release(&cache->compiled);
	free(cache->folder);
	free(cache);
}

/* ---- the kernel ---- */

struct part {
	cudaKernel_t kernel;
	struct chain_args args;
	size_t offset; /* of its sums in the workspace */
	uint32_t n_sums, sum[FUSED_OUTPUTS];
	enum dtype dtype[FUSED_OUTPUTS];
	struct chain_sums to;
};

struct state {
	uint32_t n_in, n_out, n;
	struct part parts[];
};

enum fusible chain_fusible(const struct op_call *call)
{
	struct shape kept;
	bool costly;
	if (!strcmp(call->def->name, "ReduceSum"))
		return chain_is_float(call->in[0].t.dtype) &&
				       chain_is_float(call->out[0].t.dtype) &&
				       fused_sum_shape(call, &kept)
			       ? FUSIBLE_COSTLY
			       : FUSIBLE_NOT;
	if (!chain_has_expression(call, &costly))
		return FUSIBLE_NOT;
	return costly ? FUSIBLE_COSTLY : FUSIBLE_CHEAP;
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	struct chain_text texts[FUSED_OUTPUTS];
	struct arena arena;
	enum status status = OK;
	arena_init(&arena);
	uint32_t n = chain_text_make(call, &arena, texts);
	struct state *s = mem_alloc(sizeof *s + n * sizeof *s->parts);
	*s = (struct state){ .n_in = call->n_in, .n_out = call->n_out, .n = n };
	for (uint32_t i = 0; i < n && status == OK; i++) {
		const struct chain_text *t = &texts[i];
		struct part *part = &s->parts[i];
		*part = (struct part){
			.args = t->args, .offset = *workspace, .n_sums = t->n_sums, .to = t->to
		};
		for (uint32_t k = 0; k < t->n_sums; k++) {
			part->sum[k] = t->sum[k];
			part->dtype[k] = call->out[t->sum[k]].t.dtype;
		}
		*workspace += (size_t)(t->n_sums * t->args.kept * t->args.parts) * sizeof(double);
		status = get_kernel(device->chains, t->text, &part->kernel, err);
	}
	arena_release(&arena);
	if (!n)
		status = fail(err, ERR_MEMORY, "no memory for the text of a chain");
	if (status != OK) {
		free(s);
		return status;
	}
	*state = s;
	return OK;
}

static enum status launch(const struct part *part, const struct state *s,
			  const struct kernel_io *io, struct stream *stream)
{
	struct chain_args args = part->args;
	void *list[] = { &args };
	long long threads = part->n_sums ? args.kept * args.parts * args.width : args.n;
	long long blocks = (threads + THREADS - 1) / THREADS;
	if (!args.n)
		return OK;
	for (uint32_t k = 0; k < s->n_in; k++)
		args.in[k] = io->in[k];
	for (uint32_t k = 0; k < s->n_out; k++)
		args.out[k] = io->out[k];
	args.sums = (double *)((char *)io->workspace + part->offset);
	if (!part->n_sums && blocks > BLOCKS_MAX)
		blocks = BLOCKS_MAX;
	dim3 grid = { (unsigned)blocks, 1, 1 }, block = { THREADS, 1, 1 };
	return cuda_status(
		cudaLaunchKernel((const void *)part->kernel, grid, block, list, 0, stream->handle));
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	const struct state *s = state;
	for (uint32_t i = 0; i < s->n; i++)
		TRY(launch(&s->parts[i], s, io, stream));
	/* Only now: a sum may have the memory of an input. */
	for (uint32_t i = 0; i < s->n; i++) {
		const struct part *part = &s->parts[i];
		const double *sums = (const double *)((const char *)io->workspace + part->offset);
		for (uint32_t k = 0; k < part->n_sums; k++)
			TRY(launch_chain_sums(&part->to, sums + k * part->to.kept * part->to.parts,
					      io->out[part->sum[k]], part->dtype[k], stream));
	}
	return OK;
}

const struct kernel cuda_kernel_chain = {
	.op = "",
	.name = "compiled chain",
	.supports = chain_fits,
	.propose = chain_propose,
	.create = create,
	.run = run,
	.destroy = free,
};
