"""Trials that are stopped early: which, whatever runs at once or is killed, and how they are recorded and shown."""

import json
import os
import signal
from collections import Counter

import pytest
from sweeping import finish, status, trials, until, workers

import lossreg
from lossreg import InvalidConfig
from lossreg.cli import main
from lossreg.experiment.config.pruner_config import PrunerConfig
from lossreg.experiment.report.page_data import page_data
from lossreg.experiment.storage import marked_directories
from lossreg.experiment.storage.runs import Run, runs_in
from lossreg.experiment.sweep.run_trial import record_pruned
from lossreg.experiment.sweep.trials import SweepPlan

TEXT = """\
data: {name: random, samples: 80, features: 3}
model: linear
optimizer: {name: sgd, lr: 0.1}
loss: huber
train: {epochs: 9, batch_size: 16}
sweep:
  grid: {optimizer.lr: [0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5, 1e-6]}
  metric: test_rmse
  pruner: successive_halving
"""
EPOCHS = [1, 1, 1, 1, 1, 1, 3, 3, 9]
"""After how many epochs the nine trials end: the best three of nine go on after 1, and the best of these after 3."""


def results(folder):
    """For each trial its status, its records, and what is recorded of its being pruned."""
    keys = ("status", "step", "metric", "value", "reason")
    return {
        path.name: ((path / "metrics.jsonl").read_text(), [Run(path).state.get(key) for key in keys])
        for path in trials(folder)
    }


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """The directory of a sweep in which trials were stopped early, one at a time."""
    folder = tmp_path_factory.mktemp("halved")
    (folder / "x.yaml").write_text(TEXT)
    return lossreg.sweep(folder / "x.yaml", root=folder / "runs")


@pytest.mark.slow
def test_the_best_of_each_three_go_on_and_the_results_are_those_of_whole_runs(halved, tmp_path):
    runs = [Run(path) for path in trials(halved.path)]
    assert sorted(len(run.records) for run in runs) == EPOCHS
    assert halved.counts == {"pruned": 8, "finished": 1}
    by_rate = {run.values["optimizer.lr"]: run for run in runs}
    after_one = sorted(runs, key=lambda run: run.records[0]["test_rmse"])
    assert {run.id for run in runs if len(run.records) > 1} == {run.id for run in after_one[:3]}
    assert halved.best.values == {"optimizer.lr": after_one[0].values["optimizer.lr"]}
    (finished,) = (run for run in runs if run.status == "finished")
    whole = lossreg.run(halved.path / "best.yaml", root=tmp_path)
    for name in ("metrics.jsonl", "weights.safetensors"):
        assert (finished.path / name).read_bytes() == (whole.path / name).read_bytes()
    worst = by_rate[1e-6]
    assert worst.state["step"] == worst.records[-1]["step"]
    assert worst.state["value"] == worst.records[-1]["test_rmse"]
    assert worst.state["reason"].endswith("after epoch 1 is not one of the best 3 of 9 configs")
    assert "error" not in worst.state
    assert halved.rows()[-1]["n"] == "0 of 1, pruned after epoch 1"


def test_pruned_trials_are_shown_as_such_and_are_no_failures(halved, capsys):
    with pytest.raises(SystemExit) as done:
        main(["runs", "--runs", str(halved.path), "--where", "status=pruned"])
    assert done.value.code == 0
    assert capsys.readouterr().out.count("pruned") >= 8
    data = page_data(runs_in(halved.path))
    assert Counter(run["status"] for run in data["runs"]) == {"pruned": 8, "finished": 1}
    first, second, *_, last = data["results"]["groups"]
    assert (first["n"], first["pruned"]) == (1, "")
    assert second["pruned"].startswith("pruned after epoch 3, at ")
    assert last["pruned"].startswith("pruned after epoch 1, at ")
    assert all("not one of the best" in run["reason"] for run in data["runs"] if run["status"] == "pruned")


@pytest.mark.slow  # 8 s of processor time
@pytest.mark.parametrize("options", [("--jobs", "3"), ("--jobs", "2", "--engine", "dask")])
def test_the_same_trials_go_on_whatever_runs_at_once(sweep, halved, tmp_path, options):
    if "dask" in options:
        pytest.importorskip("distributed")
    finish(sweep(TEXT, *options))
    assert results(tmp_path / "runs" / "x") == results(halved.path)


@pytest.mark.slow  # 12 s of processor time
def test_a_sweep_that_is_killed_and_run_again_stops_the_same_trials_and_runs_none_twice(sweep, halved, tmp_path):
    folder = tmp_path / "runs" / "x"
    for count, wanted in ((4, ("paused", "pruned", "finished")), (3, ("pruned",))):
        process = sweep(TEXT)
        until(lambda count=count, wanted=wanted: sum(status(path) in wanted for path in trials(folder)) >= count)
        orphans = workers(process)
        process.kill()
        process.communicate()
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
    finish(sweep(TEXT, "--jobs", "2"))
    assert results(folder) == results(halved.path)
    before = {path: path.read_bytes() for path in folder.rglob("*.json*")}
    out, _ = finish(sweep(TEXT))
    assert "pruned" in out
    assert {path: path.read_bytes() for path in folder.rglob("*.json*") if path.name != "summary.json"}.items() <= (
        before.items()
    )


