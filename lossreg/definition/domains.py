"""Domains: what a kernel's argument may be, written as its annotation.

    def huber(prediction: Real, target: Real, delta: Positive = 1.0): ...

To a type checker `Real` is `float`, `Row[Real]` is `list[float]` and `ClassIndex` is `int`; lossreg reads the rest.
A domain's `contains` is ordinary branch-free Python, so that one definition serves single numbers, whole arrays,
60-digit numbers and compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Domain:
    """A set of numbers: its name, its extent in words, a membership test, a member, the task of such a target."""

    name: str
    extent: str
    contains: Callable[[Any], Any]
    example: float
    task: str = ""
    integer: bool = False

    @property
    def bounded(self) -> bool:
        """Whether there are numbers outside it."""
        return self.contains is not anything

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Along:
    """Marks an argument that is a row of numbers, and the axis of the array along which the rows run."""

    axis: int


class Broadcast:
    """Marks an input that may have one number for each row of the others, or a single one."""


class SlopeRow:
    """Marks the row that a kernel fills with slopes."""


class Axes:
    """Marks an array that a kernel gets whole: the names of its axes, and what its numbers may be (any, if not said).

    Axes of one name are equally long. N is that of the samples, which is not there where there is a single one. With
    `lengths`, the name of another input, the samples may also come one after the other, each as long as that says.
    """

    def __init__(self, names: str, domain: Any = None, lengths: str = "") -> None:
        self.names = tuple(names.split())
        self.domain: Domain = domain.__metadata__[0] if domain else REAL
        self.lengths = lengths


class Shares:
    """Marks what a kernel of whole arrays is told of each sample: how much it counts."""


class SlopeArrays:
    """Marks the arrays that a kernel of whole arrays fills with slopes."""


@dataclass(frozen=True)
class Named:
    """Marks a parameter that is a function: one of these by its name, or the caller's own."""

    functions: Mapping[str, Callable[..., Any]]


def anything(x: Any) -> Any:
    """Every number but nan."""
    return x == x  # noqa: PLR0124  nan is in no domain, and differs from itself


def _finite(x: Any) -> Any:
    return (x > -INFINITY) & (x < INFINITY)


def _positive(x: Any) -> Any:
    return x > 0


def _non_negative(x: Any) -> Any:
    return x >= 0


def _unit(x: Any) -> Any:
    return (x >= 0) & (x <= 1)


def _below_one(x: Any) -> Any:
    return (x >= 0) & (x < 1)


def _at_least_one(x: Any) -> Any:
    return x >= 1


def _sign(x: Any) -> Any:
    return (x == 1) | (x == -1)


def _rising(x: Any) -> Any:
    return len(x) > 0 and all(0 < low < high for low, high in zip(x, [*x[1:], INFINITY], strict=True))


INFINITY = float("inf")

REAL = Domain("Real", "any number", anything, 0.5, "regression")
POSITIVE = Domain("Positive", "above 0", _positive, 0.5, "regression")
NON_NEGATIVE = Domain("NonNegative", "0 or above", _non_negative, 0.5, "counts")
UNIT = Domain("Unit", "0 to 1", _unit, 0.5, "binary classification")
SIGN = Domain("Sign", "1 or -1", _sign, 1.0, "signed binary")
PROBABILITY = Domain("Probability", "0 or above, summing to 1", _non_negative, 0.5, "distributions")
LOG_PROBABILITY = Domain("LogProbability", "logarithms of probabilities", anything, -0.5, "distributions")
DISSIMILARITY = Domain("Dissimilarity", "a distance: any number, the smaller the closer", anything, 0.5, "embedding")
CLASS_INDEX = Domain("ClassIndex", "an integer from 0 to classes - 1", anything, 1, "classification", integer=True)
CLASS_LIST = Domain(
    "ClassList", "classes, and -1 behind the last", anything, -1, "multi-label classification", integer=True
)
WEIGHT = Domain("Weight", "a finite number; a mean divides by the sum of the weights", _finite, 1.0)
SCALE = Domain("Scale", "a finite number; a mean divides by the count, whatever the scales", _finite, 1.0)
FRACTION = Domain("Fraction", "from 0 to below 1", _below_one, 0.5)
COUNT = Domain("Count", "an integer, 1 or above", _at_least_one, 1, integer=True)
WHOLE = Domain("Whole", "an integer, 0 or above", _non_negative, 0, integer=True)
LENGTH = Domain("Length", "an integer, 0 or above; a mean divides by it, 0 as 1", _non_negative, 1, integer=True)
SYMBOL = Domain("Symbol", "a class, as far as the sequence goes", anything, 1, "sequences", integer=True)
RISING = Domain("Rising", "a list of integers above 0, each larger than the one before", _rising, 1, integer=True)
IGNORED = Domain(
    "Ignored", "an integer: the label that is left out, as if the row were not there", anything, -100, integer=True
)

