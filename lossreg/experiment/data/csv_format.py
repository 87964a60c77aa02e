"""Guess how a CSV file is written: its encoding, separator, decimal sign, grouping of digits and comments."""

from __future__ import annotations

import csv
import re
from collections import Counter
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from lossreg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_ROWS = 1000
"""How many rows are looked at for the separator and the signs in numbers."""
BYTES = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8"}
"""The encodings of files that begin with a byte order mark."""
DECIMAL = {
    ",": re.compile(r"[+-]?(\d+|\d{1,3}([.\u00a0\u202f]\d{3})+),\d+ ?%?"),
    ".": re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.\d+"),
}
"""Numbers with a decimal sign, with or without digits that are grouped."""


def read_file(path: str) -> bytes:
    """The content of a file, decompressed if its name ends in .gz, .bz2, .zst, .xz or .zip (of a single file)."""
    if path.endswith(".zip"):
        return read_zip(path)
    if path.endswith(".xz"):
        import lzma

        try:
            with lzma.open(path) as file:
                return file.read()
        except (lzma.LZMAError, EOFError) as error:
            raise OSError(f"not an xz file that can be read: {error}") from None
    import pyarrow as pa

    with pa.input_stream(path) as stream:
        content: bytes = stream.read()
    return content


def read_zip(path: str) -> bytes:
    """The content of the only file in a zip archive; raises OSError for what is none."""
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise OSError(f"the zip archive has {len(names)} files, expected one")
            return archive.read(names[0])
    except (BadZipFile, RuntimeError) as error:  # the latter for a password
        raise OSError(f"not a zip archive that can be read: {error}") from None


def guess_format(content: bytes) -> dict[str, str]:
    """The parameters of the data set csv for the content of a file, as far as they are not the defaults.

    Raises InvalidInput for a file that no encoding reads as text.
    """
    found: dict[str, str] = {}
    encoding = encoding_of(content)
    if encoding != "utf-8":
        found["encoding"] = encoding
    text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    lines = text.splitlines()
    if lines and lines[0].startswith("#") and any(not line.startswith("#") for line in lines):
        found["comment"] = "#"
        lines = [line for line in lines if not line.startswith("#")]
    if lines and re.match("sep=.", lines[0], re.IGNORECASE):  # which Excel reads and hides
        found["comment"], lines = lines[0][:4], lines[1:]
    separator = separator_of(lines)
    if separator != ",":
        found["separator"] = separator
    rows = first_rows(lines, separator)[1:]
    return found | signs_in([cell.strip() for row in rows for cell in row])


def encoding_of(content: bytes) -> str:
    """The encoding of a file: that of its byte order mark, UTF-8 if it is valid, or else Latin-1."""
    for mark, encoding in BYTES.items():
        if content.startswith(mark):
            return encoding
    if b"\0" in content:
        raise InvalidInput("the file has null bytes, and is no text")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def first_rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The first rows, until one with a cell that is too long for the csv module."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(lines, delimiter=separator), SAMPLE_ROWS))
    return rows


def separator_of(lines: Sequence[str]) -> str:
    """The separator that gives most rows as many cells as the header, and of several the one that gives most cells."""

    def fit(separator: str) -> tuple[float, int]:
        rows = [len(row) for row in first_rows(lines, separator) if row]
        cells = rows[0] if rows else 0
        return (sum(row == cells for row in rows) / len(rows) if cells > 1 else 0.0, cells)

    return max(SEPARATORS, key=fit)


def signs_in(cells: Iterable[str]) -> dict[str, str]:
    """The decimal sign of numbers, and the sign that groups their digits, where they are not the defaults."""
    counts = Counter(sign for cell in cells for sign, pattern in DECIMAL.items() if pattern.fullmatch(cell))
    decimal = max(DECIMAL, key=lambda sign: (counts[sign], sign))
    other = "," if decimal == "." else "."
    found = {"decimal": decimal} if decimal != "." else {}
    certain = re.compile(rf"[+-]?\d{{1,3}}([{other} '\u00a0\u202f])(\d{{3}}\1)*\d{{3}}(\{decimal}\d+)?")
    groups = Counter(" " if match[1].isspace() else match[1] for match in map(certain.fullmatch, cells) if match)
    # 1,234 alone may have a decimal comma: grouped digits are certain beside a decimal sign or in several groups.
    for sign, _ in groups.most_common():
        if sign in " '" or counts[decimal]:
            return found | {"thousands": sign}
    return found
