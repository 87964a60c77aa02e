"""Boosting with other losses: what XGBoost predicts if its trees descend another loss than the squared error.

python experiments/studies/boosting/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from statsmodels.datasets import randhie

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

from lossreg.bridges.xgboost import LossXGBRegressor

HERE = Path(__file__).parent
DATA = ("diabetes", "diabetes, 10 % wrong", "doctor visits")
LOSSES: dict[str, dict[str, Any]] = {
    "mse": {"loss": "mse"},
    "huber": {"loss": "huber", "loss_parameters": {"delta": 1.345}},
    "log_cosh": {"loss": "log_cosh"},
    "l1": {"loss": "l1"},
    "poisson_nll": {"loss": "poisson_nll"},
    "tweedie": {"loss": "tweedie", "loss_parameters": {"power": 1.5}},
}
TREES = {"n_estimators": 80, "max_depth": 3, "learning_rate": 0.1, "n_jobs": 1}
SEEDS, SHIFT = 8, 8.0
METRICS = ("mean absolute error", "root mean squared error")


@cache
def rows(name: str) -> tuple[Any, Any]:
    """Return inputs and targets."""
    if name != "doctor visits":
        x, y = load_diabetes(return_X_y=True)
        return x, y
    table = randhie.load().data.sample(3000, random_state=0)
    return table.drop(columns="mdvis").to_numpy(float), table["mdvis"].to_numpy(float)


def one(name: str, method: str, seed: int) -> dict[str, float]:
    """Return the errors on held-out rows of boosted trees."""
    x, held_out, y, truth = train_test_split(*rows(name), test_size=0.3, random_state=seed)
    if "wrong" in name:
        wrong = np.random.default_rng(seed).permutation(len(y))[: len(y) // 10]
        y[wrong] += SHIFT * deviation(y)
    # The parameters of robust losses are in units of the errors; a loss of counts takes them as they are.
    middle, scale = (0.0, 1.0) if method in {"poisson_nll", "tweedie"} else (np.median(y), deviation(y))
    model = LossXGBRegressor(**LOSSES[method], **TREES).fit(x, (y - middle) / scale)
    error = model.predict(held_out) * scale + middle - truth
    return dict(zip(METRICS, (np.abs(error).mean(), np.sqrt((error**2).mean())), strict=True))


def deviation(y: Any) -> float:
    """Return the robust standard deviation, or the usual one if half of the numbers are equal."""
    return float(1.4826 * np.median(abs(y - np.median(y))) or np.std(y))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, DATA, tuple(LOSSES), SEEDS), METRICS, "data")
