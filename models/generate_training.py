#!/usr/bin/env python3
"""Makes training/{scaler,optimizers,clipping,schedules,plateaus,averages,ranges}.npz, described in README.md: what PyTorch's
gradient scaler, optimizers and clipping do step by step; LAMB and Lion, which it has not, as their
papers define them. Versions: requirements.txt."""
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
ADAFACTOR = dict(lr=0.01, weight_decay=0)
OPTIMIZERS_LATER = {  # their arrays stand behind those above
    "rmsprop": dict(lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0),
    "rmsprop momentum": dict(lr=0.01, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.9),
    "adagrad": dict(lr=0.1, eps=1e-10, weight_decay=0),
    "adagrad decay": dict(lr=0.1, eps=1e-3, weight_decay=0.1),
    "nadam": dict(ADAM),
    "nadam decay": dict(lr=0.1, betas=(0.7, 0.9), eps=1e-4, weight_decay=0.1),
    "adafactor vector": dict(ADAFACTOR),
    "adafactor matrix": dict(lr=0.5, weight_decay=0.1),
    "adafactor matrices": dict(ADAFACTOR),
    "lamb": dict(lr=0.1, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01),
    "lamb odd": dict(lr=0.02, betas=(0.5, 0.6), eps=1e-3, weight_decay=0),
    "lion": dict(lr=0.01, betas=(0.9, 0.99), weight_decay=0.1),
    "lion odd": dict(lr=0.1, betas=(0.6, 0.5), weight_decay=0),
    "rmsprop centered": dict(lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=True),
    "rmsprop centered momentum": dict(lr=0.01, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.9, centered=True),
}
SHAPES = {"adafactor matrix": (2, 4), "adafactor matrices": (2, 2, 2)}  # else a vector of 8
STEPS = 10


