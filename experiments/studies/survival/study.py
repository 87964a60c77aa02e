"""Survival: which loss orders times to an event best if many of the times end before the event.

python experiments/studies/survival/study.py    # half a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from lifelines.datasets import load_gbsg2, load_rossi
from lifelines.utils import concordance_index
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

import lossreg

HERE = Path(__file__).parent
DATA = ("breast cancer", "breast cancer, ended early", "arrests")
METHODS = ("mse, all rows as events", "mse, events only", "aft", "cox")
PENALTY, EARLY, SEEDS = 0.01, 0.25, 10
"""Half the factor of the squared weights; and the share of times after which a study that ends early has ended."""
METRICS = ("concordance",)


@cache
def rows(name: str) -> tuple[Any, Any, Any]:
    """Return inputs, times, and whether each time is one of an event."""
    if name == "arrests":
        table = load_rossi()
        return table.drop(columns=["week", "arrest"]).to_numpy(float), table["week"].to_numpy(float), table["arrest"]
    table = load_gbsg2()
    words = {"horTh": "yes", "menostat": "Post"}
    numbers = [table[c] == words[c] if c in words else table[c] for c in table if c not in ("time", "cens", "tgrade")]
    grades = [table["tgrade"] == "II", table["tgrade"] == "III"]
    return np.column_stack([*numbers, *grades]).astype(float), table["time"].to_numpy(float), table["cens"]


def one(name: str, method: str, seed: int) -> dict[str, float]:
    """Return how well a linear model orders held-out times."""
    inputs, times, events = rows(name)
    x, held_out, y, truth, event, seen = train_test_split(
        inputs, times, np.asarray(events, float), test_size=0.3, stratify=events, random_state=seed
    )
    if "early" in name:  # what happens later is not known in training
        end = np.quantile(y, EARLY)
        event, y = event * (y <= end), np.minimum(y, end)
    mean, scale = x.mean(0), x.std(0)
    x, held_out = ((np.column_stack([(rows - mean) / scale, np.ones(len(rows))])) for rows in (x, held_out))
    kept = event == 1 if method == "mse, events only" else slice(None)
    weights = fitted(method.partition(",")[0], x[kept], y[kept], event[kept])
    found = held_out @ weights * (-1 if method == "cox" else 1)
    return dict(zip(METRICS, (concordance_index(truth, found, seen),), strict=True))


def fitted(name: str, x: Any, y: Any, event: Any) -> Any:
    """Return the weights of a linear model of the logarithm of the time, or for `cox` of that of the hazard."""
    criterion = lossreg.create(name)

    def value_and_gradient(weights: Any) -> tuple[float, Any]:
        found = x @ weights
        arguments = {"mse": (found, np.log(y)), "aft": (found, y, event), "cox": (found, y, event.astype(np.int64))}
        value, gradient = criterion.value_and_grad(*arguments[name])
        penalized = np.append(weights[:-1], 0.0)  # the last one is the constant
        return float(value) + PENALTY * float(penalized @ penalized), x.T @ gradient + 2 * PENALTY * penalized

    return common.minimized(value_and_gradient, x.shape[1])


if __name__ == "__main__":
    common.write(HERE, common.measure(one, DATA, METHODS, SEEDS), METRICS, "data")
