"""Check the named columns of a file: whether they exist, whether their cells can be used, and what looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.column import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lossreg.experiment.data.column import Column

MONEY = r"[$\x{20ac}\x{00a3}\x{00a5}\x{20b9}]"
MISTAKES = {
    r"^[+-]?[0-9]+,[0-9]+$": "numbers with a decimal comma: write decimal: ',' (or thousands: ',' if it groups digits)",
    r"^[+-]?[0-9]{1,3}([ \x{00a0}\x{202f}',.][0-9]{3})+([.,][0-9]+)?$": "numbers with grouped digits: write thousands: "
    "with the sign that groups them",
    rf"^[(+-]?{MONEY} ?[0-9][0-9.,' ]*\)?$|^[+-]?[0-9][0-9.,' ]* ?{MONEY}$": "amounts of money: numbers have no "
    "sign of a currency",
    r"^\([0-9][0-9.,]*\)$": "negative numbers in parentheses, which are written with a minus sign",
    r"^[+-]?[0-9]+(_[0-9]+)+$": "numbers with underscores between the digits",
    r"^[+-]?[0-9]+([.,][0-9]+)? ?%$": "percentages: with the kind percent, 5% becomes 0.05",
    r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T].*)?$": "dates: with the kind date they become days since 1970-01-01",
    r"^[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{2}|[0-9]{4})$": "dates, whose order of day and month is ambiguous: give "
    "their format as the kind, such as '%d.%m.%Y' or '%m/%d/%y'",
}
"""What words may be that are no categories, by a pattern that most of them match."""
MANY_MISTAKES = {
    r"^[+-]?[0-9]+([.,][0-9]+)? ?[A-Za-z\x{00b5}\x{00b0}\x{03a9}\x{00b2}\x{00b3}/]{1,4}$": "numbers with a unit, "
    "which is no part of a number",
    r"^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$": "times of day: write them as numbers, such as hours",
}
"""The same, for words that are categories if they are few."""
LARGEST = float.fromhex("0x1.fffffep+127")
"""The largest number of float32, the type of inputs and targets."""
UNIQUE = 0.5
"""The share of different words among the rows above which a column probably holds names or text."""
FEW_WORDS = 3
"""The number of different words in a column of numbers that may all stand for missing cells."""
FEW = 20
"""The number of different words that is never too many."""
MAX_CATEGORIES = 256
"""How many distinct words a categorical column may have; a column of more is probably a name or free text."""


def check_names(parameter: str, names: Iterable[str], columns: Sequence[str]) -> None:
    """Raise InvalidInput for a column that does not exist, or that is named twice."""
    seen, known = set(), {*columns}
    for name in names:
        if name not in known:
            hint = nearest(name, columns) or f"the columns are {listed(name or repr(name) for name in columns)}"
            raise InvalidInput(f"{parameter}: there is no column {name!r}; {hint}")
        if name in seen:
            raise InvalidInput(f"{parameter}: column {name!r} is given twice")
        seen.add(name)


def check_cells(
    inputs: list[Column], targets: list[Column], on_missing: str, kinds: Mapping[str, str], *, labelled: bool
) -> None:
    """Raise InvalidInput for cells that cannot be used, with the problems of all columns together."""
    problems = []
    for column in (*inputs, *targets):
        words, is_target = column.words, column in targets
        if column.kind not in KINDS and not column.is_date:
            problems.append(f"column {column.name!r}: its cells are of the type {column.kind}, which is not usable")
            continue
        if column.is_date and column.name not in kinds:
            problems.append(
                f"column {column.name!r}: its cells are dates; leave it out with exclude, or write kinds: "
                f"{{{column.name}: date}} for days since 1970-01-01"
            )
        doubt = mistake(column) if words.any() and column.name not in kinds and not labelled * is_target else ""
        if doubt:
            problems.append(f"column {column.name!r}: {doubt}; kinds: {{{column.name}: category}} takes them as words")
        elif words.any() and not (labelled if is_target else column.is_categorical):
            problems.append(column.problem(words, f"not a {column.noun}") + words_as_missing(column))
        if not is_target and column.kind == "category" and len(column.categories()) > MAX_CATEGORIES:
            problems.append(
                f"column {column.name!r}: {len(column.categories())} different words, but a categorical column may "
                f"have at most {MAX_CATEGORIES}; kinds: {{{column.name}: hash}} or "
                f"{{{column.name}: target_mean}} takes any number of them, and exclude leaves it out"
            )
        problems += missing_problem(column, on_missing, is_target=is_target)
    if problems:
        raise InvalidInput("\n".join(problems))


def are_labels(targets: Sequence[Column]) -> bool:
    """Whether targets are class labels, as a single one with words is.

    Raises InvalidInput for words among so many different numbers that these are hardly names of classes.
    """
    import numpy as np

    target, *others = targets
    if others or not target.words.any():
        return False
    if len(np.unique(target.values[~np.isnan(target.values)])) > FEW and not mistake(target):
        problem = target.problem(target.words, "not a number")
        raise InvalidInput(f"{problem}; task: classification takes all cells as classes")
    return True


def check_known(columns: Iterable[Column]) -> None:
    """Raise InvalidInput for columns with missing cells, by which rows cannot be split."""
    problems = [problem for column in columns for problem in missing_problem(column, "error", is_target=True)]
    if problems:
        raise InvalidInput("\n".join(problems))


def missing_problem(column: Column, on_missing: str, *, is_target: bool) -> list[str]:
    """What is wrong with the missing cells of a column, if anything is."""
    if column.missing.all() and on_missing == "mean":
        return [f"column {column.name!r}: all cells are missing"]
    if on_missing != "error" or not column.missing.any():
        return []
    if column.missing.all() and not is_target:
        return [f"column {column.name!r}: all cells are missing; leave it out with exclude"]
    remedies = "on_missing: drop leaves out these rows"
    if not is_target:
        has_words = column.is_categorical
        remedies += f", mean {'has a category for them' if has_words else 'fills in the mean of the column'}"
    word = column.text[int(column.missing.argmax())].as_py()
    if word:
        remedies += f"; missing: [''] takes {word!r} as a word like others"
    return [f"{column.problem(column.missing, 'missing')}; {remedies}"]


def mostly_unique(column: Column, words: Sequence[str]) -> str:
    """A note about a categorical column most of whose words occur once; empty if it is no such column."""
    if len(words) <= max(FEW, UNIQUE * len(column.values)):
        return ""
    return (
        f"column {column.name!r} has {len(words)} different words in {len(column.values)} rows: is it a category? "
        f"kinds: {{{column.name}: hash}} or {{{column.name}: target_mean}} takes many words"
    )


def mistake(column: Column) -> str:
    """What a column of words probably is instead of categories; empty if there is no sign of a mistake."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = pc.value_counts(column.text.filter(pa.array(column.words)))
    words, counts = counted.field("values"), counted.field("counts").to_numpy()
    signs = []
    for pattern, what in {**MISTAKES, **(MANY_MISTAKES if len(words) > FEW else {})}.items():
        found = pc.match_substring_regex(words, pattern).to_numpy(zero_copy_only=False)
        if found.any():
            signs.append((what, repr(words[int(np.argmax(found))].as_py()), counts[found].sum()))
    of_dates = [sign for sign in signs if sign[0].startswith("dates")]
    if len(of_dates) > 1 and sum(count for _, _, count in of_dates) > counts.sum() / 2:
        (_, first, _), (_, second, _) = of_dates
        return f"cells such as {first} and {second} are dates in different formats, of which only one can be read"
    matched = 0
    for what, shown, count in signs:
        matched += count  # of all patterns, as amounts of one column may be written in several ways
        if matched > counts.sum() / 2:
            return f"cells such as {shown} look like {what}"
    return ""


