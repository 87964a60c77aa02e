"""Columns of many words: by a hash, or by the mean target of each word over the training rows."""

import numpy as np
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.experiment.config.run_config import load
from lossreg.experiment.data.column import BUCKETS
from lossreg.experiment.data.target_means import FOLDS, SMOOTHING
from lossreg.experiment.training.prepare import prepare

ROWS = 600


def config(tmp_path, kind, rows=ROWS, signal=True, **changes):
    draw = np.random.default_rng(0)
    city = draw.integers(0, 400 if signal else rows, rows)
    effect = draw.normal(size=rows)[city % rows] if signal else np.zeros(rows)
    target = effect + 0.1 * draw.normal(size=rows)
    lines = [f"city {place},{draw.normal():.3f},{y:.4f}" for place, y in zip(city, target, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["city,size,y", *lines]) + "\n")
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "kinds": {"city": kind}, "validation": 0.2}
    return {"data": data, "model": "linear", "optimizer": {"name": "adam", "lr": 0.05}, "loss": "mse"} | changes


def test_too_many_words_point_to_both_kinds(tmp_path):
    with pytest.raises(InvalidConfig, match=r"kinds: \{city: hash\} or \{city: target_mean\} takes any number"):
        load_and_prepare(config(tmp_path, "category"))


def load_and_prepare(content):
    return prepare(load(content))


def test_means_come_from_training_rows_only_and_a_training_row_does_not_see_its_own_target(tmp_path):
    content = config(tmp_path, "target_mean")
    prepared = load_and_prepare(content)
    words = [line.split(",")[0] for line in (tmp_path / "t.csv").read_text().splitlines()[1:]]
    targets = np.array([float(line.split(",")[2]) for line in (tmp_path / "t.csv").read_text().splitlines()[1:]])
    inputs, train = prepared.train.inputs.table[:, 0], prepared.train.inputs.flat_index

    def mean_of(word, rows):
        own = [targets[row] for row in rows if words[row] == word]
        overall = targets[rows].mean()
        return (sum(own) + SMOOTHING * overall) / (len(own) + SMOOTHING)

    for name in ("validation", "test"):
        for row in prepared.splits[name].inputs.flat_index:
            assert inputs[row] == pytest.approx(mean_of(words[row], train), abs=1e-6)
    fold = np.arange(len(train)) % FOLDS
    for at, row in enumerate(train[:100]):
        assert inputs[row] == pytest.approx(mean_of(words[row], train[fold != fold[at]]), abs=1e-6)
    # Other targets of the validation and test rows change nothing; another one of a training row leaves its own cell.
    lines = (tmp_path / "t.csv").read_text().splitlines()
    for row in prepared.splits["test"].inputs.flat_index:
        lines[row + 1] = lines[row + 1].rpartition(",")[0] + ",99"
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    again = load_and_prepare(content).train.inputs.table[:, 0]
    assert np.array_equal(again, inputs)


def test_noise_is_not_learned_through_the_means(tmp_path):
    """Each word occurs once, so that a mean with the row's own target would explain the training rows."""
    result = lossreg.run(config(tmp_path, "target_mean", signal=False), root=tmp_path / "runs")
    assert result.final["train_r2"] < 0.05


@pytest.mark.parametrize(("kind", "features"), [("hash", len(BUCKETS) + 1), ("target_mean", 2)])
def test_a_model_predicts_words_that_it_has_not_seen(tmp_path, kind, features):
    result = lossreg.run(config(tmp_path, kind), root=tmp_path / "runs")
    model = result.model
    assert len(model.features) == features
    rows = {"city": ["city 1", "Atlantis", "Atlantis"], "size": [0.0, 0.0, 0.0]}
    found = model.predict(rows)
    assert np.isfinite(found).all()
    assert found[1] == found[2]
    if kind == "target_mean":
        assert model.notes[0].endswith("not trained on (Atlantis), which get the mean of all targets")
    assert np.array_equal(lossreg.load(result.path).predict(rows), found)


def test_the_mean_of_a_target_needs_one_target_of_numbers_or_two_classes(tmp_path):
    content = config(tmp_path, "target_mean", loss="cross_entropy")
    content["data"] |= {"task": "classification", "target": "size"}
    with pytest.raises(InvalidConfig, match="target_mean needs a single target, of numbers or two classes"):
        load_and_prepare(content)
