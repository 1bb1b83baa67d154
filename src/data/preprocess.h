/*
 * preprocess.h - from an image file to one sample of the model's input.
 *
 * Pixels are decoded (image.h), resized, and turned into numbers:
 *
 *     value = ((lo + pixel * (hi - lo) / 255) - mean[c]) / std[c]
 *
 * with lo and hi the range, and c the model's channel (so mean and std are given in the order
 * that `channels` names). Each setting knows where it came from: a stronger source replaces a
 * weaker one, whatever the order of the calls.
 */
#ifndef ONNXTUNE_DATA_PREPROCESS_H
#define ONNXTUNE_DATA_PREPROCESS_H

#include "data/image.h"
#include "graph/tensor.h"

enum setting {
	/* HxW, or one number for both */
	SETTING_SIZE,
	/*
	 * stretch                    to HxW, whatever the aspect
	 * crop                       the smallest size that covers HxW, then its center
	 * crop:SIDE, crop:HxW        the shorter side to SIDE (or both to HxW), then the center
	 * pad[:left|center][,VALUE]  the largest size that fits into HxW, in the center (default)
	 *                            or at the top left, the rest VALUE (after normalization; 0)
	 */
	SETTING_RESIZE,
	SETTING_RESAMPLE, /* bilinear (default), bicubic, nearest, lanczos, box, hamming */
	SETTING_CHANNELS, /* rgb, bgr, grey (for a model of 3 channels: the same thrice) */
	SETTING_LAYOUT,   /* nchw, nhwc, auto */
	SETTING_RANGE,    /* LO-HI: 0-1 (default), 0-255, -1-1 */
	SETTING_MEAN,     /* one number, or one for each channel, with commas; 0 */
	SETTING_STD,      /* the same; 1 */
	SETTING_COUNT
};

/* From weak to strong. */
enum setting_source { FROM_DEFAULT, FROM_FILE, FROM_MODEL, FROM_OPTION };

enum resize_mode { RESIZE_STRETCH, RESIZE_CROP, RESIZE_PAD };
enum image_layout { LAYOUT_AUTO, LAYOUT_NCHW, LAYOUT_NHWC };
enum channel_order { CHANNELS_AUTO, CHANNELS_RGB, CHANNELS_BGR, CHANNELS_GREY };

struct preprocess {
	int height, width; /* 0 while unknown */
	enum resize_mode resize;
	int short_side;              /* crop:SIDE, or 0 */
	int crop_height, crop_width; /* crop:HxW, or 0 */
	bool pad_center;
	double pad_value;
	enum resample resample;
	enum channel_order order;
	enum image_layout layout;
	double lo, hi;
	double mean[3], std[3];
	int mean_count, std_count; /* numbers given: 1 or 3 */
	enum setting_source source[SETTING_COUNT];

	/* Set by preprocess_bind: */
	int channels; /* of the model: 1 or 3 */
	enum dtype dtype;
	struct shape sample;                 /* without the batch axis */
	uint8_t table[3][256][8], pad[3][8]; /* private: the element of each pixel value */
};

void preprocess_init(struct preprocess *p);

/*
 * Parses a setting as an option writes it (the forms above). ERR_USAGE says what is expected; a
 * value from a weaker source than the setting already has is checked, then dropped.
 */
enum status MUST_CHECK preprocess_set(struct preprocess *p, enum setting setting, const char *text,
				      enum setting_source source, struct error *err);

/* The setting's name ("size", "resize", ...). */
const char *setting_name(enum setting setting);

/*
 * Settles everything for the model's input `name` of this type and shape, whose dims may be
 * unknown: [N,C,H,W], [N,H,W,C], [N,H,W] or, with a known size, [N,C*H*W]. What the model fixes
 * wins over files; ERR_USAGE when an option contradicts it or the size is nowhere given,
 * ERR_UNSUPPORTED when it is no image input (channels other than 1 and 3).
 */
enum status MUST_CHECK preprocess_bind(struct preprocess *p, const char *name, enum dtype dtype,
				       const struct shape *shape, struct error *err);

/* A setting's value as preprocess_set takes it, and where it came from ("default", "model", ...). */
#define SETTING_TEXT 160
const char *preprocess_format(const struct preprocess *p, enum setting setting,
			      char text[SETTING_TEXT]);
const char *setting_source_name(enum setting_source source);

/* A decoded, resized and cropped image and its place in the model's picture. */
struct picture {
	struct image image;
	int top, left;
};

/*
 * The two halves of the work, for a bound preprocess. preprocess_decode does the costly one, from
 * a file's bytes; errors are those of image.h. The picture has the model's size, or with `whole` that
 * of the file, for augmentation. preprocess_write turns its result into the
 * elements of one sample (tensor_size(dtype, sample) bytes). Both may run in any number of
 * threads.
 */
enum status MUST_CHECK preprocess_decode(const struct preprocess *p, const uint8_t *data,
					 size_t size, bool whole, struct picture *out,
					 struct error *err);
/* preprocess_decode for picture `row` of an array, [samples, height, width] or x 3 of uint8. */
enum status MUST_CHECK preprocess_pixels(const struct preprocess *p, const struct tensor *pixels,
					 int64_t row, bool whole, struct picture *out,
					 struct error *err);
void preprocess_write(const struct preprocess *p, const struct picture *picture, void *out);

/* Private, for preprocess_bind: computes `table` and `pad`. */
void preprocess_make_table(struct preprocess *p);

#endif
