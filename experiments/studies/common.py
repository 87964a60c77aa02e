"""What the studies share: train by a config on given arrays, and write results, table and figure beside the prose."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Scores = dict[str, dict[str, dict[str, list[float]]]]
"""By condition, then by method, then by metric: the number of each seed."""
HIGHER = {
    *("accuracy", "balanced accuracy", "worst recall", "intersection over union", "concordance"),
    *("normalized gain of the first three", "rank correlation", "nearest neighbour of the same class"),
    "mean average precision",
}
"""The metrics of which more is better."""
NEAREST = {"coverage": 0.8}
"""The metrics that are best at a number, with that number."""
START, END = "<!-- table -->\n", "<!-- /table -->"


def train(config: Path, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], loss: Any, seed: int, **changes: Any) -> Any:
    """Return the model that a config trains on these rows, with this loss and seed, and with changes of other keys."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "rows.npz", x=x, y=y)
        settings = yaml.safe_load(config.read_text("utf-8"))
        settings["data"]["path"] = str(Path(folder) / "rows.npz")
        return lossreg.run({**settings, "loss": loss, "seed": seed, **changes}, root=folder).model


def train_columns(  # noqa: PLR0913, PLR0917  what a model is trained with
    config: Path, x: np.ndarray[Any, Any], y: Any, loss: Any, seed: int, given: Mapping[str, Any], **changes: Any
) -> Any:
    """Return the model as `train` does, from rows with columns that go to the loss: a group, or an event."""
    with tempfile.TemporaryDirectory() as folder:
        names = [*(f"x{at}" for at in range(x.shape[1])), "y", *given]
        table = np.column_stack([x, y, *given.values()])
        np.savetxt(Path(folder) / "rows.csv", table, delimiter=",", header=",".join(names), comments="")
        settings = yaml.safe_load(config.read_text("utf-8"))
        settings["data"] |= {"path": str(Path(folder) / "rows.csv"), "task": "regression"} | {key: key for key in given}
        return lossreg.run({**settings, "loss": loss, "seed": seed, **changes}, root=folder).model


def minimized(value_and_gradient: Callable[[Any], tuple[float, Any]], count: int, start: float = 0.0) -> Any:
    """Return the weights at which a value is least, found by L-BFGS from weights that are all `start`."""
    from scipy.optimize import minimize

    found = minimize(value_and_gradient, np.full(count, start), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return found.x


def measure(
    one: Callable[[Any, str, int], Mapping[str, float]], conditions: Sequence[Any], methods: Sequence[str], seeds: int
) -> Scores:
    """Return the scores of every method under every condition, for each seed."""
    found: Scores = {}
    for condition in conditions:
        for method in methods:
            numbers = [one(condition, method, seed) for seed in range(seeds)]
            metrics = {name: [round(float(each[name]), 5) for each in numbers] for name in numbers[0]}
            found.setdefault(str(condition), {})[method] = metrics
        sys.stderr.write(f"{condition} done\n")
    return found


def recorded(folder: Path) -> Scores:
    """Return the results as committed."""
    found: Scores = json.loads((folder / "results.json").read_text("utf-8"))
    return found


def table(scores: Scores, metric: str, label: str) -> str:
    """Return a table of mean and standard deviation over the seeds; the best of each row is bold.

    A method has a star if its difference from the first one, seed by seed, is more than twice its standard error.
    """
    methods = list(next(iter(scores.values())))
    lines = [f"| {label} | {' | '.join(methods)} |", "|---" * (len(methods) + 1) + "|"]
    best = max if metric in HIGHER else min
    for condition, by_method in scores.items():
        means = {method: fmean(by_method[method][metric]) for method in methods}
        winner = best(means, key=lambda method: abs(means[method] - NEAREST.get(metric, 0.0)))
        cells = []
        for method in methods:
            numbers, first = by_method[method][metric], by_method[methods[0]][metric]
            differences = [a - b for a, b in zip(numbers, first, strict=True)]
            error = stdev(differences) / len(differences) ** 0.5
            star = "\\*" if method != methods[0] and abs(fmean(differences)) > 2 * error else ""
            text = f"{means[method]:.3g} ± {stdev(numbers):.2g}"
            cells.append((f"**{text}**" if method == winner else text) + star)
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def tables(scores: Scores, metrics: Sequence[str], label: str) -> str:
    """Return a table for each metric, with its name above it."""
    return "\n".join(f"{metric}:\n\n{table(scores, metric, label)}" for metric in metrics)


def in_prose(folder: Path) -> tuple[str, str, str]:
    """Return the prose before the tables, the tables, and what follows."""
    before, _, rest = (folder / "README.md").read_text("utf-8").partition(START)
    found, _, after = rest.partition(END)
    return before, found, after


def write(folder: Path, scores: Scores, metrics: Sequence[str], label: str) -> None:
    """Write results, tables and figure."""
    write_results(folder, scores, tables(scores, metrics, label))
    draw(folder / "result.svg", scores, metrics, label)


def write_results(folder: Path, results: Any, text: str) -> None:
    """Write the results, and the tables into the prose."""
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    before, _, after = in_prose(folder)
    (folder / "README.md").write_text(before + START + text + END + after, "utf-8")


def draw(path: Path, scores: Scores, metrics: Sequence[str], label: str) -> None:
    """Draw the mean of each method by condition, with a bar of the standard deviation."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colors = ("#64748b", "#3b82f6", "#d97706", "#059669", "#c026d3", "#dc2626", "#0891b2")
    ink = "#808895"  # legible on white and on dark gray
    keys = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    with rc_context({**dict.fromkeys(keys, ink), "svg.hashsalt": path.parent.name}):
        figure = Figure(figsize=(4.6 * len(metrics), 3.4), layout="constrained")
        places = np.arange(len(scores))
        for axes, metric in zip(np.atleast_1d(figure.subplots(1, len(metrics))), metrics, strict=True):
            for at, (method, color) in enumerate(zip(next(iter(scores.values())), colors, strict=False)):
                numbers = [by_method[method][metric] for by_method in scores.values()]
                axes.errorbar(
                    places + 0.05 * (at - 2.5),
                    [fmean(x) for x in numbers],
                    [stdev(x) for x in numbers],
                    color=color,
                    label=method,
                    marker="o",
                    markersize=3,
                )
            axes.set_xticks(places, list(scores))
            axes.set(xlabel=label, title=metric)
            axes.spines[["top", "right"]].set_visible(False)
        figure.axes[0].legend(frameon=False, fontsize=8)
        figure.savefig(path, transparent=True, metadata={"Date": None})
