#!/usr/bin/env python3
"""Compares onnxtune with PyTorch: the same model, data, batch, optimizer and number of threads.

    peers.py export FOLDER --demo MODEL.onnx
    run.py FOLDER [NAME...] [--onnxtune PROGRAM] [--python PYTHON] [--repeats N] [--threads N] [--precision P]
        [--device cpu|cuda] [--ort PYTHON] [--floor | --startup]

Prints RESULTS.md's table, and to the standard error each run and how far the losses of both sides
are apart. Processes take turns, so that what else the machine does meets all of them; each number
is the median over the repeats. samples/s leaves out the first fifth of the steps; memory is the
largest resident size of the whole process, with --device cuda what it adds to the memory in use on the GPU (a look
each half second); "first step" goes from the start of the process to the
end of its first optimizer step (for onnxtune that includes the evaluation of the untuned model).
Needs the standard library only.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from rows import ROWS, SIZES

HERE = pathlib.Path(__file__).parent
ORT = "ONNX Runtime"

def onnxtune(args, folder, steps, mode, scratch):
    return [args.onnxtune, "tune", folder / "model.onnx", folder / "data", "-o", scratch / "out.onnx", "--force",
            "--quiet", "--steps", steps, "--batch-size", SIZES[args.device][folder.name][1], "--no-shuffle",
            "--device", args.device,
            "--optimizer", "sgd", "--lr", "0.001", "--momentum", "0.9", "--weight-decay", "0",
            "--schedule", "constant", "--warmup", "0", "--clip-norm", "off", "--precision", args.precision,
            "--batch-norm", mode, "--threads", args.threads, "--log", scratch / "log.jsonl"]


def pytorch(args, folder, steps, mode, scratch, *more):
    return [args.python, HERE / "peers.py", "train", folder, "--steps", steps, "--threads", args.threads,
            "--batch-norm", mode, "--device", args.device, "--log", scratch / "log.jsonl", *more]


def gpu(what):
    """What nvidia-smi tells of the first GPU."""
    answer = subprocess.run(["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"], capture_output=True,
                            text=True, check=True)
    return answer.stdout.splitlines()[0]


class GpuMemory(threading.Thread):
    """The most MB in use on the GPU beyond those at the start."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before = self.most = float(gpu("memory.used"))
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.5):
            self.most = max(self.most, float(gpu("memory.used")))

    def end(self):
        self.done.set()
        self.join()
        return self.most - self.before


