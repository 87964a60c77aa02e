"""Which robust loss first where a few targets are wrong: huber and tukey on five data sets that are not in study.py.

python experiments/studies/chooser/rule.py    # two minutes; writes rule.json and the second table
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import study
from scipy.stats import ttest_rel
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.model_selection import KFold

from lossreg.experiment.choosing.measurements import measure
from lossreg.experiment.choosing.recommend import Recommendation
from lossreg.experiment.data.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
RESULTS = HERE / "rule.json"
START, END = "<!-- rule -->\n", "<!-- /rule -->"
SHARE = 0.05
LOSSES: dict[str, dict[str, float]] = {"mse": {}, "huber": {"delta": 1.345}, "tukey": {"c": 4.685}}
"""The losses, with their parameters in units of the scale of good errors, as in the guide."""


def column(load: Callable[..., Any], at: int) -> tuple[Array, Array]:
    """Return a table without one of its columns, and that column."""
    table = load(return_X_y=True)[0]
    return np.delete(table, at, axis=1), table[:, at]


def engel() -> tuple[Array, Array]:
    """Return the incomes of 235 households, and what they spent on food."""
    from statsmodels.datasets import engel  # the table is checked without it

    table = engel.load().data
    return table[["income"]].to_numpy(float), table["foodexp"].to_numpy(float)


def star98() -> tuple[Array, Array]:
    """Return facts on 303 school districts, and the share of pupils above the median in mathematics."""
    from statsmodels.datasets import star98

    found = star98.load()
    passed = found.endog.to_numpy(float)
    return found.exog.to_numpy(float), passed[:, 0] / passed.sum(axis=1)


DATA: dict[str, Callable[[], tuple[Array, Array]]] = {
    "food expenses": engel,
    "school districts": star98,
    "alcohol of wine": lambda: column(load_wine, 0),
    "texture of tumours": lambda: column(load_breast_cancer, 1),
    "length of petals": lambda: column(load_iris, 2),
}


def none_wrong(y: Array, random: np.random.Generator) -> Array:
    """Return the targets as they are."""
    del random
    return y


def some_wrong(y: Array, random: np.random.Generator, *, both_sides: bool = False) -> Array:
    """Move a share of the targets by eight robust standard deviations, up or to both sides."""
    wrong, y = random.permutation(len(y))[: round(SHARE * len(y))], y.copy()
    side = random.choice([-1.0, 1.0], len(wrong)) if both_sides else 1.0
    y[wrong] += side * study.SHIFT * 1.4826 * np.median(abs(y - np.median(y)))
    return y


SPOILED: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "none": none_wrong,
    "5 % up": some_wrong,
    "5 % both sides": lambda y, random: some_wrong(y, random, both_sides=True),
}


def scores(load: Callable[[], tuple[Array, Array]], spoil: Callable[..., Array]) -> dict[str, list[float]]:
    """Return the mean absolute errors of the losses on clean rows, for each fold of each seed."""
    x, y = load()
    found: dict[str, list[float]] = {name: [] for name in LOSSES}
    for seed in range(study.SEEDS):
        for trained, held_out in KFold(study.FOLDS, shuffle=True, random_state=seed).split(x, y):
            part, target = x[trained], spoil(y[trained], np.random.default_rng(seed))
            measured = measure(Table(part, target))
            measured.task = "regression"
            for name, units in LOSSES.items():
                parameters = {key: unit * measured.numbers["errors"] for key, unit in units.items()}
                config = Recommendation(name, parameters, {}, "").config({"task": "regression"}, measured)
                model = study.trained_model(config, part, target, seed)
                error = abs(model.predict(x[held_out]).astype(np.float64) - y[held_out]).mean()
                found[name].append(float(f"{error:.5g}"))
    return found


def table(results: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """Return the table of errors, with the p of the difference between huber and tukey."""
    lines = ["| data | wrong targets | mse | huber | tukey | p of huber and tukey |", "|---" * 6 + "|"]
    for name, by_share in results.items():
        for share, found in by_share.items():
            means = [f"{fmean(found[loss]):.3g}" for loss in LOSSES]
            p = ttest_rel(found["huber"], found["tukey"]).pvalue
            lines.append(f"| {name} | {share} | {' | '.join(means)} | {p:.2g} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    results: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, load in DATA.items():
        results[name] = {share: scores(load, spoil) for share, spoil in SPOILED.items()}
        sys.stderr.write(f"{name} done\n")
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    path = HERE / "README.md"
    before, _, rest = path.read_text("utf-8").partition(START)
    path.write_text(before + START + table(results) + END + rest.partition(END)[2], "utf-8")
