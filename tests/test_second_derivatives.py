"""Second derivatives by the first input: against differences of the slope in 60 digits, at ties and at 0 too."""

import itertools

import numpy as np
import pytest

import lossreg
from lossreg import plugin
from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.definition.second_derivative import with_hessian, with_product
from lossreg.errors import InvalidInput, InvalidParameter
from lossreg.kernels.differentiation.second_derivative import with_derived_hessians
from lossreg.kernels.numerics import exp, log, sigmoid, softplus, tanh
from lossreg.registry.registries import losses
from lossreg.testing.high_precision import context, precise_form

SETTINGS = {
    "huber": [{}, {"delta": 0.25, "weight": 3.0}],
    "smooth_l1": [{}, {"beta": 0.5}, {"beta": 0.0}],
    "poisson_nll": [{}, {"log_input": False}],
    "bce_with_logits": [{}, {"weight": 2.0, "pos_weight": 3.0}],
    "multi_margin": [{}, {"p": 2}, {"p": 2, "margin": 0.3, "weight": 1.5}],
    "cross_entropy": [
        {},
        {"label_smoothing": 0.3, "weight": 0.5},
        {"z_loss": 0.2, "weight": 0.5},
        {"softcap": 3.0, "label_smoothing": 0.3, "z_loss": 0.2},
    ],
}
POINTS = {
    "Real": [-30.0, -1.25, 0.0, 0.4, 0.5, 0.85, 2.0, 40.0],
    "Finite": [-1.25, 0.4, 20.0],
    "Unit": [0.0, 0.3, 1.0],
    "Sign": [1.0, -1.0],
    "NonNegative": [0.0, 0.7, 3.0],
    "Positive": [0.3, 1.0, 2.5],
    "FinitePositive": [0.3, 2.5],
    "AboveOne": [1.3, 4.0],
    "LogProbability": [-3.0, -1.0, -0.1],
    "Dissimilarity": [0.0, 0.3, 4.0],
    "Probability": [0.0, 0.25, 0.75],
}
JUMP = 1e18
"""Differences of a slope above this are those of a jump, over a step of 1e-20."""
WITH_HESSIAN = [(loss, at) for loss in map(losses.get, lossreg.names()) for at, f in enumerate(loss.forms) if f.hessian]


def points(form):
    """Points of a form, those of rows with 1 and 3 classes, without points where the slope has a jump."""
    if not form.by_row:
        yield from itertools.product(*(POINTS[entry.domain.name] for entry in form.inputs))
        return
    for row in ([0.4], [0.5, -1.25, 2.0], [30.0, 0.0, -2.0], [0.7, 0.7, 0.7]):
        others = []
        for entry in form.inputs[1:]:
            members = POINTS.get(entry.domain.name, range(len(row)))
            others.append([(list(members) * 3)[: len(row)]] if entry.axis is not None else list(members))
        yield from ((row, *other) for other in itertools.product(*others))


def by_differences(form, point, parameters):
    """The derivative of the slope by the first input, from the left and from the right."""
    own, exact = context(), precise_form(form)
    step = own.mpf(10) ** -20

    def slope(x):
        slopes = evaluate(exact, (x, *point[1:]), parameters)[1]
        return list(slopes) if form.by_row else [slopes]

    if not form.by_row:
        x = own.mpf(point[0])
        return [[(slope(x + sign * step)[0] - slope(x)[0]) / (sign * step)] for sign in (-1, 1)]
    found = [[], []]
    for at in range(len(point[0])):
        for side, sign in zip(found, (-1, 1), strict=True):
            moved = [own.mpf(x) + sign * step * (j == at) for j, x in enumerate(point[0])]
            here = slope([own.mpf(x) for x in point[0]])[at]
            side.append((slope(moved)[at] - here) / (sign * step))
    return found


