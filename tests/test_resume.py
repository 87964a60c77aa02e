"""Runs that are stopped, by whatever it may be, and resumed: to the same bytes as if nothing had been."""

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg import Diverged, NotResumable, Report
from lossreg.experiment import checkpoint
from lossreg.experiment.store import Store

CONFIG = """\
data: {name: random, samples: 150, features: 5, test: 0.2, validation: 0.2}
model: {name: mlp, hidden: [8], activation: tanh}
optimizer: {name: adam, lr: 0.03}
schedule: {name: plateau, patience: 0, factor: 0.5, threshold: 0.1}
loss: huber
train: {epochs: 6, batch_size: 8, accumulate: 2, clip_norm: 0.5, checkpoint_steps: 4, patience: 5, restore_best: true}
"""
SAME = ("metrics.jsonl", "weights.safetensors", "config.yaml")


def small(**changes):
    return {
        "data": {"name": "random", "samples": 60, "features": 3},
        "model": "linear",
        "optimizer": {"name": "sgd", "lr": 0.1},
        "loss": "mse",
        "train": {"epochs": 5, "batch_size": 16},
    } | changes


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "everything.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """A run that nothing stopped."""
    return lossreg.run(config, root=tmp_path_factory.mktemp("whole"))


def assert_same(path, whole):
    for name in SAME:
        assert (path / name).read_bytes() == (whole.path / name).read_bytes(), name
    kept = [sorted(entry.name for entry in (run / "checkpoints").iterdir()) for run in (path, whole.path)]
    assert kept[0] == kept[1]
    for name in kept[0]:
        one, other = (load_file(run / "checkpoints" / name) for run in (path, whole.path))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert Store(path).read("status.json")["status"] == "finished"


@pytest.mark.parametrize(("number", "seeds"), [("SIGKILL", range(8)), ("SIGINT", range(3)), ("SIGTERM", range(3))])
def test_a_run_that_is_stopped_and_resumed_leaves_the_same_bytes(config, whole, tmp_path, number, seeds):
    script = Path(__file__).with_name("crashes.py")
    done = subprocess.run(
        [sys.executable, script, config, tmp_path, number, *map(str, seeds)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) == len(seeds)
    assert sum(stops for _, stops in runs) > len(seeds) / 2
    for path, _ in runs:
        assert_same(Path(path), whole)
