"""Noisy labels: which loss learns digits best if a share of the labels in training is wrong.

python experiments/studies/noisy_labels/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
SHARES = ("0 %", "20 %", "40 %", "60 %")
EARLY = "cross_entropy, stopped early"
LOSSES: dict[str, Any] = {
    "cross_entropy": "cross_entropy",
    EARLY: "cross_entropy",
    "label_smoothing": {"name": "cross_entropy", "label_smoothing": 0.3},
    "generalized_cross_entropy": {"name": "generalized_cross_entropy", "q": 0.7},
    "symmetric_cross_entropy": "symmetric_cross_entropy",
}
SEEDS, CLASSES, EARLY_EPOCHS = 6, 10, 6
METRICS = ("accuracy", "log loss")


def one(share: str, method: str, seed: int) -> dict[str, float]:
    """Return the scores on clean rows of a model trained with a share of wrong labels."""
    images, digits = load_digits(return_X_y=True)
    x, held_out, y, truth = train_test_split(images, digits, test_size=0.3, stratify=digits, random_state=seed)
    random = np.random.default_rng(seed)
    wrong = random.permutation(len(y))[: round(float(share.partition(" ")[0]) / 100 * len(y))]
    y[wrong] = (y[wrong] + random.integers(1, CLASSES, len(wrong))) % CLASSES
    epochs = {"train": {"epochs": EARLY_EPOCHS, "batch_size": 64}} if method == EARLY else {}
    model = common.train(HERE / "config.yaml", x, y, LOSSES[method], seed, **epochs)
    logits = model.outputs(held_out).astype(np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    surprise = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(truth)), truth]
    return dict(zip(METRICS, ((logits.argmax(1) == truth).mean(), surprise.mean()), strict=True))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, SHARES, tuple(LOSSES), SEEDS), METRICS, "wrong labels")
