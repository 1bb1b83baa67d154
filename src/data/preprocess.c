/*
 * preprocess.c - the settings of image inputs: their text forms, where they come from, and what
 * the model's input makes of them (see preprocess.h). Their application is in picture.c.
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
	bool left = !strncmp(text, ":left", 5);
	if (left)
		text += 5;
	else if (!strncmp(text, ":center", 7))
		text += 7;
	if (*text == ',' && (text++, !take_number(&text, &value)))
		return false;
	if (*text)
		return false;
	p->resize = RESIZE_PAD;
	p->pad_center = !left;
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
	preprocess_make_table(p);
	return OK;
}
