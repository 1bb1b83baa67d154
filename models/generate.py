#!/usr/bin/env python3
"""Makes the reference models: models/NAME/{model.onnx,data.npz,expected.npz}, described in README.md.

    python3 -m venv venv && venv/bin/pip install -r models/requirements.txt
    venv/bin/python models/generate.py [NAME...]

A network is initialized, exported as it would be for inference, and trained by PyTorch in float32 and
in float64. What training reads and gives is stored under the names, shapes and layouts of the exported
graph.
"""
import copy
import io
import pathlib
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F

import nets
import storage

HERE = pathlib.Path(__file__).parent
STEPS = 20
BATCHES = 4
SEED = 20260

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01),
}


class Recipe:
    """How one folder is made. `train`: BatchNormalization trains; `batch`: samples per step; `fixed`:
    of the exported graph, None when the axis is dynamic; `alter`: changes the exported model;
    `tokens`: the input is that many of them."""

    def __init__(self, make, shape, classes, batch=8, loss="cross_entropy", opset=13, fixed=None,
                 train=False, dynamo=False, alter=None, data_seed=None, tokens=None):
        self.__dict__.update(locals())
        self.data_seed = data_seed or SEED


def half_stored():
    net = nets.initialize(nets.HalfStored(), SEED)
    for p in net.parameters():
        p.data = p.data.half().float()
    return net


def make(cls, *args):
    return lambda: nets.initialize(cls(*args), SEED)


RECIPES = {
    "mlp": Recipe(make(nets.Mlp, "softmax"), (16,), 4),
    "mlp_bce": Recipe(make(nets.Mlp, "sigmoid"), (16,), 4, loss="binary_cross_entropy_with_logits"),
    "mlp_mse": Recipe(make(nets.Mlp, "none"), (16,), 4, loss="mse_loss"),
    "mlp_fp16": Recipe(half_stored, (16,), 4, alter=storage.fp16_weights),
    # With this data no two maxima of a pooling window are equal in float16.
    "lenet": Recipe(make(nets.LeNet, True), (1, 16, 16), 10, opset=17, data_seed=20265),
    "lenet_fixed": Recipe(make(nets.LeNet, False), (1, 16, 16), 10, fixed=4),
    "resnet_frozen": Recipe(make(nets.ResNet), (3, 16, 16), 5),
    "resnet_train": Recipe(make(nets.ResNet), (3, 16, 16), 5, opset=17, train=True),
    "vit": Recipe(make(nets.ViT), (3, 16, 16), 5, opset=17),
    "vit_opset13": Recipe(make(nets.ViT), (3, 16, 16), 5, opset=13),
    "vit_dynamo": Recipe(make(nets.ViT), (3, 16, 16), 5, opset=20, dynamo=True),
    "lstm": Recipe(make(nets.Lstm), (5,), 4, opset=17, tokens=24),
}


def make_data(recipe):
    """Samples of each class around a pattern of its own; targets of regression and of several labels
    depend linearly on the input."""
    rng = np.random.default_rng(recipe.data_seed)
    n = recipe.batch * BATCHES
    if recipe.loss == "cross_entropy":
        pattern = rng.standard_normal((recipe.classes,) + recipe.shape)
        labels = rng.permutation(np.arange(n) % recipe.classes)
        if recipe.tokens:  # half of a sample's are the class's own
            own = rng.permutation(recipe.tokens).reshape(recipe.classes, -1)
            x = rng.integers(0, recipe.tokens, (n,) + recipe.shape)
            likely = own[labels[:, None], rng.integers(0, own.shape[1], x.shape)]
            return np.where(rng.random(x.shape) < 0.5, likely, x), labels.astype(np.int64)
        x = (0.7 * pattern[labels] + rng.standard_normal((n,) + recipe.shape)).astype(np.float32)
        return x, labels.astype(np.int64)
    x = rng.standard_normal((n,) + recipe.shape).astype(np.float32)
    y = x @ rng.standard_normal((recipe.shape[0], recipe.classes)) / 4
    if recipe.loss == "binary_cross_entropy_with_logits":
        y = y > 0
    return x, y.astype(np.float32)


def as_input(x, dtype):
    x = torch.tensor(x)
    return x.to(dtype) if x.is_floating_point() else x


