"""Records scikit-learn's classification_report for many cases: tests/data/reports/cases.json.

Run by hand: python models/generate_reports.py (scikit-learn 1.9.1, numpy 2.4.6).
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.metrics import (accuracy_score, classification_report, confusion_matrix,
                             mean_absolute_error, mean_squared_error, r2_score)

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "reports"
NAMES = ["cat", "dog", "été", "日本語", "κλάση", "a name with blanks", "Ünïcödé-名前", "🙂", "x",
         "the longest class name of them all", "accuracy", "0", "неразрывный", "e\u0301", "weighted avg"]


def text(indices):
    """Classes as a compact text."""
    return " ".join(map(str, indices))


def single(rng, classes, samples, digits, names=None, labels=None, weighted=False, skew=1.0):
    p = rng.dirichlet(np.full(classes, skew))
    truth = rng.choice(classes, samples, p=p)
    right = rng.random(samples) < rng.random()
    predicted = np.where(right, truth, rng.choice(classes, samples, p=rng.dirichlet(np.full(classes, skew))))
    weight = rng.integers(0, 9, samples) / 4 if weighted else None
    return finish(truth, predicted, weight, classes, digits, names, labels)


def finish(truth, predicted, weight, classes, digits, names=None, labels=None):
    shown = list(range(classes)) if labels is None else labels
    kwargs = dict(labels=shown, target_names=[names[i] if names else str(i) for i in shown],
                  sample_weight=weight, zero_division=0)
    return {
        "kind": "single", "classes": classes, "digits": digits, "names": names, "labels": labels,
        "truth": text(truth), "predicted": text(predicted),
        "weight": None if weight is None else [float(w) for w in weight],
        "text": classification_report(truth, predicted, digits=digits, **kwargs),
        "dict": classification_report(truth, predicted, output_dict=True, **kwargs),
        "accuracy": float(accuracy_score(truth, predicted, sample_weight=weight)),
        "matrix": confusion_matrix(truth, predicted, labels=list(range(classes)), sample_weight=weight)
        .tolist() if classes <= 12 else None,
    }


def multi(rng, classes, samples, digits, names=None, weighted=False):
    truth = (rng.random((samples, classes)) < rng.random()).astype(int)
    flip = rng.random((samples, classes)) < rng.random() / 2
    predicted = np.where(flip, 1 - truth, truth)
    weight = rng.integers(1, 9, samples) / 4 if weighted else None
    return finish_multi(truth, predicted, weight, digits, names)


def finish_multi(truth, predicted, weight, digits, names=None):
    classes = truth.shape[1]
    kwargs = dict(target_names=names[:classes] if names else [str(i) for i in range(classes)],
                  sample_weight=weight, zero_division=0)
    return {
        "kind": "multi", "classes": classes, "digits": digits, "names": names, "labels": None,
        "truth": [text(r) for r in truth], "predicted": [text(r) for r in predicted],
        "weight": None if weight is None else [float(w) for w in weight],
        "text": classification_report(truth, predicted, digits=digits, **kwargs),
        "dict": classification_report(truth, predicted, output_dict=True, **kwargs),
        "accuracy": float(accuracy_score(truth, predicted, sample_weight=weight)),
    }


def report_cases():
    rng = np.random.default_rng(0)
    truth, predicted = np.array([0, 1, 2, 2, 2]), np.array([0, 0, 2, 2, 1])
    three = ["class 0", "class 1", "class 2"]
    yield finish(truth, predicted, None, 3, 2, three)
    yield finish(truth, predicted, None, 3, 2, ["zero", "one", "two"], [0, 2])
    yield finish(truth, predicted, None, 3, 4)
    yield finish(truth, predicted, None, 5, 0, None)          # absent classes
    yield finish(truth, predicted, None, 5, 2, None, [0, 1, 2])  # absent ones left out: accuracy
    yield finish(truth, predicted, None, 5, 2, None, [4, 2])
    yield finish(truth, predicted, None, 3, 20, three)        # digits decide the width
    yield finish(truth, predicted, np.array([0.5, 0.25, 1, 2, 0]), 3, 2, three)
    yield finish_multi(np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]]),
                       np.array([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1]]), None, 2, ["a", "b", "c"])
    for _ in range(60):  # small ones: halves, quarters and eighths fall on rounding boundaries
        classes = int(rng.integers(2, 9))
        yield single(rng, classes, int(rng.integers(1, 25)), int(rng.choice([0, 1, 2, 4])))
    for _ in range(25):
        classes = int(rng.integers(2, len(NAMES) + 1))
        names = list(rng.permutation(NAMES))[:classes]
        yield single(rng, classes, int(rng.integers(1, 80)), int(rng.choice([2, 3])), names)
    for classes in (2, 100, 129, 300):
        yield single(rng, classes, 1500, 4, skew=0.3)
    for _ in range(10):
        classes = int(rng.integers(3, 9))
        labels = [int(i) for i in rng.permutation(classes)[:int(rng.integers(1, classes + 1))]]
        yield single(rng, classes, 30, 2, labels=labels)
    for _ in range(10):
        yield single(rng, int(rng.integers(2, 7)), int(rng.integers(5, 40)), 2, weighted=True)
    for _ in range(20):
        classes = int(rng.integers(2, 11))
        yield multi(rng, classes, int(rng.integers(1, 40)), int(rng.choice([0, 2, 4])), NAMES[:classes])
    yield multi(rng, 20, 300, 4)
    for _ in range(5):
        yield multi(rng, 4, 20, 2, weighted=True)


def regression_cases():
    rng = np.random.default_rng(1)
    for columns in (1, 1, 3):
        truth = (rng.normal(size=(40, columns)) * 3 + 1000).astype(np.float32)
        predicted = (truth + rng.normal(size=truth.shape)).astype(np.float32)
        yield truth, predicted
    yield np.full((4, 1), 2, np.float32), np.full((4, 1), 2, np.float32)
    yield np.full((4, 1), 2, np.float32), np.full((4, 1), 3, np.float32)


def regression(truth, predicted):
    truth64, predicted64 = truth.astype(np.float64), predicted.astype(np.float64)
    return {"truth": truth.tolist(), "predicted": predicted.tolist(),
            "mse": float(mean_squared_error(truth64, predicted64)),
            "mae": float(mean_absolute_error(truth64, predicted64)),
            "r2": float(r2_score(truth64, predicted64))}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    OUT.mkdir(parents=True, exist_ok=True)
    for name, cases in (("cases.json", list(report_cases())),
                        ("regression.json", [regression(*c) for c in regression_cases()])):
        lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
        (OUT / name).write_text("[\n" + lines + "\n]\n", encoding="utf-8")
