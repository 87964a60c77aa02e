"""Gradient boosting as models of runs: trained, resumed, predicted from and compared like the others."""

import shutil
import sys

import lightgbm
import numpy as np
import pytest
import xgboost
from safetensors.numpy import load_file, save_file

import lossreg
from lossreg import InvalidConfig, InvalidInput
from lossreg.bridges.boosting.score_objective import ScoreObjective
from lossreg.errors import NotResumable
from lossreg.experiment.network.boosted import ROUNDS, BoostedNetwork
from lossreg.experiment.runner.progress import ProgressLines
from lossreg.experiment.storage import digests
from lossreg.experiment.storage.checkpoint import encode
from lossreg.experiment.sweep.trials import SweepPlan
from lossreg.registry.registries import data

FILES = ("weights.safetensors", "metrics.jsonl", "predictions.safetensors")
MODELS = [{"name": "xgboost", "max_depth": 3}, {"name": "lightgbm", "num_leaves": 7}]
TASKS = [
    ("diabetes", "huber"),
    ("diabetes", "poisson_nll"),
    ("breast_cancer", "bce_with_logits"),
    ("iris", "cross_entropy"),
]


class Stops(lossreg.Progress):
    def epoch(self, record):
        if record["epoch"] == 7:
            raise KeyboardInterrupt


def config(model, name="diabetes", loss="huber", **changes):
    return {
        "data": {"name": name, "validation": 0.2},
        "model": model,
        "loss": loss,
        "train": {"epochs": 12, "checkpoint_steps": 5},
    } | changes


def stopped(content, folder):
    """The directory of a run that was stopped in round 7, with a checkpoint of round 5 or later."""
    with pytest.raises(KeyboardInterrupt):
        lossreg.run(content, root=folder, progress=Stops())
    (path,) = folder.iterdir()
    return path