Real = Annotated[float, REAL]
"""Any number; in an array also inf and nan, which go through the formula."""
Positive = Annotated[float, POSITIVE]
"""A number above 0, inf included."""
NonNegative = Annotated[float, NON_NEGATIVE]
"""A number from 0, inf included."""
Unit = Annotated[float, UNIT]
"""A number from 0 to 1: a probability, or a target that is 0, 1 or between."""
Sign = Annotated[float, SIGN]
"""1 or -1."""
Probability = Annotated[float, PROBABILITY]
"""One of a distribution's probabilities."""
LogProbability = Annotated[float, LOG_PROBABILITY]
"""The logarithm of one of a distribution's probabilities."""
Dissimilarity = Annotated[float, DISSIMILARITY]
"""How far apart two things are; a number below 0 goes through the formula."""
ClassIndex = Annotated[int, CLASS_INDEX]
"""The label of a class: an index into the row of classes beside it."""
ClassListed = Annotated[int, CLASS_LIST]
"""One of a row's true classes; a first -1 ends them."""
Weight = Annotated[float, WEIGHT]
"""A weight that counts: a mean divides by the sum of these weights."""
Scale = Annotated[float, SCALE]
"""A weight that does not count: a mean divides by the number of elements."""
Ignored = Annotated[int, IGNORED]
"""The label whose rows are left out of value, gradient and count."""
Fraction = Annotated[float, FRACTION]
"""A part of a whole, or a rate of decay: 1 is too much."""
Count = Annotated[int, COUNT]
"""How many of something that there has to be."""
Whole = Annotated[int, WHOLE]
"""How many of something that there need not be; a seed."""
Rising = Annotated[tuple[int, ...], RISING]
"""Integers above 0, each larger than the one before."""
Length = Annotated[int, LENGTH]
"""How long a sample is whose loss a mean takes by its length."""
Symbol = Annotated[int, SYMBOL]
"""A class in a sequence; behind the sequence's end there may be anything."""

_Number = TypeVar("_Number")
if TYPE_CHECKING:
    Numbers = list[_Number] | Any  # a parameter that is a row may have a number as its default
else:
    Numbers = list[_Number]
Shared = Annotated[_Number, Broadcast()]
"""An input of the others' shape, of the last axis less or 1 long, or a single number. Its gradient is summed alike."""
Row = Annotated[Numbers[_Number], Along(-1)]
"""A row along the last axis: the components of an embedding."""
ClassRow = Annotated[Numbers[_Number], Along(1)]
"""A row along axis 1, or along axis 0 of an array that has no other: one number for each class."""
Array = Any
"""An array that a kernel gets whole, as in `Annotated[Array, Axes("N D")]`, or `tuple[Array, ...]` for those left."""
Share = Annotated[Any, Shares()]
"""How much each sample counts: an array, in which nothing is 0."""
Slopes = Annotated[dict[str, Any], SlopeArrays()]
"""The arrays to fill, by the names of the inputs whose gradient is asked for."""
Slope = Annotated[list[float], SlopeRow()]
"""The row of slopes that a kernel fills, one for each row input that gets a gradient, in the inputs' order."""
