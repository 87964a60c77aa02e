"""How rows are split: by a column, by group, by time, into folds, and by files of their own."""

import numpy as np
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.experiment.config.run_config import load
from lossreg.experiment.data.split import split_table
from lossreg.experiment.sweep.trials import SweepPlan
from lossreg.experiment.training.prepare import prepare
from lossreg.experiment.training.tables import Tables

ROWS = 60


def write(path, rows=range(ROWS)):
    """Rows of patients with two visits each, half of them ill, in a file."""
    parts = ("train", "train", "train", "Test", "validation ")
    lines = [
        f"{row},p{row // 2},2026-01-{row // 2 % 28 + 1:02d},{parts[row // 2 % 5]},{'ill' if row % 4 < 2 else 'well'}"
        for row in rows
    ]
    path.write_text("\n".join(["a,patient,day,part,y", *lines]) + "\n")
    return str(path)


def config(path, **settings):
    exclude = [name for name in ("patient", "day", "part") if name not in settings.values()]
    data = {"name": "csv", "path": path, "target": "y", "exclude": exclude, **settings}
    return {"data": data, "model": "linear", "optimizer": "sgd", "loss": "cross_entropy", "train": {"epochs": 1}}


def split_of(content):
    loaded = load(content)
    table = Tables().get(loaded)
    assert table.features == ("a",)
    return split_table(table, loaded.data.settings, np.random.default_rng(0))


