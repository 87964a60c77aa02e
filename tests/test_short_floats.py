"""float16 and bfloat16: compiled conversions that round as numpy and ml_dtypes do, and losses of both."""

import ml_dtypes
import numpy as np
import pytest

import lossreg
from lossreg.errors import InvalidType
from lossreg.kernels.drivers import array_loop, operands
from lossreg.kernels.drivers.short_floats import assign, widened
from lossreg.kernels.loops.rows_in_place import reads_few

SHORT = [np.float16, ml_dtypes.bfloat16]
ALL_BITS = np.arange(1 << 16, dtype=np.uint16)


def equal(x, y):
    """Whether arrays have equal bits, but for those of nan."""
    integers = {2: np.uint16, 4: np.uint32}[x.dtype.itemsize]
    ours, theirs = (np.ascontiguousarray(each).view(integers) for each in (x, y))
    with np.errstate(invalid="ignore"):  # of signalling nan
        nan = np.isnan(x) & np.isnan(y)
    return x.dtype == y.dtype and x.shape == y.shape and ((ours == theirs) | nan).all()


@pytest.mark.parametrize("kind", SHORT)
def test_every_number_is_converted_to_float32_and_back(kind):
    numbers = ALL_BITS.view(kind)
    wide = widened(numbers)
    assert equal(wide, numbers.astype(np.float32))
    out = np.empty_like(numbers)
    assign(out, wide)
    assert equal(out, numbers)


@pytest.mark.parametrize("kind", SHORT)
def test_float32_is_rounded_to_the_nearest_with_ties_to_even(kind):
    every = ALL_BITS.view(kind).astype(np.float32)
    with np.errstate(all="ignore"):
        ties = np.float32(0.5) * every[:-1] + np.float32(0.5) * every[1:]
        some = np.random.default_rng(1).integers(0, 1 << 32, 500_000, np.uint32).view(np.float32)
        numbers = np.concatenate([ties, np.nextafter(ties, np.float32(np.inf)), np.nextafter(ties, -ties), some])
        expected = numbers.astype(kind)
    out = np.empty(numbers.shape, kind)
    assign(out, numbers)
    assert equal(out, expected)


@pytest.mark.parametrize("kind", SHORT)
def test_arrays_of_any_layout_are_converted(kind):
    x = np.random.default_rng(2).normal(size=(6, 4)).astype(kind)
    misaligned = np.zeros(x.nbytes + 1, np.uint8)[1:].view(kind).reshape(x.shape)
    misaligned[...] = x
    for each in (x, x.T, x[::-1, ::2], x[:, :0], misaligned, np.broadcast_to(x, (2, 6, 4)), x[:1, 0]):
        assert equal(widened(each), each.astype(np.float32))
    for out in (np.empty((4, 6), kind).T, np.empty((6, 8), kind)[:, ::-2], misaligned):
        assign(out, x.astype(np.float32))
        assert equal(out, x)
    if kind is np.float16:
        swapped = x.astype(">f2")
        assert equal(widened(swapped), x.astype(np.float32))
        assign(swapped, -x.astype(np.float32))
        assert (swapped == -x).all()


@pytest.mark.losses
@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "shape"),
    [("mse", (50,)), ("mse", (70_000,)), ("cross_entropy", (40, 7)), ("linear_cross_entropy", (9, 3))],
)
def test_a_loss_is_that_of_the_same_numbers_in_float32_rounded(kind, name, shape, reduction):
    rng = np.random.default_rng(3)
    x = (rng.normal(size=shape) * 3).astype(kind)
    rest = (rng.normal(size=shape).astype(kind),)
    if name != "mse":
        rest = (rng.normal(size=(7, 3)).astype(kind),) * (name != "cross_entropy") + (rng.integers(0, 7, shape[0]),)
    criterion = lossreg.create(name, reduction=reduction)
    value, grads = criterion.value_and_grad(x, *rest)
    wide = [y.astype(np.float32) if y.dtype == kind else y for y in (x, *rest)]
    expected_value, expected_grads = criterion.value_and_grad(*wide)
    with np.errstate(all="ignore"):
        assert equal(np.asarray(value), np.asarray(expected_value).astype(kind))
        for one, other in zip(
            np.atleast_2d(grads) if isinstance(grads, np.ndarray) else grads,
            np.atleast_2d(expected_grads) if isinstance(grads, np.ndarray) else expected_grads,
            strict=True,
        ):
            assert equal(one, other.astype(kind))
    assert equal(np.asarray(criterion(x, *rest)), np.asarray(value))
    out = np.empty_like(x)
    if isinstance(grads, np.ndarray):
        assert criterion.value_and_grad(x, *rest, out=out)[1] is out
        assert equal(out, grads)


def test_bfloat16_and_float16_meet_in_float32():
    x, y = np.ones(3, ml_dtypes.bfloat16), np.zeros(3, np.float16)
    value, grads = lossreg.create("mse").value_and_grad(x, y, wrt=("prediction", "target"))
    assert (value, value.dtype, [g.dtype for g in grads]) == (1, x.dtype, [x.dtype, y.dtype])
    value = lossreg.create("margin_ranking", margin=1.0)(x, y, np.ones(3))
    assert (value, value.dtype) == (0, np.float32)


def test_weights_may_be_short_and_other_types_of_ml_dtypes_are_refused():
    x = np.array([1, 3], np.float32)
    for kind in SHORT:
        assert lossreg.create("mse")(x, 0 * x, sample_weight=np.array([1, 3], kind)) == 7
    with pytest.raises(InvalidType, match="bfloat16, float16, float32, float64, integer or boolean; got float8"):
        lossreg.create("mse")(x.astype(ml_dtypes.float8_e4m3fn), x)


