"""Tables, their split and standardisation, and the data sets that come with lossreg."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from lossreg import InvalidConfig, InvalidInput
from lossreg.experiment.config.run_config import load as load_config
from lossreg.experiment.data.preprocessing import Scaling, prepare_inputs
from lossreg.experiment.data.split import split
from lossreg.experiment.training.prepare import prepare
from lossreg.experiment.training.tables import Tables
from lossreg.plugin import Columns, Table
from lossreg.registry.registries import data


def load(name, **parameters):
    component = data.get(name)
    found = component.function(**component.bind(parameters))
    return Table.of(found) if isinstance(found, Columns) else found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table"


@pytest.mark.parametrize(
    ("inputs", "targets", "classes", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], (), "inputs: expected the shape (rows, features), got (2,)"),
        (np.empty((0, 3)), [], (), "inputs: expected the shape (rows, features), got (0, 3)"),
        ([[1.0], [2.0]], [1.0], (), "expected one real target for each of the 2 rows, got an array of shape (1, 1)"),
        (
            [[1.0], [2.0]],
            [[0], [1]],
            ("a", "b"),
            "expected one label for each of the 2 rows, got an array of shape (2, 1)",
        ),
        ([[1.0], [2.0]], [0, 2], ("a", "b"), "expected labels from 0 to 1, got labels from 0 to 2"),
        ([[1.0], [2.0]], [-1, 1], ("a", "b"), "expected labels from 0 to 1, got labels from -1 to 1"),
        ([[1.0], [2.0]], [0.0, 1.0], ("a", "b"), "expected labels from 0 to 1, got an array of float64"),
        ([["a"], ["b"]], [0, 1], ("a", "b"), "expected numbers in 'x0', got an array of <U1"),
        (
            [[1, 2], [3, np.nan], [0, np.inf]],
            [1, 2, 3],
            (),
            "'x1': not a finite number in 2 of 3 rows; the first is nan, in row 2",
        ),
        ([[1], [2]], [1, -np.inf], (), "'the target': not a finite number in 1 of 2 rows; the first is -inf, in row 2"),
    ],
)
def test_a_table_refuses_what_does_not_fit(inputs, targets, classes, message):
    with pytest.raises(InvalidInput, match=re.escape(message)):
        Table(inputs, targets, classes)


def test_real_targets_are_columns_and_labels_are_not():
    assert Table([[1], [2]], [3, 4]).targets.shape == (2, 1)
    assert Table([[1], [2]], [0, 1], ("a", "b")).targets.shape == (2,)


@pytest.mark.parametrize(
    ("labels", "classes", "targets"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([10, 9, 10], ("9", "10"), [1, 0, 1]),
        ([2.0, 1.5, 2.0], ("1.5", "2"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
    ],
)
def test_labels_of_any_kind_become_sorted_classes(labels, classes, targets):
    table = Table.labelled([[0], [1], [2]], labels)
    assert table.classes == classes
    assert table.targets.tolist() == targets


TABLES = st.lists(st.integers(0, 3), min_size=2, max_size=80)


@given(TABLES, st.floats(0.05, 0.9), st.integers(0, 2**32))
def test_a_split_takes_its_share_of_every_class(labels, test, seed):
    table = Table.labelled(np.arange(len(labels))[:, None], labels)
    counts = np.bincount(table.targets)
    try:
        kept, held = split(table, {"test": test}, np.random.default_rng(seed))
    except InvalidInput:
        assert all(counts == 1) or round(test * len(labels)) == 0
        return
    assert sorted([*kept, *held]) == list(range(len(labels)))
    taken = np.bincount(table.targets[held], minlength=len(counts))
    assert (taken < counts).all()
    assert (abs(taken - test * counts) < 1).all() or (counts == 1).any() or (counts - taken == 1).any()
    again = split(table, {"test": test}, np.random.default_rng(seed))
    assert all(np.array_equal(one, other) for one, other in zip((kept, held), again, strict=True))


def test_a_split_of_real_targets_has_the_size_asked_for_and_follows_the_seed():
    table = Table(np.arange(100)[:, None], np.arange(100.0))
    draws = [split(table, {"test": 0.3}, np.random.default_rng(seed))[1] for seed in range(3)]
    assert [len(held) for held in draws] == [30, 30, 30]
    assert len({tuple(held) for held in draws}) == 3


def test_a_split_that_leaves_nothing_is_refused_and_none_is_allowed():
    table = Table(np.arange(3)[:, None], np.arange(3.0))
    with pytest.raises(InvalidInput, match=r"test: 0.1 of 3 rows gives no test rows; give a larger fraction"):
        split(table, {"test": 0.1}, np.random.default_rng(0))
    kept, held = split(table, {"test": 0.0}, np.random.default_rng(0))
    assert (len(kept), len(held)) == (3, 0)


def test_standardisation_knows_only_the_rows_to_train_on():
    random = np.random.default_rng(0)
    train, test = random.normal(5, 3, (50, 4)), random.normal(5, 3, (20, 4))
    train[:, 2] = 0.1
    scaling = Scaling.of(np.concatenate([test, train]), np.arange(20, 70))
    kept, held = scaling(train), scaling(test)
    varied = [0, 1, 3]
    assert np.allclose(kept[:, varied].mean(axis=0), 0)
    assert np.allclose(kept[:, varied].std(axis=0), 1)
    assert np.allclose(held[:, varied], ((test - train.mean(axis=0)) / train.std(axis=0))[:, varied])
    assert not kept[:, 2].any()
    assert not held[:, 2].any()


@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"),
    [
        ("digits", 1797, 64, 10),
        ("breast_cancer", 569, 30, 2),
        ("wine", 178, 13, 3),
        ("iris", 150, 4, 3),
        ("diabetes", 442, 10, 0),
    ],
)
def test_the_bundled_sets_are_what_their_documentation_says(name, rows, features, classes):
    table = load(name)
    assert table.inputs.shape == (rows, features)
    assert len(table.features) == features
    assert len(table.classes) == classes
    assert f"{rows:,} rows, {features} features" in data.get(name).doc


def test_random_data_follows_its_seed_and_its_teacher():
    one, same, other = (load("random", samples=500, noise=0.0, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.inputs, same.inputs)
    assert not np.array_equal(one.inputs, other.inputs)
    teacher, residual, *_ = np.linalg.lstsq(one.inputs, one.targets)
    assert residual < 1e-20
    assert 0.1 < np.abs(teacher).max() < 3
    labels = load("random", classes=3, features=5)
    assert set(labels.targets) == {0, 1, 2}
    assert load("random", outputs=2).targets.shape == (1000, 2)


def write(path, text):
    path.write_text(text, "utf-8")


def test_csv_columns_are_found_by_name(path):
    write(path, "\ufeffa,kind,b\n1,x,2\n\n3e0,y,-4.5\n5,x,6\n")
    table = load("csv", path=str(path), target="kind")
    assert table.inputs.tolist() == [[1, 2], [3, -4.5], [5, 6]]
    assert (table.classes, table.features, table.targets.tolist()) == (("x", "y"), ("a", "b"), [0, 1, 0])


def test_a_csv_target_of_numbers_is_real_unless_classes_are_asked_for(path):
    write(path, "a,b,c\n1,10,0\n2,9,1\n3,10,2\n")
    assert load("csv", path=str(path), target="b").targets.tolist() == [[10], [9], [10]]
    assert load("csv", path=str(path), target=["c", "b"]).targets.tolist() == [[0, 10], [1, 9], [2, 10]]
    assert load("csv", path=str(path), target="b", task="classification").classes == ("9", "10")


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("a,b\n1,2\n", "B", "target: there is no column 'B'; did you mean 'b'?"),
        ("a,b\n1,2\n", "cost", "target: there is no column 'cost'; the columns are a, b"),
        ("a,b\n1,2\nx,3\n?,4\n", "b", "column 'a': not a number in 2 of 3 rows; the first is 'x', in row 2"),
        (
            "a,b\n1,2\n,3\n",
            "b",
            "column 'a': missing in 1 of 2 rows; the first is '', in row 2; on_missing: drop leaves",
        ),
        (
            "a,b\n1,2\nnan,3\n",
            "b",
            "column 'a': missing in 1 of 2 rows; the first is 'nan', in row 2; on_missing: drop leaves",
        ),
        ("a,b\n1,2\n1\n1,2,3\n", "b", "the header has 2 cells, but 2 of 3 rows do not; one is '1'"),
        ("a,a\n1,2\n", "a", "two columns have the same name: 'a'"),
        ("a,b\n", "b", "the file has no rows of data"),
        ("", "b", "the file has no rows of data"),
        ("a,b\n1,2\ninf,3\n", "b", "'a': not a finite number in 1 of 2 rows; the first is inf, in row 2"),
        ("a,b\n1,2\n-1.7e308,3\n", "b", "'a': beyond the range of float32 in 1 of 2 rows; the first is -1.7e+308"),
        ("a,b,\n1,2,3\n", "cost", "target: there is no column 'cost'; the columns are '', a, b"),
        (
            "a,b\n" + "".join(f"{n},{n}.5\n" for n in range(30)) + "30,about 7\n",
            "b",
            "column 'b': not a number in 1 of 31 rows; the first is 'about 7', in row 31; task: classification takes",
        ),
        (
            "b\n1\n",
            "b",
            "expected at least one column of inputs besides the target, and none that is both; the columns are b",
        ),
        ('a,b\n1,"2\n', "b", "cannot be read as csv"),
    ],
)
def test_csv_errors_say_where(path, text, target, message):
    write(path, text)
    with pytest.raises(InvalidInput, match=re.escape(message)):
        load("csv", path=str(path), target=target)


MIXED = "id,size,colour,price\n1,2.5,red,10\n2,,blue,20\n3,1.5,,30\n4,3.5,red,\n5,0.5,blue,50\n"


def test_columns_are_chosen_and_words_become_columns_of_0_and_1(path):
    write(path, MIXED.replace("2,,", "2,8,").replace("3,1.5,,", "3,1.5,green,").replace("red,\n", "red,40\n"))
    table = load("csv", path=str(path), target="price", columns=["colour", "size"])
    assert table.features == ("colour=blue", "colour=green", "colour=red", "size")
    assert table.categories == {"colour": ("blue", "green", "red")}
    assert table.target_names == ("price",)
    assert table.inputs.tolist()[:3] == [[0, 0, 1, 2.5], [1, 0, 0, 8], [0, 1, 0, 1.5]]
    for columns, message in (
        (["size", "color"], "columns: there is no column 'color'; did you mean 'colour'?"),
        (["size", "price"], "expected at least one column of inputs besides the target"),
        ([], "expected at least one column of inputs besides the target"),
    ):
        with pytest.raises(InvalidInput, match=re.escape(message)):
            load("csv", path=str(path), target="price", columns=columns)


def test_missing_cells_of_all_columns_are_reported_together(path):
    write(path, MIXED)
    with pytest.raises(InvalidInput) as caught:
        load("csv", path=str(path), target="price")
    problem, remedy = "missing in 1 of 5 rows; the first is '', in row", "on_missing: drop leaves out these rows"
    assert str(caught.value).splitlines() == [
        f"column 'size': {problem} 2; {remedy}, mean fills in the mean of the column",
        f"column 'colour': {problem} 3; {remedy}, mean has a category for them",
        f"column 'price': {problem} 4; {remedy}",
    ]


def test_rows_with_missing_cells_are_dropped_on_demand(path):
    write(path, MIXED)
    table = load("csv", path=str(path), target="price", on_missing="drop")
    assert table.inputs[:, 0].tolist() == [1, 5]
    assert table.targets.tolist() == [[10], [50]]
    write(path, "a,b\n,1\n2,\n")
    with pytest.raises(InvalidInput, match="on_missing: each of the 2 rows has a missing cell"):
        load("csv", path=str(path), target="b", on_missing="drop")


def test_missing_cells_become_the_mean_of_the_rows_to_train_on(path):
    write(path, MIXED.replace("red,\n", "red,40\n"))
    table = load("csv", path=str(path), target="price", on_missing="mean")
    rows = np.array([0, 1, 3])
    prepared = prepare_inputs(table, rows, standardise=False)
    assert prepared.inputs[1, 1] == 3  # of 2.5 and 3.5
    assert prepared.inputs[2, 2:].tolist() == [0, 0, 1]  # a missing word is a category of its own
    assert prepared.fill[1] == 3
    scaled = prepare_inputs(table, rows, standardise=True)
    assert scaled.inputs[1, 1] == 0
    assert scaled.scaling.mean[1] == 3
    write(path, MIXED)
    assert load("csv", path=str(path), target="price", on_missing="mean").notes == (
        "1 of 5 rows have no target and are left out",
    )


def test_a_category_of_too_many_words_is_a_name(path):
    write(path, "name,y\n" + "".join(f"n{row},{row}\n" for row in range(300)))
    with pytest.raises(
        InvalidInput, match="column 'name': 300 different words, but a categorical column may have at most 256"
    ):
        load("csv", path=str(path), target="y")


def test_parquet_has_types_and_the_same_rules_as_csv(path):
    columns = {
        "size": pa.array([2.5, None, 1.5, 3.5], pa.float32()),
        "colour": pa.array(["red", "blue", None, "red"]).dictionary_encode(),
        "old": pa.array([True, False, True, True]),
        "count": pa.array([3, 4, 5, 6], pa.int16()),
        "day": pa.array([1, 2, 3, 4], pa.date32()),
    }
    pq.write_table(pa.table(columns), path)
    table = load("parquet", path=str(path), target="count", columns=["old", "size", "colour"], on_missing="drop")
    assert table.features == ("old=True", "size", "colour=red")
    assert table.inputs.tolist() == [[1, 2.5, 1], [1, 3.5, 1]]
    assert table.targets.tolist() == [[3], [6]]
    assert load("parquet", path=str(path), target="old", columns=["count"]).targets.tolist() == [1, 0, 1, 1]
    for options, message in (
        ({"target": "old", "columns": ["size"]}, "column 'size': missing in 1 of 4 rows; the first is None, in row 2"),
        ({"target": "cont"}, "target: there is no column 'cont'; did you mean 'count'?"),
        (
            {"target": "old", "columns": ["day"]},
            "column 'day': its cells are dates; leave it out with exclude, or write kinds: {day: date}",
        ),
    ):
        with pytest.raises(InvalidInput, match=re.escape(message)):
            load("parquet", path=str(path), **options)
    path.write_bytes(b"no parquet")
    with pytest.raises(InvalidInput, match=r"path: .*: cannot be read as parquet"):
        load("parquet", path=str(path), target="old")


def test_npy_inputs_stay_on_disk(tmp_path):
    names = {"inputs": str(tmp_path / "x.npy"), "targets": str(tmp_path / "y.npy")}
    np.save(names["inputs"], np.eye(4))
    np.save(names["targets"], np.array([5, 7, 5, 7]))
    table = load("npy", **names)
    assert isinstance(table.inputs, np.memmap)
    assert (table.classes, table.targets.tolist()) == (("5", "7"), [0, 1, 0, 1])
    assert load("npy", **names, task="regression").targets.tolist() == [[5], [7], [5], [7]]
    for name in names:
        with pytest.raises(InvalidInput, match=f"{name}: no.npy: cannot be read as npy"):
            load("npy", **{**names, name: "no.npy"})
    np.save(names["inputs"], np.array([[1.0], [2.0], [np.nan], [4.0]]))
    with pytest.raises(InvalidInput, match="'x0': not a finite number in 1 of 4 rows; the first is nan, in row 3"):
        load("npy", **names)


def test_a_number_may_have_the_minus_sign_of_print(path):
    write(path, "a,b\n\u22121.5,2e\u22121\n3,\u22124\n")
    table = load("csv", path=str(path), target="b")
    assert (table.inputs.tolist(), table.targets.tolist()) == ([[-1.5], [3]], [[0.2], [-4]])


def test_a_regression_on_words_is_refused(path):
    write(path, "a,b\n1,x\n")
    with pytest.raises(InvalidInput, match="column 'b': not a number in 1 of 1 rows; the first is 'x', in row 1"):
        load("csv", path=str(path), target="b", task="regression")


@pytest.mark.parametrize("name", ["csv", "npz", "parquet"])
def test_a_file_that_is_not_there_says_so(path, name):
    needed = {} if name == "npz" else {"target": "y"}
    with pytest.raises(InvalidInput, match=r"cannot be read.*No such file"):
        load(name, path=str(path), **needed)


def test_npz_arrays_go_by_name_and_type(path):
    path = path.with_suffix(".npz")
    np.savez(path, x=np.eye(3), y=np.array([5, 7, 5]), z=np.arange(6.0).reshape(3, 2), w=np.array(["p", "q", "p"]))
    assert load("npz", path=str(path)).classes == ("5", "7")
    assert load("npz", path=str(path), targets="w").classes == ("p", "q")
    assert load("npz", path=str(path), targets="z").targets.shape == (3, 2)
    assert load("npz", path=str(path), task="regression").targets.tolist() == [[5], [7], [5]]
    with pytest.raises(InvalidInput, match=r"there is no array 'v'; it has x, y, z, w"):
        load("npz", path=str(path), targets="v")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x93NUMPY\x01\x00junk"])
def test_an_npz_that_is_none_says_so(path, content):
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read as npz"):
        load("npz", path=str(path))


def test_an_npz_with_objects_is_not_unpickled(path):
    path = path.with_suffix(".npz")
    np.savez(path, x=np.eye(2), y=np.array([{}, {}], dtype=object))
    with pytest.raises(InvalidInput, match="cannot be read as npz"):
        load("npz", path=str(path))


def survival(**changes):
    columns = {
        "a": [0.5, -1.0, 2.0, 1.5],
        "event": ["Yes", "no", "no", "yes"],
        "words": ["dead", "survived", "dead", "survived"],
        "time": [3.0, 1.0, 2.0, 4.0],
        "time2": [3.0, 1.0, 2.0, 4.0],
    }
    data = {
        "name": "frame",
        "target": "time",
        "columns": ["a", "event", "words"],
        "event": "event",
        "test": 0,
        **changes,
    }
    config = {"data": data, "model": "linear", "optimizer": "adam", "loss": "aft", "train": {"epochs": 1}}
    return prepare(load_config(config), Tables(source=columns))


def test_events_are_words_that_say_which_is_observed():
    prepared = survival()
    assert prepared.train.beside["event"].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": "words"}, "data.event: column 'words': expected 1, true or yes .* 0, false or no .*; got 'dead'"),
        ({"weight": "words"}, "data.weight: column 'words': .*; got the words dead, survived"),
        ({"target": ["time", "time2"]}, "loss: aft takes one time for each row, but the data have 2 target columns"),
    ],
)
def test_words_that_are_no_events_or_weights_are_refused(changes, message):
    with pytest.raises(InvalidConfig, match=message):
        survival(**changes)
