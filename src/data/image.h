/*
 * image.h - pictures as 8-bit pixels: decoding JPEG, PNG and WebP, grey, resizing.
 *
 * All results are those of Pillow, which most models met in training: Image.open(f).convert("RGB")
 * or ("L"), then Image.resize(size, filter). So alpha is dropped, not blended; gamma and colour
 * profiles are ignored; a camera's orientation mark (EXIF) is not applied; CMYK files are taken to
 * follow Adobe's inverted convention. Differences: 16-bit PNGs keep their high byte (Pillow clips
 * grey ones to 255), and damaged files are errors where Pillow may repair them.
 *
 * Source: Pillow's documentation of convert and resize; ITU-R BT.601 for grey.
 */
#ifndef ONNXTUNE_DATA_IMAGE_H
#define ONNXTUNE_DATA_IMAGE_H

#include "base/mem.h"

#define IMAGE_MAX_SIDE 65535
#define IMAGE_MAX_BYTES ((size_t)512 << 20) /* of decoded pixels, at 4 bytes each */

/* Rows from the top, pixels from the left, channels interleaved: [height][width][channels]. */
struct image {
	int width, height;
	int channels; /* 1: grey, 3: red, green, blue */
	uint8_t *pixels;
};

/* The numbers are those of Pillow and of "resample" in preprocessor_config.json. */
enum resample {
	RESAMPLE_NEAREST = 0,
	RESAMPLE_LANCZOS = 1,
	RESAMPLE_BILINEAR = 2,
	RESAMPLE_BICUBIC = 3,
	RESAMPLE_BOX = 4,
	RESAMPLE_HAMMING = 5,
	RESAMPLE_COUNT
};

const char *resample_name(enum resample resample); /* "bilinear" */

/*
 * Decodes a whole file (recognised by its first bytes) to `channels` channels. The size is checked
 * before anything is allocated. ERR_INPUT for what is not a JPEG, PNG or WebP file, a cut or
 * damaged one, or one over the limits; ERR_UNSUPPORTED for JPEG kinds the library can't decode,
 * animations, and WebP in a build without libwebp. Any number of threads may decode at a time.
 */
enum status MUST_CHECK image_decode(const uint8_t *data, size_t size, int channels,
				    struct image *out, struct error *err);

/* Private, for image_decode: a WebP file (webp.c). */
enum status MUST_CHECK webp_decode(const uint8_t *data, size_t size, int channels,
				   struct image *out, struct error *err);

/* An image of that size, which is checked, with undefined pixels. */
enum status MUST_CHECK image_new(int width, int height, int channels, struct image *out,
				 struct error *err);

/* An image of `channels` from plain pixels, [height][width][given]. */
enum status MUST_CHECK image_copy(const uint8_t *pixels, int width, int height, int given,
				  int channels, struct image *out, struct error *err);

/* A new image of a part that lies within the image. */
enum status MUST_CHECK image_crop(const struct image *image, int top, int left, int height,
				  int width, struct image *out, struct error *err);

/*
 * A new image of width x height (at least 1 x 1), antialiased when it gets smaller. The same
 * fixed-point arithmetic as Pillow's, so equal to it to the bit; rows first, as Pillow always did
 * until version 13, which begins with the columns of some tall pictures (bilinear: +-1).
 */
enum status MUST_CHECK image_resize(const struct image *image, int width, int height,
				    enum resample resample, struct image *out, struct error *err);

void image_release(struct image *image);

#endif
