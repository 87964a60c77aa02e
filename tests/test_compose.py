"""Configs put together: what extends what, what `--set` changes, and where each mistake stands."""

from pathlib import Path

import pytest

from lossreg import InvalidConfig
from lossreg.experiment.config.run_config import load

BASE = """\
data: {name: digits, standardise: true, test: 0.5}
model: {name: mlp, hidden: [8]}
optimizer: sgd
loss: {name: huber, delta: 2}
train: {epochs: 3, batch_size: 16}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, "utf-8")
        return name

    return write


def problems(source, *changes):
    with pytest.raises(InvalidConfig) as caught:
        load(source, changes)
    return str(caught.value).splitlines()


def test_a_file_is_laid_over_what_it_extends_level_by_level(write):
    write("shared/base.yaml", BASE)
    write("shared/middle.yaml", "extends: base.yaml\nloss: {delta: 3}\ntrain: {epochs: 4}\nseed: 7\n")
    top = load(write("top.yaml", "extends: shared/middle.yaml\noptimizer: {lr: 0.5}\ntrain: {batch_size: null}\n"))
    assert top.name == "top"
    assert top.loss.parameters == {"delta": 3.0, "weight": 1.0}
    assert (top.train.epochs, top.train.batch_size, top.seed) == (4, 32, 7)
    assert (top.optimizer.name, top.optimizer.parameters["lr"]) == ("sgd", 0.5)
    assert "extends" not in top.resolved()


def test_a_plugin_of_another_name_brings_its_own_parameters_and_leaves_the_settings(write):
    write("base.yaml", BASE)
    for text in ("loss: mse", "loss: {name: mse}"):
        assert load(write("top.yaml", f"extends: base.yaml\n{text}\n")).loss.parameters == {"weight": 1.0}
    data = load(write("top.yaml", "extends: base.yaml\ndata: {name: wine, test: 0.1}\n")).data
    assert (data.name, data.settings) == (
        "wine",
        {"test": 0.1, "validation": 0.0, "standardise": True, "standardise_targets": False}
        | dict.fromkeys(("folds", "fold", "split_column", "split_group", "split_time"))
        | dict.fromkeys(("group", "event", "weight", "class_weight", "second_view")),
    )
    for changes in (["loss.name=mse", "loss.weight=2"], ["loss.weight=2", "loss.name=mse"]):
        assert load("base.yaml", changes).loss.parameters == {"weight": 2.0}
    for changes in (["loss=smooth_l1", "loss.beta=3"], ["loss.beta=3", "loss=smooth_l1"]):
        assert load("base.yaml", changes).loss.parameters == {"beta": 3.0}
    assert load("base.yaml", ["loss=smooth_l1", "loss.beta=3", "loss=mse"]).loss.parameters == {"weight": 1.0}


def test_changes_are_yaml_and_the_last_one_counts(write):
    write("x.yaml", BASE)
    config = load("x.yaml", ["optimizer.lr=3e-4", "model.hidden=[4, 2]", "seed=1", "seed=0x10", "train.epochs="])
    assert config.optimizer.parameters["lr"] == 3e-4
    assert config.model.parameters["hidden"] == (4, 2)
    assert (config.name, config.seed, config.train.epochs) == ("x", 16, 10)
    given = {"data": "iris", "model": "linear", "optimizer": "sgd", "loss": "mse"}
    assert load(given, ["loss=huber"]).loss.name == "huber"
    assert given["loss"] == "mse"


def test_each_mistake_stands_where_it_was_made(write):
    write("base.yaml", BASE.replace("hidden: [8]", "hidden: [0]").replace("sgd", "{name: sgd, lr: 0}"))
    write("top.yaml", "seed: 0\nextends: base.yaml\nloss: {delta: -1}\nmodel: {hiden: 3}\n")
    changes = ("train.epochs=-1", "train.batchsize=3", "data.name=digit", "optimizer.momentum=2")
    lines = problems("top.yaml", *changes)
    place = "--set data.name=digit: data.name: "
    assert lines[0].startswith(f"{place}no data named 'digit' is installed; did you mean 'digits'? The data are ")
    assert lines == [
        *lines[:1],
        "--set optimizer.momentum=2: optimizer.momentum: expected a number from 0 to below 1, got 2",
        "--set train.batchsize=3: train.batchsize: unknown key; did you mean 'batch_size'?",
        "--set train.epochs=-1: train.epochs: expected an integer, 1 or above, or null, got -1",
        "base.yaml:2:28: model.hidden: expected a list in which each item is an integer, 1 or above, got [0]",
        "base.yaml:3:28: optimizer.lr: expected a number above 0, got 0",
        "top.yaml:3:15: loss.delta: expected a number above 0, got -1",
        "top.yaml:4:9: model.hiden: unknown key; did you mean 'hidden'?",
    ]


@pytest.mark.parametrize("change", ["", "lr", "=3", "a..b=1", ".a=1"])
def test_a_change_that_is_none_says_what_one_looks_like(write, change):
    write("x.yaml", BASE)
    assert problems("x.yaml", change) == [f"--set {change}: expected KEY=VALUE, such as optimizer.lr=3e-4"]


def test_a_change_that_is_no_yaml_says_so(write):
    write("x.yaml", BASE)
    (line,) = problems("x.yaml", "model.hidden=[6")
    assert line == "--set model.hidden=[6: while parsing a flow sequence, did not find expected ',' or ']'"


def test_what_is_missing_is_missing_from_the_file_that_was_asked_for(write):
    write("base.yaml", "model: linear\nloss: mse\n")
    lines = problems(write("top.yaml", "extends: base.yaml\noptimizer: {lr: 1}\n"))
    assert lines[0].startswith("top.yaml:1:1: data is missing; ")
    assert lines[1].startswith("top.yaml:2:12: optimizer: name is missing; ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: 3", "x.yaml:1:10: extends: expected the path of a config, got 3"),
        ("extends: no.yaml", "x.yaml:1:10: extends: no.yaml: cannot be read: No such file or directory"),
        ("extends: ./x.yaml", "x.yaml:1:10: extends: a circle: x.yaml extends x.yaml"),
        ("extends: y.yaml", "y.yaml:1:10: extends: a circle: x.yaml extends y.yaml extends x.yaml"),
        ("extends: list.yaml", "x.yaml:1:10: extends: expected a config in list.yaml, got ['a']"),
        ("extends: broken.yaml", "broken.yaml:2:1: while parsing a flow sequence, did not find expected ',' or ']'"),
    ],
)
def test_a_base_that_is_none_says_where(write, text, message):
    write("y.yaml", "extends: x.yaml\n")
    write("list.yaml", "[a]\n")
    write("broken.yaml", "a: [1\n")
    assert message in problems(write("x.yaml", text))


def test_a_change_is_the_place_of_the_sections_that_it_makes(write):
    file = write("x.yaml", BASE.replace("train:", "trian:"))
    found = problems(file, "optimiser.lr=1", "optimizer.lrr=2")
    assert "--set optimiser.lr=1: optimiser: unknown key; did you mean 'optimizer'?" in found
    assert "--set optimizer.lrr=2: optimizer.lrr: unknown key; did you mean 'lr'?" in found
    assert "x.yaml:5:1: trian: unknown key; did you mean 'train'?" in found
