#!/usr/bin/env python3
"""PyTorch's side of the benchmark: exports the models that are compared, and trains them.

    peers.py export FOLDER [NAME...] [--demo MODEL.onnx]
                                             FOLDER/NAME/{model.onnx,torch.pt,data/train.npz,data/val.npz}
    peers.py train FOLDER/NAME --steps N ...     one line of JSON per step into --log

Versions: models/requirements.txt. Training is eager, in float32 or under autocast, with the fused SGD, whole
batches in the order of the file.
"""
import argparse
import io
import json
import pathlib
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from nets import NETS

# name: input shape (of an image, or a number of tokens), batch, batches of data, classes
SIZES = {
    "mlp": ((784,), 128, 20, 10),
    "lenet": ((1, 28, 28), 128, 20, 10),
    "resnet18": ((3, 64, 64), 32, 6, 10),
    "demo": ((3, 48, 192), 32, 4, 2),
    "mobilenetv2": ((3, 224, 224), 8, 4, 10),
    "resnet50": ((3, 224, 224), 8, 4, 10),
    "bert4": ((128,), 16, 4, 2),
    "bert12": ((128,), 4, 4, 2),
    "vit": ((3, 224, 224), 8, 4, 10),
}


class Graph(nn.Module):
    """Runs the nodes of an ONNX graph, up to the logits, with its weights as parameters."""

    def __init__(self, nodes, constants, trained, output):
        super().__init__()
        self.nodes, self.output = nodes, output
        self.constants = {k: torch.tensor(v) for k, v in constants.items() if k not in trained}
        self.trained = nn.ParameterList(nn.Parameter(torch.tensor(constants[k])) for k in trained)
        self.names = list(trained)
        self.statistics = {}
        for n in nodes:
            if n["op"] == "BatchNormalization":
                self.statistics[n["out"]] = [self.constants[k] for k in n["in"][3:]]

    def forward(self, x):
        v = dict(self.constants, x=x)
        v.update(zip(self.names, self.trained))
        for n in self.nodes:
            v[n["out"]] = getattr(self, n["op"])(n, n["attrs"], *(v[k] for k in n["in"]))
            if n["out"] == self.output:
                return v[self.output]

    def Conv(self, n, a, x, w, b=None):
        return F.conv2d(x, w, b, a["strides"], a["pads"][:2], a.get("dilations", [1, 1]), a.get("group", 1))

    def BatchNormalization(self, n, a, x, scale, bias, mean, var):
        mean, var = self.statistics[n["out"]]
        return F.batch_norm(x, mean, var, scale, bias, self.training, 1 - a.get("momentum", 0.9), a["epsilon"])

    def MaxPool(self, n, a, x):
        return F.max_pool2d(x, a["kernel_shape"], a["strides"], a["pads"][:2], ceil_mode=bool(a.get("ceil_mode", 0)))

    def Clip(self, n, a, x, low=None, high=None):
        return torch.clamp(x, low, high)

    def HardSigmoid(self, n, a, x):
        return torch.clamp(a["alpha"] * x + a["beta"], 0, 1)

    def Reshape(self, n, a, x, shape):
        return x.reshape([d or x.shape[i] for i, d in enumerate(shape.tolist())])

    def Add(self, n, a, x, y):
        return x + y

    def Mul(self, n, a, x, y):
        return x * y

    def Div(self, n, a, x, y):
        return x / y

    def MatMul(self, n, a, x, y):
        return x @ y

    def Relu(self, n, a, x):
        return F.relu(x)

    def GlobalAveragePool(self, n, a, x):
        return x.mean((2, 3), keepdim=True)

    def Shape(self, n, a, x):
        return torch.tensor(x.shape)

    def Cast(self, n, a, x):
        return x.to({1: torch.float32, 6: torch.int32, 7: torch.int64}[a["to"]])

    def Slice(self, n, a, x, start, end, *rest):
        return x[int(start):int(end)]

    def Concat(self, n, a, *x):
        return torch.cat(x, a["axis"])


