"""Trackers: TensorBoard gets all metrics (tests/live shows it of MLflow), and no tracker can stop a run."""

import importlib.util
import logging
import struct
import sys
import threading

import pytest

import lossreg
from lossreg.cli import main
from lossreg.experiment.config.run_config import load
from lossreg.registry.registries import trackers

RUN = {
    "data": {"name": "random", "samples": 60, "features": 3},
    "model": "linear",
    "optimizer": "sgd",
    "loss": "mse",
    "train": {"epochs": 3},
}


class RecordingTracker:
    """Records every call, and fails at the one that `fails` names."""

    def __init__(self, path, config, fails=""):
        self.path, self.config, self.fails, self.received = path, config, fails, []
        TRACKERS_MADE.append(self)

    def log(self, metrics, step):
        self.received.append((step, metrics))
        if self.fails == "log":
            raise OSError("no route\nto host")

    def close(self, status):
        self.received.append(status)
        if self.fails == "close":
            raise ValueError("still open")


TRACKERS_MADE = []


@pytest.fixture
def trackers_made(monkeypatch):
    """Trackers that are offered for one test."""

    def following(path: str, config: dict, *, fails: str = ""):
        if fails == "begin":
            raise SystemExit("not today")
        return RecordingTracker(path, config, fails)

    monkeypatch.setattr(trackers, "_registered", {})
    lossreg.register(lossreg.plugin.tracker(following))
    TRACKERS_MADE.clear()
    return TRACKERS_MADE


def events(folder):
    """The scalars of the event files in a folder, as TensorBoard shows them: (name, step, value).

    The start of a session at a step hides what was written before for this step and later ones.
    """
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + size])
            content = content[16 + size :]
            if event.session_log.status == SessionLog.START:
                found = [point for point in found if point[1] < event.step]
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return found


def test_there_are_none_unless_they_are_named(tmp_path):
    result = lossreg.run(RUN, root=tmp_path)
    assert result.config["trackers"] == []
    assert [path.name for path in result.path.iterdir() if path.is_dir()] == ["checkpoints"]


@pytest.mark.slow  # 3 s of processor time
def test_tensorboard_has_what_the_run_has(tmp_path, monkeypatch):
    monkeypatch.setattr("lossreg.experiment.runner.trackers.TIMEOUT", 100.0)  # a busy machine imports for long
    result = lossreg.run({**RUN, "trackers": ["tensorboard"]}, root=tmp_path)
    assert result.config["trackers"] == [{"name": "tensorboard", "folder": "tensorboard"}]
    found = events(result.path / "tensorboard")
    for split in ("train", "test"):
        for metric in ("loss", "r2"):
            values = [(step, value) for tag, step, value in found if tag == f"{metric}/{split}"]
            expected = [(record["step"], record[f"{split}_{metric}"]) for record in result.metrics]
            assert values == [(step, pytest.approx(value)) for step, value in expected]
    assert any(tag.startswith("config") for tag, _, _ in found)


@pytest.mark.slow
def test_tensorboard_shows_each_step_of_a_resumed_run_once(tmp_path, monkeypatch):
    class Stopper(lossreg.Progress):
        def epoch(self, record):
            if record["epoch"] == 3:
                raise OSError("after an epoch that has no checkpoint")

    monkeypatch.setattr("lossreg.experiment.runner.trackers.TIMEOUT", 100.0)
    config = {**RUN, "train": {"epochs": 5, "checkpoint_epochs": 2, "keep_checkpoints": 1}, "trackers": ["tensorboard"]}
    with pytest.raises(OSError, match="no checkpoint"):
        lossreg.run(config, root=tmp_path, progress=Stopper())
    (path,) = tmp_path.iterdir()
    for checkpoint in (path / "checkpoints").glob("step-6.*"):  # that of the best epoch
        checkpoint.unlink()
    before = len(events(path / "tensorboard"))
    result = lossreg.resume(path)
    found = events(path / "tensorboard")
    assert len(found) > before
    steps = [step for tag, step, _ in found if tag == "loss/test"]
    assert steps == [record["step"] for record in result.metrics]
    assert len([tag for tag, _, _ in found if tag.startswith("config")]) == 1


