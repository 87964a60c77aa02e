"""Proposals of Optuna, which follow from what is in the sweep's directory and nothing else."""

import json
import os
import signal

import pytest
from sweeping import finish, status, trials, until, workers

TEXT = """\
data: {name: random, samples: 300, features: 5, validation: 0.2}
model: linear
optimizer: adam
train: {epochs: 8, batch_size: 16}
sweep:
  method: optuna
  draw:
    loss: {choice: [mse, {name: huber, delta: {uniform: [0.3, 2]}}, l1]}
    train.batch_size: {log_integer: [8, 32]}
    optimizer.lr: {log_uniform: [1e-5, 1]}
  trials: 16
  seed: 3
  metric: validation_r2
"""


@pytest.fixture
def proposals(tmp_path):
    def read(root):
        found = [json.loads((path / "proposal.json").read_text()) for path in trials(tmp_path / root / "x")]
        return sorted((each["number"], json.dumps(each["values"] | each.get("conditional", {}))) for each in found)

    return read


def test_a_sweep_that_is_killed_and_run_again_makes_the_proposals_of_one_that_is_not(sweep, proposals, tmp_path):
    whole, _ = finish(sweep(TEXT, root="whole"))
    assert len(proposals("whole")) == 16
    folder = tmp_path / "runs" / "x"
    for count in (3, 9):
        process = sweep(TEXT)
        until(lambda count=count: len(trials(folder)) >= count)
        orphans = workers(process)
        process.kill()
        process.communicate()
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    again, _ = finish(sweep(TEXT))
    assert proposals("runs") == proposals("whole")
    assert again[again.index("\nloss") :].replace("runs/x", "") == whole[whole.index("\nloss") :].replace("whole/x", "")
    assert {status(path) for path in trials(folder)} == {"finished"}
    more, _ = finish(sweep(TEXT, "--set", "sweep.trials=20"))
    assert proposals("runs")[:16] == proposals("whole")
    assert sum("finished  " in line for line in more.splitlines()) == 4


def test_later_proposals_are_better_and_another_seed_makes_others(sweep, proposals, tmp_path):
    finish(sweep(TEXT, "--set", "sweep.trials=30"))
    rates = [json.loads(values)["optimizer.lr"] for _, values in proposals("runs")]
    summary = json.loads((tmp_path / "runs" / "x" / "summary.json").read_text())
    assert summary["goal"] == "max"
    good = sorted(config["values"]["optimizer.lr"] for config in summary["configs"][:10])
    late, early = rates[15:], rates[:10]
    share = [sum(good[0] <= rate <= good[-1] for rate in some) / len(some) for some in (early, late)]
    assert share[1] > share[0]
    finish(sweep(TEXT, "--set", "sweep.seed=4", "--set", "sweep.trials=3", root="other"))
    assert not {values for _, values in proposals("other")} & {values for _, values in proposals("runs")}


def test_several_at_once_with_repeats_run_as_many_as_were_asked_for(sweep, proposals, tmp_path):
    out, _ = finish(sweep(TEXT, "--jobs", "2", "--set", "sweep.repeats=2", "--set", "sweep.trials=6"))
    assert "12/12  finished" in out
    assert [number for number, _ in proposals("runs")] == sorted([*range(6), *range(6)])
    summary = json.loads((tmp_path / "runs" / "x" / "summary.json").read_text())
    assert [config["n"] for config in summary["configs"]] == [2] * 6


def test_a_trial_that_diverges_is_the_worst_of_all_and_the_search_goes_on(sweep, tmp_path):
    text = TEXT.replace("adam", "{name: sgd}").replace("[1e-5, 1]", "[1e-3, 1e30]")
    finish(sweep(text))
    counts = json.loads((tmp_path / "runs" / "x" / "summary.json").read_text())["counts"]
    assert sum(counts.values()) == 16
    assert counts["diverged"] > 0
    assert counts["finished"] > counts["diverged"] / 3
