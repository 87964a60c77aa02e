"""Annotations of kernel arguments: domains and roles as authors write them, and how they are read.

    def huber(prediction: Real, target: Real, delta: Positive = 1.0): ...

A type checker reads `Row[Real]` as `list[float]`, and lossreg the markers inside: a Domain, a Role, one defined here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

from lossreg.definition.domains import (
    CLASS_INDEX,
    DISSIMILARITY,
    EVENT,
    FINITE,
    FINITE_NON_NEGATIVE,
    FINITE_POSITIVE,
    FRACTION,
    INCREASING_INTEGERS,
    INTEGER,
    INTEGERS,
    LOG_PROBABILITY,
    NON_NEGATIVE,
    NON_NEGATIVE_INTEGER,
    PADDED_CLASS_INDEX,
    POSITIVE,
    POSITIVE_INTEGER,
    PROBABILITY,
    REAL,
    SIGN,
    SYMBOL,
    UNIT,
    Domain,
)
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Marker = TypeVar("Marker")


@dataclass(frozen=True)
class RowAxis:
    """Marks an argument that is a row of numbers, with the axis of the caller's array along which the rows run."""

    axis: int


class BroadcastMarker:
    """Marks an input that may have fewer numbers than the other inputs: one for each row, or a single one."""


class SlopeRowMarker:
    """Marks the row that a kernel fills with slopes."""


ANY_AXES = "..."
"""Stands for any number of further axes, such as those of an image, in the names of axes."""


class Axes:
    """Marks an input of a batch kernel: the names of its axes, and the domain of its numbers (any number by default).

    Axes with the same name have the same length; a number instead of a name is the length itself, and `C-1` one less
    than that of C. N is the axis of the samples; a caller with a single sample leaves it out. `...` stands for any
    further axes, which the kernel gets as one. No names mean a single number. With `lengths`, an input's name, callers
    may give the samples concatenated along one axis too. With `kernel_checks`, the kernel checks with `require`.
    """

    def __init__(self, names: str, domain: Any = None, lengths: str = "", *, kernel_checks: bool = False) -> None:
        self.names = tuple(names.split())
        named = [name for name in self.names if name != ANY_AXES]
        if not all(name.removesuffix("-1").isidentifier() or name.isdecimal() for name in named):
            raise InvalidDefinition(
                f"Axes: expected names of axes with spaces between them, such as 'N D', 'N 4', 'N C-1' or 'N C ...'; "
                f"got {names!r}"
            )
        for name in ("N", ANY_AXES):
            if self.names.count(name) > 1:
                raise InvalidDefinition(f"Axes: expected {name} at most once; got {names!r}")
        self.domain = domain_of(domain) or REAL
        self.role, self.lengths, self.kernel_checks = role_of(domain), lengths, kernel_checks


@dataclass(frozen=True)
class Width:
    """Marks a row whose length is a number, or "C - 1": one less than there are classes."""

    names: int | str

    def __post_init__(self) -> None:
        if self.axis != FEWER_CLASSES and not (self.axis.isdecimal() and int(self.axis)):
            raise InvalidDefinition(f"Width: expected a number above 0 or 'C - 1'; got {self.names!r}")

    @property
    def axis(self) -> str:
        """The width as the name of an axis."""
        return str(self.names).replace(" ", "")


FEWER_CLASSES = "C-1"
"""The axis with one number fewer than there are classes."""


@dataclass(frozen=True)
class Learned:
    """Marks an input that is trained; `init` is its initial value, or a function of a generator and the shape."""

    init: float | Callable[[Any, tuple[int, ...]], Any] = 0.0


class SampleWeightMarker:
    """Marks the weights of the samples, which a batch kernel multiplies its values and slopes by."""


class MultiplicityMarker(SampleWeightMarker):
    """Marks how often each sample counts in all that a batch kernel adds up."""


class SlopeArraysMarker:
    """Marks the arrays that a batch kernel fills with slopes."""


@dataclass(frozen=True)
class NamedFunctions:
    """Marks a parameter that is a function: one of these, given by name, or the caller's own."""

    functions: Mapping[str, Callable[..., Any]]


@lru_cache(1)  # arguments and results of a function are read one after the other
def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function; raises InvalidDefinition for one with an unknown name."""
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InvalidDefinition(f"{function.__name__}: an annotation cannot be read: {error}") from error


def marker_of(annotation: Any, kind: type[Marker]) -> Marker | None:
    """Return the marker of a kind that an annotation has, or None."""
    return next((marker for marker in getattr(annotation, "__metadata__", ()) if isinstance(marker, kind)), None)


def marker_inside(annotation: Any, kind: type[Marker]) -> Marker | None:
    """Return the marker of a kind that an annotation has, or one of the annotations inside it; or None."""
    own = marker_of(annotation, kind)
    return own or next((found for part in get_args(annotation) if (found := marker_inside(part, kind))), None)


def domain_of(annotation: Any) -> Domain | None:
    """Return the domain of the numbers of an argument, or None."""
    return marker_inside(annotation, Domain)


def role_of(annotation: Any) -> Role | None:
    """Return the role of an argument, or None."""
    return marker_inside(annotation, Role)


def row_axis_of(annotation: Any) -> int | None:
    """Return the axis along which an argument's rows run, or None for an argument that is a single number."""
    row = marker_of(annotation, RowAxis)
    return row.axis if row else None


