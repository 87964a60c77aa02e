"""The chooser: how often the loss that `lossreg choose` recommends is the best one on eight data sets.

python experiments/studies/chooser/study.py    # two minutes; writes results, figure and table
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import ttest_rel
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import KFold, StratifiedKFold

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

import lossreg
from lossreg.experiment.choosing.measurements import Measurements, measure
from lossreg.experiment.choosing.recommend import Recommendation, recommend
from lossreg.experiment.data.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
FOLDS, SEEDS, CHANCE = 4, 2, 0.05
SHIFT, RARITY = 8.0, 0.03
METRICS = ("score",)

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """A data set, what spoils its training rows, and the number by which the losses are judged."""

    load: Callable[[], tuple[Array, Array]]
    metric: str
    candidates: tuple[str, ...]
    spoil: Callable[[Array, Array, np.random.Generator], tuple[Array, Array]] = lambda x, y, _: (x, y)
    is_classes: bool = False


def wrong_numbers(share: float) -> Any:
    """Return what moves a share of the targets up by eight robust standard deviations."""

    def spoil(x: Array, y: Array, random: np.random.Generator) -> tuple[Array, Array]:
        wrong, y = random.permutation(len(y))[: round(share * len(y))], y.copy()
        y[wrong] += SHIFT * 1.4826 * np.median(abs(y - np.median(y)))
        return x, y

    return spoil


def wrong_labels(x: Array, y: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Give three of ten rows another label."""
    wrong, y = random.permutation(len(y))[: round(0.3 * len(y))], y.copy()
    y[wrong] = (y[wrong] + random.integers(1, y.max() + 1, len(wrong))) % (y.max() + 1)
    return x, y


def rare_classes(x: Array, y: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Keep fewer rows of each class than of the one before, down to three in a hundred of the last."""
    rank = random.permutation(y.max() + 1)
    keep = [random.permutation(np.flatnonzero(y == label)) for label in range(len(rank))]
    kept = [
        rows[: max(2, round(len(rows) * RARITY ** (at / (len(rank) - 1))))] for at, rows in zip(rank, keep, strict=True)
    ]
    rows = np.concatenate(kept)
    return x[rows], y[rows]


def diabetes() -> tuple[Array, Array]:
    """Return the progression of diabetes in 442 patients."""
    x, y = load_diabetes(return_X_y=True)
    return x, y


def visits() -> tuple[Array, Array]:
    """Return how often 1,500 people visited a doctor in a year."""
    from statsmodels.datasets import randhie  # the table is checked without it

    table = randhie.load().data.sample(1500, random_state=0)
    return table.drop(columns="mdvis").to_numpy(float), table["mdvis"].to_numpy(float)


def from_sklearn(load: Any) -> Any:
    """Return what loads a data set of scikit-learn."""
    return lambda: load(return_X_y=True)


NUMBERS = ("mse", "l1", "huber", "log_cosh", "tukey")
COUNTS = ("mse", "l1", "poisson_nll", "negative_binomial_nll", "tweedie")
KINDS = ("cross_entropy", "logit_adjusted", "focal_cross_entropy", "generalized_cross_entropy", "multi_margin")
CASES = {
    "diabetes": Case(diabetes, "root mean squared error", NUMBERS),
    "diabetes, 5 % wrong": Case(diabetes, "mean absolute error", NUMBERS, wrong_numbers(0.05)),
    "diabetes, 20 % wrong": Case(diabetes, "mean absolute error", NUMBERS, wrong_numbers(0.2)),
    "doctor visits": Case(visits, "Poisson deviance", COUNTS),
    "breast cancer": Case(
        from_sklearn(load_breast_cancer),
        "accuracy",
        ("bce_with_logits", "hinge", "focal", "exponential"),
        is_classes=True,
    ),
    "wine": Case(from_sklearn(load_wine), "accuracy", KINDS, is_classes=True),
    "digits, rare classes": Case(from_sklearn(load_digits), "balanced accuracy", KINDS, rare_classes, is_classes=True),
    "digits, 30 % wrong": Case(from_sklearn(load_digits), "accuracy", KINDS, wrong_labels, is_classes=True),
}


def advice(case: Case, x: Array, y: Array) -> tuple[Measurements, list[Recommendation]]:
    """Return what the chooser measures and recommends for the rows that are trained on."""
    measured = measure(Table.labelled(x, y) if case.is_classes else Table(x, y))
    return measured, recommend(measured)


def candidates(case: Case, measured: Measurements, found: list[Recommendation]) -> dict[str, Recommendation]:
    """Return the losses that are compared, by name: those that are recommended, and others for the task."""
    scale = measured.numbers.get("errors", 1.0)
    parameters: dict[str, dict[str, Any]] = {
        "huber": {"delta": 1.345 * scale},
        "tukey": {"c": 4.685 * scale},
        "logit_adjusted": {"prior": measured.numbers.get("frequencies")},
        "negative_binomial_nll": {"dispersion": measured.numbers.get("dispersion", 1.0)},
    }
    others = {name: Recommendation(name, parameters.get(name, {}), {}, "") for name in case.candidates}
    return others | {title(one): one for one in found}


def title(one: Recommendation) -> str:
    """Return the name of a recommendation: the loss, and settings of the data."""
    return f"{one.loss}, {' '.join(map(str, one.data.values()))}" if one.data else one.loss


def score(case: Case, model: Any, x: Array, truth: Array) -> float:
    """Return the number by which a model is judged, on rows that nothing spoiled."""
    found = model.predict(x)
    if case.is_classes:
        hit = found.astype(np.int64) == truth
        recalls = [hit[truth == label].mean() for label in np.unique(truth)]
        return float(hit.mean() if case.metric == "accuracy" else np.mean(recalls))
    found = found.astype(np.float64)
    if case.metric == "Poisson deviance":
        mean = np.maximum(found, 0.05)
        return float(2 * (np.where(truth > 0, truth * np.log(np.maximum(truth, 1) / mean), 0) - truth + mean).mean())
    error = abs(found - truth)
    return float(error.mean() if case.metric == "mean absolute error" else np.sqrt((error**2).mean()))


def compare(name: str) -> dict[str, Any]:
    """Return what is recommended for a data set, and the scores of all losses on each fold of each seed."""
    case = CASES[name]
    x, y = case.load()
    scores: dict[str, list[float]] = {}
    first: Counter[str] = Counter()
    for seed in range(SEEDS):
        folds = (StratifiedKFold if case.is_classes else KFold)(FOLDS, shuffle=True, random_state=seed)
        for trained, held_out in folds.split(x, y):
            part, target = case.spoil(x[trained], y[trained], np.random.default_rng(seed))
            measured, found = advice(case, part, target)
            first[" > ".join(map(title, found))] += 1
            for loss, one in candidates(case, measured, found).items():
                task = "classification" if case.is_classes else "regression"
                model = trained_model(one.config({"task": task}, measured), part, target, seed)
                scores.setdefault(loss, []).append(round(score(case, model, x[held_out], y[held_out]), 5))
    count = FOLDS * SEEDS
    complete = {loss: numbers for loss, numbers in scores.items() if len(numbers) == count}
    return {"metric": case.metric, "advice": dict(first.most_common()), "scores": complete}


def trained_model(config: Any, x: Array, y: Array, seed: int) -> Any:
    """Return the model that a config trains on some rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, x=x, y=y)
        data = {"name": "npz", "path": str(path), "test": 0.0, **config["data"]}
        return lossreg.run({**config, "data": data, "seed": seed}, root=folder).model


