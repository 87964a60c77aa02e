"""The studies: their prose shows what was recorded, and the recorded numbers come out again."""

import importlib
import sys

import pytest
from project import ROOT

FOLDER = ROOT / "experiments" / "studies"
sys.path.insert(0, str(FOLDER))

import common  # noqa: E402  a script

NEEDED = {
    "boosting": ("xgboost", "statsmodels"),
    "chooser": ("scipy", "statsmodels"),
    "counts": ("statsmodels",),
    "intervals": ("statsmodels",),
    "segmentation": ("torch",),
    "survival": ("lifelines",),
}
"""The packages that a study needs, besides those of the tests; `pip install -e ".[studies]"` installs them."""
STUDIES = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER / name)
    monkeypatch.delitem(sys.modules, "study", raising=False)
    return importlib.import_module("study")


def test_there_are_studies():
    assert len(STUDIES) == 11


@pytest.mark.parametrize("name", STUDIES)
def test_the_prose_shows_what_was_recorded(name, monkeypatch):
    scores = common.recorded(FOLDER / name)
    before, tables, after = common.in_prose(FOLDER / name)
    if name == "chooser":
        expected = load(name, monkeypatch).tables(scores)
    else:
        metrics = list(next(iter(next(iter(scores.values())).values())))
        expected = common.tables(scores, metrics, tables.split("| ")[1].strip())
    assert tables == expected, f"python experiments/studies/{name}/study.py updates it"
    for heading in ("## Question", "## Method", "## Result"):
        assert heading in before + after
    assert "](result.svg)" in before + after
    assert after.count("**") >= 2, "nothing is said of what was found"


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_recorded_number_comes_out_again(name, monkeypatch):
    for package in NEEDED.get(name, ()):
        pytest.importorskip(package)
    study, scores = load(name, monkeypatch), common.recorded(FOLDER / name)
    if name == "chooser":
        expected = scores["wine"]
        again = study.compare("wine")
        assert again["advice"] == expected["advice"]
        scores, again = (one["scores"]["cross_entropy"] for one in (expected, again))
        assert again == pytest.approx(scores, rel=0.05)
        return
    condition = list(scores)[1]
    for method in list(scores[condition])[:2]:
        again = study.one(condition, method, 0)
        for metric, number in again.items():
            # Another processor rounds differently, and training amplifies that.
            assert number == pytest.approx(scores[condition][method][metric][0], rel=0.02)


def test_a_table_marks_the_best_and_what_differs_by_more_than_chance():
    scores = {"a": {"first": {"error": [1.0, 2.0, 3.0]}, "second": {"error": [0.5, 1.4, 2.6]}}}
    assert common.table(scores, "error", "case").splitlines()[2] == "| a | 2 ± 1 | **1.5 ± 1.1**\\* |"