def named_functions(annotation: Any) -> Mapping[str, Callable[..., Any]]:
    """Return the functions that an annotation allows, by name."""
    choice = marker_of(annotation, NamedFunctions)
    return choice.functions if choice else {}


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
ClassIndex = Annotated[int, CLASS_INDEX, Role.LABEL]
"""The label of a class: an index into the row input with a number for each class."""
PaddedClassIndex = Annotated[int, PADDED_CLASS_INDEX, Role.LABELS]
"""One of the true classes of a sample, in a row that is padded: the first -1 ends them."""
Weight = Annotated[float, FINITE, Role.WEIGHT]
"""A weight that a mean also divides by: by the sum of the weights instead of the number of elements."""
Scale = Annotated[float, FINITE, Role.SCALE]
"""A weight that a mean does not divide by: it divides by the number of elements."""
IgnoredLabel = Annotated[int | tuple[int, ...], INTEGERS, Role.IGNORED_LABEL]
"""A label, or several, whose rows are left out of the value, the gradient and the count."""
Fraction = Annotated[float, FRACTION]
"""A number from 0 to below 1: a fraction, or a rate of decay."""
PositiveInteger = Annotated[int, POSITIVE_INTEGER]
"""An integer above 0: a count of at least one, a size."""
NonNegativeInteger = Annotated[int, NON_NEGATIVE_INTEGER]
"""An integer from 0: a count of possibly none, a seed."""
IncreasingIntegers = Annotated[tuple[int, ...], INCREASING_INTEGERS]
"""Integers above 0, each larger than the one before."""
Finite = Annotated[float, FINITE]
"""Any number but inf and nan."""
FinitePositive = Annotated[float, FINITE_POSITIVE]
"""A number above 0, without inf."""
FiniteNonNegative = Annotated[float, FINITE_NON_NEGATIVE]
"""A number from 0, without inf."""
Group = Annotated[int, INTEGER, Role.GROUP]
"""The group of a sample: any integer. A batch kernel gets the groups numbered from 0, in the order of the integers."""
Event = Annotated[int, EVENT, Role.EVENT]
"""1 for a sample whose event was observed, 0 for one that is censored."""
EventProbability = Annotated[float, UNIT, Role.EVENT]
"""The probability that the event of a sample was observed: 1 or 0 where that is known."""
Time = Annotated[float, FINITE, Role.TIME]
"""The time of a sample's event, or that of its last observation. It is a target, and has no gradient."""
PositiveTime = Annotated[float, POSITIVE, Role.TIME]
"""A time above 0."""
Length = Annotated[int, NON_NEGATIVE_INTEGER, Role.LENGTH]
"""The length of a sample, which a mean divides the sample's loss by."""
Symbol = Annotated[int, SYMBOL]
"""A class in a sequence; after the end of the sequence it may be any integer."""

_Number = TypeVar("_Number")
if TYPE_CHECKING:
    Numbers = list[_Number] | Any  # a parameter that is a row may have a number as its default
else:
    Numbers = list[_Number]
Target = Annotated[_Number, Role.TARGET]
"""What the prediction is compared with; its gradient is computed on request. An input named target is one."""
Given = Annotated[_Number, Role.DATA]
"""An input that is given beside the predictions and has no gradient, such as a cost or an identifier."""
View = Annotated[_Number, Role.VIEW]
"""A prediction for another view of the same samples, such as the keys beside the queries of a contrastive loss."""
Broadcast = Annotated[_Number, BroadcastMarker()]
"""An input that is broadcast to the others' shape: of length 1 along some axes, a single number, or, unless it is a
target, without the last axis. Its gradient has its own shape: the sum of the slopes of the elements it is used for."""
Row = Annotated[Numbers[_Number], RowAxis(-1)]
"""A row along the last axis, such as the components of an embedding."""
ClassRow = Annotated[Numbers[_Number], RowAxis(1)]
"""A row along axis 1, or along axis 0 of an array with a single axis: one number for each class."""
Array = Any
"""A batch kernel's input, as in `Annotated[Array, Axes("N D")]`; `tuple[Array, ...]` takes all the remaining arrays."""
SampleWeight = Annotated[Any, SampleWeightMarker()]
"""The weight of each sample, as an array without zeros: samples of weight 0 are not passed to the kernel."""
Multiplicity = Annotated[Any, MultiplicityMarker()]
"""How often each sample counts in what a kernel adds up, as an array: 2 is the same as the sample given twice."""
Slopes = Annotated[dict[str, Any], SlopeArraysMarker()]
"""The arrays to fill with slopes: one for each input whose gradient was requested, by the name of the input."""
Slope = Annotated[list[float], SlopeRowMarker()]
"""A row of slopes that the kernel fills: one for each row input that gets a gradient, in the order of the inputs."""