def test_the_gradient_of_a_shared_number_is_summed_before_it_is_rounded():
    prediction = np.random.default_rng(4).normal(size=(400, 3)).astype(np.float16)
    variance = np.full((400, 1), 0.5, np.float16)
    criterion = lossreg.create("gaussian_nll")
    _, found = criterion.value_and_grad(prediction, 0 * prediction, variance, wrt=("variance",))
    wide = [x.astype(np.float64) for x in (prediction, 0 * prediction, variance)]
    _, exact = criterion.value_and_grad(*wide, wrt=("variance",))
    np.testing.assert_allclose(found.astype(float), exact, rtol=2**-11, atol=2**-25)


def laid_out(x, layout):
    """An array in a layout of memory."""
    if layout == "Fortran":
        return np.asfortranarray(x)
    if layout == "reversed":
        return np.flip(np.flip(x).copy())
    wide = np.zeros((*x.shape, 2), x.dtype)
    wide[..., 0] = x
    return wide[..., 0] if layout == "strided" else x


@pytest.mark.losses
@pytest.mark.parametrize("name", ["nll", "cross_entropy"])
@pytest.mark.parametrize(
    "shape",  # images take 1 to 3 s of processor time
    [(90, 400), *(pytest.param(shape, marks=pytest.mark.slow) for shape in [(3, 21, 30, 20), (2, 3, 17, 400)])],
)
@pytest.mark.parametrize("kind", [np.float32, *SHORT])
def test_rows_in_any_layout_give_what_contiguous_ones_do(name, shape, kind):
    rng = np.random.default_rng(4)
    x = -rng.exponential(size=shape).astype(kind)
    labels = rng.integers(0, shape[1], (shape[0], *shape[2:])).astype(np.int32)
    labels.flat[3] = -100
    criterion = lossreg.create(name, reduction="sum")
    given = {"sample_weight": rng.random(labels.shape) + 0.1, "where": rng.random(labels.shape) < 0.8}
    value, grad = criterion.value_and_grad(x.astype(np.float32), labels, **given)
    for layout in ("C", "Fortran", "strided", "reversed"):
        found, other = criterion.value_and_grad(laid_out(x, layout), labels, **given)
        np.testing.assert_allclose(float(found), value, rtol=float(ml_dtypes.finfo(kind).eps))
        assert other.dtype == kind
        assert equal(other, grad.astype(kind)) or name == "cross_entropy"  # whose sums over a row are in other orders
        np.testing.assert_allclose(other.astype(float), grad, rtol=2 * float(ml_dtypes.finfo(kind).eps), atol=1e-7)


def test_only_kernels_that_read_few_numbers_of_a_row_read_them_in_place():
    found = {name: reads_few(lossreg.get(name).forms[0]) for name in ("nll", "cross_entropy", "multi_margin", "giou")}
    assert found == {"nll": True, "cross_entropy": False, "multi_margin": False, "giou": False}


@pytest.mark.parametrize("kind", [np.float32, *SHORT])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("huber", (70_001,)),
        # 2 to 5 s of processor time each
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("cross_entropy", (37, 7)),
                ("cross_entropy", (2, 5, 7, 11)),
                ("cross_entropy", (5, 100)),
                ("triplet_margin", (9, 40)),
            ]
        ),
    ],
)
def test_loops_convert_the_numbers_that_they_read(name, shape, kind, monkeypatch):
    rng = np.random.default_rng(5)
    first, second = (rng.normal(size=shape).astype(kind) for _ in range(2))
    by_class = (rng.integers(0, shape[1], (shape[0], *shape[2:])),) if len(shape) > 1 else ()
    rest = {"huber": (second,), "triplet_margin": (second, second[::-1])}.get(name, by_class)
    samples = shape[:1] if name == "triplet_margin" else rest[0].shape
    given = {"sample_weight": rng.random(samples), "where": rng.random(samples) < 0.8}
    criterion = lossreg.create(name, reduction="none")
    inputs = [np.ascontiguousarray(x) for x in (first, *rest)]
    wide = [x.astype(np.float32) if x.dtype == kind else x for x in inputs]
    value, grads = criterion.value_and_grad(*wide, **given)
    expected = [x.astype(kind) for x in (value, *(grads if isinstance(grads, tuple) else (grads,)))]

    def refuse(*_):
        raise AssertionError

    for layout in ("C", "strided", "reversed"):
        laid = [laid_out(x, layout) if x.dtype == kind else x for x in inputs]
        out = laid_out(np.zeros(shape, kind), layout) if name == "huber" else None
        with monkeypatch.context() as patched:
            if name == "huber" or (layout == "C" and kind is not np.float32):
                patched.setattr(operands, "widened", refuse)
                patched.setattr(array_loop, "slabs", refuse)
            value, grads = criterion.value_and_grad(*laid, **given, out=out)
        found = value, *(grads if isinstance(grads, tuple) else (grads,))
        assert [equal(x, y) for x, y in zip(found, expected, strict=True)] == [True] * len(expected)


def test_rows_of_which_few_numbers_are_read_are_not_copied(monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(operands.Operand, "take_in_place", refuse)
    assert lossreg.create("nll", reduction="sum")(np.full((9, 50), -1, np.float16), np.zeros(9, int)) == 9
