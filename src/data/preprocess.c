/*
 * preprocess.c - image settings, their text forms, and their application (see preprocess.h). A
 * table of 256 finished elements per channel, made once, replaces all arithmetic on pixels.
 */
#include "data/preprocess.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const order_names[] = { "auto", "rgb", "bgr", "grey" };
static const char *const layout_names[] = { "auto", "nchw", "nhwc" };

/* The index of text in names[0..n), or -1. */
static int find_name(const char *text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	return -1;
}

/* A finite number at *p, which moves behind it. */
static bool take_number(const char **p, double *out)
{
	char *end;
	double x = strtod(*p, &end);
	if (end == *p || !isfinite(x))
		return false;
	*p = end;
	*out = x;
	return true;
}

static bool take_side(const char **p, int *out)
{
	char *end;
	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	long x = strtol(*p, &end, 10);
	if (errno || x < 1 || x > IMAGE_MAX_SIDE)
		return false;
	*p = end;
	*out = (int)x;
	return true;
}

/* "48x192", or "224" for 224x224 (then *single, where the caller tells them apart). */
static bool parse_size(const char *p, int *height, int *width, bool *single)
{
	int h, w;
	if (!take_side(&p, &h))
		return false;
	w = h;
	bool one = *p != 'x';
	if (!one && (p++, !take_side(&p, &w)))
		return false;
	if (*p)
		return false;
	*height = h;
	*width = w;
	*single = one;
	return true;
}

static bool set_size(struct preprocess *p, const char *text)
{
	bool single;
	return parse_size(text, &p->height, &p->width, &single);
}

static bool set_crop(struct preprocess *p, const char *text)
{
	int height = 0, width = 0;
	bool single = false;
	if (*text && (*text++ != ':' || !parse_size(text, &height, &width, &single)))
		return false;
	p->resize = RESIZE_CROP;
	p->short_side = single ? height : 0;
	p->crop_height = single ? 0 : height;
	p->crop_width = single ? 0 : width;
	return true;
}

static bool set_pad(struct preprocess *p, const char *text)
{
	double value = 0;
	bool center = !strncmp(text, ":center", 7);
	if (center)
		text += 7;
	else if (!strncmp(text, ":left", 5))
		text += 5;
	if (*text == ',' && (text++, !take_number(&text, &value)))
		return false;
	if (*text)
		return false;
	p->resize = RESIZE_PAD;
	p->pad_center = center;
	p->pad_value = value;
	return true;
}

static bool set_resize(struct preprocess *p, const char *text)
{
	if (!strncmp(text, "crop", 4))
		return set_crop(p, text + 4);
	if (!strncmp(text, "pad", 3))
		return set_pad(p, text + 3);
	if (strcmp(text, "stretch"))
		return false;
	p->resize = RESIZE_STRETCH;
	return true;
}

static bool set_resample(struct preprocess *p, const char *text)
{
	for (int r = 0; r < RESAMPLE_COUNT; r++)
		if (!strcmp(text, resample_name((enum resample)r))) {
			p->resample = (enum resample)r;
			return true;
		}
	return false;
}

static bool set_channels(struct preprocess *p, const char *text)
{
	int i = find_name(text, order_names, ARRAY_SIZE(order_names));
	if (i <= 0)
		return false;
	p->order = (enum channel_order)i;
	return true;
}

static bool set_layout(struct preprocess *p, const char *text)
{
	int i = find_name(text, layout_names, ARRAY_SIZE(layout_names));
	if (i < 0)
		return false;
	p->layout = (enum image_layout)i;
	return true;
}

static bool set_range(struct preprocess *p, const char *text)
{
	double lo, hi;
	if (!take_number(&text, &lo) || *text++ != '-' || !take_number(&text, &hi) || *text ||
	    lo >= hi)
		return false;
	p->lo = lo;
	p->hi = hi;
	return true;
}

/* One number, or three separated by commas. */
static bool parse_numbers(const char *text, double out[3], int *count)
{
	double x[3];
	int n = 0;
	do {
		if (n == 3 || !take_number(&text, &x[n++]))
			return false;
	} while (*text++ == ',');
	if (text[-1] || n == 2)
		return false;
	for (int i = 0; i < 3; i++)
		out[i] = x[n == 1 ? 0 : i];
	*count = n;
	return true;
}

