"""Logs the metrics of a training for Bag of Tricks, as one JSON object per line.

    from tricks_log import log

    log(total_steps=5000)
    log(step=0, epoch=0, loss=2.3, learning_rate=0.1)
    log(epoch=0, validation_accuracy=0.61)

Steps and epochs count from 0. Accuracies are from 0 to 1. Any other name is a metric of its own. Lines go to standard
output, or to the file that the environment variable BAG_OF_TRICKS_METRICS names. With torchrun, only rank 0 logs.

Needs Python 3.8 or later and no other package. You may copy this file.
"""

import json
import math
import os
import sys

VERSION = 1

_ACCURACIES = ("accuracy", "validation_accuracy", "validation_top5", "averaged_accuracy")


def log(**metrics):
    """Writes the metrics at once.

    Values are numbers, or have item() as tensors and NumPy's numbers do. None is left out. Only `checkpoint` is a text.

    Raises ValueError for an accuracy that is not from 0 to 1, and TypeError for a value that is no number.
    """
    fields = {name: _plain(name, value) for name, value in metrics.items() if value is not None}
    if os.environ.get("RANK", "0") != "0":
        return
    line = json.dumps(fields, allow_nan=False) + "\n"
    path = os.environ.get("BAG_OF_TRICKS_METRICS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line)
    else:
        sys.stdout.write(line)
        sys.stdout.flush()


def _plain(name, value):
    if name == "checkpoint":
        return os.fspath(value)
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError(f"{name} is no number: {value!r}")
    if math.isfinite(number):
        if name in _ACCURACIES and not 0 <= number <= 1:
            raise ValueError(f"{name} is {number}, but accuracies are from 0 to 1")
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
