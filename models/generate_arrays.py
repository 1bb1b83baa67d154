#!/usr/bin/env python3
"""Makes the NumPy files of tests/data/arrays: the same numbers in all forms that are read.

NumPy 2. Element i of every array is i modulo 2 for bool, i - 3 for signed types and floats (with
0.5 added for floats), and i for unsigned ones, in row-major order. Run from the top of the source
tree.
"""
import pathlib

import numpy as np
from numpy.lib import format

OUT = pathlib.Path("tests/data/arrays")
TYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


def numbers(dtype, shape=(2, 3, 4)):
    i = np.arange(int(np.prod(shape)))
    if dtype == "bool":
        i = i % 2
    elif dtype.startswith("float"):
        i = i - 3 + 0.5
    elif dtype.startswith("int"):
        i = i - 3
    return i.astype(dtype).reshape(shape)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for t in TYPES:
        a = numbers(t)
        arrays[t] = a
        arrays[t + " fortran"] = np.asfortranarray(a)
        arrays[t + " swapped"] = a.astype(a.dtype.newbyteorder(">"))
        arrays[t + " both"] = np.asfortranarray(arrays[t + " swapped"])
    arrays["float32 scalar"] = numbers("float32", ())
    arrays["float32 vector"] = numbers("float32", (5,))
    arrays["float32 empty"] = numbers("float32", (0, 7))
    np.savez(OUT / "stored.npz", **arrays)
    np.savez_compressed(OUT / "deflated.npz", **arrays)
    for version in (1, 0), (2, 0), (3, 0):
        with open(OUT / f"version{version[0]}.npy", "wb") as f:
            format.write_array(f, numbers("float32"), version)
    np.save(OUT / "text.npy", np.array(["a", "bc"]))


if __name__ == "__main__":
    main()
