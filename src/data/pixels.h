/*
 * pixels.h - changes of pictures that keep their size: geometry and colours, for augmentation.
 *
 * All work in place on 8-bit grey or RGB and have no randomness: parameters say all. Results are
 * those of torchvision's functions on Pillow images (named below), with nearest neighbours and black
 * where nothing was. Source: documentation and behaviour of torchvision 0.29 and Pillow 13.
 */
#ifndef ONNXTUNE_DATA_PIXELS_H
#define ONNXTUNE_DATA_PIXELS_H

#include "data/image.h"

void pixels_flip_horizontal(struct image *image); /* F.hflip */
void pixels_flip_vertical(struct image *image);   /* F.vflip */

/* Counterclockwise around the centre, in degrees: F.rotate. ERR_MEMORY, as for the next. */
enum status MUST_CHECK pixels_rotate(struct image *image, double degrees, struct error *err);

/*
 * Each pixel (x, y) becomes that of the place (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]),
 * counted from the corner of the picture: Image.transform(size, AFFINE, m).
 */
enum status MUST_CHECK pixels_affine(struct image *image, const double m[6], struct error *err);

/* Factors: 1 changes nothing, 0 leaves black, the mean grey, greys, or the blurred picture. */
void pixels_brightness(struct image *image, double factor); /* F.adjust_brightness */
void pixels_contrast(struct image *image, double factor);   /* F.adjust_contrast */
void pixels_saturation(struct image *image, double factor); /* F.adjust_saturation */
enum status MUST_CHECK pixels_sharpness(struct image *image, double factor,
					struct error *err); /* F.adjust_sharpness */

/* Turns the hue by a share of the circle, -0.5 to 0.5: F.adjust_hue. Greys stay. */
void pixels_hue(struct image *image, double shift);

void pixels_posterize(struct image *image, int bits);        /* F.posterize, 0 to 8 bits */
void pixels_solarize(struct image *image, double threshold); /* F.solarize */
void pixels_autocontrast(struct image *image);               /* F.autocontrast */
void pixels_equalize(struct image *image);                   /* F.equalize */

#endif
