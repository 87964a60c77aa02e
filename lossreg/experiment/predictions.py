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

    from lossreg.experiment.data import Part
    from lossreg.experiment.model import Network

FILE = "predictions.safetensors"


class Predictions(NamedTuple):
    """What was predicted, what would have been right, and the names of the classes, if it is about classes."""

    prediction: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...]


def predict(network: Network, task: Task, part: Part, classes: tuple[str, ...]) -> bytes:
    """Predict some rows, as the bytes of the file."""
    from safetensors.numpy import save

    parts = range(0, len(part.inputs), CHUNK)
    outputs = [np.array(network.forward(part.inputs[start : start + CHUNK])) for start in parts]
    prediction: NDArray[Any] = np.concatenate(outputs)
    target = part.targets
    if task is Task.LABELS:
        prediction = prediction.argmax(axis=1)
    elif task is not Task.REAL:
        prediction, target = ((array[:, 0] > 0).astype(np.int64) for array in (prediction, target))
    arrays = {"prediction": np.ascontiguousarray(prediction), "target": np.ascontiguousarray(target)}
    return save(arrays, metadata={"classes": json.dumps(classes)})


def read(path: Path) -> Predictions | None:
    """Read the predictions of a run's directory; None if there are none, or if they cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path / FILE, "np") as file:
            classes = json.loads((file.metadata() or {}).get("classes", "[]"))
            return Predictions(file.get_tensor("prediction"), file.get_tensor("target"), tuple(classes))
    except (OSError, ValueError, SafetensorError):
        return None
