#!/usr/bin/env python3
"""ONNX Runtime Training's side of the benchmark: it trains the models that peers.py has exported.

    ort.py export FOLDER [NAME...]           FOLDER/NAME/ort/{training_model.onnx,eval_model.onnx,...}
    ort.py train FOLDER/NAME --steps N ...   one line of JSON per step into --log

Its last release, 1.19.2, with numpy below 2 and a PyTorch of its time, which onnxruntime.training imports:

    python3 -m venv ort && ort/bin/pip install onnxruntime-training==1.19.2 onnx==1.16.2 'numpy<2' 'torch<2.3'

Training is in float32, whole batches in the order of the file, by plain SGD: it has no momentum, so its steps do
less than those of the others. The gradient of BatchNormalization with the statistics of the file is missing; it is
written as the multiplication and addition per channel that it is, both trained. What cannot be exported is told,
and its folder is removed.
"""
import argparse
import json
import pathlib
import shutil
import sys
import time

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rows import SIZES


def weights_of(graph):
    """The float initializers that are trained: weights, not the constants of arithmetic."""
    return [i.name for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT and len(i.dims) and
            np.prod(i.dims) > 1]


def constants_to_initializers(graph):
    for node in [n for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]:
        tensor = onnx.TensorProto()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
        graph.node.remove(node)


def write_out_batch_norm(graph):
    """y = (x - mean) * scale / sqrt(var + epsilon) + bias as x * s + b, along axis 1."""
    known = {i.name: i for i in graph.initializer}
    axes = {}
    nodes = []
    for n in graph.node:
        if n.op_type != "BatchNormalization":
            nodes.append(n)
            continue
        scale, bias, mean, var = (numpy_helper.to_array(known[name]) for name in n.input[1:5])
        epsilon = next((a.f for a in n.attribute if a.name == "epsilon"), 1e-5)
        s = scale / np.sqrt(var + epsilon)
        for name, value in ((n.output[0] + ".s", s), (n.output[0] + ".b", bias - mean * s)):
            graph.initializer.append(numpy_helper.from_array(value.reshape(-1, 1, 1).astype(np.float32), name))
        nodes += [helper.make_node("Mul", [n.input[0], n.output[0] + ".s"], [n.output[0] + ".x"]),
                  helper.make_node("Add", [n.output[0] + ".x", n.output[0] + ".b"], [n.output[0]])]
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for n in graph.node for name in n.input}
    for tensor in [i for i in graph.initializer if i.name not in used]:
        graph.initializer.remove(tensor)


def ask_for_statistics(graph):
    """LayerNormalization must give the statistics that its gradient reads."""
    for n in graph.node:
        if n.op_type == "LayerNormalization":
            n.output.extend(n.output[0] + more for more in (".mean", ".inv_std_dev")[len(n.output) - 1:])


def fix_shapes(graph, shape, batch):
    """The batch that is measured instead of free dimensions."""
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, (batch,) + shape):
            dim.dim_value = size
    for value in graph.output:
        value.type.tensor_type.shape.dim[0].dim_value = batch


def cut_softmax(graph):
    """The logits become the output, where the model ends in Softmax."""
    made = {n.output[0]: n for n in graph.node}
    node = made[graph.output[0].name]
    while node.op_type in ("Identity", "Softmax"):
        graph.node.remove(node)
        graph.output[0].name = node.input[0]
        node = made[node.input[0]]


def export(args):
    from onnxruntime.training import artifacts
    for name in args.names or SIZES["cpu"]:
        shape, batch, _, _ = SIZES["cpu"][name]
        folder = args.folder / name
        out = folder / "ort"
        shutil.rmtree(out, ignore_errors=True)
        if not (folder / "model.onnx").exists():
            continue
        out.mkdir()
        try:
            model = onnx.load(folder / "model.onnx")
            constants_to_initializers(model.graph)
            trained = weights_of(model.graph)
            write_out_batch_norm(model.graph)
            trained = [n for n in weights_of(model.graph) if n in trained or n.endswith((".s", ".b"))]
            ask_for_statistics(model.graph)
            cut_softmax(model.graph)
            fix_shapes(model.graph, shape, batch)
            model = onnx.shape_inference.infer_shapes(model)
            artifacts.generate_artifacts(model, requires_grad=trained, loss=artifacts.LossType.CrossEntropyLoss,
                                         optimizer=artifacts.OptimType.SGD, artifact_directory=str(out))
            print(f"{name}: {len(trained)} tensors are trained")
        except Exception as problem:
            shutil.rmtree(out)
            print(f"{name}: {str(problem).splitlines()[0]}", file=sys.stderr)


def train(args):
    import onnxruntime as ort
    from onnxruntime.training import api
    _, batch, batches, _ = SIZES["cpu"][args.folder.name]
    out = args.folder / "ort"
    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    state = api.CheckpointState.load_checkpoint(str(out / "checkpoint"))
    module = api.Module(str(out / "training_model.onnx"), state, str(out / "eval_model.onnx"), "cpu", options)
    optimizer = api.Optimizer(str(out / "optimizer_model.onnx"), module)
    optimizer.set_learning_rate(0.001)
    data = np.load(args.folder / "data" / "train.npz")
    data = {key: data[key] for key in data}
    labels = data.pop("labels")
    data = [data[name] for name in module.input_names() if name in data]
    module.train()
    with open(args.log, "w") as log:
        before = time.perf_counter()
        for step in range(args.steps):
            part = slice(step % batches * batch, (step % batches + 1) * batch)
            loss = module(*[x[part] for x in data], labels[part])
            optimizer.step()
            module.lazy_reset_grad()
            now = time.perf_counter()
            line = {"step": step + 1, "loss": float(loss), "samples_per_second": batch / (now - before)}
            before = now
            print(json.dumps(line), file=log, flush=True)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("export")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SIZES["cpu"]))
    p.set_defaults(run=export)
    p = commands.add_parser("train")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--log", default="/dev/stdout")
    p.set_defaults(run=train)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
