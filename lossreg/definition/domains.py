"""Domains: the numbers that an argument of a kernel may be, declared by its annotation.

    def huber(prediction: Real, target: Real, delta: Positive = 1.0): ...

A type checker reads `Real` as `float`, `Row[Real]` as `list[float]` and `ClassIndex` as `int`; lossreg reads the
markers of the annotation. A domain's `contains` is branch-free Python, so that one definition serves numbers, numpy
arrays, 60-digit numbers and compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Domain:
    """A set of numbers: its name, a description, a membership test, an example, and the task of a target from it."""

    name: str
    description: str
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
class RowAxis:
    """Marks an argument that is a row of numbers, with the axis of the caller's array along which the rows run."""

    axis: int


class BroadcastMarker:
    """Marks an input that may have fewer numbers than the other inputs: one for each row, or a single one."""


class SlopeRowMarker:
    """Marks the row that a kernel fills with slopes."""


class Axes:
    """Marks an input of a batch kernel: the names of its axes, and the domain of its numbers (any number by default).

    Axes with the same name have the same length. N is the axis of the samples; a caller with a single sample leaves it
    out. With `lengths`, the name of another input, callers may also give the samples concatenated along one axis, each
    as long as that input says.
    """

    def __init__(self, names: str, domain: Any = None, lengths: str = "") -> None:
        self.names = tuple(names.split())
        self.domain: Domain = domain.__metadata__[0] if domain else REAL
        self.lengths = lengths


class SampleWeightMarker:
    """Marks the weights of the samples, which a batch kernel multiplies its values and slopes by."""


class SlopeArraysMarker:
    """Marks the arrays that a batch kernel fills with slopes."""


@dataclass(frozen=True)
class NamedFunctions:
    """Marks a parameter that is a function: one of these, given by name, or the caller's own."""

    functions: Mapping[str, Callable[..., Any]]


def anything(x: Any) -> Any:
    """Whether it is a number; false for nan."""
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


def _increasing(x: Any) -> Any:
    return len(x) > 0 and all(0 < low < high for low, high in zip(x, [*x[1:], INFINITY], strict=True))


INFINITY = float("inf")

REAL = Domain("Real", "any number", anything, 0.5, "regression")
POSITIVE = Domain("Positive", "above 0", _positive, 0.5, "regression")
NON_NEGATIVE = Domain("NonNegative", "0 or above", _non_negative, 0.5, "counts")
UNIT = Domain("Unit", "0 to 1", _unit, 0.5, "binary classification")
SIGN = Domain("Sign", "1 or -1", _sign, 1.0, "signed binary")
PROBABILITY = Domain("Probability", "0 or above, summing to 1", _non_negative, 0.5, "distributions")
LOG_PROBABILITY = Domain("LogProbability", "logarithms of probabilities", anything, -0.5, "distributions")
DISSIMILARITY = Domain("Dissimilarity", "a distance: any number, smaller for closer", anything, 0.5, "embedding")
CLASS_INDEX = Domain("ClassIndex", "an integer from 0 to classes - 1", anything, 1, "classification", integer=True)
PADDED_CLASS_INDEX = Domain(
    "PaddedClassIndex", "classes, and -1 after the last", anything, -1, "multi-label classification", integer=True
)
WEIGHT = Domain("Weight", "a finite number; a mean divides by the sum of the weights", _finite, 1.0)
SCALE = Domain("Scale", "a finite number; a mean divides by the count, whatever the scales", _finite, 1.0)
FRACTION = Domain("Fraction", "from 0 to below 1", _below_one, 0.5)
POSITIVE_INTEGER = Domain("PositiveInteger", "an integer, 1 or above", _at_least_one, 1, integer=True)
NON_NEGATIVE_INTEGER = Domain("NonNegativeInteger", "an integer, 0 or above", _non_negative, 0, integer=True)
LENGTH = Domain("Length", "an integer, 0 or above; a mean divides by it, 0 as 1", _non_negative, 1, integer=True)
SYMBOL = Domain("Symbol", "a class, up to the end of the sequence", anything, 1, "sequences", integer=True)
INCREASING_INTEGERS = Domain(
    "IncreasingIntegers", "a list of integers above 0, each larger than the one before", _increasing, 1, integer=True
)
IGNORED = Domain("Ignored", "an integer; rows with this label are left out", anything, -100, integer=True)

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
"""A distance, or another number that is smaller the closer two things are; one below 0 goes through the formula."""
ClassIndex = Annotated[int, CLASS_INDEX]
"""The label of a class: an index into the row input with a number for each class."""
PaddedClassIndex = Annotated[int, PADDED_CLASS_INDEX]
"""One of the true classes of a sample, in a row that is padded: the first -1 ends them."""
Weight = Annotated[float, WEIGHT]
"""A weight that a mean also divides by: by the sum of the weights instead of the number of elements."""
Scale = Annotated[float, SCALE]
"""A weight that a mean does not divide by: it divides by the number of elements."""
Ignored = Annotated[int, IGNORED]
"""A label whose rows are left out of the value, the gradient and the count."""
Fraction = Annotated[float, FRACTION]
"""A number from 0 to below 1: a fraction, or a rate of decay."""
PositiveInteger = Annotated[int, POSITIVE_INTEGER]
"""An integer above 0: a count of at least one, a size."""
NonNegativeInteger = Annotated[int, NON_NEGATIVE_INTEGER]
"""An integer from 0: a count of possibly none, a seed."""
IncreasingIntegers = Annotated[tuple[int, ...], INCREASING_INTEGERS]
"""Integers above 0, each larger than the one before."""
Length = Annotated[int, LENGTH]
"""The length of a sample, which a mean divides the sample's loss by."""
Symbol = Annotated[int, SYMBOL]
"""A class in a sequence; after the end of the sequence it may be any integer."""

_Number = TypeVar("_Number")
if TYPE_CHECKING:
    Numbers = list[_Number] | Any  # a parameter that is a row may have a number as its default
else:
    Numbers = list[_Number]
Broadcast = Annotated[_Number, BroadcastMarker()]
"""An input that is broadcast: of the other inputs' shape, of that shape without its last axis or with a last axis of
length 1, or a single number. Its gradient has its own shape: the sum of the slopes of the elements it is used for."""
Row = Annotated[Numbers[_Number], RowAxis(-1)]
"""A row along the last axis, such as the components of an embedding."""
ClassRow = Annotated[Numbers[_Number], RowAxis(1)]
"""A row along axis 1, or along axis 0 of an array with a single axis: one number for each class."""
Array = Any
"""A batch kernel's input, as in `Annotated[Array, Axes("N D")]`; `tuple[Array, ...]` takes all the remaining arrays."""
SampleWeight = Annotated[Any, SampleWeightMarker()]
"""The weight of each sample, as an array without zeros: samples of weight 0 are not passed to the kernel."""
Slopes = Annotated[dict[str, Any], SlopeArraysMarker()]
"""The arrays to fill with slopes: one for each input whose gradient was requested, by the name of the input."""
Slope = Annotated[list[float], SlopeRowMarker()]
"""A row of slopes that the kernel fills: one for each row input that gets a gradient, in the order of the inputs."""
