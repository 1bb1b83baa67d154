#!/usr/bin/env python3
"""What onnxtune writes, as onnx and onnxruntime see it: check_written.py ONNXTUNE [MODEL...]

Each model of models/ is tuned for a few steps. The new file must pass onnx's checker and differ from
the old one in the content of float tensors only; onnxruntime must compute from it what `onnxtune run`
does; without a step the file must be the same to the byte. Versions: models/requirements.txt.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).parent.parent.parent
# Outputs relative to the largest one: rounding of the type, a few times.
TOLERANCE = {"float16": 5e-3, "float32": 2e-5, "float64": 1e-12}
TYPES = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64"}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command[:3]))}: status {done.returncode}: {done.stderr.strip()}")


def tensors(message):
    """The weights: initializers, and the values of Constant nodes."""
    for t in message.graph.initializer:
        yield t
    for node in message.graph.node:
        for a in node.attribute:
            if node.op_type == "Constant" and a.type == a.TENSOR:
                yield a.t
            elif node.op_type == "Constant" and a.type == a.FLOATS:
                yield a


def skeleton(path):
    """The model without the content of its float weights, and that content."""
    model = onnx.load(path, load_external_data=False)
    contents = []
    for t in tensors(model):
        if isinstance(t, onnx.AttributeProto):
            contents.append(list(t.floats))
            t.floats[:] = [0] * len(t.floats)
            continue
        if t.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16):
            continue
        contents.append(t.SerializeToString())
        form = [f.name for f, _ in t.ListFields() if f.name.endswith("_data") or f.name == "external_data"]
        size = onnx.numpy_helper.to_array(t).shape if "external_data" not in form else ()
        for name in form:
            t.ClearField(name)
        t.doc_string += f" {form} {size}"
    return model.SerializeToString(deterministic=True), contents


def data_of(path, session):
    """The reference data that belongs to the model, as a model of its type reads it."""
    folder = path.parent if (path.parent / "data.npz").exists() else path.parent.parent
    dtype = TYPES[session.get_inputs()[0].type]
    data = np.load(folder / "data.npz")
    return data["x"].astype(dtype), data["labels"], dtype


def check(program, path, scratch):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x, labels, dtype = data_of(path, session)
    batch = session.get_inputs()[0].shape[0]
    n = batch if isinstance(batch, int) else 8
    np.savez(scratch / "data.npz", x=x, labels=labels)
    np.savez(scratch / "inputs.npz", x=x[:n])
    for steps in (0, 5):
        out = scratch / str(steps) / path.name
        out.parent.mkdir(exist_ok=True)
        run(program, "tune", path, scratch / "data.npz", "--validation", scratch / "data.npz", "-o", out, "--force",
            "--quiet", "--steps", steps, "--batch-size", 8, "--lr", 0.01, "--precision", "fp32")
        if steps == 0:
            assert out.read_bytes() == path.read_bytes(), "the file changes without a step"
            continue
        onnx.checker.check_model(str(out))
        before, after = skeleton(path), skeleton(out)
        assert before[0] == after[0], "something else than weights changed"
        assert before[1] != after[1], "no weight changed"
        run(program, "run", out, scratch / "inputs.npz", "-o", scratch / "outputs.npz", "--force")
        session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        ours = np.load(scratch / "outputs.npz")
        for name, theirs in zip(names, session.run(names, {"x": x[:n]})):
            deviation = np.abs(ours[name].astype(np.float64) - theirs).max() / np.abs(theirs).max()
            assert deviation <= TOLERANCE[dtype], f"output {name} deviates by {deviation:.1e} from onnxruntime"


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    models = [pathlib.Path(p) for p in sys.argv[2:]] or sorted(
        [*ROOT.glob("models/*/model.onnx"), *ROOT.glob("models/*/variants/*.onnx")])
    failed = 0
    for path in models:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                check(program, path, pathlib.Path(scratch))
                print(f"ok - {path}")
            except AssertionError as e:
                failed += 1
                print(f"not ok - {path}: {e}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
