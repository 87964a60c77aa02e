"""The bridges to XGBoost, LightGBM and CatBoost: the trees of their own objectives, weights, classes, saved models."""

import pickle

import catboost as cat
import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from sklearn.base import clone

import lossreg
from lossreg import InvalidInput, InvalidParameter
from lossreg.bridges import catboost, lightgbm, xgboost

RANDOM = np.random.default_rng(0)
ROWS, ROUNDS = 2000, 10
X = RANDOM.normal(size=(ROWS, 6)).astype(np.float32)
SIGNAL = 1.5 * X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * RANDOM.normal(size=ROWS).astype(np.float32)
TARGETS = {
    "mse": SIGNAL,
    "bce_with_logits": (SIGNAL > 0).astype(np.float32),
    "poisson_nll": RANDOM.poisson(np.exp(0.3 * SIGNAL)).astype(np.float32),
    "cross_entropy": np.digitize(SIGNAL, [-1, 1]),
    "huber": SIGNAL,
}
WEIGHTS = (RANDOM.random(ROWS) + 0.5).astype(np.float32)


def same_trees(one, other, group, feature, threshold):
    pairs = zip(one.groupby(group), other.groupby(group), strict=True)
    return [
        a[feature].tolist() == b[feature].tolist() and np.array_equal(a[threshold].fillna(0), b[threshold].fillna(0))
        for (_, a), (_, b) in pairs
    ]


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize(
    ("builtin", "loss"),
    [
        ("reg:squarederror", "mse"),
        ("binary:logistic", "bce_with_logits"),
        ("count:poisson", "poisson_nll"),
        ("multi:softprob", "cross_entropy"),
    ],
)
def test_xgboost_grows_the_trees_of_its_own_objective(builtin, loss, weight):
    data = xgb.DMatrix(X, TARGETS[loss], weight=weight)
    made = xgboost.objective(loss, hessian="builtin")
    given = {"max_depth": 3, "nthread": 1, "max_delta_step": 0.7 if loss == "poisson_nll" else 0}
    if loss == "cross_entropy":
        given |= {"num_class": 3, "base_score": 0.5}
        base_score = 0.5
    else:
        start = made.start(TARGETS[loss], weight)
        base_score = {"bce_with_logits": 1 / (1 + np.exp(-start)), "poisson_nll": np.exp(start)}.get(loss, start)
        given["base_score"] = start
    ours = xgb.train(given, data, ROUNDS, obj=made)
    theirs = xgb.train(given | {"objective": builtin, "base_score": base_score}, data, ROUNDS)
    assert all(same_trees(ours.trees_to_dataframe(), theirs.trees_to_dataframe(), "Tree", "Feature", "Split"))
    margins = [each.predict(data, output_margin=True) for each in (ours, theirs)]
    np.testing.assert_allclose(*margins, atol=2e-6)


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize(
    ("builtin", "loss"),
    [
        ("regression", "mse"),
        ("binary", "bce_with_logits"),
        ("poisson", "poisson_nll"),
        ("huber", "huber"),
        ("multiclass", "cross_entropy"),
    ],
)
def test_lightgbm_grows_the_trees_of_its_own_objective(builtin, loss, weight):
    given = {"num_leaves": 8, "verbose": -1, "num_threads": 1, "boost_from_average": False, "alpha": 0.9}
    given |= {"num_class": 3} if loss == "cross_entropy" else {}
    made = lightgbm.objective(loss, hessian="builtin", **({"delta": 0.9} if loss == "huber" else {}))
    ours, theirs = (
        lgb.train(given | {"objective": each}, lgb.Dataset(X, TARGETS[loss], weight=weight), ROUNDS)
        for each in (made, builtin)
    )
    assert all(
        same_trees(ours.trees_to_dataframe(), theirs.trees_to_dataframe(), "tree_index", "split_feature", "threshold")
    )
    np.testing.assert_allclose(ours.predict(X, raw_score=True), theirs.predict(X, raw_score=True), atol=1e-6)