def words_as_missing(column: Column) -> str:
    """How the words in a column of numbers are read as missing cells, if they are few different ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.unique(column.text.filter(pa.array(column.words))).to_pylist()
    if len(words) > FEW_WORDS or 2 * column.words.sum() > len(column.values):
        return ""
    return f"; missing: {['', *words]} takes them for missing cells"


def stand_in(column: Column) -> str:
    """A remark on a number such as -999 far from all others, which may stand for a missing cell."""
    import re

    import numpy as np

    known = column.values[np.isfinite(column.values)]
    for value in (known.min(), known.max()) if len(known) else ():
        rest = known[known != value]
        if not re.fullmatch(r"-?99+(\.0+)?", f"{value:.12g}") or len(rest) < 2 or len(known) - len(rest) < 2:  # noqa: PLR2004
            continue
        if np.abs(rest - value).min() > np.ptp(rest):
            count = len(known) - len(rest)
            text = f"{value:.12g}"
            return f"{text} in {count} rows is far from all others; missing: ['', '{text}'] takes it for a missing cell"
    return ""


def is_row_number(column: Column) -> bool:
    """Whether a column without a name of its own counts the rows, as pandas writes an index."""
    import numpy as np

    if column.name and not column.name.startswith("Unnamed"):
        return False
    start = column.values[0]
    return bool(start in (0, 1) and np.array_equal(column.values, start + np.arange(len(column.values))))
