"""Runs that are stopped, for any reason, and resumed to the same bytes as without the interruption."""

import contextlib
import itertools
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
from lossreg import Progress
from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.runner.execution import resume
from lossreg.experiment.runner.progress import ProgressLines
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import checkpoint, files
from lossreg.experiment.training import loop

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
        "train": {"epochs": 5, "batch_size": 16, "checkpoint_epochs": 1},
    } | changes


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "everything.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def uninterrupted(config, tmp_path_factory):
    """A run that was not interrupted."""
    return lossreg.run(config, root=tmp_path_factory.mktemp("uninterrupted"))


def assert_same(path, uninterrupted):
    for name in SAME:
        assert (path / name).read_bytes() == (uninterrupted.path / name).read_bytes(), name
    records = RunDirectory(path).records()
    losses = [record.get("validation_loss", record["train_loss"]) for record in records]
    for step in (records[-1]["step"], records[int(np.argmin(losses))]["step"]):
        one, other = (load_file(run / "checkpoints" / f"step-{step}.safetensors") for run in (path, uninterrupted.path))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert RunDirectory(path).read("status.json")["status"] == "finished"


@pytest.mark.slow  # 9 s of processor time
@pytest.mark.parametrize(("number", "seeds"), [("SIGKILL", range(8)), ("SIGINT", range(3)), ("SIGTERM", range(3))])
def test_a_run_that_is_stopped_and_resumed_leaves_the_same_bytes(config, uninterrupted, tmp_path, number, seeds):
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
        assert_same(Path(path), uninterrupted)


# What is refused


def stopped(root, given, epochs=2):
    """The directory of a run that was interrupted after some epochs."""

    class Interrupting(Progress):
        def epoch(self, record):
            if record["epoch"] == epochs:
                os.kill(os.getpid(), 2)

        def stopped(self, path):
            self.path = path

    report = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        lossreg.run(given, root=root, progress=report)
    return report.path


def test_an_interrupted_run_has_a_checkpoint_of_its_step_and_can_be_resumed(tmp_path):
    given = small(train={"epochs": 5, "batch_size": 16})
    path = stopped(tmp_path, given)
    status = RunDirectory(path).read("status.json")
    assert (status["status"], status["step"]) == ("interrupted", 6)
    assert checkpoint.steps_in(path / "checkpoints") == [6]
    assert len(RunDirectory(path).records()) == 2
    assert_same(lossreg.resume(path).path, lossreg.run(given, root=tmp_path))


@pytest.mark.slow  # 4 s of processor time
def test_checkpoints_are_written_from_the_first_second_on_and_seldom_later(tmp_path, monkeypatch):
    seconds = iter(range(10**9))
    monkeypatch.setattr(loop, "perf_counter", lambda: next(seconds) / 100)  # every step takes a hundredth of a second
    times = []
    written = loop.TrainingLoop.checkpoint_written
    monkeypatch.setattr(
        loop.TrainingLoop, "checkpoint_written", lambda self: (times.append(next(seconds) / 100), written(self))
    )
    lossreg.run(small(train={"steps": 5000, "batch_size": 64}), root=tmp_path)
    assert times[0] < 1.2
    intervals = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(intervals) < 10.3
    assert len(times) < 5 + max(times) / 10 + 2


def test_a_resumed_run_says_from_where(tmp_path, capsys):
    given = small(train={"epochs": 5, "batch_size": 16, "checkpoint_epochs": 10})
    path = stopped(tmp_path, given)
    RunDirectory(path).status("running", step=8)
    resume(path, ProgressLines(sys.stdout))
    assert "resumed after step 6; 2 steps after it are repeated\n" in capsys.readouterr().out
    for step in checkpoint.steps_in(path / "checkpoints"):
        checkpoint.path_of(path / "checkpoints", step).unlink()
    RunDirectory(path).status("running", step=8)
    resume(path, ProgressLines(sys.stdout))
    assert "resumed from the first step, as there is no checkpoint\n" in capsys.readouterr().out


def test_a_finished_run_says_so(tmp_path):
    path = lossreg.run(small(), root=tmp_path).path
    with pytest.raises(NotResumable, match=r"is finished; .*lossreg run .*config\.yaml repeats it"):
        lossreg.resume(path)


def test_a_run_that_is_running_is_refused(tmp_path):
    path = stopped(tmp_path, small())
    with RunDirectory.open(path), pytest.raises(NotResumable, match=rf"is running, as process {os.getpid()}"):
        lossreg.resume(path)
    lossreg.resume(path)


def test_a_directory_that_is_no_run_says_what_it_lacks(tmp_path):
    with pytest.raises(NotResumable, match=r"this is not the directory of a run: it has no config\.yaml"):
        lossreg.resume(tmp_path)