@pytest.mark.parametrize(("builtin", "loss"), [("RMSE", "mse"), ("Poisson", "poisson_nll")])
def test_catboost_predicts_as_with_its_own_objective(builtin, loss):
    given = {
        "iterations": ROUNDS,
        "depth": 3,
        "learning_rate": 0.1,
        "verbose": 0,
        "thread_count": 1,
        "random_seed": 0,
        "bootstrap_type": "No",
        "random_strength": 0,
        "allow_writing_files": False,
        "leaf_estimation_iterations": 1,
        "leaf_estimation_method": "Newton",
    }
    made = catboost.objective(loss, hessian="builtin")
    ours = cat.CatBoostRegressor(loss_function=made, eval_metric=catboost.metric(loss), **given)
    theirs = cat.CatBoostRegressor(loss_function=builtin, boost_from_average=False, **given)
    margins = [each.fit(X, TARGETS[loss]).predict(X, prediction_type="RawFormulaVal") for each in (ours, theirs)]
    np.testing.assert_allclose(*margins, atol=1e-12)
    with pytest.raises(InvalidParameter, match="cross_entropy takes a score for each class, for which CatBoost"):
        catboost.objective("cross_entropy")


@pytest.mark.parametrize("bridge", [xgboost, lightgbm, catboost])
def test_the_start_is_the_constant_of_least_loss(bridge):
    target, weight = TARGETS["poisson_nll"].astype(float), WEIGHTS.astype(float)
    start = bridge.objective("poisson_nll").start(target, weight)
    assert start == pytest.approx(np.log(np.average(target, weights=weight)), rel=1e-9)
    assert bridge.objective("l1").start(SIGNAL) == pytest.approx(np.median(SIGNAL), abs=2e-3)
    with pytest.raises(InvalidInput, match="no finite constant minimises the loss of these targets"):
        bridge.objective("bce_with_logits").start(np.ones(5))


def test_the_start_of_classes_is_the_logarithm_of_their_shares():
    labels = TARGETS["cross_entropy"]
    start = xgboost.objective("cross_entropy").start(labels, WEIGHTS)
    shares = np.bincount(labels, WEIGHTS) / WEIGHTS.sum()
    np.testing.assert_allclose(start, np.log(shares) - np.log(shares).mean(), rtol=1e-6)
    with pytest.raises(InvalidInput, match="no finite constant minimises the loss without rows of class 1"):
        xgboost.objective("cross_entropy").start([0, 2])


@pytest.mark.parametrize("make", [xgboost.LossXGBRegressor, lightgbm.LossLGBMRegressor])
def test_regressors_begin_at_the_start_and_keep_it(make, tmp_path):
    shifted = TARGETS["mse"] + 100
    quiet = {"verbose": -1} if make is lightgbm.LossLGBMRegressor else {}
    model = make(loss="huber", loss_parameters={"delta": 0.9}, n_estimators=20, n_jobs=1, **quiet)
    again = clone(model).fit(X, shifted)
    predictions = model.fit(X, shifted).predict(X)
    assert np.array_equal(again.predict(X), predictions)
    assert np.mean((predictions - shifted) ** 2) < 0.3 * np.var(shifted)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), predictions)  # noqa: S301  made here
    if quiet:
        model.booster_.save_model(tmp_path / "model.txt")
        loaded = lgb.Booster(model_file=tmp_path / "model.txt").predict(X, raw_score=True)
    else:
        model.save_model(tmp_path / "model.json")
        other = make(loss="huber")
        other.load_model(tmp_path / "model.json")
        loaded = other.predict(X)
    np.testing.assert_allclose(loaded, predictions, rtol=1e-6)
    counts = make(loss="poisson_nll", n_estimators=20, n_jobs=1, **quiet).fit(X, TARGETS["poisson_nll"]).predict(X)
    assert counts.min() > 0
    assert counts.mean() == pytest.approx(TARGETS["poisson_nll"].mean(), rel=0.05)


