"""Encode the named columns of a file as arrays of numbers.

A column in which at least one cell is a number is numeric, and any word in it is a mistake. A column of words alone is
categorical: it is one-hot encoded, as one column of 0 and 1 for each distinct word. A cell is missing if it is empty or
says so, such as "na" or "null".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lossreg.errors import InvalidInput, listed
from lossreg.experiment.data.cell_checks import (
    FEW,
    are_labels,
    check_cells,
    check_known,
    check_names,
    is_row_number,
    mostly_unique,
)
from lossreg.experiment.data.column import BUCKETS, MISSING, check_kinds, read_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lossreg.experiment.data.column import Column

    OnMissing = Literal["error", "drop", "mean"]
    TargetKind = Literal["auto", "classification", "regression"]

MISSING_CATEGORY = "missing"
"""The category of the missing cells of a categorical column, with on_missing: mean."""


@dataclass(frozen=True)
class Columns:
    """The named columns of a file, and how they are used: what a data plugin returns for such a file.

    source: a mapping of names to cells, or a pandas, polars or pyarrow table. The model of a run predicts from other
        files with the same columns, which need no target.
    target, features: the names of the target, or of several, and of the inputs; by default all other columns.
    exclude: the names of columns that are not used.
    task: whether the target is a class label; with auto, a single target that has words is.
    on_missing: rows with missing cells are an error, or are dropped, or get the mean over the training rows; a
        missing word becomes a category of its own then, and rows without a target are dropped.
    kinds: what a column holds, by its name, where its cells do not show it.
    missing: the words for a missing cell; by default those in MISSING.
    decimal: the decimal sign.
    coded: columns by which rows are split or grouped: their words are numbered rather than one-hot encoded, and may be
        as many as there are rows. They are read even if they are not among the features.
    """

    source: Any
    target: str | Sequence[str]
    features: Sequence[str] | None = None
    task: TargetKind = "auto"
    on_missing: OnMissing = "error"
    kinds: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] | None = None
    decimal: str = "."
    exclude: Sequence[str] = ()
    coded: Sequence[str] = ()
    is_text: bool = False
    """Whether all cells are text, as the file has no types: labels that are written as integers are integers then."""

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
    integer_labels: bool
    features: tuple[str, ...]
    kinds: dict[str, str]
    categories: dict[str, tuple[str, ...]]
    target_names: tuple[str, ...]
    missing: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    target_words: dict[str, tuple[str, ...]]
    impute_missing: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReadingOptions:
    """How the cells of columns are read: their kinds by name, the words for a missing cell, and the decimal sign."""

    kinds: Mapping[str, str]
    missing: tuple[str, ...] = MISSING
    decimal: str = "."

    def read(self, source: Any, names: Iterable[str]) -> list[Column]:
        """Read some columns of an Arrow table."""
        position = {name: at for at, name in enumerate(source.column_names)}  # by name, a column is searched for
        return [
            read_column(
                name, source.column(position[name]), self.kinds.get(name), missing=self.missing, decimal=self.decimal
            )
            for name in names
        ]


def as_arrow(source: Any) -> Any:
    """Columns as an Arrow table: from a mapping of names to cells, or a pandas, polars or pyarrow table.

    Raises InvalidInput for what has no named columns, and for two columns of one name.
    """
    import pyarrow as pa

    if not isinstance(source, pa.Table):
        # The index of a pandas frame is no column.
        is_pandas = type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")
        if is_pandas:
            check_repeated(source.columns)
        try:
            source = pa.Table.from_pandas(source, preserve_index=False) if is_pandas else pa.table(source)
        except OverflowError:
            raise InvalidInput("a column has integers of more than 64 bits, which are not usable") from None
        except (TypeError, ValueError, pa.ArrowException) as error:
            reason, *column = map(str, error.args)
            if column:
                raise InvalidInput(f"{column[0]}, which is not usable: {reason}") from None
            raise InvalidInput(f"expected a table of named columns of equal length: {error}") from None
    check_repeated(source.column_names)
    return source


def check_repeated(names: Iterable[str]) -> None:
    """Raise InvalidInput for columns of one name."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InvalidInput(f"two columns have the same name: {listed(map(repr, repeated[:FEW]))}")


