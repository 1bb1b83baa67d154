/* onnx_expect.c - expected contents of model files (see onnx_expect.h). */
#include "onnx_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants the four above it. */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *expect_path(const char *name)
{
	const char *srcdir = getenv("srcdir");
	return mem_printf("%s/tests/data/onnx/%s", srcdir ? srcdir : ".", name);
}

uint8_t *expect_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: can't open", path);
	struct stat st;
	assert_int_equal(fstat(fileno(f), &st), 0);
	*n = (size_t)st.st_size;
	uint8_t *data = mem_alloc(*n + 1);
	assert_int_equal(fread(data, 1, *n, f), *n);
	fclose(f);
	return data;
}

void expect_same_file(const char *a, const char *b)
{
	size_t n, m;
	uint8_t *x = expect_file(a, &n), *y = expect_file(b, &m);
	if (n != m || memcmp(x, y, n))
		fail_msg("%s (%zu bytes) and %s (%zu bytes) differ", a, n, b, m);
	free(x);
	free(y);
}

static uint8_t *hex(const char *s, size_t *n)
{
	*n = 0;
	if (!strcmp(s, "-"))
		return NULL;
	uint8_t *out = mem_alloc(strlen(s) / 2);
	for (; s[0] && s[1]; s += 2)
		out[(*n)++] = (uint8_t)strtoul((char[]){ s[0], s[1], 0 }, NULL, 16);
	return out;
}

void expect_read(const char *name, struct expect_list *out)
{
	size_t n;
	char *path = expect_path(name), *save_line, *save;
	char *text = (char *)expect_file(path, &n);
	*out = (struct expect_list){ 0 };
	for (char *line = strtok_r(text, "\n", &save_line); line;
	     line = strtok_r(NULL, "\n", &save_line)) {
		struct expect *e = array_push(&out->list);
		e->name = mem_strdup(strtok_r(line, " ", &save));
		e->dtype = (enum dtype)atoi(strtok_r(NULL, " ", &save));
		for (char *p = strtok_r(NULL, " ", &save); p && *p != '-';) {
			e->shape.dim[e->shape.rank++] = strtol(p, &p, 10);
			p = *p == 'x' ? p + 1 : NULL;
		}
		char *before = strtok_r(NULL, " ", &save), *after = strtok_r(NULL, " ", &save);
		assert_non_null(after);
		if (e->dtype == DT_STRING) {
			e->strings = mem_strdup(before);
			continue;
		}
		e->before = hex(before, &e->n_before);
		e->after = hex(after, &e->n_after);
	}
	assert_true(out->list.n > 0);
	free(text);
	free(path);
}

void expect_release(struct expect_list *list)
{
	for (uint32_t i = 0; i < list->list.n; i++) {
		struct expect *e = &list->list.v[i];
		free(e->name);
		free(e->before);
		free(e->after);
		free(e->strings);
	}
	array_release(&list->list);
}

Onnx__TensorProto *expect_tensor(const struct onnx_file *file, const char *name)
{
	for (uint32_t i = 0; i < file->tensors.n; i++)
		if (file->tensors.v[i]->name && !strcmp(file->tensors.v[i]->name, name))
			return file->tensors.v[i];
	return NULL;
}

Onnx__AttributeProto *expect_attribute(const struct onnx_file *file, const char *node)
{
	const Onnx__GraphProto *graph = file->model->graph;
	for (size_t i = 0; i < graph->n_node; i++)
		if (graph->node[i]->name && !strcmp(graph->node[i]->name, node))
			return graph->node[i]->attribute[0];
	return NULL;
}

char *folder_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf("%s/onnxtune-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		fail_msg("%s: can't make it", folder);
	return folder;
}

static void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	struct stat st;
	for (struct dirent *e; (e = readdir(dir));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		char *path = mem_printf("%s/%s", folder, e->d_name);
		if (!lstat(path, &st) && S_ISDIR(st.st_mode))
			empty_folder(path);
		else
			unlink(path);
		free(path);
	}
	closedir(dir);
	rmdir(folder);
}

void folder_remove(char *folder)
{
	empty_folder(folder);
	free(folder);
}

unsigned folder_count(const char *folder)
{
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	unsigned n = 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}
