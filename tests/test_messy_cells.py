"""Cells and headers that people find in their files: each is read as it is meant, or said to be unclear."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.cli import main
from lossreg.experiment.config.run_config import load
from lossreg.experiment.training.tables import Tables

ROWS = 60
NUMBERS = np.random.default_rng(0).normal(size=ROWS)


def file_of(folder, cell, header="a,x,y", **form):
    """Write a file in which a function gives the cell of each row, and return its path."""
    separator, end, before = form.get("separator", ","), form.get("end", "\n"), form.get("before", "")
    lines = [
        f"{cell(row)}{separator}{x:.3f}{separator}{'yes' if x > 0 else 'no'}" for row, x in enumerate(NUMBERS.tolist())
    ]
    path = folder / "t.csv"
    path.write_bytes((before + end.join([header, *lines]) + end).encode())
    return path


def described(path):
    output = io.StringIO()
    with redirect_stdout(output), pytest.raises(SystemExit) as done:
        main(["data", str(path)])
    assert not done.value.code
    return output.getvalue()


def table(path, **settings):
    config = {
        "data": {"name": "csv", "path": str(path), "target": "y", **settings},
        "model": "linear",
        "optimizer": "adam",
        "loss": "cross_entropy",
    }
    return Tables().get(load(config))


def two_formats(row):
    return f"2026-{row % 12 + 1:02d}-{row % 28 + 1:02d}" if row % 2 else f"{row % 28 + 1:02d}.{row % 12 + 1:02d}.2026"


@pytest.mark.parametrize(
    ("cell", "remark", "refusal"),
    [
        (two_formats, "are dates in different formats, of which only one can be read", "in different formats"),
        (lambda row: f"${row}.50", "look like amounts of money", "numbers have no sign of a currency"),
        (lambda row: f"{row}.5 \u20ac", "look like amounts of money", "numbers have no sign of a currency"),
        (lambda row: f"({row}.5)" if row % 3 else "1", "negative numbers in parentheses", "a minus sign"),
        (lambda row: f"{row}.5 kg", "look like numbers with a unit", "no part of a number"),
        (lambda row: f"{row % 24:02d}:{row:02d}", "look like times of day", "times of day"),
        (
            lambda row: "?" if row % 9 == 0 else row / 7,
            "missing: ['', '?'] takes them",
            "takes them for missing cells",
        ),
    ],
)
def test_numbers_with_something_beside_them_are_named_and_refused(tmp_path, cell, remark, refusal):
    path = file_of(tmp_path, cell)
    assert remark in described(path)
    with pytest.raises(InvalidConfig, match=refusal):
        table(path)


def test_few_words_with_digits_stay_categories(tmp_path):
    sizes = table(file_of(tmp_path, lambda row: ["10 kg", "20 kg", "50 kg"][row % 3]))
    assert sizes.features == ("a=10 kg", "a=20 kg", "a=50 kg", "x")


def test_a_number_that_stands_for_missing_cells_is_named(tmp_path):
    path = file_of(tmp_path, lambda row: -999 if row % 9 == 0 else row % 7)
    assert "-999 in 7 rows is far from all others; missing: ['', '-999'] takes it" in described(path)
    found = table(path, missing=["", "-999"], on_missing="mean")
    assert np.isnan(found.inputs[:, 0]).sum() == 7
    assert "far from" not in described(file_of(tmp_path, lambda row: [90, 95, 99][row % 3]))


def test_words_that_look_the_same_are_the_same(tmp_path):
    accents = file_of(tmp_path, lambda row: "caf\u00e9" if row % 2 else "cafe\u0301" if row % 3 else "tea")
    assert table(accents).features == ("a=caf\u00e9", "a=tea", "x")
    (tmp_path / "more").mkdir()
    path = file_of(tmp_path / "more", lambda row: f"{row}.5\u200b")
    assert "number" in described(path)
    path.write_text(path.read_text("utf-8").replace("yes\n", "yes\u200b\n", 5), "utf-8")
    assert table(path).classes == ("no", "yes")
    config = {
        "data": {"name": "csv", "path": str(accents), "target": "y"},
        "model": "linear",
        "optimizer": "adam",
        "loss": "cross_entropy",
        "train": {"epochs": 1},
    }
    model = lossreg.run(config, root=tmp_path / "runs").model
    rows = {"a": ["cafe\u0301", "caf\u00e9"], "x": [0.5, 0.5]}
    first, second = model.predict_proba(rows).tolist()
    assert first == second
    assert not model.notes


def test_dates_with_time_zones_are_days_in_utc(tmp_path):
    zones = ["+01:00", "-0530", "Z", " +02:00", ""]
    path = file_of(tmp_path, lambda row: f"2026-03-01T12:00:00{zones[row % 5]}")
    days = table(path, kinds={"a": "date"}).inputs[:5, 0]
    noon = 20513.5
    assert np.allclose(days, noon - np.array([1, -5.5, 0, 2, 0]) / 24, atol=1e-9)


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f"])
def test_digits_are_grouped_by_any_space(tmp_path, space):
    path = file_of(tmp_path, lambda row: f"12{space}{345 + row},5", "a;x;y", separator=";")
    path.write_text(path.read_text("utf-8").replace(".", ","), "utf-8")
    assert "thousands: ' '" in described(path)
    found = table(path, separator=";", decimal=",", thousands=" ")
    assert found.inputs[:2, 0].tolist() == [12345.5, 12346.5]


def test_what_is_before_the_header_and_a_missing_header_are_named(tmp_path):
    text = described(file_of(tmp_path, lambda row: row % 7, "a;x;y", separator=";", before="sep=;\n"))
    assert "comment: sep=" in text
    assert "3 columns" in text
    path = file_of(tmp_path, lambda row: row % 7, before="Report of sales\n\n")
    with pytest.raises(InvalidConfig, match="if it is a title, comment: 'Report' skips lines that begin so"):
        table(path)
    assert table(path, comment="Report").features == ("a", "x")
    remark = "its name is a number: does the file begin without a header?"
    assert remark in described(file_of(tmp_path, lambda row: row % 7, "3,-0.125,yes"))


def test_a_line_of_any_length_and_zeros_of_either_sign(tmp_path):
    path = file_of(tmp_path, lambda row: "w" * 3_000_000 if row == 5 else "v")
    assert "60 rows, 3 columns" in described(path)
    assert len(table(path).features) == 3
    assert "-0" not in described(file_of(tmp_path, lambda row: "-0.0" if row % 2 else "0"))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_in_any_way(tmp_path, end):
    path = file_of(tmp_path, lambda row: row % 7, end=end)
    assert "60 rows, 3 columns" in described(path)
    assert table(path).features == ("a", "x")
    path.write_bytes(path.read_bytes().replace(end.encode(), b"\n", 20))
    assert table(path).inputs.shape == (ROWS, 2)