def encode(columns: Columns) -> EncodedColumns:
    """Encode columns as inputs and targets.

    Raises InvalidInput for a column that does not exist, and for cells that cannot be used: how many, and the first.
    """
    import numpy as np
    import pyarrow as pa

    source, options, on_missing, target = as_arrow(columns.source), columns.options, columns.on_missing, columns.target
    target_names = [target] if isinstance(target, str) else list(target)
    chosen, unused = columns.features, {*columns.exclude, *target_names}
    names = [name for name in source.column_names if name not in unused] if chosen is None else list(chosen)
    for parameter, given in (("target", target_names), ("columns", names), ("kinds", options.kinds)):
        check_names(parameter, given, source.column_names)
    check_names("exclude", columns.exclude, source.column_names)
    check_kinds(options.kinds)
    coded = [name for name in columns.coded if name in source.column_names and name not in target_names]
    names = [*(name for name in names if name not in coded), *coded]
    if not names or not target_names or set(names) & set(target_names):
        raise InvalidInput(
            f"expected at least one column of inputs besides the target, and none that is both; "
            f"the columns are {listed(source.column_names)}"
        )
    inputs, targets = options.read(source, names), options.read(source, target_names)
    notes = []
    if chosen is None and inputs[0].name not in coded and is_row_number(inputs[0]) and len(inputs) > 1:
        notes.append(f"column {inputs[0].name!r} numbers the rows; it is left out")
        del inputs[0]
    labelled = columns.task == "classification" or (columns.task == "auto" and are_labels(targets))
    plain = [column for column in inputs if column.name not in coded]
    check_cells(plain, targets, on_missing, options.kinds, labelled=labelled)
    if on_missing != "drop":
        check_known(column for column in inputs if column.name in coded)
    needed = targets if on_missing == "mean" else [*inputs, *targets]
    incomplete = np.any([column.missing for column in needed], axis=0)
    if incomplete.any():
        what = "no target" if on_missing == "mean" else "a missing cell"
        if incomplete.all():
            raise InvalidInput(f"on_missing: each of the {len(incomplete)} rows has {what}, so that none is left")
        inputs, targets = ([column.select(~incomplete) for column in part] for part in (inputs, targets))
        notes.append(f"{incomplete.sum()} of {len(incomplete)} rows have {what} and are left out")
    codes = {column.name: column.categories() for column in inputs if column.name in coded and column.words.any()}
    inputs = [column.numbered(codes[column.name]) if column.name in codes else column for column in inputs]
    categories = {column.name: words_of(column) for column in inputs if column.kind in ("category", "hash")}
    target_words = {column.name: column.categories() for column in inputs if column.kind == "target_mean"}
    inputs = [column.coded(target_words.get(column.name)) for column in inputs]
    notes += filter(None, (mostly_unique(each, categories[each.name]) for each in inputs if each.kind == "category"))
    blocks = [one_hot(column, categories[column.name]) if column.name in categories else column for column in inputs]
    matrix = np.column_stack([block if isinstance(block, np.ndarray) else block.values for block in blocks])
    classes: tuple[str, ...] = ()
    integer_labels = False
    if labelled:
        classes = targets[0].categories()
        has_integers = columns.is_text or pa.types.is_integer(source.schema.field(target_names[0]).type)
        integer_labels = has_integers and all(map(is_integer, classes))
        values: Any = targets[0].codes(classes)
    else:
        values = np.stack([column.values for column in targets], axis=1)
    return EncodedColumns(
        matrix,
        values,
        classes,
        integer_labels,
        feature_names([column.name for column in inputs], categories),
        {column.name: column.kind for column in inputs},
        categories,
        tuple(target_names),
        options.missing,
        codes,
        target_words,
        on_missing == "mean",
        tuple(notes),
    )


def is_integer(word: str) -> bool:
    """Whether a word is an integer of 64 bits as Python writes it: 7, but not 007 or 7.0."""
    try:
        return word == str(int(word)) and -(2**63) <= int(word) < 2**63
    except ValueError:
        return False


def feature_names(names: Iterable[str], categories: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of the encoded columns: of a categorical one, a name for each word."""
    return tuple(f"{name}={word}" if word else name for name in names for word in categories.get(name, ("",)))


def words_of(column: Column) -> tuple[str, ...]:
    """The categories of a column: its words, and one for its missing cells, if it has any."""
    words = BUCKETS if column.kind == "hash" else column.categories()
    return (*words, MISSING_CATEGORY) if column.missing.any() and MISSING_CATEGORY not in words else words


def one_hot(column: Column, categories: Sequence[str]) -> NDArray[np.float64]:
    """A column of 0 and 1 for each category, all 0 for a word that is none of them."""
    import numpy as np

    codes = column.codes(categories)
    if MISSING_CATEGORY in categories:
        codes[column.missing] = categories.index(MISSING_CATEGORY)
    block: NDArray[np.float64] = (codes[:, np.newaxis] == np.arange(len(categories))).astype(np.float64)
    return block
