/*
 * image.c - decoding JPEG and PNG to grey or RGB (see image.h). The only place that calls
 * libturbojpeg and libpng: their ways to report errors end here. libpng's full interface is used
 * because the simplified one corrects gamma and blends alpha.
 */
#include "data/image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#ifdef TJFLAG_LIMITSCANS /* a small progressive file may hold thousands of scans */
#define JPEG_FLAGS (TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
#else
#define JPEG_FLAGS TJFLAG_ACCURATEDCT
#endif

static enum status check_size(unsigned long width, unsigned long height, struct error *err)
{
	if (!width || !height || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
	    (size_t)width * height * 4 > IMAGE_MAX_BYTES)
		return fail(err, ERR_INPUT, "a picture of %lux%lu pixels is too large", width,
			    height);
	return OK;
}

static enum status allocate(int width, int height, int channels, struct image *out,
			    struct error *err)
{
	void *p;
	TRY(mem_try_alloc((size_t)width * (size_t)height * (size_t)channels, &p, err));
	*out = (struct image){ width, height, channels, p };
	return OK;
}

enum status image_new(int width, int height, int channels, struct image *out, struct error *err)
{
	TRY(check_size((unsigned long)width, (unsigned long)height, err));
	return allocate(width, height, channels, out, err);
}

void image_release(struct image *image)
{
	free(image->pixels);
	*image = (struct image){ 0 };
}

/* L = 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded. In place: [n][3] to [n]. */
static void make_grey(struct image *image)
{
	size_t n = (size_t)image->width * (size_t)image->height;
	const uint8_t *p = image->pixels;
	for (size_t i = 0; i < n; i++, p += 3)
		image->pixels[i] =
			(uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000) >> 16);
	image->channels = 1;
}

enum status image_copy(const uint8_t *pixels, int width, int height, int given, int channels,
		       struct image *out, struct error *err)
{
	struct image image;
	size_t n = (size_t)width * (size_t)height;
	TRY(image_new(width, height, given < channels ? channels : given, &image, err));
	if (given < channels)
		for (size_t i = 0; i < n; i++)
			memset(image.pixels + i * 3, pixels[i], 3);
	else
		memcpy(image.pixels, pixels, n * (size_t)given);
	if (image.channels != channels)
		make_grey(&image);
	*out = image;
	return OK;
}

enum status image_crop(const struct image *image, int top, int left, int height, int width,
		       struct image *out, struct error *err)
{
	struct image made;
	size_t channels = (size_t)image->channels, row = (size_t)width * channels;
	TRY(image_new(width, height, image->channels, &made, err));
	for (int y = 0; y < height; y++)
		memcpy(made.pixels + (size_t)y * row,
		       image->pixels +
			       ((size_t)(top + y) * (size_t)image->width + (size_t)left) * channels,
		       row);
	*out = made;
	return OK;
}

static uint8_t multiply(unsigned a, unsigned b) /* a * b / 255, rounded */
{
	unsigned t = a * b + 128;
	return (uint8_t)(((t >> 8) + t) >> 8);
}

/* Inverted CMYK (255: no ink), as Adobe's files have it, to RGB. In place: [n][4] to [n][3]. */
static void cmyk_to_rgb(uint8_t *pixels, size_t n)
{
	const uint8_t *from = pixels;
	for (size_t i = 0; i < n; i++, from += 4, pixels += 3)
		for (int c = 0; c < 3; c++) {
			unsigned light = from[3];
			pixels[c] = (uint8_t)(light - multiply(255u - from[c], light));
		}
}

static enum status jpeg_error(tjhandle tj, struct error *err)
{
	return fail(err, ERR_INPUT, "damaged JPEG file: %s", tjGetErrorStr2(tj));
}

static enum status decode_jpeg_with(tjhandle tj, const uint8_t *data, size_t size, int channels,
				    struct image *out, struct error *err)
{
	int width, height, sampling, space;
	if (tjDecompressHeader3(tj, data, size, &width, &height, &sampling, &space))
		return jpeg_error(tj, err);
	TRY(check_size((unsigned long)width, (unsigned long)height, err));
	bool grey = space == TJCS_GRAY;
	bool cmyk = space == TJCS_CMYK || space == TJCS_YCCK;
	int format = cmyk ? TJPF_CMYK : grey && channels == 1 ? TJPF_GRAY : TJPF_RGB;
	struct image image;
	TRY(allocate(width, height, tjPixelSize[format], &image, err));
	/* A cut file gives rc -1 with code TJERR_WARNING and half a picture. */
	if (tjDecompress2(tj, data, size, image.pixels, width, 0, height, format, JPEG_FLAGS)) {
		image_release(&image);
		return jpeg_error(tj, err);
	}
	if (cmyk) {
		cmyk_to_rgb(image.pixels, (size_t)width * (size_t)height);
		image.channels = 3;
	}
	if (image.channels != channels)
		make_grey(&image);
	*out = image;
	return OK;
}