static bool set_mean(struct preprocess *p, const char *text)
{
	return parse_numbers(text, p->mean, &p->mean_count);
}

static bool set_std(struct preprocess *p, const char *text)
{
	double x[3];
	int n;
	if (!parse_numbers(text, x, &n) || x[0] <= 0 || x[1] <= 0 || x[2] <= 0)
		return false;
	memcpy(p->std, x, sizeof x);
	p->std_count = n;
	return true;
}

/* Each setting's name, what it accepts, and its parser, which changes p only when it succeeds. */
static const struct {
	const char *name, *expected;
	bool (*set)(struct preprocess *p, const char *text);
} settings[SETTING_COUNT] = {
	[SETTING_SIZE] = { "size", "HxW or one number", set_size },
	[SETTING_RESIZE] = { "resize", "stretch, crop[:SIDE] or pad[:left|center][,VALUE]",
			     set_resize },
	[SETTING_RESAMPLE] = { "resample", "bilinear, bicubic, nearest, lanczos, box or hamming",
			       set_resample },
	[SETTING_CHANNELS] = { "channels", "rgb, bgr or grey", set_channels },
	[SETTING_LAYOUT] = { "layout", "auto, nchw or nhwc", set_layout },
	[SETTING_RANGE] = { "range", "0-1, 0-255 or -1-1", set_range },
	[SETTING_MEAN] = { "mean", "one number or three with commas", set_mean },
	[SETTING_STD] = { "std", "one positive number or three with commas", set_std },
};

const char *setting_name(enum setting setting)
{
	return settings[setting].name;
}

const char *setting_source_name(enum setting_source source)
{
	static const char *const names[] = { "default", "file beside the model", "model",
					     "option" };
	return names[source];
}

void preprocess_init(struct preprocess *p)
{
	*p = (struct preprocess){
		.resample = RESAMPLE_BILINEAR,
		.hi = 1,
		.std = { 1, 1, 1 },
		.mean_count = 1,
		.std_count = 1,
	};
}

enum status preprocess_set(struct preprocess *p, enum setting setting, const char *text,
			   enum setting_source source, struct error *err)
{
	struct preprocess changed = *p;
	if (!settings[setting].set(&changed, text))
		return fail(err, ERR_USAGE, "%s: '%s' is not %s", settings[setting].name, text,
			    settings[setting].expected);
	if (source < p->source[setting])
		return OK;
	changed.source[setting] = source;
	*p = changed;
	return OK;
}

static void format_numbers(const double x[3], int n, char text[SETTING_TEXT])
{
	if (n == 1)
		snprintf(text, SETTING_TEXT, "%.9g", x[0]);
	else
		snprintf(text, SETTING_TEXT, "%.9g,%.9g,%.9g", x[0], x[1], x[2]);
}

static void format_resize(const struct preprocess *p, char text[SETTING_TEXT])
{
	if (p->resize == RESIZE_STRETCH)
		snprintf(text, SETTING_TEXT, "stretch");
	else if (p->resize == RESIZE_PAD)
		snprintf(text, SETTING_TEXT, "pad:%s,%.9g", p->pad_center ? "center" : "left",
			 p->pad_value);
	else if (p->short_side)
		snprintf(text, SETTING_TEXT, "crop:%d", p->short_side);
	else if (p->crop_height)
		snprintf(text, SETTING_TEXT, "crop:%dx%d", p->crop_height, p->crop_width);
	else
		snprintf(text, SETTING_TEXT, "crop");
}

