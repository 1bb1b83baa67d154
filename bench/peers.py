#!/usr/bin/env python3
"""PyTorch's side of the benchmark: exports the models that are compared, and trains them.

    peers.py export FOLDER [NAME...] [--demo MODEL.onnx] [--device cuda]
                                             FOLDER/NAME/{model.onnx,torch.pt,data/train.npz,data/val.npz}
    peers.py train FOLDER/NAME --steps N ...     one line of JSON per step into --log

Versions: models/requirements.txt. Training is in float32 or under autocast, with the fused SGD, whole batches
in the order of the file; on a GPU from pinned memory, without a wait between steps, with a GradScaler for float16.
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
from rows import SIZES

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


def samples(name, shape, n, rng):
    """The inputs of n samples, by their names in the model."""
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
    for name in args.names or SIZES[args.device]:
        shape, batch, batches, classes = SIZES[args.device][name]
        folder = args.folder / name
        if name == "demo" and not args.demo:
            continue
        (folder / "data").mkdir(parents=True, exist_ok=True)
        if name == "demo":
            (folder / "model.onnx").write_bytes(args.demo.read_bytes())
            torch.save(read_graph(args.demo), folder / "torch.pt")
        else:
            net = disturb(NETS[name]())
            export_net(net, samples(name, shape, 2, rng), folder / "model.onnx")
            torch.save(net.state_dict(), folder / "torch.pt")
        for part, n in (("train", batch * batches), ("val", 2 * classes)):
            labels = np.arange(n) % classes
            np.savez(folder / "data" / f"{part}.npz", labels=labels, **samples(name, shape, n, rng))


def open_net(args):
    saved = torch.load(args.folder / "torch.pt", weights_only=False)
    if args.folder.name == "demo":
        net = Graph(**saved)
    else:
        net = NETS[args.folder.name]()
        net.load_state_dict(saved)
    return net.train(args.batch_norm == "train").to(args.device)


class Clock:
    """Writes a line for each step. On a GPU the times are events, read at the end: only the first step is waited for."""

    def __init__(self, args, batch, log):
        self.gpu, self.batch, self.log = args.device == "cuda", batch, log
        self.number, self.pending = 0, []
        self.before = self.now()

    def now(self):
        if not self.gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def step(self, loss):
        self.pending.append((self.now(), loss.detach()))
        if not self.gpu or not self.number:
            self.write()

    def write(self):
        for now, loss in self.pending:
            if self.gpu:
                now.synchronize()
            seconds = self.before.elapsed_time(now) / 1000 if self.gpu else now - self.before
            self.before, self.number = now, self.number + 1
            line = {"step": self.number, "loss": loss.item(), "samples_per_second": self.batch / seconds}
            print(json.dumps(line), file=self.log, flush=True)
        self.pending = []


def train(args):
    torch.set_num_threads(args.threads)
    _, batch, batches, _ = SIZES[args.device][args.folder.name]
    net = open_net(args)
    data = np.load(args.folder / "data" / "train.npz")
    data = {key: torch.from_numpy(x) for key, x in data.items()}
    labels = data.pop("labels")
    if args.channels_last:
        net = net.to(memory_format=torch.channels_last)
        data = {key: x.to(memory_format=torch.channels_last) for key, x in data.items()}
    if args.device == "cuda":
        data, labels = {key: x.pin_memory() for key, x in data.items()}, labels.pin_memory()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, fused=True)
    scaler = torch.amp.GradScaler(args.device, enabled=args.autocast == "fp16")
    forward = torch.compile(net, mode="reduce-overhead") if args.compile else net
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(args.autocast)
    with open(args.log, "w") as log:
        clock = Clock(args, batch, log)
        for step in range(args.steps):
            part = slice(step % batches * batch, (step % batches + 1) * batch)
            x, y = ([t[part].to(args.device, non_blocking=True) for t in ts] for ts in (data.values(), [labels]))
            optimizer.zero_grad()
            with torch.autocast(args.device, half, enabled=half is not None):
                loss = F.cross_entropy(forward(*x), *y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            clock.step(loss)
        clock.write()


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("export")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SIZES["cpu"]) + "; for a GPU: " + ", ".join(SIZES["cuda"]))
    p.add_argument("--demo", type=pathlib.Path)
    p.add_argument("--device", choices=SIZES, default="cpu")
    p.set_defaults(run=export)
    p = commands.add_parser("train")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch-norm", choices=["frozen", "train"], default="frozen")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--autocast", choices=["bf16", "fp16"], help="where autocast has it")
    p.add_argument("--compile", action="store_true", help="torch.compile with CUDA graphs")
    p.add_argument("--device", choices=SIZES, default="cpu")
    p.add_argument("--log", default="/dev/stdout")
    p.set_defaults(run=train)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
