"""A loss of another distribution, which says nothing of any library, in every bridge."""

from pathlib import Path

import catboost
import jax
import lightgbm
import numpy as np
import pytest
import torch
import xgboost
from sklearn.model_selection import cross_val_score

import lossreg
from lossreg import bridges
from lossreg.bridges import (
    catboost as to_catboost,
    jax as to_jax,
    lightgbm as to_lightgbm,
    torch as to_torch,
    xgboost as to_xgboost,
)
from lossreg.bridges.hist_gradient_boosting import LossHistGradientBoostingRegressor
from lossreg.bridges.sklearn import LossRegressor, scorer

LINEX = str(Path(__file__).parents[1] / "third_party" / "more_losses" / "linex.py")
RATE = 0.5
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 3))
Y = X @ [1.0, -0.7, 0.4] + 0.2 * RANDOM.normal(size=600)


def mean(predictions):
    error = RATE * (np.asarray(predictions, float) - Y)
    return np.mean(np.expm1(error) - error)


CONSTANT = mean(np.full(600, -np.log(np.mean(np.exp(-RATE * Y))) / RATE))


def test_the_bridges_are_all_tried_here():
    modules = {path.stem for path in Path(bridges.__file__).parent.glob("*.py")}
    tried = {"torch", "jax", "xgboost", "lightgbm", "catboost", "sklearn", "hist_gradient_boosting"}
    helpers = {"__init__", "boosting", *(each for each in modules if each.startswith(("torch_", "jax_")))}
    assert modules - helpers == tried


def test_torch_and_jax_have_its_gradient():
    score = np.zeros(600)
    slope = RATE * np.expm1(RATE * (score - Y)) / len(Y)
    tensor = torch.zeros(600, dtype=torch.float64, requires_grad=True)
    to_torch.Loss(LINEX, rate=RATE)(tensor, torch.from_numpy(Y)).backward()
    np.testing.assert_allclose(tensor.grad.numpy(), slope, rtol=1e-12)
    found = jax.jit(jax.grad(to_jax.loss(LINEX, rate=RATE)))(jax.numpy.zeros(600, "float32"), Y.astype("float32"))
    np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-8)


def test_torch_differentiates_it_twice():
    loss = to_torch.Loss(LINEX, rate=RATE)
    values = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, torch.zeros(5, dtype=torch.float64)), values)


@pytest.mark.parametrize(
    "make",
    [
        lambda given: to_xgboost.LossXGBRegressor(n_estimators=50, max_depth=3, n_jobs=1, **given),
        lambda given: to_lightgbm.LossLGBMRegressor(n_estimators=50, num_leaves=8, n_jobs=1, verbose=-1, **given),
        lambda given: LossHistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8, **given),
        lambda given: LossRegressor(alpha=0.1, **given),
        lambda given: LossRegressor(alpha=0.1, solver="newton-cg", **given),
    ],
    ids=["xgboost", "lightgbm", "hist_gradient_boosting", "lbfgs", "newton-cg"],
)
def test_estimators_minimise_it(make):
    model = make({"loss": LINEX, "loss_parameters": {"rate": RATE}}).fit(X, Y)
    assert mean(model.predict(X)) < 0.15 * CONSTANT
    assert scorer(LINEX, rate=RATE)(model, X, Y) == pytest.approx(-mean(model.predict(X)), rel=1e-6)


def test_boosters_take_it_as_objective_and_metric():
    data = xgboost.DMatrix(X, Y)
    options = {"custom_metric": to_xgboost.metric(LINEX, rate=RATE), "evals": [(data, "train")], "verbose_eval": False}
    history = {}
    made = to_xgboost.objective(LINEX, rate=RATE)
    xgboost.train({"nthread": 1}, data, 20, obj=made, evals_result=history, **options)
    assert history["train"]["linex"][-1] < 0.1 * CONSTANT
    booster = lightgbm.train(
        {"objective": to_lightgbm.objective(LINEX, rate=RATE), "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(X, Y),
        50,
    )
    assert mean(booster.predict(X)) < 0.1 * CONSTANT
    given = {"iterations": 50, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    objective, metric = (each(LINEX, rate=RATE) for each in (to_catboost.objective, to_catboost.metric))
    model = catboost.CatBoostRegressor(loss_function=objective, eval_metric=metric, learning_rate=0.3, **given)
    assert mean(model.fit(X, Y).predict(X, prediction_type="RawFormulaVal")) < 0.1 * CONSTANT


def test_it_scores_models_of_scikit_learn():
    assert (cross_val_score(LossRegressor("mse"), X, Y, scoring=scorer(LINEX), cv=3) < 0).all()
    assert lossreg.create(LINEX, rate=RATE)(np.zeros(600), Y) == pytest.approx(mean(np.zeros(600)))
