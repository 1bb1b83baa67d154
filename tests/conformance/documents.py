"""Validates the program's JSON documents against docs/schema.json with the package jsonschema, and
the differences of --compare with numpy.

Run by hand: make conformance PYTHON=... (jsonschema 4.26, onnxruntime; ONNXTUNE names the program).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jsonschema
import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.path.abspath(os.environ.get("ONNXTUNE", "onnxtune"))
MODELS = ROOT / "models"
SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(SCHEMA)
validator = jsonschema.Draft202012Validator(SCHEMA)

failures = 0


def document(*words):
    global failures
    done = subprocess.run([PROGRAM, *map(str, words), "--json", "-q"], stdout=subprocess.PIPE, check=True)
    result = json.loads(done.stdout)
    for error in validator.iter_errors(result):
        failures += 1
        print(f"FAILED: {words[0]} {words[1]}: {error.json_path}: {error.message}")
    return result


def outputs(model, data):
    session = onnxruntime.InferenceSession(model)
    return session.run(None, {i.name: data[i.name] for i in session.get_inputs()})[0].astype(np.float64)


with tempfile.TemporaryDirectory() as folder:
    tuned = pathlib.Path(folder) / "tuned.onnx"
    for name in ["mlp", "mlp_bce", "mlp_mse", "lenet"]:
        model, data = MODELS / name / "model.onnx", MODELS / name / "data.npz"
        document("tune", model, data, "--steps", "3", "-f", "-o", tuned)
        document("inspect", model)
        document("gradcheck", model)
        compare = document("evaluate", tuned, data, "--compare", model, "--atol", "1e9")["compare"]["outputs"]
        arrays = np.load(data)
        a, b = outputs(tuned, arrays), outputs(model, arrays)
        for key, want in [("max_absolute", np.abs(a - b).max()), ("max_relative", (np.abs(a - b) / np.abs(b)).max())]:
            if not np.isclose(compare[key], want, rtol=1e-3):
                failures += 1
                print(f"FAILED: {name}: {key} is {compare[key]}, not {want}")

print(f"documents: {failures} failures")
sys.exit(bool(failures))
