"""Losses by row that batch kernels call: their criteria, kept between calls, and groups of samples as rows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.loss import Loss
from lossreg.kernels.batches.segments import find_segments, stable_order
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Array = np.ndarray[Any, Any]


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
    bounds, ascending = find_segments(group)
    order: Any = slice(None)
    if not ascending:
        order = stable_order(group)
        bounds = find_segments(group[order])[0]
    ordered = [x[order] for x in inputs]
    fits = slope is not None and ascending and slope.dtype == inputs[0].dtype
    filled: Any = slope if slope is None or fits else np.empty_like(inputs[0])
    values, first = np.empty(len(weight), inputs[0].dtype), (criterion.loss.inputs[0].name,)
    for groups, places in matrices(bounds):
        if places is None:
            width = bounds[1]
            rows = [x.reshape(-1, width) for x in ordered]
        else:
            inside = places < bounds[groups + 1, np.newaxis]
            at = np.where(inside, places, 0)
            rows = [np.where(inside, x[at], x.dtype.type(y)) for x, y in zip(ordered, padding, strict=True)]
        if filled is None:
            values[groups] = criterion(*rows, sample_weight=weight[groups])
        elif places is None:
            out = filled.reshape(rows[0].shape)
            values[groups], _ = criterion.value_and_grad(*rows, sample_weight=weight[groups], wrt=first, out=out)
        else:
            values[groups], grad = criterion.value_and_grad(*rows, sample_weight=weight[groups], wrt=first)
            filled[places[inside]] = grad[inside]
    if slope is not None and filled is not slope:
        slope[order] = filled
    return values


def matrices(bounds: Array) -> Iterator[tuple[Any, Array | None]]:
    """Yield groups whose sizes differ by less than a factor of 2, with the positions of the rows of their matrix.

    The positions are None if all groups have one size, so that the matrix is the vector in another shape.
    """
    sizes = np.diff(bounds)
    if len(sizes) and (sizes == sizes[0]).all():
        yield slice(None), None
        return
    level = np.frexp(sizes)[1]
    for each in np.flatnonzero(np.bincount(level)):
        groups = np.flatnonzero(level == each)
        yield groups, bounds[groups, np.newaxis] + np.arange(sizes[groups].max())
