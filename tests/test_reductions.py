"""Reductions that are plugins: values and gradients, weights and masks, ties, refusals, and training from a config."""

import pickle

import mpmath
import numpy as np
import pytest

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.criterion.reduction_plugins.shares import shares_of_largest
from lossreg.errors import BrokenPlugin, InvalidConfig, InvalidDefinition, InvalidInput, InvalidParameter
from lossreg.experiment.config.json_schema import schema
from lossreg.experiment.config.run_config import load
from lossreg.plugin import reduction
from lossreg.registry.registries import reductions

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(2, 7, 3))
LABELS = np.array([0, 2, 1, -100, 1, 0, 2])
KINDS = [
    {"name": "top_k", "fraction": 0.3},
    {"name": "top_k", "count": 4},
    {"name": "trimmed", "fraction": 0.35},
    {"name": "tilted", "tilt": 1.5},
    {"name": "tilted", "tilt": -0.7},
    {"name": "tilted", "tilt": 0.0},
    {"name": "tilted", "tilt": 1e-9},
]
RUN = {
    "data": {"name": "random", "samples": 60},
    "model": "linear",
    "optimizer": {"name": "sgd", "lr": 0.05},
    "loss": "mse",
    "train": {"epochs": 3, "batch_size": 20},
}


def each(values):
    return pytest.mark.parametrize("kind", values, ids=lambda kind: " ".join(map(str, kind.values())))


def exact(kind, values, weights):
    """The reduction of values with 60 digits, by its formula."""
    with mpmath.workdps(60):
        pairs = sorted(((mpmath.mpf(v), mpmath.mpf(w)) for v, w in zip(values, weights, strict=True)), reverse=True)
        total = mpmath.fsum(w for _, w in pairs)
        if kind["name"] == "tilted":
            tilt = mpmath.mpf(kind["tilt"])
            if not tilt:
                return mpmath.fsum(v * w for v, w in pairs) / total
            return mpmath.log(mpmath.fsum(w * mpmath.exp(tilt * v) for v, w in pairs) / total) / tilt
        amount = min(mpmath.mpf(kind["count"]), total) if "count" in kind else mpmath.mpf(kind["fraction"]) * total
        if kind["name"] == "trimmed":
            pairs, amount = pairs[::-1], total - amount
        left, found = amount, mpmath.mpf(0)
        for v, w in pairs:
            taken = min(left, w)
            found, left = found + taken * v, left - taken
        return found / amount


@each(KINDS)
def test_values_and_factors_are_exact(kind):
    values, weights = RANDOM.gamma(1.0, size=23), RANDOM.integers(1, 4, 23) / 2
    plugin = reductions.get(kind["name"])
    parameters = plugin.bind({key: value for key, value in kind.items() if key != "name"})
    value, factors = plugin.function(values, weights, **parameters)
    assert value == pytest.approx(float(exact(kind, values, weights)), rel=1e-15)
    for at in range(len(values)):
        with mpmath.workdps(60):
            step = mpmath.mpf(10) ** -20 * np.eye(len(values), dtype=int)[at]
            moved = [[mpmath.mpf(v) + sign * x for v, x in zip(values, step, strict=True)] for sign in (1, -1)]
            difference = exact(kind, moved[0], weights) - exact(kind, moved[1], weights)
            slope = float(difference / (2 * step[at]))
        assert factors[at] == pytest.approx(slope, rel=2e-14, abs=1e-16)


