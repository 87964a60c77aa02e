"""Configs: what YAML means, and what is said about what cannot work."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings, strategies as st

import lossreg
from lossreg import InvalidConfig
from lossreg.criterion.reductions import REDUCTIONS
from lossreg.experiment.config.run_config import load, validate
from lossreg.experiment.config.yaml_document import Document
from lossreg.experiment.config.yaml_syntax import dump

GOOD = {"data": "iris", "model": "linear", "optimizer": "sgd", "loss": "huber"}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="x.yaml"):
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


def problems(source):
    with pytest.raises(InvalidConfig) as caught:
        load(source)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("+3", 3),
        ("1_000", "1_000"),
        ("off", "off"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("True", True),
        ("tRue", "tRue"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("<<", "<<"),
        ("nan", "nan"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(write, text, value):
    content = Document.read(write(f"key: {text}\n")).content["key"]
    assert content == value
    assert type(content) is type(value)


def test_nan_is_a_number(write):
    assert math.isnan(Document.read(write("key: .NaN")).content["key"])


INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
PLAIN = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"))


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=9), PLAIN | st.lists(PLAIN), min_size=1))
def test_what_is_written_reads_the_same_in_1_1_and_in_1_2(tmp_path_factory, content):
    text = dump(content)
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(text, "utf-8", newline="")
    document = Document.read(path)
    assert not document.problems
    assert document.content == content
    assert yaml.safe_load(text) == content


def test_anchors_stand_for_what_they_name(write):
    assert Document.read(write("a: &x [1, 2]\nb: *x\n")).content == {"a": [1, 2], "b": [1, 2]}


def alias_bomb():
    """Seven lines that stand for nine to the power of eight values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for below, name in zip("abcdefg", "bcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (alias_bomb(), r":\d+:\d+: more than 100,000 values, counting aliases$"),
        (f"a: {'[' * 500}{']' * 500}", r":1:\d+: nested more than 50 levels deep$"),
        (f"a: {'[' * 60_000}", r":1:\d+: .*exceeded maximum nesting depth$|: nested more than 50 levels deep$"),
        (f"a: {'- ' * 500}x", r":1:\d+: "),
        ("".join(f"{' ' * depth}a:\n" for depth in range(500)), r": nested more than 50 levels deep$"),
        (f"a: {'x' * 1_000_001}", r":1:1: more than 1,000,000 characters$"),
        (f"a: 1{'0' * 400}", r":1:4: a: '10{39}\.\.\.' is not of the type int, which has 64 bits$"),
        (f"a: 1{'0' * 5000}", r":1:4: a: '10{39}\.\.\.' is not of the type int, which has 64 bits$"),
        ("a: 9223372036854775808", r":1:4: a: '9223372036854775808' is not of the type int, which has 64 bits$"),
        ('extends: "a\\0b"', r":1:10: extends: expected the path of a config, got 'a\\x00b'$"),
    ],
)
def test_a_config_is_bounded_in_depth_size_and_numbers(write, text, message):
    with pytest.raises(InvalidConfig) as caught:
        load(write(text))
    assert re.search(message, str(caught.value), re.MULTILINE)
    assert len(str(caught.value)) < 1000


def test_a_long_chain_of_configs_is_refused(tmp_path):
    for number in range(60):
        tmp_path.joinpath(f"{number}.yaml").write_text(f"extends: {number + 1}.yaml")
    with pytest.raises(InvalidConfig, match="extends: a chain of more than 50 files"):
        load(tmp_path / "0.yaml")
    with pytest.raises(InvalidConfig, match=r"--set a.*: nested more than 50 levels deep"):
        load({"loss": "mse"}, [f"{'.'.join('a' * 2000)}=1"])
    with pytest.raises(InvalidConfig, match="has a null character"):
        load("a\0b.yaml")


