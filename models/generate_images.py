#!/usr/bin/env python3
"""Makes the pictures of tests/data/images and what Pillow makes of them (reference.npz).

Pillow 13.0.0, NumPy 2. The pictures are synthetic. Run from the top of the source tree.
"""
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

OUT = pathlib.Path("tests/data/images")
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
SIZES = [(40, 30), (13, 30), (40, 7), (17, 11), (1, 1), (55, 37), (40, 61), (99, 5)]


def photo():
    """40x30: gradients, an edge and some noise, so that every filter has something to do."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:30, 0:40]
    a = np.stack([x * 6, y * 8, (x * y) % 256], axis=2).astype(float)
    a[10:20, 12:25] = 255 - a[10:20, 12:25]
    a += rng.integers(-6, 7, a.shape)
    return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8), "RGB")


def write_interlaced(path, image):
    """Adam7, which Pillow reads but does not write."""
    a = np.asarray(image)
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2)]
    passes.append((1, 2, 0, 1))
    raw = b""
    for y, dy, x, dx in passes:
        raw += b"".join(b"\0" + row.tobytes() for row in a[y::dy, x::dx])
    header = struct.pack(">IIBBBBB", a.shape[1], a.shape[0], 8, 2, 0, 0, 1)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in (b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""):
            crc = zlib.crc32(kind + data)
            f.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc))


def write(images):
    rgb = photo()
    grey = rgb.convert("L")
    alpha = Image.fromarray((np.arange(1200) % 256).astype(np.uint8).reshape(30, 40))
    palette = rgb.quantize(32)
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (100000).to_bytes(4, "big"))  # 1.0: linear light
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned
    deep = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 54
    Image.fromarray(deep).save(OUT / "grey16.png")

    rgb.save(OUT / "rgb.png")
    grey.save(OUT / "grey.png")
    write_interlaced(OUT / "interlaced.png", rgb)
    rgb.save(OUT / "gamma.png", pnginfo=gamma)
    grey.point(lambda v: 255 if v > 100 else 0).convert("1").save(OUT / "bits.png")
    palette.save(OUT / "palette.png", transparency=3)
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    rgba.save(OUT / "rgba.png")
    Image.merge("LA", (grey, alpha)).save(OUT / "greyalpha.png")
    rgb.save(OUT / "rgb.jpg", quality=90)
    rgb.save(OUT / "full.jpg", quality=95, subsampling=0)
    rgb.save(OUT / "progressive.jpg", quality=80, progressive=True)
    grey.save(OUT / "grey.jpg", quality=85)
    rgb.convert("CMYK").save(OUT / "cmyk.jpg", quality=90)
    rgb.save(OUT / "turned.jpg", quality=90, exif=exif)
    for path in sorted(OUT.glob("*.png")) + sorted(OUT.glob("*.jpg")):
        image = Image.open(path)
        for mode in "RGB", "L":
            if path.name == "grey16.png":  # ours keeps the high byte
                v = (deep >> 8).astype(np.uint8)
                v = v if mode == "L" else np.repeat(v[:, :, None], 3, axis=2)
            else:
                v = np.asarray(image.convert(mode))
            images[f"{path.name}:{3 if mode == 'RGB' else 1}"] = v


def resize(images):
    for mode in "RGB", "L":
        image = photo().convert(mode)
        for name, filter in FILTERS.items():
            for w, h in SIZES if mode == "RGB" else SIZES[3:6]:
                # Rows first: Pillow 13 begins with the columns of some tall pictures.
                rows = image.resize((w, image.height), filter)
                images[f"{name}:{w}x{h}:{len(image.getbands())}"] = np.asarray(
                    rows.resize((w, h), filter)
                )


def normalize(a, mean, std, lo=0.0, hi=1.0):
    """ToTensor and Normalize of torchvision, in float32."""
    x = (lo + a.astype(np.float64) * (hi - lo) / 255).astype(np.float32)
    return (x - np.float32(mean)) / np.float32(std)


def preprocess(images):
    rgb, grey = photo(), photo().convert("L")
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    chw = lambda a: np.ascontiguousarray(a.transpose(2, 0, 1))

    a = np.asarray(rgb.resize((24, 16), FILTERS["bilinear"]))
    images["stretch"] = chw(normalize(a, mean, std))
    images["stretch nhwc bgr"] = normalize(a[:, :, ::-1], 0, 1, -1, 1)

    # Resize(20) and CenterCrop of torchvision: 40x30 -> 26x20; halves round to even (2.5, 3.5).
    w, h = int(20 * 40 / 30), 20
    a = np.asarray(rgb.resize((w, h), FILTERS["bicubic"]))
    for name, ch, cw in ("crop", 15, 18), ("crop odd", 13, 19):
        top, left = int(round((h - ch) / 2.0)), int(round((w - cw) / 2.0))
        images[name] = chw(normalize(a[top : top + ch, left : left + cw], mean, std))

    # The smallest size that covers 20x20, its center.
    a = np.asarray(rgb.resize((26, 20), FILTERS["bilinear"]))
    images["cover"] = chw(normalize(a[:, 3:23], mean, std))

    # Height 12, width up to 24, grey to three channels, padded on the right after normalization.
    a = normalize(np.asarray(grey.resize((16, 12), FILTERS["bilinear"])), 0.5, 0.5)
    padded = np.zeros((12, 24), np.float32)
    padded[:, :16] = a
    images["pad"] = np.stack([padded] * 3)
    centered = np.full((12, 25), -1, np.float32)
    centered[:, 4:20] = a
    images["pad center"] = centered[None]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    images = {}
    write(images)
    resize(images)
    preprocess(images)
    np.savez_compressed(OUT / "reference.npz", **images)


if __name__ == "__main__":
    main()
