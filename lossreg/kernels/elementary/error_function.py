"""The error function for compiled code, branch-free like the polynomials of lossreg.kernels.elementary.polynomials.

Up to 1 it is x + x p(x^2), beyond 1 it is 1 - e^-q(x - 1), with polynomials p and q; the complement is so small there
that the errors of its exponential are below a unit in the last place. The error against 60 digits is below 1 ulp in
both float types, subnormal numbers included (tests/test_polynomials.py). The coefficients are minimax fits by the
exchange algorithm in 50 digits: of erf(x) / x - 1 in x^2, and of -log(erfc(x)) in x - 1 with the weight erfc(x), up to
where erf(x) is rounded to 1.
"""

from __future__ import annotations

from math import copysign
from typing import TYPE_CHECKING, Any

from numba import types

from lossreg.kernels.elementary.float_formats import fma, horner, number
from lossreg.kernels.elementary.polynomials import COMPILED, FORMATS, compiles
from lossreg.kernels.numerics import special, stable

if TYPE_CHECKING:
    from collections.abc import Callable

NEAR32 = (
    *(0.128379165914, -0.376126271369, 0.112836001812, -0.0268544446748, 0.00518953534777),
    *(-0.000802084049596, 7.8891150108e-5),
)
FAR32 = (
    *(1.84960551648, 2.63896681567, 0.843118339419, 0.0415006762179, -0.00989087152285),
    *(0.00182614823, -0.000185570102492),
)
NEAR64 = (
    *(0.12837916709551257377, -0.37612638903183748178, 0.11283791670954884473, -0.026866170645077875148),
    *(0.0052239776248284306696, -0.00085483269814255420875, 0.00012055331132955819588, -0.000014925595772180905342),
    *(1.6461008477802701324e-6, -1.6350396222864616262e-7, 1.4660328722742259544e-8, -1.1374955736070149599e-9),
    5.9606853385209710332e-11,
)
FAR64 = (
    *(1.8496055099332482903, 2.6389675142347757754, 0.84310725635941293867, 0.041561098025074179643),
    *(-0.010033825179071184705, 0.0019779012155809059312, -0.00023731643423620637276, -0.000026296327638881628125),
    *(0.000027198973174811916134, -9.6713771407332941457e-6, 2.1319399568330238756e-6, -2.048122086995456046e-7),
    *(-5.8011286982566184198e-8, 3.3391068039380556676e-8, -8.5187006272351024476e-9, 1.3190866470576890005e-9),
    *(-1.1932380512267265536e-10, 4.8649062533174383721e-12),
)
FITS = {32: (NEAR32, FAR32, 3.95), 64: (NEAR64, FAR64, 5.95)}
"""By the width of a float type: both polynomials, and the number up to which the second one is a fit."""


def make_erf(width: int) -> Callable[[Any], Any]:
    """The odd polynomial up to 1, and 1 less an exponential beyond, with the sign of x."""
    f, (near, far, most) = FORMATS[width], FITS[width]
    near, far, limit = tuple(map(f.real, near)), tuple(map(f.real, far)), f.real(most)
    one, exp = f.one, COMPILED[stable.exp]

    def erf(x: Any) -> Any:
        size = abs(x)
        bounded = limit if size > limit else size  # lets nan pass
        large = one - exp(-horner(bounded - one, far))
        return fma(x, horner(x * x, near), x) if size < one else copysign(large, x)

    return erf


BY_WIDTH = {width: make_erf(width) for width in FITS}


@compiles(special.erf)
def _erf(x: Any) -> Any:
    """The implementation for the float type of the argument."""
    return BY_WIDTH[number(x).bitwidth] if isinstance(number(x), types.Float) else None
