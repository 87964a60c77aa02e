"""Losses by row that batch kernels call: their criteria, kept between calls, and groups of samples as rows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.loss import Loss
from lossreg.kernels.batches.groups import FUNCTIONS
from lossreg.kernels.batches.segments import segments_of, stable_order
from lossreg.kernels.drivers.batch_kernel import each
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Array = np.ndarray[Any, Any]


FEW, SHORT = 16, 1024
"""The numbers of groups and of samples up to which each group is computed by itself, in a third of the time."""


@lru_cache(256)
def row_criterion(loss: str | Loss, **parameters: Any) -> Criterion:
    """Return the criterion of a loss without reduction; it is kept, as making one takes longer than a small call.

    `loss` is a name, or what `@loss` made of a function that a plugin keeps to itself.
    """
    return Criterion(loss if isinstance(loss, Loss) else losses.get(loss), "none", parameters)


def each_group_as_row(
    criterion: Criterion,
    group: Array,
    weight: Array,
    inputs: Sequence[Array],
    padding: Sequence[float],
    slope: Array | None,
) -> Array:
    """Return the value of each group by a loss of rows, times its weight, and fill the slope by the first input.

    The inputs are a number for each sample. Groups of similar size are the rows of a matrix, the shorter ones with
    padding at the end: a number for each input with which a sample changes neither value nor slopes.
    """
    bounds, ascending, length = segments_of(group)
    if ascending and len(weight) <= FEW and len(group) <= SHORT:
        found = few_groups(criterion, bounds, weight, inputs, slope)
        if found is not None:
            return found
    order: Any = slice(None)
    if not ascending:
        order = stable_order(group)
        inputs, (bounds, _, length) = [x[order] for x in inputs], segments_of(group[order])
    fits = slope is not None and ascending and slope.dtype == inputs[0].dtype
    filled: Any = slope if slope is None or fits else np.empty_like(inputs[0])
    first = (criterion.loss.inputs[0].name,)
    if length:  # the matrix is the vector in another shape
        rows = [x.reshape(-1, length) for x in inputs]
        if filled is None:
            values: Array = criterion(*rows, sample_weight=weight)
        else:
            out = filled.reshape(-1, length)
            values, _ = criterion.value_and_grad(*rows, sample_weight=weight, wrt=first, out=out)
    else:
        values = np.empty(len(weight), inputs[0].dtype)
        for groups, places in matrices(bounds):
            inside = places < bounds[groups + 1, np.newaxis]
            at = np.where(inside, places, 0)
            rows = [np.where(inside, x[at], x.dtype.type(y)) for x, y in zip(inputs, padding, strict=True)]
            if filled is None:
                values[groups] = criterion(*rows, sample_weight=weight[groups])
            else:
                values[groups], grad = criterion.value_and_grad(*rows, sample_weight=weight[groups], wrt=first)
                filled[places[inside]] = grad[inside]
    if slope is not None and filled is not slope:
        slope[order] = filled
    return values


def few_groups(
    criterion: Criterion, bounds: Array, weight: Array, inputs: Sequence[Array], slope: Array | None
) -> Array | None:
    """Return what `each_group_as_row` does for few samples, one group after another: they would not fill the lanes.

    None if the loss has more forms, inputs or slopes than a compiled function takes, or parameters that are no numbers.
    """
    form, settings = criterion.loss.forms[0], tuple(criterion.parameters.values())
    given, outputs = len(inputs), len(form.slope_rows)
    function = FUNCTIONS.get(given + outputs)
    numbers = all(isinstance(x, int | float) for x in settings)
    if function is None or form.optional_rows or not numbers or len(criterion.loss.forms) > 1:
        return None
    rows, values = np.empty((given + outputs, len(inputs[0])), inputs[0].dtype), np.empty(len(weight), inputs[0].dtype)
    for row, x in zip(rows, inputs, strict=False):
        row[...] = x
    each(function(form.kernel), len(values), bounds, weight, given, rows, values, *settings)
    if slope is not None:
        slope[...] = rows[given]
    return values


def matrices(bounds: Array) -> Iterator[tuple[Array, Array]]:
    """Yield groups of sizes that differ by less than a factor of 2, with the positions of the rows of their matrix."""
    sizes = np.diff(bounds)
    level = np.frexp(sizes)[1]
    for height in np.flatnonzero(np.bincount(level)):
        groups = np.flatnonzero(level == height)
        yield groups, bounds[groups, np.newaxis] + np.arange(sizes[groups].max())
