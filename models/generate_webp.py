#!/usr/bin/env python3
"""Makes the WebP pictures of tests/data/webp and what Pillow makes of them (reference.npz).

Pillow 13.0.0, NumPy 2. The pictures are synthetic. Run from the top of the source tree.
"""
import pathlib

import numpy as np
from PIL import Image

from generate_images import photo

OUT = pathlib.Path("tests/data/webp")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rgb = photo()
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray((np.arange(1200) % 256).astype(np.uint8).reshape(30, 40)))
    rgb.save(OUT / "lossless.webp", lossless=True)
    rgb.save(OUT / "lossy.webp", quality=80)
    rgba.save(OUT / "alpha.webp", lossless=True, exact=True)
    rgba.save(OUT / "lossyalpha.webp", quality=70)
    rgb.convert("L").save(OUT / "grey.webp", lossless=True)
    images = {}
    for path in sorted(OUT.glob("*.webp")):
        for mode, n in ("RGB", 3), ("L", 1):
            images[f"{path.name}:{n}"] = np.asarray(Image.open(path).convert(mode))
    np.savez_compressed(OUT / "reference.npz", **images)
    rgb.save(OUT / "animated.webp", save_all=True, append_images=[rgb.rotate(90)], lossless=True)


if __name__ == "__main__":
    main()
