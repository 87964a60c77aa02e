"""Read one named column: numbers, words or dates, with missing cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.dates import days_since_1970, moments_as_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

CATEGORICAL = ("category", "hash", "target_mean")
"""The kinds of columns that hold words."""
KINDS = ("number", "percent", "date", *CATEGORICAL)
"""What a column may hold; a format of dates such as %d.%m.%Y is a kind, too."""
MISSING = ("", "na", "n/a", "nan", "none", "null")
"""The words that stand for a missing cell, in lower case."""
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
"""Characters without width, which are removed from the ends of cells as spaces are."""
NUMBER = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?)$"


BUCKETS = tuple(f"#{number}" for number in range(32))
"""The categories of a column of the kind hash, each of which stands for the words of one hash."""


@dataclass(frozen=True)
class Column:
    """A column: its cells as numbers (nan for those that are not), as text, and which are missing.

    kind: one of KINDS, or the format of its dates; or the name of an Arrow type that cannot be used.
    """

    name: str
    kind: str
    values: NDArray[np.float64]
    text: Any
    missing: NDArray[np.bool_]

    @property
    def is_categorical(self) -> bool:
        """Whether it holds words."""
        return self.kind in CATEGORICAL

    @property
    def is_date(self) -> bool:
        """Whether it holds dates."""
        return self.kind == "date" or "%" in self.kind

    @property
    def noun(self) -> str:
        """What its cells are if they are no words."""
        return "date" if self.is_date else "percentage" if self.kind == "percent" else "number"

    @property
    def words(self) -> NDArray[np.bool_]:
        """Which cells are neither numbers nor missing."""
        import numpy as np

        found: NDArray[np.bool_] = np.isnan(self.values) & ~self.missing
        return found

    def select(self, kept: NDArray[np.bool_]) -> Column:
        """The column with some of its rows."""
        import pyarrow as pa

        text = self.text.filter(pa.array(kept))
        return Column(self.name, self.kind, self.values[kept], text, self.missing[kept])

    def take(self, rows: NDArray[np.intp]) -> Column:
        """The column with cells at some positions, of which -1 stands for a missing one."""
        import numpy as np
        import pyarrow as pa

        absent = rows < 0
        if len(self.values) == 0:
            nothing = np.full(len(rows), np.nan)
            return Column(self.name, self.kind, nothing, pa.nulls(len(rows), pa.string()), absent)
        text = self.text.take(pa.array(rows, mask=absent))
        return Column(
            self.name, self.kind, np.where(absent, np.nan, self.values[rows]), text, absent | self.missing[rows]
        )

    def categories(self) -> tuple[str, ...]:
        """The distinct words, sorted; of numbers, sorted by their size."""
        import pyarrow as pa
        import pyarrow.compute as pc

        words = pc.unique(self.text.filter(pa.array(~self.missing))).to_pylist()
        try:
            return tuple(sorted(words, key=lambda word: (float(word), word)))
        except ValueError:
            return tuple(sorted(words))

    def numbered(self, categories: Sequence[str]) -> Column:
        """The column with the position of each cell among some categories as its numbers."""
        return replace(self.coded(categories), kind="number")

    def coded(self, words: Sequence[str] | None) -> Column:
        """The column with the position of each cell among some words as its numbers, if there are any words."""
        return self if words is None else replace(self, values=self.codes(words).astype("float64"))

    def codes(self, categories: Sequence[str]) -> NDArray[np.intp]:
        """The position of each cell among some categories, or -1."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.fill_null(pc.index_in(self.text, pa.array(categories, pa.string())), fill_value=-1)
        return np.where(self.missing, -1, found.to_numpy(zero_copy_only=False)).astype(np.intp)

    def problem(self, which: NDArray[np.bool_], what: str) -> str:
        """Describe what is wrong with some cells of the column."""
        return f"column {self.name!r}: {self.cells(which, what)}"

    def cells(self, which: NDArray[np.bool_], what: str) -> str:
        """Describe some cells: what they are, how many there are, and the first."""
        first = int(which.argmax())
        where = f"in {which.sum()} of {len(which)} rows; the first is"
        return f"{what} {where} {self.text[first].as_py()!r}, in row {first + 1}"


def check_kinds(kinds: Mapping[str, str]) -> None:
    """Raise InvalidInput for a kind that is neither one of KINDS nor a format of dates."""
    for name, kind in kinds.items():
        if kind not in KINDS and "%" not in kind:
            hint = nearest(kind, KINDS)
            expected = f"expected {listed(KINDS)}, or a format of dates such as '%d.%m.%Y'"
            raise InvalidInput(f"kinds: {name}: {expected}; got {kind!r}" + (hint and f"; {hint}"))


