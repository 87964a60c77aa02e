"""Reading runs: directories in every state, conditions, order, comparison, and the commands as typed."""

import errno
import json
import math
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lossreg
from lossreg.cli import main
from lossreg.commands.results.output import STYLES, short_names
from lossreg.errors import InvalidInput, NotResumable, UnknownName
from lossreg.experiment.report.comparison import comparison
from lossreg.experiment.report.paired_test import holm, paired_p, student_tail
from lossreg.experiment.storage import deletion, locks, marked_directories
from lossreg.experiment.storage.query import Condition, best_last, differing, find, order, root_of, seconds, select
from lossreg.experiment.storage.records import flat, higher_is_better
from lossreg.experiment.storage.runs import STATUSES, Run, runs_in

CONFIG = """\
data: {{name: iris}}
model: {{name: linear}}
optimizer: {{name: adam, lr: {lr}}}
loss: {{name: {loss}}}
seed: {seed}
"""


@pytest.fixture
def make(tmp_path):
    """Make a run's directory, as a run that ended in some way leaves it."""

    def make(name, *losses, minute=0, lr=0.1, loss="mse", seed=0, **state):
        path = tmp_path / f"20260102T03{minute:02}05.000006Z-{name}"
        marked_directories.create(path, "run")
        path.joinpath("config.yaml").write_text(CONFIG.format(lr=lr, loss=loss, seed=seed))
        path.joinpath("status.json").write_text(json.dumps({"status": "finished", **state}))
        records = [{"epoch": n, "step": 10 * n, "test_loss": x, "seconds": 0.1} for n, x in enumerate(losses, 1)]
        path.joinpath("metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        return Run(path)

    return make


@pytest.fixture
def command(tmp_path):
    def run(*arguments, code=0, typed=None):
        done = subprocess.run(
            [sys.executable, "-m", "lossreg", *arguments],
            capture_output=True,
            text=True,
            input=typed,
            cwd=tmp_path,
            env={**os.environ, "LOSSREG_RUNS": str(tmp_path), "COLUMNS": "300"},
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done

    return run


# Directories


def test_a_real_run_is_read_as_it_was(tmp_path):
    data = {"name": "random", "samples": 60, "features": 3}
    config = {"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse", "train": {"epochs": 3}}
    result = lossreg.run(config, root=tmp_path)
    (run,) = runs_in(tmp_path)
    assert (run.status, run.steps, run.problems) == ("finished", 6, [])
    assert run.config == result.config
    assert run.records == result.metrics
    assert set(run.final) == {f"{split}_{key}" for split in ("train", "test") for key in ("loss", "r2", "mae", "rmse")}
    assert run.values["loss"] == run.values["loss.name"] == "mse"
    assert run.environment["python"] == sys.version
    assert 0 <= run.age < 600


@pytest.mark.parametrize("kept", [[], ["config.yaml"], ["status.json"], ["metrics.jsonl"]])
def test_a_directory_with_few_files_is_a_run(make, tmp_path, kept):
    run = make("half", 0.5)
    for path in run.path.iterdir():
        if path.name not in kept:
            path.unlink()
    (run,) = runs_in(tmp_path)
    assert run.status == ("finished" if "status.json" in kept else "unknown")
    assert run.final == ({"test_loss": 0.5} if "metrics.jsonl" in kept else {})
    assert bool(run.config) == ("config.yaml" in kept)


def test_half_written_files_are_problems_and_the_rest_is_read(make):
    run = make("torn", 0.5, 0.25)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "test_lo')
    run.path.joinpath("status.json").write_text('{"stat')
    run.path.joinpath("config.yaml").write_text("{data: [")
    assert run.final == {"test_loss": 0.25}
    assert run.values["status"] == "unknown"
    found = "\n".join(run.problems)
    for what in ("metrics.jsonl:3: not a record", "status.json: ", "config.yaml:"):
        assert what in found


def write(text):
    return lambda path: path.write_text(text)


def sparse(path):
    path.touch()
    os.truncate(path, 10**12)


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("name", "damage", "problem"),
    [
        ("status.json", write("[" * 60_000), "nested more than 50 levels deep"),
        ("status.json", write('{"a": ' * 60 + "1" + "}" * 60), "nested more than 50 levels deep"),
        ("status.json", write('{"status": 3, "step": -1}'), "status: expected a text, got 3"),
        ("status.json", write(f'{{"step": 1{"0" * 400}}}'), "an integer that does not fit into 64 bits"),
        ("status.json", write(f'{{"step": 1{"0" * 5000}}}'), "an integer that does not fit into 64 bits"),
        ("status.json", write('"finished"'), "expected a mapping, got 'finished'"),
        ("status.json", lambda path: path.write_bytes(b"\xff"), "is not UTF-8 text (byte 0)"),
        ("status.json", sparse, "cannot be read: is larger than the 16,000,000 bytes that are read of it"),
        ("status.json", fifo, "cannot be read: is not a regular file"),
        ("status.json", link, "cannot be read: is a link, which is not followed"),
        ("config.yaml", write(f"loss: {'[' * 500}{']' * 500}"), "nested more than 50 levels deep"),
        ("config.yaml", write("loss: 3"), "loss: expected a mapping with a name, or a list of them, got 3"),
        ("config.yaml", write("\n".join(f"k{n}: 1" for n in range(1001))), "1,001 keys; at most 1,000 are read"),
        ("config.yaml", fifo, "cannot be read: is not a regular file"),
        ("environment.json", write('{"packages": [3]}'), "packages: expected a mapping of texts, got [3]"),
        ("environment.json", write('{"plugins": [{"kind": 3}]}'), "plugins: expected a list of plugins with kind"),
        ("metrics.jsonl", write('{"epoch": "nan"}'), "1: epoch: expected an integer, 0 or above, got nan"),
        ("metrics.jsonl", write('{"test_loss": [1]}'), "1: test_loss: expected a number or a text, got [1]"),
        (
            "metrics.jsonl",
            write(f'{{"test_loss": 1{"0" * 400}}}'),
            "1: test_loss: expected a number or a text, got 1000",
        ),
        ("metrics.jsonl", write("[" * 60_000), "1: not a record: '[[["),
        ("metrics.jsonl", write("x\n" * 9), "and 4 more"),
        ("metrics.jsonl", sparse, "cannot be read: is larger than the 64,000,000 bytes that are read of it"),
        ("metrics.jsonl", link, "cannot be read: is a link, which is not followed"),
    ],
)
def test_what_cannot_be_used_is_a_problem_of_its_run_and_the_rest_is_read(make, tmp_path, name, damage, problem):
    make("good", 0.5)
    bad = make("bad", 0.5, minute=1).path
    bad.joinpath("environment.json").write_text("{}")
    damage(bad / name)
    good, run = runs_in(tmp_path)
    assert run.values["run"] == run.id
    assert run.environment is not None
    assert run.problems[0].startswith(name)
    assert any(problem in found for found in run.problems), run.problems
    assert (good.values["test_loss"], good.problems) == (0.5, [])
    assert comparison([good, run])[1][1]["run"] == "bad"


def test_unknown_keys_are_kept_and_nan_is_a_number(make):
    run = make("new", 0.5)
    record = {
        "epoch": 2,
        "step": 20,
        "test_loss": "nan",
        "test_huber": 2.0,
        "validation_f1": "-inf",
        "novel": 7,
        "note": "x",
    }
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")
    assert math.isnan(run.final["test_loss"])
    assert run.best == {"test_loss": 0.5, "test_huber": 2.0, "validation_f1": -math.inf, "novel": 7}
    assert run.values["note"] == "x"


def test_the_best_is_the_highest_of_what_rises_and_the_lowest_of_the_rest(make):
    run = make("best", 3.0, 1.0, 2.0)
    assert run.best == {"test_loss": 1.0}
    assert all(
        higher_is_better(f"test_{name}")
        for name in ("accuracy", "r2", "f1_macro", "roc_auc", "explained_variance", "ndcg")
    )
    assert not any(
        higher_is_better(f"test_{name}")
        for name in ("loss", "mae", "rmse", "max_error", "huber", "hamming_loss", "loss_f1")
    )


def test_a_run_that_began_in_the_future_has_no_negative_age(tmp_path):
    path = tmp_path / "29990102T030405.000006Z-x-abcdef"
    marked_directories.create(path, "run")
    assert Run(path).age == 0


def test_the_steps_are_those_of_the_status_where_it_has_them(make):
    assert make("a", 0.5).steps == 10
    assert make("b", 0.5, status="diverged", step=17).steps == 17
    assert make("c", status="failed", step=3).steps == 3
    assert make("d").steps is None


def test_a_run_that_no_process_has_locked_was_killed(make):
    state = {"status": "running", "host": platform.node()}
    assert make("a", **state).status == "killed"
    run = make("b", **state)
    locking = "import sys, pathlib, lossreg.experiment.storage.locks as locks\n"
    locking += "held = locks.acquire(pathlib.Path(sys.argv[1])); print('locked', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", locking, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "locked\n"
    assert Run(run.path).status == "running"
    run.path.joinpath("status.json").unlink()  # as before its first
    assert Run(run.path).status == "running"
    run.path.joinpath("status.json").write_text(json.dumps(state))
    process.kill()
    process.communicate()
    assert Run(run.path).status == "killed"
    assert make("c", status="running", host="elsewhere").status == "running"
    assert make("d", status="finished").status == "finished"


def no_lock(number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    return flock


@pytest.fixture(params=[errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, None])
def without_flock(request, monkeypatch):
    """A file system, or with None a system, that has no flock."""
    if request.param is None:
        monkeypatch.setattr(locks, "fcntl", None)
    else:
        monkeypatch.setattr(locks.fcntl, "flock", no_lock(request.param))


SMALL = {
    "data": {"name": "random", "samples": 60, "features": 3},
    "model": "linear",
    "optimizer": "sgd",
    "loss": "mse",
    "train": {"epochs": 2},
}


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_run_runs_and_counts_as_running_meanwhile(tmp_path, command):
    seen = []

    class Looking(lossreg.Progress):
        def epoch(self, record):
            (run,) = runs_in(tmp_path)
            assert run.status == "running"
            (planned,) = deletion.plan_all([run.path], [], tmp_path)
            assert planned.refusal.startswith("it is running; stop it first; if no process is at work there, delete ")
            with pytest.raises(NotResumable, match=rf"is running, as process {os.getpid()}; .*\.lock\.owner"):
                lossreg.resume(run.path)
            assert "it is running" in command("rm", str(run.path), "--yes", code=2).stderr  # a process that has flock
            seen.append(record["epoch"])

    result = lossreg.run(SMALL, root=tmp_path, progress=Looking())
    assert seen == [1, 2]
    assert Run(result.path).status == "finished"
    assert not list(result.path.glob(".lock.*"))
    delete(Run(result.path), tmp_path)
    assert list(tmp_path.iterdir()) == []


HOLD = """
import errno, fcntl, os, pathlib, sys
from lossreg.experiment.storage import locks
def flock(*_):
    raise OSError(errno.ENOLCK, "no locks available")
fcntl.flock = flock
sys.stdin.readline()
print(bool(held := locks.acquire(pathlib.Path(sys.argv[1]))), flush=True)
sys.stdin.readline()
"""


def holders(path, number):
    """Processes that lock a directory without flock; each prints whether it has it."""
    command = [sys.executable, "-c", HOLD, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(number)]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    return started, [process.stdout.readline() for process in started]


def test_without_flock_a_killed_process_does_not_hold_its_lock(make, monkeypatch):
    monkeypatch.setattr(locks.fcntl, "flock", no_lock(errno.ENOLCK))
    run = make("a", status="running", host=platform.node())
    (process,), answers = holders(run.path, 1)
    assert answers == ["True\n"]
    assert Run(run.path).status == "running"
    assert locks.acquire(run.path) is None
    process.kill()
    process.communicate()
    owner = json.loads((run.path / locks.OWNER).read_text())
    run.path.joinpath("status.json").write_text(json.dumps({"status": "running", **owner}))
    assert Run(run.path).status == "killed"
    started, answers = holders(run.path, 6)
    assert sorted(answers) == ["False\n"] * 5 + ["True\n"]
    for process in started:
        process.communicate("done\n")


@pytest.mark.parametrize(
    ("owner", "locked"),
    [
        ({}, True),
        ({"host": "elsewhere"}, True),
        ({"machine": "another boot"}, True),
        ({"pid": 2**22 + 1}, False),
        ({"pid": -1}, True),
        ({"pid": 10**30}, True),
        ({"process_started": "1"}, False),
        ("", True),
        ("[" * 4000, True),
        ("x" * 10_000, True),
    ],
)
def test_in_doubt_a_directory_is_locked(make, monkeypatch, owner, locked):
    monkeypatch.setattr(locks.fcntl, "flock", no_lock(errno.ENOLCK))
    run = make("a", status="running")
    content = owner if isinstance(owner, str) else json.dumps(locks.this_process() | owner)
    run.path.joinpath(locks.OWNER).write_text(content)
    assert bool(locks.is_locked(run.path)) == locked
    held = locks.acquire(run.path)
    assert (held is None) == locked
    if held:
        held.close()
        assert not run.path.joinpath(locks.OWNER).exists()


def test_a_lock_that_is_no_file_is_not_opened(make, tmp_path):
    for name, content in (("a", None), ("b", tmp_path / "outside")):
        run = make(name, status="running", **locks.this_process())
        if content:
            run.path.joinpath(".lock").symlink_to(content)
        else:
            os.mkfifo(run.path / ".lock")
        assert Run(run.path).status == "running"
        with pytest.raises(OSError, match=r"\.lock: cannot be written: (No such device|is a link|is not a regular)"):
            locks.acquire(run.path)
    assert not (tmp_path / "outside").exists()


def test_runs_in_sweeps_are_found_and_links_and_strangers_are_not(make, tmp_path):
    inner = make("inner", minute=1)
    sweep = tmp_path / "sweep" / "trials"
    sweep.mkdir(parents=True)
    inner.path.rename(sweep / inner.id)
    make("outer", minute=2)
    tmp_path.joinpath("link").symlink_to(sweep)
    tmp_path.joinpath("notes").mkdir()
    tmp_path.joinpath("notes", "x.txt").write_text("")
    assert [run.name for run in runs_in(tmp_path)] == ["inner", "outer"]
    assert Path(sweep / inner.id / "config.yaml").exists()


# Choice


def test_runs_are_found_by_path_beginning_end_and_age(make, tmp_path):
    a, b = make("digits-aaa", minute=1), make("iris-abb", minute=2)
    for name in (a.id, str(a.path), "digits-aaa", "aaa", a.id[:14], "digits"):
        assert find([name], tmp_path) == [a]
    assert find(["last", "abb", str(b.path), "digits"], tmp_path) == [b, a]
    assert find(["last~1", "last~0"], tmp_path) == [a, b]
    with pytest.raises(UnknownName, match=r"begins or ends the names of 2 runs: .*aaa, .*abb; write more"):
        find(["2026"], tmp_path)
    with pytest.raises(UnknownName, match="no run 'iris-abc'; did you mean 'iris-abb'"):
        find(["iris-abc"], tmp_path)
    with pytest.raises(UnknownName, match="lists the 2 there are"):
        find(["zzzzz"], tmp_path)
    (tmp_path / "my-sweep").mkdir()
    b.path.rename(tmp_path / "my-sweep" / b.path.name)
    with pytest.raises(UnknownName, match="no run 'my sweep'; did you mean 'my-sweep'"):
        find(["my sweep"], tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(UnknownName, match="no run 'last'; there are no runs yet"):
        find(["last"], tmp_path / "none")
    with pytest.raises(UnknownName, match="no directory 'nowhere'; runs are looked for"):
        root_of("nowhere")


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("status=finished", "ab"),
        ("status!=finished", "c"),
        ("status=failed,diverged", "c"),
        ("optimizer.lr=1e-2", "b"),
        ("optimizer.lr >= 0.05", "ac"),
        ("loss=huber", "b"),
        ("loss.name=mse", "ac"),
        ("test_loss<1", "a"),
        ("test_loss=nan", "b"),
        ("best.test_loss<=0.25", "b"),
        ("test_loss!=0.5", "bc"),
        ("steps>10", "b"),
        ("age>1d", "abc"),
        ("age<1d", ""),
        ("run<z", "abc"),
        ("loss<1", ""),
    ],
)
def test_conditions(make, condition, names):
    runs = [
        make("a", 0.5),
        make("b", 0.25, math.nan, lr=0.01, loss="huber, delta: 2.0"),
        make("c", status="failed"),
    ]
    assert "".join(run.name for run in select(runs, [condition])) == names


def test_a_key_that_no_run_has_and_a_condition_that_is_none_are_refused(make):
    runs = [make("a", 0.5)]
    with pytest.raises(UnknownName, match=r"no run has a 'optimiser.lr'; did you mean 'optimizer.lr'"):
        select(runs, ["optimiser.lr=1"])
    with pytest.raises(UnknownName, match=r"no run has a 'zzz'; there are age, best.test_loss, "):
        order(runs, "zzz")
    for bad in ("status", "=x", "status=", "loss ~ x"):
        with pytest.raises(InvalidInput, match="expected a key, one of =, !=,"):
            Condition.read(bad)
    for bad in ("7y", "7", "d", "7 days"):
        with pytest.raises(InvalidInput, match=f"expected a number and its unit, .*, such as 7d; got '{bad}'"):
            Condition.read(f"age>{bad}")
    assert [seconds(text) for text in ("90s", "1.5m", "2h", "7d", "1w")] == [90, 90, 7200, 604800, 604800]


def test_a_condition_that_no_run_can_fit_is_refused(make):
    runs = [make("a", 0.5), make("b", math.nan, status="odd")]
    with pytest.raises(InvalidInput, match=r"status: expected one of .*, got 'finishd'; did you mean 'finished'\?"):
        select(runs, ["status=failed,finishd"])
    with pytest.raises(InvalidInput, match=r"--where test_loss: expected a number, such as 0\.5, got 'abc'"):
        select(runs, ["test_loss>abc"])
    assert select(runs, ["status=killed,diverged"]) == []
    assert select(runs, ["status=odd"]) == runs[1:]
    assert select(runs, ["test_loss<inf"]) == runs[:1]
    assert {*STYLES} == {*STATUSES}


def test_order_has_numbers_first_and_nothing_last_both_ways(make):
    runs = [make("none"), make("nan", math.nan), make("two", 2.0), make("one", 1.0), make("inf", math.inf)]
    assert [run.name for run in order(runs, "test_loss")] == ["one", "two", "inf", "none", "nan"]
    assert [run.name for run in order(runs, "test_loss", reverse=True)] == ["inf", "two", "one", "none", "nan"]
    assert [run.name for run in best_last(runs, "test_loss")] == ["none", "nan", "inf", "two", "one"]


def test_a_run_whose_metric_is_text_is_the_worst(make):
    odd = make("odd")
    odd.path.joinpath("metrics.jsonl").write_text('{"epoch": 1, "step": 1, "test_loss": "low"}\n')
    runs = [make("one", 1.0), odd, make("two", 2.0)]
    assert [run.name for run in best_last(runs, "test_loss")] == ["odd", "two", "one"]
    assert [run.name for run in order(runs, "test_loss")] == ["one", "two", "odd"]


def test_what_differs_is_shown_and_no_more(make):
    a, b = make("a", 0.5, 0.7), make("b", 0.25, lr=0.2, loss="huber, delta: 2.0")
    assert differing([a, b]) == ["optimizer.lr", "loss.name", "loss.delta"]
    assert differing([a, a]) == differing([a]) == []
    keys, rows = comparison([a, b])
    # What comes with the choice of a loss is last: it is the same wherever it is.
    assert keys == ["run", "steps", "test_loss", "optimizer.lr", "loss.name", "best.test_loss", "loss.delta"]
    assert [row["best.test_loss"] for row in rows] == [0.5, 0.25]
    (b.path / "config.yaml").unlink()
    assert differing([a, Run(b.path)]) == []


def test_a_config_is_flat_by_dotted_keys():
    assert flat({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


# Commands


@pytest.mark.slow
def test_runs_prints_a_table_json_and_csv(make, command):
    make("digits-aaa", 0.5, minute=1)
    make("iris-bbb", math.nan, minute=2, loss="huber, delta: .inf", status="diverged", error="oh")
    header, *rows = command("runs").stdout.splitlines()
    assert header.split() == ["run", "status", "loss", "test_loss", "age", "model", "data", "optimizer", "steps"]
    assert [row.split()[0] for row in rows] == ["digits-aaa", "iris-bbb"]
    assert rows[1].split()[3] == "nan"
    assert [row["final"] for row in json.loads(command("runs", "--json").stdout)] == [
        {"test_loss": 0.5},
        {"test_loss": "nan"},
    ]
    (diverged,) = json.loads(command("runs", "--json", "--where", "status=diverged").stdout)
    assert (diverged["error"], diverged["config"]["loss"]["delta"]) == ("oh", "inf")
    lines = command("runs", "--csv", "--sort", "optimizer.lr", "--reverse").stdout.splitlines()
    assert len(lines) == 3
    assert "optimizer.lr" in lines[0].split(",")
    sorted_by = command("runs", "--sort", "optimizer.lr").stdout.splitlines()[0].split()
    assert "optimizer.lr" in sorted_by
    assert "none of the 2 runs" in command("runs", "--where", "seed=9").stdout
    assert "did you mean 'test_loss'" in command("runs", "--sort", "test_lost", code=2).stderr
    assert "not allowed with" in command("runs", "--csv", "--json", code=2).stderr


def test_a_half_written_file_is_a_warning_beside_the_table(make, command):
    make("torn", 0.5).path.joinpath("metrics.jsonl").write_text('{"epoch"')
    done = command("runs")
    assert "torn" in done.stdout
    assert done.stderr == "lossreg: warning: torn: metrics.jsonl:1: not a record: '{\"epoch\"'\n"


def both(count):
    return f"test_loss: mean 0.5, standard deviation 0 of {count} runs".split()


@pytest.mark.slow  # 3 s of processor time
def test_compare_prints_runs_side_by_side_or_below_one_another(make, command):
    for index in range(5):
        make(f"r{index}", 0.5, minute=index, seed=index)
    lines = [line.split() for line in command("compare", "r0", "r1").stdout.splitlines()]
    assert lines == [["run", "r0", "r1"], ["test_loss", "0.5", "0.5"], ["seed", "0", "1"], both(2)]
    lines = [line.split() for line in command("compare", *(f"r{n}" for n in range(5))).stdout.splitlines()]
    assert lines[:2] == [["run", "test_loss", "seed"], ["r0", "0.5", "0"]]
    assert lines[-1] == both(5)
    assert command("compare", "r0", "last", "--csv").stdout == "run,test_loss,seed\nr0,0.5,0\nr4,0.5,4\n"
    found = json.loads(command("compare", "r0", "r1", "--json").stdout)
    assert found["differing"] == ["seed"]
    assert [run["config"]["seed"] for run in found["runs"]] == [0, 1]


def seeds(make, *, failed=()):
    """Runs of two learning rates, each with the same four seeds."""
    for lr, losses in ((0.1, (0.50, 0.61, 0.42, 0.55)), (0.2, (0.58, 0.72, 0.49, 0.66))):
        for seed, loss in enumerate(losses):
            name = f"x{seed}-{lr * 10:.0f}"
            make(name, loss, lr=lr, seed=seed, status="failed" if name in failed else "finished")


@pytest.mark.slow  # 3 s of processor time
def test_runs_that_differ_in_their_seeds_are_a_group_with_mean_deviation_and_paired_test(make, command, tmp_path):
    seeds(make)
    first, heads, *rows, over, p = command("compare", str(tmp_path)).stdout.splitlines()
    assert first == "8 runs in 2 groups by optimizer.lr; lower is better"
    assert heads.split()[:5] == ["test_loss", "std", "n", "p", "optimizer.lr"]
    assert [row.split()[:4] for row in rows] == [
        ["0.52", "0.08042", "4", "0.1"],
        ["0.6125", "0.09979", "4", "0.00292"],
    ]
    assert over == "mean and standard deviation over seed"
    assert p.startswith("p: paired t-test against the first line")
    assert all(re.search(r" \|-+o-+\|$", row) for row in rows)
    found = json.loads(command("compare", str(tmp_path), "--json").stdout)["groups"]
    better, worse = found["groups"]
    assert worse["p"] == pytest.approx(stats.ttest_1samp([0.08, 0.11, 0.07, 0.11], 0).pvalue)
    assert better["p"] is None
    assert command("compare", str(tmp_path), "--each").stdout.count("\n") == 9
    assert command("compare", str(tmp_path), "--csv").stdout.splitlines()[0] == "test_loss,std,n,p,optimizer.lr"


def test_a_group_with_a_run_that_failed_is_last_and_says_how_many_are_left(make, command, tmp_path):
    seeds(make, failed=("x2-1",))
    rows = [line.split() for line in command("compare", str(tmp_path)).stdout.splitlines()[2:4]]
    assert [row[0] for row in rows] == ["0.6125", "0.5533"]
    assert rows[1][2:5] == ["3", "of", "4"]


@pytest.mark.slow  # 4 s of processor time
def test_runs_are_grouped_by_any_key_and_paired_by_all_others(make, command, tmp_path):
    seeds(make)
    for seed, loss in enumerate((0.4, 0.5, 0.3, 0.5)):
        make(f"y{seed}-3", loss, lr=0.1, seed=seed, loss="huber, delta: 2.0")
    out = command("compare", str(tmp_path), "--by", "loss", "--metric", "test_loss").stdout
    huber, mse = (line.split() for line in out.splitlines()[2:4])
    assert (huber[:4], mse[2]) == (["0.425", "0.09574", "4", "huber"], "8")
    expected = stats.ttest_rel((0.4, 0.5, 0.3, 0.5), (0.50, 0.61, 0.42, 0.55)).pvalue
    assert float(mse[3]) == pytest.approx(expected, rel=1e-3)
    message = command("compare", str(tmp_path), "--by", "optimiser.lr", code=2).stderr
    assert "--by: no run has a 'optimiser.lr'; did you mean 'optimizer.lr'?" in message
    assert "did you mean 'test_loss'?" in command("compare", str(tmp_path), "--metric", "tst_loss", code=2).stderr


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30])
@pytest.mark.parametrize("t", [0.0, 0.3, -2.0, 7.0])
def test_the_tail_of_students_t(t, freedom):
    assert student_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-14)