def test_a_changed_config_is_refused_with_the_difference_unless_forced(tmp_path):
    path = stopped(tmp_path, small())
    config = path / "config.yaml"
    text = config.read_text()
    config.write_text("# a comment is no change\n" + text)
    lossreg.resume(path)
    path = stopped(tmp_path, small())
    config = path / "config.yaml"
    config.write_text(text.replace("lr: 0.1", "lr: 0.05").replace("epochs: 5", "epochs: 7"))
    message = r": optimizer.lr was 0.1, is 0.05; train.epochs was 5, is 7; --force resumes the run nevertheless$"
    with pytest.raises(NotResumable, match=message):
        lossreg.resume(path)
    assert [record["epoch"] for record in lossreg.resume(path, force=True).metrics] == [1, 2, 3, 4, 5, 6, 7]
    assert RunDirectory(path).read("status.json")["status"] == "finished"
    assert RunDirectory(path).read("environment.json")["config"]["optimizer"]["lr"] == 0.05
    assert "although optimizer.lr was 0.1, is 0.05" in (path / "log.txt").read_text()


def test_a_finished_run_that_is_made_longer_is_the_longer_run(tmp_path):
    path = lossreg.run(small(), root=tmp_path).path
    config = path / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 5", "epochs: 7"))
    longer = lossreg.run(config, root=tmp_path)
    assert_same(lossreg.resume(path, force=True).path, longer)


def test_another_model_does_not_take_the_checkpoint_even_if_forced(tmp_path):
    path = stopped(tmp_path, small(model={"name": "mlp", "hidden": [4]}))
    config = path / "config.yaml"
    config.write_text(config.read_text().replace("hidden: [4]", "hidden: [5]"))
    with pytest.raises(
        NotResumable, match=re.escape("expected 0.weight of shape (5, 3) in the checkpoint of step 6, found shape")
    ):
        lossreg.resume(path, force=True)
    config.write_text(
        config.read_text().replace("hidden: [5]", "hidden: [4]").replace("validation: 0.0", "validation: 0.2")
    )
    with pytest.raises(NotResumable, match="expected validation_loss in the metrics of every epoch until step 6"):
        lossreg.resume(path, force=True)


PLUGIN = '''
"""Squares."""
from lossreg.plugin import Real, hookimpl, loss

@loss
def squares(prediction: Real, target: Real):
    error = prediction - target
    return error * error, 2 * error

@hookimpl
def lossreg_component():
    return squares
'''


