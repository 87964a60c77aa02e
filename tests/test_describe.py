"""What `lossreg data` says about a file: its columns, what looks wrong, and how to read it."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lossreg import InvalidInput
from lossreg.cli import main
from lossreg.experiment.config.yaml_document import Document
from lossreg.experiment.data.columns import Columns
from lossreg.experiment.data.csv_format import guess_format
from lossreg.experiment.data.description import describe
from lossreg.plugin import Table
from lossreg.registry.registries import data

ROWS = 60


def described(cells, **options):
    found = describe(Columns({"column": cells}, "", **options))
    return found[0]


def numbered(form):
    return [form.format(number) for number in range(ROWS)]


@pytest.mark.parametrize(
    ("cells", "kind", "remark"),
    [
        (numbered("{0},5"), "category", "numbers with a decimal comma"),
        (numbered("{0} %"), "category", "percentages: with the kind percent, 5% becomes 0.05"),
        (["2026-01-31", "2026-02-01"] * 30, "category", "dates: with the kind date"),
        (["31.1.2026", "01.02.2026"] * 30, "category", "dates, whose order of day and month is ambiguous"),
        (numbered("1_{0}"), "category", "underscores between the digits"),
        (["1", "-inf"] * 30, "number", "not a finite number in 30 of 60 rows; the first is '-inf', in row 2"),
        (numbered("{0}"), "number", "a different integer in every row, as an identifier has"),
        (numbered("name {0}"), "category", "most words occur once"),
        (["yes", "yes ", "no"] * 20, "category", "20 words with spaces around them, which are removed"),
        (["Yes", "yes", "no"] * 20, "category", "'Yes' and 'yes' differ in upper and lower case only"),
        (["a"] * 60, "category", "all cells are 'a'"),
        (["a"] * 58 + ["b"] * 2, "category", "unbalanced: 96.7% are 'a', and 'b' is in 2 of 60"),
        (["007", "7", "8"] * 20, "number", "integers such as '007' may be codes"),
        (["1", "2", "x"] * 20, "number", "not a number in 20 of 60 rows; the first is 'x', in row 3"),
        (["a", "NA", "b"] * 20, "category", "missing is written as 'NA' in 20 rows; missing: [''] takes such words"),
        ([16777217.0, 3.0] * 30, "number", "integers above 16,777,216, of which float32 does not have all"),
        ([None] * 60, "number", "all cells are missing"),
    ],
)
def test_what_looks_wrong_is_said(cells, kind, remark):
    found = described(cells)
    assert found.kind == kind
    assert any(remark in each for each in found.remarks), found.remarks


def test_an_ordinary_column_has_no_remark():
    ordinary = (["1.5", "2", "2.5"] * 20, ["red", "green"] * 30)
    assert [described(cells).remarks for cells in ordinary] == [(), ()]


@pytest.mark.parametrize(
    ("cells", "kind", "number"),
    [
        (["5 %", "7%"], "percent", 0.05),
        (["31.01.2026", "01.02.2026"], "%d.%m.%Y", 20484),
        (["01/31/26", "02/01/26"], "%m/%d/%y", 20484),
        (["2026-01-31T12:00", "2026-02-01"], "date", 20484.5),
    ],
)
def test_percentages_and_dates_are_numbers_with_the_kind_that_is_suggested(cells, kind, number):
    assert described(cells).kind_to_set == kind
    columns = {"c": cells, "y": [1.0, 2.0]}
    table = Table.from_columns(columns, "y", kinds={"c": kind})
    assert table.inputs[0, 0] == pytest.approx(number)
    with pytest.raises(InvalidInput, match="column 'c': not a"):
        Table.from_columns({"c": [cells[0], "x"], "y": [1.0, 2.0]}, "y", kinds={"c": kind})


def test_the_order_of_day_and_month_is_not_guessed():
    assert described(["01.02.2026", "03.04.2026"]).kind_to_set == ""
    with pytest.raises(
        InvalidInput,
        match=r"kinds: c: expected category, date, hash, number, percent, target_mean, .*'dat'; did you mean 'date'",
    ):
        Table.from_columns({"c": ["1"], "y": [1.0]}, "y", kinds={"c": "dat"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1.5,x\n2,y\n", {}),
        (b"a;b\n1,5;x\n2,5;y\n", {"separator": ";", "decimal": ","}),
        (b"a;b\n1.234,5;x\n2,5;y\n", {"separator": ";", "decimal": ",", "thousands": "."}),
        (b'a,b\n"1,234.5",x\n2.5,y\n', {"thousands": ","}),
        (b"a\tb\n1 234 567\tx\n2\ty\n", {"separator": "\t", "thousands": " "}),
        (b"\xef\xbb\xbfa|b\n1|\xc3\xa4\n", {"separator": "|"}),
        (b"a,b\n1,\xe4\n", {"encoding": "latin-1"}),
        ("a,b\n1,ä\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"# made by hand\na,b\n1,2\n", {"comment": "#"}),
        (b'a,b\n"x;y;z",2\n"u;v;w",3\n', {}),
    ],
)
def test_the_format_that_is_guessed_reads_the_file(tmp_path, content, expected):
    assert guess_format(content) == expected
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    csv = data.get("csv")
    table = csv.function(**csv.bind({"path": str(path), "target": "b", **expected})).source
    assert table.column_names == ["a", "b"]
    assert not [column for column in describe(Columns(table, "b", decimal=expected.get("decimal", "."))) if "comma" in
                str(column.remarks)]  # fmt: skip


def test_a_number_with_a_point_is_none_where_the_decimal_sign_is_a_comma():
    table = Table.from_columns({"a": ["1,5", "-2,25"], "y": [1.0, 2.0]}, "y", decimal=",")
    assert table.inputs.tolist() == [[1.5], [-2.25]]
    with pytest.raises(InvalidInput, match=r"column 'a': not a number in 1 of 2 rows; the first is '1\.2345'"):
        Table.from_columns({"a": ["1,5", "1.2345"], "y": [1.0, 2.0]}, "y", decimal=",")


def messy(path):
    draw = np.random.default_rng(0)
    lines = ["Kunde;Datum;Preis;Anteil;Name;kauft"]
    for row in range(200):
        cells = [
            f"{row + 1000}",
            f"{draw.integers(1, 29)}.{draw.integers(1, 13)}.2025",
            f"{draw.random():.3f}".replace(".", ","),
        ]
        lines.append(";".join([*cells, f"{draw.integers(1, 100)} %", f"Müller {row}", draw.choice(["ja", "nein"])]))
    path.write_bytes("\n".join(lines).encode("latin-1"))


def shown(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    return done.value.code, capsys.readouterr()


def test_a_file_is_shown_in_eighty_columns_with_the_config_that_reads_it(tmp_path, capsys, monkeypatch):
    messy(tmp_path / "kunden.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lossreg.commands.output.width", lambda: 80)
    code, printed = shown(["data", "kunden.csv", "--target", "kauft"], capsys)
    assert not code
    table, config = printed.out.split("In a config:\n\n")
    assert max(map(len, table.splitlines())) <= 80
    assert "kauft (target)" in table
    tmp_path.joinpath("data.yaml").write_text(config)
    content = Document.read(tmp_path / "data.yaml").content["data"]
    assert content["exclude"] == ["Kunde", "Name"]
    assert content["kinds"] == {"Datum": "%d.%m.%Y", "Anteil": "percent"}
    csv = data.get("csv")
    read = Table.of(csv.function(**csv.bind({key: value for key, value in content.items() if key != "name"})))
    assert read.features == ("Datum", "Preis", "Anteil")
    assert read.classes == ("ja", "nein")
    assert (read.inputs[:, 2] < 1).all()
    code, printed = shown(["data", "data.yaml"], capsys)
    assert not code
    assert re.search(r"Anteil +percent +0", printed.out)
    assert "Kunde" not in printed.out


def test_a_target_that_is_not_there_and_a_file_that_cannot_be_read_are_errors(tmp_path, capsys):
    messy(tmp_path / "kunden.csv")
    code, printed = shown(["data", str(tmp_path / "kunden.csv"), "--target", "kaufd"], capsys)
    assert (code, "did you mean 'kauft'" in printed.err) == (2, True)
    code, printed = shown(["data", str(tmp_path / "other.csv")], capsys)
    assert (code, "other.csv" in printed.err) == (2, True)


def test_arrays_have_their_classes_with_counts(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("data: {name: random, samples: 50, features: 3, classes: 2}\nloss: nosuch\n")
    code, printed = shown(["data", str(tmp_path / "config.yaml")], capsys)
    assert not code
    assert printed.out.startswith("50 rows, 3 features\n\nclasses: 0 ")


# Missing cells


def test_words_of_typed_tables_are_no_missing_cells(tmp_path):
    pq.write_table(pa.table({"c": ["NA", "None", "a", None], "y": [1.0, 2.0, 3.0, 4.0]}), tmp_path / "t.parquet")
    parquet = data.get("parquet")
    columns = parquet.function(
        **parquet.bind({"path": str(tmp_path / "t.parquet"), "target": "y", "on_missing": "mean"})
    )
    table = Table.of(columns)
    assert table.features == ("c=NA", "c=None", "c=a", "c=missing")
    assert table.inputs.tolist() == np.eye(4).tolist()


def test_rows_without_a_target_are_left_out_where_the_mean_is_filled_in():
    table = Table.from_columns({"a": ["1", "", "3"], "y": ["1", "2", ""]}, "y", on_missing="mean")
    assert table.inputs.shape == (2, 1)
    assert table.notes == ("1 of 3 rows have no target and are left out",)


def test_the_remedy_for_a_word_that_counts_as_missing_keeps_it():
    columns = {"c": ["NA", "a", "b"], "y": ["None", "x", "x"]}
    with pytest.raises(InvalidInput, match="missing: \\[''\\] takes 'NA' as a word like others"):
        Table.from_columns(columns, "y")
    table = Table.from_columns(columns, "y", missing=[""])
    assert (table.features, table.classes) == (("c=NA", "c=a", "c=b"), ("None", "x"))