@each(KINDS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_gradients_are_differences_of_the_value(kind, loss):
    criterion = lossreg.create(loss, reduction=kind)
    target = Y if loss == "mse" else LABELS
    options = {"sample_weight": np.array([1, 2, 0.5, 1, 1.5, 0, 1]), "where": np.arange(7) != 2}
    value, grad = criterion.value_and_grad(X, target, **options)
    assert value == criterion(X, target, **options)
    differences = np.empty_like(X)
    for at in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[at] = 1e-6
        differences[at] = (criterion(X + step, target, **options) - criterion(X - step, target, **options)) / 2e-6
    np.testing.assert_allclose(grad, differences, atol=1e-9)
    out = X.copy()
    assert criterion.value_and_grad(out, target, out=out, **options)[0] == value
    np.testing.assert_array_equal(out, grad)


@each(KINDS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_weight_is_a_repetition_and_what_does_not_count_is_not_read(kind, loss):
    criterion, target = lossreg.create(loss, reduction=kind), Y if loss == "mse" else LABELS
    repeats = np.array([1, 2, 0, 1, 3, 1, 2])
    weighted, grad = criterion.value_and_grad(X, target, sample_weight=repeats)
    rows = np.repeat(np.arange(7), repeats)
    value, of_rows = criterion.value_and_grad(X[rows], target[rows])
    assert weighted == pytest.approx(value, rel=1e-14)
    summed = np.zeros_like(X)
    np.add.at(summed, rows, of_rows)
    np.testing.assert_allclose(grad, summed, rtol=1e-13, atol=1e-16)
    spoiled = X.copy()
    spoiled[2] = np.nan
    assert criterion(spoiled, target, sample_weight=repeats) == weighted
    assert criterion(spoiled, target, where=np.arange(7) != 2) == criterion(np.delete(X, 2, 0), np.delete(target, 2, 0))
    assert np.isnan(criterion(spoiled, target))
    value, grad = criterion.value_and_grad(X, target, where=np.zeros(7, bool))
    assert value == 0
    assert not grad.any()


def test_equal_values_at_the_border_share_evenly():
    error = np.array([3.0, -2.0, 2.0, 1.0, 2.0])
    top, trimmed = (
        lossreg.create("mse", reduction=kind)
        for kind in ({"name": "top_k", "count": 2}, {"name": "trimmed", "fraction": 0.4})
    )
    value, grad = top.value_and_grad(error, 0 * error)
    assert value == pytest.approx((9 + 4) / 2, rel=1e-15)
    np.testing.assert_allclose(grad, 2 * error * [1 / 2, 1 / 6, 1 / 6, 0, 1 / 6])
    _, grad = trimmed.value_and_grad(error, 0 * error)
    np.testing.assert_allclose(grad, 2 * error * [0, 2 / 9, 2 / 9, 1 / 3, 2 / 9])
    same = np.full(5, 2.0)
    for criterion in (top, trimmed):
        np.testing.assert_allclose(criterion.grad(same, 0 * same), 2 * same / 5)


def test_fractions_that_are_whole_numbers_of_values_take_no_part_of_another():
    values = np.arange(100.0)
    for count in range(1, 101):
        assert np.count_nonzero(shares_of_largest(values, np.ones(100), count / 100 * 100)) == count
    outliers = np.where(values > 70.5, np.inf, 1.0)
    assert reductions.get("trimmed").function(outliers, np.ones(100), fraction=0.29)[0] == 1


def test_limits_are_numbers():
    tilted = reductions.get("tilted").function
    values, weights = np.array([1.0, np.inf, np.inf]), np.ones(3)
    for tilt, value, factors in ((2.0, np.inf, [0, 0.5, 0.5]), (-2.0, 1 + np.log(3) / 2, [1, 0, 0])):
        found, by_value = tilted(values, weights, tilt=tilt)
        assert found == pytest.approx(value)
        np.testing.assert_allclose(by_value, factors)
    assert tilted(np.array([1e300, 1e308]), np.ones(2), tilt=10.0)[0] == pytest.approx(1e308)
    assert lossreg.create("l1", reduction="top_k")([1.0, np.inf], [0.0, 0.0]) == np.inf


@pytest.mark.parametrize("kind", [pytest.param(np.float16, marks=pytest.mark.slow), np.float32])
def test_results_have_the_type_of_the_inputs(kind):
    criterion = lossreg.create("huber", reduction=KINDS[0])
    value, grad = criterion.value_and_grad(X.astype(kind), Y.astype(kind), sample_weight=np.arange(7))
    assert (value.dtype, grad.dtype) == (kind, kind)
    expected = criterion.value_and_grad(X, Y, sample_weight=np.arange(7))
    np.testing.assert_allclose(value, expected[0], rtol=4 * np.finfo(kind).eps)
    np.testing.assert_allclose(grad, expected[1], atol=4 * np.finfo(kind).eps)


@each(KINDS[:5])
def test_a_criterion_with_a_plugin_is_a_value(kind):
    criterion = lossreg.create("huber", delta=0.5, reduction=kind)
    assert criterion.reduction == kind["name"]
    assert criterion.config == {"name": "huber", "delta": 0.5, "weight": 1.0, "reduction": kind}
    assert repr(criterion) == f"lossreg.create('huber', delta=0.5, reduction={kind!r})"
    copy = pickle.loads(pickle.dumps(criterion))  # noqa: S301  its own
    assert copy == criterion == Criterion(criterion.loss, criterion.config["reduction"], {"delta": 0.5})
    assert hash(copy) == hash(criterion)
    assert copy(X, Y) == criterion(X, Y)
    assert criterion != lossreg.create("huber", delta=0.5, reduction="mean")
    assert criterion != lossreg.create("huber", delta=0.5, reduction=kind["name"])
    assert lossreg.create("mse", reduction="top_k") == lossreg.create("mse", reduction=KINDS[0] | {"fraction": 0.1})
    terms = lossreg.create({"mse": 1.0, "l1": 0.5}, reduction=kind)
    parts = [lossreg.create(name, reduction=kind)(X, Y) for name in ("mse", "l1")]
    assert terms(X, Y) == pytest.approx(parts[0] + 0.5 * parts[1])
    assert terms.config["reduction"] == kind


@reduction
def root_mean_square(values: np.ndarray, weights: np.ndarray, *, scale: float = 1.0) -> tuple[float, np.ndarray]:
    """The root of the mean square."""
    value = np.sqrt(np.average(values**2, weights=weights))
    return scale * value, scale * weights * values / (weights.sum() * value)


@reduction
def broken(values: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """A number of factors that is wrong."""
    return float(values.sum()), weights[1:]


def test_a_reduction_of_another_author(monkeypatch, tmp_path):
    monkeypatch.setattr(reductions, "_registered", {})
    criterion = lossreg.create("l1", reduction=root_mean_square)
    assert pickle.loads(pickle.dumps(criterion)) == criterion  # noqa: S301  its own
    lossreg.register(root_mean_square)
    assert lossreg.create("l1", reduction="root_mean_square") == criterion
    doubled = lossreg.create("l1", reduction={"name": "root_mean_square", "scale": 2})
    value, grad = doubled.value_and_grad([3.0, 4.0, 9.0], [0.0, 0.0, 0.0], sample_weight=[1, 1, 0])
    assert value == pytest.approx(2 * np.sqrt(12.5))
    np.testing.assert_allclose(grad, np.array([3, 4, 0]) / np.sqrt(12.5))
    result = lossreg.run({**RUN, "reduction": {"name": "root_mean_square", "scale": 2}}, root=tmp_path)
    assert result.config["reduction"] == {"name": "root_mean_square", "scale": 2.0}
    with pytest.raises(BrokenPlugin, match=r"the reduction broken returned .* expected a finite factor for each of 21"):
        lossreg.create("l1", reduction=broken)(X, Y)


def test_functions_that_are_no_reduction_are_refused():
    def swapped(weights: np.ndarray, values: np.ndarray) -> tuple[float, np.ndarray]: ...
    def single(values: np.ndarray, weights: np.ndarray) -> float: ...
    def more(values: np.ndarray, weights: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray]: ...

    messages = {
        swapped: "swapped: expected values, weights as arguments; got weights, values",
        single: r"single: expected it to return the value and the factors; it returns one number",
        more: "more: a reduction is given values, weights; 'mask' is a parameter and needs a default",
    }
    for function, message in messages.items():
        with pytest.raises(InvalidDefinition, match=message):
            reduction(function)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "top_k", "fraction": 0}, "mse: top_k: fraction: expected a number above 0, up to 1, got 0"),
        ({"name": "top_k", "fractoin": 0.5}, "mse: top_k has no parameter 'fractoin'; .* did you mean 'fraction'"),
        ({"name": "top_q"}, "mse: expected a reduction of batchmean, .*; did you mean 'top_k'"),
        ({"name": "mean", "fraction": 1}, "mse: the reduction mean has no parameters; give its name"),
        ({}, r"mse: expected a reduction of .*, got \{\}$"),
    ],
)
def test_what_is_no_reduction_is_refused(given, message):
    with pytest.raises(InvalidParameter, match=message):
        lossreg.create("mse", reduction=given)