def read_graph(path):
    """What Graph needs, from a classifier whose weights are in Constant nodes and that ends in Softmax."""
    import onnx
    model = onnx.load(path)
    nodes, constants = [], {}
    for node in model.graph.node:
        attrs = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = onnx.numpy_helper.to_array(attrs["value"]).copy()
            continue
        nodes.append({"op": node.op_type, "in": list(node.input), "out": node.output[0], "attrs": attrs})
    constants.update((i.name, onnx.numpy_helper.to_array(i).copy()) for i in model.graph.initializer)
    weights = []
    reshaped = {n["out"]: n["in"][0] for n in nodes if n["op"] == "Reshape"}
    for n in nodes:
        slots = {"Conv": [1, 2], "BatchNormalization": [1, 2], "MatMul": [1], "Add": [0, 1]}.get(n["op"], [])
        for name in (reshaped.get(n["in"][k], n["in"][k]) for k in slots if k < len(n["in"])):
            if name in constants and constants[name].size > 1 and name not in weights:
                weights.append(name)
    output = next(n["in"][0] for n in nodes if n["op"] == "Softmax")
    return dict(nodes=nodes, constants=constants, trained=weights, output=output)


def disturb(net):
    """Makes no two tensors equal: the exporter would store equal ones once, tied by Identity nodes."""
    for t in net.state_dict().values():
        if t.is_floating_point() and t.min() == t.max():
            t += 0.1 * torch.rand(t.shape)
    return net


def samples(name, n, rng):
    """The inputs of n samples, by their names in the model."""
    shape = SIZES[name][0]
    if not name.startswith("bert"):
        return {"x": rng.standard_normal((n,) + shape).astype(np.float32)}
    there = np.arange(shape[0]) < rng.integers(shape[0] // 2, shape[0] + 1, n)[:, None]
    first = np.arange(shape[0]) < rng.integers(1, shape[0] // 2, n)[:, None]
    return {"input_ids": rng.integers(0, 30522, (n,) + shape) * there,
            "attention_mask": there.astype(np.int64),
            "token_type_ids": (there & ~first).astype(np.int64)}


def export_net(net, inputs, path):
    file = io.BytesIO()
    axes = {0: "batch", 1: "sequence"} if len(inputs) > 1 else {0: "batch"}
    torch.onnx.export(net.eval(), tuple(torch.from_numpy(x) for x in inputs.values()), file, dynamo=False,
                      opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, input_names=list(inputs),
                      output_names=["y"], dynamic_axes={**dict.fromkeys(inputs, axes), "y": {0: "batch"}})
    path.write_bytes(file.getvalue())


def export(args):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    warnings.simplefilter("ignore")
    for name in args.names or SIZES:
        _, batch, batches, classes = SIZES[name]
        folder = args.folder / name
        if name == "demo" and not args.demo:
            continue
        (folder / "data").mkdir(parents=True, exist_ok=True)
        if name == "demo":
            (folder / "model.onnx").write_bytes(args.demo.read_bytes())
            torch.save(read_graph(args.demo), folder / "torch.pt")
        else:
            net = disturb(NETS[name]())
            export_net(net, samples(name, 2, rng), folder / "model.onnx")
            torch.save(net.state_dict(), folder / "torch.pt")
        for part, n in (("train", batch * batches), ("val", 2 * classes)):
            labels = np.arange(n) % classes
            np.savez(folder / "data" / f"{part}.npz", labels=labels, **samples(name, n, rng))


def train(args):
    torch.set_num_threads(args.threads)
    name = args.folder.name
    _, batch, batches, _ = SIZES[name]
    saved = torch.load(args.folder / "torch.pt", weights_only=False)
    if name == "demo":
        net = Graph(**saved)
    else:
        net = NETS[name]()
        net.load_state_dict(saved)
    net.train(args.batch_norm == "train")
    data = np.load(args.folder / "data" / "train.npz")
    data = {key: torch.from_numpy(x) for key, x in data.items()}
    labels = data.pop("labels")
    if args.channels_last:
        net = net.to(memory_format=torch.channels_last)
        data = {key: x.to(memory_format=torch.channels_last) for key, x in data.items()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, fused=True)
    with open(args.log, "w") as log:
        before = time.perf_counter()
        for step in range(args.steps):
            part = slice(step % batches * batch, (step % batches + 1) * batch)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=args.autocast):
                loss = F.cross_entropy(net(*(x[part] for x in data.values())), labels[part])
            loss.backward()
            optimizer.step()
            now = time.perf_counter()
            line = {"step": step + 1, "loss": loss.item(), "samples_per_second": batch / (now - before)}
            print(json.dumps(line), file=log, flush=True)
            before = now


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("export")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SIZES))
    p.add_argument("--demo", type=pathlib.Path)
    p.set_defaults(run=export)
    p = commands.add_parser("train")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch-norm", choices=["frozen", "train"], default="frozen")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--autocast", action="store_true", help="bfloat16, where autocast has it")
    p.add_argument("--log", default="/dev/stdout")
    p.set_defaults(run=train)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
