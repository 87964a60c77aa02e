"""Nine losses of another distribution: coupled samples, learned inputs, groups and events, trained from configs."""

import ast
import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.errors import InvalidConfig, InvalidInput
from lossreg.experiment.config.run_config import load
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.training.prepare import prepare
from lossreg.testing import check_loss

HOME = Path(__file__).parent / "third_party"
LOSSES = sorted(path.stem for path in (HOME / "more_losses").glob("*.py") if path.stem != "__init__")
ROWS, FEATURES = 240, ["a", "b", "c", "d", "e"]


def write(path, header, *columns):
    rows = np.column_stack([np.asarray(column, dtype=object) for column in columns])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows.tolist()])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """CSV files in which the inputs decide the targets, with noise."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    x = random.normal(size=(ROWS, 5))
    level = x @ [1.0, -0.7, 0.4, 0, 0]
    months, censored = (np.ceil(10 * random.exponential(scale)) for scale in (np.exp(-level), np.full(ROWS, 2.0)))
    write(folder / "survival.csv", [*FEATURES, "months", "died"], x, np.minimum(months, censored), months <= censored)
    relevance = np.clip(np.round(1.5 + level), 0, 4)
    query = [f"q{row // 8}" for row in range(ROWS)]
    write(folder / "ranking.csv", [*FEATURES, "relevance", "query"], x, relevance, query)
    hidden, mixing = random.normal(size=(ROWS, 3)), random.normal(size=(3, 6))
    views = [hidden @ mixing + 0.3 * random.normal(size=(ROWS, 6)) for _ in range(2)]
    write(folder / "views.csv", [f"{v}{j}" for v in "uv" for j in range(6)] + ["y"], *views, np.zeros(ROWS))
    corner = x[:, :2]
    size = 1 + abs(x[:, 2:4])
    write(folder / "boxes.csv", [*FEATURES, "x1", "y1", "x2", "y2"], x, corner, corner + size)
    write(folder / "noise.csv", [*FEATURES, "y"], x, level + 0.5 * np.exp(x[:, 3]) * random.normal(size=ROWS))
    text = (folder / "survival.csv").read_text()
    (folder / "survival.csv").write_text(text.replace("True", "1").replace("False", "0"))
    return folder


def config(name, folder, /, **changes):
    found = yaml.safe_load((HOME / "configs" / f"{name}.yaml").read_text())
    found["loss"]["name"] = str(HOME / "more_losses" / f"{found['loss']['name']}.py")
    if "path" in found["data"]:
        found["data"]["path"] = str(folder / found["data"]["path"])
    for key, value in changes.items():
        found[key] = {**found[key], **value}
    return found


@pytest.mark.losses
@pytest.mark.parametrize("name", sorted(path.stem for path in (HOME / "configs").glob("*.yaml")))
def test_each_loss_trains_from_a_config(name, data, tmp_path):
    result = lossreg.run(config(name, data, train={"epochs": 3}), root=tmp_path)
    losses = [record["test_loss"] for record in result.metrics]
    assert losses[-1] < losses[0]
    ranked = {"cox": "test_concordance", "list_net": "test_ndcg"}
    if name in ranked:
        assert result.metrics[-1][ranked[name]] > 0.7
    learned = {key for key in result.weights if key.startswith("loss.")}
    expected = {"arcface": {"loss.centres"}, "info_nce": {"loss.temperature"}, "info_nce_digits": {"loss.temperature"}}
    assert learned == expected.get(name, set())
    if name == "info_nce":
        assert result.metrics[-1]["temperature"] == pytest.approx(result.weights["loss.temperature"].item())
        assert result.metrics[-1]["temperature"] != pytest.approx(0.1, rel=1e-3)


def test_learned_inputs_are_in_checkpoints(data, tmp_path):
    given = config(
        "info_nce", data, train={"epochs": 4, "checkpoint_epochs": 2, "keep_checkpoints": 4, "clip_norm": 1.0}
    )
    full = lossreg.run(given, root=tmp_path)
    last = max(full.path.glob("checkpoints/*"), key=lambda path: int(path.stem.split("-")[1]))
    last.unlink()
    RunDirectory(full.path).status("interrupted")
    resumed = lossreg.resume(full.path)
    assert resumed.metrics == full.metrics
    assert all((resumed.weights[key] == x).all() for key, x in full.weights.items())


def test_groups_stay_together_and_batches_are_of_groups(data):
    prepared = prepare(load(config("list_net", data)))
    train, test = (prepared.splits[name] for name in ("train", "test"))
    assert len(train) + len(test) == ROWS // 8
    assert not set(train.beside["group"].tolist()) & set(test.beside["group"].tolist())
    batch = train.grouped(np.array([3, 0]), 1)
    assert batch.inputs.shape == (16, 5)
    assert len(set(batch.beside["group"].tolist())) == 2
    assert prepared.steps_per_epoch == -(-len(train) // 8)


def test_weights_come_from_a_column(data, tmp_path):
    header, *rows = (data / "noise.csv").read_text().splitlines()
    weighted = [f"{row},{float(number % 2)}" for number, row in enumerate(rows)]
    (tmp_path / "weighted.csv").write_text("\n".join([f"{header},w", *weighted]))
    given = config("evidential", data, data={"path": str(tmp_path / "weighted.csv"), "weight": "w", "test": 0.0})
    prepared = prepare(load({**given, "loss": "mse"}))
    outputs = prepared.network.forward(prepared.train.inputs.take(slice(None)))
    errors = (outputs - prepared.train.targets)[:, 0] ** 2
    weights = prepared.train.beside["weight"]
    assert set(weights.tolist()) == {0.0, 1.0}
    assert prepared.evaluator(prepared.network, prepared.train)["loss"] == pytest.approx(
        errors[weights > 0].mean(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("cox", {"data": {"event": None}}, "cox.py takes event from columns of the data: name them with data.event"),
        ("cox", {"data": {"event": "dead"}}, "data.event: there is no column 'dead' among the inputs; did you mean"),
        ("cox", {"data": {"event": "a"}}, "data.event: column 'a': expected 1 for an observed event and 0 for a"),
        ("cox", {"train": {"accumulate": 2}}, "train.accumulate: the samples of .* are coupled"),
        ("list_net", {"data": {"group": "b"}}, "data.group: column 'b': expected integers, or words; others are in"),
        (
            "info_nce",
            {"data": {"second_view": ["v0", "v1"]}},
            "data.second_view: expected as many columns as the first",
        ),
        ("info_nce", {"model": {"outputs": None}}, "outputs is missing: the length of the embeddings"),
        ("giou", {"data": {"target": ["x1", "y1"]}}, "expects 4 target columns, but the data have 2"),
        ("coral", {"model": {"outputs": 3}}, "model.outputs: expected 2"),
    ],
)
def test_mistakes_in_columns_and_widths_are_explained(name, changes, problem, data):
    with pytest.raises(InvalidConfig, match=problem):
        prepare(load(config(name, data, **changes)))


@pytest.mark.slow  # 1 to 9 s of processor time each, 26 for evidential
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_passes_every_check(name):
    assert not check_loss(str(HOME / "more_losses" / f"{name}.py")).failed


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_has_at_most_45_lines_of_code(name):
    source = (HOME / "more_losses" / f"{name}.py").read_text()
    tree = ast.parse(source)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    docs = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    described = {line for doc in docs for line in range(doc.lineno, doc.end_lineno + 1)}
    lines = [line for number, line in enumerate(source.splitlines(), 1) if number not in described]
    assert 10 < len([*filter(str.strip, lines)]) <= 45


def test_a_kernel_that_checks_its_domain_says_where_a_number_is_outside():
    prediction, target = np.full((3, 2, 2, 2), 0.5), np.zeros((3, 2, 2, 2))
    loss = Criterion(lossreg.get(str(HOME / "more_losses" / "soft_dice.py")))
    for array, name, wrong in ((prediction, "prediction", 1.5), (target, "target", -0.5), (target, "target", np.nan)):
        kept, array[2, 1, 0, 1] = array[2, 1, 0, 1], wrong
        with pytest.raises(InvalidInput, match=rf"expected {name} 0 to 1; got {wrong} at \[2, 1, 0, 1\]"):
            loss.value_and_grad(prediction, target, sample_weight=[0.0, 1.0, 2.0])
        assert np.isfinite(loss(prediction, target, sample_weight=[1.0, 1.0, 0.0]))
        array[2, 1, 0, 1] = kept


def test_every_loss_is_used_by_a_config():
    used = {yaml.safe_load(path.read_text())["loss"]["name"] for path in (HOME / "configs").glob("*.yaml")}
    assert used == set(LOSSES)


TERMS = '''
"""Squares, with two terms."""

from lossreg.plugin import Real, hookimpl, loss


@loss
def squares_with_terms(prediction: Real, target: Real) -> tuple[float, float]:
    e = prediction - target
    return e * e, 2 * e


@squares_with_terms.method
def terms(prediction, target):
    return {"above": (prediction > target).mean(), "size": abs(prediction).mean()}


@hookimpl
def lossreg_component():
    return squares_with_terms
'''


def test_the_terms_of_a_loss_are_reported(data, tmp_path):
    (tmp_path / "squares_with_terms.py").write_text(TERMS)
    given = config("evidential", data, train={"epochs": 1})
    result = lossreg.run({**given, "loss": str(tmp_path / "squares_with_terms.py"), "report": ["mse"]}, root=tmp_path)
    record = result.metrics[0]
    assert record["train_loss"] == pytest.approx(record["train_loss_mse"])
    assert 0 < record["train_loss.above"] < 1
    assert {"train_loss.size", "test_loss.above", "test_loss.size"} <= {*record}
    assert lossreg.load(result.path).predict(np.zeros((2, 5))).shape == (2,)
