"""CSV: a table in a text file with a header, whose columns are chosen by name.

`target` names the target column, or a list of them, and `columns` the input columns, by default all others but those
that `exclude` names. A column of words is one-hot encoded: it becomes a column of 0 and 1 for each word. With
`task: auto`, a single target that contains words is a class label. A cell is missing if it is empty or one of the words
`missing`, by default na, n/a, nan, none or null; rows with missing cells are an error by default, or are dropped, or
get the mean of the training rows instead, and a category of their own where the column holds words. `kinds` says what a
column holds where that is not clear: number, percent (5% is 0.05), category, date (2026-03-31, as days since
1970-01-01), or the format of its dates, such as "%d.%m.%Y".

`separator`, `decimal`, `thousands`, `quote`, `comment` (what begins a line that is skipped) and `encoding` say how the
file is written; `lossreg data FILE` guesses them. A name that ends in .gz, .bz2, .zst, .xz or .zip is decompressed.
`path` is relative to the working directory.

A categorical column of many words is of the kind hash (32 columns, each for the words of one hash) or target_mean (the
mean target of each word over the training rows, smoothed; that of a training row leaves out its own fold).
"""

from typing import Any, Literal

from lossreg.plugin import Columns, Data, InvalidInput, data, hookimpl, read_file

SPACES = " \u00a0\u202f"
"""What groups digits where a space does: the usual one, and those at which no line breaks."""


@data
def csv(
    *,
    path: str,
    target: str | list[str],
    columns: list[str] | None = None,
    exclude: list[str] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    on_missing: Literal["error", "drop", "mean"] = "error",
    missing: list[str] | None = None,
    kinds: dict[str, str] | None = None,
    separator: str = ",",
    decimal: Literal[".", ","] = ".",
    thousands: Literal["", ",", ".", " ", "'"] = "",
    quote: str = '"',
    comment: str = "",
    encoding: str = "utf-8",
) -> Columns:
    if thousands == decimal:
        raise InvalidInput(f"thousands: {thousands!r} is the decimal sign as well")
    table = read(path, separator, quote, comment, encoding)
    if thousands:
        table = without_grouping(table, thousands, decimal)
    return Columns(
        table,
        target,
        columns,
        task=task,
        on_missing=on_missing,
        kinds=kinds or {},
        missing=missing,
        decimal=decimal,
        exclude=exclude or (),
        is_text=True,
    )


def read(path: str, separator: str, quote: str, comment: str, encoding: str) -> Any:
    """Read a file as an Arrow table of text; raises InvalidInput for a file that is no table."""
    from os import strerror

    import pyarrow as pa
    from pyarrow import csv as arrow

    def refused(problem: object) -> InvalidInput:
        return InvalidInput(f"path: {path}: cannot be read as csv: {problem}")

    uneven: list[Any] = []

    def skip(row: Any) -> str:
        uneven.append(row)
        return "skip"

    try:
        content = read_file(path)
        if b"\0" in content and "16" not in encoding and "32" not in encoding:
            raise refused(f"it has null bytes, and is no text in {encoding}; `lossreg data` guesses the encoding")
        if comment:
            content = without_comments(content, comment.encode(), quote.encode())
        reading = arrow.ReadOptions(encoding=encoding)
        parsing = arrow.ParseOptions(
            delimiter=separator, quote_char=quote or False, newlines_in_values=True, invalid_row_handler=skip
        )
        try:
            table = text_cells(content, reading, parsing, uneven)
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
            reading.block_size = min(len(content), 2**31 - 1)  # a line is longer than a block
            table = text_cells(content, reading, parsing, uneven)
    except (OSError, ValueError, LookupError, TypeError) as error:
        is_undecoded = "UTF8" in str(error) or isinstance(error, UnicodeDecodeError)
        hint = "; encoding: latin-1 reads files of older Windows programs" if is_undecoded else ""
        system = strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
        raise refused(system or f"{error}{hint}") from None
    if quote and content.count(quote.encode()) % 2:
        raise refused(f"a {quote} is not closed, as their number is odd; quote: '' reads them like other characters")
    check_header(path, table, uneven, separator)
    if not table.num_rows:
        raise InvalidInput(f"path: {path}: the file has no rows of data")
    return table


def check_header(path: str, table: Any, uneven: list[Any], separator: str) -> None:
    """Raise InvalidInput for a header that does not fit the separator, or rows of other lengths."""
    names = table.column_names or [""]
    others = [sign for sign in (";", "\t", "|", ",") if sign != separator and sign in names[0]]
    if len(names) == 1 and others:
        raise InvalidInput(f"separator: the header of {path} is a single cell {names[0]!r}; is it {others[0]!r}?")
    if uneven:
        rows = f"{len(uneven)} of {table.num_rows + len(uneven)} rows do not"
        start = names[0][:4] if names[0].lower().startswith("sep=") else names[0].partition(" ")[0]
        hint = (
            f"; if it is a title, comment: {start!r} skips lines that begin so" if start and not table.num_rows else ""
        )
        raise InvalidInput(
            f"path: {path}: the header has {len(names)} cells, but {rows}; one is {uneven[0].text!r}{hint}"
        )


def text_cells(content: bytes, reading: Any, parsing: Any, uneven: list[Any]) -> Any:
    """The cells as text, in which numbers are recognised later: 007 may be another class than 7."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    if not content.strip():
        return pa.table({})
    names = arrow.open_csv(pa.BufferReader(content), reading, parsing).schema.names
    uneven.clear()
    converting = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return arrow.read_csv(pa.BufferReader(content), reading, parsing, converting)


def without_comments(content: bytes, comment: bytes, quote: bytes) -> bytes:
    """The lines that do not begin with a comment sign, except within quotes."""
    lines, quoted = [], False
    for line in content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        if not quoted and line.startswith(comment):
            continue
        quoted ^= bool(quote) and line.count(quote) % 2 == 1
        lines.append(line)
    return b"".join(lines)


def without_grouping(table: Any, sign: str, decimal: str) -> Any:
    """Remove the sign that groups the digits of numbers in thousands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    signs = f"[{SPACES}]" if sign == " " else rf"\{sign}"
    grouped = rf"^[+-]?[0-9]{{1,3}}({signs}[0-9]{{3}})+(\{decimal}[0-9]+)?$"
    columns = []
    for cells in table.columns:
        trimmed = pc.utf8_trim_whitespace(cells)
        is_grouped = pc.match_substring_regex(trimmed, grouped)
        columns.append(pc.if_else(is_grouped, pc.replace_substring_regex(trimmed, signs, ""), cells))
    return pa.table(columns, names=table.column_names)


@hookimpl
def lossreg_component() -> Data:
    return csv
