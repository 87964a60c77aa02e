"""The number of threads of BLAS: runs set it, so that their bytes do not depend on the environment."""

import json
import subprocess
import sys
import threading

import pytest
import yaml
from sweeping import WIDE, assert_same, finish
from threadpoolctl import threadpool_info, threadpool_limits

import lossreg
from lossreg.errors import InvalidParameter, NotResumable
from lossreg.experiment.blas import blas_libraries, blas_threads

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "LOSSREG_NUM_THREADS")
RUN = {key: value for key, value in yaml.safe_load(WIDE).items() if key != "sweep"} | {"loss": "cross_entropy"}


def threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.mark.slow  # 6 s of processor time
@pytest.mark.parametrize("chosen", [1, 2])
def test_a_run_has_the_same_bytes_whatever_the_number_of_threads_in_the_environment(tmp_path, monkeypatch, chosen):
    code = "import lossreg, json, sys; print(lossreg.run(json.loads(sys.argv[1])).path)"
    config = {**RUN, "train": {**RUN["train"], "threads": chosen}}
    monkeypatch.setenv("LOSSREG_RUNS", str(tmp_path))
    found = []
    for number in ("1", "2", "4"):
        for name in VARIABLES:
            monkeypatch.setenv(name, number)
        command = [sys.executable, "-c", code, json.dumps(config)]
        path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        files = ("metrics.jsonl", "weights.safetensors", "predictions.safetensors", "data.json")
        found.append([(tmp_path / path / name).read_bytes() for name in files])
    assert found[0] == found[1] == found[2]


@pytest.mark.slow  # 9 s of processor time
def test_trials_have_the_same_bytes_for_any_number_of_jobs(sweep, tmp_path):
    for jobs in ("1", "2"):
        finish(sweep(WIDE, "--jobs", jobs, root=jobs))
    assert_same(tmp_path / "2" / "x", tmp_path / "1" / "x")


@pytest.mark.slow  # 5 s of processor time
def test_a_resumed_run_uses_the_recorded_number_of_threads(tmp_path):
    path = lossreg.run({**RUN, "train": {**RUN["train"], "threads": 2}}, root=tmp_path).path
    assert json.loads((path / "environment.json").read_text())["blas"] == blas_libraries() != []
    text = (path / "config.yaml").read_text()
    assert "threads: 2" in text
    (path / "config.yaml").write_text(text.replace("threads: 2", "threads: 1"))
    with pytest.raises(NotResumable, match=r"train\.threads was 2, is 1"):
        lossreg.resume(path)


@pytest.mark.slow
def test_a_run_uses_its_number_of_threads_and_leaves_the_setting_as_it_was(tmp_path):
    seen = []

    class Watching(lossreg.Progress):
        def epoch(self, _):
            seen.append(threads())

    with threadpool_limits(2, user_api="blas"):
        lossreg.run({**RUN, "train": {"epochs": 1}}, root=tmp_path, progress=Watching())
        assert threads() == {2}
    assert seen == [{1}]


def test_blocks_are_nested_and_shared_by_threads_with_one_number():
    with threadpool_limits(2, user_api="blas"):
        entered, leave = threading.Event(), threading.Event()

        def hold():
            with blas_threads(1), blas_threads(1):
                entered.set()
                leave.wait()

        other = threading.Thread(target=hold)
        other.start()
        entered.wait()
        with blas_threads(1):
            leave.set()
            other.join()
            assert threads() == {1}
            with pytest.raises(InvalidParameter, match=r"train\.threads: expected 1, .* got 2"), blas_threads(2):
                pass
            assert threads() == {1}
        assert threads() == {2}
