"""The studies: their prose shows what was recorded, and the recorded numbers come out again."""

import importlib
import sys

import pytest
from project import ROOT

FOLDER = ROOT / "experiments" / "studies"
sys.path.insert(0, str(FOLDER))

import common  # noqa: E402  a script

STUDIES = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER / name)
    monkeypatch.delitem(sys.modules, "study", raising=False)
    return importlib.import_module("study")


def test_there_are_studies():
    assert STUDIES == ["class_imbalance", "robust_regression"]


@pytest.mark.parametrize("name", STUDIES)
def test_the_prose_shows_what_was_recorded(name, monkeypatch):
    study, scores = load(name, monkeypatch), common.recorded(FOLDER / name)
    before, tables, after = common.in_prose(FOLDER / name)
    label = tables.split("| ")[1].strip()
    assert tables == common.tables(scores, study.METRICS, label), (
        f"python experiments/studies/{name}/study.py updates it"
    )
    for heading in ("## Question", "## Method", "## Result"):
        assert heading in before + after
    assert "](result.svg)" in before + after
    assert len(next(iter(next(iter(scores.values())).values()))[study.METRICS[0]]) == study.SEEDS


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_recorded_number_comes_out_again(name, monkeypatch):
    study, scores = load(name, monkeypatch), common.recorded(FOLDER / name)
    condition = list(scores)[1]
    for method in list(scores[condition])[:2]:
        again = study.one(condition, method, 0)
        for metric, number in again.items():
            # Another processor rounds differently, and training amplifies that.
            assert number == pytest.approx(scores[condition][method][metric][0], rel=0.02)


def test_a_table_marks_the_best_and_what_differs_by_more_than_chance():
    scores = {"a": {"first": {"error": [1.0, 2.0, 3.0]}, "second": {"error": [0.5, 1.4, 2.6]}}}
    assert common.table(scores, "error", "case").splitlines()[2] == "| a | 2 ± 1 | **1.5 ± 1.1**\\* |"
