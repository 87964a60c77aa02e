"""A weighted sum of losses in every bridge: the results are those of its terms, added up."""

import numpy as np
import pytest

import lossreg

TERMS = [{"name": "mse", "factor": 0.5}, {"name": "huber", "factor": 2.0, "delta": 0.25}]
BOTH = lossreg.create(TERMS)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 3))
Y = X @ [1.0, -2.0, 0.5] + RANDOM.normal(size=200) ** 3


def test_jax():
    jax = pytest.importorskip("jax")
    from lossreg.bridges.jax import loss

    prediction, target = (RANDOM.normal(size=(6, 4)).astype(np.float32) for _ in range(2))
    value, grad = jax.jit(jax.value_and_grad(loss(TERMS)))(prediction, target)
    expected = BOTH.value_and_grad(prediction, target)
    np.testing.assert_array_equal(value, expected[0])
    np.testing.assert_array_equal(grad, expected[1])
    each = loss(TERMS, reduction="none")
    np.testing.assert_array_equal(
        jax.jit(each)(prediction, target), lossreg.create(TERMS, reduction="none")(prediction, target)
    )
    by_each = jax.grad(lambda x: (each(x, target) * prediction).sum())(prediction)
    _, expected = lossreg.create(TERMS, reduction="sum").value_and_grad(prediction, target, sample_weight=prediction)
    np.testing.assert_allclose(by_each, expected, rtol=1e-6)


@pytest.mark.parametrize("bridge", ["xgboost", "lightgbm", "catboost"])
def test_boosters_get_the_sums_of_gradients_and_of_second_derivatives(bridge):
    pytest.importorskip(bridge)
    from importlib import import_module

    made = import_module(f"lossreg.bridges.{bridge}").objective(TERMS)
    scores, target = RANDOM.normal(size=50), RANDOM.normal(size=50)
    grad, hess = made.derivatives(scores, target)
    single = [lossreg.create("mse", reduction="sum"), lossreg.create("huber", delta=0.25, reduction="sum")]
    first, second = (each.value_grad_hess(scores, target, hessian=None) for each in single)
    np.testing.assert_allclose(grad, 0.5 * first[1] + 2 * second[1], rtol=1e-14)
    np.testing.assert_allclose(hess, 0.5 * first[2] + 2 * second[2], rtol=1e-14)
    start = made.start(target)
    values = [BOTH(np.full(50, start + shift), target) for shift in (-0.01, 0.0, 0.01)]
    assert min(values) == values[1]
    with pytest.raises(lossreg.InvalidParameter, match="the terms of a sum take the same scores and labels"):
        import_module(f"lossreg.bridges.{bridge}").objective({"bce_with_logits": 1.0, "hinge": 1.0})


def test_xgboost_trains_with_it():
    xgboost = pytest.importorskip("xgboost")
    from lossreg.bridges.xgboost import metric, objective

    data = xgboost.DMatrix(X, Y)
    found = {}
    options = {"evals": [(data, "train")], "evals_result": found, "verbose_eval": False}
    xgboost.train(
        {"nthread": 1, "disable_default_eval_metric": 1},
        data,
        20,
        obj=objective(TERMS),
        custom_metric=metric(TERMS),
        **options,
    )
    losses = found["train"]["mse+huber"]
    assert losses[-1] < losses[0] / 3


def test_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.base import clone

    from lossreg.bridges.sklearn import LossRegressor, scorer

    model = clone(LossRegressor(TERMS, alpha=0.0)).fit(X, Y)
    score = scorer(TERMS)(model, X, Y)
    assert score == pytest.approx(-BOTH(model.predict(X), Y), rel=1e-12)
    for alone in ("mse", "huber"):
        parameters = {"delta": 0.25} if alone == "huber" else {}
        other = LossRegressor(alone, loss_parameters=parameters, alpha=0.0).fit(X, Y)
        assert scorer(TERMS)(other, X, Y) < score
    newton = LossRegressor([{"name": "mse"}, {"name": "log_cosh"}], alpha=0.0, solver="newton-cg").fit(X, Y)
    lbfgs = LossRegressor([{"name": "mse"}, {"name": "log_cosh"}], alpha=0.0).fit(X, Y)
    np.testing.assert_allclose(newton.coef_, lbfgs.coef_, rtol=1e-4)