def test_a_number_that_compiled_code_cannot_hold_is_refused():
    for change in (f"optimizer.lr=1{'0' * 400}", "loss.ignore_index=99999999999999999999"):
        with pytest.raises(InvalidConfig, match="is not of the type int, which has 64 bits"):
            load({**GOOD, "loss": "cross_entropy"}, [change])
    with pytest.raises(InvalidConfig, match=r"lr: expected .*, got an integer that does not fit into 64 bits"):
        load({**GOOD, "optimizer": {"name": "sgd", "lr": 10**400}})
    for index in (10**20, -(10**20)):
        with pytest.raises(lossreg.InvalidParameter, match=r"ignore_index: .* does not fit into 64 bits"):
            lossreg.create("cross_entropy", ignore_index=index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "x.yaml:2:2: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("a: *missing", "x.yaml:1:4: found undefined alias"),
        ("a: 1\n---\nb: 2", "x.yaml:2:1: expected a single document in the stream, but found another document"),
        ("a: 1\nb: \x01", "x.yaml:2:4: control characters are not allowed"),
        (b"a: \xff", "x.yaml: is not UTF-8 text (byte 3)"),
        ("", "x.yaml:1:1: expected a mapping with data, model, optimizer, schedule, loss, got nothing"),
        ("# only\n", "x.yaml:1:1: expected a mapping with data, model, optimizer, schedule, loss, got nothing"),
        ("data:\n\tname: iris\n", "x.yaml:2:1: a tab; YAML is indented by spaces"),
        ("data:\n  a: 1\n \tb: 2\n", "x.yaml:3:2: a tab; YAML is indented by spaces"),
        ("- a\n", "x.yaml:1:1: expected a mapping with data, model, optimizer, schedule, loss, got ['a']"),
    ],
)
def test_a_file_that_is_no_config_says_where(write, text, message):
    assert problems(write(text)) == [message]


def test_a_table_given_as_a_config_is_not_printed(write):
    (message,) = problems(write("\n".join(f"{number},{2 * number}" for number in range(9000))))
    assert message.startswith(
        "x.yaml:1:1: expected a mapping with data, model, optimizer, schedule, loss, got '0,0 1,2"
    )
    assert len(message) < 200


def test_a_merge_adds_what_the_mapping_lacks(write):
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc:\n  <<: [{z: 9}, *b]\n  x: 5\nd: {'<<': 1}"
    document = Document.read(write(text))
    assert document.problems == []
    assert document.content["b"] == {"y": 3, "x": 1}
    assert document.content["c"] == {"x": 5, "z": 9, "y": 3}
    assert document.content["d"] == {"<<": 1}
    assert str(document.values["c", "y"]) == "x.yaml:2:19"
    good = "data: random\nmodel: linear\nloss: mse\noptimizer:\n  <<: {name: sgd}\n  lr: 0.2\n"
    assert load(write(good)).optimizer.parameters["lr"] == 0.2


@pytest.mark.parametrize("value", ["1", "[1]", "*a"])
def test_only_another_mapping_is_merged(write, value):
    assert any("<<: expected another mapping to merge" in line for line in problems(write(f"a: &a {{<<: {value}}}")))


def test_merges_are_bounded_like_aliases(write):
    lines = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))]
    assert any("more than 100,000 values" in line for line in problems(write("\n".join(lines))))


def test_a_mistake_in_a_name_hides_no_other_mistake_of_its_section():
    lines = problems({**GOOD, "loss": {"name": "hubber", "delta": -1, "beta": 2}, "data": {"name": "irs", "test": 7}})
    assert len(lines) == 5
    for start in (
        "loss.name: no loss named",
        "loss.delta: expected",
        "loss.beta: unknown key",
        "data.name",
        "data.test",
    ):
        assert any(line.startswith(start) for line in lines)
    lines = problems({**GOOD, "data": {"name": "qqqqqq", "anything": 1, "test": 7}})
    assert [line[:9] for line in lines] == ["data.name", "data.test"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("neg_mean_squared_error", "mean_squared_error"),
        ("neg_root_mean_squared_error", "rmse"),
        ("presicion", "precision"),
    ],
)
def test_a_name_that_no_metric_has_suggests_the_one_that_is_meant(name, meant):
    line, *_ = problems({**GOOD, "metrics": [name]})
    assert line.startswith("metrics.0: ")
    assert name in line
    assert f"did you mean {meant!r}?" in line


def test_a_metric_is_found_by_the_name_of_scikit_learns_function():
    names = [
        "f1_score",
        "accuracy_score",
        "roc_auc_score",
        "r2_score",
        "mean_absolute_error",
        "balanced_accuracy_score",
    ]
    found = [metric.label for metric in load({**GOOD, "metrics": names}).metrics]
    assert found == ["f1", "accuracy", "roc_auc", "r2", "mae", "balanced_accuracy"]


@pytest.mark.parametrize(("path", "reason"), [("none.yaml", "No such file or directory"), (".", "Is a directory")])
@pytest.mark.usefixtures("write")
def test_a_file_that_cannot_be_read_says_why(path, reason):
    assert problems(path) == [f"{path}: cannot be read: {reason}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [*x]", "x.yaml:1:4: a.0: an alias to a value that contains it"),
        (
            "a: !!python/object:os.system 1",
            "a: a tag that configs do not support: tag:yaml.org,2002:python/object:os.system",
        ),
        ("a: !!int x", "x.yaml:1:4: a: 'x' is not of the type int"),
        ("a: !!bool 1", "x.yaml:1:4: a: '1' is not of the type bool"),
    ],
)
def test_what_yaml_allows_and_configs_do_not(write, text, message):
    assert any(message in line for line in problems(write(text)))


