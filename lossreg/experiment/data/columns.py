"""Encode the named columns of a file as arrays of numbers.

A column in which at least one cell is a number is numeric, and any word in it is a mistake. A column of words alone is
categorical: it is one-hot encoded, as one column of 0 and 1 for each distinct word. A cell is missing if it is empty or
says so, such as "na" or "null".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.column import FEW, MISSING, UNIQUE, is_row_number, mistake, read_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lossreg.experiment.data.column import Column, Kind

    OnMissing = Literal["error", "drop", "mean"]
    TargetKind = Literal["auto", "classification", "regression"]

MAX_CATEGORIES = 256
"""How many distinct words a categorical column may have; a column of more is probably a name or free text."""
MISSING_CATEGORY = "missing"
"""The category of the missing cells of a categorical column, with on_missing: mean."""


@dataclass(frozen=True)
class Columns:
    """The named columns of a file, and how they are used: what a data plugin returns for such a file.

    source: a mapping of names to cells, or a pandas, polars or pyarrow table. The model of a run predicts from other
        files with the same columns, which need no target.
    target, features: the names of the target, or of several, and of the inputs; by default all other columns.
    task: whether the target is a class label; with auto, a single target that has words is.
    on_missing: rows with missing cells are an error, or are dropped, or get the mean over the training rows; a
        missing word becomes a category of its own then.
    kinds: what a column holds, by its name, where its cells do not show it.
    missing: the words for a missing cell; by default those in MISSING.
    decimal: the decimal sign.
    """

    source: Any
    target: str | Sequence[str]
    features: Sequence[str] | None = None
    task: TargetKind = "auto"
    on_missing: OnMissing = "error"
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    missing: Sequence[str] | None = None
    decimal: str = "."

    @property
    def options(self) -> ReadingOptions:
        """How the cells are read."""
        missing = MISSING if self.missing is None else tuple(word.casefold() for word in self.missing)
        return ReadingOptions(self.kinds, missing, self.decimal)


class EncodedColumns(NamedTuple):
    """Columns as arrays: the inputs, the targets or labels, and what is needed to encode other rows in the same way."""

    inputs: NDArray[np.float64]
    targets: Any
    classes: tuple[str, ...]
    features: tuple[str, ...]
    kinds: dict[str, str]
    categories: dict[str, tuple[str, ...]]
    target_names: tuple[str, ...]
    impute_missing: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReadingOptions:
    """How the cells of columns are read: their kinds by name, the words for a missing cell, and the decimal sign."""

    kinds: Mapping[str, Kind]
    missing: tuple[str, ...] = MISSING
    decimal: str = "."

    def read(self, source: Any, names: Iterable[str]) -> list[Column]:
        """Read some columns of an Arrow table."""
        return [
            read_column(name, source[name], self.kinds.get(name), missing=self.missing, decimal=self.decimal)
            for name in names
        ]


def as_arrow(source: Any) -> Any:
    """Columns as an Arrow table: from a mapping of names to cells, or a pandas, polars or pyarrow table.

    Raises InvalidInput for what has no named columns, and for two columns of one name.
    """
    import pyarrow as pa

    if not isinstance(source, pa.Table):
        try:
            source = pa.table(source)
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise InvalidInput(f"expected a table of named columns of equal length: {error}") from None
    repeated = [name for name, count in Counter(source.column_names).items() if count > 1]
    if repeated:
        raise InvalidInput(f"two columns have the same name: {listed(map(repr, repeated[:FEW]))}")
    return source


def encode(columns: Columns) -> EncodedColumns:
    """Encode columns as inputs and targets.

    Raises InvalidInput for a column that does not exist, and for cells that cannot be used: how many, and the first.
    """
    import numpy as np

    source, options, on_missing, target = as_arrow(columns.source), columns.options, columns.on_missing, columns.target
    target_names = [target] if isinstance(target, str) else list(target)
    chosen = columns.features
    names = [name for name in source.column_names if name not in target_names] if chosen is None else list(chosen)
    check_names("target", target_names, source.column_names)
    check_names("columns", names, source.column_names)
    check_names("kinds", options.kinds, source.column_names)
    if not names or not target_names or set(names) & set(target_names):
        raise InvalidInput(
            f"expected at least one column of inputs besides the target, and none that is both; "
            f"the columns are {listed(source.column_names)}"
        )
    inputs, targets = options.read(source, names), options.read(source, target_names)
    notes = []
    if chosen is None and is_row_number(inputs[0]) and len(inputs) > 1:
        notes.append(f"column {inputs[0].name!r} numbers the rows; it is left out")
        del inputs[0]
    has_words = len(targets) == 1 and bool(targets[0].words.any())
    labelled = columns.task == "classification" or (columns.task == "auto" and has_words)
    check_cells(inputs, targets, on_missing, options.kinds, labelled=labelled)
    incomplete = np.any([column.missing for column in (*inputs, *targets)], axis=0)
    if on_missing == "drop" and incomplete.any():
        if incomplete.all():
            raise InvalidInput(
                f"on_missing: each of the {len(incomplete)} rows has a missing cell, so that drop leaves no rows"
            )
        inputs, targets = ([column.select(~incomplete) for column in part] for part in (inputs, targets))
        notes.append(f"{incomplete.sum()} of {len(incomplete)} rows have a missing cell and are left out")
    categories = {column.name: words_of(column) for column in inputs if column.kind == "category"}
    notes += [note for column in inputs for note in (mostly_unique(column, categories.get(column.name, ())),) if note]
    blocks = [one_hot(column, categories[column.name]) if column.name in categories else column for column in inputs]
    matrix = np.column_stack([block if isinstance(block, np.ndarray) else block.values for block in blocks])
    classes: tuple[str, ...] = ()
    if labelled:
        classes = targets[0].categories()
        values: Any = targets[0].codes(classes)
    else:
        values = np.stack([column.values for column in targets], axis=1)
    return EncodedColumns(
        matrix,
        values,
        classes,
        feature_names([column.name for column in inputs], categories),
        {column.name: column.kind for column in inputs},
        categories,
        tuple(target_names),
        on_missing == "mean" and bool(np.isnan(matrix).any()),
        tuple(notes),
    )


def feature_names(names: Iterable[str], categories: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of the encoded columns: of a categorical one, a name for each word."""
    return tuple(f"{name}={word}" if word else name for name in names for word in categories.get(name, ("",)))


