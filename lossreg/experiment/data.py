"""Data: tables of inputs and targets, and their split into rows to train and rows to test on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidInput, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

# numpy is imported where it is used: every data plugin imports this module, and `lossreg list` imports every plugin.


@dataclass(eq=False)
class Table:
    """What there is to learn: rows of inputs, and a target for each.

    `inputs` has the shape (n, features). `targets` are indices into `classes`, of shape (n,), or, where there are no
    classes, real numbers of shape (n, columns) or (n,). Raises InvalidInput for shapes that do not go together, and
    for anything that is not a finite number: its column, how many there are, and the first row.
    """

    inputs: Any
    targets: Any
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        import numpy as np

        self.inputs, self.targets = np.asarray(self.inputs), np.asarray(self.targets)
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
        check_numbers(self.inputs, self.features)
        check_numbers(self.targets.reshape(len(self.targets), -1), ("the target",))

    def _check_labels(self) -> None:
        labels, wanted = self.targets, f"targets: expected labels from 0 to {len(self.classes) - 1}"
        if labels.dtype.kind not in "iu":
            raise InvalidInput(f"{wanted}, got {labels.dtype}")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise InvalidInput(f"{wanted}, got {labels.min()} to {labels.max()}")

    @classmethod
    def labelled(cls, inputs: Any, labels: Any, features: tuple[str, ...] = ()) -> Table:
        """Make a table from labels of any kind (numbers or words), whose sorted values become the classes."""
        import numpy as np

        values, targets = np.unique(np.asarray(labels), return_inverse=True)
        names = (f"{value:g}" if values.dtype.kind == "f" else str(value) for value in values)
        return cls(inputs, targets.reshape(np.shape(labels)), tuple(names), features)

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[str]], target: str | Sequence[str], task: str) -> Table:
        """Make a table from columns of text, of which `target` names one or several; all others are inputs.

        `task` is classification, regression or auto, by which one target that is not all numbers is a label.
        """
        import numpy as np

        wanted = [target] if isinstance(target, str) else list(target)
        for name in wanted:
            if name not in columns:
                hint = nearest(name, columns) or f"there are {listed(columns)}"
                raise InvalidInput(f"no column {name!r} for the target; {hint}")
        features = tuple(name for name in columns if name not in wanted)
        if not features or not wanted:
            raise InvalidInput(f"expected columns for inputs and target, got {listed(columns)}")
        inputs = np.stack([numbers(name, columns[name]) for name in features], axis=1)
        try:
            targets = np.stack([numbers(name, columns[name]) for name in wanted], axis=1)
        except InvalidInput:
            if task == "regression" or len(wanted) > 1:
                raise
            return cls.labelled(inputs, columns[wanted[0]], features)
        if task != "classification":
            return cls(inputs, targets, features=features)
        check_numbers(targets, tuple(wanted))
        return cls.labelled(inputs, targets[:, 0] if len(wanted) == 1 else targets, features)


def numbers(name: str, cells: Sequence[str]) -> NDArray[np.float64]:
    """Read a column of text as numbers; raises InvalidInput for cells that are none."""
    import numpy as np

    try:
        return np.asarray(cells).astype(np.float64)
    except ValueError:
        bad = [row for row, cell in enumerate(cells, 1) if not _is_number(cell)]
        raise InvalidInput(
            f"column {name!r}: {len(bad)} of {len(cells)} cells are not numbers; the first, in row {bad[0]}, "
            f"is {cells[bad[0] - 1]!r}",
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_numbers(columns: NDArray[Any], names: Sequence[str]) -> None:
    """Raise InvalidInput unless all are finite numbers."""
    import numpy as np

    if columns.dtype.kind not in "biuf":
        raise InvalidInput(f"expected numbers in {names[0]!r}, got {columns.dtype}")
    bad = ~np.isfinite(columns)
    if bad.any():
        column = int(bad.any(axis=0).argmax())
        row, count = int(bad[:, column].argmax()), int(bad[:, column].sum())
        name = names[column] if column < len(names) else f"column {column + 1} of {names[0]}"
        raise InvalidInput(
            f"{name!r}: {count} of {len(columns)} values are not finite; the first, in row {row + 1}, "
            f"is {columns[row, column]}",
        )


def split(table: Table, test: float, random: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the rows to train and the rows to test on: `test` of the whole, and of each class as nearly as can be.

    Every class keeps a row to train on. Raises InvalidInput where one of the two would be empty.
    """
    import numpy as np

    rows = len(table.inputs)
    groups = [np.arange(rows)]
    if table.classes:
        groups = [np.flatnonzero(table.targets == label) for label in range(len(table.classes))]
    shares = np.array([test * len(group) for group in groups])
    counts = np.floor(shares).astype(int)
    largest_remainders = np.argsort(counts - shares, kind="stable")[: round(test * rows) - counts.sum()]
    counts[largest_remainders] += 1
    counts = np.minimum(counts, [max(len(group) - 1, 0) for group in groups])
    shuffled = [random.permutation(group) for group in groups]
    held = np.concatenate([group[:count] for group, count in zip(shuffled, counts, strict=True)])
    kept = np.concatenate([group[count:] for group, count in zip(shuffled, counts, strict=True)])
    if test and not len(held):
        raise InvalidInput(f"test: {test} of {rows} rows leaves none to test on; give more, or 0 for no test")
    return np.sort(kept), np.sort(held)
