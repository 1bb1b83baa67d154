/*
 * test_texts.c - NVRTC compiles the texts of chains for the architectures of GPUs that are not there: of
 * each pointwise operator in each type.
 */
#include "backend/cuda/chain_text.h"
#include "support/case_call.h"

#include <nvrtc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct texts {
	ARRAY(char *) v;
} texts;

static void add_text(const char *text)
{
	for (uint32_t i = 0; i < texts.v.n; i++)
		if (!strcmp(texts.v.v[i], text))
			return;
	*array_push(&texts.v) = mem_strdup(text);
}

static void collect(const struct op_case *c, enum dtype dtype)
{
	struct arena arena;
	struct case_call made;
	struct chain_text text[FUSED_OUTPUTS];
	const char *why;
	arena_init(&arena);
	uint32_t n = case_call_make(c, dtype, 1, &arena, &made) && chain_fits(&made.call, &why)
			     ? chain_text_make(&made.call, &arena, text)
			     : 0;
	for (uint32_t k = 0; k < n; k++)
		add_text(text[k].text);
	if (made.graph)
		graph_free(made.graph);
	arena_release(&arena);
}

static void compile(const char *text, const char *arch)
{
	nvrtcProgram program;
	const char *options[] = { arch, "--fmad=false", "--std=c++17" };
	char log[2000] = "";
	size_t n = 0;
	assert_int_equal(nvrtcCreateProgram(&program, text, "chain.cu", 0, NULL, NULL), 0);
	nvrtcResult result = nvrtcCompileProgram(program, ARRAY_SIZE(options), options);
	if (result && nvrtcGetProgramLogSize(program, &n) == NVRTC_SUCCESS && n < sizeof log)
		(void)nvrtcGetProgramLog(program, log);
	if (!result)
		result = nvrtcGetCUBINSize(program, &n);
	nvrtcDestroyProgram(&program);
	if (result || !n)
		fail_msg("%s: %s: %s\n%s", arch, nvrtcGetErrorString(result), log, text);
}

/* One case of each operator in each type; the architectures take turns. */
static void test_texts(void **state)
{
	static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
	static const char *const archs[] = { "--gpu-architecture=sm_75", "--gpu-architecture=sm_80",
					     "--gpu-architecture=sm_90" };
	(void)state;
	for (const struct op_case *const *table = case_tables; *table; table++)
		for (const struct op_case *c = *table; c->name; c++)
			for (size_t t = 0; t < ARRAY_SIZE(types); t++)
				if (c == *table || strcmp(c->op, c[-1].op))
					collect(c, types[t]);
	assert_true(texts.v.n > 100);
	for (uint32_t i = 0; i < texts.v.n; i++)
		compile(texts.v.v[i], archs[i % ARRAY_SIZE(archs)]);
}

static int release(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < texts.v.n; i++)
		free(texts.v.v[i]);
	array_release(&texts.v);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_texts) };
	return _cmocka_run_group_tests("texts", tests, ARRAY_SIZE(tests), NULL, release);
}