def words_of(column: Column) -> tuple[str, ...]:
    """The categories of a column: its words, and one for its missing cells, if it has any."""
    words = column.categories()
    return (*words, MISSING_CATEGORY) if column.missing.any() and MISSING_CATEGORY not in words else words


def one_hot(column: Column, categories: Sequence[str]) -> NDArray[np.float64]:
    """A column of 0 and 1 for each category, all 0 for a word that is none of them."""
    import numpy as np

    codes = column.codes(categories)
    if MISSING_CATEGORY in categories:
        codes[column.missing] = categories.index(MISSING_CATEGORY)
    block: NDArray[np.float64] = (codes[:, np.newaxis] == np.arange(len(categories))).astype(np.float64)
    return block


def mostly_unique(column: Column, words: Sequence[str]) -> str:
    """A note about a categorical column most of whose words occur once; empty if it is no such column."""
    if len(words) <= max(FEW, UNIQUE * len(column.values)):
        return ""
    return f"column {column.name!r} has {len(words)} different words in {len(column.values)} rows: is it a category?"


def check_names(parameter: str, names: Iterable[str], columns: Sequence[str]) -> None:
    """Raise InvalidInput for a column that does not exist, or that is named twice."""
    seen = set()
    for name in names:
        if name not in columns:
            hint = nearest(name, columns) or f"the columns are {listed(columns)}"
            raise InvalidInput(f"{parameter}: there is no column {name!r}; {hint}")
        if name in seen:
            raise InvalidInput(f"{parameter}: column {name!r} is given twice")
        seen.add(name)


def check_cells(
    inputs: list[Column], targets: list[Column], on_missing: OnMissing, kinds: Mapping[str, Kind], *, labelled: bool
) -> None:
    """Raise InvalidInput for cells that cannot be used, with the problems of all columns together."""
    problems = []
    for column in (*inputs, *targets):
        words, is_target = column.words, column in targets
        if column.kind not in ("number", "category", "date"):
            problems.append(f"column {column.name!r}: its cells are of the type {column.kind}, which is not usable")
            continue
        if column.kind == "date" and column.name not in kinds:
            problems.append(
                f"column {column.name!r}: its cells are dates; leave it out with columns, or write kinds: "
                f"{{{column.name}: date}} for days since 1970-01-01"
            )
        doubt = mistake(column) if words.any() and column.name not in kinds and not labelled * is_target else ""
        if doubt:
            problems.append(f"{doubt}; kinds: {{{column.name}: category}} takes them as words")
        elif words.any() and not (labelled if is_target else column.kind == "category"):
            problems.append(column.problem(words, "not a date" if column.kind == "date" else "not a number"))
        if not is_target and column.kind == "category" and len(column.categories()) > MAX_CATEGORIES:
            problems.append(
                f"column {column.name!r}: {len(column.categories())} different words, but a categorical column may "
                f"have at most {MAX_CATEGORIES}; choose the columns to use with columns"
            )
        if column.missing.any() and (on_missing == "error" or (on_missing == "mean" and is_target)):
            remedies = "on_missing: drop leaves out these rows" + ", mean fills in the mean of the column" * (
                not is_target
            )
            problems.append(f"{column.problem(column.missing, 'missing')}; {remedies}")
        elif column.missing.all() and on_missing == "mean":
            problems.append(f"column {column.name!r}: all cells are missing")
    if problems:
        raise InvalidInput("\n".join(problems))