static enum status decode_jpeg(const uint8_t *data, size_t size, int channels, struct image *out,
			       struct error *err)
{
	tjhandle tj = tjInitDecompress();
	if (!tj)
		return fail(err, ERR_MEMORY, "no memory for a JPEG decoder");
	enum status status = decode_jpeg_with(tj, data, size, channels, out, err);
	tjDestroy(tj);
	return status;
}

/* What libpng's callbacks need; it leaves a failed call by longjmp. */
struct png_source {
	const uint8_t *data;
	size_t left;
	char message[128];
};

static void png_take(png_structp png, png_bytep to, size_t n)
{
	struct png_source *source = png_get_io_ptr(png);
	if (n > source->left)
		png_error(png, "the file is cut");
	memcpy(to, source->data, n);
	source->data += n;
	source->left -= n;
}

static void __attribute__((noreturn)) png_failed(png_structp png, png_const_charp message)
{
	struct png_source *source = png_get_error_ptr(png);
	snprintf(source->message, sizeof source->message, "%s", message);
	png_longjmp(png, 1);
}

static void png_ignore(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

/*
 * Runs inside setjmp: what it allocates is put where the caller finds it. libpng's own errors do
 * not return.
 */
static enum status read_png(png_structp png, png_infop info, int channels, struct image *image,
			    png_bytepp *rows, struct error *err)
{
	png_read_info(png, info);
	unsigned width = png_get_image_width(png, info), height = png_get_image_height(png, info);
	TRY(check_size(width, height, err));
	int type = png_get_color_type(png, info);
	bool colour = type & PNG_COLOR_MASK_COLOR;
	png_set_strip_16(png);
	png_set_packing(png);
	if (type == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(png);
	if (type == PNG_COLOR_TYPE_GRAY)
		png_set_expand_gray_1_2_4_to_8(png);
	if (!colour && channels == 3)
		png_set_gray_to_rgb(png);
	png_set_strip_alpha(png);
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
	int decoded = colour ? 3 : channels;
	size_t row = png_get_rowbytes(png, info);
	if (row != (size_t)width * (size_t)decoded)
		png_error(png, "unexpected row size");
	TRY(allocate((int)width, (int)height, decoded, image, err));
	*rows = mem_alloc(height * sizeof **rows);
	for (unsigned y = 0; y < height; y++)
		(*rows)[y] = image->pixels + y * row;
	png_read_image(png, *rows);
	png_read_end(png, NULL);
	return OK;
}

static enum status read_png_guarded(png_structp png, png_infop info, int channels,
				    struct image *image, png_bytepp *rows, struct error *err)
{
	if (setjmp(png_jmpbuf(png))) {
		const struct png_source *source = png_get_error_ptr(png);
		return fail(err, ERR_INPUT, "damaged PNG file: %s", source->message);
	}
	return read_png(png, info, channels, image, rows, err);
}

static enum status decode_png(const uint8_t *data, size_t size, int channels, struct image *out,
			      struct error *err)
{
	struct png_source source = { .data = data, .left = size };
	struct image image = { 0 };
	png_bytepp rows = NULL;
	png_infop info = NULL;
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, png_failed,
						 png_ignore);
	if (png)
		info = png_create_info_struct(png);
	if (!info) {
		png_destroy_read_struct(&png, NULL, NULL);
		return fail(err, ERR_MEMORY, "no memory for a PNG decoder");
	}
	png_set_read_fn(png, &source, png_take);
	png_set_user_limits(png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
	/* All that is not pixels (texts, profiles, gamma) is skipped, so it needs no limits. */
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_set_chunk_malloc_max(png, 0);
	enum status status = read_png_guarded(png, info, channels, &image, &rows, err);
	free(rows);
	png_destroy_read_struct(&png, &info, NULL);
	if (status != OK) {
		image_release(&image);
		return status;
	}
	if (image.channels != channels)
		make_grey(&image);
	*out = image;
	return OK;
}

enum status image_decode(const uint8_t *data, size_t size, int channels, struct image *out,
			 struct error *err)
{
	static const uint8_t png_start[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	if (!size)
		return fail(err, ERR_INPUT, "the file is empty");
	if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff)
		return decode_jpeg(data, size, channels, out, err);
	if (size >= sizeof png_start && !memcmp(data, png_start, sizeof png_start))
		return decode_png(data, size, channels, out, err);
	if (size >= 16 && !memcmp(data, "RIFF", 4) && !memcmp(data + 8, "WEBP", 4))
		return webp_decode(data, size, channels, out, err);
	return fail(err, ERR_INPUT, "not a JPEG, PNG or WebP file");
}