@pytest.mark.parametrize("make", [xgboost.LossXGBClassifier, lightgbm.LossLGBMClassifier])
@pytest.mark.parametrize("loss", ["bce_with_logits", "soft_margin", "cross_entropy"])
def test_classifiers_give_probabilities(make, loss):
    labels = TARGETS["cross_entropy" if loss == "cross_entropy" else "bce_with_logits"].astype(int)
    quiet = {"verbose": -1} if make is lightgbm.LossLGBMClassifier else {}
    model = make(loss=loss, n_estimators=20, n_jobs=1, **quiet).fit(X, labels)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(probabilities.mean(axis=0), np.bincount(labels) / ROWS, atol=0.02)
    assert model.score(X, labels) > 0.85


def test_the_loss_itself_stops_early():
    half = ROWS // 2
    train, test = (xgb.DMatrix(X[part], SIGNAL[part]) for part in (slice(half), slice(half, None)))
    made, metric = xgboost.objective("huber", delta=0.9), xgboost.metric("huber", delta=0.9)
    options = {"custom_metric": metric, "evals": [(test, "test")], "verbose_eval": False, "early_stopping_rounds": 3}
    booster = xgb.train({"nthread": 1}, train, 500, obj=made, **options)
    assert booster.best_iteration < 499
    scores = booster.predict(test, output_margin=True, iteration_range=(0, booster.best_iteration + 1))
    expected = lossreg.create("huber", delta=0.9)(scores.astype(float), SIGNAL[half:].astype(float))
    assert booster.best_score == pytest.approx(float(expected), rel=1e-5)
    given = {"objective": lightgbm.objective("huber"), "verbose": -1, "num_threads": 1, "metric": "None"}
    sets = [lgb.Dataset(X[part], SIGNAL[part]) for part in (slice(half), slice(half, None))]
    stop = [lgb.early_stopping(3, verbose=False)]
    stopped = lgb.train(given, sets[0], 500, valid_sets=sets[1:], feval=lightgbm.metric("huber"), callbacks=stop)
    assert 0 < stopped.best_iteration < 500


@pytest.mark.parametrize("loss", ["lambda_rank", "ranknet", "list_net"])
def test_losses_of_groups_rank(loss):
    sizes, group = np.full(100, ROWS // 100), np.repeat(np.arange(100), ROWS // 100)
    relevance, of_groups = np.clip(np.round(1.5 + SIGNAL), 0, 4), WEIGHTS[:100]
    each = of_groups[group]
    criterion = lossreg.create(loss)

    def ranked(scores):
        return float(criterion(scores.astype(float), relevance, group, sample_weight=each.astype(float)))

    data = xgb.DMatrix(X, relevance, qid=group, weight=of_groups)
    given, history = {"nthread": 1, "max_depth": 3, "min_child_weight": 0.01, "base_score": 0.0}, {}
    given["disable_default_eval_metric"] = True  # XGBoost's own rmse reads a weight for each row, beyond their end
    made, metric = xgboost.objective(loss), xgboost.metric(loss)
    options = {"custom_metric": metric, "evals": [(data, "train")], "evals_result": history, "verbose_eval": False}
    booster = xgb.train(given, data, ROUNDS, obj=made, **options)
    start, trained = ranked(np.zeros(ROWS)), ranked(booster.predict(data, output_margin=True))
    assert trained < 0.95 * start
    assert history["train"][loss][-1] == pytest.approx(trained, rel=1e-4)
    grad, hess = made(np.zeros(ROWS, np.float32), data)
    expected = lossreg.create(loss, reduction="sum").grad(np.zeros(ROWS), relevance, group, sample_weight=each)
    np.testing.assert_allclose(grad, expected, atol=1e-6)
    np.testing.assert_array_equal(hess, np.abs(grad))
    np.testing.assert_allclose(xgboost.objective(loss, hessian=2.0)(np.zeros(ROWS), data)[1], 2 * each, rtol=1e-6)
    kept = lgb.Dataset(X, relevance, group=sizes, weight=each)
    given = {"objective": lightgbm.objective(loss), "verbose": -1, "num_threads": 1, "num_leaves": 8}
    assert ranked(lgb.train(given, kept, ROUNDS).predict(X)) < 0.95 * start
    with pytest.raises(InvalidInput, match="the data have no groups; give them as qid or group"):
        xgb.train({}, xgb.DMatrix(X, relevance), 1, obj=made)
    with pytest.raises(InvalidParameter, match="takes groups, which CatBoost does not give"):
        catboost.objective(loss)


def weighted_median(errors, weight):
    order = np.argsort(errors)
    return errors[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)]


