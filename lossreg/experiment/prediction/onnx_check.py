"""Compare an ONNX model with the trained model that it was written from, on random rows in onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.prediction.onnx_export import words_of
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.prediction.trained_model import TrainedModel

CHECKED_ROWS = 64
TOLERANCE = 2e-5
"""By how much results may differ from the model's, relative to the largest of them: the rounding of float32."""


def check(content: bytes, model: TrainedModel) -> float:
    """Compare an ONNX model with the original on random rows, and return the largest relative difference.

    Raises InvalidInput if it is more than rounding in float32.
    """
    with optional_imports():
        from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    data = random_rows(model)
    fed = (
        {"inputs": data} if not isinstance(data, dict) else {name: cells[:, np.newaxis] for name, cells in data.items()}
    )
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, fed), strict=True))
    outputs = model.outputs(data)
    expected = {
        "outputs": outputs,
        "prediction": model.predictions(outputs),
        "probability": model.probabilities(outputs),
    }
    worst = 0.0
    for name, values in found.items():
        original = np.asarray(expected[name])
        if original.dtype.kind == "f":
            largest = float(np.abs(original).max()) or 1.0
            worst = max(worst, float(np.abs(values - original).max()) / largest)
    if not worst <= TOLERANCE:
        raise InvalidInput(f"the ONNX model differs from the original by {worst:.1e} of the largest result")
    return worst


def random_rows(model: TrainedModel) -> Any:
    """Rows like those that the model was trained on: an array, or columns by name if some hold words."""
    draw, encoding = np.random.default_rng(0), model.encoding
    rows = draw.normal(size=(CHECKED_ROWS, len(encoding.features)))
    if isinstance(model.network, BoostedNetwork):
        put_thresholds(rows, model.network, draw)
    if encoding.scaling:
        scaling = Scaling.from_json(encoding.scaling)
        rows = rows * np.where(np.isinf(scaling.deviation), 0.0, scaling.deviation) + scaling.mean
    words = words_of(encoding)
    if not words:
        return rows
    unknown = "a word not trained on"
    return {
        name: draw.choice(np.array([*words[name], unknown], object), CHECKED_ROWS)
        if name in words
        else rows[:, encoding.features.index(name)]
        for name in encoding.kinds
    }


def put_thresholds(rows: NDArray[np.float64], network: BoostedNetwork, draw: np.random.Generator) -> None:
    """Replace features by thresholds of trees, where two sides of a split differ."""
    trees = network.trees.trees()
    features, values = (np.concatenate([getattr(tree, name) for tree in trees]) for name in ("features", "values"))
    for feature in np.unique(features[features >= 0]):
        rows[:, feature] = draw.choice(values[features == feature], len(rows))
