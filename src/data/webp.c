/*
 * webp.c - decoding WebP to grey or RGB (see image.h) through libwebp, which is optional. The only
 * place that calls it. Alpha is dropped, as for the other kinds.
 */
#include "data/image.h"

#ifdef HAVE_WEBP
#include <webp/decode.h>

enum status webp_decode(const uint8_t *data, size_t size, int channels, struct image *out,
			struct error *err)
{
	WebPBitstreamFeatures features;
	struct image image, grey;
	if (WebPGetFeatures(data, size, &features) != VP8_STATUS_OK)
		return fail(err, ERR_INPUT, "damaged WebP file: its header can't be read");
	if (features.has_animation)
		return fail(err, ERR_UNSUPPORTED, "an animated WebP file");
	TRY(image_new(features.width, features.height, 3, &image, err));
	int row = features.width * 3;
	if (!WebPDecodeRGBInto(data, size, image.pixels, (size_t)row * (size_t)features.height,
			       row)) {
		image_release(&image);
		return fail(err, ERR_INPUT, "damaged WebP file: it is cut or wrong");
	}
	if (channels == 3) {
		*out = image;
		return OK;
	}
	enum status status = image_copy(image.pixels, image.width, image.height, 3, channels, &grey,
					err);
	image_release(&image);
	if (status == OK)
		*out = grey;
	return status;
}
#else
enum status webp_decode(const uint8_t *data, size_t size, int channels, struct image *out,
			struct error *err)
{
	(void)data, (void)size, (void)channels, (void)out;
	return fail(err, ERR_UNSUPPORTED,
		    "a WebP file, but this program was built without libwebp");
}
#endif
