"""A sweep on Dask, whose workers are really killed: the same bytes as by processes of lossreg's own."""

import json
import signal
import subprocess
import sys

import pytest
from sweeping import LONG, SMALL, WIDE, assert_same, at_work, events, finish, kill, status, trials, until


def test_two_workers_of_a_local_cluster_are_killed_and_nothing_is_lost_or_run_twice(sweep, whole, tmp_path):
    folder = tmp_path / "runs" / "x"
    process = sweep(LONG, "--jobs", "2", "--engine", "dask")
    kill(folder, 2)
    finish(process)
    assert_same(folder, whole)
    assert sum(len(events(path, "resumed")) for path in trials(folder)) >= 2


def test_a_cluster_at_an_address_is_used_and_left_alone(sweep, whole, tmp_path):
    file = tmp_path / "scheduler.json"
    module, options = [sys.executable, "-m"], ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = subprocess.Popen([*module, "distributed.cli.dask_scheduler", "--port", "0", *options], cwd=tmp_path)
    until(file.exists)
    command = [*module, "distributed.cli.dask_worker", "--nthreads", "1", "--nworkers", "2", *options]
    cluster = subprocess.Popen(command, cwd=tmp_path)
    try:
        address = json.loads(file.read_text())["address"]
        process = sweep(LONG, "--engine", "dask", "--address", address)
        kill(tmp_path / "runs" / "x", 1)
        finish(process)
        assert_same(tmp_path / "runs" / "x", whole)
        finish(sweep(SMALL, "--engine", "dask", "--address", address, root="other"))
        assert {status(path) for path in trials(tmp_path / "other" / "x")} == {"finished"}
        assert scheduler.poll() is None
        assert cluster.poll() is None
    finally:
        for each in (cluster, scheduler):
            each.terminate()
            each.wait(60)


def test_ctrl_c_ends_a_local_cluster_and_the_same_command_goes_on(sweep, whole, tmp_path):
    folder = tmp_path / "runs" / "x"
    process = sweep(LONG, "--jobs", "2", "--engine", "dask")
    until(lambda: at_work(folder))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "of 6 trials done; the same command continues the sweep" in out
    finish(sweep(LONG, "--jobs", "2", "--engine", "dask"))
    assert_same(folder, whole)


def test_the_bytes_of_wide_layers_are_those_of_a_local_sweep(sweep, tmp_path):
    finish(sweep(WIDE, "--jobs", "1", root="local"))
    finish(sweep(WIDE, "--jobs", "2", "--engine", "dask", root="dask"))
    assert_same(tmp_path / "dask" / "x", tmp_path / "local" / "x")


@pytest.mark.parametrize("address", ["garbage", "http://", "", "tcp://", "inproc://x", "ucx://a:1"])
def test_what_is_no_address_of_a_scheduler_is_a_mistake_of_the_command(sweep, address):
    _, err = finish(sweep(SMALL, "--engine", "dask", "--address", address), 2)
    assert "expected the address of a Dask scheduler, such as tcp://192.0.2.1:8786" in err
    assert repr(address) in err