const char *preprocess_format(const struct preprocess *p, enum setting setting,
			      char text[SETTING_TEXT])
{
	switch (setting) {
	case SETTING_SIZE:
		snprintf(text, SETTING_TEXT, "%dx%d", p->height, p->width);
		break;
	case SETTING_RESIZE:
		format_resize(p, text);
		break;
	case SETTING_RESAMPLE:
		snprintf(text, SETTING_TEXT, "%s", resample_name(p->resample));
		break;
	case SETTING_CHANNELS:
		snprintf(text, SETTING_TEXT, "%s", order_names[p->order]);
		break;
	case SETTING_LAYOUT:
		snprintf(text, SETTING_TEXT, "%s", layout_names[p->layout]);
		break;
	case SETTING_RANGE:
		snprintf(text, SETTING_TEXT, "%.9g-%.9g", p->lo, p->hi);
		break;
	case SETTING_MEAN:
		format_numbers(p->mean, p->mean_count, text);
		break;
	case SETTING_STD:
		format_numbers(p->std, p->std_count, text);
		break;
	case SETTING_COUNT:
		break;
	}
	return text;
}

/* A setting that the model fixes: an option must agree, a file's is replaced. */
static enum status settle(struct preprocess *p, enum setting setting, const char *text,
			  const char *name, struct error *err)
{
	struct preprocess fixed = *p;
	char has[SETTING_TEXT], needs[SETTING_TEXT];
	if (!settings[setting].set(&fixed, text))
		return fail(err, ERR_UNSUPPORTED, "input '%s' takes no images: %s %s", name,
			    settings[setting].name, text);
	preprocess_format(p, setting, has);
	preprocess_format(&fixed, setting, needs);
	if (p->source[setting] == FROM_OPTION && strcmp(has, needs))
		return fail(err, ERR_USAGE, "%s %s does not fit input '%s', which takes %s",
			    settings[setting].name, has, name, needs);
	fixed.source[setting] = p->source[setting] == FROM_OPTION ? FROM_OPTION : FROM_MODEL;
	*p = fixed;
	return OK;
}

/* Where the axes of the shape are: 0 for one that it does not have. */
struct axes {
	int channels, height, width;
};

static enum status find_axes(struct preprocess *p, const char *name, const struct shape *shape,
			     struct axes *out, struct error *err)
{
	*out = (struct axes){ 0 };
	if (shape->rank == 2)
		return OK;
	if (shape->rank == 3) {
		*out = (struct axes){ 0, 1, 2 };
		return OK;
	}
	if (shape->rank != 4) {
		char text[SHAPE_TEXT];
		return fail(err, ERR_UNSUPPORTED, "input '%s' of shape %s takes no images", name,
			    shape_format(shape, text));
	}
	int64_t first = shape->dim[1], last = shape->dim[3];
	if (p->layout == LAYOUT_AUTO) {
		bool nhwc = first != 1 && first != 3 && (last == 1 || last == 3);
		p->layout = nhwc ? LAYOUT_NHWC : LAYOUT_NCHW;
		p->source[SETTING_LAYOUT] = FROM_MODEL;
	}
	*out = p->layout == LAYOUT_NHWC ? (struct axes){ 3, 1, 2 } : (struct axes){ 1, 2, 3 };
	return OK;
}

static enum status bind_size(struct preprocess *p, const char *name, const struct shape *shape,
			     const struct axes *axes, struct error *err)
{
	int64_t h = axes->height ? shape->dim[axes->height] : DIM_UNKNOWN;
	int64_t w = axes->width ? shape->dim[axes->width] : DIM_UNKNOWN;
	int height = p->height, width = p->width;
	if (h < 0)
		h = height;
	if (w < 0)
		w = width;
	if (!h || !w)
		return fail(err, ERR_USAGE,
			    "input '%s' has no fixed height and width; give --image-size HxW",
			    name);
	if (axes->height && (shape->dim[axes->height] >= 0 || shape->dim[axes->width] >= 0)) {
		char text[64];
		snprintf(text, sizeof text, "%lldx%lld", (long long)h, (long long)w);
		TRY(settle(p, SETTING_SIZE, text, name, err));
	}
	/* A file's crop belongs to the file's size. */
	if (p->source[SETTING_RESIZE] == FROM_FILE && (p->height != height || p->width != width))
		p->short_side = p->crop_height = p->crop_width = 0;
	return OK;
}