def test_p_values_are_corrected_for_their_number_and_for_folds():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    differences = [0.1, 0.3, 0.2, 0.4, 0.1]
    t = np.mean(differences) / (np.std(differences, ddof=1) * np.sqrt(1 / 5 + 1 / 4))
    assert paired_p(differences, folds=5) == pytest.approx(2 * stats.t.sf(t, 4))
    assert paired_p([0.1]) is paired_p([0.1, 0.1]) is None


def test_names_are_shortened_to_what_finds_the_run(make, tmp_path):
    marked_directories.create(tmp_path / "s", "sweep")
    for name in ("mse-216d4e1786eb", "mse-216d4f000000", "huber-70b6eb76ab3d"):
        marked_directories.create(tmp_path / "s" / name, "run")
    make("digits-adefc3")
    runs = runs_in(tmp_path)
    names = short_names(runs)
    assert sorted(names.values()) == ["digits-adef", "s/huber-70b6", "s/mse-216d4e", "s/mse-216d4f"]
    assert all(find([names[run]], tmp_path) == [run] for run in runs)


def test_columns_that_are_equal_leave_space_for_the_others(make, tmp_path, monkeypatch, capsys):
    for index in range(2):
        make(f"digits-aaa{index}", 0.5 + index, minute=index)
    monkeypatch.setattr("lossreg.commands.results.output.width", lambda: 50)
    monkeypatch.setenv("COLUMNS", "50")
    with pytest.raises(SystemExit):
        main(["runs", "--runs", str(tmp_path), "--where", "status=finished"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "test_loss"]
    assert lines[3].startswith("the same in all: status finished, loss mse")
    assert len(lines) == 4


@pytest.mark.slow  # 7 s of processor time
def test_names_tags_and_notes_find_runs_and_those_of_a_sweep_hold_for_its_trials(command, tmp_path):
    data = {"name": "random", "samples": 60, "features": 3}
    config = {"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse", "train": {"epochs": 1}}
    (tmp_path / "x.yaml").write_text(json.dumps(config))
    command("run", "x.yaml", "--name", "first try", "--tag", "baseline", "--tag", "v1", "--note", "before lunch")
    lossreg.run(config, root=tmp_path)
    lossreg.sweep({**config, "sweep": {"repeats": 2}}, root=tmp_path, name="many", tags=["baseline"], note="two")
    (named,) = json.loads(command("runs", "--where", "tag=v1", "--json").stdout)
    assert re.search(r"-first-try-[0-9a-f]{6}$", named["run"])
    assert (named["tags"], named["note"]) == (["baseline", "v1"], "before lunch")
    assert [run["note"] for run in json.loads(command("runs", "--where", "tag=v1,baseline", "--json").stdout)] == [
        "before lunch",
        "two",
        "two",
    ]
    assert len(json.loads(command("runs", "--where", "tag!=baseline", "--json").stdout)) == 1
    header = command("runs").stdout.splitlines()[0].split()
    assert {"tag", "note"} <= {*header}
    message = "expected letters, digits and any of _ . : + -, such as baseline, got 'a,b'"
    assert message in command("run", "x.yaml", "--tag", "a,b", code=2).stderr
    assert not command("rm", "many", "--yes").stderr
    assert not (tmp_path / "many").exists()


def test_rm_asks_and_refuses_what_is_running(make, command, tmp_path):
    make("a", minute=1)
    make("b", minute=2)
    busy = make("busy", minute=3, status="running")
    held = locks.acquire(busy.path)
    assert "--yes deletes without asking" in command("rm", "a", code=2, typed="y\n").stderr
    assert "it is running; stop it first" in command("rm", "a", "busy", "--yes", code=2).stderr
    assert len(runs_in(tmp_path)) == 3
    assert command("rm", "a", "b", "--yes").stdout.endswith("\ndeleted 2 runs\n")
    assert runs_in(tmp_path) == [busy]
    assert sorted(path.name for path in tmp_path.iterdir()) == [busy.id]
    held.close()


def test_rm_on_a_terminal_deletes_upon_yes_only(make, tmp_path):
    pty = pytest.importorskip("pty")  # every system the tests run on has it
    make("a")
    for answer, left in ((b"n\n", 1), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "lossreg", "rm", "a", "--runs", str(tmp_path)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(ours, answer)
            assert "delete it? [y/N]" in process.communicate()[0]
        assert len(runs_in(tmp_path)) == left


@pytest.mark.slow  # 2 s of processor time
def test_prune_shows_first_and_deletes_only_what_fits(make, command, tmp_path):
    for index, loss in enumerate((0.3, 0.1, math.nan, 0.2)):
        make(f"r{index}", loss, minute=index)
    make("bad", minute=8, status="failed")
    held = locks.acquire(make("busy", minute=9, status="running").path)
    names = lambda: [run.name for run in runs_in(tmp_path)]  # noqa: E731
    everything = names()
    assert "to select runs" in command("prune", code=2).stderr
    assert "go together" in command("prune", "--keep-best", "2", code=2).stderr
    assert "these 1 of 6 runs would be deleted" in command("prune", "--where", "status=failed,running").stdout
    assert names() == everything
    command("prune", "--where", "status=failed,running", "--yes")
    assert names() == ["r0", "r1", "r2", "r3", "busy"]
    command("prune", "--keep-best", "2", "--by", "test_loss", "--yes")
    assert names() == ["r1", "r3", "busy"]
    assert command("prune", "--where", "age<1h").stdout == "nothing to prune\n"
    held.close()


@pytest.mark.slow  # 3 s of processor time
def test_runs_are_not_ranked_by_what_cannot_be_compared(make, command, tmp_path):
    for name, loss in (("a", "mse"), ("b", "huber")):
        run = make(name, 0.5, loss=loss)
        run.path.joinpath("metrics.jsonl").write_text('{"epoch": 1, "step": 9, "test_loss": 0.5, "test_r2": 0.9}\n')
    message = "test_loss: cannot be compared between runs that differ in loss.name; test_r2 can be compared\n"
    done = command("prune", "--keep-best", "1", "--by", "test_loss", "--yes", code=2)
    assert done.stderr == f"lossreg: error: --by {message}"
    assert len(runs_in(tmp_path)) == 2
    done = command("runs", "--sort", "best.test_loss", "--json")
    assert done.stderr == f"lossreg: warning: --sort best.{message}"
    assert len(json.loads(done.stdout)) == 2
    for key in ("test_r2", "optimizer.lr", "age"):
        assert command("runs", "--sort", key).stderr == ""
    assert command("runs", "--where", "loss=mse", "--sort", "test_loss").stderr == ""
    config = make("c", 0.5, minute=1).path / "config.yaml"
    config.write_text(config.read_text().replace("iris", "digits"))
    message = "cannot be compared between runs that differ in data.name; --where data.name=... selects comparable runs"
    assert message in command("prune", "--keep-best", "1", "--by", "test_loss", code=2).stderr
    command("prune", "--keep-best", "1", "--by", "test_r2", "--yes")
    assert len(runs_in(tmp_path)) == 1


def delete(run, root):
    deletion.delete_all(deletion.plan_all([run.path], [], root), root)


def test_deleting_leaves_nothing_that_looks_like_a_run(make, tmp_path, monkeypatch):
    run = make("a")
    monkeypatch.setattr(deletion, "erase", lambda _: None)
    monkeypatch.setattr(deletion, "complete", lambda _: None)
    delete(run, tmp_path)
    assert runs_in(tmp_path) == []


def tree(folder):
    """Every path below a directory, links not followed, with the content of each file."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.slow  # 2 s of processor time
def test_a_directory_that_lossreg_did_not_make_is_not_deleted(command, tmp_path):
    project = tmp_path / "home" / "project"
    project.joinpath("src").mkdir(parents=True)
    project.joinpath("src", "work.py").write_text("years of work")
    project.joinpath("config.yaml").write_text("x: 1")
    named = tmp_path / "home" / "20260102T030405.000006Z-mine-abcdef"
    named.mkdir()
    for name in ("config.yaml", "status.json", "metrics.jsonl", "notes.txt"):
        named.joinpath(name).write_text("{}")
    before = tree(tmp_path / "home")
    done = command("prune", "--runs", "home", "--where", "status!=finished", "--yes")
    assert "project" not in done.stdout
    assert "mine-abcdef: it has no .lossreg file" in done.stdout
    assert "delete it by hand" in done.stdout
    for name in ("home/project", "home/project/..", "home", ".", "../..", str(named), "mine"):
        done = command("rm", name, "--runs", "home", "--yes", code=2)
        assert re.search("neither a run nor a sweep|nothing is deleted|no run", done.stderr + done.stdout)
        assert tree(tmp_path / "home") == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.joinpath(".lossreg").unlink(), "it has no .lossreg file"),
        (lambda path: path.joinpath(".lossreg").write_text("x" * 10_000), ".lossreg file cannot be read"),
        (lambda path: path.joinpath(".lossreg").write_text("[" * 4000), ".lossreg file cannot be read"),
        (lambda path: path.joinpath(".lossreg").write_text("[]"), "not that of a run"),
        (lambda path: path.joinpath(".lossreg").write_text('{"kind": "sweep"}'), "not that of a run"),
        (lambda path: path.rename(path.with_name("renamed")), "belongs to a directory named '20260102T030005"),
        (
            lambda path: marked_directories.create(path / "20260102T030005.000006Z-inner-abcdef", "run"),
            "it has other runs in it",
        ),
    ],
)
def test_a_run_is_deleted_only_with_its_own_marker_and_without_other_runs(make, command, tmp_path, change, reason):
    change(make("a", status="failed").path)
    (path,) = tmp_path.iterdir()
    before = tree(tmp_path)
    assert reason in command("rm", str(path), "--yes", code=2).stderr
    assert reason in command("prune", "--where", "status=failed", "--yes").stdout
    assert tree(tmp_path) == before


def test_a_run_outside_the_directory_of_runs_is_not_deleted(make, command, tmp_path):
    run = make("a")
    (tmp_path / "runs").mkdir()
    done = command("rm", str(run.path), "--runs", "runs", "--yes", code=2)
    assert f"it is not inside {tmp_path / 'runs'}, the directory of runs; --runs DIR gives another one" in done.stderr
    assert run.path.is_dir()
    tmp_path.joinpath("runs", "away").symlink_to(tmp_path)
    done = command("rm", f"runs/away/{run.id}", "--runs", "runs", "--yes", code=2)
    assert "it is not inside" in done.stderr
    assert run.path.is_dir()


def test_links_are_deleted_and_what_they_lead_to_stays(make, command, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.joinpath("precious.txt").write_text("x")
    root = tmp_path / "runs"
    root.mkdir()
    run = make("a")
    run.path.joinpath("checkpoints").symlink_to(outside)
    run.path.joinpath("metrics.jsonl").unlink()
    run.path.joinpath("metrics.jsonl").symlink_to(outside / "precious.txt")
    root.joinpath("link").symlink_to(run.path)
    before = tree(tmp_path)
    assert "is a link; what it leads to stays" in command("rm", "runs/link", "--runs", "runs", "--yes").stdout
    assert tree(tmp_path) == {path: content for path, content in before.items() if path.name != "link"}
    assert "also has checkpoints, metrics.jsonl" in command("rm", "a", "--yes").stdout
    assert not run.path.exists()
    assert tree(outside) == {Path("precious.txt"): b"x"}


def test_what_lossreg_did_not_write_is_named_before_it_is_deleted(make, command):
    run = make("a", status="failed")
    for folder in ("checkpoints", "src/deep"):
        run.path.joinpath(folder).mkdir(parents=True)
    for name in ("notes.txt", "src/a.py", "src/deep/b.py", "checkpoints/mine", "checkpoints/step-3.safetensors"):
        run.path.joinpath(name).write_text("x")
    run.path.joinpath("\x1b[2J").write_text("x")
    message = r"also has \x1b[2J, checkpoints/mine, notes.txt, src/ (2 files)"
    refused = command("rm", "a", code=2)
    assert message in refused.stdout
    assert message in command("prune", "--where", "status=failed").stdout
    assert run.path.is_dir()


def test_a_finished_run_has_nothing_that_lossreg_did_not_write(tmp_path):
    data = {"name": "random", "samples": 60, "features": 3}
    config = {"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse", "train": {"epochs": 2}}
    result = lossreg.run(config, root=tmp_path)
    (planned,) = deletion.plan_all([result.path], [], tmp_path)
    assert (planned.refusal, planned.others, planned.warnings) == ("", (), [])


def test_a_killed_deletion_does_not_block_later_ones_and_is_completed(make, command, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(path):
        raise Killed(path)

    victim = make("a")
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "erase", kill)
        with pytest.raises(Killed):
            delete(victim, tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(f".{victim.id}.")
    strange = tmp_path / ".strange.00000000.deleted"
    strange.mkdir()
    strange.joinpath("mine.txt").write_text("x")
    again = make("a")
    assert "deleted 1 run" in command("rm", "a", "--yes").stdout
    assert not again.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == [strange.name]


def test_a_directory_that_changes_between_list_and_deletion_is_kept(make, tmp_path):
    run, other = make("a"), make("b")
    (planned,) = deletion.plan_all([run.path], [], tmp_path)
    run.path.joinpath("notes.txt").write_text("x")
    with pytest.raises(InvalidInput, match="has changed since it was listed"):
        deletion.delete_all([planned], tmp_path)
    (planned,) = deletion.plan_all([run.path], [], tmp_path)
    run.path.rename(tmp_path / "elsewhere")
    other.path.rename(run.path)
    with pytest.raises(InvalidInput, match="has changed since it was listed"):
        deletion.delete_all([planned], tmp_path)
    assert run.path.is_dir()


def test_a_sweep_is_deleted_with_its_last_runs_and_only_then(make, command, tmp_path):
    sweep = tmp_path / "sweep"
    marked_directories.ensure(sweep, "sweep")
    for name in ("summary.json", "summary.csv", "best.yaml", "notes.txt"):
        sweep.joinpath(name).write_text("x")
    for index, status in enumerate(("failed", "finished")):
        run = make(f"r{index}", minute=index, status=status)
        run.path.rename(sweep / run.id)
    command("prune", "--where", "status=failed", "--yes")
    assert [run.name for run in runs_in(tmp_path)] == ["r1"]
    assert sweep.joinpath("best.yaml").exists()
    done = command("rm", "sweep", "--yes").stdout
    assert re.search(r"sweep  sweep; also has notes\.txt\n", done)
    assert done.endswith("deleted 1 run, 1 sweep\n")
    assert list(tmp_path.iterdir()) == []
    marked_directories.ensure(sweep, "sweep")
    assert command("rm", "sweep", "--yes").stdout.endswith("deleted 1 sweep\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # 3 s of processor time
def test_a_directory_of_a_users_own_that_a_sweep_went_into_stays(tmp_path, command):
    mine = tmp_path / "x"
    mine.mkdir()
    mine.joinpath("work.py").write_text("x")
    data = {"name": "random", "samples": 60, "features": 3}
    config = {"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse", "train": {"epochs": 1}}
    tmp_path.joinpath("x.yaml").write_text(json.dumps(config | {"sweep": {"repeats": 2}}))
    lossreg.sweep(tmp_path / "x.yaml", root=tmp_path)
    assert len(runs_in(mine)) == 2
    command("prune", "--where", "age<1h", "--yes")
    assert runs_in(mine) == []
    assert mine.joinpath("work.py").read_text() == "x"


@pytest.mark.slow  # 12 s of processor time
@pytest.mark.parametrize(
    "name", ["..yaml", "...yaml", ".hid.yaml", "(1).yaml", "../../../escaped", "/escaped", "\x1b[2J", ""]
)
def test_a_sweep_stays_inside_the_directory_of_runs(tmp_path, name):
    root = tmp_path / "a" / "b" / "runs"
    data = {"name": "random", "samples": 60, "features": 3}
    config = {"data": data, "model": "linear", "optimizer": "sgd", "loss": "mse", "train": {"epochs": 1}}
    file = tmp_path / "config" / (name if name.endswith(".yaml") else "x.yaml")
    file.parent.mkdir()
    file.write_text(json.dumps(config | {"sweep": {"repeats": 2}}))
    if not name.endswith(".yaml"):
        file.with_name("environment.json").write_text(json.dumps({"name": name}))
    summary = lossreg.sweep(file, root=root)
    assert summary.path.parent == root
    assert not summary.path.name.startswith((".", "-"))
    assert summary.path.name.isprintable()
    assert len(runs_in(root)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "config"]


def test_on_a_narrow_terminal_columns_that_do_not_fit_are_named(make, tmp_path):
    pty = pytest.importorskip("pty")
    make("digits-aaa", 0.5)
    shown = {}
    for width in (50, 200):
        ours, theirs = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "lossreg", "runs", "--runs", str(tmp_path)],
            stdout=theirs,
            env={**os.environ, "COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"},
            check=True,
        )
        os.close(theirs)
        text = os.read(ours, 10_000).decode()
        os.close(ours)
        shown[width] = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in text.splitlines()]
    assert shown[200][0].split()[:4] == ["run", "status", "loss", "test_loss"]
    assert all(len(line) <= 50 for line in shown[50][:2])
    left_out = re.fullmatch(r"columns that do not fit: (.*); a wider terminal or --csv shows them", shown[50][2])[1]
    assert shown[50][0].split() + left_out.split(", ") == shown[200][0].split()


def test_a_child_does_not_keep_the_lock_of_a_run_that_has_ended(make):
    run = make("forked-000001", 0.5)
    end, wait = os.pipe()
    with locks.acquire(run.path) as lock:
        child = os.fork()
        if not child:
            os.close(wait)
            os.read(end, 1)
            lock.close()
            os._exit(0)
    try:
        assert not locks.is_locked(run.path)
        with locks.acquire(run.path):
            os.close(wait)
            os.waitpid(child, 0)
            assert locks.is_locked(run.path)  # what the child closes is no longer its lock
    finally:
        os.close(end)


def test_an_empty_name_stands_for_no_run(make, command):
    run = make("only")
    for name in ("", "/", "//"):
        assert f"no run {name!r}; expected a name or a path" in command("rm", name, "--yes", code=2).stderr
    assert run.path.is_dir()


def test_a_directory_that_cannot_be_read_hides_no_other(make, tmp_path, monkeypatch):
    run = make("good")
    (tmp_path / "locked").mkdir()
    stat = os.stat

    def refuse(path, *arguments, **options):
        if "locked" in os.fspath(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert runs_in(tmp_path) == [run]


def test_a_run_in_which_something_is_mounted_is_not_deleted(make, tmp_path, monkeypatch):
    run = make("mounted \\ blank")
    (run.path / "data set").mkdir()
    listed = str(run.path / "data set").replace("\\", r"\134").replace(" ", r"\040")
    (tmp_path / "mountinfo").write_text(f"36 35 98:0 / {listed} rw,noatime - ext4 /dev/root rw\n")
    monkeypatch.setattr(deletion, "MOUNTS", tmp_path / "mountinfo")
    (planned,) = deletion.plan_all([run.path], [], tmp_path)
    assert planned.refusal == f"another file system or directory is mounted at {run.path / 'data set'}"
