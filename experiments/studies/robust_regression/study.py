"""Robust regression: which loss predicts clean rows best if a share of the targets in training is wrong.

python experiments/studies/robust_regression/study.py    # some minutes; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
SHARES = ("0 %", "5 %", "10 %", "20 %", "40 %")
LOSSES = {
    "mse": {"name": "mse"},
    "l1": {"name": "l1"},
    "huber": {"name": "huber", "delta": 1.345},
    "log_cosh": {"name": "log_cosh"},
    "cauchy": {"name": "cauchy", "scale": 2.385},
    "tukey": {"name": "tukey", "c": 4.685},
}
"""With the parameters that statisticians choose for an efficiency of 95 % on normal errors of scale 1."""
SEEDS = 10
METRICS = ("mean absolute error", "root mean squared error")
SHIFT = 8.0
"""How far a wrong target is moved up, in robust standard deviations of the targets."""


def one(share: str, method: str, seed: int) -> dict[str, float]:
    """Return the errors on clean rows of a model trained with a share of wrong targets."""
    inputs, targets = load_diabetes(return_X_y=True)
    x, held_out, y, truth = train_test_split(inputs, targets, test_size=0.25, random_state=seed)
    random = np.random.default_rng(seed)
    wrong = random.permutation(len(y))[: round(float(share.partition(" ")[0]) / 100 * len(y))]
    middle = np.median(y)
    scale = 1.4826 * np.median(abs(y - middle))
    y[wrong] += SHIFT * scale
    # The scale of the errors has to be known for the parameters to mean something; it is that of the wrong targets too.
    middle = np.median(y)
    scale = 1.4826 * np.median(abs(y - middle))
    model = common.train(HERE / "config.yaml", x, (y - middle) / scale, LOSSES[method], seed)
    error = model.outputs(held_out)[:, 0] * scale + middle - truth
    return dict(zip(METRICS, (np.abs(error).mean(), np.sqrt((error**2).mean())), strict=True))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, SHARES, tuple(LOSSES), SEEDS), METRICS, "wrong targets")
