"""Ranking: which loss orders the rows of a group best, and is an order better learned from pairs, lists or numbers.

python experiments/studies/ranking/study.py    # a minute; writes results, figure and tables
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau
from sklearn.datasets import load_diabetes, load_wine

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

HERE = Path(__file__).parent
DATA = ("diabetes", "diabetes, levels", "wine")
GROUP, TRAINED, MOST_LEVEL = 10, 0.7, 20
"""The rows of a group, the share of the rows that is trained on, and the largest level of a group."""
LOSSES: dict[str, Any] = {
    "mse": "mse",
    "ranknet": "ranknet",
    "list_net": "list_net",
    "list_mle": "list_mle",
    "lambda_rank": "lambda_rank",
}
STEPS, BATCH, SEEDS = 300, 6, 8
METRICS = ("normalized gain of the first three", "rank correlation")


@cache
def rows(name: str) -> tuple[Any, Any]:
    """Return inputs, and targets from 0 to 4 of which more is better."""
    if name == "wine":  # the relevance of a wine is its share of proline, of which the other measurements know
        table = load_wine().data
        return table[:, :-1], graded(table[:, -1])
    x, y = load_diabetes(return_X_y=True)
    return x, graded(y)


def graded(y: Any) -> Any:
    """Return the fifth of each number among all, from 0 to 4."""
    return np.floor(5 * np.argsort(np.argsort(y)) / len(y))


def one(name: str, method: str, seed: int) -> dict[str, float]:
    """Return how well a model trained on some groups orders others."""
    x, y = rows(name)
    order = np.random.default_rng(seed).permutation(len(y))
    count = round(TRAINED * len(y)) // GROUP * GROUP
    trained, held_out = order[:count], order[count : count + (len(y) - count) // GROUP * GROUP]
    group = np.arange(count) // GROUP
    target = y[trained]
    if "levels" in name:  # which are of the group and say nothing about its order, as where judges differ
        target = target + np.random.default_rng(seed).integers(0, MOST_LEVEL + 1, count // GROUP)[group]
    # With groups, a batch has that many groups.
    given, batch = ({"group": group}, BATCH) if method != "mse" else ({}, BATCH * GROUP)
    changes = {"train": {"steps": STEPS, "batch_size": batch}}
    model = common.train_columns(HERE / "config.yaml", x[trained], target, LOSSES[method], seed, given, **changes)
    score = model.outputs({f"x{at}": column for at, column in enumerate(x[held_out].T)})[:, 0]
    pairs = list(zip(score.reshape(-1, GROUP), y[held_out].reshape(-1, GROUP), strict=True))
    gains = [gain(s, t) / gain(t, t) for s, t in pairs]
    return dict(zip(METRICS, (np.mean(gains), np.mean([kendalltau(*pair).statistic for pair in pairs])), strict=True))


def gain(score: Any, relevance: Any) -> float:
    """Return the discounted gain of the three rows with the highest scores."""
    first = np.argsort(-score, kind="stable")[:3]
    return float(((2.0 ** relevance[first] - 1) / np.log2([2, 3, 4])).sum())


if __name__ == "__main__":
    common.write(HERE, common.measure(one, DATA, tuple(LOSSES), SEEDS), METRICS, "data")