@pytest.mark.parametrize("estimator", [xgboost.LossXGBRegressor, lightgbm.LossLGBMRegressor])
def test_leaves_without_second_derivatives_have_the_values_of_least_loss(estimator, tmp_path):
    target, weight = TARGETS["mse"].astype(float) + 10, WEIGHTS.astype(float)
    options = {"n_estimators": 2, "n_jobs": 1, "learning_rate": 0.5}
    options |= {"verbose": -1} if estimator is lightgbm.LossLGBMRegressor else {"max_depth": 3}
    model = estimator(loss="l1", **options).fit(X, target, sample_weight=weight)
    if estimator is lightgbm.LossLGBMRegressor:
        leaves = model.predict(X, pred_leaf=True)
        one = model.predict(X, num_iteration=1)
        model.booster_.save_model(tmp_path / "model.txt")
        again = lgb.Booster(model_file=tmp_path / "model.txt").predict(X)
    else:
        leaves = model.apply(X)
        one = model.predict(X, iteration_range=(0, 1))
        model.save_model(tmp_path / "model.json")
        again = estimator(loss="l1")
        again.load_model(tmp_path / "model.json")
        again = again.predict(X)
    both = model.predict(X)
    np.testing.assert_allclose(again, both, rtol=1e-6)
    assert len(pickle.dumps(model)) < X.nbytes  # the training data are not kept
    for leaf in np.unique(leaves[:, 1]):
        rows = leaves[:, 1] == leaf
        step = (both - one)[rows]
        expected = 0.5 * weighted_median((target - one)[rows], weight[rows])
        np.testing.assert_allclose(step, expected, atol=3e-4)


@pytest.mark.parametrize("estimator", [xgboost.LossXGBRegressor, lightgbm.LossLGBMRegressor])
def test_renewed_leaves_follow_the_learning_rate_that_a_callback_sets(estimator):
    options = {"loss": "l1", "n_estimators": 5, "n_jobs": 1}
    if estimator is lightgbm.LossLGBMRegressor:
        options["verbose"] = -1
        scheduled = estimator(**options).fit(X, SIGNAL, callbacks=[lgb.reset_parameter(learning_rate=lambda _: 0.7)])
    else:
        scheduled = estimator(**options, callbacks=[xgb.callback.LearningRateScheduler(lambda _: 0.7)]).fit(X, SIGNAL)
    constant = estimator(**options, learning_rate=0.7).fit(X, SIGNAL)
    np.testing.assert_allclose(scheduled.predict(X), constant.predict(X), rtol=1e-6)