@pytest.mark.parametrize(("loss", "at"), WITH_HESSIAN, ids=lambda x: getattr(x, "name", x))
def test_the_hessian_is_the_derivative_of_the_slope(loss, at):
    form, tried, kinks = loss.forms[at], 0, 0
    for given, point in itertools.product(SETTINGS.get(loss.name, [{}]), points(form)):
        parameters = loss.bind(given)
        plain, outcome = evaluate(form, point, parameters), evaluate(with_hessian(form, parameters), point, parameters)
        if plain[0] != plain[0]:  # outside of what the loss is defined on, such as a negative rate
            continue
        hessian = outcome[2] if form.by_row else [outcome[2]]
        assert outcome[1] == plain[1]
        assert outcome[0] == plain[0] if np.isfinite(hessian).all() else np.isnan(outcome[0])
        for found, *sides in zip(hessian, *by_differences(form, point, parameters), strict=True):
            tried += 1
            if abs(sides[1]) < JUMP and abs(sides[0] - sides[1]) <= 1e-9 * (1 + abs(sides[1])):
                assert found == pytest.approx(float(sides[1]), rel=1e-8, abs=1e-8), (point, given)
                continue
            kinks += 1  # where the slope has a kink, the hessian is that of one side; where it jumps, that beside it
            beside = [float(side) for side in sides if abs(side) < JUMP]
            if not beside:  # a jump between both sides: 0, or that of an element beside it
                beside = [0.0]
                if not form.by_row:
                    near = context().mpf(point[0]) + context().mpf(10) ** -15
                    beside += [float(side[0]) for side in by_differences(form, (near, *point[1:]), parameters)]
            assert any(found == pytest.approx(side, rel=1e-9) for side in beside), (point, given, found, sides)
    assert tried > 5
    assert kinks < tried / 2


@pytest.mark.parametrize(
    ("loss", "at"),
    [(loss, at) for loss, at in WITH_HESSIAN if loss.forms[at].by_row],
    ids=lambda x: getattr(x, "name", x),
)
def test_a_hessian_product_is_the_derivative_of_the_slope_along_the_vector(loss, at):
    form, own, tried = loss.forms[at], context(), 0
    exact, step = precise_form(form), context().mpf(10) ** -20
    for given, point in itertools.product(SETTINGS.get(loss.name, [{}]), points(form)):
        parameters, vector = loss.bind(given), [1.5, -0.25, 3.0][: len(point[0])]
        _, product = evaluate(with_product(form, parameters), (*point, vector), parameters)
        moved = [[own.mpf(x) + sign * step * v for x, v in zip(point[0], vector, strict=True)] for sign in (1, -1)]
        above, below = (evaluate(exact, (row, *point[1:]), parameters)[1] for row in moved)
        expected = [float((a - b) / (2 * step)) for a, b in zip(above, below, strict=True)]
        assert product == pytest.approx(expected, rel=1e-8, abs=1e-13), (point, given)
        tried += 1
    assert tried > 3


def batch(form, size=300):
    """Arrays for a form: a prediction and whatever else it takes."""
    random = np.random.default_rng(3)
    arrays = [random.normal(size=(size, 4) if form.by_row else size)]
    for entry in form.inputs[1:]:
        shape = arrays[0].shape if entry.axis is not None or not form.by_row else (size,)
        values = POINTS.get(entry.domain.name)
        members = np.arange(4) if values is None else np.array([x for x in values if abs(x) < 20])
        arrays.append(random.choice(members, shape))
    arrays[0] = -np.abs(arrays[0]) if form.inputs[0].domain.name == "LogProbability" else arrays[0]
    positive = form.inputs[0].domain.name == "Dissimilarity" or form.kernel.__name__ == "msle"  # a logarithm of 1 + it
    arrays[0] = np.abs(arrays[0]) if positive else arrays[0]
    arrays[0] = 1 / (1 + np.exp(arrays[0])) if form.inputs[0].domain.name == "Unit" else arrays[0]
    return arrays


ZERO = {
    *("epsilon_insensitive", "hinge", "hinge_embedding", "kl_div", "l1", "laplace_nll", "mape", "margin_ranking"),
    *("multi_margin", "nll", "quantile", "wing"),
}
"""Losses whose second derivative is nowhere above 0, with their default parameters."""
QUICK = {"huber": "none", "bce_with_logits": "mean", "gaussian_nll": "none", "multi_margin": "mean"}