def test_calls_that_have_no_meaning_are_refused():
    criterion = lossreg.create("mse", reduction="top_k")
    for call in (lambda: criterion(X, Y, denominator=3), lambda: criterion.denominator(X, Y)):
        with pytest.raises(InvalidParameter, match="mse: the reduction top_k has no denominator"):
            call()
    for call in (lambda: criterion.hvp(X, Y, vector=X), lambda: criterion.value_grad_hess(X, Y)):
        with pytest.raises(InvalidParameter, match="mse has no second derivatives with the reduction top_k"):
            call()
    with pytest.raises(InvalidInput, match=r"expected a finite sample_weight, 0 or above, .* got -1.0 at \[1, 0\]"):
        criterion(X, Y, sample_weight=[1, -1, 1, 1, 1, 1, 1])
    for name, reason in {"cox": "its samples are coupled", "dice": "it has several values for a sample"}.items():
        with pytest.raises(InvalidParameter, match=f"{name}: the reduction top_k needs .*; {reason}"):
            lossreg.create(name, reduction="top_k")


@each([{"name": "top_k"}, *KINDS[1:4]])
def test_a_config_trains_with_it(kind, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(
        "data: {name: random, samples: 60}\nmodel: linear\noptimizer: {name: sgd, lr: 0.05}\nloss: mse\n"
        f"reduction: {kind if len(kind) > 1 else kind['name']}\ntrain: {{epochs: 3, batch_size: 20}}\n"
    )
    result = lossreg.run(path, root=tmp_path / "runs")
    assert result.config["reduction"] == {**dict(reductions.get(kind["name"]).bind({})), **kind}
    assert result.metrics
    assert load(result.config).resolved()["reduction"] == result.config["reduction"]


def test_mistakes_in_a_config_have_their_location(tmp_path):
    for given, message in (
        ({"name": "top_k", "fractoin": 0.5}, "reduction.fractoin: unknown key; did you mean 'fraction'"),
        ({"name": "tilted", "tilt": "x"}, "reduction.tilt: expected a finite number, got 'x'"),
        ({"name": "top"}, "reduction.name: no reduction named 'top' is installed"),
        ("trimed", "reduction: no reduction named 'trimed' is installed; did you mean 'trimmed'"),
        ("none", "reduction: expected 'mean' or 'sum' or 'batchmean', got 'none'"),
    ):
        with pytest.raises(InvalidConfig, match=message):
            load({**RUN, "reduction": given})
    accumulating = {**RUN, "reduction": "trimmed", "train": {"accumulate": 2}}
    with pytest.raises(InvalidConfig, match=r"train\.accumulate: the losses of parts .* with the reduction trimmed"):
        lossreg.run(accumulating, root=tmp_path)


def test_the_schema_of_configs_has_them():
    found = schema()["$defs"]["complete"]["properties"]["reduction"]["anyOf"]
    properties = [each.get("properties", {}) for each in found]
    assert any({"name", "fraction", "count"} == set(each) for each in properties)
