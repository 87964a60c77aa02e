"""Points at which the compiled kernels are tested, ordinary and extreme, for each float type.

Every point is exact in the float type that it is for. The points of an element combine special numbers (0, the
smallest, the largest, those at which exp overflows, those next to the value of a parameter, at which there may be
kinks). Those of a row are patterns that have broken losses: all numbers equal, one far ahead, huge and equal numbers,
tiny norms. Random points with a fixed seed are added to both.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import LOG_PROBABILITY, PADDED_CLASS_INDEX, PROBABILITY, Domain
from lossreg.definition.roles import Role
from lossreg.testing.cases import SEED, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.definition.signature import Input
    from lossreg.testing.cases import LossCase, Real

    Point = tuple[Any, ...]

WIDTHS = (1, 2, 3, 6)
"""The lengths of rows that are tested."""
ELEMENT_POINTS, ROW_POINTS, REDUCTION = 900, 80, 4
"""The number of points for an element, and for each width of rows, with the default parameters; other settings get
fewer by a factor of REDUCTION."""
LARGEST = 0.25
"""The largest number tested, as a share of the type's largest: small enough that the difference of two is finite."""


def numbers(domain: Domain, real: Real, around: Iterable[float] = ()) -> list[float]:
    """Return finite numbers of a domain, ordinary, extreme and next to those of `around`; all exact in type `real`."""
    info = np.finfo(real)
    random = np.random.default_rng(SEED)
    eps, tiny, big = float(info.eps), float(info.tiny), float(info.max) * LARGEST
    ordinary = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 10.75, *np.exp(random.uniform(-14, 5, 8))]
    edges = [float(info.smallest_subnormal), tiny, eps, tiny**0.5, 1 - eps / 2, 1 + eps, big**0.5 * 0.75, big]
    overflowing = [17.0, 40.0, 88.0, 89.0, 104.0, 710.0, 745.0, 1e5]
    special = [real(x) for x in around if np.isfinite(x)]
    beside = [np.nextafter(x, real(to), dtype=real) for x in special for to in (-np.inf, np.inf)]
    sizes = [float(real(x)) for x in (*ordinary, *edges, *overflowing, *special, *beside)]
    values = dict.fromkeys(x for size in sizes for x in (size, -size) if np.isfinite(x))
    if domain is LOG_PROBABILITY:
        return [x for x in values if x <= 0]
    return [x for x in values if bool(domain.contains(x))]


def labels(width: int) -> list[int]:
    """Return the class labels of rows of a width."""
    return list(range(width))


def padded_labels(width: int) -> list[list[int]]:
    """Return lists of class labels: one, all, none, some twice. What follows the first -1 may be anything."""
    steps = list(range(width))
    behind = [99] * width
    found = [[0, *[-1] * width], steps, [width - 1, -1, *behind], steps[::-1], [-1, *behind], [width - 1] * width]
    return [row[:width] for row in found]


def rows(domain: Domain, real: Real, width: int) -> list[list[Any]]:
    """Return rows of finite numbers of a domain, ordinary and extreme; all exact in type `real`."""
    if domain is PADDED_CLASS_INDEX:
        return padded_labels(width)
    info = np.finfo(real)
    random = np.random.default_rng(SEED + width)
    big, tiny = float(info.max) * LARGEST, float(info.tiny)
    normal = random.normal(size=(4, width))
    far, steps, first = np.full(width, -40.0), np.arange(width), np.eye(width)[0]
    far[-1] = 0.0
    patterns = [
        *(
            normal[0],
            normal[1],
            -normal[0],
            10 * normal[2],
            100 * normal[3],
            normal[0] * (1 + 8 * info.eps * normal[1]),
        ),
        *(0 * first, first, -first, 0 * first + 0.5, far, -far, -far[::-1], 1 + info.eps * steps, steps - 2.5),
        *(1e4 + 0 * first, big + 0 * first, big * (1 - 2 * first), big**0.5 * normal[1], big / 8 * normal[2] / 4),
        *(1e-8 * normal[2], tiny * normal[1], tiny**0.5 * normal[3]),
    ]
    if domain is PROBABILITY:
        shares = np.exp(normal)
        patterns = [*(shares / shares.sum(1, keepdims=True)), 0 * first + 1 / width, first, first[::-1], far * 0 + 1e-8]
    elif domain is LOG_PROBABILITY:
        patterns = [-abs(pattern) for pattern in patterns]
    elif domain.bounded:
        patterns = [
            *patterns,
            *(abs(pattern) for pattern in patterns),
            *random.uniform(0, 1, (6, width)),
            *(np.sign(normal)),
        ]
    exact = [pattern.astype(real).astype(np.float64) for pattern in patterns]
    return [row.tolist() for row in exact if np.isfinite(row).all() and bool(np.all(domain.contains(row)))]


def points(case: LossCase, real: Real, fewer: int = 1) -> list[tuple[int, list[Point]]]:
    """Return the finite points of a case by the width of their rows; the width is 0 for the points of an element.

    There are fewer points by a factor.
    """
    around = [x for value in case.parameters.values() for x in (value if isinstance(value, tuple) else (value,))]
    around = [x for x in around if isinstance(x, float)]
    factor = fewer * (1 if case.default else REDUCTION)
    if not case.form.by_row:
        values = [numbers(entry.domain, real, around) for entry in case.form.inputs]
        return [(0, combinations(values, ELEMENT_POINTS // factor))]
    limit = ROW_POINTS // factor
    return [(width, combinations(choices(case.form.inputs, real, width, around), limit)) for width in widths(case)]


def widths(case: LossCase) -> tuple[int, ...]:
    """Return the lengths of rows that are tested: the one that the loss needs, or several."""
    return WIDTHS if case.width == WIDTH else (case.width,)


def choices(inputs: Iterable[Input], real: Real, width: int, around: list[float]) -> list[list[Any]]:
    """Return the values that each input of a form by row is given."""
    return [
        labels(width)
        if entry.role is Role.LABEL
        else numbers(entry.domain, real, around)
        if entry.axis is None
        else rows(entry.domain, real, width)
        for entry in inputs
    ]


def combinations(values: Sequence[list[Any]], limit: int) -> list[Point]:
    """Return combinations of the values of the inputs: all of them, or as many as `limit`.

    First those in which one input is not at its first value, then those of values at one position, then random ones.
    """
    if np.prod([len(choice) for choice in values], dtype=float) <= limit:
        return list(product(*values))
    random = np.random.default_rng(SEED)
    firsts = [choice[0] for choice in values]
    single = [(*firsts[:at], x, *firsts[at + 1 :]) for at, choice in enumerate(values) for x in choice]
    aligned = [tuple(choice[at % len(choice)] for choice in values) for at in range(max(map(len, values)))]
    head = [*single, *aligned]
    if len(head) > 0.8 * limit:
        head = [head[at] for at in random.permutation(len(head))[: limit // 2]]
    return [
        *head,
        *(tuple(choice[random.integers(len(choice))] for choice in values) for _ in range(limit - len(head))),
    ]