def train(net, x, y, recipe, optimizer, dtype, lr=None, clip=None, weight=None):
    """Trains a copy of the net; a dictionary of what happened. `lr` multiplies the learning rate of
    step i by lr[i], `clip` is the largest norm, `weight` holds class weights."""
    net = copy.deepcopy(net).to(dtype).train(recipe.train)
    x = as_input(x, dtype)
    y = torch.tensor(y)
    y = y.to(dtype) if y.is_floating_point() else y
    options = {"weight": torch.tensor(weight, dtype=dtype)} if weight is not None else {}
    opt = optimizer(net.parameters())
    base = opt.param_groups[0]["lr"]
    run = {"loss": [], "norm": []}
    for step in range(STEPS):
        if lr is not None:
            opt.param_groups[0]["lr"] = base * lr[step]
        part = slice(step % BATCHES * recipe.batch, (step % BATCHES + 1) * recipe.batch)
        opt.zero_grad()
        loss = getattr(F, recipe.loss)(net.logits(x[part]), y[part], **options)
        loss.backward()
        if step == 0:
            run["grad"] = {n: p.grad.numpy().copy() for n, p in net.named_parameters()}
        run["loss"].append(loss.item())
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), clip or float("inf"))
        run["norm"].append(norm.item())
        opt.step()
    names = [n for n, _ in net.named_parameters()]
    if recipe.train:
        names += [n for n, _ in net.named_buffers() if "running" in n]
    state = net.state_dict()
    run["final"] = {n: state[n].numpy().copy() for n in names}
    return run