@pytest.mark.parametrize(("name", "loss"), TASKS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_a_run_is_resumed_to_the_same_bytes_and_predicts_what_it_logged(tmp_path, model, name, loss):
    content = config(model, name, loss)
    once = lossreg.run(content, root=tmp_path / "runs")
    again = lossreg.resume(stopped(content, tmp_path / "stopped"))
    for file in FILES:
        assert (once.path / file).read_bytes() == (again.path / file).read_bytes()
    assert [record["epoch"] for record in once.metrics] == [*range(1, 13)]
    assert once.metrics[-1]["train_loss"] < once.metrics[0]["train_loss"]
    assert once.metrics[-1]["validation_loss"] < once.metrics[0]["validation_loss"]
    saved = load_file(once.path / "predictions.safetensors")
    rows = data.get(name).function().inputs[saved["row"]]
    copy = lossreg.load(shutil.copytree(once.path, tmp_path / "copy"))
    expected = saved["prediction"]
    expected = np.array(copy.classes)[expected] if copy.classes else expected[:, 0]
    assert np.array_equal(copy.predict(rows), expected)
    if copy.classes:
        assert np.array_equal(copy.predict_proba(rows), saved["probability"])


def test_its_trees_are_those_of_the_library_with_the_objective_of_the_bridge(tmp_path):
    table = data.get("diabetes").function()
    inputs, targets = table.inputs.astype(np.float32), table.targets[:, 0]
    objective = ScoreObjective("mse", None, {}, {})
    for model in MODELS:
        found = lossreg.run(
            config(model, loss="mse", data={"name": "diabetes", "test": 0}), root=tmp_path
        ).model.predict(table.inputs)
        start = objective.start(targets)
        if model["name"] == "xgboost":
            rows = xgboost.DMatrix(inputs, targets, base_margin=np.full(len(targets), start))
            parameters = {"max_depth": 3, "base_score": 0, "nthread": 1}
            booster = xgboost.train(parameters, rows, 12, obj=lambda s, d: objective.derivatives(s, d.get_label()))
            expected = booster.predict(rows, output_margin=True)
        else:
            parameters = {"num_leaves": 7, "num_threads": 1, "verbosity": -1, "force_row_wise": True}
            parameters["objective"] = lambda s, d: objective.derivatives(s, d.get_label())
            rows = lightgbm.Dataset(inputs, targets, init_score=np.full(len(targets), start))
            expected = lightgbm.train(parameters, rows, 12).predict(inputs, raw_score=True) + start
        assert np.allclose(found, expected, rtol=1e-4)


def test_several_targets_weights_and_early_stopping(tmp_path):
    for model in MODELS:
        several = config(model, loss="mse", data={"name": "random", "outputs": 3, "samples": 300})
        result = lossreg.run(several, root=tmp_path)
        assert result.final["train_r2"] > 0.5
        assert result.model.predict(np.zeros((2, len(result.model.features)))).shape == (2, 3)
        content = config(model, "breast_cancer", "bce_with_logits")
        content["data"]["class_weight"] = {"malignant": 50}
        content["train"] = {"epochs": 200, "patience": 3, "restore_best": True}
        content["model"] = {**model, "learning_rate": 0.5}
        weighted = lossreg.run(content, root=tmp_path)
        losses = [record["validation_loss"] for record in weighted.metrics]
        assert len(losses) < 200
        assert weighted.final["validation_loss"] == min(losses)
        assert weighted.final["epoch"] == len(losses) - 3
        assert weighted.model.network.trees.rounds == weighted.final["epoch"]
        del content["data"]["class_weight"]
        shares = [
            each.model.predict_proba(data.get("breast_cancer").function().inputs)[:, 0].mean()
            for each in (weighted, lossreg.run(content, root=tmp_path))
        ]
        assert shares[0] > shares[1] + 0.01


def test_a_loss_without_curvature_takes_a_number_in_place_of_it(tmp_path):
    with pytest.raises(InvalidConfig, match=r"hinge: expected a second derivative above 0.*give a number above 0"):
        lossreg.run(config("xgboost", "breast_cancer", "hinge"), root=tmp_path)
    result = lossreg.run(config({"name": "xgboost", "hessian": 1.0}, "breast_cancer", "hinge"), root=tmp_path)
    assert result.final["test_accuracy"] > 0.9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adam"}, "optimizer: xgboost adds trees and has no weights for an optimizer to update"),
        ({"reduction": "sum"}, "reduction: xgboost fits trees to the loss of each row, which is not reduced"),
        ({"train": {"batch_size": 8}}, "train.batch_size: each round of xgboost uses all training rows"),
        ({"schedule": "cosine"}, "schedule: cosine changes the learning rate, but xgboost has no parameter lr"),
        ({"loss": ["mse", {"name": "huber", "factor": 0.5}]}, "xgboost is trained with a single loss"),
        ({"loss": "gaussian_nll"}, "one score that may be any number, which is not what gaussian_nll takes"),
        ({"loss": "msle"}, "one score that may be any number, which is not what msle takes"),
        ({"model": {"name": "xgboost", "options": {"foo": 1}}}, 'XGBoost has no parameter "foo"'),
        ({"model": {"name": "xgboost", "options": {"max_bin": "x"}}}, "XGBoost refuses them: Invalid Parameter"),
        ({"model": {"name": "xgboost", "options": {"seed": 1}}}, "seed is not one of the options"),
        ({"model": {"name": "lightgbm", "options": {"foo": 1}}}, "LightGBM has no parameter foo"),
        ({"model": {"name": "lightgbm", "options": {"max_bin": "x"}}}, "LightGBM refuses them: Parameter max_bin"),
    ],
)
def test_what_it_does_not_take_is_refused_before_a_run_begins(tmp_path, changes, message):
    with pytest.raises(InvalidConfig, match=message):
        lossreg.run(config("xgboost") | changes, root=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_options_that_draw_random_numbers_are_noted_as_a_resumed_run_has_other_trees(tmp_path, capsys):
    for model, option in (("xgboost", "subsample"), ("lightgbm", "feature_fraction")):
        content = config({"name": model, "options": {option: 0.5, "max_bin": 32}})
        lossreg.run(content, root=tmp_path, progress=ProgressLines(sys.stdout))
        assert f"note: {option} of {model} draws random numbers" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["xgboost", "lightgbm"])
