"""exp, expm1, log, log1p and sqrt of lossreg.kernels.stable for compiled loops: branch-free, so that loops vectorise.

numba calls libm for one number at a time; these compile to vector instructions. Errors, against 60 digits: exp and
log 1 ulp, expm1 and log1p 2 ulp, subnormal results included (tests/test_polynomials.py). The coefficients are minimax
fits by the exchange algorithm in 60 digits: of (e^r - 1 - r) / r^2 on |r| <= log(2) / 2, and in s^2, for s up to
(sqrt(2) - 1) / (sqrt(2) + 1), of (log((1 + s) / (1 - s)) / s - 2) / s^2.

They rely on the order in which sums are written, so they are compiled without leave to reassociate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import types
from numba.core.typing import signature
from numba.extending import intrinsic, overload, register_jitable

from lossreg.kernels import stable

if TYPE_CHECKING:
    from collections.abc import Callable

# A multiply and an add may become one fused instruction; nothing else may be rearranged. A division by 0 is inf or nan:
# checking for it takes a branch, and with it the vector instructions.
EXACT = {"fastmath": {"contract"}, "error_model": "numpy"}

# What only compiled code calls needs no wrappers for other callers, which take a tenth of the time to compile, and has
# to be inlined for a loop around it to vectorise: left to itself the compiler does not inline log1p(exp(x)).
INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}

EXP32 = (0.499999934493, 0.166665206292, 0.0416683877652, 0.00836871711393, 0.00138146120379)
EXP64 = (
    *(0.5000000000000010627, 0.16666666666666412522, 0.04166666666653015977, 0.0083333333334944638693),
    *(0.001388888894362984184, 0.00019841269506571106111, 0.000024801493099144011969, 2.7557586382581074262e-6),
    *(2.763024830872524193e-7, 2.5000058349050144127e-8),
)
LOG32 = (0.66666776549, 0.399775185902, 0.298724007024)
LOG64 = (
    *(0.66666666666667346521, 0.39999999999412894012, 0.28571428742823481459, 0.22222198524745677216),
    *(0.18183567025020525481, 0.1531397709124145354, 0.14796726935202608795),
)


@intrinsic
def horner(_: Any, x: Any, coefficients: Any) -> Any:
    """c0 + x (c1 + x (c2 + ...)). An intrinsic, like the next two, since a function takes 40 ms more to compile."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        number, packed = arguments
        *rest, result = (builder.extract_value(packed, at) for at in range(len(coefficients)))
        for coefficient in reversed(rest):
            product = builder.fmul(result, number, flags=("contract",))
            result = builder.fadd(product, coefficient, flags=("contract",))
        return result

    return signature(x, x, coefficients), generate


@intrinsic
def bits(_: Any, x: Any) -> Any:
    """The bits of a float, as an integer of the same width."""
    integer = types.Integer.from_bitwidth(x.bitwidth, signed=True)

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(integer))

    return signature(integer, x), generate


@intrinsic
def from_bits(_: Any, x: Any) -> Any:
    """The float that an integer of the same width is the bits of."""
    real = types.float32 if x.bitwidth == FLOAT else types.float64

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(real))

    return signature(real, x), generate


FLOAT = 32


class Format:
    """A float format: what its polynomials need to know of it, as constants of that format."""

    def __init__(self, real: Any, integer: Any, exp: tuple[float, ...], log: tuple[float, ...]) -> None:
        info = np.finfo(real)
        self.real, self.integer, self.mantissa = real, integer, integer(info.nmant)
        self.exp, self.log = tuple(map(real, exp)), tuple(map(real, log))
        self.bias = integer(info.maxexp - 1)
        self.log2e, self.one, self.half, self.two = real(math.log2(math.e)), real(1), real(0.5), real(2)
        # log(2) in two parts: the upper one short enough that its product with any exponent is exact.
        bits = 2.0 ** (info.nmant - 12)
        self.ln2_high = real(math.floor(math.log(2) * bits) / bits)
        self.ln2_low = real(LN2_TAIL + (math.log(2) - float(self.ln2_high)))
        # Adding this number rounds to an integer, which then stands in the low bits.
        self.round = real(1.5 * 2.0**info.nmant)
        self.round_bits = self.round.view(integer)
        # Where e^x has long become 0 or inf.
        self.lowest = real(-(info.nmant + info.maxexp + 8) * math.log(2))
        self.highest = real((info.maxexp + 8) * math.log(2))
        # Beyond this the 1 in e^x - 1 is less than a rounding error.
        self.counts = real((info.nmant + 4) * math.log(2))
        self.inf, self.nan, self.zero = real(math.inf), real(math.nan), real(0)
        self.tiny, self.lift = real(info.tiny), real(2.0 ** (info.nmant + 2))
        self.lifted = integer(info.nmant + 2)
        self.magnitude = integer(np.iinfo(integer).max)
        self.sqrt_half_bits = real(math.sqrt(0.5)).view(integer)


LN2_TAIL = 2.3190468138462996e-17  # log(2) less its nearest float64


