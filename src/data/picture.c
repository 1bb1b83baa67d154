/*
 * picture.c - image files to samples by bound settings (see preprocess.h). A table of 256 finished
 * elements per channel, made once, replaces all arithmetic on pixels.
 */
#include "data/preprocess.h"

#include <string.h>

/* The element for x in the model's type. */
static void set_element(enum dtype dtype, uint8_t element[8], double x)
{
	struct tensor t = { dtype, SHAPE_SCALAR, element };
	tensor_set(&t, 0, x);
}

void preprocess_make_table(struct preprocess *p)
{
	for (int c = 0; c < p->channels; c++) {
		for (int v = 0; v < 256; v++) {
			/* Rounded to float at each step, as torchvision computes it. */
			float x = (float)(p->lo + v * (p->hi - p->lo) / 255);
			x = (x - (float)p->mean[c]) / (float)p->std[c];
			set_element(p->dtype, p->table[c][v], (double)x);
		}
		if (p->resize == RESIZE_PAD)
			set_element(p->dtype, p->pad[c], p->pad_value);
		else /* a crop larger than the picture: black */
			memcpy(p->pad[c], p->table[c][0], sizeof p->pad[c]);
	}
}

/* a * b / c for sides of images, at least 1. */
static int scale_side(int a, int b, int c)
{
	int64_t x = (int64_t)a * b / c;
	return x < 1 ? 1 : x > IMAGE_MAX_SIDE ? IMAGE_MAX_SIDE : (int)x;
}

static int scale_side_rounded(int a, int b, int c)
{
	int64_t x = ((int64_t)a * b * 2 + c) / ((int64_t)2 * c);
	return x < 1 ? 1 : (int)x;
}

/* The size to which a picture of h x w is resized, before any crop. */
static void resized_size(const struct preprocess *p, int h, int w, int *height, int *width)
{
	bool tall = (int64_t)h * p->width > (int64_t)w * p->height; /* taller than the target */
	*height = p->height;
	*width = p->width;
	if (p->resize == RESIZE_PAD) {
		if (tall)
			*width = scale_side_rounded(w, p->height, h);
		else
			*height = scale_side_rounded(h, p->width, w);
	} else if (p->resize == RESIZE_CROP && p->crop_height) {
		*height = p->crop_height;
		*width = p->crop_width;
	} else if (p->resize == RESIZE_CROP && p->short_side) {
		*height = h <= w ? p->short_side : scale_side(p->short_side, h, w);
		*width = h <= w ? scale_side(p->short_side, w, h) : p->short_side;
	} else if (p->resize == RESIZE_CROP) {
		if (tall)
			*height = scale_side(h, p->width, w);
		else
			*width = scale_side(w, p->height, h);
	}
}

/*
 * Where the target begins in the picture along one axis, rounded to even as torchvision's
 * CenterCrop does; negative when the picture is the smaller one.
 */
static int crop_offset(int size, int target)
{
	int d = size - target;
	if (d < 0)
		return -((target - size) / 2);
	return d / 2 + (d & d / 2 & 1);
}

/* Replaces *image by what `call` makes of it. */
static enum status replace(struct image *image, enum status status, struct image *made)
{
	if (status != OK)
		return status;
	image_release(image);
	*image = *made;
	return OK;
}

static enum status fit(const struct preprocess *p, struct picture *picture, struct error *err)
{
	struct image *image = &picture->image, made;
	int height, width;
	resized_size(p, image->height, image->width, &height, &width);
	if (height != image->height || width != image->width)
		TRY(replace(image, image_resize(image, width, height, p->resample, &made, err),
			    &made));
	int top = 0, left = 0;
	if (p->resize == RESIZE_CROP) {
		top = crop_offset(height, p->height);
		left = crop_offset(width, p->width);
	} else if (p->pad_center) {
		top = (height - p->height) / 2;
		left = (width - p->width) / 2;
	}
	picture->top = top < 0 ? -top : 0;
	picture->left = left < 0 ? -left : 0;
	top = top > 0 ? top : 0;
	left = left > 0 ? left : 0;
	int rows = height < p->height ? height : p->height;
	int columns = width < p->width ? width : p->width;
	if (rows != height || columns != width)
		TRY(replace(image, image_crop(image, top, left, rows, columns, &made, err), &made));
	return OK;
}

