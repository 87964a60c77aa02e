"""Domains of a run's own numbers: counts, seeds and fractions."""

from __future__ import annotations

from typing import Annotated, Any

from lossreg.domains import Domain


def _counts(x: Any) -> Any:
    return x >= 1


def _whole(x: Any) -> Any:
    return x >= 0


def _fraction(x: Any) -> Any:
    return (x >= 0) & (x < 1)


COUNT = Domain("Count", "an integer, 1 or above", _counts, 1)
WHOLE = Domain("Whole", "an integer, 0 or above", _whole, 0)
FRACTION = Domain("Fraction", "from 0 to below 1", _fraction, 0.5)

Count = Annotated[int, COUNT]
"""How many of something that there has to be."""
Whole = Annotated[int, WHOLE]
"""How many of something that there need not be; a seed."""
Fraction = Annotated[float, FRACTION]
"""A part of a whole, or a rate of decay: 1 is too much."""
