"""Evaluate a kernel at one point in plain Python: in the numbers that it is given, or as compiled code computes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.plain_python.mistakes import KernelMistake, is_number, mistakes_reported, shown
from lossreg.definition.roles import Role
from lossreg.definition.signature import COUPLED_GROUPS, SAMPLES, flatten_any_axes, variants

if TYPE_CHECKING:
    from collections.abc import Collection

    from lossreg.definition.signature import Form, Input


SHOWN = 4
"""How many numbers of a row a message shows."""


def evaluate(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of one element, row or sample, computed in the numbers that are given.

    Raises InvalidDefinition if the kernel leaves a slope unfilled, uses an index outside a row, or the like.
    """
    parameters = form.resolve(parameters)
    if form.by_batch and not form.plain:
        return evaluate_coupled(form, point, parameters)
    if form.by_batch:
        fitting = (v for v in variants(form, len(point)) if all(map(is_sample, point, v.inputs)))
        return evaluate_batch(next(fitting), point, parameters)
    with mistakes_reported(form.kernel, lambda: at_point(form, point)):
        if form.by_row:
            return run_row(form, point, parameters, strict=False)
        return run_element(form, point, parameters)


def evaluate_as_compiled(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of one element, row or sample, computed in float64 as compiled code does.

    Where Python raises an error the result is a limit: 1 / 0 is inf, log(-1) is nan. Raises InvalidDefinition for
    every other error in the kernel.
    """
    from lossreg.definition.plain_python import compiled_arithmetic as arithmetic  # imports numpy

    if form.by_batch:
        return evaluate(form, point, parameters)
    resolved = {name: arithmetic.substitute(arithmetic.number(x), name) for name, x in form.resolve(parameters).items()}
    numbers = tuple(map(arithmetic.number, point))
    run, copied = run_row if form.by_row else run_element, form_as_compiled(form)
    with mistakes_reported(form.kernel, lambda: at_point(form, point)), arithmetic.errors_ignored():
        outcome = run(copied, numbers, resolved)
    return tuple(map(arithmetic.plain_number, outcome))


def takes_point(form: Form, point: tuple[Any, ...]) -> bool:
    """Whether a form has as many inputs as a point, and rows where the point has rows."""
    if form.by_batch:
        return any(all(map(is_sample, point, v.inputs)) for v in variants(form, len(point)))
    rows = [isinstance(x, list | tuple) for x in point]
    return rows == [entry.axis is not None for entry in form.inputs]


@lru_cache(1024)
def form_as_compiled(form: Form) -> Form:
    """Return the form with a copy of its kernel that computes as compiled code does."""
    from lossreg.definition.plain_python.compiled_arithmetic import substitute

    return replace(form, kernel=substitute(form.kernel, form.kernel.__name__))


def run_element(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of one element; raises KernelMistake for other results than those declared."""
    outcome: tuple[Any, ...] = form.kernel(*point, **parameters)
    expected = 1 + len(form.slopes)
    if not isinstance(outcome, tuple) or len(outcome) != expected or not all(map(is_number, outcome)):
        raise KernelMistake(f"it returns {shown(outcome)}; expected {expected} numbers: a value and its slopes")
    return outcome


def run_row(
    form: Form,
    point: tuple[Any, ...],
    parameters: dict[str, Any],
    *,
    strict: bool = True,
    absent: Collection[str] = (),
) -> tuple[Any, ...]:
    """Return the value and slopes of one row; raises KernelMistake for a mistake of the kernel.

    strict: compute in float64, and refuse the use of a slope that is not filled; else compute in the numbers that are
    given. absent: slope rows that are None, as if their gradients were not requested; their slopes are not returned.
    """
    import numpy as np

    from lossreg.definition.plain_python.checked_rows import checked_row
    from lossreg.definition.plain_python.unfilled import missing, unfilled

    def row(name: str, numbers: Any) -> Any:
        whole = all(isinstance(x, int | np.integer) for x in numbers)
        return checked_row(name, np.array(numbers, object if not strict else np.int64 if whole else np.float64))

    first = next(x for x, entry in zip(point, form.inputs, strict=True) if entry.axis is not None)
    width = len(first)
    inputs = [x if entry.axis is None else row(entry.name, x) for x, entry in zip(point, form.inputs, strict=True)]
    filled = {name: unfilled((width,), np.float64) for name in form.slope_rows if name not in absent}
    if not strict:
        filled = {name: np.full(width, type(first[0])(0), object) for name in filled}
    slopes = {name: checked_row(name, slope, writeable=True) for name, slope in filled.items()}
    rows = {p.name for p in form.parameters if row_axis_of(p.annotation) is not None}
    settings = {
        name: row(name, x if isinstance(x, list | tuple) else [x] * width) if name in rows else x
        for name, x in parameters.items()
    }
    value = form.kernel(*inputs, *(slopes.get(name) for name in form.slope_rows), **settings)
    if not is_number(value):
        raise KernelMistake(f"it returns {shown(value)}; expected the value, a number")
    for name, slope in filled.items() if strict else ():
        if places := missing(slope):
            first = ", ".join(f"{name}[{at}]" for (at,) in places[:SHOWN])
            raise KernelMistake(f"it does not fill {first}{' and others' * (len(places) > SHOWN)}")
    return (value, *(slope.tolist() for slope in filled.values()))


def at_point(form: Form, point: tuple[Any, ...]) -> str:
    """Return a point for a message: the inputs by name, of long rows the first numbers."""
    numbers = [
        f"{str(list(x[:SHOWN]))[:-1]}, ...]" if isinstance(x, list | tuple) and len(x) > SHOWN else str(x)
        for x in point
    ]
    return ", at " + ", ".join(f"{entry.name}={x}" for entry, x in zip(form.inputs, numbers, strict=True))


def is_sample(given: Any, entry: Input) -> bool:
    """Whether an array, or list of lists, has the axes of an input except that of the samples."""
    import numpy as np

    return np.ndim(given) == sum(axis != SAMPLES for axis in entry.axes)


def evaluate_batch(form: Form, sample: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of a batch of one sample."""
    import numpy as np

    from lossreg.definition.plain_python.checked_batch import run_batch_kernel

    kinds = (np.int64 if entry.domain.integer else np.float64 for entry in form.inputs)
    arrays = [np.array(x, kind) for x, kind in zip(sample, kinds, strict=True)]
    places = [entry.axes.index(SAMPLES) if SAMPLES in entry.axes else None for entry in form.inputs]
    batch = [x if at is None else np.expand_dims(x, at) for x, at in zip(arrays, places, strict=True)]
    slopes = {entry.name: np.zeros_like(x) for entry, x in zip(form.inputs, batch, strict=True)}
    requested = {name: slopes[name] for name in form.slopes}
    value = run_batch_kernel(form, batch, np.ones(1), requested, parameters, (1,))
    shapes = {entry.name: x.shape for entry, x in zip(form.inputs, arrays, strict=True)}
    return (float(value[0]), *(slopes[name].reshape(shapes[name]).tolist() for name in form.slopes))


def evaluate_coupled(form: Form, batch: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values and slopes of a whole batch of samples that are not independent, each of weight 1."""
    import numpy as np

    from lossreg.definition.plain_python.checked_batch import run_batch_kernel

    kinds = (np.int64 if entry.domain.integer else np.float64 for entry in form.inputs)
    arrays = [np.array(x, kind) for x, kind in zip(batch, kinds, strict=True)]
    flat = [flatten_any_axes(x, entry.axes) for x, entry in zip(arrays, form.inputs, strict=True)]
    shapes = {entry.name: x.shape for entry, x in zip(form.inputs, flat, strict=True)}
    slopes = {name: np.zeros(shapes[name]) for name in form.slopes}
    sizes: dict[str, int] = {}
    for x, entry in zip(flat, form.inputs, strict=True):
        sizes |= dict(zip(entry.axes, x.shape, strict=True))
    shape = [sizes[axis] for axis in form.weight_axes or (SAMPLES,)]
    for at, entry in enumerate(form.inputs):
        if entry.role is Role.GROUP:
            distinct, flat[at] = np.unique(flat[at], return_inverse=True)
            if form.coupling(parameters) == COUPLED_GROUPS and not form.multiplicity:
                shape = [len(distinct)]
    weights = np.ones(shape)
    found = run_batch_kernel(form, flat, weights, slopes, parameters)
    values = (found[0] if form.counts else found).tolist()
    places = {entry.name: x.shape for entry, x in zip(form.inputs, arrays, strict=True)}
    return (values, *(slopes[name].reshape(places[name]).tolist() for name in form.slopes))
