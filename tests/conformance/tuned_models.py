"""Tunes every bundled model with the program and reads the result with onnx and onnxruntime.

Run by hand: make conformance PYTHON=... (models/requirements.txt; ONNXTUNE names the program). For
each model, tuned in float32 and in float16:

- onnx.checker accepts the tuned file;
- it is the original but for the elements of some float tensors, as the onnx package reads both;
- onnxruntime computes from it what `onnxtune run` does, to rounding, and counts as many right
  answers as `onnxtune evaluate`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.path.abspath(os.environ.get("ONNXTUNE", "onnxtune"))
DEMO = ROOT / "data" / "demo"
PICTURES = ["--image-size", "48x192", "--resize", "pad:left", "--channels", "grey", "--mean", "0.5",
            "--std", "0.5"]
# What the output may deviate, relative to its largest element: some rounding errors of the type.
TOLERANCE = {"float16": 5e-3, "float32": 1e-5, "float64": 1e-12}

failures = []


def expect(good, model, text):
    if not good:
        failures.append(f"{model}: {text}")
        print(f"FAILED: {failures[-1]}")


def onnxtune(*words):
    result = subprocess.run([PROGRAM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
    if result.returncode:
        raise RuntimeError(f"onnxtune {' '.join(map(str, words))}: {result.stderr}")
    return result.stdout


def tensors(model):
    """All tensors of a loaded model that training may change, by name: (holder, array)."""
    for t in model.graph.initializer:
        yield t.name, t, numpy_helper.to_array(t)
    for node in model.graph.node:
        for a in node.attribute:
            if node.op_type == "Constant" and a.type == onnx.AttributeProto.TENSOR:
                yield node.output[0], a.t, numpy_helper.to_array(a.t)
            elif node.op_type == "Constant" and a.type == onnx.AttributeProto.FLOATS:
                yield node.output[0], a, np.array(a.floats, np.float32)


def compare_files(name, original, tuned):
    """The tuned model is the original with other elements in some float tensors; how many."""
    a, b = onnx.load(original), onnx.load(tuned)
    changed = 0
    pairs = list(zip(tensors(a), tensors(b)))
    for (key, x, old), (other, y, new) in pairs:
        expect(key == other and old.dtype == new.dtype and old.shape == new.shape, name, f"{key} has moved")
        if old.tobytes() == new.tobytes():
            continue
        expect(old.dtype.kind == "f", name, f"{key} has changed")
        expect(bool(np.isfinite(new).all()), name, f"{key} is not finite")
        changed += 1
        y.CopyFrom(x)
    expect(changed > 0, name, "nothing was trained")
    expect(a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True), name,
           "more than elements of tensors has changed")
    return changed


def run_both(name, model, inputs, batch, folder):
    """Outputs of onnxruntime; those of `onnxtune run` agree."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    kind = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
            "tensor(int64)": np.int64}
    inputs = inputs.astype(kind[session.get_inputs()[0].type])
    key = session.get_inputs()[0].name
    expected, got = [], []
    for i in range(0, len(inputs), batch):
        part = inputs[i:i + batch]
        expected.append(session.run(None, {key: part})[0])
        np.savez(folder / "inputs.npz", **{key: part})
        onnxtune("run", model, folder / "inputs.npz", "-o", folder / "outputs.npz", "--force")
        got.append(np.load(folder / "outputs.npz")[session.get_outputs()[0].name])
    expected, got = np.concatenate(expected), np.concatenate(got)
    expect(expected.dtype == got.dtype and expected.shape == got.shape, name, "outputs of another type")
    worst = float(np.abs(expected.astype("f8") - got.astype("f8")).max() / np.abs(expected).max())
    expect(worst <= TOLERANCE[expected.dtype.name], name, f"outputs deviate by {worst:.1e}")
    return expected, worst


def check(model, data, precision, options, inputs, labels=None, batch=64, classes=True):
    name = f"{model.relative_to(ROOT)} {precision}"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tuned = folder / "tuned.onnx"
        onnxtune(model, data, "-o", tuned, "--precision", precision, *options)
        onnx.checker.check_model(str(tuned), full_check=True)
        changed = compare_files(name, model, tuned)
        y, worst = run_both(name, tuned, inputs, batch, folder)
        line = f"{name}: {changed} tensors changed, outputs deviate by {worst:.1e}"
        if classes:
            report = json.loads(onnxtune("evaluate", tuned, data, "--json"))
            accuracy = float((y.reshape(len(y), -1).argmax(1) == labels).mean())
            ours = report["evaluation"]["report"]["accuracy"]
            expect(abs(ours - accuracy) < 1e-6, name, f"accuracy {ours}, onnxruntime's {accuracy}")
            line += f", accuracy {accuracy:.4f}"
        print(line)


def small_models(folder):
    """(model, data folder, inputs, labels) of models/."""
    for model in sorted(ROOT.glob("models/*/*.onnx")) + sorted(ROOT.glob("models/*/variants/*.onnx")):
        source = model.parent if (model.parent / "data.npz").exists() else model.parent.parent
        data = folder / source.name
        data.mkdir(exist_ok=True)
        shutil.copy(source / "data.npz", data / "train.npz")
        shutil.copy(source / "data.npz", data / "val.npz")
        arrays = np.load(source / "data.npz")
        yield model, data, arrays["x"], arrays["labels"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for model, data, x, labels in small_models(folder):
            options = ["--steps", "12", "-b", "8"]
            if model.parent.name == "resnet_train":
                options += ["--batch-norm", "train"]
            for precision in ("fp32", "fp16"):
                check(model, data, precision, options, x, labels,
                      batch=4 if model.parent.name == "lenet_fixed" else 8, classes=labels.ndim == 1)
        digits = np.load(DEMO / "digits16" / "test.npz")
        for model in ("ccexam_usps.onnx", "ccexam_usps_bn.onnx"):
            check(DEMO / model, DEMO / "digits16", "fp32", ["--steps", "20"], digits["input"], digits["labels"])
        with tarfile.open(DEMO / "orient-scripts.tar") as tar:
            tar.extractall(folder, filter="data")
        noise = np.random.default_rng(0).standard_normal((8, 3, 48, 192))
        check(DEMO / "ppocr_cls.onnx", folder / "orient-scripts", "fp32", ["--steps", "5", *PICTURES],
              noise, batch=4, classes=False)
    print(f"{len(failures)} failures" if failures else "all agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