@pytest.mark.parametrize("estimator", [xgboost.LossXGBRegressor, lightgbm.LossLGBMRegressor])
def test_early_stopping_sees_renewed_leaves(estimator):
    half, target = ROWS // 2, TARGETS["mse"].astype(float)
    test, level = (X[half:], target[half:]), {"level": 0.9}
    options = {"n_jobs": 1, "n_estimators": 300, "loss": "quantile", "loss_parameters": level}
    if estimator is lightgbm.LossLGBMRegressor:
        model, stop = estimator(verbose=-1, **options), {"callbacks": [lgb.early_stopping(3, verbose=False)]}
        model.fit(X[:half], target[:half], eval_X=test[0], eval_y=test[1], **stop)
        (best,), stopped = model.best_score_["valid_0"].values(), model.best_iteration_
        refused = {"eval_X": test[0], "eval_y": test[1], "eval_metric": "l2"}, {}
    else:
        model = estimator(early_stopping_rounds=3, **options)
        model.fit(X[:half], target[:half], eval_set=[test], verbose=False)
        best, stopped = model.best_score, model.best_iteration
        refused = {}, {"eval_metric": "rmse"}
    assert stopped < 299
    criterion = lossreg.create("quantile", **level)
    assert float(criterion(model.predict(test[0]).astype(float), test[1])) == pytest.approx(best, rel=1e-5)
    with pytest.raises(
        InvalidParameter, match=r"eval_metric: expected the metric of quantile, got (l2|rmse), which is"
    ):
        estimator(**options, **refused[1]).fit(X[:half], target[:half], **refused[0])


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (xgboost.LossXGBRegressor, {"booster": "dart"}, "booster='dart'"),
        (xgboost.LossXGBRegressor, {"num_parallel_tree": 4}, "num_parallel_tree"),
        (lightgbm.LossLGBMRegressor, {"boosting_type": "dart", "verbose": -1}, "boosting_type='dart'"),
    ],
)
def test_leaves_that_cannot_be_renewed(estimator, options, message):
    options |= {"loss": "l1", "n_estimators": 3, "n_jobs": 1}
    with pytest.raises(InvalidParameter, match=f"renew_leaves: leaves are not renewed with {message}"):
        estimator(renew_leaves=True, **options).fit(X, SIGNAL)
    assert np.isfinite(estimator(**options).fit(X, SIGNAL).predict(X)).all()


@pytest.mark.parametrize("estimator", [xgboost.LossXGBRegressor, lightgbm.LossLGBMRegressor])
def test_absolute_errors_train_as_well_at_every_scale_of_the_targets(estimator):
    options, target = {"n_estimators": 20, "n_jobs": 1}, TARGETS["mse"].astype(float)
    options |= {"verbose": -1} if estimator is lightgbm.LossLGBMRegressor else {}
    errors = []
    for scale in (1.0, 4096.0):
        model = estimator(loss="l1", **options).fit(X, scale * target)
        errors.append(np.abs(model.predict(X) / scale - target).mean())
    assert errors[0] == pytest.approx(errors[1], rel=0.02)
    assert errors[0] < 0.8 * np.abs(target - np.median(target)).mean()
    made, scores = xgboost.objective("l1"), np.array([0.0, 0.0, 0.0, 0.0, 0.0])
    grad, hess = made(np.array([-1.0, 1.0, 2.0, 3.0, 40.0]), scores, np.array([1.0, 1.0, 1.0, 3.0, 1.0]))
    np.testing.assert_array_equal(grad, [4, -4, -4, -12, -4])
    np.testing.assert_allclose(hess, [1, 1, 1, 3, 0.1])


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("bce", "bce takes predictions 0 to 1, but the scores of a booster may be any numbers"),
        ("triplet_margin", "triplet_margin takes (anchor, positive, negative); a booster has one score"),
        ("multilabel_soft_margin", "multilabel_soft_margin takes a row of targets; a booster has one label"),
    ],
)
def test_losses_without_scores_are_refused(loss, message):
    with pytest.raises(InvalidParameter) as caught:
        xgboost.objective(loss)
    assert message in str(caught.value)
    with pytest.raises(InvalidParameter, match="expected builtin, exact, secant or a number above 0"):
        xgboost.objective("huber", hessian="secnt")
