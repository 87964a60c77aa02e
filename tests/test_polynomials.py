"""The functions of lossreg.kernels.numerics.stable, in compiled loops and plain Python, against 60 digits."""

import math

import numpy as np
import pytest
from numba import njit

from lossreg.kernels.compiler.options import REORDERED
from lossreg.kernels.elementary.polynomials import FORMATS
from lossreg.kernels.loops.linking import callee
from lossreg.kernels.numerics import lifted, special, stable
from lossreg.kernels.numerics.stirling import ROOT
from lossreg.testing.checks.accuracy import distance, ulp
from lossreg.testing.high_precision import context


def error(x):
    return stable.stirling_error(x)[0]


def error_slope(x):
    return stable.stirling_error(x)[1]


BOUNDS = {"exp": 1, "expm1": 2, "log": 1, "log1p": 2, "sqrt": 0.5, "sigmoid": 3, "softplus": 3}
PLAIN = {name: getattr(stable, name) for name in BOUNDS} | {"error": error, "error_slope": error_slope}
PLAIN |= {"erf": special.erf}
BOUNDS |= {"error": 3, "error_slope": 4, "erf": 1}
INSIDE = {"log": 0.0, "log1p": -1.0, "sqrt": 0.0, "error": 0.0, "error_slope": 0.0}
KINDS = [np.float32, np.float64]


def compiled(name):
    function = callee(PLAIN[name])

    @njit(**REORDERED)
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def call(x):
        out = np.empty_like(x)
        loop(x, out)
        return out

    return call


FUNCTIONS = {name: compiled(name) for name in BOUNDS}


def points(kind):
    info, random = np.finfo(kind), np.random.default_rng(3)
    sizes = np.exp(random.uniform(np.log(float(info.tiny)), np.log(float(info.max)), 400))
    ordinary = np.concatenate([random.uniform(0, 2, 300), random.uniform(0, 100, 300), random.uniform(80, 760, 200)])
    near = 1 + np.concatenate([np.arange(-20, 21), random.normal(size=100) * 1e4]) * float(info.eps)
    near = np.concatenate([near, ROOT * near])
    subnormal = float(info.smallest_subnormal) * np.array([1, 2, 3, 1000, 2**20])
    edges = [float(info.tiny), float(info.max), 0.0, math.sqrt(0.5), math.sqrt(2), math.log(2) / 2, 1.5 * math.log(2)]
    positive = np.concatenate([sizes, ordinary, near, subnormal, edges]).astype(kind)
    return np.unique(np.concatenate([positive, -positive]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BOUNDS)
def test_compiled_functions_are_exact_to_their_bounds(name, kind):
    x = points(kind)
    x = x[x > INSIDE.get(name, -np.inf)]
    assert (x < 1).any()
    assert (x > 1e30).any()
    own = context()
    worst = 0.0
    for given, found in zip(x, FUNCTIONS[name](x), strict=True):
        expected = PLAIN[name](own.mpf(float(given)))
        error = distance(found, expected, ulp(expected, kind), kind)
        assert error <= BOUNDS[name], (name, given, found, error)
        worst = max(worst, error)
    assert worst > 0.25, "exact everywhere: is it compiled for this type at all?"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("exp", [-math.inf, math.inf, -1e4, 1e4, math.nan], [0, math.inf, 0, math.inf, math.nan]),
        (
            "log",
            [0.0, -0.0, -1.0, math.inf, -math.inf, math.nan],
            [-math.inf, -math.inf, math.nan, math.inf, math.nan, math.nan],
        ),
        ("expm1", [-math.inf, math.inf, math.nan, 0.0, 800.0], [-1, math.inf, math.nan, 0, math.inf]),
        ("log1p", [-1.0, -2.0, math.inf, math.nan, 0.0], [-math.inf, math.nan, math.inf, math.nan, 0]),
        ("sqrt", [-1.0, math.inf, math.nan, 0.0], [math.nan, math.inf, math.nan, 0]),
        ("sigmoid", [-math.inf, math.inf, math.nan, 0.0], [0, 1, math.nan, 0.5]),
        ("softplus", [-math.inf, math.inf, math.nan], [0, math.inf, math.nan]),
        ("erf", [-math.inf, math.inf, math.nan, 0.0, 8.0, -8.0], [-1, 1, math.nan, 0, 1, -1]),
        ("error", [0.0, 1.0, math.inf, math.nan, -1.0], [0, 0, 0, math.nan, math.nan]),
        ("error_slope", [0.0, math.inf, math.nan, -1.0], [-np.euler_gamma, 0, math.nan, math.nan]),
    ],
)
def test_edges(name, given, expected, kind):
    compiled_results = FUNCTIONS[name](np.array(given, kind))
    np.testing.assert_array_equal(compiled_results, np.array(expected, kind))
    plain = [PLAIN[name](x) for x in given]
    np.testing.assert_array_equal(plain, expected)


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, "mpf"])
@pytest.mark.parametrize("name", [*BOUNDS, "sign"])
def test_plain_functions_keep_the_type(name, kind):
    kind = context().mpf if kind == "mpf" else kind
    for x in (kind(0.5), kind(0), kind(-0.5), kind(math.inf), kind(math.nan)):
        assert type((PLAIN | {"sign": stable.sign})[name](x)) is type(x)
    assert type(stable.weighted(kind(0), kind(math.inf))) is kind
    assert type(stable.difference(kind(1), kind(1))) is kind