def export(net, recipe):
    batch = recipe.fixed or 2
    x = torch.zeros((batch,) + recipe.shape, dtype=torch.int64 if recipe.tokens else torch.float32)
    net = net.exported() if hasattr(net, "exported") else copy.deepcopy(net)
    net.eval()
    file = io.BytesIO()
    common = dict(input_names=["x"], output_names=["y"], opset_version=recipe.opset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if recipe.dynamo:
            program = torch.onnx.export(net, (x,), dynamo=True, verbose=False,
                                        dynamic_shapes=({0: torch.export.Dim("batch")},), **common)
            model = program.model_proto
            storage.drop_stack_traces(model)
        else:
            # PRESERVE keeps each BatchNormalization instead of folding it into its convolution.
            torch.onnx.export(net, (x,), file, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE,
                              dynamic_axes=None if recipe.fixed else {"x": {0: "batch"}, "y": {0: "batch"}},
                              **common)
            model = onnx.load_from_string(file.getvalue())
    return model


def find_names(net, model):
    """{name in the net: (initializer, whether it is transposed there)}, found by the values."""
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    found = {}
    for name, value in net.stored({k: v.numpy() for k, v in net.state_dict().items()}).items():
        if name.endswith("num_batches_tracked"):
            continue
        same = [(k, False) for k, a in arrays.items() if np.array_equal(a, value)]
        same += [(k, True) for k, a in arrays.items() if value.ndim == 2 and np.array_equal(a, value.T)]
        assert len(same) == 1, (name, same)
        found[name] = same[0]
    return found


def rename(arrays, names, prefix, dtype=None):
    """The arrays under the names and in the layout of the graph."""
    result = {}
    for name, a in arrays.items():
        initializer, transposed = names[name]
        result[prefix + initializer] = np.ascontiguousarray(a.T if transposed else a, dtype=dtype)
    return result


def record(name, recipe, folder):
    net = recipe.make()
    x, y = make_data(recipe)
    model = export(net, recipe)
    names = find_names(net, model)
    if recipe.alter:
        model = recipe.alter(model)
    onnx.checker.check_model(model, full_check=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez(folder / "data.npz", x=x, labels=y)

    expected = {"batch": np.array(recipe.batch)}
    for bits, dtype in ((32, torch.float32), (64, torch.float64)):
        still = copy.deepcopy(net).to(dtype).eval()
        with torch.no_grad():
            expected[f"output{bits}"] = still(as_input(x[:recipe.batch], dtype)).numpy()
        for optimizer, create in OPTIMIZERS.items():
            run = train(net, x, y, recipe, create, dtype)
            expected[f"{optimizer}/loss{bits}"] = np.array(run["loss"])
            expected.update(rename(net.stored(run["final"]), names, f"{optimizer}/final{bits}/", np.float32))
        expected.update(rename(net.stored(run["grad"]), names, f"grad{bits}/"))
    np.savez(folder / "expected.npz", **expected)
    check(folder / "model.onnx", recipe, x, expected)
    return net, model, names, x, y


def check(path, recipe, x, expected):
    """onnxruntime computes the same from the file; what the float32 runs deviate is printed."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size = recipe.fixed or recipe.batch
    y = np.concatenate([session.run(None, {"x": x[i:i + size]})[0] for i in range(0, recipe.batch, size)])
    np.testing.assert_allclose(y, expected["output64"], rtol=1e-4, atol=1e-5)
    line = []
    for optimizer in OPTIMIZERS:
        a, b = (expected[f"{optimizer}/loss{bits}"] for bits in (32, 64))
        line.append(f"{optimizer} {b[0]:.4f} -> {b[-1]:.4f}, float32 deviates {np.abs(a - b).max():.1e}")
    worst = max(np.linalg.norm(expected[k.replace("64", "32")] - v) / np.linalg.norm(v)
                for k, v in expected.items() if k.startswith("grad64/"))
    size = sum(f.stat().st_size for f in path.parent.iterdir() if f.is_file())
    print(f"{path.parent.name}: {'; '.join(line)}; gradients {worst:.1e}; {size // 1024} KiB")


def check_variant(path, x, expected):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    kind = session.get_inputs()[0].type
    dtype = {"tensor(float)": "f4", "tensor(double)": "f8", "tensor(float16)": "f2"}[kind]
    y = session.run(None, {"x": x.astype(dtype)})[0]
    np.testing.assert_allclose(y, np.load(expected)["output64"], rtol=1e-2 if dtype == "f2" else 1e-5)


def schedule(kind, step, warmup, total):
    """The factor of the learning rate at a step from 0 (the Transformers library's formulas)."""
    if step < warmup:
        return step / max(1, warmup)
    if kind == "linear":
        return max(0.0, (total - step) / max(1, total - warmup))
    return max(0.0, 0.5 * (1 + np.cos(np.pi * (step - warmup) / max(1, total - warmup))))


def record_more(folder, recipe, net, names, x, y):
    """Runs of the MLP with clipping, schedules, class weights and ignored labels: more.npz."""
    ignored = y.copy()
    ignored[[1, 6, 9, 17]] = -100
    weight = np.array([0.5, 2.0, 1.0, 0.25])
    runs = {
        "clip": dict(clip=1.0),
        "linear": dict(lr=[schedule("linear", s, 2, STEPS) for s in range(STEPS)]),
        "cosine": dict(lr=[schedule("cosine", s, 2, STEPS) for s in range(STEPS)]),
        "weighted": dict(weight=weight),
    }
    more = {"weighted/class_weights": weight, "weighted/labels": ignored}
    for run, options in runs.items():
        for bits, dtype in ((32, torch.float32), (64, torch.float64)):
            labels = ignored if run == "weighted" else y
            result = train(net, x, labels, recipe, OPTIMIZERS["sgd"], dtype, **options)
            more[f"{run}/loss{bits}"] = np.array(result["loss"])
            more[f"{run}/norm{bits}"] = np.array(result["norm"])
        more.update(rename(result["final"], names, f"{run}/final64/"))
        if run == "weighted":
            more.update(rename(result["grad"], names, f"{run}/grad64/"))
        if "lr" in options:
            more[f"{run}/factor"] = np.array(options["lr"])
    np.savez(folder / "more.npz", **more)
    print(f"{folder.name}: gradient norms before clipping {more['clip/norm64'].round(2)}")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in sys.argv[1:] or RECIPES:
        recipe = RECIPES[name]
        net, model, names, x, y = record(name, recipe, HERE / name)
        if name == "mlp":
            record_more(HERE / name, recipe, net, names, x, y)
            storage.write_variants(model, HERE / name / "variants")
            for variant in sorted((HERE / name / "variants").glob("*.onnx")):
                check_variant(variant, x[:recipe.batch], HERE / name / "expected.npz")


if __name__ == "__main__":
    main()