def verdict(result: dict[str, Any]) -> tuple[str, str, float, bool, bool]:
    """Return the loss advised first, the best one, the p of their difference, and whether first and plain are right.

    A loss is right if it is the best one, or if a paired test over folds and seeds does not tell it from the best.
    """
    scores = {loss: np.array(numbers) for loss, numbers in result["scores"].items()}
    best = (max if result["metric"] in common.HIGHER else min)(scores, key=lambda loss: scores[loss].mean())
    advised = next(iter(result["advice"])).split(" > ")[0]

    def p(loss: str) -> float:
        different = loss != best and bool((scores[loss] != scores[best]).any())
        return float(ttest_rel(scores[loss], scores[best]).pvalue) if different else 1.0

    return advised, best, p(advised), p(advised) > CHANCE, p(next(iter(scores))) > CHANCE


def tables(results: dict[str, Any]) -> str:
    """Return the table of verdicts, and how often the advice and the plain loss are right."""
    lines = [
        "| data | judged by | advised first | its score | best | its score | p | right | plain loss right |",
        "|---" * 9 + "|",
    ]
    right = plain = strictly = among = 0
    for name, result in results.items():
        advised, best, p, is_right, is_plain = verdict(result)
        texts = [
            f"{fmean(result['scores'][loss]):.3g} ± {stdev(result['scores'][loss]):.2g}" for loss in (advised, best)
        ]
        words = ["yes" if one else "**no**" for one in (is_right, is_plain)]
        cells = [name, result["metric"], f"`{advised}`", texts[0], f"`{best}`", texts[1], f"{p:.2g}", *words]
        lines.append(f"| {' | '.join(cells)} |")
        right, plain, strictly = right + is_right, plain + is_plain, strictly + (advised == best)
        among += best in next(iter(result["advice"])).split(" > ")
    total = len(results)
    lines += ["", f"Right: the advice on {right} of {total}, always the plain loss on {plain} of {total}."]
    lines += [f"The best mean has the advised loss on {strictly} of {total}, and one of the recommended on {among}."]
    return "\n".join(lines) + "\n"


def draw(results: dict[str, Any]) -> None:
    """Draw the scores of all losses on each data set; the advised one is orange."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    ink = "#808895"  # legible on white and on dark gray
    keys = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    with rc_context({**dict.fromkeys(keys, ink), "svg.hashsalt": "chooser", "font.size": 8}):
        figure = Figure(figsize=(12, 5.2), layout="constrained")
        for axes, (name, result) in zip(figure.subplots(2, 4).flat, results.items(), strict=True):
            advised = verdict(result)[0]
            for at, (loss, numbers) in enumerate(reversed(result["scores"].items())):
                color = "#d97706" if loss == advised else "#3b82f6"
                axes.errorbar(fmean(numbers), at, xerr=stdev(numbers), fmt="o", markersize=4, color=color)
            axes.set_yticks(range(len(result["scores"])), [*reversed(result["scores"])])
            axes.set(title=name, xlabel=result["metric"])
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(HERE / "result.svg", transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    results = {}
    for name in CASES:
        results[name] = compare(name)
        sys.stderr.write(f"{name} done\n")
    common.write_results(HERE, results, tables(results))
    draw(results)