def test_every_problem_at_its_place_all_at_once(write):
    text = """\
data: {name: digits, test: 1.5, standardize: true}
model:
  name: mlp
  hidden: [64, x]
optimizer: {name: adamm, lr: 1e-3}
loss: {name: huber, delta: 0}
loss: huber
train: {epochs: 10, steps: 100, shuffle: off}
seed: -1
losss: mse
"""
    lines = problems(write(text))
    assert [line.split(": ")[0] for line in lines] == [
        *("x.yaml:1:28", "x.yaml:1:33", "x.yaml:4:11", "x.yaml:5:19", "x.yaml:6:28", "x.yaml:7:1"),
        *("x.yaml:8:21", "x.yaml:8:42", "x.yaml:9:7", "x.yaml:10:1"),
    ]
    assert lines[0].endswith("data.test: expected a number from 0 to below 1 or a string, got 1.5")
    assert lines[1].endswith("data.standardize: unknown key; did you mean 'standardise'?")
    assert "optimizer.name: no optimizer named 'adamm' is installed; did you mean 'adam'?" in lines[3]
    assert lines[5].endswith("loss: repeated; first in line 6")
    assert lines[6].endswith("train.steps: give either epochs or steps; leave one out")
    assert lines[7].endswith("train.shuffle: expected true or false, got 'off'")


def test_problems_of_a_dict_go_by_key_path():
    lines = problems({**GOOD, "optimizer": {"name": "sgd", "lr": "fast"}, "model": {"name": 3}, "train": [1], 7: 1})
    allowed = (
        "data, model, optimizer, schedule, loss, train, reduction, seed, metrics, report, trackers, extends, sweep"
    )
    assert lines == [
        "model.name: expected the name of a model, got 3",
        "optimizer.lr: expected a number above 0, got 'fast'",
        "train: expected a mapping such as {epochs: 10}, got [1]",
        f"7: unknown key; allowed: {allowed}",
    ]


def test_a_noun_that_is_missing_says_what_is_installed(write):
    lines = problems(write("model: linear\noptimizer: {lr: 1.0}\ndata:\nseed: 1"))
    assert len(lines) == 3
    assert lines[0].startswith("x.yaml:1:1: loss is missing; installed: ")
    assert lines[1].startswith("x.yaml:2:12: optimizer: name is missing; installed: adam, adamw, sgd")
    assert lines[2].startswith("x.yaml:3:6: data: name is missing; installed: breast_cancer, csv,")


def test_a_required_parameter_that_is_missing_says_so(write):
    lines = problems(write("data: csv\nmodel: linear\noptimizer: sgd\nloss: mse\n"))
    assert lines == [
        "x.yaml:1:7: data: path is missing: a string",
        "x.yaml:1:7: data: target is missing: a string or a list in which each item is a string",
    ]


def test_a_key_in_the_wrong_place_is_reported_with_the_right_one():
    lines = problems({**GOOD, "epochs": 3, "lr": 0.1, "train": {"standardise": True, "stepz": 3}})
    assert lines == [
        "epochs: unknown key; did you mean 'train.epochs'?",
        "lr: unknown key; did you mean 'optimizer.lr'?",
        "train.standardise: unknown key; did you mean 'data.standardise'?",
        "train.stepz: unknown key; did you mean 'steps'?",
    ]


def test_reduction_is_one_that_gives_a_number():
    scalar = set(REDUCTIONS) - {"none"}
    assert {load({**GOOD, "reduction": reduction}).reduction for reduction in scalar} == scalar
    assert problems({**GOOD, "reduction": "none"}) == [
        "reduction: expected 'mean' or 'sum' or 'batchmean', got 'none'",
    ]


def test_names_in_every_form_find_their_plugin():
    for name in ("huber", "HuberLoss", "lossreg:huber"):
        for form in (name, {"name": name}):
            assert load({**GOOD, "loss": form}).loss.component.name == "huber"


def test_a_resolved_config_is_the_same_config(write):
    given = {**GOOD, "loss": {"name": "lossreg:HuberLoss", "delta": 2}, "model": {"name": "mlp", "hidden": (8, 4)}}
    first = load(given).resolved()
    assert first["loss"] == {"name": "lossreg:huber", "delta": 2.0, "weight": 1.0}
    shares = {"test": 0.25, "validation": 0.0}
    split = ("folds", "fold", "split_column", "split_group", "split_time")
    columns = dict.fromkeys((*split, "class_weight", "group", "event", "weight", "second_view"))
    assert first["data"] == {"name": "iris", **shares, "standardise": False, "standardise_targets": False, **columns}
    assert first["schedule"] == {"name": "constant"}
    assert list(first["train"].items())[:4] == [("epochs", 10), ("steps", None), ("batch_size", 32), ("shuffle", True)]
    again = load(write(dump(first))).resolved()
    assert dump(again) == dump(first)
    assert load({**GOOD, "train": {"steps": 7}}).resolved()["train"]["epochs"] is None


