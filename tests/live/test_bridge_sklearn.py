"""The bridge to scikit-learn: its own checks, equal coefficients to its own models, and scorers."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import lossreg
from lossreg.bridges.sklearn import LossClassifier, LossRegressor, scorer

SOLVERS = ("lbfgs", "newton-cg")


def standardised(load):
    inputs, targets = load(return_X_y=True)
    return StandardScaler().fit_transform(inputs), targets


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@pytest.mark.parametrize(
    "estimator",
    [
        *(LossRegressor(loss) for loss in ("mse", "huber", "smooth_l1", "l1", "log_cosh", "quantile")),
        LossRegressor("mse", solver="newton-cg"),
        *(
            LossClassifier(loss)
            for loss in ("cross_entropy", "bce_with_logits", "soft_margin", "multi_margin", "hinge")
        ),
        LossClassifier("cross_entropy", loss_parameters={"label_smoothing": 0.1}),
    ],
    ids=str,
)
def test_estimators_pass_all_checks_of_scikit_learn(estimator):
    failed = [each for each in check_estimator(estimator, on_fail=None) if each["status"] == "failed"]
    assert not [(each["check_name"], each["exception"]) for each in failed]


def test_repeated_and_weighted_examples_are_the_same_problem_to_the_last_bit():
    inputs, targets = standardised(load_diabetes)
    count = np.random.default_rng(0).integers(0, 4, len(targets))
    shuffled = np.random.default_rng(1).permutation(count.sum())
    weighted = LossRegressor("l1").fit(inputs, targets, count)
    repeated = LossRegressor("l1").fit(inputs.repeat(count, axis=0)[shuffled], targets.repeat(count)[shuffled])
    np.testing.assert_array_equal(repeated.coef_, weighted.coef_)
    assert repeated.intercept_ == weighted.intercept_


@pytest.mark.parametrize("solver", SOLVERS)
def test_squared_errors_are_ridge(solver):
    inputs, targets = standardised(load_diabetes)
    expected = Ridge(alpha=3, tol=1e-12).fit(inputs, targets)
    found = LossRegressor("mse", alpha=6, solver=solver).fit(inputs, targets)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6, atol=1e-6)
    assert found.intercept_ == pytest.approx(expected.intercept_, rel=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("load", "loss"), [(load_breast_cancer, "bce_with_logits"), (load_iris, "cross_entropy")], ids=["two", "three"]
)
def test_the_log_loss_is_logistic_regression(load, loss, solver):
    inputs, labels = standardised(load)
    weight = np.random.default_rng(0).random(len(labels)) + 0.5
    expected = LogisticRegression(C=0.7, tol=1e-12, max_iter=5000).fit(inputs, labels, weight)
    found = LossClassifier(loss, C=0.7, solver=solver, tol=1e-8).fit(inputs, labels, weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=2e-6)
    np.testing.assert_allclose(found.predict_proba(inputs), expected.predict_proba(inputs), atol=1e-6)


def test_a_grid_search_chooses_among_losses():
    inputs, targets = standardised(load_diabetes)
    targets = targets.copy()
    targets[::10] += 1000  # outliers
    grid = {"loss": ["mse", "huber", "smooth_l1", "l1"], "alpha": [0.1, 10.0]}
    search = GridSearchCV(LossRegressor(), grid, scoring=scorer("l1"), cv=3).fit(inputs, targets)
    assert search.best_params_["loss"] in ("huber", "smooth_l1", "l1")
    mean = lossreg.create("l1")(search.predict(inputs), targets)
    assert scorer("l1")(search, inputs, targets) == pytest.approx(-float(mean))


def test_scorers_of_classes_take_the_scores_of_a_classifier():
    inputs, labels = standardised(load_breast_cancer)
    model = LogisticRegression().fit(inputs, labels)
    for name in ("bce_with_logits", "cross_entropy"):
        ours = cross_val_score(model, inputs, labels, scoring=scorer(name), cv=3)
        np.testing.assert_allclose(
            ours, cross_val_score(model, inputs, labels, scoring="neg_log_loss", cv=3), rtol=1e-6
        )