/* The channels that pictures are decoded to. */
static int decoded_channels(const struct preprocess *p)
{
	return p->order == CHANNELS_GREY ? 1 : 3;
}

/* Fits the picture unless it stays whole; it is released when that fails. */
static enum status finish(const struct preprocess *p, struct picture picture, bool whole,
			  struct picture *out, struct error *err)
{
	enum status status = whole ? OK : fit(p, &picture, err);
	if (status == OK)
		*out = picture;
	else
		image_release(&picture.image);
	return status;
}

enum status preprocess_decode(const struct preprocess *p, const uint8_t *data, size_t size,
			      bool whole, struct picture *out, struct error *err)
{
	struct picture picture = { 0 };
	TRY(image_decode(data, size, decoded_channels(p), &picture.image, err));
	return finish(p, picture, whole, out, err);
}

enum status preprocess_pixels(const struct preprocess *p, const struct tensor *pixels, int64_t row,
			      bool whole, struct picture *out, struct error *err)
{
	struct picture picture = { 0 };
	const int64_t *dim = pixels->shape.dim;
	int channels = pixels->shape.rank == 4 ? (int)dim[3] : 1;
	const uint8_t *from = (const uint8_t *)pixels->data + row * dim[1] * dim[2] * channels;
	TRY(image_copy(from, (int)dim[2], (int)dim[1], channels, decoded_channels(p),
		       &picture.image, err));
	return finish(p, picture, whole, out, err);
}

/*
 * out[y * rows + x * columns] = table[pixel] over the picture, pad around it; strides in elements.
 * Inlined with a constant element size.
 */
static inline __attribute__((always_inline)) void write_plane(const struct preprocess *p,
							      const struct picture *picture, int c,
							      uint8_t *out, size_t rows,
							      size_t columns, size_t element)
{
	const struct image *image = &picture->image;
	int from = p->order == CHANNELS_GREY ? 0 : p->order == CHANNELS_BGR ? 2 - c : c;
	const uint8_t *pixel = image->pixels + from;
	int right = picture->left + image->width, bottom = picture->top + image->height;
	for (int y = 0; y < p->height; y++) {
		bool inside = y >= picture->top && y < bottom;
		uint8_t *to = out + (size_t)y * rows * element;
		for (int x = 0; x < p->width; x++, to += columns * element) {
			if (inside && x >= picture->left && x < right) {
				memcpy(to, p->table[c][*pixel], element);
				pixel += image->channels;
			} else {
				memcpy(to, p->pad[c], element);
			}
		}
	}
}

void preprocess_write(const struct preprocess *p, const struct picture *picture, void *out)
{
	bool nhwc = p->layout == LAYOUT_NHWC;
	size_t channels = (size_t)p->channels, element = dtype_bits(p->dtype) / 8;
	size_t columns = nhwc ? channels : 1, rows = (size_t)p->width * columns;
	size_t plane = nhwc ? 1 : (size_t)p->height * (size_t)p->width;
	for (int c = 0; c < p->channels; c++) {
		uint8_t *to = (uint8_t *)out + (size_t)c * plane * element;
		switch (element) {
		case 1:
			write_plane(p, picture, c, to, rows, columns, 1);
			break;
		case 2:
			write_plane(p, picture, c, to, rows, columns, 2);
			break;
		case 4:
			write_plane(p, picture, c, to, rows, columns, 4);
			break;
		default:
			write_plane(p, picture, c, to, rows, columns, 8);
		}
	}
}
