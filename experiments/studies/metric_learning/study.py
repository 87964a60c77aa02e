"""Metric learning: which loss gives embeddings in which digits that were never trained on are near their own kind.

python experiments/studies/metric_learning/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
CLASSES = ("digits that were trained on", "new digits")
PIXELS = "the pixels themselves"
MLP = {"name": "mlp", "hidden": [64], "outputs": 16}
METHODS: dict[str, tuple[Any, Any]] = {
    "cross_entropy": ("cross_entropy", {"name": "mlp", "hidden": [64]}),
    PIXELS: (None, None),
    "triplet_margin": ({"name": "triplet_margin", "margin": 1.0}, {"name": "siamese", "hidden": [64], "embedding": 16}),
    "supcon": ("supcon", MLP),
    "multi_similarity": ({"name": "multi_similarity", "epsilon": 0.1}, MLP),
    "arcface": ({"name": "arcface", "scale": 16.0, "margin": 0.3}, MLP),
}
"""The loss and the model of each method; the embedding of `cross_entropy` is its scores of classes."""
SEEDS, KINDS = 6, 10
METRICS = ("nearest neighbour of the same class", "mean average precision")


def one(classes: str, method: str, seed: int) -> dict[str, float]:
    """Return how near images of one digit are to each other, of rows that were not trained on."""
    x, y = load_digits(return_X_y=True)
    x = x / 16 - 0.5
    random = np.random.default_rng(seed)
    new = random.permutation(KINDS)[: KINDS // 2]
    is_new, is_held_out = np.isin(y, new), random.random(len(y)) < 0.3
    trained = ~is_new & ~is_held_out
    judged = is_new if classes == "new digits" else ~is_new & is_held_out
    loss, model = METHODS[method]
    labels = np.unique(y[trained], return_inverse=True)[1]
    found = x[judged]
    if loss is not None:
        found = common.train(HERE / "config.yaml", x[trained], labels, loss, seed, model=model).outputs(found)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    near = np.argsort(-(unit @ unit.T) + 4 * np.eye(len(unit)), axis=1)[:, :-1]
    same = y[judged][near] == y[judged][:, np.newaxis]
    precision = np.cumsum(same, axis=1) / np.arange(1, same.shape[1] + 1)
    return dict(zip(METRICS, (same[:, 0].mean(), ((precision * same).sum(1) / same.sum(1)).mean()), strict=True))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, CLASSES, tuple(METHODS), SEEDS), METRICS, "judged on")
