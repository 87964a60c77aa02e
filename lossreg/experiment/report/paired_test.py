"""Paired t-tests between configs that were run with the same seeds and folds, corrected for how many there are."""

from __future__ import annotations

from math import atan, cos, pi, sin, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def paired_p(differences: Sequence[float], folds: int = 0) -> float | None:
    """The two-sided p-value of a paired t-test of differences; None for fewer than two, or if they are all equal.

    For differences over `folds` folds, whose training rows overlap, the variance is corrected as by Nadeau and Bengio
    (Inference for the generalization error, 2003): 1/n + (test rows)/(training rows) in place of 1/n.
    """
    count = len(differences)
    if count < 2 or not (deviation := stdev(differences)):  # noqa: PLR2004  a deviation needs two
        return None
    variance = 1 / count + (1 / (folds - 1) if folds > 1 else 0)
    return student_tail(fmean(differences) / (deviation * sqrt(variance)), count - 1)


def student_tail(t: float, freedom: int) -> float:
    """The probability that Student's t with some degrees of freedom is as far from 0 as `t`, or farther.

    The finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = atan(abs(t) / sqrt(freedom))
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for n in range(2 + odd, freedom, 2):
        term *= cos(angle) ** 2 * (n - 1) / n
        total += term
    inside = 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
    return max(0.0, 1 - inside)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """P-values of several tests, corrected for their number by the method of Holm."""
    order = sorted((value, index) for index, value in enumerate(values) if value is not None)
    corrected: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (value, index) in enumerate(order):
        highest = max(highest, min(1.0, value * (len(order) - rank)))
        corrected[index] = highest
    return corrected
