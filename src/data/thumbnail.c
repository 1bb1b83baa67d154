/* thumbnail.c - small pictures of samples (see thumbnail.h). */
#include "data/thumbnail.h"

#include "base/file.h"
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define QUALITY 88
#define SIDE_MIN 4 /* what is smaller is hardly a picture */
#define SIDE_MAX 4096

static bool read_file(const char *path, struct image *out)
{
	struct file_map map;
	struct error ignored;
	if (file_map(path, &map, &ignored) != OK)
		return false;
	bool good = image_decode(map.data, map.size, 3, out, &ignored) == OK;
	file_unmap(&map);
	return good;
}

/* Where the axes of a picture lie in a row. */
struct planes {
	int64_t height, width, channels;
	int64_t row, column, channel; /* strides */
};

static bool is_side(int64_t n)
{
	return n >= SIDE_MIN && n <= SIDE_MAX;
}

static bool find_planes(const struct shape *shape, struct planes *out)
{
	const int64_t *d = shape->dim;
	if (shape->rank == 3)
		*out = (struct planes){ d[1], d[2], 1, d[2], 1, 0 };
	else if (shape->rank == 4 && (d[1] == 1 || d[1] == 3))
		*out = (struct planes){ d[2], d[3], d[1], d[3], 1, d[2] * d[3] };
	else if (shape->rank == 4 && (d[3] == 1 || d[3] == 3))
		*out = (struct planes){ d[1], d[2], d[3], d[2] * d[3], d[3], 1 };
	else
		return false;
	return is_side(out->height) && is_side(out->width);
}

static bool read_array(const struct tensor *array, int64_t row, struct image *out)
{
	struct planes p;
	double low = INFINITY, high = -INFINITY;
	if (!find_planes(&array->shape, &p))
		return false;
	int64_t size = p.height * p.width * p.channels, first = row * size, k = 0;
	for (int64_t i = 0; i < size; i++) {
		low = fmin(low, tensor_get(array, first + i));
		high = fmax(high, tensor_get(array, first + i));
	}
	double scale = high > low ? 255 / (high - low) : 0;
	*out = (struct image){ (int)p.width, (int)p.height, (int)p.channels,
			       mem_alloc((size_t)size) };
	for (int64_t y = 0; y < p.height; y++)
		for (int64_t x = 0; x < p.width; x++)
			for (int64_t c = 0; c < p.channels; c++) {
				double value = tensor_get(array, first + y * p.row + x * p.column +
									 c * p.channel);
				out->pixels[k++] = (uint8_t)lround((value - low) * scale);
			}
	return true;
}

/* At most the size of a thumbnail, in the picture's proportions. */
static bool shrink(struct image *image)
{
	double by = fmin((double)THUMBNAIL_WIDTH / image->width,
			 (double)THUMBNAIL_HEIGHT / image->height);
	struct image small;
	struct error ignored;
	if (by >= 1)
		return true;
	int width = (int)fmax(1, image->width * by), height = (int)fmax(1, image->height * by);
	if (image_resize(image, width, height, RESAMPLE_BILINEAR, &small, &ignored) != OK)
		return false;
	image_release(image);
	*image = small;
	return true;
}

static bool compress(const struct image *image, uint8_t **data, size_t *n)
{
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	bool grey = image->channels == 1;
	tjhandle handle = tjInitCompress();
	bool good = handle && !tjCompress2(handle, image->pixels, image->width, 0, image->height,
					   grey ? TJPF_GRAY : TJPF_RGB, &jpeg, &size,
					   grey ? TJSAMP_GRAY : TJSAMP_444, QUALITY, 0);
	if (good) {
		*n = size;
		*data = mem_alloc(size);
		memcpy(*data, jpeg, size);
	}
	tjFree(jpeg);
	if (handle)
		tjDestroy(handle);
	return good;
}

bool thumbnail_make(const struct part *part, uint32_t sample, uint8_t **data, size_t *n)
{
	struct image image;
	bool good = part->paths ? read_file(part->paths[sample], &image)
				: read_array(&part->arrays[0],
					     part->rows ? part->rows[sample] : sample, &image);
	if (!good)
		return false;
	good = shrink(&image) && compress(&image, data, n);
	image_release(&image);
	return good;
}
