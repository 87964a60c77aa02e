"""What tests of sweeps share: configs, the command as a process, and the state of its trials."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from lossreg.experiment.storage.runs import Run

SMALL = """\
data: {name: random, samples: 80, features: 3}
model: linear
optimizer: {name: sgd, lr: 0.1}
train: {epochs: 3, batch_size: 16}
sweep:
  grid: {loss: [mse, huber, l1], optimizer.lr: [0.1, 0.01]}
  repeats: 2
  metric: test_rmse
"""
WIDE = """\
data: {name: random, samples: 2000, features: 20, classes: 10}
model: {name: mlp, hidden: [128]}
optimizer: adam
train: {epochs: 3, batch_size: 512}
sweep:
  grid: {loss: [cross_entropy, nll]}
  metric: test_accuracy
"""
"""Layers so wide that the last bits would depend on the number of threads of BLAS, if runs did not set it."""
LONG = """\
data: {name: random, samples: 600, features: 5}
model: {name: mlp, hidden: [8]}
optimizer: adam
train: {epochs: 150, batch_size: 8, checkpoint_epochs: 5}
sweep:
  grid: {loss: [mse, huber, l1]}
  repeats: 2
  metric: test_rmse
"""
SAME = ("metrics.jsonl", "weights.safetensors", "config.yaml")
PATIENCE = 120
"""Seconds after which what should have happened will not."""


def finish(process, code=0):
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, (out, err)
    assert "Traceback" not in err
    return out, err


def until(condition):
    """Wait for something to happen."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(condition)


def workers(process):
    """The processes that a process has begun."""
    with suppress(FileNotFoundError):
        files = Path(f"/proc/{process.pid}/task").glob("*/children")
        return sorted(int(pid) for file in files for pid in file.read_text().split())
    return []


def alive(pid):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def trials(folder):
    return [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def status(path):
    return Run(path).state.get("status")


def at_work(folder):
    """The processes with trials that are some epochs on, and not at their end."""
    runs = [Run(path) for path in trials(folder)]
    pids = [run.state["pid"] for run in runs if run.state.get("status") == "running" and 5 < len(run.records) < 120]
    return [pid for pid in pids if alive(pid)]


def kill(folder, number):
    """Kill processes that are at work, one after the other."""
    for _ in range(number):
        (pid, *_) = until(lambda: at_work(folder))
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not alive(pid))


def events(path, word):
    """The lines of a trial's log that begin with a word, without the time."""
    with suppress(FileNotFoundError):
        lines = (path / "log.txt").read_text().splitlines()
        return [line.split(" ", 1)[1] for line in lines if f" {word}" in line[:50]]
    return []


def assert_same(folder, whole):
    assert [path.name for path in trials(folder)] == [path.name for path in trials(whole)]
    for path in trials(folder):
        for name in SAME:
            assert (path / name).read_bytes() == (whole / path.name / name).read_bytes(), (path, name)
        assert len(events(path, "finished")) == 1
