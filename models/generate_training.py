#!/usr/bin/env python3
"""Makes training/{scaler,optimizers,clipping,schedules}.npz, described in README.md: what PyTorch's
gradient scaler, optimizers and clipping do step by step. Versions: requirements.txt."""
import math
import pathlib

import numpy as np
import torch

OUT = pathlib.Path(__file__).parent / "training"

# init_scale, growth_factor, backoff_factor, growth_interval, and whether a gradient is not finite
SCALERS = {
    "defaults": (65536.0, 2.0, 0.5, 2000, "111" + "0" * 2001 + "1" + "0" * 2000),
    "interval 1": (1024.0, 2.0, 0.5, 1, "0010110001"),
    "interval 3": (8.0, 2.0, 0.5, 3, "00010001000000100110000000"),
    "odd factors": (10.0, 1.7, 0.3, 2, "0001000011000000"),
    "below 1": (2.0, 2.0, 0.5, 2, "1111000000000"),
    "end of float32": (2.0 ** 125, 2.0, 0.5, 1, "0000010000"),
    "odd end": (3e38, 1.1, 0.5, 1, "0000"),
}

SGD = dict(lr=0.1, momentum=0, dampening=0, nesterov=False, weight_decay=0)
ADAM = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
OPTIMIZERS = {
    "sgd": dict(SGD),
    "sgd decay": dict(SGD, weight_decay=0.1),
    "sgd momentum": dict(SGD, momentum=0.9),
    "sgd momentum decay": dict(SGD, momentum=0.9, weight_decay=0.1),
    "sgd nesterov": dict(SGD, momentum=0.9, nesterov=True),
    "sgd nesterov decay": dict(SGD, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": dict(ADAM),
    "adam decay": dict(ADAM, weight_decay=0.1),
    "adam odd": dict(ADAM, betas=(0.8, 0.95), eps=1e-2),
    "adamw": dict(ADAM, weight_decay=0.01),
    "adamw no decay": dict(ADAM),
    "adamw odd": dict(lr=0.1, betas=(0.5, 0.6), eps=1e-6, weight_decay=0.5),
}
CLASSES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
STEPS = 10


class CountingSgd(torch.optim.SGD):
    steps = 0

    def step(self, closure=None):
        self.steps += 1


def scaler():
    for name, (scale, growth, backoff, interval, flags) in SCALERS.items():
        scaler = torch.amp.GradScaler("cpu", scale, growth, backoff, interval)
        weight = torch.nn.Parameter(torch.ones(1))
        optimizer = CountingSgd([weight])
        rows = []
        for flag in flags:
            scaler.scale(weight.sum())  # makes the scaler's own tensors
            weight.grad = torch.tensor([math.nan if flag == "1" else 1.0])
            before = optimizer.steps
            scaler.step(optimizer)
            scaler.update()
            assert optimizer.steps - before == (flag == "0")
            rows.append((scaler.get_scale(), scaler._get_growth_tracker()))
        yield f"{name}/config", np.array([scale, growth, backoff, interval])
        yield f"{name}/found_inf", np.array([int(f) for f in flags])
        yield f"{name}/scale", np.array([r[0] for r in rows], np.float32)
        yield f"{name}/tracker", np.array([r[1] for r in rows])


def optimizers():
    rng = np.random.default_rng(1)
    start = rng.standard_normal(8).astype(np.float32)
    grads = rng.standard_normal((STEPS, 8)).astype(np.float32)
    grads[:, 1] = 0
    grads[:, 2] *= 1e-20  # squares vanish in float32
    grads[:, 3] *= 1e4
    grads[1:, 4] = 0
    yield "start", start
    yield "gradients", grads
    for name, options in OPTIMIZERS.items():
        o = dict(dict(SGD, betas=(0, 0), eps=0), **options)
        yield f"{name}/config", np.array([o["lr"], o["momentum"], o["nesterov"], *o["betas"], o["eps"],
                                          o["weight_decay"]], np.float64)
        for bits, dtype in ((32, torch.float32), (64, torch.float64)):
            weight = torch.nn.Parameter(torch.tensor(start).to(dtype))
            optimizer = CLASSES[name.split()[0]]([weight], **options)
            rows = {"weights": []}
            for g in grads:
                weight.grad = torch.tensor(g).to(dtype)
                optimizer.step()
                rows["weights"].append(weight.detach().numpy().copy())
                for key, value in optimizer.state[weight].items():
                    if key != "step" and value is not None:
                        rows.setdefault(key, []).append(value.numpy().copy())
            for key, values in rows.items():
                yield f"{name}/{key}{bits}", np.stack(values)


def clipping():
    rng = np.random.default_rng(2)
    # norm of all gradients, largest norm
    cases = {
        "below": (0.5, 1.0), "above": (7.5, 1.0), "just below": (1 - 1e-6, 1.0), "just above": (1 + 1e-6, 1.0),
        "tiny": (1e-12, 1.0), "zero": (0.0, 1.0), "large": (1e8, 1.0), "loose": (100.0, 1e6),
    }
    for name, (norm, limit) in cases.items():
        whole = rng.standard_normal(8)
        whole *= norm / np.linalg.norm(whole)
        grads = np.split(whole.astype(np.float32), [5])
        for bits, dtype in ((32, torch.float32), (64, torch.float64)):
            weights = [torch.nn.Parameter(torch.zeros(len(g), dtype=dtype)) for g in grads]
            for w, g in zip(weights, grads):
                w.grad = torch.tensor(g).to(dtype)
            before = torch.nn.utils.clip_grad_norm_(weights, limit)
            yield f"{name}/norm{bits}", np.array(before.item())
            yield f"{name}/clipped{bits}", np.concatenate([w.grad.numpy() for w in weights])
        yield f"{name}/limit", np.array(limit)
        yield f"{name}/gradients", np.concatenate(grads)


def factor(kind, step, warmup, total):
    """Of the learning rate at a step from 0 (the formulas of the Transformers library)."""
    if step < warmup:
        return step / max(1, warmup)
    if kind == "constant":
        return 1.0
    if kind == "linear":
        return max(0.0, (total - step) / max(1, total - warmup))
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * 2.0 * 0.5 * progress)))


def schedules():
    for total, share in ((1, 0), (1, 0.1), (2, 0.1), (7, 0.1), (10, 0), (20, 0.1), (100, 0.1), (150, 0.03), (5, 0.9)):
        warmup = math.ceil(total * share)
        for kind in ("constant", "linear", "cosine"):
            name = f"{kind} {total} {share}"
            yield f"{name}/config", np.array([total, share, warmup])
            yield f"{name}/factor", np.array([factor(kind, s, warmup, total) for s in range(total + 1)])


def main():
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    for make in (scaler, optimizers, clipping, schedules):
        np.savez(OUT / f"{make.__name__}.npz", **dict(make()))


if __name__ == "__main__":
    main()
