"""Tables of data that the trials of a sweep share."""

import numpy as np
import pytest

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.experiment.data.fingerprint import fingerprint
from lossreg.experiment.training import tables

COUNTING = """
from lossreg.plugin import Table, data, hookimpl


@data
def counting(*, log: str = "", rows: int = 60_000):
    import numpy as np

    with open(log, "a") as file:
        file.write("loaded ")
    draw = np.random.default_rng(0)
    words = ("red", "green")
    inputs = draw.normal(size=(rows, 10))
    return Table(inputs, inputs[:, :1], kinds={"x0": "number"}, categories={"x1": words}, notes=("a note",))


@hookimpl
def lossreg_component():
    return counting
"""


def config(folder, **more):
    plugin = folder / "counting.py"
    plugin.write_text(COUNTING)
    return {
        "data": {"name": str(plugin), "log": str(folder / "log"), "standardise": True},
        "model": "linear",
        "optimizer": {"name": "sgd", "lr": 0.01},
        "loss": "mse",
        "train": {"steps": 3, "batch_size": 100},
        **more,
    }


@pytest.mark.slow
def test_a_large_table_is_loaded_once_for_all_trials_which_are_what_runs_are(tmp_path):
    swept = config(tmp_path, sweep={"grid": {"loss": ["mse", "l1"]}, "metric": "train_r2"})
    summary = lossreg.sweep(swept, root=tmp_path / "runs")
    assert (tmp_path / "log").read_text() == "loaded "
    assert summary.counts == {"finished": 2}
    assert not (summary.path / tables.FOLDER).exists()
    trial = summary.configs[0].trials[0]
    alone = lossreg.run({**config(tmp_path), "loss": trial.values["loss"]}, root=tmp_path / "alone")
    for name in ("weights.safetensors", "metrics.jsonl", "predictions.safetensors", "data.json"):
        assert (summary.path / trial.id / name).read_bytes() == (alone.path / name).read_bytes(), name


def test_a_written_table_is_the_table_and_a_small_one_is_not_written(tmp_path):
    others = {"model": "linear", "optimizer": "sgd", "loss": "mse"}
    large, small = (
        load({"data": {"name": "random", "samples": rows, "features": 20}, **others}) for rows in (30_000, 9)
    )
    loaded = tables.Tables()
    before, _ = loaded.get(large), loaded.get(small)
    loaded.write(tmp_path / "tables")
    assert len(list((tmp_path / "tables").glob("*.json"))) == 1
    after = tables.Tables(tmp_path / "tables").get(large)
    assert after.inputs.base is not None  # it is mapped
    for name in (*tables.TEXTS, "kinds", "categories", "impute_missing"):
        assert getattr(after, name) == getattr(before, name), name
    assert np.array_equal(after.inputs, before.inputs)
    assert after.fingerprint == fingerprint(before)