def test_configs_are_judged_by_their_mean_over_seeds(tmp_path):
    text = TEXT.replace("metric:", "repeats: 2\n  metric:").replace("[0.3, 0.1, 0.03, 0.01, ", "[0.1, ")
    (tmp_path / "x.yaml").write_text(text.replace(", 1e-4, 1e-5, 1e-6]", "]"))
    summary = lossreg.sweep(tmp_path / "x.yaml", root=tmp_path / "runs")
    assert [len(config.trials) for config in summary.configs] == [2, 2, 2]
    assert [len(config.scores) for config in summary.configs] == [2, 0, 0]
    assert summary.counts == {"finished": 2, "pruned": 4}


def test_a_trial_whose_directory_is_gone_or_whose_disk_is_full_ends_no_sweep(tmp_path, monkeypatch):
    record_pruned(tmp_path / "gone", "test_rmse", 0.5, 1, "not one of the best")
    assert not list(tmp_path.iterdir())
    marked_directories.create(tmp_path / "full", "run")

    def full(path, *_):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("lossreg.experiment.storage.files.write", full)
    record_pruned(tmp_path / "full", "test_rmse", float("nan"), 1, "not one of the best")


def test_the_epochs_after_which_trials_are_judged():
    halving = PrunerConfig("successive_halving", 2, {"factor": 3})
    assert [halving.next_epoch(epoch) for epoch in (0, 1, 2, 5, 6, 18)] == [2, 2, 6, 6, 18, 54]
    median = PrunerConfig("median", 4, {})
    assert [median.next_epoch(epoch) for epoch in (0, 3, 4, 9)] == [4, 4, 8, 12]


@pytest.mark.parametrize(
    ("pruner", "message"),
    [
        ("succesive_halving", "did you mean"),
        ("3", "expected one of successive_halving, hyperband"),
        ("median", "give method: optuna, or the pruner successive_halving"),
        ("{name: successive_halving, factor: 1}", "expected at least 2, got 1"),
        ("{name: successive_halving, epoch: 2}", "unknown key; did you mean 'epochs'"),
        ("{name: successive_halving, epochs: 0}", "epochs: expected"),
        ("{name: percentile}", "percentile is missing"),
        ("{name: percentile, percentile: 101}", "expected at most 100, got 101"),
        ("{name: threshold}", "lower or upper is missing"),
    ],
)
def test_mistakes_are_reported_at_their_places(tmp_path, pruner, message):
    (tmp_path / "x.yaml").write_text(TEXT.replace("pruner: successive_halving", f"pruner: {pruner}"))
    with pytest.raises(InvalidConfig, match=message):
        SweepPlan.read(tmp_path / "x.yaml")


def test_optunas_pruners_do_not_judge_seeds_or_folds(tmp_path):
    given = TEXT.replace(
        "grid: {optimizer.lr: [0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5, 1e-6]}", "method: optuna"
    )
    given = given.replace("metric:", "repeats: 2\n  trials: 3\n  draw: {optimizer.lr: {uniform: [0.1, 1]}}\n  metric:")
    (tmp_path / "x.yaml").write_text(given)
    with pytest.raises(InvalidConfig, match="judge single trials, and not the mean over seeds or folds"):
        SweepPlan.read(tmp_path / "x.yaml")


SEARCH = """\
data: {name: random, samples: 120, features: 5, validation: 0.2}
model: linear
optimizer: adam
loss: huber
train: {epochs: 6, batch_size: 16}
sweep:
  method: optuna
  draw: {optimizer.lr: {log_uniform: [1e-5, 1]}}
  trials: 8
  seed: 3
  metric: validation_rmse
  pruner: PRUNER
"""


@pytest.mark.slow  # 5 s of processor time
@pytest.mark.parametrize(
    "pruner",
    ["{name: median, startup_trials: 2}", "successive_halving", "hyperband"],
)
def test_optunas_pruners_stop_trials_and_decide_the_same_after_a_kill(sweep, tmp_path, pruner):
    pytest.importorskip("optuna")
    text = SEARCH.replace("PRUNER", pruner)
    finish(sweep(text, root="whole"))
    folder = tmp_path / "runs" / "x"
    process = sweep(text)
    until(lambda: sum(status(path) in ("pruned", "finished") for path in trials(folder)) >= 4)
    orphans = workers(process)
    process.kill()
    process.communicate()
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    finish(sweep(text))
    assert results(folder) == results(tmp_path / "whole" / "x")
    counts = json.loads((folder / "summary.json").read_text())["counts"]
    assert sum(counts.values()) == 8
    assert counts["pruned"] >= 1
    assert counts["finished"] >= 1