def read_column(
    name: str, cells: Any, kind: str | None = None, *, missing: Sequence[str] = MISSING, decimal: str = "."
) -> Column:
    """Read a column of an Arrow table.

    Without a `kind`, a column in which at least one cell is a number holds numbers, one of words alone categories, and
    one of Arrow's date types dates.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    is_plain = kind in (None, "number") and decimal == "." and cells.type in (pa.string(), pa.large_string())
    numbers = numbers_alone(cells, missing) if is_plain else None
    if numbers is not None:
        return Column(name, "number", numbers, cells, np.zeros(len(numbers), np.bool_))
    array = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if (
        not is_text
        and kind not in CATEGORICAL
        and (pa.types.is_integer(array.type) or pa.types.is_floating(array.type))
    ):
        values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return Column(name, "number", values, array.cast(pa.string()), np.isnan(values))
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        days = moments_as_days(array)
        return Column(name, "date", days, array.cast(pa.string()), np.isnan(days))
    try:
        text = None if pa.types.is_temporal(array.type) else array.cast(pa.string())
    except pa.ArrowNotImplementedError:
        text = None
    if text is None:
        nothing = np.full(len(array), np.nan)
        return Column(name, str(array.type), nothing, pa.nulls(len(array), pa.string()), np.zeros(len(array), np.bool_))
    if pa.types.is_boolean(array.type):
        text = pc.utf8_capitalize(text)
    # Each distinct cell is read once.
    encoded = text.dictionary_encode()
    rows = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return read_words(name, cleaned(encoded.dictionary), kind, missing, decimal).take(rows)


def cleaned(cells: Any) -> Any:
    """Cells without spaces and invisible characters around them, with accents encoded in one form (NFC)."""
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(cells)
    if pc.all(pc.string_is_ascii(trimmed)).as_py() is not False:
        return trimmed
    return pc.utf8_trim_whitespace(pc.utf8_trim(pc.utf8_normalize(trimmed, "NFC"), INVISIBLE))


def numbers_alone(text: Any, missing: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells as numbers, if all of them are numbers as they are written; quickly, as most columns are such."""
    import re

    import numpy as np
    import pyarrow as pa

    if text.null_count or any(re.fullmatch(NUMBER[1:-1], word) for word in missing):
        return None
    try:
        values = text.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return None if np.isnan(values).any() else np.asarray(values, np.float64)


def read_words(name: str, text: Any, kind: str | None, missing: Sequence[str], decimal: str) -> Column:
    """Read distinct cells, which have no spaces around them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    absent = pc.is_in(pc.utf8_lower(text), pa.array([*missing], pa.string()))
    is_missing = absent.to_numpy(zero_copy_only=False)
    if kind == "date" or "%" in (kind or ""):
        return Column(name, kind or "date", days_since_1970(text, is_missing, kind or "date"), text, is_missing)
    # Cells are shown as they are in the file, apart from spaces around them.
    numbers = pc.replace_substring(with_decimal_point(text, decimal), "\N{MINUS SIGN}", "-")
    if kind == "percent":
        numbers = pc.replace_substring_regex(numbers, " ?%$", "")
    is_number = pc.fill_null(pc.match_substring_regex(numbers, NUMBER), fill_value=False)
    plain = pc.if_else(pc.and_(is_number, pc.invert(absent)), numbers, pa.scalar(None, pa.string()))
    values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    if kind == "percent":
        values /= 100
    has_number = not np.isnan(values).all()
    text = hashed(text) if kind == "hash" else text
    found = kind or ("number" if has_number or is_missing.all() else "category")
    return Column(name, found, values, text, is_missing)


def with_decimal_point(text: Any, decimal: str) -> Any:
    """Cells with a decimal point in place of another sign; then a point in a cell is no decimal sign."""
    import pyarrow.compute as pc

    if decimal == ".":
        return text
    return pc.replace_substring(pc.replace_substring(text, ".", "?"), decimal, ".")


def hashed(text: Any) -> Any:
    """The bucket of each word, by a hash that is the same everywhere."""
    from hashlib import blake2b

    import pyarrow as pa

    digests = (blake2b(word.encode(), digest_size=8).digest() for word in text.to_pylist())
    return pa.array([BUCKETS[int.from_bytes(digest) % len(BUCKETS)] for digest in digests], pa.string())
