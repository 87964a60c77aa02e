"""Ten messy CSV files: from `lossreg data` to a trained model to predictions of new rows, without editing a file.

Each file has a target that its columns determine; the rows to predict have categories that were not trained on.
"""

import csv
import io
import lzma
import zipfile

import numpy as np
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.cli import main
from lossreg.experiment.config.run_config import load
from lossreg.experiment.config.yaml_document import Document
from lossreg.experiment.training.tables import Tables
from lossreg.registry.registries import data as data_sets

ROWS = 400
CITIES = ("Köln", "Zürich", "Orléans")


def written(rows, *, new, separator=",", encoding="utf-8", before=""):
    """The bytes of a file; new rows have other cities."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        cells = row.values()
        writer.writerow(
            ["Łódź" if new and str(cell).strip() in CITIES and encoding != "latin-1" else cell for cell in cells]
        )
    return (before + text.getvalue()).encode(encoding)


def points(seed):
    """Numbers that decide on a class, with the class and a city."""
    draw = np.random.default_rng(seed)
    for number in range(ROWS):
        x, z = draw.normal(size=2)
        yield number, x, z, x + z > 0, draw.choice(CITIES)


def german(x):
    return f"{1000 * x:,.2f}".translate(str.maketrans(",.", ".,"))


def decimal_commas(seed, *, new):
    rows = [
        {"Preis": german(x), "Rabatt": german(z), "Ort": c, "y": "ja" if y else "nein"}
        for _, x, z, y, c in points(seed)
    ]
    return written(rows, new=new, separator=";")


def byte_order_mark(seed, *, new):
    rows = [
        {"größe": f"{x:.4f}", "Höhe": f"{z:.4f}", "Ort": c, "y": "ü" if y else "ä"} for _, x, z, y, c in points(seed)
    ]
    return written(rows, new=new, encoding="utf-8-sig")


def latin_1(seed, *, new):
    rows = [{"été": f"{x:.4f}", "Höhe": f"{z:.4f}", "Ort": c, "y": "ü" if y else "ä"} for _, x, z, y, c in points(seed)]
    return written(rows, new=new, encoding="latin-1", separator="|")


def quoted_newlines(seed, *, new):
    notes = ("two\nlines", 'a "quoted" word', "plain")
    rows = [
        {"note": notes[n % 3], "x": f"{x:.3f}", "z": f"{z:.3f}", "city": c, "y": str(y)}
        for n, x, z, y, c in points(seed)
    ]
    return written(rows, new=new)


def dates(seed, *, new):
    rows = []
    for _, x, z, _, city in points(seed):
        day = np.datetime64("2025-06-15") + int(100 * x)
        year, month, number = str(day).split("-")
        late = "late" if day > np.datetime64("2025-06-15") else "early"
        rows.append({"when": f"{number}.{month}.{year}", "until": str(day + int(z)), "city": city, "y": late})
    return written(rows, new=new)


def identifiers(seed, *, new):
    rows = [
        {"": n, "id": 5000 - 7 * n, "name": f"Person {n}", "x": f"{x:.3f}", "z": f"{z:.3f}", "city": c, "y": int(y)}
        for n, x, z, y, c in points(seed)
    ]
    return written([{**row, "y": ("no", "yes")[row["y"]]} for row in rows], new=new)


def missing_words(seed, *, new):
    rows = [
        {"code": "NA" if y else "B", "x": "NA" if n % 9 == 0 else f"{x:.3f}", "city": c, "y": "on" if y else "off"}
        for n, x, _, y, c in points(seed)
    ]
    return written(rows, new=new)


def unbalanced(seed, *, new):
    rows = [
        {"share": f"{50 + 10 * x:.1f} %", "z": f"{z:.3f}", "city": c, "y": "rare" if x > 1.65 else "usual"}
        for _, x, z, _, c in points(seed)
    ]
    return written(rows, new=new)


def wide(seed, *, new):
    draw = np.random.default_rng(seed)
    rows = [
        {"x": f"{x:.3f}", "z": f"{z:.3f}", "y": "up" if y else "down"}
        | {f"copy {at}": f"{(x, z)[at % 2] + value:.2f}" for at, value in enumerate(draw.normal(size=600))}
        | {"city": c}
        for _, x, z, y, c in points(seed)
    ]
    return written(rows, new=new)


def comments_and_spaces(seed, *, new):
    rows = [
        {
            "x": f" {x:.3f}",
            "z": "" if n % 11 == 0 else f"{z:.3f} ",
            "city": f"{c} ",
            "y": ("yes", "yes ")[n % 2] if y else "no",
        }
        for n, x, z, y, c in points(seed)
    ]
    return written(rows, new=new, separator="\t", before="# exported\n# by hand\n")


FILES = {
    decimal_commas: 0.9,
    byte_order_mark: 0.9,
    latin_1: 0.9,
    quoted_newlines: 0.9,
    dates: 0.9,
    identifiers: 0.9,
    missing_words: 0.95,
    unbalanced: 0.9,
    wide: 0.9,
    comments_and_spaces: 0.85,
}
"""How many of the new rows have to be predicted correctly."""


def call(arguments):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert not done.value.code


@pytest.mark.slow
@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_a_messy_file_is_described_trained_on_and_predicted(make, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.csv").write_bytes(make(0, new=False))
    (tmp_path / "new.csv").write_bytes(make(1, new=True))
    call(["data", "file.csv", "--target", "y"])
    (tmp_path / "data.yaml").write_text(capsys.readouterr().out.partition("In a config:\n")[2], "utf-8")
    data = Document.read(tmp_path / "data.yaml").content["data"]
    result = lossreg.run(
        {
            "data": {**data, "standardise": True},
            "model": "linear",
            "optimizer": {"name": "adam", "lr": 0.05},
            "loss": "cross_entropy",
            "train": {"epochs": 30},
        },
        root=tmp_path / "runs",
    )
    call(["predict", str(result.path), "new.csv", "-o", "out.csv"])
    printed = capsys.readouterr()
    assert make is latin_1 or "categories that were not trained on (Łódź)" in printed.err
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        predicted = [row["y"] for row in csv.DictReader(file)]
    truth = targets(data)
    share = np.mean([one == other for one, other in zip(predicted, truth, strict=True)])
    assert len(predicted) == ROWS
    assert share >= FILES[make]


def targets(data):
    """The targets of the new rows."""
    component = data_sets.get("csv")
    given = {key: value for key, value in data.items() if key != "name"}
    columns = component.function(**component.bind({**given, "path": "new.csv"}))
    return [cell.strip() for cell in columns.source["y"].to_pylist()]


LINES = [f"{row},{'ab'[row % 2]},{'yes' if row % 3 else 'no'}" for row in range(40)]
PLAIN = "\n".join(["x,c,y", *LINES]) + "\n"
DATES = [f"{row},{f'2026-01-{row % 28 + 1:02}' if row % 2 else f'{row % 28 + 1:02}.01.2026'},yes" for row in range(40)]


def zipped(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, PLAIN)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", PLAIN.encode("utf-16"), "null bytes, and is no text in utf-8; `lossreg data` guesses the encoding"),
        ("t.csv", PLAIN.replace("x,c", "x,größe").encode("latin-1"), "encoding: latin-1 reads files of older"),
        ("t.csv", PLAIN.replace("2,a", "2\0,a").encode(), "null bytes"),
        ("t.csv", zipped("a.csv"), "null bytes"),
        ("t.csv.zip", zipped("a.csv", "b.csv"), "the zip archive has 2 files, expected one"),
        ("t.csv.zip", PLAIN.encode(), "not a zip archive that can be read"),
        ("t.csv.xz", PLAIN.encode(), "not an xz file that can be read"),
        ("t.csv.xz", lzma.compress(PLAIN.encode())[:-30], "not an xz file that can be read"),
        ("t.csv", "\n".join(["x,d,y", *DATES]).encode(), "are dates in different formats"),
        ("t.csv", PLAIN.replace(",a,", ",,").replace(",b,", ",,").encode(), "all cells are missing; leave it out with"),
    ],
)
def test_what_is_no_table_says_what_to_do(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidConfig) as caught:
        load_table(tmp_path / name)
    assert message in str(caught.value)
    if name != "t.csv" or message == "null bytes":
        with pytest.raises(SystemExit) as ended:
            main(["data", str(tmp_path / name)])
        assert ended.value.code == 2
        assert name in capsys.readouterr().err


def load_table(path):
    data = {"name": "csv", "path": str(path), "target": "y", "task": "classification"}
    return Tables().get(load({"data": data, "model": "linear", "optimizer": "sgd", "loss": "cross_entropy"}))


def test_a_zip_archive_of_one_file_is_read(tmp_path):
    (tmp_path / "t.csv.zip").write_bytes(zipped("folder/t.csv"))
    assert len(load_table(tmp_path / "t.csv.zip").inputs) == 40


def test_separators_at_the_ends_of_lines_are_a_column_to_leave_out(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("a,y,\n" + "1.5,yes,\n2.5,no,\n" * 20)
    with pytest.raises(SystemExit) as ended:
        main(["data", str(tmp_path / "t.csv")])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert "exclude: ['']" in shown
    assert "(target)" not in shown
