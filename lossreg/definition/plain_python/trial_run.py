"""Try a kernel in plain Python before it is compiled, because compiled code checks nothing.

An index outside a row would read or write memory of others, and a slope that is not filled would be whatever the memory
held. So a kernel runs first on example rows and elements: rows of 1 and 2 numbers and of the length of the call, the
first and the last class as label, and numbers of several signs and sizes. It takes a few milliseconds for a kernel in a
process, and nothing after that.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from lossreg.definition.plain_python.evaluate_point import at_point, form_as_compiled, run_element, run_row
from lossreg.definition.plain_python.mistakes import ENDLESS, lines_limited, mistakes_reported
from lossreg.definition.plain_python.source_checks import check_source
from lossreg.definition.plain_python.substitution import reachable_functions
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FunctionType

    from lossreg.definition.domains import Domain
    from lossreg.definition.signature import Form, Input

NUMBERS = (
    (0.5, 0.5, 0.5, 0.5),
    (-1.25, 0.25, 2.0, 0.0),
    (3.0, 1.0, 0.0, -2.0),
    (-40.0, 1e4, 0.75, -1e-9),
)
"""The numbers of the example rows, as far as the domain has them: equal, in other orders, and of other sizes."""
FEWER = 2
"""The number of these that are used for rows of 1 and 2 numbers."""
LONGEST = 4
"""The largest length of an example row, unless a kernel fails with it."""
ANY_WIDTH = 0
"""Recorded in place of a width if the kernel has passed with rows of every width."""

SMALL, LARGE = 1 << 12, 1 << 24
"""The largest total size of the arrays with which a sample function is tried to its end, and of those with which its
first LARGE_LINES lines are tried."""
LARGE_LINES = 50_000
LIBRARIES = ("lossreg", "numpy", "numba")
"""The packages whose functions are not an author's."""

_passed_functions: set[Callable[..., None]] = set()
"""The sample functions that have passed."""
_passed: dict[Any, set[int]] = {}
"""The widths that a form has passed with, by the form and its parameters that are integers or switches."""


def try_kernel(form: Form, settings: Mapping[str, Any], width: int = 1) -> None:
    """Run a form's kernel in plain Python unless it has passed before; raises InvalidDefinition for a mistake.

    settings: all parameters, as the kernel gets them. width: how many numbers are in a row of the call.

    A kernel that fails with rows of 1 or 2 numbers may still be right for rows of a certain length, such as the four
    numbers of a box: it is then tried again for every length.
    """
    key = (form, *(x for x in settings.values() if not isinstance(x, float) and is_hashable(x)))
    passed = _passed.setdefault(key, set())
    if passed & {width, ANY_WIDTH}:
        return
    endless = may_not_end(form, settings)
    with lines_limited() if endless else nullcontext():
        if not form.by_row:
            try_points(form, settings, 1)
        else:
            try_width(form, settings, width)
        if endless:
            try_nan(form, settings, min(width, LONGEST) if form.by_row else 1)
        if not form.by_row:
            passed.add(ANY_WIDTH)
            return
        passed.add(width)
        with suppress(InvalidDefinition):
            for other in (1, 2):
                try_points(form, settings, other, FEWER)
            passed.add(ANY_WIDTH)


def try_sample_function(function: Callable[..., None], count: int, operands: Iterable[Any]) -> bool:
    """Run a function that a batch kernel calls for each sample on copies of the first and the last one's arrays.

    Until it has passed once, which is returned; of large arrays only the first lines are run. Raises InvalidDefinition
    for a mistake.
    """
    from lossreg.definition.plain_python import compiled_arithmetic as arithmetic  # imports numpy

    if function in _passed_functions:
        return True
    given = [*operands]
    size = sum(getattr(x, "size", 1) for x in given)
    if not 0 < count <= size <= LARGE:
        return False
    copies = [arithmetic.writable_copy(x) for x in given]
    endless = check_sources(function, reachable_functions(function), 0)
    for i in dict.fromkeys((0, count - 1)):
        limited = lines_limited(LARGE_LINES, endless=False) if size > SMALL else lines_limited()
        reported = mistakes_reported(function, f", for sample {i} of {count}".format)
        with limited if endless else nullcontext(), arithmetic.errors_ignored(), reported:
            arithmetic.compiled_like(function)(i, *copies)
    _passed_functions.add(function)
    return True


def is_hashable(x: Any) -> bool:
    """Whether a parameter is a plain value or a function, and not an array."""
    return x.__hash__ is not None


