"""Runs to report on, and a browser to look at the report with."""

import json

import pytest
from chromium import Chromium
from many_runs import make_runs

import lossreg
from lossreg.experiment.report.html_page import page
from lossreg.experiment.storage.runs import runs_in

DIGITS = {"name": "digits", "standardise": True}
DIABETES = {"name": "diabetes", "standardise": True}


@pytest.fixture(scope="session")
def browser():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Reports of twenty runs of three losses, of two, of one, of runs that ended badly, and of a sweep of 200 runs."""
    root = tmp_path_factory.mktemp("reports")

    def run(where, loss, *, data=DIGITS, optimizer=("adam", 0.01), **train):
        name, lr = optimizer
        config = {"data": data, "model": "mlp", "optimizer": {"name": name, "lr": lr}, "loss": loss, "train": train}
        return lossreg.run(config, root=root / where).path

    for lr in (0.03, 0.01, 0.003, 0.001, 0.0003):
        for loss in (
            "cross_entropy",
            {"name": "cross_entropy", "label_smoothing": 0.1},
            "multi_margin",
            {"name": "multi_margin", "p": 2},
        ):
            run("twenty", loss, optimizer=("adam", lr), epochs=8, batch_size=64)
    for delta in (0.5, 5.0):
        run("two", {"name": "huber", "delta": delta}, data=DIABETES, epochs=30)
    run("one", "mse", data=DIABETES, epochs=30)
    run("bad", "mse", data=DIABETES, epochs=5)
    diverged = run("bad", "mse", data=DIABETES, epochs=5)
    diverged.joinpath("status.json").write_text('{"status": "diverged"}')
    records = [json.loads(line) for line in diverged.joinpath("metrics.jsonl").read_text().splitlines()]
    last = {"train_loss": "inf", "test_loss": "nan", "test_r2": "-inf"}
    lines = [json.dumps(record | (last if record["epoch"] > 3 else {})) + "\n" for record in records]
    diverged.joinpath("metrics.jsonl").write_text("".join(lines))
    failed = run("bad", "huber", data=DIABETES, epochs=5)
    state = {"status": "failed", "error": "ValueError: </script><script>console.log('no')</script><img src=x>"}
    failed.joinpath("status.json").write_text(json.dumps(state))
    killed = run("bad", "huber", data=DIABETES, epochs=5)
    killed.joinpath("status.json").write_text('{"status": "running", "pid": 0}')
    killed.joinpath("predictions.safetensors").unlink()
    killed.joinpath("metrics.jsonl").write_bytes(killed.joinpath("metrics.jsonl").read_bytes()[:-60])
    (root / "bad" / "20260102T030405.000006Z-empty-abcdef").mkdir()
    make_runs(root / "many", 200)
    found = {}
    for name in ("twenty", "two", "one", "bad", "many"):
        found[name] = root / f"{name}.html"
        found[name].write_text(page(runs_in(root / name)), "utf-8")
    return found