def apart(x, m, k):
    for i in range(x.size):
        m[i], k[i] = stable.exp_frexp(x[i])


def powers(x, size, power):
    for i in range(x.size):
        size[i], power[i] = stable.logb(x[i]), stable.exp2(x[i])


def outer(function):
    """A function that Python calls, and that calls a compiled one."""
    inner = callee(function)
    return njit(lambda *arguments: inner(*arguments))  # noqa: PLW0108  inner has no code for Python


apart, powers, compiled_largest = outer(apart), outer(powers), outer(stable.largest)
compiled_larger, compiled_smaller = outer(special.larger), outer(special.smaller)


def powers_of(x, p, out):
    for i in range(x.size):
        out[i] = special.power(x[i], p[i])


def remainders(z, out):
    for i in range(z.size):
        out[i] = special.atanh_remainder(z[i])


powers_of, remainders = outer(powers_of), outer(remainders)


@pytest.mark.parametrize("kind", KINDS)
def test_powers_are_exact_for_every_size_of_result(kind):
    info, random = np.finfo(kind), np.random.default_rng(7)
    most = math.log(float(info.max))
    logs = [random.uniform(-most, most, 400), random.normal(size=400), random.normal(size=400) / 1e4]
    x = np.concatenate(
        [*map(np.exp, logs), [float(info.max), float(info.tiny), float(info.smallest_subnormal), 2.0, 0.5]]
    ).astype(kind)
    x = x[x != 1]
    # The results are of every size, the subnormal ones included.
    p = (random.uniform(-1.08 * most, most, x.size) / np.log(x.astype(float))).astype(kind)
    p[::5] = random.uniform(-3, 3, p[::5].size)
    own, out = context(), np.empty_like(x)
    powers_of(x, p, out)
    assert (out[out > 0] < info.tiny).any()
    worst = 0.0
    for base, exponent, found in zip(x, p, out, strict=True):
        expected = own.mpf(float(base)) ** own.mpf(float(exponent))
        with np.errstate(over="ignore"):
            plain = special.power(base, exponent)
        for result in (found, plain):
            error = distance(result, expected, ulp(expected, kind), kind)
            assert error <= 1.5, (base, exponent, result, error)
        worst = max(worst, error)
    assert worst > 0.25
    assert special.power(own.mpf(2), own.mpf(0.5)) == own.sqrt(2)


