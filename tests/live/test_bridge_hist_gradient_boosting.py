"""Losses inside scikit-learn's HistGradientBoosting: its own trees, weights, early stopping, and saved models."""

import pickle
import runpy

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV

from lossreg import InvalidInput, InvalidParameter
from lossreg.bridges import hist_gradient_boosting
from lossreg.bridges.hist_gradient_boosting import (
    LossHistGradientBoostingClassifier,
    LossHistGradientBoostingRegressor,
)
from lossreg.bridges.sklearn import scorer
from lossreg.errors import MissingExtra

RANDOM = np.random.default_rng(0)
ROWS = 1500
X = RANDOM.normal(size=(ROWS, 6))
SIGNAL = 1.5 * X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * RANDOM.normal(size=ROWS)
TARGETS = {
    "squared_error": SIGNAL,
    "poisson": RANDOM.poisson(np.exp(0.3 * SIGNAL)).astype(float),
    "half_binomial_loss": np.where(SIGNAL > 0, "yes", "no"),
    "half_multinomial_loss": np.array(["low", "middle", "high"])[np.digitize(SIGNAL, [-1, 1])],
}
WEIGHTS = RANDOM.random(ROWS) + 0.5
OPTIONS = {"max_iter": 20, "max_leaf_nodes": 8, "random_state": 0}


def splits(model):
    nodes = [[each.nodes for each in trees] for trees in model._predictors]  # noqa: SLF001  scikit-learn shows no trees
    return [[(n["feature_idx"].tolist(), n["num_threshold"].tolist()) for n in trees] for trees in nodes]


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("early", [False, True], ids=["", "early"])
def test_the_trees_are_those_of_the_own_losses(loss, weight, early):
    ours, theirs, name = LossHistGradientBoostingRegressor, HistGradientBoostingRegressor, loss
    if loss.startswith("half"):
        ours, theirs, name = LossHistGradientBoostingClassifier, HistGradientBoostingClassifier, "log_loss"
    options = OPTIONS | {"early_stopping": early, "n_iter_no_change": 2, "learning_rate": 0.5, "l2_regularization": 3.0}
    options |= {"max_iter": 100} if early else {}
    target = TARGETS[loss]
    found = ours(loss, hessian="builtin", **options).fit(X, target, weight)
    expected = theirs(name, **options).fit(X, target, weight)
    assert splits(found) == splits(expected)
    assert found.n_iter_ == expected.n_iter_ < 100
    for method in ("predict_proba", "decision_function") if name == "log_loss" else ("predict",):
        np.testing.assert_allclose(getattr(found, method)(X), getattr(expected, method)(X), rtol=1e-6, atol=1e-6)
    assert np.array_equal(pickle.loads(pickle.dumps(found)).predict(X), found.predict(X))  # noqa: S301  made here
    assert np.array_equal(clone(found).fit(X, target, weight).predict(X), found.predict(X))


@pytest.mark.parametrize(("loss", "hessian"), [("cross_entropy", None), ("multi_margin", 1.0)])
def test_a_loss_by_row_trains_one_score_of_two_classes(loss, hessian):
    labels = TARGETS["half_binomial_loss"]
    model = LossHistGradientBoostingClassifier(loss, hessian=hessian, learning_rate=0.3, **OPTIONS).fit(X, labels)
    assert model.decision_function(X).shape == (ROWS,)
    assert model.score(X, labels) > 0.9
    if loss == "cross_entropy":
        own = HistGradientBoostingClassifier(learning_rate=0.3, **OPTIONS).fit(X, labels)
        np.testing.assert_allclose(model.predict_proba(X), own.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(("loss", "parameters"), [("l1", {}), ("quantile", {"level": 0.9}), ("huber", {"delta": 0.9})])
def test_losses_without_curvature_train(loss, parameters):
    model = LossHistGradientBoostingRegressor(loss, loss_parameters=parameters, **OPTIONS | {"max_iter": 100})
    rows = slice(ROWS // 2)
    ours = scorer(loss, **parameters)(model.fit(X[rows], SIGNAL[rows]), X, SIGNAL)
    constant = scorer(loss, **parameters)(clone(model).set_params(max_iter=1).fit(X[rows], SIGNAL[rows]), X, SIGNAL)
    assert ours > 0.4 * constant  # both are below 0


def test_a_grid_search_chooses_among_losses():
    grid = {"loss": ["mse", "huber", "l1", "log_cosh"]}
    model = LossHistGradientBoostingRegressor(max_iter=10)
    search = GridSearchCV(model, grid, scoring=scorer("l1"), cv=3).fit(*load_diabetes(return_X_y=True))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_what_does_not_fit_is_refused(monkeypatch):
    labels = TARGETS["half_multinomial_loss"]
    with pytest.raises(InvalidInput, match=r"bce_with_logits: expected two classes, as it takes one score; .* have 3"):
        LossHistGradientBoostingClassifier("bce_with_logits").fit(X, labels)
    with pytest.raises(InvalidInput, match="cross_entropy: expected a loss of one prediction for a regression"):
        LossHistGradientBoostingRegressor("cross_entropy").fit(X, SIGNAL)
    with pytest.raises(InvalidParameter, match="give loss_parameters="):
        LossHistGradientBoostingRegressor("quantile", quantile=0.9).fit(X, SIGNAL)
    monkeypatch.setattr(sklearn, "__version__", "1.15.0")
    with pytest.raises(MissingExtra, match=r"private parts of scikit-learn 1\.6 to 1\.9; 1\.15\.0 is installed"):
        runpy.run_path(hist_gradient_boosting.__file__)
