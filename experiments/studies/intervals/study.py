"""Quantiles and intervals: which loss gives intervals that have 80 % of new targets in them, and are narrow.

python experiments/studies/intervals/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from statsmodels.datasets import engel, randhie

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
DATA = ("diabetes", "food", "doctor visits")
TAIL, QUANTILE = 0.1, 1.2815515655446004
"""The share of targets on each side of an interval, and the normal quantile of it."""
LOSSES = {
    "mse": "mse and the spread of its errors",
    "gaussian_nll": "mean and variance",
    "beta_nll": "mean and variance",
    "crps_gaussian": "mean and variance",
    "quantile": "two quantiles",
    "quantile, widened": "two quantiles",
}
"""What each method predicts."""
SEEDS = 8
METRICS = ("coverage", "interval score")


@cache
def rows(name: str) -> tuple[Any, Any]:
    """Return the inputs and targets of a data set."""
    if name == "diabetes":
        x, y = load_diabetes(return_X_y=True)
        return x, y
    table = (engel if name == "food" else randhie).load().data
    target = "foodexp" if name == "food" else "mdvis"
    table = table.sample(min(len(table), 2000), random_state=0)
    return table.drop(columns=target).to_numpy(np.float64), table[target].to_numpy(np.float64)


def one(name: str, method: str, seed: int) -> dict[str, float]:
    """Return how many held-out targets the intervals of a method contain, and their score."""
    x, held_out, y, truth = train_test_split(*rows(name), test_size=0.3, random_state=seed)
    kept = np.arange(len(y))
    if method == "quantile, widened":  # by rows that are not trained on
        kept, spare = train_test_split(kept, test_size=0.3, random_state=seed)
    config = HERE / "config.yaml"
    if LOSSES[method] == "mean and variance":
        changes = {"model": {"name": "mean_variance", "hidden": [8]}}
        model = common.train(config, x, y, method, seed, **changes)
        predicted = model.objective.predictions(model.outputs(held_out))
        unit = np.asarray(model.encoding.target_scaling["deviation"], np.float64)
        middle, width = model.predict(held_out), QUANTILE * deviation(method, predicted) * unit
        lower, upper = middle - width, middle + width
    elif method == "mse":
        model = common.train(config, x, y, method, seed)
        middle, width = model.predict(held_out), QUANTILE * np.std(y - model.predict(x))
        lower, upper = middle - width, middle + width
    else:
        levels = [{"name": "quantile", "level": level} for level in (TAIL, 1 - TAIL)]
        models = [common.train(config, x[kept], y[kept], loss, seed) for loss in levels]
        lower, upper = (model.predict(held_out) for model in models)
        if method == "quantile, widened":
            low, high = (model.predict(x[spare]) for model in models)
            missed = np.maximum(low - y[spare], y[spare] - high)
            more = np.quantile(missed, min(1.0, (1 - 2 * TAIL) * (1 + 1 / len(spare))), method="higher")
            lower, upper = lower - more, upper + more
    outside = np.maximum(lower - truth, 0) + np.maximum(truth - upper, 0)
    score = (np.maximum(upper - lower, 0) + outside / TAIL).mean() / np.std(truth)
    return dict(zip(METRICS, (((lower <= truth) & (truth <= upper)).mean(), score), strict=True))


def deviation(method: str, predicted: Any) -> Any:
    """Return the standard deviation that a model predicts, in units of the scaled targets."""
    second = np.asarray(predicted[1], np.float64)[:, 0]
    return second if method == "crps_gaussian" else np.sqrt(second)


if __name__ == "__main__":
    common.write(HERE, common.measure(one, DATA, tuple(LOSSES), SEEDS), METRICS, "data")