def make_exp(f: Format) -> Callable[[Any], Any]:
    """2^k e^r with k the nearest integer to x / log(2); the power of 2 in two halves, to reach subnormal results."""
    integer, mantissa, bias, coefficients = f.integer, f.mantissa, f.bias, f.exp
    log2e, shift, shift_bits, high, low = f.log2e, f.round, f.round_bits, f.ln2_high, f.ln2_low
    lowest, highest, one = f.lowest, f.highest, f.one

    def exp(x: Any) -> Any:
        # Written so that nan goes through: a test for it would split the loop in two and end the vectorising.
        bounded = lowest if x < lowest else x
        bounded = highest if bounded > highest else bounded
        shifted = bounded * log2e + shift
        count = shifted - shift
        r = (bounded - count * high) - count * low
        growth = one + (r + r * r * horner(r, coefficients))
        k = integer(bits(shifted) - shift_bits)
        first = k >> integer(1)
        upper = from_bits(integer((first + bias) << mantissa))
        lower = from_bits(integer((k - first + bias) << mantissa))
        return growth * upper * lower

    return exp


def make_expm1(f: Format) -> Callable[[Any], Any]:
    """2^k (e^r - 1) + (2^k - 1); beyond where the -1 counts, e^x."""
    integer, mantissa, bias, coefficients = f.integer, f.mantissa, f.bias, f.exp
    log2e, shift, shift_bits, high, low, one, counts = (
        f.log2e,
        f.round,
        f.round_bits,
        f.ln2_high,
        f.ln2_low,
        f.one,
        f.counts,
    )

    def expm1(x: Any) -> Any:
        bounded = -counts if x < -counts else x
        bounded = counts if bounded > counts else bounded
        shifted = bounded * log2e + shift
        count = shifted - shift
        r = (bounded - count * high) - count * low
        growth = r + r * r * horner(r, coefficients)
        power = from_bits(integer((integer(bits(shifted) - shift_bits) + bias) << mantissa))
        return stable.exp(x) if x > counts else power * growth + (power - one)

    return expm1


def make_log(f: Format) -> Callable[[Any, Any], Any]:
    """log(x) + tail for a small tail: k log(2) + log(m), m in [sqrt(1/2), sqrt(2)), log(m) = log((1 + s) / (1 - s))."""
    real, integer, mantissa, coefficients = f.real, f.integer, f.mantissa, f.log
    high, low, one, half, two, zero, inf, nan = f.ln2_high, f.ln2_low, f.one, f.half, f.two, f.zero, f.inf, f.nan
    tiny, lift, lifted, anchor, none = f.tiny, f.lift, f.lifted, f.sqrt_half_bits, integer(0)

    def log(x: Any, tail: Any) -> Any:
        normal = x * lift if x < tiny else x
        pattern = bits(normal)
        k = integer(pattern - anchor) >> mantissa
        m = from_bits(integer(pattern - integer(k << mantissa)))
        exponent = real(k - (lifted if x < tiny else none))
        a = m - one
        s = a / (two + a)
        z = s * s
        square = half * a * a
        series = s * (square + z * horner(z, coefficients))
        result = exponent * high - ((square - (series + (exponent * low + tail))) - a)
        edge = x if x == inf else (-inf if x == zero else nan)
        return result if (x > zero) & (x < inf) else edge

    return log


FORMATS = {32: Format(np.float32, np.int32, EXP32, LOG32), 64: Format(np.float64, np.int64, EXP64, LOG64)}
LOGS = {f: register_jitable(**EXACT, **INNER)(make_log(f)) for f in FORMATS.values()}


def make_log1p(f: Format) -> Callable[[Any], Any]:
    """log(u) of u = 1 + x as rounded, with what the rounding lost added back."""
    log = LOGS[f]
    one, zero, inf = f.one, f.zero, f.inf

    def log1p(x: Any) -> Any:
        u = one + x
        lost = (x - (u - one)) / u
        return log(u, lost if (u > zero) & (u < inf) else zero)

    return log1p


def plain_log(f: Format) -> Callable[[Any], Any]:
    """log(x) without a tail."""
    log, zero = LOGS[f], f.zero
    return lambda x: log(x, zero)


def plain_sqrt(_: Format) -> Callable[[Any], Any]:
    """The processor's own square root, which is exact to half an ulp and vectorises."""
    return lambda x: math.sqrt(x)  # noqa: PLW0108  numba overloads with a function, not with a built-in


for function, make in (
    (stable.exp, make_exp),
    (stable.expm1, make_expm1),
    (stable.log, plain_log),
    (stable.log1p, make_log1p),
    (stable.sqrt, plain_sqrt),
):
    by_width = {width: make(form) for width, form in FORMATS.items()}

    def choose(x: types.Type, by_width: dict[int, Callable[..., Any]] = by_width) -> Callable[..., Any] | None:
        """The polynomial for the argument's float type."""
        return by_width[x.bitwidth] if isinstance(x, types.Float) else None

    overload(function, jit_options=EXACT | INNER, strict=False)(choose)


@overload(stable.largest, jit_options=EXACT | INNER, strict=False)
def _largest(row: Any) -> Any:
    """The largest by integers in the same order, which vectorise where a comparison that minds nan does not."""
    f = FORMATS[row.dtype.bitwidth]
    integer, magnitude = f.integer, f.magnitude
    sign_bit, lowest = integer(row.dtype.bitwidth - 1), integer(-magnitude - 1)

    def largest(row: Any) -> Any:
        found = lowest
        for j in range(row.size):
            pattern = bits(row[j])
            ordered = integer(pattern ^ integer((pattern >> sign_bit) & magnitude))
            found = ordered if ordered > found else found
        return from_bits(integer(found ^ integer((found >> sign_bit) & magnitude)))

    return largest


COMPILED = (stable.exp, stable.expm1, stable.log, stable.log1p, stable.sqrt, stable.largest)