@pytest.mark.parametrize("kind", KINDS)
def test_powers_at_the_edges_are_those_of_numpy(kind):
    info = np.finfo(kind)
    bases = [0.0, 1.0, math.inf, math.nan, 2.0, 0.5, float(info.tiny), float(info.smallest_subnormal), float(info.max)]
    exponents = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 0.5, float(info.max), float(info.tiny)]
    x, p = (np.ravel(part).astype(kind) for part in np.meshgrid(bases, exponents))
    out = np.empty_like(x)
    powers_of(x, p, out)
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(float), p.astype(float)).astype(kind)
        plain = [special.power(*each) for each in zip(x, p, strict=True)]
    for found in (out, plain):
        np.testing.assert_allclose(found, expected, rtol=2 * info.eps)
    assert math.isnan(special.power(kind(-1), kind(0.5)))
    powers_of(np.array([-1], kind), np.array([0.5], kind), out[:1])
    assert math.isnan(out[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_inverse_hyperbolic_tangent_without_its_first_terms(kind):
    z = np.concatenate([np.linspace(0, 0.25, 200), np.exp(np.linspace(-80, -2, 50))]).astype(kind)
    out, own = np.empty_like(z), context()
    remainders(z, out)
    for given, found in zip(z, out, strict=True):
        exact = own.mpf(float(given))
        expected = special.atanh_remainder(exact)
        for result in (found, special.atanh_remainder(given)):
            assert distance(result, expected, ulp(expected, kind), kind) <= 1.5
    root = own.mpf("0.4")
    assert abs(1 + root**2 * special.atanh_remainder(root**2) - own.atanh(root) / root) < own.mpf("1e-58")


def lift_and_lower(x, y, out, lowered):
    for i in range(x.size):
        out[i] = lifted.lifted_exp(x[i])
        lifted.store_lowered(lowered, i, out[i], y[i])


lift_and_lower = outer(lift_and_lower)


@pytest.mark.parametrize("kind", KINDS)
def test_lifted_exponentials_and_their_lowered_products(kind):
    info, random, own = np.finfo(kind), np.random.default_rng(5), context()
    most = -math.log(float(info.smallest_subnormal))
    x = np.concatenate([random.uniform(-1.3 * most, 0, 600), -random.exponential(size=200), [0.0]]).astype(kind)
    y = (np.exp(random.normal(size=x.size) * 3) * random.choice([-1, 1], x.size)).astype(kind)
    out, products = np.empty_like(x), np.empty_like(x)
    lift_and_lower(x, y, out, products)
    assert not ((out > 0) & (out < info.tiny)).any()
    assert ((products != 0) & (abs(products) < info.tiny)).any()
    power = own.mpf(float(lifted.lift(kind(1))))
    for given, factor, number, product in zip(x, y, out, products, strict=True):
        exact = own.exp(own.mpf(float(given)))
        if number != 0:
            assert abs(own.mpf(float(number)) / power / exact - 1) <= float(info.eps)
        expected = exact * own.mpf(float(factor))
        assert distance(product, expected, ulp(expected, kind), kind) <= 2
        plain = lifted.lowered(lifted.lifted_exp(given), factor)
        assert distance(plain, expected, ulp(expected, kind), kind) <= 2
    edges, ones, out, products = np.array([-math.inf, math.nan, 0], kind), np.ones(3, kind), np.empty(3, kind), x[:3]
    lift_and_lower(edges, ones, out, products)
    np.testing.assert_array_equal(products, [0, math.nan, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_exponentials_apart_are_exact_whatever_their_size(kind):
    x = np.concatenate([points(kind), np.array([0.0, -0.0, 1e4, -1e4, 1e15, -1e15, 1e29, -1e29], kind)])
    x = x[abs(x) < 8e29]
    m, k = np.empty_like(x), np.empty_like(x)
    apart(x, m, k)
    own = context()
    for given, *found in zip(x, m, k, strict=True):
        for mantissa, power in (found, stable.exp_frexp(given)):
            assert type(mantissa) is type(power) is kind
            assert 0.6 < mantissa < 1.6
            exact = own.mpf(float(given))
            if abs(given) < 1e3:
                error = own.exp(exact) / own.mpf(2) ** own.mpf(float(power)) / own.mpf(float(mantissa)) - 1
                assert abs(error) <= 2 * np.finfo(kind).eps
            else:
                logarithm = own.log(own.mpf(float(mantissa))) + own.log(2) * own.mpf(float(power))
                assert abs(logarithm - exact) <= np.finfo(kind).eps * abs(exact)


@pytest.mark.parametrize("kind", [float, *KINDS])
def test_what_vanishes_apart_is_nothing(kind):
    given = [-math.inf, -1e31, math.nan]
    m, k = np.empty(3, kind), np.empty(3, kind)
    apart(np.array(given, kind), m, k)
    for found in ((m, k), zip(*(stable.exp_frexp(kind(x)) for x in given), strict=True)):
        mantissas, sizes = map(list, found)
        assert mantissas[:2] == [0, 0]
        assert sizes[:2] == [stable.ZERO_EXPONENT] * 2
        assert math.isnan(mantissas[2])
    assert stable.exp_frexp(context().mpf(-2)) == (context().exp(-2), 0)


def test_the_plain_functions_split_log_2_as_the_polynomials_do():
    assert FORMATS[64].ln2_high == stable.LN2_HIGH
    assert FORMATS[64].ln2_low == stable.LN2_LOW


@pytest.mark.parametrize("kind", KINDS)
def test_powers_of_2_and_how_large_a_number_is(kind):
    info = np.finfo(kind)
    whole = np.arange(info.minexp - 60, info.maxexp + 1).astype(kind)
    size, power = np.empty_like(whole), np.empty_like(whole)
    powers(whole, size, power)
    normal = (whole >= info.minexp) & (whole < info.maxexp)
    np.testing.assert_array_equal(power[normal], np.ldexp(kind(1), whole[normal].astype(int)))
    assert not power[whole < info.minexp].any()
    assert power[-1] == np.inf
    x = np.concatenate([points(kind), np.array([0.0, 1.0, 2.0, 1.9999], kind)])
    x = x[np.isfinite(x)]
    size = np.empty_like(x)
    powers(x, size, np.empty_like(x))
    exact = np.frexp(x)[1] - 1
    tiny = abs(x) < info.tiny
    for found in (size, np.array([stable.logb(each) for each in x])):
        np.testing.assert_array_equal(found[~tiny], exact[~tiny])
        assert np.all(found[tiny] == info.minexp - 1)
    for given, found in zip(whole[normal], power[normal], strict=True):
        assert stable.exp2(given) == found
    edges = np.array([-2000, -np.inf, info.minexp - 1, 2000, np.inf, np.nan], kind)
    size, power = np.empty_like(edges), np.empty_like(edges)
    powers(edges, size, power)
    for found in (power, [stable.exp2(each) for each in edges]):
        np.testing.assert_array_equal(found, [0, 0, 0, np.inf, np.inf, np.nan])
    for found in (size, [stable.logb(each) for each in edges]):
        np.testing.assert_array_equal(np.array(found)[[1, 4, 5]], info.maxexp)


@pytest.mark.parametrize("x", ["1e-40", "1e-20", "0.3", "0.5", "1", "1.5", "9", "1e10", "1e20", "1e30"])
def test_stirlings_error_is_that_of_its_formula(x):
    own = context()
    with own.workdps(250):
        given = own.mpf(x)
        stirling = given * own.log(given) - given + own.log(2 * own.pi * given) / 2 if given > 1 else own.mpf(0)
        stirling_slope = own.log(given) + 1 / (2 * given) if given > 1 else own.mpf(0)
        expected = own.loggamma(given + 1) - stirling, own.digamma(given + 1) - stirling_slope
    for found, exact in zip(stable.stirling_error(given), expected, strict=True):
        assert abs(found - exact) <= abs(exact) * own.mpf("1e-58")
    for kind in (float, *KINDS):
        near = own.mpf(float(kind(x)))
        for found, exact in zip(stable.stirling_error(kind(x)), stable.stirling_error(near), strict=True):
            real = np.float64 if kind is float else kind
            assert distance(found, exact, ulp(exact, real), real) <= 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_of_a_row(kind):
    random = np.random.default_rng(1)
    rows = [random.normal(size=size).astype(kind) for size in (1, 2, 7, 33)]
    rows += [
        np.array(row, kind)
        for row in ([-math.inf, -math.inf], [-1, math.inf, 2], [-3, -2, -5], [-0.0, 0.0], [1e-45, -1e-45])
    ]
    for row in rows:
        assert compiled_largest(row) == stable.largest(row) == row.max()
        assert compiled_larger(kind(row[0]), kind(row[-1])) == special.larger(row[0], row[-1]) == max(row[0], row[-1])
        assert compiled_smaller(kind(row[0]), kind(row[-1])) == special.smaller(row[0], row[-1]) == min(row[0], row[-1])
    for row in ([math.nan, 1.0], [1.0, math.nan], [math.inf, math.nan]):
        for extreme in (compiled_larger, compiled_smaller, special.larger, special.smaller):
            assert math.isnan(extreme(*map(kind, row)))
        assert np.isnan(compiled_largest(np.array(row, kind)))
        assert math.isnan(stable.largest(row))
