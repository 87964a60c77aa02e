"""The benchmark's machinery: it has every loss, measures what it says, and shows what it measured. Nothing is timed."""

import ast
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.experiment.training.prepare import prepare
from lossreg.kernels.drivers.threads import WORK
from lossreg.registry.registries import losses

SPEED = Path(__file__).parents[1] / "experiments" / "speed"
sys.path.insert(0, str(SPEED))

import cases  # noqa: E402  scripts of a study, which are no package
import cliffs  # noqa: E402
import engines  # noqa: E402
import measure  # noqa: E402
import summary  # noqa: E402
import timing  # noqa: E402
import training  # noqa: E402

SMALLEST = [
    min((case for case in cases.CASES if case.entry is entry), key=lambda c: c.elements) for entry in cases.ENTRIES
]


def name_of(case):
    return case.name


# The cases


def test_every_loss_that_is_measured_is_installed_and_has_a_formula_for_jax():
    measured = {entry.loss for entry in cases.ENTRIES}
    assert measured <= {offer.name for offer in losses.offers() if offer.distribution == "lossreg"}
    assert len(measured) >= 23  # those that PyTorch has
    tree = ast.parse((SPEED / "formulas.py").read_text("utf-8"))
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} == measured


def test_cases_can_be_sent_to_the_processes_that_measure_them():
    everyone = [*cases.CASES, *cases.ladder()]
    assert [case.name for case in pickle.loads(pickle.dumps(everyone))] == [case.name for case in everyone]  # noqa: S301


def test_a_case_has_a_name_of_its_own():
    names = [case.name for case in (*cases.CASES, *cases.ladder())]
    ladder = {f"{loss} 1M" for loss in ("mse", "bce_with_logits")}
    assert {name for name in names if names.count(name) > 1} == ladder  # they are in both sections
    assert "cross_entropy 8 x 21 x 128 x 128" in names
    assert "mse 16M" in names


@pytest.mark.parametrize("case", SMALLEST, ids=name_of)
def test_the_inputs_are_the_same_for_everyone_and_have_a_loss(case):
    arrays = case.arrays("float32")
    assert {x.dtype.name for x in arrays} <= {"float32", "int64"}
    assert {x.dtype.name for x in case.arrays("float64")} <= {"float64", "int64"}
    for one, other in zip(arrays, case.arrays("float32"), strict=True):
        np.testing.assert_array_equal(one, other)
    problem = engines.Problem(case)
    contender = engines.ours(problem)
    value, grads = contender.read(contender.call())
    assert np.isfinite(value)
    assert value != 0
    assert [grad.shape for grad in grads] == [arrays[at].shape for at in problem.graded]
    assert all(np.any(grad) for grad in grads)


# The engines


COPIED = [case for case in SMALLEST if not case.entry.product and "limit" not in case.entry.left_out]


@pytest.mark.parametrize("case", COPIED, ids=name_of)
def test_the_limit_writes_as_many_numbers_as_the_gradients_have(case, monkeypatch):
    read, written = [], []
    monkeypatch.setattr(np, "add", lambda x, y, out: (read.extend((x, y)), written.append(out)))
    monkeypatch.setattr(np, "copyto", lambda out, x: (read.append(x), written.append(out)))
    problem = engines.Problem(case)
    engines.limit(problem).call()
    assert [out.size for out in written] == [case.elements] * len(problem.graded)
    assert sum(x.size for x in read) == sum(
        x.size for x in problem.arrays if x.dtype.kind == "f" and x.ndim == len(case.size.shape)
    )


def test_the_limit_of_a_matrix_product_is_the_product():
    rows, weights = np.arange(6.0, dtype="float32").reshape(2, 3), np.arange(12.0, dtype="float32").reshape(4, 3)
    entry = cases.Entry("linear", (lambda *_: rows, lambda *_: weights), "", (), product=True)
    problem = engines.Problem(cases.Case(entry, cases.Size("", (2, 3))))
    logits, back, aside = engines.limit(problem).call()
    np.testing.assert_array_equal(logits, rows @ weights.T)
    assert (back.shape, aside.shape) == (rows.shape, weights.shape)


def test_an_engine_that_gives_something_else_is_an_error(monkeypatch):
    (case,) = (case for case in SMALLEST if case.entry.loss == "mse")

    def half(problem):
        value, grads = engines.ours(problem).read(engines.ours(problem).call())
        return engines.Contender(lambda: (value, [grad / 2 for grad in grads]), lambda found: found)

    monkeypatch.setitem(engines.ENGINES, "half", half)
    monkeypatch.setitem(engines.ENGINES, "absent", lambda _: None)
    problem = engines.Problem(case)
    assert list(engines.contenders(problem, ("lossreg", "lossreg out=", "absent", "limit"))) == [
        "lossreg",
        "lossreg out=",
        "limit",
    ]
    with pytest.raises(ValueError, match=r"^mse 32 x 1, half: apart from lossreg by "):
        engines.contenders(problem, ("lossreg", "half"))


def test_lossreg_beside_itself_has_the_threads_and_the_type_that_it_says():
    (case,) = (case for case in SMALLEST if case.entry.loss == "mse")
    problem, before = engines.Problem(case, "float64", threads=2), lossreg.get_num_threads()
    try:
        for make, threads, kind in (
            (engines.ours, 2, "float64"),
            (engines.ours_one_thread, 1, "float64"),
            (engines.ours_float32, 2, "float32"),
        ):
            contender = make(problem)
            contender.before()
            assert lossreg.get_num_threads() == threads
            assert contender.call()[1].dtype == kind
    finally:
        lossreg.set_num_threads(before)