def test_damaged_trees_are_refused(tmp_path, model):
    path = lossreg.run(config(model), root=tmp_path).path / "weights.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-400] + bytes([content[-400] ^ 1]) + content[-399:])
    with pytest.raises(
        InvalidInput, match=r"weights.safetensors is damaged: its content has changed since it was written"
    ):
        lossreg.load(path.parent)
    path.write_bytes(content)
    arrays = load_file(path)
    save_file(arrays, path)  # the libraries may end the process when they read trees that are damaged
    with pytest.raises(InvalidInput, match="has no digest, without which trees are not read"):
        lossreg.load(path.parent)
    for changed in ({"start": arrays["start"]}, {**arrays, "start": arrays["start"][:0]}):
        path.write_bytes(digests.with_digest(encode(changed, {digests.KEY: digests.BLANK.decode()})))
        with pytest.raises(InvalidInput, match="the bytes of trees"):
            lossreg.load(path.parent)


@pytest.mark.slow
def test_it_is_compared_beside_the_mlp_and_a_module_of_pytorch_over_losses_and_folds(tmp_path):
    summary = lossreg.sweep("configs/sweeps/diabetes_models.yaml", root=tmp_path / "runs", jobs=2)
    assert summary.counts == {"finished": 60}
    assert [len(each.scores) for each in summary.configs] == [5] * 12
    assert {each.values["model"]["name"] for each in summary.configs} == {"mlp", "torch", "xgboost"}


def test_its_sweep_is_valid():
    plan = SweepPlan.read("configs/sweeps/diabetes_models.yaml")
    plan.verify(plan.trials())


def test_a_finished_run_is_continued_by_more_rounds_and_begins_no_other(tmp_path):
    once = lossreg.run(config("xgboost"), root=tmp_path / "runs")
    longer = lossreg.run(config("xgboost", train={"epochs": 15, "checkpoint_steps": 5}), root=tmp_path / "runs")
    more = lossreg.resume(once.path, changes=["train.epochs=15"])
    assert (more.path / "weights.safetensors").read_bytes() == (longer.path / "weights.safetensors").read_bytes()
    with pytest.raises(NotResumable, match="boosted trees are continued only with the same data, model and loss"):
        lossreg.resume(once.path, changes=["model.max_depth=2"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_the_trees_that_are_computed_do_not_grow_with_the_square_of_the_rounds(tmp_path, monkeypatch, model):
    computed = []
    original = BoostedNetwork.sums

    def counted(self, inputs, rounds):
        computed.append((rounds.stop - rounds.start) * len(inputs))
        return original(self, inputs, rounds)

    monkeypatch.setattr(BoostedNetwork, "sums", counted)
    rounds, samples = 80, 200
    given = config(model, data={"name": "random", "samples": samples, "validation": 0.2})
    lossreg.run(given | {"train": {"epochs": rounds}}, root=tmp_path)
    assert sum(computed) <= rounds * samples * (ROUNDS / 2 + 2)


def test_a_round_without_a_split_ends_the_run(tmp_path):
    columns = {"a": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 0.0, 2.0, 5.0]}
    content = config("lightgbm", loss="mse", data={"name": "frame", "target": "y", "test": 0})
    with pytest.raises(
        InvalidInput, match=r"lightgbm: no split lowers the loss after round 1, .* set train\.epochs to 1"
    ):
        lossreg.run(content, root=tmp_path / "runs", data=columns)
    content["train"] = {"epochs": 1}
    assert lossreg.run(content, root=tmp_path / "runs", data=columns).model.predict(columns).tolist() == [2.0] * 4
