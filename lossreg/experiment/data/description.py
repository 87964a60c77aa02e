"""Describe the columns of a file: what they hold, what is missing, and what looks like a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.experiment.data.cell_checks import (
    FEW,
    is_row_number,
    mistake,
    mostly_unique,
    stand_in,
    words_as_missing,
)
from lossreg.experiment.data.column import KINDS
from lossreg.experiment.data.columns import as_arrow
from lossreg.experiment.data.dates import format_of_dates
from lossreg.formatting import counted, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lossreg.experiment.data.column import Column
    from lossreg.experiment.data.columns import Columns

SHOWN_WORDS, SHOWN_CLASSES = 4, 12
"""How many words of a column are shown with their counts; of a target, they are classes."""
COMMON = 0.9
"""The share of rows of the most frequent class from which classes are unbalanced."""
EXACT = 2**24
"""The largest integer up to which float32, the type of inputs, has all integers."""
NUMBER_NAME = re.compile(r"-?[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?")
"""The name of a column that is rather a cell."""
ID = re.compile(r"(^|[_ ])(id|uuid|guid|key)$|[a-z](Id|ID)$", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnDescription:
    """What a column holds: its kind, counts, and values as text; what looks wrong; and settings that put it right.

    kind_to_set: the entry of `kinds` with which the column is read as it is meant; empty if it is read so already.
    exclude: whether it is better left out, such as a number of rows.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int
    values: str
    remarks: tuple[str, ...]
    kind_to_set: str = ""
    exclude: bool = False


def describe(columns: Columns) -> list[ColumnDescription]:
    """Describe the columns of a file that are used, those of the target as such."""
    source, targets = as_arrow(columns.source), columns.target
    names = [targets] if isinstance(targets, str) else list(targets)
    chosen = None if columns.features is None else {*columns.features, *names}
    used = [name for name in source.column_names if name not in columns.exclude and (chosen is None or name in chosen)]
    return [
        describe_column(
            column, source.column(column.name), is_target=column.name in names, classes=columns.task == "classification"
        )
        for column in columns.options.read(source, used)
    ]


def describe_column(column: Column, cells: Any, *, is_target: bool = False, classes: bool = False) -> ColumnDescription:
    """Describe a column as it was read from some cells."""
    if column.kind not in KINDS and not column.is_date:
        problem = f"its cells are of the type {column.kind}, which is not usable"
        return ColumnDescription(column.name, column.kind, len(column.values), 0, 0, "", (problem,), exclude=True)
    words, kind_to_set = counts_of(column), suggested_kind(column)
    as_words = column.kind == "category" or (is_target and (classes or bool(column.words.any())))
    number = "" if column.words.all() else is_counter(column)
    doubt = mistake(column) if column.words.any() else ""
    is_feature_of_words = not is_target and column.kind == "category" and not kind_to_set
    text = unique_words(column, words) if is_feature_of_words and not doubt else ""
    infinite = abs(column.values) == float("inf")
    constant = len(words) == 1 and not column.missing.any()
    remarks = [
        doubt,
        "" if as_words or kind_to_set else not_numbers(column),
        missing_cells(column),
        padded(column, cells),
        differing_in_case(words) if column.kind == "category" else "",
        column.cells(infinite, "not a finite number") if infinite.any() and not as_words else "",
        number,
        text,
        f"all cells are {next(iter(words))!r}" if constant else "",
        "all cells are missing" if not words else "",
        unbalanced(words) if is_target or 1 < len(words) <= FEW else "",
        leading_zeros(column, words) if not is_target and column.kind == "number" else "",
        large_numbers(column) if not is_target and not number else "",
        stand_in(column) if column.kind == "number" and not as_words else "",
        "its name is a number: does the file begin without a header?" if NUMBER_NAME.fullmatch(column.name) else "",
    ]
    if is_target and not as_words and len(words) <= FEW:
        remarks.append(f"{counted(len(words), 'different number')}: task: classification takes them as classes")
    return ColumnDescription(
        column.name,
        column.kind,
        len(column.values),
        int(column.missing.sum()),
        len(words),
        listed_words(words, is_target=is_target) if as_words or (is_target and len(words) <= FEW) else extent(column),
        tuple(filter(None, remarks)),
        kind_to_set,
        exclude=not is_target and bool(number or text or constant or not words or (is_feature_of_words and doubt)),
    )


