#!/usr/bin/env python3
"""Makes NAME/distill.npz for three MLPs, described in README.md: training with the untuned model as
teacher. Versions: requirements.txt."""
import copy
import pathlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F

import generate

HERE = pathlib.Path(__file__).parent
STEPS = 20
# share of the teacher, temperature
CASES = {"mlp": (0.3, 4.0), "mlp_bce": (0.6, 2.0), "mlp_mse": (0.5, 1.0)}


def soft_loss(kind, logits, teacher, temperature):
    """Cross-entropy with the teacher's softened outputs, times T^2 (Hinton et al. 2015)."""
    if kind == "cross_entropy":
        target = F.softmax(teacher / temperature, 1)
        return F.cross_entropy(logits / temperature, target) * temperature ** 2
    if kind == "mse_loss":
        return F.mse_loss(logits, teacher)
    target = torch.sigmoid(teacher / temperature)
    return F.binary_cross_entropy_with_logits(logits / temperature, target) * temperature ** 2


def run(net, x, y, recipe, share, temperature, dtype):
    teacher = copy.deepcopy(net).to(dtype).eval()
    net = copy.deepcopy(net).to(dtype)
    x, y = torch.tensor(x).to(dtype), torch.tensor(y)
    y = y.to(dtype) if y.is_floating_point() else y
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for step in range(STEPS):
        first = step % generate.BATCHES * recipe.batch
        part = slice(first, first + recipe.batch)
        optimizer.zero_grad()
        logits = net.logits(x[part])
        with torch.no_grad():
            taught = teacher.logits(x[part])
        loss = (1 - share) * getattr(F, recipe.loss)(logits, y[part])
        loss = loss + share * soft_loss(recipe.loss, logits, taught, temperature)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    return losses, {n: p.detach().numpy().copy() for n, p in net.named_parameters()}


def main():
    torch.set_num_threads(1)
    for name, (share, temperature) in CASES.items():
        recipe = generate.RECIPES[name]
        net = recipe.make()
        names = generate.find_names(net, onnx.load(HERE / name / "model.onnx"))  # fails when not the file's
        data = np.load(HERE / name / "data.npz")
        arrays = {"config": np.array([share, temperature])}
        for bits, dtype in ((32, torch.float32), (64, torch.float64)):
            losses, final = run(net, data["x"], data["labels"], recipe, share, temperature, dtype)
            arrays[f"loss{bits}"] = np.array(losses)
            arrays.update(generate.rename(final, names, f"final{bits}/", np.float32))
        np.savez(HERE / name / "distill.npz", **arrays)


if __name__ == "__main__":
    main()
