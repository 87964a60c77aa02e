"""New runs that begin from the weights of another: what they continue, what they record, and what is refused."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg import InvalidConfig
from lossreg.cli import main
from lossreg.errors import NotResumable
from lossreg.experiment.report.page_data import page_data
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import checkpoint
from lossreg.experiment.storage.runs import Run

GIVEN = {
    "data": {"name": "random", "samples": 60, "features": 3, "test": 0.25, "validation": 0.25},
    "model": {"name": "mlp", "hidden": [4]},
    "optimizer": {"name": "adam", "lr": 0.01},
    "loss": "huber",
    "train": {"epochs": 3, "batch_size": 8, "restore_best": True},
}
SAME = ("metrics.jsonl", "weights.safetensors", "predictions.safetensors", "config.yaml")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return lossreg.run(GIVEN, root=tmp_path_factory.mktemp("runs")).path


def first_weights(path):
    return load_file(checkpoint.path_of(path / "checkpoints", 0))


def test_more_epochs_make_the_run_that_was_that_long_from_the_beginning(finished, tmp_path, capsys):
    before = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    with pytest.raises(SystemExit) as done:
        main(["resume", str(finished), "--set", "train.epochs=7", "--runs", str(tmp_path / "longer")])
    assert done.value.code == 0
    (longer,) = (tmp_path / "longer").iterdir()
    whole = lossreg.run(GIVEN | {"train": GIVEN["train"] | {"epochs": 7}}, root=tmp_path / "whole").path
    for name in SAME:
        assert (longer / name).read_bytes() == (whole / name).read_bytes(), name
    assert {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()} == before
    origin = json.loads((longer / "origin.json").read_text())
    assert (origin["run"], origin["step"], origin["continued"]) == (finished.name, 12, True)
    assert origin["changes"] == ["train.epochs was 3, is 7"]
    assert Run(longer).values["origin"] == finished.name
    assert page_data([Run(longer)])["runs"][0]["origin"] == finished.name
    assert "begins from the weights and state of the optimizer" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["optimizer={name: sgd, lr: 0.001}", "loss=mse", "train.batch_size=16"])
def test_where_the_state_does_not_fit_steps_are_counted_from_0_with_the_weights(finished, tmp_path, change):
    changed = lossreg.resume(finished, changes=[change, "train.keep_checkpoints=9"], root=tmp_path)
    path = changed.path
    assert [record["epoch"] for record in changed.metrics] == [1, 2, 3]
    assert json.loads((path / "origin.json").read_text())["continued"] is False
    lossreg_weights = load_file(finished / "weights.safetensors")
    resumed = RunDirectory(path)
    for step in checkpoint.steps_in(resumed.checkpoints)[1:]:  # as if it had been killed after its first checkpoint
        checkpoint.path_of(resumed.checkpoints, step).unlink()
    saved = first_weights(path)
    assert all(np.array_equal(saved[name], array) for name, array in lossreg_weights.items())
    assert not any(saved[name].any() for name in saved if name.startswith("optimizer."))
    resumed.status("running", step=1)
    bytes_before = (path / "weights.safetensors").read_bytes()
    lossreg.resume(path)
    assert (path / "weights.safetensors").read_bytes() == bytes_before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["model=linear"], "its weights are those of mlp, and do not fit linear"),
        (["model.hidden=[5]"], r"0.weight had the shape (4, 3), and needs (5, 3)"),
        (["model.hidden=[4, 4]"], r"1.weight had the shape (1, 4), and needs (4, 4)"),
        (["data.features=4"], "its weights are for other features"),
        (["data.classes=3", "loss=cross_entropy"], "its weights are for other classes: with 0, 1, 2"),
        (["data.standardise=true"], "features that were as in the file, and not standardised"),
        (["seed=1"], "validation rows of the changed config were trained on by this run; keep the seed"),
        (["data.test=0.5"], "were trained on by this run"),
        (["train.epochs=2"], "nothing is left to train after step 12; give a larger train.epochs than 2"),
        (["optimizer.lr=0.1"], "nothing is left to train after step 12; give a larger train.epochs than 3"),
    ],
)
def test_what_the_weights_do_not_fit_is_refused_and_nothing_is_made(finished, tmp_path, changes, message):
    with pytest.raises(NotResumable, match=re.escape(message)):
        lossreg.resume(finished, changes=changes, root=tmp_path)
    assert not list(tmp_path.iterdir())


def test_mistakes_in_the_changes_and_a_run_that_is_running_are_refused(finished, tmp_path):
    with pytest.raises(InvalidConfig, match="did you mean 'epochs'"):
        lossreg.resume(finished, changes=["train.epoch=9"], root=tmp_path)
    with RunDirectory(finished) as running:
        content = (finished / "status.json").read_bytes()
        running.status("running", step=1)
        with pytest.raises(NotResumable, match="is running; stop it first"):
            lossreg.resume(finished, changes=["train.epochs=9"], root=tmp_path)
    (finished / "status.json").write_bytes(content)


def test_data_that_have_changed_since_are_refused_unless_forced(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n" + "".join(f"{n},{n * 2 % 7}\n" for n in range(40)))
    given = GIVEN | {"data": {"name": "csv", "path": str(file), "target": "b", "task": "regression"}}
    path = lossreg.run(given, root=tmp_path / "runs").path
    file.write_text(file.read_text() + "41,3\n")
    with pytest.raises(NotResumable, match="the data have changed since the run began; --force"):
        lossreg.resume(path, changes=["train.epochs=5"])
    forced = lossreg.resume(path, changes=["train.epochs=5"], force=True)
    assert [record["epoch"] for record in forced.metrics] == [1, 2, 3, 4, 5]
    assert forced.path.parent == path.parent


@pytest.mark.parametrize("content", ["[]", "{", '{"run": {"a": 1}, "step": -1}', "null", '{"run": "x", "changes": 3}'])
def test_a_damaged_origin_is_a_problem_of_the_run_and_no_error(tmp_path, content):
    (tmp_path / "origin.json").write_text(content)
    run = Run(tmp_path)
    assert run.values.get("origin") in (None, "x")
    assert any(problem.startswith("origin.json: ") for problem in run.problems)
