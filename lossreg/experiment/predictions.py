"""Predictions: what a run, at its end, makes of the rows to test on; a file of its own in the run's directory.

    predictions.safetensors    `prediction` and `target`: a class for each row, or real numbers of shape (n, columns)

The names of the classes are in the file's metadata. A report reads it; it needs neither the data nor the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.experiment.metrics import CHUNK
from lossreg.experiment.task import Task

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lossreg.experiment.train import Session

FILE = "predictions.safetensors"


class Predictions(NamedTuple):
    """What was predicted, what would have been right, and the names of the classes, if it is about classes."""

    prediction: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...]


def predict(session: Session) -> bytes | None:
    """Predict the rows to test on, as the bytes of the file; None where there are no such rows."""
    from safetensors.numpy import save

    if session.test is None:
        return None
    inputs, targets = session.test
    parts = range(0, len(inputs), CHUNK)
    outputs = [np.array(session.network.forward(inputs[start : start + CHUNK])) for start in parts]
    prediction, target = np.concatenate(outputs), targets
    if session.task is Task.LABELS:
        prediction = prediction.argmax(axis=1)
    elif session.task is not Task.REAL:
        prediction, target = (prediction[:, 0] > 0).astype(np.int64), (targets[:, 0] > 0).astype(np.int64)
    arrays = {"prediction": np.ascontiguousarray(prediction), "target": np.ascontiguousarray(target)}
    return save(arrays, metadata={"classes": json.dumps(session.classes)})


def read(path: Path) -> Predictions | None:
    """Read the predictions of a run's directory; None if there are none, or if they cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path / FILE, "np") as file:
            classes = json.loads((file.metadata() or {}).get("classes", "[]"))
            return Predictions(file.get_tensor("prediction"), file.get_tensor("target"), tuple(classes))
    except (OSError, ValueError, SafetensorError):
        return None
