"""One call of a criterion, once its arguments are known to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import FLOATS, NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.bound_form import BoundForm

    Array = np.ndarray[Any, Any]

FLOAT64 = np.dtype(np.float64)


class Call:
    """One call's arguments, checked.

    bound: the form that the arrays fit, with the criterion's parameters.
    arrays, sample_weight, where: the arrays of the call.
    shape: the loss's own shape.
    kind, real: the type of the result, and the type that the loop computes in.
    graded: the slopes that are wanted, in this order, by their positions among those of the form.
    sizes: the sizes of a batch kernel's axes, by name.
    out: how each array given for a gradient is filled; empty where none is given.
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
        """The array that a slope has the shape and type of: its input."""
        return self.arrays[self.bound.slope_inputs[slope]]


def gradient_type(x: Array) -> np.dtype[Any]:
    """The type of an input's gradient: its own, or float64 for integers."""
    return NATIVE.get(x.dtype.num, FLOAT64)


def result_type(bound: BoundForm, arrays: Sequence[Array]) -> np.dtype[Any]:
    """The type of the loss: the widest of the inputs that get a gradient."""
    deciding = [arrays[at] for at in bound.graded_inputs]
    if len(deciding) == 1:
        return gradient_type(deciding[0])
    # A single number beside arrays has no say in the type, as in numpy.
    found: np.dtype[Any] = np.result_type(*[gradient_type(x) for x in deciding if x.ndim or not deciding[0].ndim])
    return found
