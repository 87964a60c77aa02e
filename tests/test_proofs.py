"""The table of proofs has a row for each built-in loss, and no cell of it is empty."""

import sys

import pytest
from project import ENTRY_POINTS, ROOT

sys.path.insert(0, str(ROOT / "experiments" / "proofs"))

import table

HEAD = ("loss", "source", "oracle", "compared with", "grade", "speed", "config")
ROWS = {row[0].strip("`"): dict(zip(HEAD, row, strict=True)) for row in table.rows()}


def test_every_loss_has_a_row():
    assert [*ROWS] == sorted(ENTRY_POINTS["lossreg.losses"])


@pytest.mark.parametrize("name", ROWS)
def test_no_cell_is_empty_and_a_grade_below_a_has_its_reason(name):
    assert [column for column, cell in ROWS[name].items() if not cell] == []
    grade, _, reason = ROWS[name]["grade"].partition(": ")
    assert grade.startswith("A ") != bool(reason)


def test_the_document_has_the_table():
    assert table.table() in table.DOCUMENT.read_text("utf-8"), "python experiments/proofs/table.py --write updates it"