class Lamb(torch.optim.Optimizer):
    """You et al. 2019, algorithm 2, with phi(x) = x and a ratio of 1 where a norm is 0."""

    def __init__(self, params, lr, betas, eps, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def step(self):
        for group in self.param_groups:
            (x,), (b1, b2) = group["params"], group["betas"]
            state, w, g = self.state[x], x.detach().numpy(), x.grad.numpy()
            t = state["step"] = state.get("step", 0) + 1
            m = state.get("exp_avg", torch.zeros_like(x)).numpy()
            v = state.get("exp_avg_sq", torch.zeros_like(x)).numpy()
            m = (b1 * m + (1 - b1) * g).astype(w.dtype)
            v = (b2 * v + (1 - b2) * g ** 2).astype(w.dtype)
            r = m / (1 - b1 ** t) / (np.sqrt(v / (1 - b2 ** t)) + group["eps"]) + group["weight_decay"] * w
            a, b = np.linalg.norm(w), np.linalg.norm(r)
            x.data = torch.tensor((w - group["lr"] * (a / b if a and b else 1) * r).astype(w.dtype))
            state["exp_avg"], state["exp_avg_sq"] = torch.tensor(m), torch.tensor(v)


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, program 1."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    def step(self):
        for group in self.param_groups:
            (x,), (b1, b2) = group["params"], group["betas"]
            state, w, g = self.state[x], x.detach().numpy(), x.grad.numpy()
            m = state.get("exp_avg", torch.zeros_like(x)).numpy()
            update = np.sign(b1 * m + (1 - b1) * g) + group["weight_decay"] * w
            x.data = torch.tensor((w - group["lr"] * update).astype(w.dtype))
            state["exp_avg"] = torch.tensor((b2 * m + (1 - b2) * g).astype(w.dtype))


CLASSES = {
    "sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad, "nadam": torch.optim.NAdam, "adafactor": torch.optim.Adafactor,
    "lamb": Lamb, "lion": Lion,
}


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
    for name, options in {**OPTIMIZERS, **OPTIMIZERS_LATER}.items():
        o = dict(dict(SGD, betas=(0, options.get("alpha", 0)), eps=0), **options)
        shape = SHAPES.get(name, (8,))
        yield f"{name}/config", np.array([o["lr"], o["momentum"], o["nesterov"], *o["betas"], o["eps"],
                                          o["weight_decay"]], np.float64)
        for bits, dtype in ((32, torch.float32), (64, torch.float64)):
            torch.set_default_dtype(dtype)  # of NAdam's product
            weight = torch.nn.Parameter(torch.tensor(start).to(dtype).reshape(shape))
            optimizer = CLASSES[name.split()[0]]([weight], **options)
            rows = {"weights": []}
            for g in grads:
                weight.grad = torch.tensor(g).to(dtype).reshape(shape)
                optimizer.step()
                rows["weights"].append(weight.detach().numpy().copy())
                for key, value in optimizer.state[weight].items():
                    if key != "step" and value is not None:
                        rows.setdefault(key, []).append(value.detach().numpy().copy())
            for key, values in rows.items():
                yield f"{name}/{key}{bits}", np.stack(values)
    torch.set_default_dtype(torch.float32)


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


def torch_factors(make, steps):
    """Of a scheduler of torch.optim.lr_scheduler, at steps from 0."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=1.0, momentum=0.9)
    scheduler, rows = make(optimizer), []
    for _ in range(steps):
        rows.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rows)


def wsd(step, warmup, total, fall):
    """get_wsd_schedule of the Transformers library with linear decay."""
    if step < warmup:
        return step / max(1, warmup)
    if step < total - fall:
        return 1.0
    return max(0.0, 1.0 - (step - (total - fall)) / max(1, fall))


def more_schedules():
    lr = torch.optim.lr_scheduler
    # steps, warm-up (a share), the schedule's numbers; the warm-up of all but one-cycle and wsd is before PyTorch's
    for total, warm, each, gamma in ((20, 0, 7, 0.1), (50, 0.1, 10, 0.5), (10, 0, 1, 0.9)):
        rows = torch_factors(lambda o: lr.StepLR(o, each, gamma), total - math.ceil(total * warm))
        yield "step", total, warm, each, gamma, rows
    yield "step", 30, 0, 0.5, 0.1, torch_factors(lambda o: lr.StepLR(o, 15, 0.1), 30)
    for total, warm, power in ((20, 0, 2), (50, 0.1, 0.5), (10, 0, 1)):
        after = total - math.ceil(total * warm)
        yield "polynomial", total, warm, power, 0, torch_factors(lambda o: lr.PolynomialLR(o, after, power), after)
    for total, warm in ((20, 0.3), (150, 0.1), (37, 0.25), (10, 0.2)):
        yield "one-cycle", total, warm, 0, 0, torch_factors(
            lambda o: lr.OneCycleLR(o, 1.0, total, pct_start=warm), total)
    for cycles, longer, first, warm in ((3, 1, 10, 0), (4, 2, 4, 0.1), (1, 1, 12, 0), (3, 3, 5, 0)):
        after = sum(first * longer ** k for k in range(cycles))
        total = after
        while total - math.ceil(total * warm) < after:
            total += 1
        yield "restarts", total, warm, cycles, longer, torch_factors(
            lambda o: lr.CosineAnnealingWarmRestarts(o, first, longer), after)
    for total, warm, fall in ((100, 0.1, 0.2), (20, 0, 7), (7, 0.1, 0.5)):
        steps = math.ceil(total * fall) if fall < 1 else fall
        yield "wsd", total, warm, fall, 0, np.array(
            [wsd(s, math.ceil(total * warm), total, steps) for s in range(math.ceil(total * warm), total)])


def averages():
    rng = np.random.default_rng(5)
    for decay in (0.9, 0.999):
        weight = torch.nn.Linear(1, 6, bias=False, dtype=torch.float64)
        average = torch.optim.swa_utils.AveragedModel(
            weight, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
        steps, rows = rng.standard_normal((12, 6)), []
        for step in steps:
            weight.weight.data[:, 0] = torch.tensor(step)
            average.update_parameters(weight)
            rows.append(average.module.weight.detach().numpy()[:, 0].copy())
        yield f"{decay}/decay", np.array(decay)
        yield f"{decay}/weights", steps
        yield f"{decay}/averages", np.stack(rows)


def ranges():
    """fastai's lr_find (suggestion "steep") with numpy: smoothed losses until they explode, the smallest gradient."""
    rng = np.random.default_rng(6)
    rates = 1e-7 * 1e8 ** (np.arange(100) / 99)
    log = np.log10(rates)
    for name, losses in (
        ("valley", 2 - 1.5 / (1 + np.exp(-3 * (log + 3))) + np.exp(6 * (log + 0.5))),
        ("noisy", 2 - 1.5 / (1 + np.exp(-2 * (log + 2))) + np.exp(4 * log) + 0.05 * rng.standard_normal(100)),
        ("no end", 1 - 0.1 * (log + 7)),
        ("nothing", 1 + np.exp(3 * (log + 1))),
        ("not finite", np.where(log > -1, np.nan, 2 - 1.5 / (1 + np.exp(-3 * (log + 4))))),
    ):
        mean, smooth = 0.0, []
        for i, loss in enumerate(losses):
            if not np.isfinite(loss):
                break
            mean = 0.9 * mean + 0.1 * loss
            smooth.append(mean / (1 - 0.9 ** (i + 1)))
            if i >= 10 and smooth[-1] > 4 * min(smooth):
                break
        smooth = np.array(smooth)
        found = rates[np.gradient(smooth).argmin()] if smooth.min() <= 0.99 * smooth[0] else 0.0
        yield f"{name}/losses", losses
        yield f"{name}/used", np.array(len(smooth))
        yield f"{name}/rate", np.array(float(f"{found:.1e}"))


def plateaus():
    rng = np.random.default_rng(4)
    for name, factor, patience, losses in (
        ("falling", 0.1, 2, np.linspace(1, 0.1, 20)),
        ("flat", 0.5, 2, np.ones(20)),
        ("noisy", 0.3, 1, np.exp(-np.arange(40) / 10) + 0.1 * rng.standard_normal(40) ** 2),
        ("impatient", 0.5, 0, 1 + 0.1 * rng.standard_normal(20)),
        ("threshold", 0.5, 3, 1 - 5e-5 * np.arange(30)),
        ("not a number", 0.5, 1, np.array([1, 0.5, np.nan, np.nan, 0.4, np.nan, 0.3, 0.3, 0.3, 0.3])),
    ):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=1.0)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor, patience=patience, eps=0)
        rates = []
        for loss in losses:
            scheduler.step(loss)
            rates.append(optimizer.param_groups[0]["lr"])
        yield f"{name}/config", np.array([factor, patience])
        yield f"{name}/losses", losses
        yield f"{name}/rates", np.array(rates)


def schedules():
    for total, share in ((1, 0), (1, 0.1), (2, 0.1), (7, 0.1), (10, 0), (20, 0.1), (100, 0.1), (150, 0.03), (5, 0.9)):
        warmup = math.ceil(total * share)
        for kind in ("constant", "linear", "cosine"):
            name = f"{kind} {total} {share}"
            yield f"{name}/config", np.array([total, share, warmup])
            yield f"{name}/factor", np.array([factor(kind, s, warmup, total) for s in range(total + 1)])
    for kind, total, share, a, b, rows in more_schedules():
        name = f"{kind} {total} {share} {a} {b}"
        yield f"{name}/config", np.array([total, share, math.ceil(total * share)])
        yield f"{name}/numbers", np.array([a, b], np.float64)
        yield f"{name}/factor", rows  # of the last steps, without the warm-up before


def main():
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    for make in (scaler, optimizers, clipping, schedules, plateaus, averages, ranges):
        np.savez(OUT / f"{make.__name__}.npz", **dict(make()))


if __name__ == "__main__":
    main()
