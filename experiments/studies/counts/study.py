"""Counts and heavy tails: which loss predicts the mean of counts that are often 0 and sometimes large.

python experiments/studies/counts/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.datasets import randhie

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
ROWS = ("200 rows", "1,000 rows", "4,000 rows")
LOSSES: dict[str, Any] = {
    "mse": "mse",
    "l1": "l1",
    "poisson_nll": "poisson_nll",
    "negative_binomial_nll": {"name": "negative_binomial_nll", "dispersion": 1.0},
    "tweedie": {"name": "tweedie", "power": 1.5},
}
SEEDS, HELD_OUT, LEAST = 8, 4000, 0.05
EPOCHS = {"200 rows": 40, "1,000 rows": 20, "4,000 rows": 10}
METRICS = ("Poisson deviance", "root mean squared error", "error of the total in %")


def one(rows: str, method: str, seed: int) -> dict[str, float]:
    """Return the scores on held-out people of a model trained on some others."""
    table = randhie.load().data.to_numpy(np.float64)
    chosen = np.random.default_rng(seed).permutation(len(table))
    held_out = table[chosen[:HELD_OUT]]
    trained = table[chosen[HELD_OUT:][: int(rows.removesuffix(" rows").replace(",", ""))]]
    changes = {"train": {"epochs": EPOCHS[rows], "batch_size": 32}}
    model = common.train(HERE / "config.yaml", trained[:, 1:], trained[:, 0], LOSSES[method], seed, **changes)
    count, found = held_out[:, 0], model.predict(held_out[:, 1:]).astype(np.float64)
    error = np.sqrt(((found - count) ** 2).mean())
    total = 100 * abs(found.sum() / count.sum() - 1)
    mean = np.maximum(found, LEAST)  # the deviance of a mean of 0 or below is infinite
    deviance = 2 * (np.where(count > 0, count * np.log(np.maximum(count, 1) / mean), 0) - count + mean).mean()
    return dict(zip(METRICS, (deviance, error, total), strict=True))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, ROWS, tuple(LOSSES), SEEDS), METRICS, "trained on")