@pytest.mark.slow  # 7 s of processor time
def test_a_changed_plugin_is_refused_with_the_difference_unless_forced(tmp_path):
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    info.joinpath("entry_points.txt").write_text("[lossreg.losses]\nsquares = their_squares\n")
    tmp_path.joinpath("their_squares.py").write_text(PLUGIN)
    endless = CONFIG.replace("huber", "squares").replace("epochs: 6", "epochs: 1000000").replace("patience: 5, ", "")
    tmp_path.joinpath("x.yaml").write_text(endless)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def command(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "lossreg", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    worker = command("run", "x.yaml", "--runs", "runs")
    while "epoch" not in worker.stdout.readline():
        assert worker.poll() is None
    (path,) = tmp_path.glob("runs/*")
    refused = command("resume", str(path))
    message = refused.communicate()[1]
    worker.kill()
    worker.communicate()
    assert message.startswith(f"lossreg: error: {path}: is running, as process {worker.pid}\n")
    assert refused.returncode == 2
    tmp_path.joinpath("their_squares.py").write_text(PLUGIN.replace("2 * error", "error + error"))
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.1\n")
    refused = command("resume", str(path))
    message = (
        r"loss squares: version was '1.0', is '1.1'; loss squares: its source has changed \(\w{8} to \w{8}\); --force"
    )
    assert re.search(message, refused.communicate()[1])
    assert refused.returncode == 2
    forced = command("resume", str(path), "--force")
    while "resumed after step" not in forced.stdout.readline():
        assert forced.poll() is None
    forced.terminate()
    assert forced.communicate()[1] == "lossreg: error: interrupted\n"
    assert forced.returncode == 130


def test_a_run_with_a_loss_from_a_file_is_resumed_and_repeated_from_elsewhere(tmp_path, monkeypatch):
    tmp_path.joinpath("squares.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    path = stopped(tmp_path / "runs", small(loss="./squares.py"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resumed = lossreg.resume(path)
    assert resumed.config["loss"]["name"] == str(tmp_path / "squares.py")
    repeated = lossreg.run(path / "config.yaml", root=tmp_path / "runs")
    assert (repeated.path / "metrics.jsonl").read_bytes() == (path / "metrics.jsonl").read_bytes()


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(tmp_path):
    uninterrupted = lossreg.run(small(), root=tmp_path)
    path = stopped(tmp_path, small())
    damaged = path / "checkpoints" / "step-6.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    with pytest.raises(NotResumable, match=r"step-6\.safetensors: is damaged \(.*\); without it, an earlier"):
        lossreg.resume(path)
    damaged.unlink()
    assert_same(lossreg.resume(path).path, uninterrupted)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("status.json", "{}", "it has no status"),
        ("status.json", "[]", "expected a mapping"),
        ("data.json", "[1]", "expected a mapping"),
        ("environment.json", "garbage", "Expecting value"),
        ("environment.json", '{"config": {}}', "it has no plugins"),
        ("metrics.jsonl", "", "it has 0 bytes, and had "),
        ("metrics.jsonl", "x" * 10_000, "Expecting value"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    path = stopped(tmp_path, small())
    (path / name).write_text(content)
    with pytest.raises(NotResumable, match=rf"/{name}: is damaged: {message}"):
        lossreg.resume(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("status.json", '{"status": 3}', "status: expected a text, got 3"),
        ("environment.json", "[" * 60_000, "nested more than 50 levels deep"),
        ("environment.json", '{"config": {}, "plugins": [3]}', "plugins: expected a list of plugins"),
        ("environment.json", '{"config": 3, "plugins": []}', "config: expected a mapping, got 3"),
        ("metrics.jsonl", '{"epoch": "nan", "step": 3}', "epoch: expected an integer, 0 or above, got nan"),
        ("metrics.jsonl", '{"epoch": 1, "step": 3, "train_loss": [1]}', "train_loss: expected a number or a text"),
        ("metrics.jsonl", '{"epoch": 1, "step": 3, "train_loss": "x"}', "not a record of numbers"),
    ],
)
def test_a_file_of_wrong_types_is_named_and_nothing_is_changed(tmp_path, name, content, reason):
    path = stopped(tmp_path, small())
    (path / name).write_text(content + " " * 10_000)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(NotResumable, match=rf"/{name}: is damaged: {reason}"):
        lossreg.resume(path)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    "name",
    [
        *("metrics.jsonl", "timings.jsonl", "log.txt", "status.json", "environment.json", "config.yaml", "data.json"),
        *(".lock", "weights.safetensors", "predictions.safetensors", "checkpoints/step-6.safetensors", "checkpoints"),
    ],
)
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_run_whose_files_lead_elsewhere_is_not_resumed(tmp_path, name, kind):
    path = stopped(tmp_path / "runs", small())
    outside = tmp_path / "outside"
    if (path / name).exists():
        (path / name).rename(outside)
    else:
        outside.write_text("precious")
    if kind == "link":
        (path / name).symlink_to(outside)
    else:
        os.mkfifo(path / name)
    before = {file: file.read_bytes() for file in (outside.rglob("*") if outside.is_dir() else [outside])}
    with pytest.raises((OSError, NotResumable), match=r"a link|not a regular file|it has no"):
        lossreg.resume(path)
    assert {file: file.read_bytes() for file in (outside.rglob("*") if outside.is_dir() else [outside])} == before


def test_a_checkpoint_of_another_size_or_step_is_refused(tmp_path):
    path = stopped(tmp_path, small())
    saved = path / "checkpoints" / "step-6.safetensors"
    content = saved.read_bytes()
    with saved.open("ab") as file:
        file.truncate(10**12)  # it takes no space
    with pytest.raises(NotResumable, match=r"is damaged \(cannot be read: is larger than the [0-9,]+ bytes"):
        lossreg.resume(path)
    saved.write_bytes(content)
    saved.rename(saved.with_name("step-999999999999.safetensors"))
    with pytest.raises(NotResumable, match="its header is not that of step 999999999999"):
        lossreg.resume(path)


def test_a_run_is_resumed_by_a_link_to_its_directory(tmp_path):
    path = stopped(tmp_path / "runs", small())
    link = tmp_path / "link"
    link.symlink_to(path)
    assert lossreg.resume(link).path == path.resolve()


# What stops a run


def test_a_loss_that_turns_infinite_names_step_batch_and_rows(tmp_path):
    rows = [f"{x},{x}" for x in range(20)]
    rows[12] = "12,1e30"
    tmp_path.joinpath("x.csv").write_text("\n".join(["x,y", *rows]))
    given = small(
        data={"name": "csv", "path": str(tmp_path / "x.csv"), "target": "y", "test": 0},
        optimizer={"name": "sgd", "lr": 1e-5},
        train={"epochs": 3, "batch_size": 4, "shuffle": False, "checkpoint_steps": 1},
    )
    with pytest.raises(Diverged) as caught:
        lossreg.run(given, root=tmp_path / "runs")
    message = "the loss is inf at step 4 (epoch 1, batch 4 of 5), whose batch has these rows of csv: 13, 14, 15, 16"
    assert str(caught.value) == message
    (path,) = tmp_path.joinpath("runs").iterdir()
    status = RunDirectory(path).read("status.json")
    assert (status["status"], status["step"]) == ("diverged", 3)
    assert message in status["error"]
    assert checkpoint.steps_in(path / "checkpoints") == [2, 3]
    assert all(np.isfinite(array).all() for array in checkpoint.read(path / "checkpoints", 3, 10**9).arrays.values())
    assert not (path / "weights.safetensors").exists()


def test_a_run_that_diverges_keeps_its_best_epoch(tmp_path):
    given = small(
        optimizer={"name": "sgd", "lr": 0.01},
        schedule={"name": "step", "every": 3, "factor": 1e30},
        train={"epochs": 6, "batch_size": 16},
    )
    with pytest.raises(Diverged, match=r"at step 1\d \(epoch 4, batch \d of 3\)"):
        lossreg.run(given, root=tmp_path)
    (path,) = tmp_path.iterdir()
    assert checkpoint.steps_in(path / "checkpoints") == [9]
    assert len(RunDirectory(path).records()) == 3


def test_weights_that_turn_infinite_after_the_last_loss_are_not_kept(tmp_path):
    given = small(optimizer={"name": "sgd", "lr": 1e39}, train={"steps": 1})
    with pytest.raises(Diverged, match="weights are no longer finite after step 1, in epoch 1"):
        lossreg.run(given, root=tmp_path)
    (path,) = tmp_path.iterdir()
    assert not list(path.joinpath("checkpoints").iterdir())


def test_divergence_is_exit_code_3(tmp_path):
    tmp_path.joinpath("x.yaml").write_text(CONFIG.replace("adam, lr: 0.03", "sgd, lr: 1e30").replace("huber", "mse"))
    command = [sys.executable, "-m", "lossreg", "run", "x.yaml", "--runs", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert re.match(
        r"lossreg: error: (the loss is (nan|inf) at step \d+ \(epoch 1, batch \d|the weights )", done.stderr
    )


def test_a_second_signal_stops_at_once(tmp_path):
    class Impatient(Progress):
        def epoch(self, record):
            os.kill(os.getpid(), 15)
            os.kill(os.getpid(), 15)
            raise AssertionError(record)

    with pytest.raises(KeyboardInterrupt):
        lossreg.run(small(), root=tmp_path, progress=Impatient())
    (path,) = tmp_path.iterdir()
    assert RunDirectory(path).read("status.json")["status"] == "interrupted"
    assert not checkpoint.steps_in(path / "checkpoints")


# A full disk


@pytest.fixture
def disk(tmp_path):
    """A directory on a disk of 200 kB, and how to fill it; without the right to mount one, a limit on each file."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], check=False).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
            return
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def free():
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        (folder / "filler").unlink(missing_ok=True)

    yield folder, fill, free
    free()
    if mounted:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_an_error_and_the_run_continues_once_there_is_space(disk, tmp_path):
    folder, fill, free = disk
    given = small(model={"name": "mlp", "hidden": [100, 30]})
    uninterrupted = lossreg.run(given, root=tmp_path / "uninterrupted")

    class Filling(Progress):
        def epoch(self, record):
            if record["epoch"] == 3:
                fill()

    with pytest.raises(OSError, match=r"checkpoints/step-9\.safetensors: cannot be written: (No space|File too)"):
        lossreg.run(given, root=folder, progress=Filling())
    (path,) = (entry for entry in folder.iterdir() if entry.is_dir())
    assert checkpoint.steps_in(path / "checkpoints") == [3, 6]
    assert checkpoint.read(path / "checkpoints", 6, 10**9).step == 6
    free()
    assert_same(lossreg.resume(path).path, uninterrupted)


@pytest.mark.parametrize("name", ["metrics.jsonl", "timings.jsonl", "log.txt"])
def test_a_run_whose_files_have_other_names_elsewhere_is_not_resumed(tmp_path, name):
    path = stopped(tmp_path / "runs", small())
    (tmp_path / "elsewhere").hardlink_to(path / name)
    before = (path / name).read_bytes()
    with pytest.raises(OSError, match=f"{name}: has a second name, a hard link"):
        lossreg.resume(path)
    assert (tmp_path / "elsewhere").read_bytes() == before
    with pytest.raises(OSError, match="has a second name"):
        files.append(path / name, "more")
    with pytest.raises(OSError, match="has a second name"):
        files.cut(path / name, 0)
    assert (tmp_path / "elsewhere").read_bytes() == before