def may_not_end(form: Form, settings: Mapping[str, Any]) -> bool:
    """Whether the kernel, or a function that it calls, may run forever, as far as its source shows.

    Raises InvalidDefinition for statements that they cannot have.
    """
    called = [function for x in settings.values() if hasattr(x, "__code__") for function in reachable_functions(x)]
    results = 1 if form.by_row else 1 + len(form.slopes)
    return check_sources(form.kernel, [*reachable_functions(form.kernel), *called], results)


def check_sources(kernel: Callable[..., Any], functions: Iterable[FunctionType], results: int) -> bool:
    """Return whether one of an author's functions may run for ever; the kernel returns so many `results`."""
    endless = False
    for function in functions:
        if is_authors(function):
            endless |= check_source(kernel.__name__, function, results if function is kernel else 0)
    return endless


def is_authors(function: Callable[..., Any]) -> bool:
    """Return whether a function is an author's, rather than one of a library."""
    return function.__module__.partition(".")[0] not in LIBRARIES


def try_width(form: Form, settings: Mapping[str, Any], width: int) -> None:
    """Try a kernel by row with rows of a width, or with shorter ones if it passes with those."""
    try:
        try_points(form, settings, min(width, LONGEST))
    except InvalidDefinition:
        if width <= LONGEST:
            raise
        try_points(form, settings, width)


def try_points(form: Form, settings: Mapping[str, Any], width: int, patterns: int = len(NUMBERS)) -> None:
    """Run the kernel on examples of a width; raises InvalidDefinition for a mistake."""
    for point in example_points(form, width, patterns):
        try_point(form, settings, width, point)


def try_point(form: Form, settings: Mapping[str, Any], width: int, point: tuple[Any, ...]) -> None:
    """Run the kernel at a point; raises InvalidDefinition for a mistake."""
    from lossreg.definition.plain_python import compiled_arithmetic as arithmetic  # imports numpy

    copied = form_as_compiled(form)
    row = width if form.by_row else 0
    given = {name: arithmetic.substitute(example_setting(x, row), name) for name, x in settings.items()}
    numbers = tuple(map(arithmetic.number, point))
    with mistakes_reported(form.kernel, partial(at_point, form, point)), arithmetic.errors_ignored():
        if not form.by_row:
            run_element(copied, numbers, given)
            return
        for absent in ((), form.optional_rows) if form.optional_rows else ((),):
            run_row(copied, numbers, given, absent=absent)


def try_nan(form: Form, settings: Mapping[str, Any], width: int) -> None:
    """Raise InvalidDefinition if a kernel does not end where its inputs are nan, or makes integers of them there.

    The integers of nan and inf are undefined in compiled code, and would be indices outside a row. Other errors are no
    mistakes at nan.
    """
    nan = float("nan")
    point = tuple(
        x if entry.domain.integer or entry.domain.bounded else [nan] * len(x) if isinstance(x, list) else nan
        for x, entry in zip(next(example_points(form, width, 1)), form.inputs, strict=True)
    )
    try:
        try_point(form, settings, width, point)
    except InvalidDefinition as error:
        if ENDLESS in str(error) or "to integer" in str(error):
            raise


def example_setting(value: Any, width: int) -> Any:
    """Return a parameter for an example: of an array of numbers, as many as a row has, or one if there is no row."""
    if getattr(value, "ndim", 0) == 0:
        return value
    if value.size == 0:  # of an empty batch
        return 1.0
    flat = value.reshape(-1).tolist()
    return [flat[at % len(flat)] for at in range(width)] if width else flat[0]


def example_points(form: Form, width: int, patterns: int) -> Iterator[tuple[Any, ...]]:
    """Yield inputs for the kernel: each row of numbers with the first and with the last class as label."""
    labelled = any(entry.role in (Role.LABEL, Role.LABELS) for entry in form.inputs)
    for pattern, label in product(range(patterns), dict.fromkeys((0, width - 1)) if labelled else (0,)):
        yield tuple(example_input(entry, pattern + at, label, width) for at, entry in enumerate(form.inputs))


def example_input(entry: Input, pattern: int, label: int, width: int) -> Any:
    """Return a number, or a row of numbers, of an input."""
    if entry.role is Role.LABEL:
        return label
    if entry.role is Role.LABELS:
        return [label, *[-1] * (width - 1)] if pattern % 2 else list(range(width))
    numbers = [in_domain(x, entry.domain) for x in NUMBERS[pattern % len(NUMBERS)]]
    return numbers[1] if entry.axis is None else [numbers[at % len(numbers)] for at in range(width)]


def in_domain(x: float, domain: Domain) -> Any:
    """Return a number, its absolute value, or the example of the domain, whichever the domain has."""
    if domain.integer:
        return domain.example
    return next((number for number in (x, abs(x)) if domain.contains(number)), domain.example)
