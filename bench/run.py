#!/usr/bin/env python3
"""Compares onnxtune with PyTorch: the same model, data, batch, optimizer and number of threads.

    peers.py export FOLDER --demo MODEL.onnx
    run.py FOLDER [--onnxtune PROGRAM] [--python PYTHON] [--repeats N] [--threads N] [--precision P] [NAME...]

Prints RESULTS.md's table, and to the standard error each run and how far the losses of both sides
are apart. Processes take turns, so that what else the machine does meets all of them; each number
is the median over the repeats. samples/s leaves out the first fifth of the steps; memory is the
largest resident size of the whole process; "first step" goes from the start of the process to the
end of its first optimizer step (for onnxtune that includes the evaluation of the untuned model).
Needs the standard library only.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent

# row: (title, folder, batch, steps, BatchNormalization, has images)
ROWS = {
    "mlp": ("MLP 784-512-512-10, batch 128", "mlp", 128, 600, "frozen", False),
    "lenet": ("LeNet 1x28x28, batch 128", "lenet", 128, 300, "frozen", True),
    "resnet18": ("ResNet-18 3x64x64, batch 32", "resnet18", 32, 20, "frozen", True),
    "resnet18_train": ("the same, BatchNormalization trained", "resnet18", 32, 20, "train", True),
    "demo": ("text direction 3x48x192, batch 32", "demo", 32, 15, "frozen", True),
    "demo_train": ("the same, BatchNormalization trained", "demo", 32, 15, "train", True),
    "mobilenetv2": ("MobileNetV2 3x224x224, batch 8", "mobilenetv2", 8, 10, "frozen", True),
    "resnet50": ("ResNet-50 3x224x224, batch 8", "resnet50", 8, 6, "frozen", True),
    "vit": ("ViT-S/16 3x224x224, batch 8", "vit", 8, 6, "frozen", False),
    "bert4": ("BERT 4x312, 128 tokens, batch 16", "bert4", 16, 6, "frozen", False),
    "bert12": ("BERT 12x768, 128 tokens, batch 4", "bert12", 4, 6, "frozen", False),
}
BATCH_SIZE_OF = {row[1]: row[2] for row in ROWS.values()}


def onnxtune(args, folder, steps, mode, scratch):
    return [args.onnxtune, "tune", folder / "model.onnx", folder / "data", "-o", scratch / "out.onnx", "--force",
            "--quiet", "--steps", steps, "--batch-size", BATCH_SIZE_OF[folder.name], "--no-shuffle",
            "--optimizer", "sgd", "--lr", "0.001", "--momentum", "0.9", "--weight-decay", "0",
            "--schedule", "constant", "--warmup", "0", "--clip-norm", "off", "--precision", args.precision,
            "--batch-norm", mode, "--threads", args.threads, "--log", scratch / "log.jsonl"]


def pytorch(args, folder, steps, mode, scratch, *more):
    return [args.python, HERE / "peers.py", "train", folder, "--steps", steps, "--threads", args.threads,
            "--batch-norm", mode, "--log", scratch / "log.jsonl", *more]


def measure(command, batch, steps, scratch, threads):
    """Runs a process; samples/s, memory in MB, seconds to the end of the first step, and the losses."""
    log = scratch / "log.jsonl"
    log.unlink(missing_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    start = time.perf_counter()
    with open(scratch / "output", "w") as output:
        process = subprocess.Popen([str(c) for c in command], stdout=output, stderr=output, env=environment)
    first, ended = None, False
    while not ended:
        # Look at the log until the first line is there, then sleep until the end.
        ended, status, usage = os.wait4(process.pid, 0 if first else os.WNOHANG)
        if not first and log.exists() and log.stat().st_size:
            first = time.perf_counter() - start
        time.sleep(0.002)
    if status or first is None:
        sys.exit(f"{' '.join(map(str, command))}\nfailed:\n{(scratch / 'output').read_text()}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    rates = [line["samples_per_second"] for line in lines]
    if len(rates) != steps:
        sys.exit(f"{command[0]}: {len(rates)} steps instead of {steps}")
    rates = rates[max(2, steps // 5):]
    return len(rates) / sum(1 / r for r in rates), usage.ru_maxrss / 1024, first, [line["loss"] for line in lines]


def compare(args, row, scratch):
    """{contender: [medians]}; PyTorch in its memory formats, for bfloat16 with and without autocast."""
    _, name, batch, steps, mode, images = ROWS[row]
    folder = args.folder / name
    contenders = {
        "onnxtune": onnxtune(args, folder, steps, mode, scratch),
        "PyTorch": pytorch(args, folder, steps, mode, scratch),
    }
    if images:
        contenders["PyTorch, channels-last"] = pytorch(args, folder, steps, mode, scratch, "--channels-last")
    if args.precision == "bf16":
        for name in [name for name in contenders if name != "onnxtune"]:
            contenders[f"{name}, autocast"] = [*contenders[name], "--autocast"]
    results, losses = {name: [] for name in contenders}, {}
    for repeat in range(args.repeats):
        for name, command in contenders.items():
            *result, losses[name] = measure(command, batch, steps, scratch, args.threads)
            results[name].append(result)
            print(f"{row} {repeat + 1}/{args.repeats} {name}: "
                  "{:.0f} samples/s, {:.0f} MB, {:.2f} s".format(*results[name][-1]), file=sys.stderr)
    for peer in ("PyTorch", "PyTorch, autocast"):
        if peer in losses:
            apart = max(abs(x - y) for x, y in list(zip(losses["onnxtune"], losses[peer]))[:5])
            print(f"{row}: the losses of the first steps differ from {peer}'s by up to {apart:.1e}", file=sys.stderr)
    return {name: [statistics.median(column) for column in zip(*runs)] for name, runs in results.items()}


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def line(title, medians):
    peers = {k: v for k, v in medians.items() if k != "onnxtune"}
    best = max(peers, key=lambda k: peers[k][0])
    ours, theirs = medians["onnxtune"], peers[best]
    variant = best.removeprefix("PyTorch").removeprefix(", ")
    variant = f" ({variant})" if variant else ""
    return (f"| {title} | {number(ours[0])} | {number(theirs[0])}{variant} | {ours[0] / theirs[0]:.2f} "
            f"| {ours[1]:.0f} | {theirs[1]:.0f} | {ours[2]:.2f} | {theirs[2]:.2f} |")


def processor():
    for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.split(":")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("rows", nargs="*", metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--onnxtune", default="./onnxtune")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", default="fp32",
                        help="onnxtune's; bf16: compared with the best of PyTorch in float32 and in bfloat16 autocast")
    args = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        for row in args.rows or ROWS:
            lines.append(line(ROWS[row][0], compare(args, row, pathlib.Path(scratch))))
    version = subprocess.run([args.python, "-c", "import torch; print(torch.__version__)"], capture_output=True,
                             text=True, check=True).stdout.strip()
    theirs = "float32 or bfloat16 autocast" if args.precision == "bf16" else "float32"
    print(f"{processor()}, {args.threads} threads, onnxtune {args.precision}, PyTorch {version} {theirs}, "
          f"{args.repeats} repeats, {time.strftime('%Y-%m-%d')}.\n")
    print("| | onnxtune samples/s | PyTorch samples/s | ratio | onnxtune MB | PyTorch MB "
          "| onnxtune first step, s | PyTorch first step, s |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
