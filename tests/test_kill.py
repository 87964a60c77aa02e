"""Killed with SIGKILL at 20 moments: sweeps over folds with early stopping, modules of PyTorch and boosted models."""

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from sweeping import alive, assert_same, finish, status, trials, until, workers

from lossreg.experiment.storage.runs import Run

MOMENTS = 20
FOLDS = """\
data: {name: random, samples: 600, features: 5, classes: 3, validation: 0.2, folds: 5}
model: {name: mlp, hidden: [8]}
optimizer: adam
train: {epochs: 60, batch_size: 8, patience: 6, restore_best: true, checkpoint_epochs: 3}
sweep:
  grid: {loss: [cross_entropy, focal_cross_entropy]}
  metric: test_accuracy
"""
BOOSTED_FOLDS = """\
data: {name: random, samples: 300, features: 5, classes: 3, validation: 0.2, folds: 5}
loss: cross_entropy
train: {epochs: 60, patience: 6, restore_best: true, checkpoint_epochs: 3}
sweep:
  grid:
    model: [{name: xgboost, max_depth: 3, learning_rate: 0.5}, {name: lightgbm, num_leaves: 7, learning_rate: 0.5}]
  metric: test_accuracy
"""
TORCH = """\
data: {name: iris, standardise: true, validation: 0.2}
model: {name: torch, module: "nets:make"}
optimizer: {name: adam, lr: 0.03}
loss: cross_entropy
train: {epochs: 6, batch_size: 16, clip_norm: 0.5, checkpoint_steps: 4, patience: 3, restore_best: true}
"""
BOOSTED = """\
data: {name: random, samples: 300, features: 5, classes: 3, validation: 0.2, folds: 5, fold: 2}
model: MODEL
loss: cross_entropy
train: {epochs: 60, patience: 6, restore_best: true, checkpoint_steps: 4}
"""
XGBOOST = BOOSTED.replace("MODEL", "{name: xgboost, max_depth: 3, learning_rate: 0.5}")
LIGHTGBM = BOOSTED.replace("MODEL", "{name: lightgbm, num_leaves: 7, learning_rate: 0.5}")
NETS = """
import torch


def make(inputs, outputs):
    return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.Tanh(), torch.nn.Linear(8, outputs))
"""
SAME = ("metrics.jsonl", "weights.safetensors", "predictions.safetensors", "config.yaml")


def records(folder):
    return sum(len(Run(path).records) for path in trials(folder))


@pytest.mark.exhaustive  # 100 s of processor time each
@pytest.mark.parametrize("config", [FOLDS, BOOSTED_FOLDS], ids=["mlp", "boosted"])
def test_a_sweep_over_folds_with_early_stopping_leaves_the_same_bytes(sweep, tmp_path, config):
    finish(sweep(config, "--jobs", "2", root="whole"))
    whole, folder = tmp_path / "whole" / "x", tmp_path / "runs" / "x"
    total, draw = records(whole), random.Random(5)  # noqa: S311  moments, not secrets
    assert any(len(Run(path).records) < 60 for path in trials(whole))  # some stopped early
    kills = 0
    for moment in sorted(draw.randrange(1, total - 5) for _ in range(MOMENTS)):
        process = sweep(config, "--jobs", "2")
        until(lambda moment=moment, process=process: records(folder) >= moment or process.poll() is not None)
        if process.poll() is None:
            victims = [*workers(process), *([process.pid] if draw.random() < 0.7 else [])]
            for pid in reversed(victims):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            kills += 1
        if process.pid in victims:
            process.communicate()
            until(lambda victims=victims: not any(map(alive, victims)))
        else:
            finish(process)
    finish(sweep(config, "--jobs", "2"))
    assert_same(folder, whole)
    assert {status(path) for path in trials(folder)} == {"finished"}
    assert kills >= MOMENTS // 2


@pytest.mark.exhaustive  # 60 s of processor time each
@pytest.mark.parametrize(
    ("library", "content"), [("torch", TORCH), ("xgboost", XGBOOST), ("lightgbm", LIGHTGBM)], ids=lambda each: each[:8]
)
def test_a_run_with_early_stopping_leaves_the_same_bytes(tmp_path, library, content):
    pytest.importorskip(library)
    (tmp_path / "nets.py").write_text(NETS)
    config = tmp_path / "killed.yaml"
    config.write_text(content)
    script, environment = Path(__file__).with_name("crashes.py"), {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, script, config, tmp_path / "runs", "SIGKILL", *map(str, range(MOMENTS))]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (whole,) = (tmp_path / "runs" / "compiled").iterdir()
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if library != "torch":
        assert len(Run(whole).records) < 60  # it stopped early
    assert len(found) == MOMENTS
    assert sum(stops for _, stops in found) >= MOMENTS
    for path, _ in found:
        for name in SAME:
            assert (Path(path) / name).read_bytes() == (whole / name).read_bytes(), (path, name)
