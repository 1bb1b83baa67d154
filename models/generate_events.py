"""Records an event file as PyTorch and TensorBoard write it: tests/data/events/torch.tfevents.

Run by hand: python models/generate_events.py (torch 2.15, tensorboard 2.21). tests/unit/test_events.c
writes the same events.
"""

import pathlib

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import histogram, scalar
from torch.utils.tensorboard.writer import SummaryWriter

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "events"


def bins():
    """SummaryWriter's default bins."""
    writer = SummaryWriter.__new__(SummaryWriter)
    v, buckets, negative = 1e-12, [], []
    while v < 1e20:
        buckets.append(v)
        negative.append(-v)
        v *= 1.1
    writer.default_bins = negative[::-1] + [0] + buckets
    return writer.default_bins


def both(*summaries):
    first = summaries[0]
    for s in summaries[1:]:
        first.value.extend(s.value)
    return first


def values(*xs):
    return np.array(xs, dtype=np.float64)


EVENTS = [
    Event(wall_time=1.5, file_version="brain.Event:2"),
    Event(wall_time=2.0, step=3, summary=scalar("loss", 0.5)),
    Event(wall_time=1e9 + 0.25, step=123456789012,
          summary=both(scalar("train/loss", float("nan")), scalar("train/lr", float("inf")),
                       scalar("validation/accuracy", 0.0))),
    Event(wall_time=0.0, step=0, summary=scalar("zero", -1.0)),
    Event(wall_time=3.0, step=1, summary=histogram("weights/a", values(-2, -0.5, 0, 0, 1, 1, 1.5, 3), bins())),
    Event(wall_time=3.5, step=2, summary=histogram("weights/one", values(0.25), bins())),
    Event(wall_time=4.0, step=4, summary=histogram("weights/wide", values(-2.0**50, 2**-30, 2.0**60), bins())),
    Event(wall_time=5.0, step=3, session_log=SessionLog(status=SessionLog.START)),
]

OUT.mkdir(parents=True, exist_ok=True)
with open(OUT / "torch.tfevents", "wb") as f:
    writer = RecordWriter(f)
    for event in EVENTS:
        writer.write(event.SerializeToString())