static enum status bind_channels(struct preprocess *p, const char *name, const struct shape *shape,
				 const struct axes *axes, struct error *err)
{
	int64_t channels = DIM_UNKNOWN;
	if (axes->channels)
		channels = shape->dim[axes->channels];
	else if (shape->rank == 3)
		channels = 1;
	else if (shape->dim[1] >= 0)
		channels = shape->dim[1] % ((int64_t)p->height * p->width)
				   ? 0
				   : shape->dim[1] / ((int64_t)p->height * p->width);
	if (channels == DIM_UNKNOWN)
		channels = p->order == CHANNELS_GREY ? 1 : 3;
	char text[SHAPE_TEXT];
	if (channels != 1 && channels != 3)
		return fail(err, ERR_UNSUPPORTED,
			    "input '%s' of shape %s takes no grey or colour images of %dx%d", name,
			    shape_format(shape, text), p->height, p->width);
	p->channels = (int)channels;
	if (channels == 1)
		TRY(settle(p, SETTING_CHANNELS, "grey", name, err));
	else if (p->order == CHANNELS_AUTO)
		TRY(settle(p, SETTING_CHANNELS, "rgb", name, err));
	if ((p->mean_count == 3 || p->std_count == 3) && channels == 1)
		return fail(err, ERR_USAGE, "input '%s' has one channel, mean or std three numbers",
			    name);
	return OK;
}

/* The element for x in the model's type. */
static void set_element(enum dtype dtype, uint8_t element[8], double x)
{
	struct tensor t = { dtype, SHAPE_SCALAR, element };
	tensor_set(&t, 0, x);
}

static void make_table(struct preprocess *p)
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

enum status preprocess_bind(struct preprocess *p, const char *name, enum dtype dtype,
			    const struct shape *shape, struct error *err)
{
	struct axes axes;
	if (!dtype_is_trainable(dtype) && (!dtype_is_integer(dtype) || dtype_bits(dtype) < 8))
		return fail(err, ERR_UNSUPPORTED, "input '%s' of type %s takes no images", name,
			    dtype_name(dtype));
	TRY(find_axes(p, name, shape, &axes, err));
	TRY(bind_size(p, name, shape, &axes, err));
	TRY(bind_channels(p, name, shape, &axes, err));
	p->dtype = dtype;
	if (shape->rank == 2)
		p->sample = SHAPE((int64_t)p->channels * p->height * p->width);
	else if (shape->rank == 3)
		p->sample = SHAPE(p->height, p->width);
	else if (p->layout == LAYOUT_NHWC)
		p->sample = SHAPE(p->height, p->width, p->channels);
	else
		p->sample = SHAPE(p->channels, p->height, p->width);
	if (p->layout == LAYOUT_AUTO)
		p->layout = LAYOUT_NCHW;
	make_table(p);
	return OK;
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

static enum status crop(const struct image *image, int top, int left, int height, int width,
			struct image *out, struct error *err)
{
	void *pixels;
	size_t channels = (size_t)image->channels, row = (size_t)width * channels;
	TRY(mem_try_alloc((size_t)height * row, &pixels, err));
	for (int y = 0; y < height; y++)
		memcpy((uint8_t *)pixels + (size_t)y * row,
		       image->pixels +
			       ((size_t)(top + y) * (size_t)image->width + (size_t)left) * channels,
		       row);
	*out = (struct image){ width, height, image->channels, pixels };
	return OK;
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
		TRY(replace(image, crop(image, top, left, rows, columns, &made, err), &made));
	return OK;
}

enum status preprocess_decode(const struct preprocess *p, const uint8_t *data, size_t size,
			      struct picture *out, struct error *err)
{
	struct picture picture = { 0 };
	int channels = p->order == CHANNELS_GREY ? 1 : 3;
	TRY(image_decode(data, size, channels, &picture.image, err));
	enum status status = fit(p, &picture, err);
	if (status == OK)
		*out = picture;
	else
		image_release(&picture.image);
	return status;
}

/*
 * out[y * rows + x * columns] = table[pixel] over the picture, pad around it; strides in elements.
 * Inlined with a constant element size.
 */
static inline __attribute__((always_inline)) void
write_plane(const struct preprocess *p, const struct picture *picture, int c, uint8_t *out,
	    size_t rows, size_t columns, size_t element)
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