def test_what_a_second_thread_does_is_measured_where_no_peer_is_and_where_one_is_woken():
    sections = {section.name: section for section in measure.plan(quick=False)}
    scaling = sections["scaling"]
    assert set(scaling.engines) == {"lossreg", "lossreg one thread", "lossreg out="}
    assert cases.LARGE == 2 * WORK
    assert {case.name for case in scaling.cases} > {"mse 1M", "mse 16M", "cross_entropy 256 x 32,000"}
    assert len({case.name for case in scaling.cases}) == len(scaling.cases)


# The clock


def test_engines_take_turns_and_each_begins_a_round(monkeypatch):
    monkeypatch.setattr(timing, "SHORTEST", 0)
    calls = []
    contenders = {name: engines.Contender(lambda name=name: calls.append(name)) for name in "abc"}
    times = timing.rounds(contenders, 0)
    taken = "".join(calls[-3 * timing.ROUNDS[0] :])
    assert taken == ("abcbcacab" * timing.ROUNDS[0])[: len(taken)]
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys("abc", timing.ROUNDS[0])


def test_a_ratio_is_taken_within_each_round():
    found = timing.summarised({"lossreg": [1.0, 2.0, 4.0], "torch": [3.0, 2.0, 8.0]})
    assert found["seconds"]["lossreg"][1] == 2
    assert found["ratios"] == {"torch": [1.5, 2.0, 2.5]}  # of 3, 1 and 2


# What is shown


def row(case, group, **ratios):
    return {
        "case": case,
        "group": group,
        "seconds": {"lossreg": [1e-3, 1e-3, 1e-3]},
        "ratios": {name.replace("_", "."): [value] * 3 for name, value in ratios.items()},
    }


def test_peers_that_are_faster_are_listed_the_worst_first():
    rows = [row("a", "1M elements", torch=4.0, jax_jit=0.9, limit=0.5), row("b", "image", torch=0.25, limit=0.5)]
    results = summary.recorded() | {"failed": ["cases, c FAILED: no"]}
    results["sections"] = dict.fromkeys(("cases", "float64", "value", "threads", "scaling", "sizes"), rows) | {
        "start": [],
        "training": [],
    }
    assert summary.faster_peers(rows) == [([0.25] * 3, "b", "torch"), ([0.9] * 3, "a", "jax.jit")]
    first, second, third, fourth = summary.closing(results).splitlines()[:4]
    assert first == "FAILED  cases, c FAILED: no"
    assert second.startswith("Where a peer is faster")
    assert third == "  0.25 (0.25 to 0.25)  b, torch [cases]"
    assert fourth == "  0.90 (0.90 to 0.90)  a, jax.jit [cases]"
    table = summary.page_table(results)
    assert "| all | 2 |  | 1.0 (0.25 to 4.0) |  | 0.90 |  | 2.0 (2.0 to 2.0) |" in table
    assert "A peer takes less time in `b` (torch 0.25), `a` (jax.jit 0.90)." in table


def test_the_table_of_speed_is_what_was_measured():
    _, table, after = summary.in_page()
    assert after, "docs/speed.md has no <!-- speed --> and <!-- /speed -->"
    assert table == summary.page_table(summary.recorded()), "make bench measures again and updates it"
    assert not summary.recorded()["failed"]


def test_every_cliff_has_a_cause_and_every_cause_a_cliff():
    rows = [row for row in cliffs.recorded() if cliffs.is_cliff(row)]
    assert [row for row in rows if cliffs.cause_of(row) is None] == []
    assert {*cliffs.CAUSES} == {cliffs.cause_of(row) for row in rows}


def test_the_page_of_cliffs_is_what_was_measured():
    assert cliffs.PAGE.read_text("utf-8") == cliffs.page(cliffs.recorded()), "cliffs.py --write updates it"
    known = {"case": "mse 1M", "variant": "strided", "seconds": 1e-3, "ratio": 9.0, "copy": 0.5}
    assert [cliffs.is_cliff(known | changes) for changes in ({}, {"ratio": 1.9}, {"ratio": 1.9, "torch": 1.8})] == [
        True,
        False,
        True,
    ]
    shown = cliffs.page([known | {"case": "another loss"}]).splitlines()[-1]
    assert shown == "| another loss | strided | **9.00** | 0.50 |  | **unexplained** |"


# The training loops


def test_the_training_of_each_config_is_prepared_and_runs():
    for name in training.CONFIGS:
        prepared = prepare(load(training.ROOT / "configs" / f"{name}.yaml"))
        inputs, targets = training.as_arrays(prepared.train)
        assert inputs.ndim == 2
        assert len(inputs) == len(targets)
    assert training.ours(training.ROOT / "configs" / "linear_mse.yaml")(1) > 0


def test_the_script_that_measures_can_be_imported():
    assert measure.plan(quick=True)


def test_every_loss_has_a_plain_formula_to_be_timed_beside():
    names = {entry.loss for entry in cases.ENTRIES}
    for module in ("elements", "rows", "embeddings", "batches"):
        tree = ast.parse((SPEED / "catalogue" / f"{module}.py").read_text("utf-8"))
        tables = [node.value for node in tree.body if isinstance(node, ast.AnnAssign)]
        names |= {key.value for table in tables if isinstance(table, ast.Dict) for key in table.keys}
    assert names == {offer.name for offer in losses.offers() if offer.distribution == "lossreg"}