@pytest.mark.parametrize(
    ("loss", "at", "reduction"),
    [
        pytest.param(
            *(loss, at, reduction),
            id=f"{loss.name}-{at}-{reduction}",
            marks=[] if QUICK.get(loss.name) == reduction else [pytest.mark.slow],
        )
        for loss, at in WITH_HESSIAN
        for reduction in ("none", "mean")
    ],
)
def test_one_pass_gives_value_gradient_and_hessian(loss, at, reduction):
    criterion, arrays = lossreg.create(loss, reduction=reduction), batch(loss.forms[at])
    which = 1.5 if loss.name in ZERO else "exact"
    random = np.random.default_rng(4)
    options = {"sample_weight": random.choice([0.0, 0.5, 2.0], 300), "where": random.random(300) < 0.8}
    value, grad, hess = criterion.value_grad_hess(*arrays, hessian=which, **options)
    plain = criterion.value_and_grad(*arrays, wrt=[loss.forms[at].slopes[0]], **options)
    np.testing.assert_allclose(value, plain[0], rtol=1e-15)
    np.testing.assert_allclose(grad, plain[1], rtol=1e-13, atol=1e-17)
    assert hess.shape == arrays[0].shape
    weights = options["sample_weight"] * options["where"]
    scale = weights if reduction == "none" else weights / criterion.denominator(*arrays, **options)
    form, parameters = loss.forms[at], loss.bind({})
    for i in range(5):
        point = [x[i].tolist() for x in arrays]
        second = evaluate(with_hessian(form, parameters), tuple(point), parameters)[2] if which == "exact" else which
        np.testing.assert_allclose(hess[i], np.multiply(second, scale[i]), rtol=1e-12, atol=1e-300)
    buffers = np.empty_like(grad), np.empty_like(hess)
    again = criterion.value_grad_hess(*arrays, hessian=which, out=buffers, **options)
    assert again[1] is buffers[0]
    assert again[2] is buffers[1]
    np.testing.assert_array_equal(again[1], grad)
    np.testing.assert_array_equal(again[2], hess)


@pytest.mark.slow  # 5 s of processor time
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_types_and_layouts_are_those_of_the_prediction(kind):
    random = np.random.default_rng(5)
    logits, labels = random.normal(size=(6, 4, 5)).astype(kind), random.integers(0, 4, (6, 5)).astype(np.int32)
    labels[0, 0] = -100
    criterion = lossreg.create("cross_entropy", label_smoothing=0.1)
    value, grad, hess = criterion.value_grad_hess(logits, labels)
    assert value.dtype == grad.dtype == hess.dtype == kind
    wide = criterion.value_grad_hess(logits.astype(np.float64), labels)
    assert not hess[0, :, 0].any()
    np.testing.assert_allclose(hess, wide[2], rtol=1e-2 if kind is np.float16 else 1e-5, atol=1e-4)
    product = criterion.hvp(logits, labels, vector=np.ones_like(logits))
    np.testing.assert_allclose(product, 0, atol=1e-3)


@pytest.mark.slow  # 2 s of processor time
def test_what_replaces_the_second_derivative():
    error = np.array([0.25, -4.0])
    huber, l1 = lossreg.create("huber", reduction="none"), lossreg.create("l1", reduction="none")
    assert huber.loss.hessians == ("secant", "exact")
    assert l1.loss.hessians == ("constant", "secant", "exact")
    assert huber.value_grad_hess(error, 0 * error, hessian="secant")[2].tolist() == [1, 0.25]
    assert huber.value_grad_hess(error, 0 * error, hessian=3)[2].tolist() == [3, 3]
    quantile = lossreg.create("quantile", level=0.75, reduction="none")
    assert quantile.loss.hessians == ("secant", "constant", "exact")
    assert quantile.value_grad_hess(error, 0 * error, hessian="secant")[2].tolist() == [1, 0.1875]
    assert l1.value_grad_hess(error, 0 * error, hessian="constant")[2].tolist() == [1, 1]
    assert l1.value_grad_hess(error, 0 * error, hessian="secant")[2].tolist() == [4, 0.25]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "l1",
            {},
            'l1: expected a second derivative above 0 somewhere, .* give "constant" or "secant" or a number',
        ),
        (
            "huber",
            {"hessian": "secand"},
            'huber: expected "secant" or "exact" or a number .* got .secand.; did you mean .secant.',
        ),
        ("huber", {"hessian": 0}, "number above 0 as hessian; got 0"),
        ("huber", {"hessian": float("nan")}, "number above 0 as hessian; got nan"),
        ("poisson_nll", {}, r"poisson_nll: expected second derivatives that are finite; got inf at \[0\]"),
    ],
)
def test_curvature_without_a_newton_step_is_refused(name, given, message):
    prediction = np.array([1000.0, 0.0])
    with pytest.raises((InvalidInput, InvalidParameter), match=message):
        lossreg.create(name).value_grad_hess(prediction, np.array([1.0, 1.0]), **given)


