"""Measure what a table shows about its target: the task, and the signs that the plain loss of the task is not enough.

Signs are measured against the nearest neighbours of a row, since a target may be unusual for its row only. The limits
are deliberately high: a sign that is seen by chance would cost more than one that is missed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.experiment.choosing.neighbours import COUNT, nearest, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

FAR, FEW, MANY = 5.0, 0.01, 0.08
"""How many deviations from its neighbours a target is far off, and the shares of such rows that are few and many."""
MAGNITUDES = 20.0
"""The ratio of the 95 % and 5 % quantiles of positive targets from which errors are relative ones."""
SMALL_COUNT, ZEROS = 3, 0.1
"""Counts have at least a tenth of targets up to the first; amounts have at least the second share of zeros."""
OVERDISPERSED = 1.5
"""The variance of counts, in units of their mean, from which they are overdispersed."""
IMBALANCE, ISOLATED, UNANIMOUS = 5.0, 0.03, 6
"""The ratio of class sizes; the share of rows with another label than so many of their nearest neighbours."""
LEVELS, DISAGREEMENTS, NEAR = 4, 200, 0.75
"""How many numbered classes may be ordered; how many neighbours in other classes show it, and how near these are."""
EVENT = re.compile(r"event|status|observed|death|died|dead", re.IGNORECASE)
GROUP = re.compile(r"group|query|qid|(query|group)_?id", re.IGNORECASE)
SCALE = 1.4826
"""The standard deviation of a normal distribution in units of its median absolute deviation."""


@dataclass
class Measurements:
    """What was measured: the task; facts to print; signs with what shows them; and numbers for parameters.

    data: the settings of the data that the task needs, such as the column of events.
    """

    task: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    signs: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


def measure(table: Table) -> Measurements:
    """Measure the target of a table, against the inputs."""
    if table.classes:
        return of_classes(table)
    target = np.asarray(table.targets, np.float64)[:, 0]
    for task, pattern, key, holds in (
        ("survival", EVENT, "event", lambda column: set(np.unique(column)) == {0.0, 1.0} and target.min() > 0),
        ("groups", GROUP, "group", lambda column: 1 < len(np.unique(column)) <= len(column) / 2),
    ):
        name = column_like(table, pattern, holds)
        if name is not None:
            return beside_column(task, key, name, np.asarray(table.inputs)[:, table.features.index(name)])
    return of_numbers(table, target)


def column_like(table: Table, pattern: re.Pattern[str], holds: Callable[[Any], bool]) -> str | None:
    """Return the name of the first column that is named like something and has suitable numbers."""
    for at, name in enumerate(table.features):
        if pattern.fullmatch(name) and holds(np.asarray(table.inputs)[:, at]):
            return name
    return None


def beside_column(task: str, key: str, name: str, column: NDArray[Any]) -> Measurements:
    """Measure a target that is read together with a column: the event of a time, or the group of a relevance."""
    if task == "survival":
        text = f"in {1 - column.mean():.0%} of the rows the time ends before the event ({name} is 0)"
        sign = "censored"
    else:
        groups = len(np.unique(column))
        text, sign = f"{groups:,} groups of {len(column) / groups:.1f} rows ({name})", "groups"
    return Measurements(task, [(key, text)], {sign: text}, data={key: name})


def of_classes(table: Table) -> Measurements:
    """Measure classes: how unequal they are, whether neighbours contradict labels, and whether they have an order."""
    labels, names = np.asarray(table.targets), table.classes
    counts = np.bincount(labels, minlength=len(names))
    most, rarest = int(counts.argmax()), int(counts.argmin())
    text = f"the largest, {names[most]}, has {counts[most]:,} rows, the smallest, {names[rarest]}, {counts[rarest]:,}"
    found = Measurements("binary" if len(names) == 2 else "classes", [("classes", f"{len(names)}; {text}")])  # noqa: PLR2004
    found.numbers["frequencies"] = [float(f"{share:.4g}") for share in counts / counts.sum()]
    if counts[most] >= IMBALANCE * counts[rarest]:
        found.signs["imbalanced"] = text
    rows = sample(len(labels))
    near, own = labels[rows][nearest(table.inputs[rows])], labels[rows][:, np.newaxis]
    votes = np.stack([(near == label).sum(axis=1) for label in range(len(names))], axis=1)
    winner = votes.argmax(axis=1)
    # A row of a rare class has neighbours of a frequent one, twice as large or more, without being wrong.
    against = (votes.max(axis=1) >= UNANIMOUS) & (winner != own[:, 0]) & (2 * counts[own[:, 0]] >= counts[winner])
    share = float(against.mean())
    text = f"{share:.1%} of the rows are labelled otherwise than {UNANIMOUS} of their {COUNT} nearest neighbours"
    found.facts.append(("labels", text))
    if share >= ISOLATED:
        found.signs["noisy_labels"] = text
    distance = order_of_classes(names, near, own, counts)
    if distance is not None and distance <= NEAR:
        text = f"neighbours in other classes are {distance:.0%} as far on the scale as by chance"
        found.facts.append(("order", text))
        found.signs["ordered"] = text
    return found


def order_of_classes(names: Sequence[str], near: NDArray[Any], own: NDArray[Any], counts: NDArray[Any]) -> float | None:
    """Return how far neighbours in other classes are on the scale of numbered classes; 1 is as far as by chance."""
    different = near != own
    if not all(re.fullmatch(r"-?\d+", name) for name in names) or len(names) < LEVELS:
        return None
    if different.sum() < DISAGREEMENTS:
        return None
    shares = counts / counts.sum()
    apart = abs(np.subtract.outer(np.arange(len(names)), np.arange(len(names))))
    pairs = np.outer(shares, shares) * (apart > 0)
    return float(abs(near - own)[different].mean() / ((apart * pairs).sum() / pairs.sum()))


def of_numbers(table: Table, target: NDArray[np.float64]) -> Measurements:
    """Measure numbers: whether they are counts or amounts, their magnitudes, and which are far off."""
    low, high = np.quantile(target, [0.05, 0.95])
    zeros = float((target == 0).mean())
    found = Measurements("regression", [("target", f"{target.min():.4g} to {target.max():.4g}")])
    rows = sample(len(target))
    y, near = target[rows], target[rows][nearest(table.inputs[rows])]
    if target.min() >= 0 and np.array_equal(target, np.round(target)) and np.mean(target <= SMALL_COUNT) >= FEW * 10:
        found.task = "counts"
        measure_counts(found, y, near, zeros)
        return found
    if target.min() >= 0 and zeros >= ZEROS:
        found.task = "amounts"
        found.facts.append(("zeros", f"{zeros:.0%} of the targets are 0"))
        return found
    if low > 0 and target.min() > 0 and high >= MAGNITUDES * low:
        found.task = "positive"
        found.signs["magnitudes"] = f"the middle 90 % of the targets range from {low:.3g} to {high:.3g}"
        found.facts.append(("magnitudes", found.signs["magnitudes"]))
        return found
    measure_errors(found, y, near, float(target.std()))
    return found


def measure_counts(found: Measurements, y: NDArray[Any], near: NDArray[Any], zeros: float) -> None:
    """Measure how counts vary around the mean of their neighbours."""
    mean = near.mean(axis=1)
    squares, total = float(((y - mean) ** 2).sum() / (1 + 1 / near.shape[1])), float(y.sum())
    ratio = squares / total if total else 0.0
    found.facts.append(("counts", f"{zeros:.0%} are 0; their variance is {ratio:.2g} times their mean"))
    found.numbers["dispersion"] = max(round((squares - total) / float((mean**2).sum() or 1.0), 2), 0.01)
    if ratio >= OVERDISPERSED:
        found.signs["overdispersed"] = f"their variance is {ratio:.2g} times their mean"


def measure_errors(found: Measurements, y: NDArray[Any], near: NDArray[Any], deviation: float) -> None:
    """Measure how far targets are from the median of their neighbours, in robust deviations."""
    errors = y - np.median(near, axis=1)
    errors -= np.median(errors)
    scale = float(SCALE * np.median(abs(errors)))
    far = float((abs(errors) > FAR * scale).mean()) if scale > 0 else 0.0
    text = f"{far:.1%} of the targets are more than {FAR:g} deviations from those of their neighbours"
    found.facts.append(("outliers", text))
    # The targets are standardised in a run, and so is the scale of their errors.
    found.numbers["errors"] = scale / deviation if deviation > 0 and scale > 0 else 1.0
    if far >= MANY:
        found.signs["many_outliers"] = text
    elif far >= FEW:
        found.signs["outliers"] = text
