#!/usr/bin/env python3
"""Records runs of which only a part of the model is trained, or at rates of its own: models/NAME/trained.npz,
described in README.md.

    venv/bin/python models/generate_trained.py

The networks, their data and their exported graphs are those of generate.py, which ran before.
"""
import copy
import json
import math

import numpy as np
import onnx
import safetensors.numpy
import torch
import torch.nn.functional as F

import generate
import nets

STEPS = 20


def philox(key, hi, lo):
    """Philox4x32-10 (Salmon et al. 2011): four words for a 64-bit key and a 128-bit counter."""
    c = [lo & 0xFFFFFFFF, lo >> 32, hi & 0xFFFFFFFF, hi >> 32]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def kept(seed, step, samples, size, ratio):
    """What dropout keeps, as 0 and 1: uniform numbers of 24 bits that are at least the ratio."""
    blocks = (size + 3) // 4
    words = [[w for j in range(blocks) for w in philox(seed, step << 32, i * blocks + j)][:size]
             for i in range(samples)]
    return ((np.array(words) >> 8) * 2.0**-24 >= np.float32(ratio)).astype(np.float64)


class Logits(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.logits(x)


def run(name, dtype, groups, optimizer, lora=None, dropout=None):
    """`groups(parameters)`: the groups of the optimizer for {name: parameter}. lora: {weight: (A, B)} at
    the start and the scale. dropout: (P, seed) before fc3."""
    recipe = generate.RECIPES[name]
    x, y = (np.asarray(a) for a in generate.make_data(recipe))
    net = Logits(recipe.make().to(dtype).train(recipe.train))
    base = {n.removeprefix("net."): p for n, p in net.named_parameters()}
    for p in base.values():
        p.requires_grad_(False)
    if lora:
        factors = {n: [torch.nn.Parameter(torch.tensor(f).to(dtype)) for f in ab] for n, ab in lora[0].items()}
        trained = {f"{n}.lora_{'AB'[i]}": p for n, ab in factors.items() for i, p in enumerate(ab)}
    else:
        trained = base
    opt = optimizer(groups(trained))
    for group in opt.param_groups:
        for p in group["params"]:
            p.requires_grad_(True)
    x, y, losses = torch.tensor(x).to(dtype), torch.tensor(y), []

    def merged():
        return {n: base[n] + lora[1] * (b @ a).reshape(base[n].shape) for n, (a, b) in factors.items()}

    for step in range(STEPS):
        part = slice(step % generate.BATCHES * recipe.batch, (step % generate.BATCHES + 1) * recipe.batch)
        opt.zero_grad()
        if dropout:
            mask = torch.tensor(kept(dropout[1], step, recipe.batch, 32, dropout[0])).to(dtype)
            m = net.net
            h = F.relu(m.fc2(F.relu(m.fc1(x[part]))))
            logits = m.fc3(h * mask / (1 - float(np.float32(dropout[0]))))
        else:
            weights = {"net." + n: w for n, w in merged().items()} if lora else {}
            logits = torch.func.functional_call(net, weights, (x[part],))
        loss = F.cross_entropy(logits, y[part])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    final = {n: p.detach().numpy().copy() for n, p in trained.items()}
    if lora:
        final.update({n: w.detach().numpy().copy() for n, w in merged().items()})
    return np.array(losses), final


def start(net, names, rank):
    """A and B as peft makes them: kaiming_uniform with a = sqrt 5, and zero. A is float32's."""
    g = torch.Generator().manual_seed(5)
    result = {}
    for n in names:
        w = dict(net.named_parameters())[n]
        a = torch.empty(rank, w[0].numel())
        torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=g)
        result[n] = (a.numpy(), np.zeros((len(w), rank), np.float32))
    return result


def adamw(decay):
    return lambda groups: torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay)


def sgd(groups):
    return torch.optim.SGD(groups, lr=0.01, momentum=0.9)


def one_group(parameters):
    return list(parameters.values())


