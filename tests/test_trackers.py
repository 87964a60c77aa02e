"""Trackers: TensorBoard is told what the run's directory has, as tests/live shows of MLflow; none can stop a run."""

import logging
import struct
import sys
import threading

import pytest

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.registry.registries import trackers

RUN = {
    "data": {"name": "random", "samples": 60, "features": 3},
    "model": "linear",
    "optimizer": "sgd",
    "loss": "mse",
    "train": {"epochs": 3},
}


class TrackerThread:
    """Takes note of everything, and fails at what it is told to fail at."""

    def __init__(self, path, config, fails=""):
        self.path, self.config, self.fails, self.told = path, config, fails, []
        FOLLOWERS.append(self)

    def log(self, metrics, step):
        self.told.append((step, metrics))
        if self.fails == "log":
            raise OSError("no route\nto host")

    def close(self, status):
        self.told.append(status)
        if self.fails == "close":
            raise ValueError("still open")


FOLLOWERS = []


@pytest.fixture
def follower(monkeypatch):
    """Trackers that are offered for one test."""

    def following(path: str, config: dict, *, fails: str = ""):
        if fails == "begin":
            raise SystemExit("not today")
        return TrackerThread(path, config, fails)

    monkeypatch.setattr(trackers, "_registered", {})
    lossreg.register(lossreg.plugin.tracker(following))
    FOLLOWERS.clear()
    return FOLLOWERS


def events(folder):
    """The scalars of the event files in a folder: (name, step, value)."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + size])
            content = content[16 + size :]
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return found


def test_there_are_none_unless_they_are_named(tmp_path):
    result = lossreg.run(RUN, root=tmp_path)
    assert result.config["trackers"] == []
    assert [path.name for path in result.path.iterdir() if path.is_dir()] == ["checkpoints"]


def test_tensorboard_has_what_the_run_has(tmp_path, monkeypatch):
    monkeypatch.setattr("lossreg.experiment.runner.trackers.PATIENCE", 100.0)  # a busy machine imports for long
    result = lossreg.run({**RUN, "trackers": ["tensorboard"]}, root=tmp_path)
    assert result.config["trackers"] == [{"name": "tensorboard", "folder": "tensorboard"}]
    found = events(result.path / "tensorboard")
    for split in ("train", "test"):
        for metric in ("loss", "r2"):
            values = [(step, value) for tag, step, value in found if tag == f"{metric}/{split}"]
            expected = [(record["step"], record[f"{split}_{metric}"]) for record in result.metrics]
            assert values == [(step, pytest.approx(value)) for step, value in expected]
    assert any(tag.startswith("config") for tag, _, _ in found)


def test_a_tracker_is_told_of_everything(follower, tmp_path):
    result = lossreg.run({**RUN, "trackers": [{"name": "following"}]}, root=tmp_path)
    (one,) = follower
    assert (one.path, one.config) == (str(result.path), result.config)
    assert [told[0] for told in one.told[:-1]] == [record["step"] for record in result.metrics]
    assert one.told[0][1].keys() == {key for key in result.metrics[0] if key.startswith(("train_", "test_"))}
    assert one.told[-1] == "finished"


def test_a_tracker_learns_how_the_run_was_stopped(follower, tmp_path):
    class Stopper(lossreg.Progress):
        def epoch(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lossreg.run({**RUN, "trackers": ["following"]}, root=tmp_path, progress=Stopper())
    assert follower[0].told == ["interrupted"]


@pytest.mark.parametrize(
    ("fails", "said"),
    [("begin", "SystemExit: not today"), ("log", "OSError: no route to host"), ("close", "ValueError: still open")],
)
def test_a_tracker_that_fails_is_one_warning_and_the_run_goes_on(follower, tmp_path, caplog, fails, said):
    config = {**RUN, "trackers": [{"name": "following", "fails": fails}, "tensorboard"]}
    with caplog.at_level(logging.WARNING, "lossreg"):
        result = lossreg.run(config, root=tmp_path)
    plain = lossreg.run(RUN, root=tmp_path)
    assert result.path.joinpath("weights.safetensors").read_bytes() == (
        plain.path.joinpath("weights.safetensors").read_bytes()
    )
    (record,) = caplog.records
    assert record.getMessage() == f"tracker following failed and is left alone, the run goes on: {said}"
    assert len(follower) == (fails != "begin")
    assert len([told for one in follower for told in one.told]) == {"begin": 0, "log": 1, "close": 4}[fails]
    assert len(events(result.path / "tensorboard")) > 10  # the other tracker was told all the same


def test_no_run_waits_for_a_tracker_that_hangs(follower, tmp_path, caplog, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(TrackerThread, "log", lambda *_: answer.wait())
    monkeypatch.setattr("lossreg.experiment.runner.trackers.PATIENCE", 0.01)
    with caplog.at_level(logging.WARNING, "lossreg"):
        result = lossreg.run({**RUN, "trackers": ["following"]}, root=tmp_path)
    assert len(result.metrics) == 3
    assert follower[0].told == []
    assert caplog.records[0].getMessage() == "tracker following is not done after 0.01 seconds and is left alone"
    answer.set()


def test_a_tracker_that_is_not_installed_is_a_warning_with_the_command(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with caplog.at_level(logging.WARNING, "lossreg"):
        lossreg.run({**RUN, "trackers": ["tensorboard"]}, root=tmp_path)
    assert caplog.records[0].getMessage().endswith("; pip install 'lossreg[tensorboard]'")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["tensorbord"], "trackers.0: no tracker named 'tensorbord' is installed; did you mean 'tensorboard'?"),
        ([{"name": "mlflow", "url": "x"}], "trackers.0.url: unknown key; did you mean 'uri'?"),
        ("tensorboard", "trackers: expected a list such as [tensorboard], got 'tensorboard'"),
    ],
)
def test_a_config_that_names_none_is_told(given, said):
    with pytest.raises(lossreg.InvalidConfig) as caught:
        load({**RUN, "trackers": given})
    assert str(caught.value).startswith(said)