def counts_of(column: Column) -> dict[str, int]:
    """How often each word occurs, or each number as it is written, the most frequent first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.value_counts(column.text.filter(pa.array(~column.missing)))
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def listed_words(words: Mapping[str, int], *, is_target: bool) -> str:
    """The most frequent words with their counts."""
    most = SHOWN_CLASSES if is_target else SHOWN_WORDS
    shown = ", ".join(f"{shortened(word, 30)} {count:,}" for word, count in list(words.items())[:most])
    return shown + (f", {len(words) - most:,} more" if len(words) > most else "")


def extent(column: Column) -> str:
    """The lowest and the highest number or date."""
    import numpy as np

    known = column.values[np.isfinite(column.values)]
    if not len(known):
        return ""
    low, high = known.min(), known.max()
    if column.is_date:
        return " to ".join(str(np.datetime64(int(day), "D")) for day in (low, high))
    return f"{low + 0:.6g} to {high + 0:.6g}"  # of -0, the sign is left out


def suggested_kind(column: Column) -> str:
    """The kind with which a column of words is read as percentages or dates; empty if it is neither."""
    import pyarrow as pa

    if not column.words.any() or column.kind == "percent" or column.is_date:
        return ""
    doubt = mistake(column)
    if "percentages" in doubt:
        return "percent"
    if "order of day and month" in doubt:
        return format_of_dates(column.text.filter(pa.array(column.words)))
    return "date" if "look like dates" in doubt else ""


def not_numbers(column: Column) -> str:
    """How many cells of a column of numbers or dates are none, and the first."""
    words = column.words
    if not words.any():
        return ""
    problem = f"{column.cells(words, f'not a {column.noun}')}; kinds: {{{column.name}: category}} takes all as words"
    return problem + words_as_missing(column)


def missing_cells(column: Column) -> str:
    """Which words stand for missing cells."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.value_counts(column.text.filter(pa.array(column.missing)))
    words = {entry["values"].as_py(): entry["counts"].as_py() for entry in counts}
    shown = ", ".join(f"{word!r} in {counted(count, 'row')}" for word, count in words.items() if word)
    return f"missing is written as {shown}; missing: [''] takes such words like others" if shown else ""


def padded(column: Column, cells: Any) -> str:
    """How many words have spaces around them, which are removed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind != "category" or not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return ""
    count = pc.sum(pc.not_equal(cells, pc.utf8_trim_whitespace(cells))).as_py()
    return f"{counted(count, 'word')} with spaces around them, which are removed" if count else ""


def differing_in_case(words: Iterable[str]) -> str:
    """Two words that differ in upper and lower case only."""
    seen: dict[str, str] = {}
    for word in words:
        other = seen.setdefault(word.casefold(), word)
        if other != word:
            return f"{other!r} and {word!r} differ in upper and lower case only, and are two categories"
    return ""


def is_counter(column: Column) -> str:
    """Whether a column counts the rows, or has another number for each of them, as identifiers do."""
    import numpy as np

    known = column.values[~column.missing]
    if len(known) <= 1 or not np.array_equal(known, np.round(known)):
        return ""
    if is_row_number(column):
        return "it has no name and numbers the rows, as an index does"
    if len(np.unique(known)) < len(known):
        return ""
    is_range = len(known) > FEW and known.max() - known.min() == len(known) - 1
    return "a different integer in every row, as an identifier has" if is_range or ID.search(column.name) else ""


def unique_words(column: Column, words: Mapping[str, int]) -> str:
    """That most words are unique, as in names, identifiers and text."""
    return (
        mostly_unique(column, [*words])
        and "most words occur once: identifiers, names or text; kinds: hash or target_mean takes many words"
    )


def unbalanced(words: Mapping[str, int]) -> str:
    """That nearly all rows have the same of a few words."""
    total, most = sum(words.values()), max(words.values(), default=0)
    if len(words) in (0, 1) or len(words) > FEW or most < COMMON * total:
        return ""
    rarest = min(words, key=lambda word: words[word])
    return (
        f"unbalanced: {most / total:.1%} are {next(iter(words))!r}, and {rarest!r} is in {words[rarest]:,} of {total:,}"
    )


def leading_zeros(column: Column, words: Iterable[str]) -> str:
    """That integers begin with 0, as codes do."""
    code = next((word for word in words if re.fullmatch(r"0\d+", word)), "")
    return f"integers such as {code!r} may be codes; kinds: {{{column.name}: category}} takes them as words" * bool(
        code
    )


def large_numbers(column: Column) -> str:
    """That integers are too large for the type of inputs."""
    known = integers(column.values)
    return f"integers above {EXACT:,}, of which float32 does not have all" if (abs(known) > EXACT).any() else ""


def integers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values if all are integers, or else none."""
    import numpy as np

    known = values[np.isfinite(values)]
    return known if np.array_equal(known, np.round(known)) else known[:0]
