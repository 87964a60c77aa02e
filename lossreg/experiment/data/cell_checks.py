"""Check the named columns of a file: whether they exist, and whether their cells can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.column import FEW, KINDS, UNIQUE, mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lossreg.experiment.data.column import Column

MAX_CATEGORIES = 256
"""How many distinct words a categorical column may have; a column of more is probably a name or free text."""


def check_names(parameter: str, names: Iterable[str], columns: Sequence[str]) -> None:
    """Raise InvalidInput for a column that does not exist, or that is named twice."""
    seen, known = set(), {*columns}
    for name in names:
        if name not in known:
            hint = nearest(name, columns) or f"the columns are {listed(columns)}"
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
        elif words.any() and not (labelled if is_target else column.kind == "category"):
            problems.append(column.problem(words, f"not a {'date' if column.is_date else column.kind}"))
        if not is_target and column.kind == "category" and len(column.categories()) > MAX_CATEGORIES:
            problems.append(
                f"column {column.name!r}: {len(column.categories())} different words, but a categorical column may "
                f"have at most {MAX_CATEGORIES}; leave it out with exclude"
            )
        problems += missing_problem(column, on_missing, is_target=is_target)
    if problems:
        raise InvalidInput("\n".join(problems))


def missing_problem(column: Column, on_missing: str, *, is_target: bool) -> list[str]:
    """What is wrong with the missing cells of a column, if anything is."""
    if column.missing.all() and on_missing == "mean":
        return [f"column {column.name!r}: all cells are missing"]
    if on_missing != "error" or not column.missing.any():
        return []
    remedies = "on_missing: drop leaves out these rows"
    if not is_target:
        has_words = column.kind == "category"
        remedies += f", mean {'has a category for them' if has_words else 'fills in the mean of the column'}"
    word = column.text[int(column.missing.argmax())].as_py()
    if word:
        remedies += f"; missing: [''] takes {word!r} as a word like others"
    return [f"{column.problem(column.missing, 'missing')}; {remedies}"]


def mostly_unique(column: Column, words: Sequence[str]) -> str:
    """A note about a categorical column most of whose words occur once; empty if it is no such column."""
    if len(words) <= max(FEW, UNIQUE * len(column.values)):
        return ""
    return f"column {column.name!r} has {len(words)} different words in {len(column.values)} rows: is it a category?"
