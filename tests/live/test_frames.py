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


def test_a_frame_without_its_config_is_refused(tmp_path):
    for data, message in (("iris", "iris loads its rows itself"), (CONFIG["data"] | {"target": "z"}, "no column 'z'")):
        with pytest.raises(InvalidConfig, match=message):
            lossreg.run(CONFIG | {"data": data}, root=tmp_path, data=columns())
    with pytest.raises(InvalidConfig, match="expected a table of named columns of equal length"):
        lossreg.run(CONFIG, root=tmp_path, data=3)
