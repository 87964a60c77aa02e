"""Examples: what is drawn to be compared, and rows that stay on disk until a batch needs them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

import lossreg
from lossreg import InvalidInput
from lossreg.experiment.config.run_config import load
from lossreg.experiment.data.preprocessing import prepare_inputs
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.examples import InputRows
from lossreg.experiment.training.pairs_and_triplets import draw_comparisons
from lossreg.experiment.training.prepare import prepare
from lossreg.plugin import Table

LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=40)
COMPARING = [Task.RANKING, Task.PAIRS, Task.TRIPLETS]


@given(LABELS, st.integers(0, 2**32), st.sampled_from(COMPARING))
def test_what_is_drawn_is_what_it_is_said_to_be(labels, seed, task):
    targets = np.array([99, *labels])
    rows = np.arange(1, len(targets))
    counts = np.bincount(labels)
    pairs, several = counts.max() > 1, (counts > 0).sum() > 1
    if not {Task.RANKING: several, Task.PAIRS: pairs or several, Task.TRIPLETS: pairs and several}[task]:
        with pytest.raises(InvalidInput, match="rows make no "):
            draw_comparisons(task, targets, rows, np.random.default_rng(seed))
        return
    index, sides = draw_comparisons(task, targets, rows, np.random.default_rng(seed))
    assert index.shape == (len(sides), task.rows)
    assert set(np.unique(index)) <= set(rows)
    values = targets[index]
    if task is Task.RANKING:
        assert np.array_equal(np.sign(values[:, 0] - values[:, 1]), sides)
    else:
        assert (index[:, 0] != index[:, 1]).all()
        assert np.array_equal(values[:, 0] == values[:, 1], sides > 0)
    if task is Task.TRIPLETS:
        assert (values[:, 0] != values[:, 2]).all()
    again = draw_comparisons(task, targets, rows, np.random.default_rng(seed))
    assert np.array_equal(index, again[0])


def test_every_other_row_may_be_drawn():
    targets = np.repeat([0, 1, 2], 4)
    seen = {task: set() for task in COMPARING}
    for seed in range(60):
        for task, pairs in seen.items():
            index, _ = draw_comparisons(task, targets, np.arange(12), np.random.default_rng(seed))
            pairs |= {(one, other) for one, *others in index.tolist() for other in others}
    assert seen[Task.PAIRS] == seen[Task.TRIPLETS] == {(a, b) for a in range(12) for b in range(12) if a != b}
    assert seen[Task.RANKING] == {(a, b) for a in range(12) for b in range(12) if a // 4 != b // 4}


def test_a_pairs_rows_stand_one_after_the_other():
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    rows = InputRows(table, np.array([[3, 0], [1, 2]]))
    assert (len(rows), rows.shape) == (2, (2, 3))
    assert rows.take(slice(None)).tolist() == table[[3, 0, 1, 2]].tolist()
    out = rows.allocate(1)
    assert rows.take(np.array([1]), out) is out
    assert out.tolist() == table[[1, 2]].tolist()


def test_a_mapped_file_gives_the_batches_that_an_array_gives(tmp_path):
    values = np.random.default_rng(0).normal(5, 3, (3000, 4))
    np.save(tmp_path / "x.npy", values)
    mapped = Table(np.load(tmp_path / "x.npy", mmap_mode="r"), values[:, 0])
    rows = np.arange(0, 3000, 2)
    one, other = (prepare_inputs(table, rows, standardise=True) for table in (Table(values, values[:, 0]), mapped))
    assert isinstance(other.inputs, np.memmap)
    np.testing.assert_array_equal(one.scaling, other.scaling)
    scalings = [each.batch_scaling for each in (one, other)]
    assert scalings[0] is None
    found = [
        InputRows(each.inputs, rows[:, np.newaxis], scaling).take(slice(5, 700))
        for each, scaling in zip((one, other), scalings, strict=True)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.slow  # 3 s of processor time
def test_inputs_larger_than_memory_are_read_by_batch(tmp_path):
    inputs, features = tmp_path / "x.npy", 2000
    rows = 40_000
    mapped = np.lib.format.open_memmap(inputs, mode="w+", dtype=np.float32, shape=(rows, features))  # a sparse file
    mapped[:, 0] = np.linspace(-1, 1, rows)
    del mapped
    np.save(tmp_path / "y.npy", np.linspace(-1, 1, rows))
    data = {"name": "npy", "inputs": str(inputs), "targets": str(tmp_path / "y.npy"), "standardise": True}
    given = {"data": data, "model": "linear", "optimizer": {"name": "sgd", "lr": 0.1}, "loss": "mse"}
    given["train"] = {"steps": 20}
    prepare(load({**given, "data": {"name": "random"}}))  # what is compiled does not count
    tracemalloc.start()
    result = lossreg.run(given, root=tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert inputs.stat().st_size == pytest.approx(320e6, rel=0.01)
    assert peak < 80e6
    assert result.final["train_r2"] > 0.5