def test_a_column_says_which_rows_are_for_what(tmp_path):
    parts = split_of(config(write(tmp_path / "t.csv"), split_column="part"))
    assert parts["test"].tolist() == [row for row in range(ROWS) if row // 2 % 5 == 3]
    assert parts["validation"].tolist() == [row for row in range(ROWS) if row // 2 % 5 == 4]
    assert len(parts["train"]) == 36


def test_rows_of_one_group_stay_together(tmp_path):
    parts = split_of(config(write(tmp_path / "t.csv"), split_group="patient", validation=0.2))
    of_part = {name: {row // 2 for row in rows} for name, rows in parts.items()}
    assert not of_part["train"] & of_part["test"]
    assert not of_part["validation"] & (of_part["train"] | of_part["test"])
    assert sum(map(len, parts.values())) == ROWS


def test_the_latest_rows_are_tested_on(tmp_path):
    path = write(tmp_path / "t.csv", range(56))
    parts = split_of(config(path, split_time="day", kinds={"day": "date"}, test=0.25, validation=0.25))
    assert [parts[name].tolist() for name in ("train", "validation", "test")] == [
        [*range(28)],
        [*range(28, 42)],
        [*range(42, 56)],
    ]


def test_files_of_their_own_are_tested_and_validated_on(tmp_path):
    path, test = write(tmp_path / "t.csv", range(40)), write(tmp_path / "test.csv", range(40, 52))
    parts = split_of(config(path, test=test, validation=write(tmp_path / "v.csv", range(52, 60))))
    assert [len(rows) for rows in parts.values()] == [40, 12, 8]
    assert parts["test"].tolist() == [*range(40, 52)]
    result = lossreg.run(config(path, test=test), root=tmp_path / "runs")
    assert result.model.predict({"a": [1, 2]}).shape == (2,)
    with pytest.raises(InvalidConfig, match=r"data\.test: .*t\.csv has the training rows; give another file"):
        prepare(load(config(path, test=str(tmp_path / "." / "t.csv"))))


def test_a_group_on_both_sides_is_refused(tmp_path):
    path = write(tmp_path / "t.csv")
    other = write(tmp_path / "test.csv", range(58, 64))
    with pytest.raises(InvalidConfig, match=r"1 groups have rows in both train and test, .*; the first is p29"):
        prepare(load(config(path, split_group="patient", test=other)))


def test_folds_are_tested_on_once_each_and_are_one_result(tmp_path):
    content = config(write(tmp_path / "t.csv"), folds=4)
    with pytest.raises(InvalidConfig, match=r"data\.folds: 4 folds are 4 runs; lossreg sweep runs them"):
        load(content)
    trials = SweepPlan.read(content).trials()
    folds = [split_of(trial.config.resolved()) for trial in trials]
    assert sorted(np.concatenate([fold["test"] for fold in folds]).tolist()) == [*range(ROWS)]
    labels = np.arange(ROWS) % 4 < 2
    assert {int(labels[fold["test"]].sum()) for fold in folds} <= {7, 8}  # of 30 in 4 folds
    assert all(not set(fold["train"]) & set(fold["test"]) for fold in folds)


def test_folds_keep_groups_together_and_leave_rows_to_validate_on(tmp_path):
    content = config(write(tmp_path / "t.csv"), folds=5, split_group="patient", validation=0.1)
    folds = [split_of(trial.config.resolved()) for trial in SweepPlan.read(content).trials()]
    assert sorted(np.concatenate([fold["test"] for fold in folds]).tolist()) == [*range(ROWS)]
    for fold in folds:
        assert len(fold["test"]) == 12
        assert not {row // 2 for row in fold["test"]} & {row // 2 for row in [*fold["train"], *fold["validation"]]}


@pytest.mark.slow
def test_a_sweep_over_folds_has_a_mean_over_them(tmp_path):
    content = config(write(tmp_path / "t.csv"), folds=3) | {"sweep": {"grid": {"optimizer.lr": [0.01, 0.1]}}}
    summary = lossreg.sweep(content, root=tmp_path / "runs", jobs=1)
    assert summary.counts == {"finished": 6}
    assert [len(each.scores) for each in summary.configs] == [3, 3]
    assert "data.fold" not in summary.configs[0].values


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 3, "fold": 4}, "data.fold: expected one of 3 folds, got 4"),
        ({"fold": 1}, "data.fold: there are no folds"),
        ({"folds": 3, "fold": 1, "test": 0.5}, "data.test: the test rows are those of the fold; leave this out"),
        ({"folds": 3, "fold": 1, "split_column": "part"}, "data.split_column: folds are drawn at random"),
        (
            {"split_column": "patient"},
            "data.split_column: expected the words test, train, validation in the column; got 'p0'",
        ),
        ({"split_time": "patient"}, "data.split_time: expected numbers or dates, got words such as 'p0'"),
        ({"split_group": "patent"}, "data.split_group: there is no column 'patent' among the inputs"),
        ({"test": "nosuch.csv"}, "data.test: nosuch.csv: cannot be read as csv: No such file"),
    ],
)
def test_splits_that_cannot_be_are_refused(tmp_path, settings, message):
    with pytest.raises(InvalidConfig, match=message):
        prepare(load(config(write(tmp_path / "t.csv"), **settings)))


# Weights


@pytest.mark.parametrize("weights", [{"well": 3}, "balanced"])
def test_classes_have_weights_by_name_or_balanced_over_the_training_rows(tmp_path, weights):
    rows = [f"{row},{'ill' if row % 4 else 'well'},{1 + row % 2}" for row in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y,w", *rows]) + "\n")
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "test": 0.3, "class_weight": weights}
    content = config("") | {"data": {**data, "weight": "w"}}
    prepared = prepare(load(content))
    train = prepared.train
    classes = [prepared.encoding.classes[label] for label in train.targets]
    expected = {"ill": 1, "well": 3}
    if weights == "balanced":
        expected = {name: len(classes) / (2 * classes.count(name)) for name in expected}
    own = 1 + train.inputs.flat_index % 2
    assert np.allclose(train.beside["weight"], [expected[name] for name in classes] * own, rtol=1e-6)


def test_weights_of_classes_that_are_not_there_are_refused(tmp_path):
    path = write(tmp_path / "t.csv")
    with pytest.raises(InvalidConfig, match=r"data\.class_weight: there is no class 'i1l'; did you mean 'ill'"):
        prepare(load(config(path, class_weight={"i1l": 2})))
    real = {"data": {"name": "random", "class_weight": "balanced"}, "loss": "mse"}
    with pytest.raises(InvalidConfig, match=r"data\.class_weight: the targets are real numbers"):
        prepare(load(config(path) | real))
