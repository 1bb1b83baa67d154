"""Records tqdm's lines: tests/data/progress/lines.json and runs.json.

Run by hand: python models/generate_progress.py (tqdm 4.70.1).
"""

import io
import json
import pathlib
import random

import tqdm.std
from tqdm import tqdm as Bar

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "progress"


def line(n, total, elapsed, ncols=None, ascii=False, unit="it", scale=False, rate=None, prefix="", postfix=""):
    text = Bar.format_meter(n, total, elapsed, ncols=ncols, prefix=prefix, ascii=ascii, unit=unit,
                            unit_scale=scale, rate=rate, postfix=postfix)
    return {"n": n, "total": total or 0, "elapsed": elapsed, "columns": -1 if ncols is None else ncols,
            "ascii": ascii, "unit": unit, "scale": scale, "rate": -1 if rate is None else rate,
            "prefix": prefix, "postfix": postfix, "text": text}


def lines():
    yield line(0, 100, 0)
    yield line(37, 100, 12.3, 80, prefix="Epoch 1/3", postfix="loss=0.123, lr=0.001")
    yield line(37, 100, 12.3, ascii=True, prefix="Epoch 1/3")
    yield line(5, 10, 20, unit="batch")
    yield line(100, 100, 3725)
    yield line(45000, 100000, 3.2, unit="img", scale=True)
    yield line(3, None, 5)
    yield line(101, 100, 10)
    yield line(3, None, 5, prefix="Epoch 1/3: ")
    yield line(3, 4, 5, prefix="Epoch 1/3: ")
    yield line(0, 0, 0)
    yield line(1, 3, 0)
    yield line(1, 10**12, 50)
    r = random.Random(0)
    for _ in range(400):
        total = r.choice([None, 1, 7, 100, 938, 12345, 10**7])
        n = r.randint(0, total or 5000) if r.random() < 0.9 else 10**8
        yield line(n, total, r.choice([0, r.random(), r.random() * 100, r.random() * 1e5]),
                   r.choice([None, 0, 1, 5, 30, 60, 80, 100, 200]), r.random() < 0.3,
                   r.choice(["it", "step", "batch"]), r.random() < 0.3,
                   r.choice([None, None, 0.0, r.random() * 5, r.random() * 3000]),
                   r.choice(["", "Epoch 2/3", "Epoch 10/100: ", "Évaluation"]),
                   r.choice(["", "loss=0.123", "loss=1.2e-5, lr=0.001"]))


def numbers():
    r = random.Random(1)
    values = [0.0, -0.0, 1.0, 0.5, 0.1234, 1234.0, 123456.0, 1e-5, 1.5e-5, 1e-10, 1e22, 2.5e-300, 12.0, 100.0, 999.5]
    values += [r.uniform(-1, 1) * 10.0 ** r.randint(-12, 12) for _ in range(100)]
    return [{"value": v, "text": Bar.format_num(v)} for v in values]


def run(r, total, ncols, ascii):
    """One bar on a clock of our own: what it is told and what it writes."""
    clock = [1000.0]
    tqdm.std.time = lambda: clock[0]
    out = io.StringIO()
    speed = r.choice([0.01, 0.03, 0.3, 2.0])
    steps = []
    bar = Bar(total=total, ncols=ncols, ascii=ascii, desc="Epoch 1/1", file=out, miniters=0)
    n = 0
    while n < total:
        clock[0] += r.random() * speed * 2
        d = min(r.choice([1, 1, 1, 4]), total - n)
        n += d
        bar.set_postfix(loss=1 / (1 + n), refresh=False)
        steps.append([clock[0], n, 1 / (1 + n)])
        bar.update(d)
    clock[0] += 0.05
    bar.close()
    return {"total": total, "columns": ncols, "ascii": ascii, "start": 1000.0, "steps": steps,
            "end": clock[0], "written": out.getvalue()}


if __name__ == "__main__":
    Bar.monitor_interval = 0
    OUT.mkdir(parents=True, exist_ok=True)
    rng = random.Random(2)
    runs = [run(rng, rng.randint(1, 60), rng.choice([40, 80]), rng.random() < 0.3) for _ in range(12)]
    for name, cases in (("lines.json", list(lines())), ("numbers.json", numbers()), ("runs.json", runs)):
        rows = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
        (OUT / name).write_text("[\n" + rows + "\n]\n", encoding="utf-8")