def test_only_a_losss_numbers_may_be_infinite():
    assert load({**GOOD, "loss": {"name": "huber", "delta": math.inf}}).loss.parameters["delta"] == math.inf
    assert problems({**GOOD, "optimizer": {"name": "sgd", "lr": math.inf}}) == [
        "optimizer.lr: expected a number above 0, and finite, got inf",
    ]


def test_metrics_and_reported_losses_are_lists_of_names(write):
    good = load({**GOOD, "metrics": ["r2", "mae"], "report": ["mse", {"name": "HuberLoss", "as": "wide", "delta": 9}]})
    assert [metric.label for metric in good.metrics] == ["r2", "mae"]
    assert [(choice.name, choice.settings["as"]) for choice in good.report] == [("mse", None), ("huber", "wide")]
    assert load(write(dump(good.resolved()))).resolved() == good.resolved()
    lines = problems(
        write("""\
data: iris
model: linear
optimizer: sgd
loss: huber
metrics: [r2, f1_makro, 3, r2]
report:
  - mse
  - {name: huber, as: two words}
  - {name: huber, delta: -1, label: x}
  - mse
  - {delta: 2}
""")
    )
    assert [line.partition("? `lossreg list")[0].partition("; installed")[0] for line in lines] == [
        "x.yaml:5:15: metrics.1: no metric named 'f1_makro' is installed; did you mean 'f1_macro'",
        "x.yaml:5:25: metrics.2: expected the name of a metric, got 3",
        "x.yaml:5:28: metrics.3: r2 is repeated; distinguish the two with a label, such as `as: r2_2`",
        "x.yaml:8:23: report.1.as: expected letters, digits and underscores, got 'two words'",
        "x.yaml:9:26: report.2.delta: expected a number above 0, got -1",
        "x.yaml:9:30: report.2.label: unknown key; allowed: name, delta, weight, as",
        "x.yaml:10:5: report.3: mse is repeated; distinguish the two with a label, such as `as: mse_2`",
        "x.yaml:11:5: report.4: name is missing",
    ]
    assert problems({**GOOD, "metrics": "r2"}) == ["metrics: expected a list such as [accuracy, f1_macro], got 'r2'"]


def test_a_losss_numbers_may_be_lists():
    loss = {"name": "bce_with_logits", "pos_weight": [1, 2.5]}
    assert load({**GOOD, "loss": loss}).loss.parameters["pos_weight"] == [1.0, 2.5]
    assert problems({**GOOD, "loss": {**loss, "weight": [1, "x"]}})[0].startswith("loss.weight: expected")
    assert problems({**GOOD, "optimizer": {"name": "sgd", "lr": [0.1]}}) == [
        "optimizer.lr: expected a number above 0, got [0.1]",
    ]


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[1].joinpath("configs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_config_says_its_question_and_its_command(path):
    header = path.read_text("utf-8").partition("\n\n")[0]
    assert "?" in header
    assert f"lossreg run configs/{path.name}" in header
    assert load(path).name == path.stem


def test_numbers_and_arrays_of_numpy_are_those_of_yaml():
    optimizer = {"name": "adam", "lr": np.float64(0.5)}
    loss = {"name": "cross_entropy", "weight": np.array([1.0, 2.0, 0.5])}
    train = {"epochs": np.int64(1), "shuffle": np.bool_(False)}
    content = {"data": "iris", "model": "linear", "optimizer": optimizer, "loss": loss, "train": train}
    config = load(content)
    assert load(yaml.safe_load(dump(config.resolved()))).resolved() == config.resolved()
    assert repr(config.optimizer.parameters["lr"]) == "0.5"
    assert config.loss.parameters["weight"] == (1.0, 2.0, 0.5)
    assert problems({**content, "seed": np.float32(0.5)}) == ["seed: expected an integer, 0 or above, got 0.5"]


def test_thousands_of_unknown_keys_are_counted_and_named_in_part():
    text = "data: iris\nmodel: linear\noptimizer: adam\nloss: cross_entropy\n" + "".join(
        f"k{n}: 1\n" for n in range(20_000)
    )
    with pytest.raises(InvalidConfig) as caught:
        validate(Document.from_text(text, "x.yaml"), "x")
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0] == "x.yaml:5:1: k0: unknown key; allowed: " + lines[1].partition("allowed: ")[2]
    assert lines[-1] == "x.yaml:25:1: k20: 19,980 more unknown keys"