@pytest.mark.parametrize("folder", ["../outside", "/outside", "link"])
def test_tensorboard_writes_into_the_directory_of_the_run_only(tmp_path, folder):
    runs = tmp_path / "runs"
    function = trackers.get("tensorboard").function
    (tmp_path / "outside").mkdir()
    runs.mkdir()
    (runs / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(lossreg.InvalidParameter, match="folder: expected a folder in the directory of the run"):
        function(str(runs), {}, folder=folder)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_tracker_receives_everything(trackers_made, tmp_path):
    result = lossreg.run({**RUN, "trackers": [{"name": "following"}]}, root=tmp_path)
    (one,) = trackers_made
    assert (one.path, one.config) == (str(result.path), result.config)
    assert [call[0] for call in one.received[:-1]] == [record["step"] for record in result.metrics]
    assert one.received[0][1].keys() == {key for key in result.metrics[0] if key.startswith(("train_", "test_"))}
    assert one.received[-1] == "finished"


def test_a_tracker_learns_how_the_run_was_stopped(trackers_made, tmp_path):
    class Stopper(lossreg.Progress):
        def epoch(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lossreg.run({**RUN, "trackers": ["following"]}, root=tmp_path, progress=Stopper())
    assert trackers_made[0].received == ["interrupted"]


@pytest.mark.parametrize(
    ("fails", "message"),
    [("begin", "SystemExit: not today"), ("log", "OSError: no route to host"), ("close", "ValueError: still open")],
)
def test_a_tracker_that_fails_is_one_warning_and_the_run_goes_on(trackers_made, tmp_path, caplog, fails, message):
    config = {**RUN, "trackers": [{"name": "following", "fails": fails}, "tensorboard"]}
    with caplog.at_level(logging.WARNING, "lossreg"):
        result = lossreg.run(config, root=tmp_path)
    plain = lossreg.run(RUN, root=tmp_path)
    assert result.path.joinpath("weights.safetensors").read_bytes() == (
        plain.path.joinpath("weights.safetensors").read_bytes()
    )
    (record,) = caplog.records
    assert record.getMessage() == f"tracker following failed and gets no more metrics; the run continues: {message}"
    assert len(trackers_made) == (fails != "begin")
    assert len([call for one in trackers_made for call in one.received]) == {"begin": 0, "log": 1, "close": 4}[fails]
    assert len(events(result.path / "tensorboard")) > 10  # the other tracker received everything


def test_no_run_waits_for_a_tracker_that_hangs(trackers_made, tmp_path, caplog, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(RecordingTracker, "log", lambda *_: answer.wait())
    monkeypatch.setattr("lossreg.experiment.runner.trackers.TIMEOUT", 0.01)
    with caplog.at_level(logging.WARNING, "lossreg"):
        result = lossreg.run({**RUN, "trackers": ["following"]}, root=tmp_path)
    assert len(result.metrics) == 3
    assert trackers_made[0].received == []
    assert caplog.records[0].getMessage() == "tracker following has not finished after 0.01 seconds, and is abandoned"
    answer.set()


def test_a_tracker_that_is_not_installed_is_a_warning_with_the_command(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with caplog.at_level(logging.WARNING, "lossreg"):
        lossreg.run({**RUN, "trackers": ["tensorboard"]}, root=tmp_path)
    assert caplog.records[0].getMessage().endswith("; pip install 'lossreg[tensorboard]'")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["tensorbord"], "trackers.0: no tracker named 'tensorbord' is installed; did you mean 'tensorboard'?"),
        ([{"name": "mlflow", "url": "x"}], "trackers.0.url: unknown key; did you mean 'uri'?"),
        ("tensorboard", "trackers: expected a list such as [tensorboard], got 'tensorboard'"),
    ],
)
def test_a_config_that_names_no_tracker_is_refused(given, message):
    with pytest.raises(lossreg.InvalidConfig) as caught:
        load({**RUN, "trackers": given})
    assert str(caught.value).startswith(message)


def test_validate_refuses_a_tracker_that_is_not_installed(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboardX" else find(name))
    config = tmp_path / "x.yaml"
    sweep = "sweep: {grid: {optimizer.lr: [0.1]}}\n"
    for more in ("", sweep):
        config.write_text(
            "data: {name: random, samples: 60}\nmodel: linear\noptimizer: sgd\nloss: mse\ntrackers: [tensorboard]\n"
            + more
        )
        with pytest.raises(SystemExit) as error:
            main(["validate", str(config)])
        assert error.value.code == 2
        message = "x.yaml:5:12: trackers.0: tensorboardX is not installed; pip install 'lossreg[tensorboard]'"
        assert message in capsys.readouterr().err
