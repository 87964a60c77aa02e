"""The predictions that a run makes at its end for its test rows, in a file of its directory.

    predictions.safetensors    `prediction` and `target`: the class of each example, or real numbers in the units of the
                               data, (n, columns); `row`: its row in the data, from 0, where an example is a row; and
                               `probability`: that of each class, (n, classes), where the loss defines it

The names of the classes are in the file's metadata. `lossreg report` reads the file, and then needs neither data nor
model. A run whose rows have several labels has no such file.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.experiment.prediction.trained_model import TrainedModel
from lossreg.experiment.storage import files
from lossreg.experiment.storage.checkpoint import encode
from lossreg.experiment.storage.schemas import is_text
from lossreg.experiment.storage.untrusted import Unreadable, parsed
from lossreg.experiment.task.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lossreg.experiment.training.prepare import PreparedRun

FILE = "predictions.safetensors"
LARGEST = 1_000_000_000
"""The size, in bytes, up to which predictions are read."""

OUTCOMES = {
    Task.RANKING: ("below", "above"),
    Task.PAIRS: ("apart", "together"),
    Task.TRIPLETS: ("apart", "together"),
}
"""The names of the two outcomes of a comparison: where the first row ranks, or whether rows have the same class."""


class Predictions(NamedTuple):
    """Predictions, the targets, and the names of the classes, which are empty for real targets."""

    prediction: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...]


def save(prepared: PreparedRun, folder: Path) -> None:
    """Predict the test examples, and write the predictions of a run into its directory.

    Nothing is written if there are none, or if each may have several labels.
    """
    evaluator, examples = prepared.evaluator, prepared.splits.get("test")
    if examples is None or evaluator.kind in {"multilabel", "survival", "lists", "none"}:
        return
    is_row = prepared.objective.first.rows == 1
    model = TrainedModel(prepared.config, prepared.encoding, prepared.network) if is_row else None
    parts: dict[str, list[Any]] = {"prediction": [], "target": []}
    for chunk in evaluator.chunks(prepared.network, examples):
        targets, predictions = evaluator.as_metrics_take_them(chunk.outputs, chunk.targets[0])
        parts["prediction"].append(np.array(predicted(evaluator.kind, predictions)))
        parts["target"].append(np.array(targets if evaluator.kind == "regression" else targets.astype(np.int64)))
        width = predictions.shape[1] if evaluator.kind == "multiclass" else 0
        probabilities = model and model.probabilities(chunk.outputs)
        if probabilities is not None:
            parts.setdefault("probability", []).append(np.array(probabilities))
    arrays = {name: np.concatenate(chunks) for name, chunks in parts.items()}
    if is_row:
        arrays["row"] = examples.inputs.flat_index
    files.write(folder / FILE, encode(arrays, {"classes": json.dumps(class_names(prepared, width))}))


def predicted(kind: str, predictions: NDArray[Any]) -> NDArray[Any]:
    """The predicted classes, or the real numbers, from the predictions that metrics take."""
    if kind == "regression":
        return predictions
    return predictions.argmax(axis=1) if kind == "multiclass" else (predictions > 0).astype(np.int64)


def class_names(prepared: PreparedRun, width: int) -> tuple[str, ...]:
    """The names of the predicted classes, of which there are `width` if they have a score each; none for numbers."""
    classes, kind = tuple(prepared.encoding.classes), prepared.evaluator.kind
    if kind == "regression":
        return ()
    if kind == "multiclass":
        return classes or tuple(map(str, range(width)))
    return OUTCOMES.get(prepared.objective.first.requirements.task, classes or ("0", "1"))


def read(path: Path) -> Predictions | None:
    """Read the predictions in the directory of a run; None if there are none. Raises Unreadable for a damaged file."""
    from safetensors import SafetensorError, safe_open

    try:
        with files.opened(path / FILE, os.O_RDONLY) as descriptor:
            size = os.fstat(descriptor).st_size
        if size > LARGEST:
            raise Unreadable(f"is larger than the {LARGEST:,} bytes that are read of it")
        with safe_open(path / FILE, "np") as file:
            classes = parsed((file.metadata() or {}).get("classes", "[]"))
            return verified(file.get_tensor("prediction"), file.get_tensor("target"), classes)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error
    except (AttributeError, KeyError, TypeError, SafetensorError) as error:
        raise Unreadable(f"is damaged: {error}") from error


def verified(prediction: NDArray[Any], target: NDArray[Any], classes: Any) -> Predictions:
    """Predictions that fit together. Raises Unreadable for others."""
    if not isinstance(classes, list) or not all(map(is_text, classes)):
        raise Unreadable("expected a list of the names of the classes")
    kinds, dimensions = ("iu", 1) if classes else ("fiu", 2)
    for name, array in (("prediction", prediction), ("target", target)):
        if array.dtype.kind not in kinds or array.ndim != dimensions or array.shape != target.shape:
            raise Unreadable(f"{name}: not what a run writes: {array.dtype} of shape {array.shape}")
        if classes and array.size and not 0 <= array.min() <= array.max() < len(classes):
            raise Unreadable(f"{name}: classes {array.min()} to {array.max()}; there are {len(classes)}")
    return Predictions(prediction, target, tuple(classes))
