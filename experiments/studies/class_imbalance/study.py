"""Class imbalance: what helps if some classes have far fewer examples in training than in use.

python experiments/studies/class_imbalance/study.py    # some minutes; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
RATIOS = ("1 : 1", "1 : 10", "1 : 50")
SEEDS, CLASSES = 8, 10
METRICS = ("balanced accuracy", "worst recall", "log loss")
SHIFTED = "cross_entropy, shifted afterwards"
LOSSES: dict[str, Callable[[Any], Any]] = {
    "cross_entropy": lambda _: "cross_entropy",
    SHIFTED: lambda _: "cross_entropy",
    "weighted": lambda n: {"name": "cross_entropy", "weight": (n.mean() / n).tolist()},
    "logit_adjusted": lambda n: {"name": "logit_adjusted", "prior": (n / n.sum()).tolist()},
    "focal_cross_entropy": lambda _: "focal_cross_entropy",
    "ldam": lambda n: {"name": "ldam", "margin": (0.5 * (n.min() / n) ** 0.25).tolist(), "scale": 10.0},
}
"""The loss of each method, by the numbers of examples of the classes."""


def one(ratio: str, method: str, seed: int) -> dict[str, float]:
    """Return the scores on balanced rows of a model trained on rows of which some classes have few."""
    images, digits = load_digits(return_X_y=True)
    x, held_out, y, truth = train_test_split(images, digits, test_size=0.3, stratify=digits, random_state=seed)
    random = np.random.default_rng(seed)
    most = min(np.bincount(y))
    rank = random.permutation(CLASSES)  # which classes are rare differs by seed
    rows = [
        random.permutation(np.flatnonzero(y == label))[: max(2, round(most * rarity(ratio, rank[label])))]
        for label in range(CLASSES)
    ]
    kept = np.concatenate(rows)
    numbers = np.bincount(y[kept], minlength=CLASSES)
    model = common.train(HERE / "config.yaml", x[kept], y[kept], LOSSES[method](numbers), seed)
    logits = model.outputs(held_out).astype(np.float64) * (10.0 if method == "ldam" else 1.0)
    if method == SHIFTED:
        logits -= np.log(numbers)
    recalls = [float((logits[truth == label].argmax(1) == label).mean()) for label in range(CLASSES)]
    shifted = logits - logits.max(1, keepdims=True)
    surprise = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(truth)), truth]
    return dict(zip(METRICS, (np.mean(recalls), min(recalls), surprise.mean()), strict=True))


def rarity(ratio: str, rank: int) -> float:
    """Return the share of its examples that a class keeps: from 1 down to the ratio, by equal factors."""
    return float(ratio.rpartition(" ")[2]) ** -(rank / (CLASSES - 1))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, RATIOS, tuple(LOSSES), SEEDS), METRICS, "rarest to most frequent")
