#!/usr/bin/env python3
"""What torchvision makes of the picture tests/data/images/rgb.png (tests/data/augment/reference.npz).

Each array is named "FUNCTION:PARAMETERS:CHANNELS". torchvision 0.29.2, Pillow 13.0.0, NumPy 2. Run
from the top of the source tree.
"""
import math
import pathlib

import numpy as np
from PIL import Image
from torchvision.transforms import functional as F

OUT = pathlib.Path("tests/data/augment")
NEAREST = F.InterpolationMode.NEAREST


def affine(image, **k):
    k = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **k}
    return F.affine(image, interpolation=NEAREST, fill=0, **k)


FUNCTIONS = {
    "hflip": (lambda i: F.hflip(i), [()]),
    "vflip": (lambda i: F.vflip(i), [()]),
    "rotate": (lambda i, a: F.rotate(i, a, interpolation=NEAREST, fill=0),
               [(10,), (-33.5,), (90.5,), (179,)]),
    "shear_x": (lambda i, m: affine(i, shear=[math.degrees(math.atan(m)), 0.0], center=[0, 0]),
                [(0.3,), (-0.13,)]),
    "shear_y": (lambda i, m: affine(i, shear=[0.0, math.degrees(math.atan(m))], center=[0, 0]),
                [(0.3,), (-0.13,)]),
    "translate_x": (lambda i, m: affine(i, translate=[int(m), 0]), [(7.9,), (-5.5,)]),
    "translate_y": (lambda i, m: affine(i, translate=[0, int(m)]), [(7.9,), (-5.5,)]),
    "brightness": (F.adjust_brightness, [(0.25,), (1.0,), (1.7,)]),
    "contrast": (F.adjust_contrast, [(0.0,), (0.25,), (1.7,)]),
    "saturation": (F.adjust_saturation, [(0.0,), (0.25,), (1.7,)]),
    "sharpness": (F.adjust_sharpness, [(0.0,), (0.25,), (1.9,)]),
    "hue": (F.adjust_hue, [(0.1,), (-0.37,), (0.5,)]),
    "posterize": (F.posterize, [(4,), (7,)]),
    "solarize": (F.solarize, [(0.0,), (93.5,), (255.0,)]),
    "autocontrast": (F.autocontrast, [()]),
    "equalize": (F.equalize, [()]),
}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    arrays = {}
    picture = Image.open("tests/data/images/rgb.png")
    for mode in "RGB", "L":
        # Not all of the range, so that autocontrast has something to do.
        image = picture.convert(mode).point(lambda v: 20 + v * 200 // 255)
        arrays[f"picture::{len(image.getbands())}"] = np.asarray(image)
        for name, (call, cases) in FUNCTIONS.items():
            for case in cases:
                key = f"{name}:{','.join(map(str, case))}:{len(image.getbands())}"
                arrays[key] = np.asarray(call(image, *case))
    np.savez_compressed(OUT / "reference.npz", **arrays)


if __name__ == "__main__":
    main()
