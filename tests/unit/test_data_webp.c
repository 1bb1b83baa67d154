/*
 * test_data_webp.c - WebP files decode to the pixels that Pillow gives (models/generate_webp.py), and
 * damaged ones are errors; without libwebp they are refused with a line that says so.
 */
#include "data/image.h"
#include "data/npy.h"
#include "support/data_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t *read_picture(const char *name, size_t n, size_t *size)
{
	char *relative = mem_printf("tests/data/webp/%.*s", (int)n, name);
	char *path = source_path(relative);
	uint8_t *data = read_bytes(path, size);
	if (!data)
		fail_msg("%s is missing", path);
	free(path);
	free(relative);
	return data;
}

#ifdef HAVE_WEBP
static void test_decoding(void **state)
{
	(void)state;
	struct arrays reference;
	struct error err;
	char *path = source_path("tests/data/webp/reference.npz");
	assert_int_equal(arrays_read(path, &reference, &err), OK);
	free(path);
	assert_int_equal(reference.n, 10);
	for (uint32_t i = 0; i < reference.n; i++) {
		const char *name = reference.v[i].name, *colon = strchr(name, ':');
		const struct tensor *want = &reference.v[i].tensor;
		struct image image;
		size_t n;
		uint8_t *data = read_picture(name, (size_t)(colon - name), &n);
		if (image_decode(data, n, atoi(colon + 1), &image, &err) != OK)
			fail_msg("%s: %s", name, err.text);
		assert_int_equal(image.channels, atoi(colon + 1));
		assert_int_equal(image.height, want->shape.dim[0]);
		assert_int_equal(image.width, want->shape.dim[1]);
		assert_memory_equal(image.pixels, want->data, tensor_bytes(want));
		image_release(&image);
		free(data);
	}
	arrays_release(&reference);
}

static void test_damage(void **state)
{
	(void)state;
	static const char *const files[] = { "lossless.webp", "lossy.webp", "lossyalpha.webp" };
	uint32_t random = 1;
	struct image image;
	struct error err;
	size_t n;
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		uint8_t *data = read_picture(files[f], strlen(files[f]), &n);
		for (size_t cut = 0; cut + 2 < n; cut++) {
			uint8_t *copy = mem_alloc(cut ? cut : 1);
			memcpy(copy, data, cut);
			if (image_decode(copy, cut, 3, &image, &err) != ERR_INPUT)
				fail_msg("%s cut to %zu bytes", files[f], cut);
			free(copy);
		}
		for (int i = 0; i < 500; i++) {
			random = random * 1664525 + 1013904223;
			size_t at = random % n;
			uint8_t old = data[at];
			data[at] ^= (uint8_t)(1u << (random >> 29));
			if (image_decode(data, n, 1, &image, NULL) == OK)
				image_release(&image);
			data[at] = old;
		}
		free(data);
	}
	uint8_t *data = read_picture("animated.webp", strlen("animated.webp"), &n);
	assert_int_equal(image_decode(data, n, 3, &image, &err), ERR_UNSUPPORTED);
	assert_string_equal(err.text, "an animated WebP file");
	free(data);
}
#else
static void test_refused(void **state)
{
	(void)state;
	struct image image;
	struct error err;
	size_t n;
	uint8_t *data = read_picture("lossy.webp", strlen("lossy.webp"), &n);
	assert_int_equal(image_decode(data, n, 3, &image, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "built without libwebp"));
	free(data);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_WEBP
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_damage),
#else
		cmocka_unit_test(test_refused),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
