"""A call of a criterion whose arguments have been checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import FLOATS, NATIVE
from lossreg.kernels.drivers.short_floats import is_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.form_with_parameters import BoundForm

    Array = np.ndarray[Any, Any]

FLOAT64 = np.dtype(np.float64)


class Call:
    """The checked arguments of one call.

    bound: the form that the arrays fit, with the criterion's parameters.
    arrays, sample_weight, where: the arrays of the call.
    shape: the loss's own shape.
    kind, real: the type of the result, and the type that the loop computes in.
    graded: the positions, among the slopes of the form, of those that the call returns, in that order.
    sizes: the sizes of a batch kernel's axes, by name.
    out: how each array given as `out` is filled (see `checking.DIRECT`); empty if none is given.
    """

    def __init__(
        self,
        bound: BoundForm,
        arrays: Sequence[Array],
        shape: tuple[int, ...],
        graded: tuple[int, ...],
        real: Any = None,
    ) -> None:
        self.bound, self.arrays, self.shape, self.graded = bound, arrays, shape, graded
        self.kind = result_type(bound, arrays)
        self.real: Any = real or (np.float64 if bound.wide else FLOATS[self.kind])
        self.sample_weight: Array | None = None
        self.where: Array | None = None
        self.out: tuple[str, ...] = ()
        self.sizes: dict[str, int] = {}

    def graded_array(self, slope: int) -> Array:
        """The input of a slope, which has its shape and type."""
        return self.arrays[self.bound.slope_inputs[slope]]


def gradient_type(x: Array) -> np.dtype[Any]:
    """The type of an input's gradient: that of the input, or float64 for integers."""
    return NATIVE.get(x.dtype.num, FLOAT64)


def result_type(bound: BoundForm, arrays: Sequence[Array]) -> np.dtype[Any]:
    """The type of the loss: the promoted type of the inputs that have a gradient."""
    deciding = [arrays[at] for at in bound.graded_inputs]
    if len(deciding) == 1:
        return gradient_type(deciding[0])
    # As in numpy, a zero-dimensional input does not take part in promotion with arrays.
    types = {gradient_type(x) for x in deciding if x.ndim or not deciding[0].ndim}
    if len(types) > 1 and all(map(is_short, types)):  # numpy has no common type of float16 and bfloat16
        return np.dtype(np.float32)
    found: np.dtype[Any] = np.result_type(*types)
    return found
