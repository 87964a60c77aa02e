"""Logits that are capped softly, as cap * tanh(logit / cap), in a softmax; a cap of 0 is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.special import tanh
from lossreg.kernels.numerics.stable import exp, exp_below, largest

if TYPE_CHECKING:
    from collections.abc import Sequence


def exp_below_capped(logits: Sequence[Any], cap: Any, out: Any, later: Any = None) -> Any:
    """Fill a row with the exponentials of the logits, capped or not, less the largest of them, which is returned.

    `later` is a row that the kernel fills afterwards; see `exp_below`.
    """
    top = largest(logits)
    exp_below(logits, top, out, later)
    if cap > 0:
        for j in range(len(logits)):
            out[j] = exp(-below_capped(logits[j], top, cap))
        top = capped(top, cap)
    return top


def capped(logit: Any, cap: Any) -> Any:
    """A logit between -cap and cap."""
    return cap * tanh(logit / cap)


def below_capped(logit: Any, top: Any, cap: Any) -> Any:
    """How far a capped logit is below another one.

    It is 0 for equal logits: a product less another one would be rounded once, if compiled to a fused operation.
    """
    return cap * (tanh(top / cap) - tanh(logit / cap))


def slope_of_cap(logit: Any, cap: Any) -> Any:
    """The slope of `capped`, 1 - tanh^2 without cancellation; 1 without a cap."""
    T = type(logit)
    power = exp(T(-2) * abs(logit / cap)) if cap > 0 else T(1)
    return T(4) * power / ((T(1) + power) * (T(1) + power))


def bend_of_cap(logit: Any, cap: Any) -> Any:
    """The second derivative of `capped`; 0 without a cap."""
    T = type(logit)
    return T(-2) * tanh(logit / cap) * slope_of_cap(logit, cap) / cap if cap > 0 else T(0)


def through_cap(logits: Sequence[Any], cap: Any, slope: Any, hessian: Any) -> None:
    """Convert the slopes by the capped logits, and the second derivatives, to those by the logits."""
    if hessian is not None:
        for j in range(len(logits)):
            steep = slope_of_cap(logits[j], cap)
            hessian[j] = hessian[j] * steep * steep + slope[j] * bend_of_cap(logits[j], cap)
    for j in range(len(logits)):
        slope[j] *= slope_of_cap(logits[j], cap)
