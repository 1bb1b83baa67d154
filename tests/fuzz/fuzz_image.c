/* fuzz_image.c - any bytes as an image file: a sample of the model's input, or an error. */
#include "data/preprocess.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const modes[] = { "stretch", "crop", "crop:9", "pad:center" };
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct preprocess p;
		struct picture picture;
		struct error err;
		float sample[3 * 5 * 7];
		preprocess_init(&p);
		if (preprocess_set(&p, SETTING_RESIZE, modes[i], FROM_OPTION, &err) != OK ||
		    preprocess_bind(&p, "x", DT_F32, &SHAPE(1, i % 2 ? 1 : 3, 5, 7), &err) != OK)
			__builtin_trap();
		if (preprocess_decode(&p, data, size, false, &picture, &err) != OK)
			continue;
		preprocess_write(&p, &picture, sample);
		image_release(&picture.image);
	}
	return 0;
}
