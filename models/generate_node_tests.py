"""Writes ONNX's tests of operator forms newer than opset 17 to tests/data/node.

Run by hand: python models/generate_node_tests.py (onnx 1.23.2). Older forms are tested with Debian's
libonnx-testdata. The folders are in the form that ONNX's backend tests have.
"""

import pathlib
import re
import shutil
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "node"
LARGEST = 8192  # bytes of a test's files

# What changed after opset 17, and the newest version of forms that got new types only.
WANTED = [
    r"averagepool_2d_(ceil.*|dilations|precomputed.*)",  # 19: dilations
    r"averagepool_3d_dilations_small",
    r"cast_(no_saturate_|e8m0_)?FLOAT(8.*|4E2M1)?_to_.*",  # 19, 21, 23, 25: small types
    r"cast_U?INT[24]_to_(FLOAT|INT8|UINT8)",
    r"constantofshape_float_ones",
    r"(depthtospace|spacetodepth)_.*",  # 28: modes
    r"dropout_default_mask_ratio",
    r"(elu|hardswish|hardsigmoid|selu|softplus|softsign)",
    r"equal_int8",
    r"flatten_negative_axis1",
    r"gelu_.*",  # 20
    r"(gru|lstm|simple_rnn)_(reverse|bidirectional)",
    r"globalaveragepool_precomputed",
    r"group_normalization_.*",  # 21: scale and bias per channel
    r"isinf_float16",  # 20
    r"maxpool_2d_(ceil.*|dilations|uint8)",
    r"onehot_with_negative_axis",
    r"(constant|edge|reflect|wrap)_pad(_axes|_negative_axes)?",  # 18: axes, 19: wrap
    r"range_.*",  # 27: half types
    # 18: axes are an input; 20: booleans
    r"reduce_.*_(do_not_keepdims_random|negative_axes.*_random|bool_inputs|empty_set.*|asc_axes)",
    r"reshape_(allowzero_reordered|zero_and_negative_dim)",
    r"rms_normalization_(2d_axis0|2d_axis_negative_1|default_axis)",  # 23
    r"shape_(start_1|clip_end)",
    r"size",
    r"split_.*(parts|split).*",  # 18: num_outputs
    r"(un)?squeeze(_negative_axes)?",
    r"swish",  # 24
    r"transpose_(default|all_permutations_1)",
    r"basic_conv_with_padding",
]


def to_tensor(value):
    return value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value))


def files_of(case):
    files = {"model.onnx": case.model.SerializeToString()}
    for n, (inputs, outputs) in enumerate(case.data_sets):
        for kind, values in (("input", inputs), ("output", outputs)):
            for k, value in enumerate(values):
                files[f"test_data_set_{n}/{kind}_{k}.pb"] = to_tensor(value).SerializeToString()
    return files


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    tests = total = 0
    for case in collect_testcases(None):
        opset = max((o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")), default=0)
        if opset <= 17 or len(case.model.graph.node) > 1 or "expanded" in case.name:
            continue
        if not any(re.fullmatch("test_" + w, case.name) for w in WANTED):
            continue
        files = files_of(case)
        size = sum(map(len, files.values()))
        if size > LARGEST:
            continue
        suffix = f"_opset{opset}"
        folder = OUT / (case.name if case.name.endswith(suffix) else case.name + suffix)
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        tests, total = tests + 1, total + size
    print(f"{tests} tests, {total} bytes")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
