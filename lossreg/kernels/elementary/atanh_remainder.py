"""The inverse hyperbolic tangent without its first terms for compiled code, a polynomial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types

from lossreg.kernels.elementary.float_formats import horner, number
from lossreg.kernels.elementary.polynomials import FORMATS, compiles
from lossreg.kernels.numerics import special

if TYPE_CHECKING:
    from collections.abc import Callable


def make_atanh_remainder(real: Any, fit: tuple[float, ...]) -> Callable[[Any], Any]:
    """The polynomial, with its coefficients in the float type."""
    coefficients = tuple(map(real, fit))
    return lambda z: horner(z, coefficients)


BY_WIDTH = {
    width: make_atanh_remainder(FORMATS[width].real, fit)
    for width, fit in ((32, special.ATANH32), (64, special.ATANH64))
}


@compiles(special.atanh_remainder)
def _atanh_remainder(z: Any) -> Any:
    """The implementation for the float type of the argument."""
    return BY_WIDTH[number(z).bitwidth] if isinstance(number(z), types.Float) else None
