"""The table that a run is trained on: inputs and targets, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidInput
from lossreg.experiment.data.cell_checks import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lossreg.experiment.data.columns import Columns

# numpy is imported inside functions: every data plugin imports this module, and `lossreg list` imports every plugin.

CHUNK = 2**22
"""How many numbers are checked at a time, since a memory-mapped table may be larger than memory."""


@dataclass(eq=False)
class Table:
    """Rows of inputs, and a target for each row.

    `inputs` has the shape (n, features). `targets` are indices into `classes`, of shape (n,), or, if there are no
    classes, real numbers of shape (n, columns) or (n,). Inputs in a numpy.memmap stay on disk and are read in batches.

    For a table that was read from columns, `kinds` has the kind of each column, `categories` the words of each one-hot
    encoded one, `target_names` the target columns, `missing` the words for a missing cell, and `notes` what users
    should know about how they were read. If `impute_missing` is set, nan among the inputs stands for a missing value,
    which is replaced by the mean over the training rows.

    `given` has the columns that the loss gets besides the targets, such as the group of each row, `second_view` other
    inputs for the same rows, and `split_by` the columns by which rows are split;
    `lossreg.experiment.data.given_columns` takes them out of the inputs. `codes` has the words of columns whose inputs
    are their numbers, and `target_words` of those that are replaced by the mean target of each word.
    `integer_labels` says that labels are integers, of which `classes` are the digits. `fingerprint`
    identifies the content, if it has been computed.

    Raises InvalidInput for shapes that do not match, and for numbers that are not finite; the message names the column,
    how many there are, and the first row.
    """

    inputs: Any
    targets: Any
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    impute_missing: bool = False
    notes: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    second_view: Any = None
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split_by: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    integer_labels: bool = False
    target_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import numpy as np

        mapped = isinstance(self.inputs, np.memmap)
        self.inputs, self.targets = self.inputs if mapped else np.asarray(self.inputs), np.asarray(self.targets)
        match self.inputs.shape:
            case _, features if self.inputs.size:
                self.features = self.features or tuple(f"x{index}" for index in range(features))
            case shape:
                raise InvalidInput(f"inputs: expected the shape (rows, features), got {shape}")
        if self.classes:
            self._check_labels()
        elif self.targets.ndim == 1:
            self.targets = self.targets[:, np.newaxis]
        if self.targets.ndim != (1 if self.classes else 2) or len(self.targets) != len(self.inputs):
            expected = "label" if self.classes else "real target"
            raise InvalidInput(
                f"targets: expected one {expected} for each of the {len(self.inputs)} rows, "
                f"got an array of shape {self.targets.shape}"
            )
        check_numbers(self.inputs, self.features, allow_nan=self.impute_missing)
        check_numbers(self.targets.reshape(len(self.targets), -1), ("the target",))

    def _check_labels(self) -> None:
        labels, expected = self.targets, f"targets: expected labels from 0 to {len(self.classes) - 1}"
        if labels.dtype.kind not in "iu":
            raise InvalidInput(f"{expected}, got an array of {labels.dtype}")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise InvalidInput(f"{expected}, got labels from {labels.min()} to {labels.max()}")

    @classmethod
    def labelled(cls, inputs: Any, labels: Any, features: tuple[str, ...] = (), **more: Any) -> Table:
        """Make a table from labels of any type (numbers or words); their sorted distinct values become the classes."""
        import numpy as np

        values, targets = np.unique(np.asarray(labels), return_inverse=True)
        names = (f"{value:g}" if values.dtype.kind == "f" else str(value) for value in values)
        more |= {"integer_labels": bool(values.dtype.kind in "iu" and values.max(initial=0) < 2**63)}
        return cls(inputs, targets.reshape(np.shape(labels)), tuple(names), features, **more)

    @classmethod
    def from_arrays(cls, inputs: Any, targets: Any, task: str = "auto") -> Table:
        """Make a table for a task: classification, regression, or auto, which goes by the type of the targets.

        With auto, a vector of integers, truth values or text is a vector of class labels, and all else is real numbers.
        """
        vector_of_labels = targets.ndim == 1 and targets.dtype.kind in "biuUS"
        labelled = vector_of_labels if task == "auto" else task == "classification"
        return cls.labelled(inputs, targets) if labelled else cls(inputs, targets)

    @classmethod
    def from_columns(cls, source: Any, target: str | Sequence[str], **options: Any) -> Table:
        """Make a table from named columns; `Columns` has the options, and `encode` the errors."""
        from lossreg.experiment.data.columns import Columns

        return cls.of(Columns(source, target, **options))

    @classmethod
    def of(cls, columns: Columns) -> Table:
        """Encode columns as a table."""
        from lossreg.experiment.data.columns import encode

        found = encode(columns)
        return cls(
            found.inputs,
            found.targets,
            found.classes,
            found.features,
            found.kinds,
            found.categories,
            found.target_names,
            found.missing,
            codes=found.codes,
            target_words=found.target_words,
            integer_labels=found.integer_labels,
            impute_missing=found.impute_missing,
            notes=found.notes,
        )


def check_numbers(columns: NDArray[Any], names: Sequence[str], *, allow_nan: bool = False) -> None:
    """Raise InvalidInput unless all numbers are finite in float32, or, with `allow_nan`, finite or nan."""
    import numpy as np

    if columns.dtype.kind not in "biuf":
        raise InvalidInput(f"expected numbers in {names[0]!r}, got an array of {columns.dtype}")

    def refused(part: NDArray[Any]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.abs(part) > LARGEST if allow_nan else ~(np.abs(part) <= LARGEST)
        return found

    step = max(CHUNK // columns.shape[1], 1)
    counts = sum(refused(columns[start : start + step]).sum(axis=0) for start in range(0, len(columns), step))
    if np.any(counts):
        column = int(np.argmax(counts > 0))
        bad = refused(columns[:, column])
        first = int(bad.argmax())
        name = names[column] if column < len(names) else f"column {column + 1} of {names[0]}"
        where = f"in {bad.sum()} of {len(bad)} rows; the first is {columns[first, column]}, in row {first + 1}"
        what = "beyond the range of float32" if np.isfinite(columns[first, column]) else "not a finite number"
        raise InvalidInput(f"{name!r}: {what} {where}")
