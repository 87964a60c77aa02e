"""The directory of a run: never shared, its files written atomically, and their content."""

import hashlib
import json
import math
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg import InvalidParameter
from lossreg.experiment.config.run_config import load
from lossreg.experiment.runner import run_directory
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import environment as run_environment, files
from lossreg.experiment.storage.environment import config_hash, environment, git as git_state
from lossreg.experiment.storage.runs import runs_in

CONFIG = {
    "data": {"name": "random", "samples": 50, "features": 3},
    "model": {"name": "mlp", "hidden": [4]},
    "optimizer": "adam",
    "loss": "huber",
    "train": {"epochs": 2},
}

CREATE = """
import sys
from lossreg.experiment.runner.run_directory import RunDirectory
sys.stdin.readline()
for _ in range(25):
    print(RunDirectory.create("same", sys.argv[1]).path)
"""


@pytest.mark.slow  # 2 s of processor time
def test_eight_processes_at_once_share_no_directory(tmp_path):
    command = [sys.executable, "-c", CREATE, str(tmp_path)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    paths = [line for worker in workers for line in worker.communicate()[0].split()]
    assert len(paths) == len(set(paths)) == len(list(tmp_path.iterdir())) == 200


def test_a_name_that_is_taken_is_left_alone(tmp_path, monkeypatch):
    class Stopped:
        @staticmethod
        def now(zone):
            return moment.replace(tzinfo=zone)

    moment = run_directory.datetime(2026, 1, 2, 3, 4, 5, 6, run_directory.UTC)
    monkeypatch.setattr(run_directory, "datetime", Stopped)
    tokens = iter(["aaaaaa", "aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr(run_directory.secrets, "token_hex", lambda size: next(tokens) if size == 3 else "0" * size)
    names = [RunDirectory.create("x", tmp_path).path.name for _ in range(2)]
    assert names == ["20260102T030405.000006Z-x-aaaaaa", "20260102T030405.000006Z-x-bbbbbb"]


def test_the_root_is_the_one_given_or_that_of_the_environment_or_the_usual(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOSSREG_RUNS", raising=False)
    assert RunDirectory.create("a b/c").path.parent == Path("experiments/runs")
    assert "-a-b-c-" in RunDirectory.create("a b/c").path.name
    monkeypatch.setenv("LOSSREG_RUNS", "elsewhere")
    assert RunDirectory.create("x").path.parent == Path("elsewhere")
    assert RunDirectory.create("x", "given").path.parent == Path("given")


@pytest.fixture
def result(tmp_path):
    return lossreg.run(CONFIG, root=tmp_path)


def test_a_run_leaves_these_files_and_no_others(result):
    assert sorted(path.name for path in result.path.iterdir()) == [
        *(
            ".lock",
            ".lossreg",
            "checkpoints",
            "config.yaml",
            "data.json",
            "environment.json",
            "log.txt",
            "metrics.jsonl",
        ),
        *("predictions.safetensors", "status.json", "timings.jsonl", "weights.safetensors"),
    ]
    assert sorted(path.name for path in (result.path / "checkpoints").iterdir()) == [
        "step-4.safetensors",
    ]
    assert json.loads((result.path / "status.json").read_text())["status"] == "finished"
    records = [json.loads(line) for line in (result.path / "metrics.jsonl").read_text().splitlines()]
    assert records == result.metrics == RunDirectory(result.path).records()
    assert [record["epoch"] for record in records] == [1, 2]


def test_the_config_is_complete_and_loads_again(result):
    text = (result.path / "config.yaml").read_text()
    assert load(result.path / "config.yaml").resolved() == result.config == load(CONFIG).resolved()
    for default in (
        "momentum",
        "delta: 1.0",
        "test: 0.25",
        "shuffle: true",
        "seed: 0",
        "reduction: mean",
        "beta2: 0.999",
    ):
        assert (default in text) == (default != "momentum")


def test_the_weights_are_those_of_the_network(result):
    saved = load_file(result.path / "weights.safetensors")
    assert saved.keys() == result.weights.keys()
    assert all(np.array_equal(saved[key], result.weights[key]) for key in saved)
    assert saved["0.weight"].shape == (4, 3)


def test_weights_that_are_not_contiguous_are_saved_right(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    RunDirectory(tmp_path).save({"turned": array.T, "strided": array[:, ::2]})
    saved = load_file(tmp_path / "weights.safetensors")
    assert np.array_equal(saved["turned"], array.T)
    assert np.array_equal(saved["strided"], array[:, ::2])


def test_the_environment_names_every_plugin_with_its_hash(result):
    found = json.loads((result.path / "environment.json").read_text())
    plugins = {plugin["kind"]: plugin for plugin in found["plugins"]}
    assert {kind: plugin["name"] for kind, plugin in plugins.items()} == {
        "data": "random",
        "model": "mlp",
        "optimizer": "adam",
        "schedule": "constant",
        "loss": "huber",
    }
    source = Path(lossreg.get("huber").file).read_bytes()
    assert plugins["loss"]["sha256"] == hashlib.sha256(source).hexdigest()
    assert plugins["loss"]["distribution"] == "lossreg"
    assert plugins["loss"]["version"] == lossreg.__version__
    assert found["packages"]["numpy"] == np.__version__
    assert found["python"] == sys.version
    assert found["cpu"]


def test_the_environment_has_the_config_and_its_hash(result):
    found = json.loads((result.path / "environment.json").read_text())
    assert found["config"] == json.loads(json.dumps(result.config))
    same = {**CONFIG, "loss": {"name": "HuberLoss", "delta": 1}, "seed": 0}
    assert found["config_sha256"] == config_hash(load(same)) != config_hash(load({**CONFIG, "seed": 1}))
    infinite = environment(load({**CONFIG, "loss": {"name": "huber", "delta": math.inf}}))
    assert json.loads(json.dumps(infinite, allow_nan=False))["config"]["loss"]["delta"] == "inf"


def test_a_plugin_without_a_file_has_no_hash(monkeypatch):
    monkeypatch.setattr(lossreg.registry.registries.losses, "_registered", {})
    space = {"lossreg": lossreg, "__name__": __name__}
    source = "def typed(prediction: lossreg.plugin.Real, target: lossreg.plugin.Real):\n    return prediction, 1.0\n"
    source = source.replace("):", ") -> tuple[float, float]:")
    exec(compile(source, "<notebook>", "exec"), space)  # noqa: S102  as a notebook does
    lossreg.register(lossreg.plugin.loss(space["typed"]))
    plugin = environment(load({**CONFIG, "loss": "typed"}))["plugins"][-1]
    assert plugin == {"kind": "loss", "name": "typed", "distribution": "runtime", "version": "", "sha256": None}


def test_the_packages_are_those_that_importlib_finds():
    message = [distribution.metadata for distribution in distributions()]
    assert environment(load(CONFIG))["packages"] == {one["Name"]: one["Version"] for one in message if one["Name"]}


def test_half_a_package_is_left_out(tmp_path, monkeypatch):
    tmp_path.joinpath("half-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    packages = environment(load(CONFIG))["packages"]
    assert packages["lossreg"] == lossreg.__version__
    assert "None" not in packages


def test_the_git_commit_and_whether_files_differ(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_state() is None
    commit = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "x"]
    for command in (["git", "init", "-q"], commit):
        subprocess.run(command, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert git_state() == {"commit": head, "dirty": False}
    Path("new").touch()
    assert git_state() == {"commit": head, "dirty": True}
    monkeypatch.setenv("PATH", "")
    assert git_state() is None


def git(*arguments, cwd):
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def test_a_repository_runs_no_program_of_its_own(tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho ran >> '{tmp_path / 'ran'}'\ncat\n")
    trap.chmod(0o755)
    inner, repository = tmp_path / "inner", tmp_path / "repository"
    for folder in (inner, repository):
        folder.mkdir()
        git("init", "-q", cwd=folder)
        folder.joinpath("file").write_text("text\n")
        folder.joinpath(".gitattributes").write_text(f"file filter={folder.name}\nother filter=e=vil\n")
        folder.joinpath("other").write_text("text\n")
        git("add", ".", cwd=folder)
        git("commit", "-qm", "x", cwd=folder)
    git("submodule", "add", "-q", str(inner), "sub", cwd=repository)
    git("commit", "-qm", "x", cwd=repository)
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes(trap.read_bytes())
    hook.chmod(0o755)
    for folder, name in ((repository, "repository"), (repository / "sub", "inner")):
        for key in ("core.fsmonitor", f"filter.{name}.clean", f"filter.{name}.process", "filter.e=vil.clean"):
            git("config", key, str(trap), cwd=folder)
        folder.joinpath("file").write_text("test\n")
        folder.joinpath("other").touch()
    monkeypatch.chdir(repository)
    found = git_state()
    assert found["dirty"] is True
    assert len(found["commit"]) == 40
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "status"], check=False, capture_output=True)
    assert (tmp_path / "ran").exists()  # without precautions it does run


def test_a_distribution_whose_metadata_is_not_utf_8_is_recorded(tmp_path, monkeypatch):
    info = tmp_path / "latin-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_bytes(b"Metadata-Version: 2.1\nName: latin\nVersion: 1.0\nAuthor: Andr\xe9\n\n")
    monkeypatch.syspath_prepend(tmp_path)
    run_environment.packages.cache_clear()
    try:
        assert run_environment.packages()["latin"] == "1.0"
    finally:
        run_environment.packages.cache_clear()


def test_numbers_that_json_lacks_are_text_that_float_reads(tmp_path):
    store = RunDirectory(tmp_path)
    store.log({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.1, "e": 3})
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert line == '{"a": "nan", "b": "inf", "c": "-inf", "d": 0.1, "e": 3}'
    store.log({"a": 1})
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch):
    files.write(tmp_path / "file", "before")

    def full(_):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"file: cannot be written: no space left"):
        files.write(tmp_path / "file", "after")
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [".", "..", "folder"])
def test_a_directory_is_not_written_over(tmp_path, monkeypatch, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder if name == "." else tmp_path)
    with pytest.raises(OSError, match=r": cannot be written: Is a directory; choose another"):
        files.write(Path(name), "content", "choose another")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert not [*folder.iterdir()]


def test_a_run_that_cannot_be_described_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_directory, "dump", lambda _: 1 / 0)
    data = {"name": "random", "samples": 60, "features": 3}
    with pytest.raises(ZeroDivisionError):
        lossreg.run({"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse"}, root=tmp_path)
    (run,) = runs_in(tmp_path)
    assert (run.status, run.state["error"]) == ("failed", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: lossreg.run("x.yaml", root=3), "root: expected the path of a directory, got 3"),
        (lambda: lossreg.resume(3), "path: expected the path of a directory, got 3"),
        (lambda: lossreg.sweep("sweep.yaml", root=3), "root: expected the path of a directory, got 3"),
        (lambda: lossreg.sweep("sweep.yaml", jobs=0), "sweep: jobs: expected an integer, 1 or above, got 0"),
        (
            lambda: lossreg.sweep("sweep.yaml", engine="dsk"),
            "sweep: engine: expected 'local' or 'dask', got 'dsk'; did you",
        ),
        (
            lambda: lossreg.sweep("sweep.yaml", address="tcp://a:1"),
            "sweep: address: only the engine dask has one, got 'tcp://a:1'",
        ),
    ],
)
def test_what_is_no_directory_engine_or_number_of_jobs_is_refused(tmp_path, monkeypatch, act, message):
    monkeypatch.chdir(tmp_path)
    text = "{data: {name: random, samples: 60, features: 3}, model: linear, optimizer: sgd, loss: mse"
    Path("x.yaml").write_text(text + "}")
    Path("sweep.yaml").write_text(text + ", sweep: {repeats: 2}}")
    with pytest.raises(InvalidParameter) as caught:
        act()
    assert str(caught.value).startswith(message)
    assert not any(path.is_dir() for path in tmp_path.iterdir())
