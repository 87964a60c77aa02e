"""Data: tables of inputs and targets, and their split into rows to train and rows to test on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

# numpy is imported where it is used: every data plugin imports this module, and `lossreg list` imports every plugin.

CHUNK = 2**22
"""Numbers that are looked at together, where a table may be larger than memory."""


@dataclass(eq=False)
class Table:
    """What there is to learn: rows of inputs, and a target for each.

    `inputs` has the shape (n, features). `targets` are indices into `classes`, of shape (n,), or, where there are no
    classes, real numbers of shape (n, columns) or (n,). Inputs in a numpy.memmap stay on disk, and are read by batch.
    Raises InvalidInput for shapes that do not go together, and for anything that is not a finite number: its column,
    how many there are, and the first row.

    Where the inputs come from columns: `categories` has the words behind those that are 0 and 1, and `target_names` the
    columns of the target. With `gaps`, nan among the inputs is the mean of the rows to train on.
    """

    inputs: Any
    targets: Any
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target_names: tuple[str, ...] = ()
    gaps: bool = False

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
            wanted = "a label" if self.classes else "a real target"
            raise InvalidInput(f"targets: expected {wanted} for each of {len(self.inputs)} rows: {self.targets.shape}")
        check_numbers(self.inputs, self.features, gaps=self.gaps)
        check_numbers(self.targets.reshape(len(self.targets), -1), ("the target",))

    def _check_labels(self) -> None:
        labels, wanted = self.targets, f"targets: expected labels from 0 to {len(self.classes) - 1}"
        if labels.dtype.kind not in "iu":
            raise InvalidInput(f"{wanted}, got {labels.dtype}")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise InvalidInput(f"{wanted}, got {labels.min()} to {labels.max()}")

    @classmethod
    def labelled(cls, inputs: Any, labels: Any, features: tuple[str, ...] = (), **more: Any) -> Table:
        """Make a table from labels of any kind (numbers or words), whose sorted values become the classes."""
        import numpy as np

        values, targets = np.unique(np.asarray(labels), return_inverse=True)
        names = (f"{value:g}" if values.dtype.kind == "f" else str(value) for value in values)
        return cls(inputs, targets.reshape(np.shape(labels)), tuple(names), features, **more)

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]], target: str | Sequence[str], **options: Any) -> Table:
        """Make a table from the named columns of a file; lossreg.experiment.data.columns has the options."""
        from lossreg.experiment.data.columns import from_columns

        return from_columns(columns, target, **options)


def check_numbers(columns: NDArray[Any], names: Sequence[str], *, gaps: bool = False) -> None:
    """Raise InvalidInput unless all are finite numbers or, where there may be gaps, nan."""
    import numpy as np

    if columns.dtype.kind not in "biuf":
        raise InvalidInput(f"expected numbers in {names[0]!r}, got {columns.dtype}")
    refused, step = (np.isinf if gaps else lambda part: ~np.isfinite(part)), max(CHUNK // columns.shape[1], 1)
    counts = sum(refused(columns[start : start + step]).sum(axis=0) for start in range(0, len(columns), step))
    if np.any(counts):
        column = int(np.argmax(counts > 0))
        bad = refused(columns[:, column])
        name = names[column] if column < len(names) else f"column {column + 1} of {names[0]}"
        raise InvalidInput(
            f"{name!r}: {bad.sum()} of {len(bad)} values are not finite; the first, in row {int(bad.argmax()) + 1}, "
            f"is {columns[int(bad.argmax()), column]}",
        )


def split(table: Table, shares: Mapping[str, float], random: np.random.Generator) -> list[NDArray[np.intp]]:
    """Draw the rows to train on, and for each share of the whole other rows; of each class as nearly as can be.

    Every class keeps a row to train on. Raises InvalidInput where a share, which has a name, would be empty.
    """
    import numpy as np

    rows = len(table.inputs)
    if sum(shares.values()) >= 1:
        name, share = list(shares.items())[-1]
        raise InvalidInput(f"{name}: {share} beside the others leaves no rows to train on")
    groups = [np.arange(rows)]
    if table.classes:
        groups = [np.flatnonzero(table.targets == label) for label in range(len(table.classes))]
    left = [random.permutation(group) for group in groups]
    parts = []
    for name, share in shares.items():
        wanted = np.array([share * len(group) for group in groups])
        counts = np.floor(wanted).astype(int)
        largest_remainders = np.argsort(counts - wanted, kind="stable")[: round(share * rows) - counts.sum()]
        counts[largest_remainders] += 1
        counts = np.minimum(counts, [max(len(group) - 1, 0) for group in left])
        parts.append(np.concatenate([group[:count] for group, count in zip(left, counts, strict=True)]))
        left = [group[count:] for group, count in zip(left, counts, strict=True)]
        if share and not len(parts[-1]):
            raise InvalidInput(f"{name}: {share} of {rows} rows leaves none; give more, or 0 for no {name} rows")
    return [np.sort(part) for part in (np.concatenate(left), *parts)]
