"""Sweeps in real processes, really killed: nothing that finished is lost, nothing runs twice, all ends as it should."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
import yaml
from sweeping import (
    LONG,
    SMALL,
    alive,
    assert_same,
    at_work,
    events,
    finish,
    kill,
    status,
    trials,
    until,
    workers,
)
from test_cli import on_a_terminal

import lossreg
from lossreg.experiment.config.yaml_document import Document
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import marked_directories
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep import run_sweep
from lossreg.experiment.sweep.optuna_trials import OptunaTrials
from lossreg.experiment.sweep.run_trial import run_trial
from lossreg.experiment.sweep.summary import ConfigResult, Summary, score
from lossreg.experiment.sweep.sweep_progress import SweepProgressLines
from lossreg.experiment.sweep.trials import SweepPlan

# Schedules that do what should not happen, in the trials whose seed is 1.
BAD = '''
"""Bad: a schedule that ends badly."""
import os, signal
from lossreg.plugin import hookimpl, schedule

@schedule
def {name}(step: int, *, bad: bool = True):
    if bad and step == 3:
        {act}
    return 1.0

@hookimpl
def lossreg_component():
    return {name}
'''


# To the end


def test_a_sweep_runs_every_trial_once_and_says_what_came_of_them(sweep, tmp_path):
    folder = tmp_path / "runs" / "x"
    out, _ = finish(sweep(SMALL, "--jobs", "2"))
    assert Counter(map(status, trials(folder))) == {"finished": 12}
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["metric"], summary["goal"], summary["counts"]) == ("test_rmse", "min", {"finished": 12})
    assert len(summary["configs"]) == 6
    for config in summary["configs"]:
        scores = [Run(folder / name).final["test_rmse"] for name in config["trials"]]
        first, second = scores
        assert config["mean"] == pytest.approx((first + second) / 2)
        assert config["std"] == pytest.approx(abs(first - second) / 2**0.5)
        assert config["n"] == 2
    means = [config["mean"] for config in summary["configs"]]
    assert means == sorted(means)
    rows = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert [float(row["test_rmse"]) for row in rows] == means
    assert rows[0].keys() == {"loss", "optimizer.lr", "test_rmse", "std", "n"}
    assert "12/12  finished" in out
    assert f"{means[0]:.4g}" in out
    best = lossreg.run(folder / "best.yaml", root=tmp_path / "best")
    assert best.final["test_rmse"] == Run(folder / next(iter(summary["configs"][0]["trials"]))).final["test_rmse"]


@pytest.mark.slow  # 13 s of processor time
def test_running_it_again_runs_only_what_is_missing_or_not_done(sweep, tmp_path):
    folder = tmp_path / "runs" / "x"
    first, _ = finish(sweep(SMALL, "--jobs", "2"))
    missing, failed, interrupted, *rest = trials(folder)
    before = {path: (path / "status.json").read_bytes() for path in rest}
    for path in missing.rglob("*"):
        if path.is_file():
            path.unlink()
    RunDirectory(failed).status("failed", step=0)
    RunDirectory(interrupted).status("interrupted", step=0)
    again, _ = finish(sweep(SMALL))
    assert [line.split()[0] for line in again.splitlines() if "finished  " in line] == ["10/12", "11/12", "12/12"]
    assert {path: (path / "status.json").read_bytes() for path in rest} == before
    assert len(events(interrupted, "resumed")) == 1
    assert first[first.index("\nloss") :] == again[again.index("\nloss") :]
    more, _ = finish(sweep(SMALL, "--set", "sweep.repeats=3"))
    assert sum("finished  " in line for line in more.splitlines()) == 6
    assert len(trials(folder)) == 18


@pytest.mark.slow  # 7 s of processor time
def test_a_sweep_in_python_is_the_same_as_by_command(sweep, tmp_path):
    finish(sweep(SMALL))
    content = Document.read(tmp_path / "x.yaml").content
    summary = lossreg.sweep(content, root=tmp_path / "python", jobs=2)
    assert summary.path == tmp_path / "python" / "run"
    assert_same(summary.path, tmp_path / "runs" / "x")
    assert summary.rows()[0] == {
        **summary.best.values,
        "test_rmse": summary.best.mean,
        "std": summary.best.deviation,
        "n": 2,
    }
    assert summary.counts == {"finished": 12}


@pytest.mark.slow  # 6 s of processor time
def test_configs_of_one_name_in_different_folders_do_not_share_a_sweep(tmp_path):
    content = (
        SMALL.replace("[mse, huber, l1]", "[mse]").replace("[0.1, 0.01]", "[0.1]").replace("repeats: 2", "repeats: 1")
    )
    for folder, samples in (("a", "80"), ("b", "90")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.yaml").write_text(content.replace("80", samples))
    root = tmp_path / "runs"
    first, second = (lossreg.sweep(tmp_path / folder / "x.yaml", root=root) for folder in ("a", "b"))
    assert first.path.name == "x"
    assert re.fullmatch(r"x-[0-9a-f]{6}", second.path.name)
    assert len(trials(first.path)) == len(trials(second.path)) == 1
    (tmp_path / "a").rename(tmp_path / "c")  # its directory goes with it
    again = [lossreg.sweep(tmp_path / folder / "x.yaml", root=root) for folder in ("c", "b")]
    assert [summary.path for summary in again] == [first.path, second.path]
    given = Document.read(tmp_path / "c" / "x.yaml").content
    named = {**given, "data": {**given["data"], "samples": 90}}
    longer = {**given, "sweep": {**given["sweep"], "repeats": 2}}
    paths = [lossreg.sweep(each, root=root).path for each in (given, named, longer)]
    assert paths[0] == paths[2] == root / "run"
    assert paths[1] != paths[0]


@pytest.mark.slow  # 6 s of processor time
def test_a_config_with_a_diverged_trial_is_behind_those_without(sweep, tmp_path):
    text = SMALL.replace("[0.1, 0.01]", "[0.1, 1e30]").replace("[mse, huber, l1]", "[mse, huber]")
    out, _ = finish(sweep(text, "--jobs", "2"))
    folder = tmp_path / "runs" / "x"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["counts"] == {"finished": 6, "diverged": 2}
    assert summary["configs"][-1]["values"] == {"loss": "mse", "optimizer.lr": 1e30}
    assert summary["configs"][-1]["n"] == 0
    assert "6 finished, 2 diverged" in out
    before = {path: (path / "status.json").read_bytes() for path in trials(folder)}
    finish(sweep(text))  # they are a result: nothing is run again
    assert {path: (path / "status.json").read_bytes() for path in trials(folder)} == before


@pytest.mark.slow  # 4 s of processor time
def test_a_terminal_has_a_table_that_gives_way_to_the_summary(tmp_path):
    tmp_path.joinpath("x.yaml").write_text(SMALL)
    text = on_a_terminal(["sweep", "x.yaml", "--runs", "runs", "--jobs", "2"], tmp_path)
    assert "/12 trials" in text
    assert "running" in text
    assert text.rindex("summary") > text.rindex("/12 trials")


@pytest.mark.slow  # 4 s of processor time
def test_the_name_of_a_sweep_stands_for_its_runs(sweep, tmp_path):
    finish(sweep(SMALL))
    listed = subprocess.run(
        [sys.executable, "-m", "lossreg", "compare", "x", "--runs", "runs", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(listed.stdout)["runs"]) == 12
    again = subprocess.run(
        [sys.executable, "-m", "lossreg", "resume", "runs/x"], cwd=tmp_path, capture_output=True, check=False
    )
    assert again.returncode == 2
    message = "lossreg: error: 'runs/x' stands for 12 runs; `lossreg sweep FILE` continues a sweep\n"
    assert again.stderr.decode() == message + "see docs/runs.md#interrupted-runs\n"


# Failures


@pytest.fixture
def install(tmp_path):
    """Install a schedule that ends badly."""

    def add(name, act):
        info = tmp_path / "site" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        info.joinpath("entry_points.txt").write_text(f"[lossreg.schedules]\n{name} = {name}\n")
        module = tmp_path / "site" / f"{name}.py"
        module.write_text(BAD.format(name=name, act=act))
        return module

    return add


def bad(name):
    """A sweep of four trials, of which two end badly."""
    head = SMALL.partition("sweep:")[0]
    return f"{head}loss: mse\nschedule: {name}\nsweep: {{grid: {{schedule.bad: [true, false]}}, repeats: 2}}\n"


@pytest.mark.slow  # 8 s of processor time
def test_a_trial_that_fails_keeps_its_traceback_and_the_rest_go_on(sweep, install, tmp_path):
    module = install("explode", "print('on the way', flush=True); raise RuntimeError('boom')")
    out, err = finish(sweep(bad("explode"), "--jobs", "2"), code=1)
    folder = tmp_path / "runs" / "x"
    assert err == "lossreg: error: 2 of 4 trials failed; log.txt has the reason for each\n"
    assert out.count("RuntimeError: boom") == 2
    assert Counter(map(status, trials(folder))) == {"finished": 2, "failed": 2}
    for path in trials(folder):
        log = (path / "log.txt").read_text()
        assert (status(path) == "failed") == ("explode.py" in log and "RuntimeError: boom" in log)
        assert (status(path) == "failed") == ("on the way" in log)
    module.write_text(module.read_text().replace("step == 3", "step == 99"))  # what the author does next
    again, _ = finish(sweep(bad("explode"), "--jobs", "2"))
    assert Counter(map(status, trials(folder))) == {"finished": 4}
    assert sum("finished  " in line for line in again.splitlines()) == 2
    assert again.startswith(
        "2 finished trials would now give other results; delete them with lossreg rm to run them again\nfor example "
    )
    assert "schedule explode: its source has changed" in again


def test_a_trial_that_fails_before_its_first_step_has_a_directory_too(tmp_path):
    path = tmp_path / "x" / "trial"
    content = {
        "data": {"name": "csv", "path": "none.csv", "target": "y"},
        "model": "linear",
        "optimizer": "sgd",
        "loss": "mse",
    }
    assert run_trial(str(path), "x", content, str(tmp_path)) == "failed"
    assert "none.csv" in Run(path).state["error"]
    assert "Traceback" in (path / "log.txt").read_text()


@pytest.mark.slow  # 9 s of processor time
def test_a_trial_that_takes_its_process_with_it_fails_after_three_and_the_rest_go_on(sweep, install, tmp_path):
    install("vanish", "os.kill(os.getpid(), signal.SIGKILL)")
    out, _ = finish(sweep(bad("vanish"), "--jobs", "2"), code=1)
    folder = tmp_path / "runs" / "x"
    assert Counter(map(status, trials(folder))) == {"finished": 2, "failed": 2}
    assert out.count("its process ended by SIGKILL") == 2
    for path in trials(folder):
        begun = len(events(path, "started")) + len(events(path, "resumed"))
        assert begun == (3 if status(path) == "failed" else 1)


@pytest.mark.slow  # 3 s of processor time
def test_a_trial_whose_process_ends_at_import_fails_with_the_reason_and_the_rest_go_on(sweep, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    first_three = (
        "import os, sys, glob\n"
        "if 'lossreg.experiment.sweep.worker' in sys.orig_argv:\n"
        f"    mark = {str(tmp_path)!r} + '/started-'\n"
        "    number = len(glob.glob(mark + '*'))\n"
        "    open(mark + str(number), 'w').close()\n"
        "    number < 3 and os.write(2, b'GLIBC is too old\\n') and os._exit(7)\n"
    )
    site.joinpath("sitecustomize.py").write_text(first_three)
    out, err = finish(sweep(SMALL.replace("[mse, huber, l1]", "[mse]")), code=1)
    folder = tmp_path / "runs" / "x"
    assert Counter(map(status, trials(folder))) == {"finished": 3, "failed": 1}
    reason = "EOFError: its process ended with code 7: GLIBC is too old"
    assert reason in out
    (failed,) = (path for path in trials(folder) if status(path) == "failed")
    assert reason in (failed / "log.txt").read_text()
    assert "1 of 4 trials failed" in err


# Kill


@pytest.mark.slow  # 12 s of processor time
def test_two_workers_and_then_the_sweep_are_killed_and_nothing_is_lost_or_run_twice(sweep, whole, tmp_path):
    folder = tmp_path / "runs" / "x"
    process = sweep(LONG, "--jobs", "2")
    kill(folder, 2)
    until(lambda: any(status(path) == "finished" for path in trials(folder)) and at_work(folder))
    before = {path: (path / "status.json").read_bytes() for path in trials(folder) if status(path) == "finished"}
    orphans = workers(process)
    assert len(orphans) == 2
    process.kill()
    process.communicate()
    until(lambda: not any(map(alive, orphans)))
    finish(sweep(LONG, "--jobs", "2"))
    assert_same(folder, whole)
    assert {path: (path / "status.json").read_bytes() for path in before} == before
    assert sum(
        not line.startswith("resumed after step 0") for path in trials(folder) for line in events(path, "resumed")
    )


@pytest.mark.slow  # 9 s of processor time
def test_two_sweeps_at_once_share_the_trials(sweep, whole, tmp_path):
    both = [sweep(LONG, "--jobs", "2"), sweep(LONG, "--jobs", "2")]
    tables = [out[out.index("\nloss") :] for out, _ in map(finish, both)]
    assert tables[0] == tables[1]
    folder = tmp_path / "runs" / "x"
    assert_same(folder, whole)
    assert all(len(events(path, "started")) == 1 and not events(path, "resumed") for path in trials(folder))


@pytest.mark.slow  # 15 s of processor time
def test_ctrl_c_lets_steps_finish_and_the_same_command_goes_on(sweep, whole, tmp_path):
    folder = tmp_path / "runs" / "x"
    process = sweep(LONG, "--jobs", "2")
    until(lambda: len(at_work(folder)) == 2)
    process.send_signal(signal.SIGINT)
    out, err = finish(process, code=130)
    assert err == "lossreg: error: interrupted\n"
    assert "of 6 trials done; the same command continues the sweep" in out
    assert not {status(path) for path in trials(folder)} - {"finished", "interrupted"}
    assert "interrupted" in map(status, trials(folder))
    finish(sweep(LONG, "--jobs", "2"))
    assert_same(folder, whole)


# The cache of compiled code


@pytest.mark.slow  # 13 s of processor time
def test_trials_that_start_together_on_a_cold_cache_compile_everything_once(sweep, tmp_path):
    text = SMALL.replace("repeats: 2", "repeats: 1")
    cache = tmp_path / "cache"

    def compiled():
        return {path.relative_to(cache): path.stat().st_mtime_ns for path in cache.rglob("*.nbc")}

    finish(sweep(text, "--jobs", "4", NUMBA_CACHE_DIR=str(cache)))
    code = compiled()
    # numba numbers what it saves of one loop: a loop that two processes had compiled would be there twice.
    assert len(code) == len({path.name for path in code}) > 5
    finish(sweep(text, "--jobs", "4", root="again", NUMBA_CACHE_DIR=str(cache)))
    assert compiled() == code
    assert_same(tmp_path / "runs" / "x", tmp_path / "again" / "x")


# What others have written


def test_results_show_themselves_in_notebooks(tmp_path):
    content = {**yaml.safe_load(SMALL), "sweep": {"grid": {"loss": ["mse", "l1"]}, "metric": "test_rmse"}}
    summary = lossreg.sweep(content, root=tmp_path / "<i>")
    single = {key: value for key, value in content.items() if key != "sweep"} | {"loss": "mse"}
    for shown, texts in (
        (summary._repr_html_(), ["<th>test_rmse</th>", "loss mse", "loss l1", f"{summary.best.mean:.4g}"]),
        (lossreg.run(single, root=tmp_path)._repr_html_(), ["<th>test</th>", "<b>rmse</b>", "aria-label"]),
    ):
        assert all(text in shown for text in texts)
        assert "<i>" not in shown
        tree = ET.fromstring(f"<div>{shown.replace('<br>', '')}</div>")  # noqa: S314  made above
        points = [line.get("points").split() for line in tree.iter("polyline")]
        assert len(points) >= 2
        assert all(len(line) == 3 for line in points)  # one for each epoch


@pytest.mark.slow  # 4 s of processor time
def test_watch_follows_a_sweep_until_nothing_is_running(sweep, tmp_path):
    begun = sweep(LONG)
    folder = tmp_path / "runs" / "x"
    until(lambda: at_work(folder))
    command = [sys.executable, "-m", "lossreg", "watch", "--runs", "runs"]
    first, header, row, *_ = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert first.startswith("x: 1 running") or ", 1 running" in first
    assert header.split()[:4] == ["run", "status", "done", "test_loss"]
    assert re.match(r"x/\w+-\w+ +running +[0-9]+% +[0-9.]+", row)
    begun.send_signal(signal.SIGINT)
    finish(begun, code=130)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert done.endswith("nothing is running\n")
    assert re.search("interrupted|finished", done)  # the trial that was at work may have been at its last step


def test_cells_of_the_summary_are_no_formulas(tmp_path):
    values = {"data.target": "=1+1", "@key\x1b[2J": "a\x1b[2Jb", "optimizer.lr": -0.5}
    Summary(tmp_path, "test_loss", "min", [ConfigResult(values, [], [])], {}).write_files()
    header, row = csv.reader((tmp_path / "summary.csv").read_text().splitlines())
    assert header[:3] == ["data.target", "'@key\\x1b[2J", "optimizer.lr"]
    assert row[:3] == ["'=1+1", "a\\x1b[2Jb", "-0.5"]


@pytest.mark.parametrize("damaged", [{}, {"validation_loss": "x"}, {"validation_loss": [1]}, {"validation_loss": True}])
def test_a_record_without_the_loss_that_decides_is_not_the_best(tmp_path, damaged):
    tmp_path.joinpath("status.json").write_text('{"status": "finished"}')
    tmp_path.joinpath("config.yaml").write_text("train: {restore_best: true}")
    records = [{**damaged, "test_loss": 1.0}, {"validation_loss": 0.1, "test_loss": 2.0}]
    records.append({"validation_loss": 0.2, "test_loss": 3.0})
    tmp_path.joinpath("metrics.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    assert score(Run(tmp_path), "test_loss") == 2.0


def test_proposals_are_read_from_regular_files_only(tmp_path):
    proposals = {"a": '{"number": 0, "values": {}}', "b": "[" * 60_000, "c": f'{{"number": 1, "values": 1{"0" * 400}}}'}
    for name, content in proposals.items():
        marked_directories.create(tmp_path / name, "run")
        (tmp_path / name / "proposal.json").write_text(content)
    marked_directories.create(tmp_path / "d", "run")
    os.mkfifo(tmp_path / "d" / "proposal.json")
    tmp_path.joinpath("elsewhere.json").write_text('{"number": 2, "values": {}}')
    marked_directories.create(tmp_path / "e", "run")
    (tmp_path / "e" / "proposal.json").symlink_to("../elsewhere.json")
    plan = SimpleNamespace(sweep=SimpleNamespace(draw=()))
    assert OptunaTrials.earlier_proposals(SimpleNamespace(path=tmp_path, plan=plan)) == {0: {}}


def test_a_sweep_says_which_trial_another_process_may_be_running(tmp_path):
    class Waiting(SweepProgressLines):
        calls = 0

        def waiting(self, path, busy):
            super().waiting(path, busy)
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt

    config = {**Document.from_text(SMALL, "x").content, "loss": "mse", "sweep": {"grid": {"seed": [1]}}}
    plan = SweepPlan.read(config)
    folder = tmp_path / plan.name / plan.trials()[0].id
    marked_directories.ensure(folder.parent, "sweep")
    marked_directories.create(folder, "run")
    folder.joinpath(".lock.owner").write_text('{"pid": 1, "host": "elsewhere"}')
    output = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        run_sweep.sweep(config, tmp_path, Waiting(output))
    (line,) = [line for line in output.getvalue().splitlines() if line.startswith("waiting")]
    assert line == (
        f"waiting for {folder}, which another process has locked; if no process is at work there, "
        f"delete {folder / '.lock.owner'}"
    )


def test_a_trial_whose_directory_is_a_link_is_not_read(tmp_path):
    config = {**Document.from_text(SMALL, "x").content, "loss": "mse", "sweep": {"grid": {"seed": [1]}}}
    plan = SweepPlan.read(config)
    tmp_path.joinpath("elsewhere").mkdir()
    tmp_path.joinpath("elsewhere", "status.json").write_text('{"status": "finished"}')
    folder = tmp_path / "runs" / plan.name / plan.trials()[0].id
    marked_directories.ensure(folder.parent, "sweep")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError, match=f"{folder.name}: is a link, and not a directory that lossreg made"):
        lossreg.sweep(config, root=tmp_path / "runs")
    assert [path.name for path in tmp_path.joinpath("elsewhere").iterdir()] == ["status.json"]


@pytest.mark.slow
def test_trials_of_data_that_have_changed_are_named(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{number / 7:.3f},{'yes' if number % 3 else 'no'}" for number in range(40)]
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    config = {
        "data": {"name": "csv", "path": str(path), "target": "y"},
        "model": "linear",
        "optimizer": "adam",
        "loss": "cross_entropy",
        "train": {"epochs": 1},
        "sweep": {"grid": {"optimizer.lr": [0.1, 0.01]}, "metric": "train_loss"},
    }
    lossreg.sweep(config, root=tmp_path)
    path.write_text("\n".join(["x,y", *reversed(rows)]) + "\n")
    output = io.StringIO()
    run_sweep.sweep(config, tmp_path, SweepProgressLines(output))
    assert "2 finished trials would now give other results" in output.getvalue()
    assert "the data have changed" in output.getvalue()
