"""Metrics: those computed here and scikit-learn's agree, whatever the task; and losses reported beside."""

import math
import re
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

import lossreg
from lossreg import InvalidConfig
from lossreg.cli import main
from lossreg.errors import BrokenPlugin, InvalidDefinition
from lossreg.experiment.config.run_config import load
from lossreg.experiment.storage.records import higher_is_better
from lossreg.experiment.task.metrics import USUAL, BoundMetric, metric_kind, suitable_metrics
from lossreg.experiment.task.order_metrics import grouped_ndcg, harrell_concordance
from lossreg.experiment.task.requirements import requirements_of
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.evaluation import Evaluator
from lossreg.experiment.training.examples import Examples, InputRows
from lossreg.experiment.training.objective import Objective
from lossreg.registry.registries import losses, metrics

RANDOM = np.random.default_rng(0)
ROWS = 2500


class Identity:
    forward = staticmethod(lambda inputs: inputs)


def measured(loss, outputs, targets, names=None, rows=1):
    requirements = requirements_of(losses.get(loss))
    index = np.arange(len(outputs)).reshape(-1, rows)
    part = Examples(InputRows(outputs.astype(np.float32), index), targets)
    chosen = None if names is None else {name: BoundMetric(metrics.get(name)) for name in names}
    return Evaluator(Objective(losses.get(loss), "mean", {}, requirements), metrics=chosen)(Identity(), part)


def test_every_metric_measures_some_task_and_has_its_direction():
    kinds = {metric_kind(task) for task in Task}
    assert {name for kind in kinds for width in (2, 3) for name in suitable_metrics(kind, width)} == {*metrics.names()}
    falling = {name for name in metrics.names() if not metrics.get(name).higher_is_better}
    assert falling == {name for name in metrics.names() if re.search("error|mae|rmse|loss", name)}


def test_classes_are_predicted_by_their_largest_score():
    scores, labels = RANDOM.normal(size=(ROWS, 4)), RANDOM.integers(0, 4, ROWS)
    scores[np.arange(ROWS), labels] += 1
    found = measured("cross_entropy", scores, labels, suitable_metrics("multiclass", 4))
    decided = scores.astype(np.float32).argmax(axis=1)
    assert found["accuracy"] == reference.accuracy_score(labels, decided)
    assert found["f1_macro"] == pytest.approx(reference.f1_score(labels, decided, average="macro"))
    assert found["cohen_kappa"] == pytest.approx(reference.cohen_kappa_score(labels, decided))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert found["roc_auc_ovr"] == pytest.approx(reference.roc_auc_score(labels, shares, multi_class="ovr"), abs=1e-6)
    assert found["ndcg"] == pytest.approx(reference.ndcg_score(np.eye(4)[labels], scores), abs=1e-6)
    assert all(math.isfinite(value) for value in found.values())
    same = measured("nll", scores, labels, ["accuracy", "f1_macro"])
    assert (same["accuracy"], same["f1_macro"]) == (found["accuracy"], found["f1_macro"])


@pytest.mark.parametrize("loss", ["bce_with_logits", "bce", "soft_margin", "cross_entropy"])
def test_two_classes_have_one_truth_however_they_are_scored(loss):
    labels = RANDOM.integers(0, 2, ROWS)
    scores = (RANDOM.normal(size=ROWS) + labels).astype(np.float32)
    outputs, targets = scores[:, np.newaxis], labels.astype(float)[:, np.newaxis]
    if loss == "soft_margin":
        targets = 2 * targets - 1
    if loss == "cross_entropy":
        outputs, targets = np.stack([np.zeros(ROWS), scores], axis=1), labels
    found = measured(loss, outputs, targets, ["accuracy", "roc_auc", "f1", "average_precision"])
    assert found["accuracy"] == ((scores > 0) == labels).mean()
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(labels, scores))
    assert found["f1"] == pytest.approx(reference.f1_score(labels, scores > 0))
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(labels, scores))


def test_real_targets_agree_with_scikit_learn():
    truth = RANDOM.normal(1e4, 1, (ROWS, 2)).astype(np.float32)
    guess = truth + RANDOM.normal(0, 0.5, (ROWS, 2)).astype(np.float32)
    found = measured("mse", guess, truth, suitable_metrics("regression", 2))
    assert found["r2"] == pytest.approx(reference.r2_score(truth.astype(float), guess.astype(float)), rel=1e-9)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, guess), rel=1e-5)
    assert found["explained_variance"] == pytest.approx(reference.explained_variance_score(truth, guess), rel=1e-3)


def test_counts_are_compared_as_counts_and_not_as_logarithms():
    truth = RANDOM.poisson(5, (ROWS, 1)).astype(np.float32)
    assert measured("poisson_nll", np.log(truth + 1e-6), truth)["mae"] == pytest.approx(0, abs=1e-3)


