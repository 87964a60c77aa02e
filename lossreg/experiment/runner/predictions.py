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
from lossreg.experiment.training.evaluation import chunk_size, evaluated_chunks

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


def predict(prepared: PreparedRun) -> Predictions | None:
    """Predict the test examples; None if there are none, or if each may have several labels."""
    evaluator, examples = prepared.evaluator, prepared.splits.get("test")
    if examples is None or evaluator.kind in {"multilabel", "none"}:
        return None
    targets, predictions = evaluator.targets_and_predictions(prepared.network, examples)
    if evaluator.kind == "regression":
        return Predictions(predictions, targets, ())
    classes = tuple(prepared.encoding.classes)
    if evaluator.kind == "multiclass":
        names = classes or tuple(map(str, range(predictions.shape[1])))
        return Predictions(predictions.argmax(axis=1), targets, names)
    names = OUTCOMES.get(prepared.objective.requirements.task, classes or ("0", "1"))
    return Predictions((predictions > 0).astype(np.int64), targets.astype(np.int64), names)


def save(prepared: PreparedRun, folder: Path) -> None:
    """Write the predictions of a run into its directory."""
    found = predict(prepared)
    if found:
        arrays = {"prediction": found.prediction, "target": found.target}
        examples = prepared.splits["test"]
        if prepared.objective.rows == 1:
            arrays["row"] = examples.inputs.flat_index
            model = TrainedModel(prepared.config, prepared.encoding, prepared.network)
            given = evaluated_chunks(prepared.network, examples, chunk_size(examples))
            chunks = [model.probabilities(chunk.outputs) for chunk in given]
            known = [chunk for chunk in chunks if chunk is not None]
            arrays |= {"probability": np.concatenate(known)} if known else {}
        files.write(folder / FILE, encode(arrays, {"classes": json.dumps(found.classes)}))


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