def measure(command, steps, scratch, args):
    """Runs a process; samples/s, memory in MB, seconds to the end of the first step, and the losses."""
    log = scratch / "log.jsonl"
    log.unlink(missing_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads))
    on_gpu = GpuMemory() if args.device == "cuda" else None
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
    memory = on_gpu.end() if on_gpu else usage.ru_maxrss / 1024
    if status or first is None:
        sys.exit(f"{' '.join(map(str, command))}\nfailed:\n{(scratch / 'output').read_text()}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    rates = [line["samples_per_second"] for line in lines]
    if len(rates) != steps:
        sys.exit(f"{command[0]}: {len(rates)} steps instead of {steps}")
    rates = rates[max(2, steps // 5):] or rates
    return len(rates) / sum(1 / r for r in rates), memory, first, [line["loss"] for line in lines]


def contenders_of(args, folder, steps, mode, images, scratch):
    """{name: command}: PyTorch in its memory formats; on the CPU, for bfloat16, with and without autocast; on a GPU in
    mixed precision, eagerly and compiled, with CUDA graphs."""
    peers = {"PyTorch": []}
    if args.device == "cuda":
        layout = ["--channels-last"] if images else []
        half = ["--autocast", args.precision] if args.precision != "fp32" else []
        peers = {"PyTorch": layout + half, "PyTorch, compiled": layout + half + ["--compile"]}
    else:
        if images:
            peers["PyTorch, channels-last"] = ["--channels-last"]
        if args.precision == "bf16":
            peers |= {f"{name}, autocast": more + ["--autocast", "bf16"] for name, more in peers.items()}
    commands = {"onnxtune": onnxtune(args, folder, steps, mode, scratch),
                **{name: pytorch(args, folder, steps, mode, scratch, *more) for name, more in peers.items()}}
    if args.ort and mode == "frozen" and (folder / "ort").exists():
        commands[ORT] = [args.ort, HERE / "ort.py", "train", folder, "--steps", steps, "--threads", args.threads,
                         "--log", scratch / "log.jsonl"]
    return commands


def compare(args, row, scratch):
    """{contender: [medians]}"""
    _, name, steps, mode, images = ROWS[args.device][row]
    contenders = contenders_of(args, args.folder / name, steps, mode, images, scratch)
    results, losses = {name: [] for name in contenders}, {}
    for repeat in range(args.repeats):
        for name, command in contenders.items():
            *result, losses[name] = measure(command, steps, scratch, args)
            results[name].append(result)
            print(f"{row} {repeat + 1}/{args.repeats} {name}: "
                  "{:.0f} samples/s, {:.0f} MB, {:.2f} s".format(*results[name][-1]), file=sys.stderr)
    for peer in ("PyTorch", "PyTorch, autocast"):
        if peer in losses:
            apart = max(abs(x - y) for x, y in list(zip(losses["onnxtune"], losses[peer]))[:5])
            print(f"{row}: the losses of the first steps differ from {peer}'s by up to {apart:.1e}", file=sys.stderr)
    return {name: [statistics.median(column) for column in zip(*runs)] for name, runs in results.items()}


def contractions(profile, steps):
    """Of a step, from the file of --profile: all seconds, those of contractions, and 1e9 operations of these."""
    head, _, _, *rows = profile.split("\n\nthe whole run")[0].splitlines()
    seconds = operations = 0
    for cells in (re.split(r"  +", row) for row in rows):
        if len(cells) == 6:  # operator, kernel, calls, seconds, share, GFLOP/s
            seconds += float(cells[3]) / steps
            operations += float(cells[3]) / steps * float(cells[5])
    return float(head.split()[2]) / steps, seconds, operations


def floor_line(title, profile, steps, peak):
    step, seconds, operations = contractions(profile, steps)
    return (f"| {title} | {step * 1e3:.3g} | {seconds * 1e3:.3g} | {seconds / step:.0%} "
            f"| {number(operations / seconds)} | {operations / seconds / peak:.0%} | {operations / step / peak:.0%} |")


def parts(profile):
    """{part of the run: (seconds, processor seconds)}, in their order, from the file of --profile."""
    table = profile.split("\n\nthe whole run")[1].splitlines()[1:]
    return {cells[0]: (float(cells[-2]), float(cells[-1])) for cells in (re.split(r"  +", row) for row in table)}


def startup(args, row, scratch):
    """{part: milliseconds} up to the end of the first step, medians. What is before the first part is processor time."""
    _, name, _, mode, _ = ROWS[args.device][row]
    command = onnxtune(args, args.folder / name, 1, mode, scratch) + ["--profile", scratch / "profile"]
    runs = []
    for _ in range(args.repeats):
        measure(command, 1, scratch, args)
        runs.append({})
        for part, (seconds, processor_seconds) in parts((scratch / "profile").read_text()).items():
            if not part.startswith("steps: ") or part in ("steps: the first", "steps: waiting for data"):
                runs[-1][part] = 1000 * (seconds or processor_seconds)
            if part == "steps: the first":
                break
    return {part: statistics.median(run[part] for run in runs) for part in runs[0]}


def startups(args, scratch):
    """The table of starts."""
    rows = args.rows or ["mlp", "lenet", "resnet50", "vit", "bert12"]
    columns = [startup(args, row, scratch) for row in rows]
    print(f"{processor()}, {args.threads} threads, onnxtune {args.precision}, milliseconds, medians of {args.repeats}, "
          f"{time.strftime('%Y-%m-%d')}.\n")
    print("| | " + " | ".join(ROWS[args.device][row][0].split(",")[0] for row in rows) + " |")
    print("| --- |" + " --- |" * len(rows))
    for part in columns[0]:
        print(f"| {part} | " + " | ".join(number(c[part]) for c in columns) + " |")
    print("| all | " + " | ".join(number(sum(c.values())) for c in columns) + " |")


def floor(args, row, peak, scratch):
    """A line of the table of floors: what the steps would take with nothing but their contractions."""
    title, name, steps, mode, _ = ROWS[args.device][row]
    command = onnxtune(args, args.folder / name, steps, mode, scratch) + ["--profile", scratch / "profile"]
    measure(command, steps, scratch, args)
    return floor_line(title, (scratch / "profile").read_text(), steps, peak)


def floors(args, scratch):
    """The table of floors. The peak is the speed of a product of 2048 x 2048 matrices in PyTorch."""
    code = ("import time, torch; torch.set_num_threads(%d); x = torch.randn(2048, 2048, dtype=torch.%s, device='%s')\n"
            "def t():\n    s = time.perf_counter(); (x @ x)[0, 0].item(); return time.perf_counter() - s\n"
            "print(2 * 2048**3 / min(t() for _ in range(20)) * 1e-9)")
    dtype = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}[args.precision]
    peak = float(subprocess.run([args.python, "-c", code % (args.threads, dtype, args.device)], capture_output=True, text=True,
                                check=True).stdout)
    print(f"{processor()}, {args.threads} threads, onnxtune {args.precision}, {time.strftime('%Y-%m-%d')}; "
          f"peak: a product of 2048 x 2048 matrices in PyTorch, {peak:,.0f} GFLOP/s.\n")
    print("| | step, ms | its contractions, ms | share of the step | their GFLOP/s | of the peak | of the peak, whole step |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    for row in args.rows or ROWS[args.device]:
        print(floor(args, row, peak, scratch), flush=True)


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def line(title, medians, with_ort=False):
    peers = {k: v for k, v in medians.items() if k not in ("onnxtune", ORT)}
    best = max(peers, key=lambda k: peers[k][0])
    ours, theirs = medians["onnxtune"], peers[best]
    variant = best.removeprefix("PyTorch").removeprefix(", ")
    variant = f" ({variant})" if variant else ""
    return (f"| {title} | {number(ours[0])} | {number(theirs[0])}{variant} | {ours[0] / theirs[0]:.2f} "
            f"| {ours[1]:.0f} | {theirs[1]:.0f} | {ours[2]:.2f} | {theirs[2]:.2f} |"
            + (f" {number(medians[ORT][0]) if ORT in medians else '-'} |" if with_ort else ""))


def processor():
    for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.split(":")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("rows", nargs="*", metavar="NAME", help=", ".join(ROWS["cpu"]) + "; on a GPU: " + ", ".join(ROWS["cuda"]))
    parser.add_argument("--onnxtune", default="./onnxtune")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=SIZES, default="cpu")
    parser.add_argument("--precision", choices=["fp32", "fp16", "bf16"],
                        help="onnxtune's, fp32 on the CPU, fp16 on a GPU; there PyTorch's autocast has it too, on the CPU "
                        "PyTorch is the best of float32 and, for bf16, bfloat16 autocast")
    parser.add_argument("--floor", action="store_true", help="onnxtune alone: how long the contractions of a step take")
    parser.add_argument("--startup", action="store_true", help="onnxtune alone: what happens up to the end of the first step")
    parser.add_argument("--ort", metavar="PYTHON", help="one with ONNX Runtime Training, for a column more: see ort.py")
    args = parser.parse_args()
    args.precision = args.precision or ("fp16" if args.device == "cuda" else "fp32")
    lines = []
    if args.floor or args.startup:
        with tempfile.TemporaryDirectory() as scratch:
            return (floors if args.floor else startups)(args, pathlib.Path(scratch))
    with tempfile.TemporaryDirectory() as scratch:
        for row in args.rows or ROWS[args.device]:
            lines.append(line(ROWS[args.device][row][0], compare(args, row, pathlib.Path(scratch)),
                              args.ort is not None))
            print(lines[-1], file=sys.stderr)
    version = subprocess.run([args.python, "-c", "import torch; print(torch.__version__)"], capture_output=True,
                             text=True, check=True).stdout.strip()
    theirs = "float32 or bfloat16 autocast" if args.precision == "bf16" else "float32"
    machine = processor()
    if args.device == "cuda":
        machine, theirs = gpu("name"), f"autocast {args.precision}" if args.precision != "fp32" else "float32"
    print(f"{machine}, {args.threads} threads, onnxtune {args.precision}, PyTorch {version} {theirs}, "
          f"{args.repeats} repeats, {time.strftime('%Y-%m-%d')}.\n")
    print("| | onnxtune samples/s | PyTorch samples/s | ratio | onnxtune MB | PyTorch MB "
          "| onnxtune first step, s | PyTorch first step, s |" + (f" {ORT} samples/s |" if args.ort else "")
          + "\n|" + " --- |" * (9 if args.ort else 8))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