def test_rows_with_several_classes():
    member = RANDOM.random((ROWS, 5)) > 0.6
    scores = RANDOM.normal(size=(ROWS, 5)) + member
    first = member[np.arange(ROWS), scores.astype(np.float32).argmax(axis=1)].mean()
    found = measured("multilabel_soft_margin", scores, member.astype(np.float32), suitable_metrics("multilabel", 5))
    assert found["precision_at_1"] == first
    assert found["f1_micro"] == pytest.approx(reference.f1_score(member, scores > 0, average="micro"), abs=1e-6)
    expected = reference.label_ranking_average_precision_score(member, scores)
    assert found["label_ranking_average_precision"] == pytest.approx(expected, abs=1e-6)
    order = np.argsort(~member, axis=1, kind="stable")
    listed = np.where(np.take_along_axis(member, order, axis=1), order, -1)
    assert measured("multilabel_margin", scores, listed)["precision_at_1"] == first


@pytest.mark.slow  # 3 s of processor time
def test_pairs_and_triplets_are_predicted_by_the_order_with_the_smaller_loss():
    sides = np.float32([1, 1, -1, -1])
    scores = np.float32([2, 1, 1, 2, 1, 2, 2, 1])[:, np.newaxis]  # the first above, below, below, above
    found = measured("margin_ranking", scores, sides[:, np.newaxis], ["accuracy", "roc_auc"], rows=2)
    assert (found["accuracy"], found["roc_auc"]) == (0.5, 0.5)
    ahead = np.float32([[1, 0], [0.9, 0.1], [1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [1, 0.1]])
    assert measured("cosine_embedding", ahead, sides, rows=2)["accuracy"] == 0.5
    assert measured("hinge_embedding", ahead, sides[:, np.newaxis], rows=2)["accuracy"] == 0.5
    triplets = np.float32([[0], [1], [2], [0], [2], [1], [0], [0], [9]])
    assert measured("triplet_margin", triplets, np.ones(3), rows=3)["accuracy"] == pytest.approx(2 / 3)


def test_concordance_compares_all_pairs_that_can_be_compared():
    times, events = RANDOM.integers(0, 20, 200) * 1.0, RANDOM.integers(0, 2, 200)
    risks = RANDOM.integers(0, 15, 200) * 1.0
    earlier = (times[:, None] < times) | ((times[:, None] == times) & (events == 0))
    comparable = earlier & (events[:, None] == 1)
    np.fill_diagonal(comparable, val=False)
    ahead = (risks[:, None] > risks) + (risks[:, None] == risks) / 2
    assert harrell_concordance(times, events, risks) == pytest.approx(ahead[comparable].mean(), rel=1e-12)
    assert harrell_concordance(times, events, -times) == pytest.approx(
        1, abs=0.05
    )  # but for equal times, which count half
    assert math.isnan(harrell_concordance(times, 0 * events, risks))
    assert math.isnan(harrell_concordance(times[:0], events[:0], risks[:0]))


def test_ndcg_is_that_of_each_group_with_something_relevant():
    groups, relevances = RANDOM.permutation(np.repeat(np.arange(30), 7)), RANDOM.integers(0, 4, 210) * 1.0
    scores = RANDOM.integers(0, 5, 210) * 1.0  # many are equal
    relevances[groups == 3] = 0
    rows = [groups == group for group in range(30) if group != 3]
    expected = [reference.ndcg_score([2.0 ** relevances[row] - 1], [scores[row]]) for row in rows]
    np.testing.assert_allclose(grouped_ndcg(groups, relevances, scores), expected, rtol=1e-12)
    assert len(grouped_ndcg(groups[:0], relevances[:0], scores[:0])) == 0


def test_what_is_not_defined_is_nan():
    ones = np.ones((4, 1), np.float32)
    assert math.isnan(measured("bce_with_logits", ones, ones, ["roc_auc"])["roc_auc"])
    assert math.isnan(measured("mse", np.full((4, 1), np.nan), ones, ["explained_variance"])["explained_variance"])


def test_usual_metrics_are_suitable_ones():
    for kind, names in USUAL.items():
        assert {*names} <= {*suitable_metrics(kind, 3)}
    assert suitable_metrics("multiclass", 2) != suitable_metrics("multiclass", 3)


@lossreg.plugin.metric("regression", higher_is_better=False)
def within(targets: Any, predictions: Any, *, limit: lossreg.plugin.Positive = 1.0):
    """The fraction of errors above a limit."""
    if limit == 13:
        raise RuntimeError("unlucky")
    return (abs(targets - predictions) > limit).mean()


def test_a_metric_of_another_distribution_is_recorded_under_its_label(tmp_path, capsys):
    with pytest.raises(InvalidDefinition, match=r"expected kinds of target, of binary, .*; got 'regresion'"):
        lossreg.plugin.metric("regresion", higher_is_better=True)
    lossreg.register(within)
    config = {"data": "diabetes", "model": "linear", "optimizer": "adam", "loss": "mse", "train": {"epochs": 1}}
    config |= {"metrics": ["within", {"name": "within", "limit": 200, "as": "far"}]}
    result = lossreg.run(config, root=tmp_path)
    assert 0 < result.final["test_far"] < result.final["test_within"] <= 1
    assert result.config["metrics"] == [
        {"name": "within", "limit": 1.0},
        {"name": "within", "as": "far", "limit": 200.0},
    ]
    again = lossreg.run(result.path / "config.yaml", root=tmp_path)
    assert again.final == result.final
    with pytest.raises(
        InvalidConfig, match="within is repeated; distinguish the two with a label, such as `as: within_2`"
    ):
        lossreg.run({**config, "metrics": ["within", "within"]}, root=tmp_path)
    with pytest.raises(InvalidConfig, match=r"metrics\.0: within does not measure class labels"):
        lossreg.run({**config, "data": "iris", "loss": "cross_entropy"}, root=tmp_path)
    with pytest.raises(BrokenPlugin, match="metric 'within' fails: RuntimeError: unlucky"):
        lossreg.run({**config, "metrics": [{"name": "within", "limit": 13}]}, root=tmp_path)
    for command, shown in (("list", "fraction of errors above a limit"), ("show", "limit: 1.0")):
        with pytest.raises(SystemExit):
            main([command, "metrics" if command == "list" else "within"])
        assert shown in capsys.readouterr().out
    assert not higher_is_better("test_within")


def test_losses_are_reported_beside_the_one_that_trains(tmp_path):
    given = {
        "data": {"name": "random", "samples": 200},
        "model": "linear",
        "optimizer": "sgd",
        "loss": "huber",
        "train": {"epochs": 2},
    }
    beside = ["mse", {"name": "huber", "delta": 0.1, "as": "narrow"}, "gaussian_nll"]
    alone = lossreg.run(given, root=tmp_path)
    with pytest.raises(
        lossreg.InvalidConfig, match=r"report.2: gaussian_nll takes other predictions than the trained loss huber"
    ):
        lossreg.run({**given, "report": beside}, root=tmp_path)
    result = lossreg.run({**given, "report": beside[:2], "metrics": ["rmse", "r2"]}, root=tmp_path)
    keys = [key for key in result.final if key.startswith("test_")]
    assert keys == ["test_loss", "test_rmse", "test_r2", "test_loss_mse", "test_loss_narrow"]
    assert result.final["test_loss"] == alone.final["test_loss"]
    assert result.final["test_loss_mse"] == pytest.approx(result.final["test_rmse"] ** 2, rel=1e-5)
    assert result.final["test_loss_narrow"] < result.final["test_loss"]
    variance = {**given, "model": "mlp", "loss": "gaussian_nll", "report": ["mse"]}
    final = lossreg.run(variance, root=tmp_path).final
    assert final["test_loss_mse"] == pytest.approx(final["test_rmse"] ** 2, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["metrics=[roc_auc, r2]"],
            "metrics.0: roc_auc does not measure real targets, which mse takes; suitable metrics",
        ),
        (
            ["report=[l1, poisson_nll]"],
            "report.1: poisson_nll expects targets to be 0 or above, but the data have others in ",
        ),
        (["report=[cross_entropy]"], "report.0: cross_entropy takes class labels, but random has real targets"),
        (
            ["data.name=breast_cancer", "loss=cross_entropy", "report=[bce_with_logits]"],
            "report.0: bce_with_logits takes other predictions than the trained loss cross_entropy",
        ),
        (
            ["data.name=diabetes", "loss=poisson_nll", "report=[mse]"],
            "report.0: mse takes predictions of the target itself, unlike the trained loss poisson_nll",
        ),
        (["report=[margin_ranking]"], "report.0: margin_ranking takes other predictions than the trained loss mse"),
        (
            ["data.name=digits", "loss=triplet_margin", "model=siamese", "report=[cosine_embedding]"],
            "of the same class or of different classes, but the trained loss triplet_margin triplets of rows",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, message):
    from lossreg.experiment.training.prepare import prepare

    given = {"data": "random", "model": "linear", "optimizer": "sgd", "loss": "mse"}
    with pytest.raises(lossreg.InvalidConfig) as caught:
        prepare(load(given, changes))
    assert message in str(caught.value)
