"""Evaluate a kernel at one point in plain Python, in the numbers that it is given: floats, or numbers of 60 digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import ANY_AXES, row_axis_of
from lossreg.definition.signature import SAMPLES, variants

if TYPE_CHECKING:
    from lossreg.definition.signature import Form, Input


def evaluate(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of one element, row or sample, by the kernel in plain Python.

    It calculates in the type of the numbers that it is given.
    """
    parameters = form.resolve(parameters)
    if form.by_batch and not form.plain:
        return evaluate_coupled(form, point, parameters)
    if form.by_batch:
        fitting = (v for v in variants(form, len(point)) if all(map(is_sample, point, v.inputs)))
        return evaluate_batch(next(fitting), point, parameters)
    if not form.by_row:
        outcome: tuple[Any, ...] = form.kernel(*point, **parameters)
        return outcome
    rows = [row for row, entry in zip(point, form.inputs, strict=True) if entry.axis is not None]
    by_name = {entry.name: row for row, entry in zip(point, form.inputs, strict=True)}
    slopes = [[x * 0 for x in by_name.get(name, rows[0])] for name in form.slopes]
    row_parameters = {p.name for p in form.parameters if row_axis_of(p.annotation) is not None}
    given = {
        name: [value] * len(rows[0]) if name in row_parameters and not isinstance(value, list | tuple) else value
        for name, value in parameters.items()
    }
    return (form.kernel(*point, *slopes, **given), *slopes)


def is_sample(given: Any, entry: Input) -> bool:
    """Whether an array, or list of lists, has the axes of an input except that of the samples."""
    import numpy as np

    return np.ndim(given) == sum(axis != SAMPLES for axis in entry.axes)


def evaluate_batch(form: Form, sample: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value and slopes of a batch of one sample."""
    import numpy as np

    kinds = (np.int64 if entry.domain.integer else np.float64 for entry in form.inputs)
    arrays = [np.array(x, kind) for x, kind in zip(sample, kinds, strict=True)]
    places = [entry.axes.index(SAMPLES) if SAMPLES in entry.axes else None for entry in form.inputs]
    batch = [x if at is None else np.expand_dims(x, at) for x, at in zip(arrays, places, strict=True)]
    slopes = {entry.name: np.zeros_like(x) for entry, x in zip(form.inputs, batch, strict=True)}
    requested = {name: slopes[name] for name in form.slopes}
    value = form.call(batch, np.ones(1), requested, parameters)
    shapes = {entry.name: x.shape for entry, x in zip(form.inputs, arrays, strict=True)}
    return (float(value[0]), *(slopes[name].reshape(shapes[name]).tolist() for name in form.slopes))


def evaluate_coupled(form: Form, batch: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values and slopes of a whole batch of samples that are not independent, each of weight 1."""
    import numpy as np

    kinds = (np.int64 if entry.domain.integer else np.float64 for entry in form.inputs)
    arrays = [np.array(x, kind) for x, kind in zip(batch, kinds, strict=True)]
    flat = [
        x.reshape(*x.shape[: len(entry.axes) - 1], -1) if ANY_AXES in entry.axes else x
        for x, entry in zip(arrays, form.inputs, strict=True)
    ]
    shapes = {entry.name: x.shape for entry, x in zip(form.inputs, flat, strict=True)}
    slopes = {name: np.zeros(shapes[name]) for name in form.slopes}
    weighted = next((x for x, e in zip(flat, form.inputs, strict=True) if e.axes == form.weight_axes), None)
    samples = flat[0].shape[form.inputs[0].axes.index(SAMPLES)]
    found = form.call(flat, np.ones(samples if weighted is None else weighted.shape), slopes, parameters)
    values = np.asarray(found[0] if form.counts else found).tolist()
    places = {entry.name: x.shape for entry, x in zip(form.inputs, arrays, strict=True)}
    return (values, *(slopes[name].reshape(places[name]).tolist() for name in form.slopes))
