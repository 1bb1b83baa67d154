"""Gives the reference models other classifiers and reads the result with onnx and onnxruntime.

Run by hand: make conformance PYTHON=... (models/requirements.txt; ONNXTUNE names the program). For
each classifier of models/, with fewer and with more classes, and with a head on the value that its
own classifier reads:

- onnx.checker accepts the tuned file, with the shapes that it declares;
- the class names are a Python literal in its metadata, and `onnxtune evaluate` finds them again;
- onnxruntime computes from it what `onnxtune run` does, to rounding.
"""

import ast
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.path.abspath(os.environ.get("ONNXTUNE", "onnxtune"))
MODELS = ["lenet", "lenet_fixed", "mlp", "mlp_fp16", "resnet_frozen", "vit", "vit_dynamo", "vit_opset13"]


def run(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def classifier_input(path):
    """The value that the last Gemm reads."""
    return [n for n in onnx.load(path).graph.node if n.op_type == "Gemm"][-1].input[0]


def check(folder, name, classes, *options):
    source = ROOT / "models" / name / "model.onnx"
    x = np.load(ROOT / "models" / name / "data.npz")["x"]
    labels = np.arange(2 * len(x)) % classes
    names = [f"it's {i}" for i in range(classes)]
    (folder / "names").write_text("\n".join(names) + "\n")
    np.savez(folder / "data.npz", x=np.concatenate([x, x]), labels=labels)
    out = folder / "out.onnx"
    run(source, folder / "data.npz", "--steps", 3, "-f", "-o", out, "--labels", folder / "names", *options)

    model = onnx.load(out)
    onnx.checker.check_model(model, full_check=True)
    stored = ast.literal_eval({p.key: p.value for p in model.metadata_props}["names"])
    assert stored == dict(enumerate(names)), stored
    report = json.loads(run("evaluate", out, folder / "data.npz", "--json"))
    assert report["evaluation"]["classes"] == names, report["evaluation"]["classes"]

    session = onnxruntime.InferenceSession(str(out))
    put = session.get_inputs()[0]
    x = x[: put.shape[0] if isinstance(put.shape[0], int) else len(x)]
    x = x.astype(np.float16 if "float16" in put.type else np.float32)
    theirs = session.run(None, {put.name: x})[0]
    np.savez(folder / "in.npz", **{put.name: x})
    run("run", out, folder / "in.npz", "-f", "-o", folder / "ours.npz")
    ours = np.load(folder / "ours.npz")[session.get_outputs()[0].name]
    assert session.get_outputs()[0].shape[-1] == classes and theirs.shape == (len(x), classes)
    error = np.abs(ours.astype(float) - theirs.astype(float)).max()
    assert error <= (5e-3 if theirs.dtype == np.float16 else 2e-5), error
    print(f"{name}, {classes} classes {' '.join(map(str, options))}: {error:.1e}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            for classes in (3, 23):
                check(pathlib.Path(folder), name, classes)
            value = classifier_input(ROOT / "models" / name / "model.onnx")
            check(pathlib.Path(folder), name, 6, "--head-on", value)


if __name__ == "__main__":
    sys.exit(main())