def scaled(parameters):
    """Rates: fc1.* 0.1, fc3.bias 3. Decay: weights but fc1.weight, and fc2.bias."""
    return [{"params": [p], "lr": 1e-3 * (0.1 if n.startswith("fc1.") else 3 if n == "fc3.bias" else 1),
             "weight_decay": 0.1 if n in ("fc2.weight", "fc3.weight", "fc2.bias") else 0}
            for n, p in parameters.items()]


def vit_depth(name):
    """The layers of timm's ViT and of BEiT: embeddings, blocks, norm with head."""
    return 0 if name.startswith(("norm.", "head.")) else 2 - int(name.split(".")[1]) if name.startswith("blocks.") else 3


def layer_decay(parameters):
    return [{"params": [p], "lr": 1e-3 * 0.65 ** vit_depth(n)} for n, p in parameters.items()]


def last_two(parameters):
    return [p for n, p in parameters.items() if n.startswith(("fc2.", "fc3."))]


def lora_case(weights, rank, alpha):
    return lambda net: dict(groups=one_group, optimizer=adamw(0), lora=(start(net, weights, rank), alpha / rank))


CASES = {
    "mlp": {
        "scaled": lambda net: dict(groups=scaled, optimizer=adamw(0.1)),
        "last": lambda net: dict(groups=last_two, optimizer=sgd),
        "dropout": lambda net: dict(groups=one_group, optimizer=sgd, dropout=(0.4, 7)),
        "lora": lora_case(["fc1.weight", "fc2.weight", "fc3.weight"], 4, 8),
    },
    "vit": {
        "layer_decay": lambda net: dict(groups=layer_decay, optimizer=adamw(0)),
        "lora": lora_case(["blocks.0.qkv.weight", "blocks.1.fc1.weight", "head.weight"], 2, 4),
    },
    "resnet_frozen": {"lora": lora_case(["stage2.down.0.weight", "head.weight"], 3, 6)},
}


def write_adapter(folder, o, final):
    """The factors as peft writes them: without metadata of its own, and with its adapter_config.json."""
    tensors = {f"base_model.model.{n.removesuffix('.weight')}.lora_{f}.weight": np.float32(final[f"{n}.lora_{f}"])
               for n in o["lora"][0] for f in "AB"}
    rank = len(next(iter(o["lora"][0].values()))[0])
    folder.mkdir(exist_ok=True)
    safetensors.numpy.save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": o["lora"][1] * rank, "use_rslora": False,
              "rank_pattern": {}, "alpha_pattern": {}, "target_modules": ["fc1", "fc2", "fc3"]}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def in_file(names, key):
    """(name, transposed) of an array in the graph; factors stay as they are under the weight's name."""
    for suffix in (".lora_A", ".lora_B"):
        if key.endswith(suffix):
            return names[key.removesuffix(suffix)][0] + suffix, False
    return names[key]


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for model, cases in CASES.items():
        folder = generate.HERE / model
        net = generate.RECIPES[model].make()
        names = generate.find_names(net, onnx.load(folder / "model.onnx"))
        arrays = {}
        for case, options in cases.items():
            o = options(net)
            for bits, dtype in ((32, torch.float32), (64, torch.float64)):
                losses, final = run(model, dtype, **copy.deepcopy(o))
                arrays[f"{case}/loss{bits}"] = losses
                for key, a in final.items():
                    name, transposed = in_file(names, key)
                    arrays[f"{case}/final{bits}/{name}"] = np.ascontiguousarray(a.T if transposed else a, np.float32)
            if model == "mlp" and "lora" in o:
                write_adapter(folder / "adapter", o, final)
            for n, (a, _) in (o["lora"][0] if "lora" in o else {}).items():
                arrays[f"{case}/start/{names[n][0]}.lora_A"] = a
            deviation = np.abs(arrays[f"{case}/loss32"] - arrays[f"{case}/loss64"]).max()
            print(f"{model} {case}: {losses[0]:.4f} -> {losses[-1]:.4f}, float32 deviates {deviation:.1e}")
        np.savez_compressed(folder / "trained.npz", **arrays)


if __name__ == "__main__":
    main()