@pytest.mark.parametrize(("name", "arrays"), [("ctc", 4), ("triplet_margin", 3)])
def test_a_loss_without_second_derivatives_says_so(name, arrays):
    for call in (lossreg.create(name).value_grad_hess, lambda *x: lossreg.create(name).hvp(*x, vector=x[0])):
        with pytest.raises(InvalidParameter, match=f"{name} has no second derivatives"):
            call(*[np.ones((2, 3))] * arrays)


def test_where_the_gradient_is_0_no_curvature_is_needed():
    assert lossreg.create("margin_ranking").value_grad_hess(np.ones(3), -np.ones(3), np.ones(3))[2].tolist() == [0] * 3
    assert lossreg.create("mse").value_grad_hess(np.ones(0), np.ones(0))[2].shape == (0,)


# Second derivatives that are derived from the slope


@plugin.loss
def logistic(score: plugin.Real, target: plugin.Unit, weight: plugin.Scale = 1.0):
    return weight * (softplus(score) - score * target), weight * (sigmoid(score) - target)


@plugin.loss
def smooth_distance(prediction: plugin.Real, target: plugin.Real, width: plugin.Positive = 0.5):
    error = (prediction - target) / width
    T = type(error)
    return width * (softplus(T(2) * error) - error - log(T(2))), tanh(error)


@plugin.loss
def lopsided(prediction: plugin.Real, target: plugin.Real, level: plugin.Unit = 0.75):
    error = prediction - target
    if error > 0:
        return (1 - level) * error**2, 2 * (1 - level) * error
    return level * error**2, 2 * level * error


@plugin.loss
def logistic_through_abs(score: plugin.Real, target: plugin.Unit):
    T = type(score)
    small = exp(-abs(score))
    return softplus(score) - score * target, (T(1) if score > 0 else small) / (T(1) + small) - target


@pytest.mark.parametrize("loss", [logistic, smooth_distance, lopsided], ids=lambda x: x.name)
def test_a_second_derivative_is_derived_from_the_slope(loss):
    assert loss.hessians == ("exact",)
    form, parameters = loss.forms[0], loss.bind({})
    made = with_derived_hessians(loss, parameters).with_hessian(parameters).forms[0]
    for point in itertools.product(*(POINTS[entry.domain.name] for entry in form.inputs)):
        found = evaluate(made, point, parameters)[2]
        sides = [float(side[0]) for side in by_differences(form, point, parameters)]
        assert any(found == pytest.approx(side, rel=1e-12, abs=1e-14) for side in sides), point


@pytest.mark.slow  # 2 s of processor time
def test_a_derived_second_derivative_is_compiled_as_a_declared_one_is():
    scores, targets = np.linspace(-3, 3, 101, dtype=np.float32), np.zeros(101, np.float32)
    _, grad, hess = lossreg.create(logistic, reduction="sum").value_grad_hess(scores, targets)
    expected = lossreg.create("bce_with_logits", reduction="sum").value_grad_hess(scores, targets)
    np.testing.assert_allclose(grad, expected[1], rtol=1e-6)
    np.testing.assert_allclose(hess, expected[2], rtol=1e-6)


def test_a_derivative_that_is_wrong_at_a_tie_is_refused():
    message = r"logistic_through_abs: no second derivative can be derived: at \(0\.0, 0\.0\) it would be 0, .* by 0\.25"
    with pytest.raises(InvalidParameter, match=message):
        lossreg.create(logistic_through_abs).value_grad_hess(np.ones(3), np.ones(3))
