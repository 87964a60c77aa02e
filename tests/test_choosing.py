"""The chooser: what it measures in data, what it recommends, and that its guide and its configs are right."""

import re

import numpy as np
import pytest
import yaml
from project import ROOT

import lossreg
from lossreg.cli import main
from lossreg.experiment.choosing.guide import Guide, guide, read
from lossreg.experiment.choosing.measurements import measure
from lossreg.experiment.choosing.recommend import recommend
from lossreg.experiment.data.table import Table

ROWS = 600
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(ROWS, 3))
PLAIN = X @ [1.0, -2.0, 0.5] + 0.3 * RANDOM.normal(size=ROWS)
LABELS = (X[:, 0] > 0) + 2 * (X[:, 1] > 0)


def moved(share):
    """The plain targets, of which a share is far off."""
    return PLAIN + 30 * (np.arange(ROWS) < share * ROWS)


def relabelled(share):
    """The labels, of which a share is another one."""
    return np.where(np.arange(ROWS) < share * ROWS, (LABELS + 1) % 4, LABELS)


COUNTS = RANDOM.poisson(np.exp(0.5 * X[:, 0])).astype(float)
WIDE_COUNTS = RANDOM.poisson(np.exp(0.5 * X[:, 0]) * RANDOM.gamma(0.5, 2.0, ROWS)).astype(float)
RARE = np.flatnonzero((LABELS != 3) | (np.arange(ROWS) % 9 == 0))
GRADES = np.argsort(np.argsort(PLAIN)) * 6 // ROWS
EVENT = np.column_stack([X, np.arange(ROWS) % 3 == 0])
QUERY = np.column_stack([X, np.arange(ROWS) // 6])


@pytest.mark.parametrize(
    ("table", "task", "signs", "losses"),
    [
        (Table(X, PLAIN), "regression", set(), ["mse"]),
        (Table(X, moved(0.04)), "regression", {"outliers"}, ["tukey", "huber", "mse"]),
        (Table(X, moved(0.2)), "regression", {"many_outliers"}, ["tukey", "l1", "mse"]),
        (Table(X, np.exp(2 * PLAIN)), "positive", {"magnitudes"}, ["gamma", "msle"]),
        (Table(X, COUNTS), "counts", set(), ["poisson_nll"]),
        (Table(X, WIDE_COUNTS), "counts", {"overdispersed"}, ["poisson_nll", "negative_binomial_nll"]),
        (Table(X, np.maximum(PLAIN, 0)), "amounts", set(), ["tweedie"]),
        (Table.labelled(X, LABELS), "classes", set(), ["cross_entropy"]),
        (Table.labelled(X, LABELS > 1), "binary", set(), ["bce_with_logits"]),
        (Table.labelled(X[RARE], LABELS[RARE]), "classes", {"imbalanced"}, ["logit_adjusted", "cross_entropy"]),
        (Table.labelled(X, relabelled(0.2)), "classes", {"noisy_labels"}, ["generalized_cross_entropy"]),
        (Table.labelled(X, GRADES), "classes", {"ordered"}, ["corn", "coral", "cross_entropy"]),
        (Table(EVENT, np.exp(PLAIN), features=("a", "b", "c", "event")), "survival", {"censored"}, ["cox"]),
        (Table(QUERY, PLAIN, features=("a", "b", "c", "query_id")), "groups", {"groups"}, ["ranknet"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_recognized_decides_what_is_recommended(table, task, signs, losses):
    measured = measure(table)
    assert (measured.task, set(measured.signs)) == (task, signs)
    found = [one.loss for one in recommend(measured)]
    assert found[: len(losses)] == losses
    assert len(found) <= 3
    assert guide().plain(task).loss in found


def test_parameters_are_measured():
    measured = measure(Table(X, moved(0.04)))
    tukey, huber, _ = recommend(measured)
    assert huber.parameters["delta"] == pytest.approx(1.345 * measured.numbers["errors"], rel=0.01)
    assert tukey.parameters["c"] == pytest.approx(4.685 * measured.numbers["errors"], rel=0.01)
    assert 0.02 < measured.numbers["errors"] < 0.3  # in units of the standard deviation, which is that of the outliers
    (adjusted, *_) = recommend(measure(Table.labelled(X[RARE], LABELS[RARE])))
    assert adjusted.parameters["prior"] == pytest.approx(np.bincount(LABELS[RARE]) / len(RARE), rel=1e-3)


def test_missing_numbers_and_constant_columns_are_no_neighbours():
    inputs = np.column_stack([np.where(X[:, :1] > 1, np.nan, X[:, :1]), X[:, 1:], np.ones(ROWS)])
    assert not measure(Table(inputs, PLAIN, impute_missing=True)).signs


def test_the_guide_names_losses_parameters_signs_and_studies_that_exist():
    source = (ROOT / "lossreg" / "experiment" / "choosing" / "measurements.py").read_text("utf-8")
    measured = {*re.findall(r'signs\["(\w+)"\]|sign = "(\w+)"|"(groups)"$', source, re.MULTILINE)}
    measured = {name for names in measured for name in names if name}
    assert {problem.sign for problem in guide().problems if problem.sign} == measured
    keys = {plain.key for plain in guide().tasks}
    for plain in guide().tasks:
        assert plain.loss in lossreg.names()
    for problem in guide().problems:
        assert not problem.study or (ROOT / "experiments" / "studies" / problem.study / "README.md").is_file()
        assert {*re.findall(r"`(\w+)`", problem.prose)} <= {*lossreg.names()}
        for one in problem.instead:
            assert {*one.tasks} <= keys
            assert {*one.parameters} <= {parameter.name for parameter in lossreg.get(one.loss).parameters}


def test_without_a_guide_the_error_says_what_is_missing():
    with pytest.raises(lossreg.LossregError, match="no guide of an installed distribution has the task 'regression'"):
        Guide((), (), {}).plain("regression")


def test_every_study_is_in_the_guide():
    studies = {path.parent.name for path in (ROOT / "experiments" / "studies").glob("*/study.py")}
    assert studies - {"chooser"} == {problem.study for problem in guide().problems if problem.study}


def choose(*arguments):
    with pytest.raises(SystemExit) as done:
        main(["choose", *arguments])
    return done.value.code


def written(path, target, *, columns=X):
    """A CSV file of some columns and a target."""
    lines = [",".join([*(f"x{at}" for at in range(columns.shape[1])), "y"])]
    lines += [",".join([*(f"{x:.6g}" for x in row), str(y)]) for row, y in zip(columns, target, strict=True)]
    path.write_text("\n".join(lines) + "\n")


def test_the_command_says_why_and_prints_a_config_that_is_valid(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "data.csv", moved(0.04))
    assert choose("data.csv") == 0
    text = capsys.readouterr().out
    assert text.startswith("data.csv: 600 rows, target y: regression\n")
    assert "4.0% of the targets are more than 5 deviations" in text
    assert re.search(r"^1\. tukey with c [\d.]+$", text, re.MULTILINE)
    assert "(study: robust_regression)" in " ".join(text.split())
    config = yaml.safe_load(text.partition("`lossreg run`:\n")[2])
    assert config["loss"]["name"] == "tukey"
    (tmp_path / "config.yaml").write_text(text.partition("`lossreg run`:\n")[2])
    with pytest.raises(SystemExit) as done:
        main(["validate", "config.yaml"])
    assert done.value.code == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.csv", "--target", "yy"], "target: there is no column 'yy'; did you mean 'y'?"),
        (["missing.csv"], "missing.csv: cannot be read"),
        (["config.yaml"], "config.yaml: expected a CSV or parquet file, not a config"),
        (["one.csv"], "one.csv: expected at least two classes"),
    ],
)
def test_a_mistake_is_explained(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "data.csv", LABELS)
    written(tmp_path / "one.csv", ["a"] * ROWS)
    assert choose(*arguments) == 2
    assert message in capsys.readouterr().err


def test_the_task_can_be_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "data.csv", COUNTS.astype(int))
    assert choose("data.csv") == 0
    assert ": classes" in capsys.readouterr().out
    assert choose("data.csv", "--task", "regression") == 0
    assert ": counts" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outliers", "counts", "labels", "rare", "survival", "groups"])
def test_the_config_trains_as_it_is_printed(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    target, columns, task = {
        "outliers": (moved(0.04), X, "regression"),
        "counts": (WIDE_COUNTS.astype(int), X, "regression"),
        "labels": (relabelled(0.2), X, "classification"),
        "rare": ((np.arange(ROWS) % 9 == 0).astype(int), X, "classification"),
        "survival": (np.exp(PLAIN), EVENT, "regression"),
        "groups": (PLAIN, QUERY, "regression"),
    }[name]
    written(tmp_path / "data.csv", target, columns=columns)
    header = (tmp_path / "data.csv").read_text()
    named = {"survival": "event", "groups": "query_id"}.get(name, "x3")
    (tmp_path / "data.csv").write_text(header.replace("x3", named, 1))
    assert choose("data.csv", "--task", task) == 0
    config = yaml.safe_load(capsys.readouterr().out.partition("`lossreg run`:\n")[2])
    final = lossreg.run(config, root=tmp_path / "runs").final
    assert np.isfinite(final["test_loss"])


def test_another_distribution_may_have_a_guide(tmp_path, monkeypatch):
    package = tmp_path / "their_losses"
    package.mkdir()
    (package / "__init__.py").write_text("")
    section = (ROOT / "docs" / "writing_losses.md").read_text("utf-8").partition("## A guide")[2]
    (package / "guide.yaml").write_text(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])
    monkeypatch.syspath_prepend(tmp_path)
    found = read("their_losses")
    (problem,) = found.problems
    (one,) = problem.instead
    assert (problem.sign, one.loss, dict(one.parameters)) == (
        "outliers",
        "my_loss",
        {"width": {"measured": "errors", "times": 2.0}},
    )
