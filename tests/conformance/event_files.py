"""Reads the program's event files with TensorBoard and compares them with its --log file.

Run by hand: make conformance PYTHON=... (tensorboard 2.21; ONNXTUNE names the program).
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.path.abspath(os.environ.get("ONNXTUNE", "onnxtune"))
MODEL = ROOT / "models" / "mlp"
EPOCHS, STEPS = 3, 4  # in an epoch: the data has 32 samples

failures = []


def expect(good, text):
    if not good:
        failures.append(text)
        print(f"FAILED: {text}")


with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder)
    document = json.loads(subprocess.run(
        [PROGRAM, MODEL / "model.onnx", MODEL / "data.npz", "--validation", MODEL / "data.npz",
         "-b", "8", "--epochs", str(EPOCHS), "-o", out / "o.onnx", "--log", out / "l.jsonl",
         "--log-dir", out / "events", "--histograms", "--json", "-q"], check=True, stdout=subprocess.PIPE).stdout)
    steps = [json.loads(line) for line in open(out / "l.jsonl")]
    reader = EventAccumulator(str(out / "events"), size_guidance={"scalars": 0, "histograms": 0})
    reader.Reload()

    for field in ["loss", "lr", "loss_scale", "grad_norm", "samples_per_second"]:
        events = reader.Scalars(f"train/{field}")
        expect([e.step for e in events] == [s["step"] for s in steps], f"train/{field}: the steps")
        expect(all(math.isclose(e.value, s[field], rel_tol=1e-6) for e, s in zip(events, steps)),
               f"train/{field}: the values")
    for part, last in [("before", 0), ("after", -1)]:
        report = document[part]["report"]
        for tag, want in [("loss", document[part]["loss"]), ("accuracy", report["accuracy"]),
                          ("macro_f1", report["macro avg"]["f1-score"]),
                          ("weighted_recall", report["weighted avg"]["recall"])]:
            events = reader.Scalars(f"validation/{tag}")
            expect([e.step for e in events] == [STEPS * e for e in range(EPOCHS + 1)], f"validation/{tag}: the steps")
            expect(math.isclose(events[last].value, want, rel_tol=1e-6), f"validation/{tag}: {part}")
    for tensor in onnx.load(out / "o.onnx").graph.initializer:
        x = numpy_helper.to_array(tensor).astype(np.float64).ravel()
        h = reader.Histograms(f"weights/{tensor.name}")[-1].histogram_value
        expect((h.num, h.min, h.max) == (x.size, x.min(), x.max()), f"{tensor.name}: the histogram's bounds")
        expect(np.isclose(h.sum_squares, x @ x, rtol=1e-9), f"{tensor.name}: the histogram's squares")
        edges = [-np.inf] + list(h.bucket_limit)
        expect(list(np.histogram(x, edges)[0]) == list(h.bucket), f"{tensor.name}: the histogram's counts")
        norm = reader.Scalars(f"weight_norm/{tensor.name}")[-1].value
        expect(np.isclose(norm, np.linalg.norm(x), rtol=1e-6), f"{tensor.name}: its norm")
    names = [t[len("grad_norm/"):] for t in reader.Tags()["scalars"] if t.startswith("grad_norm/")]
    last = [reader.Scalars(f"grad_norm/{n}")[-1].value for n in names]
    expect(math.isclose(math.hypot(*last), steps[-1]["grad_norm"], rel_tol=1e-5), "the gradients' norms")

print(f"event files: {len(failures)} failures")
sys.exit(bool(failures))
