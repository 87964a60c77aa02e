"""Data frames of pandas and polars straight to a run: trained on, resumed with the same rows only, and predicted."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.errors import NotResumable

CONFIG = {
    "data": {"name": "frame", "target": "y", "on_missing": "mean", "standardise": True},
    "model": "linear",
    "optimizer": "adam",
    "loss": "cross_entropy",
    "train": {"epochs": 4},
}


def columns(rows=80):
    draw = np.random.default_rng(0)
    size = draw.normal(size=rows)
    return {
        "size": [None if row == 3 else value for row, value in enumerate(size.tolist())],
        "city": draw.choice(["Oslo", "Rome", "Bern"], rows).tolist(),
        "y": np.where(size > 0, 7, 3).tolist(),
    }


class Stops(lossreg.Progress):
    def epoch(self, record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt


def as_shuffled_pandas(content):
    return pd.DataFrame(content, index=[f"row {number}" for number in range(len(content["y"]))])


def test_frames_of_any_library_are_the_same_run(tmp_path):
    content = columns()
    config = CONFIG | {"data": {**CONFIG["data"], "task": "classification"}}
    results = [
        lossreg.run(config, root=tmp_path, data=frame)
        for frame in (content, as_shuffled_pandas(content), pl.DataFrame(content), pl.DataFrame(content).to_arrow())
    ]
    files = [(each.path / "weights.safetensors").read_bytes() for each in results]
    assert files == files[:1] * 4
    model = results[0].model
    assert model.encoding.kinds == {"size": "number", "city": "category"}
    assert model.predict(as_shuffled_pandas(content)).tolist() == model.predict(pl.DataFrame(content)).tolist()
    assert {*model.predict(content).tolist()} == {3, 7}
    assert {*results[2].path.iterdir()}


def test_a_run_is_resumed_with_the_same_frame_only(tmp_path):
    content = columns()
    config = CONFIG | {"loss": "mse"}
    once = lossreg.run(config, root=tmp_path / "runs", data=pl.DataFrame(content))
    with pytest.raises(KeyboardInterrupt):
        lossreg.run(config, root=tmp_path / "stopped", data=pl.DataFrame(content), progress=Stops())
    (path,) = (tmp_path / "stopped").iterdir()
    with pytest.raises(InvalidConfig, match=r"given in Python: lossreg.run\(config, data=frame\)"):
        lossreg.resume(path)
    other = {**content, "size": [*content["size"][:-1], 0.5]}
    with pytest.raises(NotResumable, match="the data have changed since the run began"):
        lossreg.resume(path, data=pl.DataFrame(other))
    again = lossreg.resume(path, data=as_shuffled_pandas(content))
    assert (again.path / "weights.safetensors").read_bytes() == (once.path / "weights.safetensors").read_bytes()


@pytest.mark.slow
def test_a_sweep_over_a_frame_is_that_of_its_runs_and_its_trials_are_resumed_and_predict(tmp_path):
    content = columns()
    swept = {"grid": {"loss": ["cross_entropy", "focal_cross_entropy"]}, "metric": "test_accuracy"}
    config = CONFIG | {"data": {**CONFIG["data"], "task": "classification"}, "sweep": swept}
    del config["loss"]
    summary = lossreg.sweep(config, root=tmp_path, data=pl.DataFrame(content), jobs=2)
    assert summary.counts == {"finished": 2}
    once = lossreg.run(CONFIG | {"data": config["data"]}, root=tmp_path / "once", data=content)
    (same,) = (path for path in summary.path.glob("*cross_entropy*") if "focal" not in path.name)
    assert (same / "weights.safetensors").read_bytes() == (once.path / "weights.safetensors").read_bytes()
    assert not [*summary.path.glob(".tables")]
    assert lossreg.load(same).predict(content).tolist() == once.model.predict(content).tolist()
    longer = lossreg.resume(same, changes=["train.epochs=6"], data=as_shuffled_pandas(content))
    assert [record["epoch"] for record in longer.metrics] == [*range(1, 7)]
    other = pl.DataFrame({**content, "size": [*content["size"][:-1], 0.5]})
    changed = lossreg.sweep(config, root=tmp_path, data=other)
    assert changed.path == summary.path
    with pytest.raises(InvalidConfig, match=r"given in Python: lossreg.run\(config, data=frame\), as well as"):
        lossreg.sweep(config, root=tmp_path / "more")


def test_a_frame_without_its_config_is_refused(tmp_path):
    for data, message in (("iris", "iris loads its rows itself"), (CONFIG["data"] | {"target": "z"}, "no column 'z'")):
        with pytest.raises(InvalidConfig, match=message):
            lossreg.run(CONFIG | {"data": data}, root=tmp_path, data=columns())
    with pytest.raises(InvalidConfig, match="expected a table of named columns of equal length"):
        lossreg.run(CONFIG, root=tmp_path, data=3)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.to_timedelta(np.arange(80), unit="h"), "its cells are of the type duration.*, which is not usable"),
        ([1, "a", None, 2.5] * 20, "Conversion failed for column odd with type object, which is not usable: .*'a'"),
        ([10**30] * 80, "a column has integers of more than 64 bits"),
        ([[1, 2]] * 80, "column 'odd': its cells are of the type list"),
        (np.ones(80) + 1j, "Conversion failed for column odd with type complex128"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path, column, message):
    frame = pd.DataFrame(columns()).assign(odd=column)
    with pytest.raises(InvalidConfig, match=message):
        lossreg.run(CONFIG, root=tmp_path, data=frame)


def test_columns_of_one_name_are_refused_and_moments_have_time_zones(tmp_path):
    content = columns()
    twice = pd.DataFrame(np.ones((80, 2)), columns=["a", "a"]).assign(y=content["y"])
    with pytest.raises(InvalidConfig, match="two columns have the same name: 'a'"):
        lossreg.run(CONFIG, root=tmp_path, data=twice)
    times = pd.date_range("2026-01-01T12:00", periods=80, tz="Europe/Berlin")
    config = CONFIG | {
        "data": {**CONFIG["data"], "kinds": {"t": "date"}, "standardise": False, "task": "classification"}
    }
    model = lossreg.run(config, root=tmp_path, data=pd.DataFrame(content).assign(t=times)).model
    row = {"size": [0.1], "city": ["Oslo"], "t": ["2026-01-01T12:00:00+01:00"]}
    inputs, _ = model.encoding.inputs(row)
    assert inputs[0, model.features.index("t")] == np.float32(20454 + 11 / 24)
