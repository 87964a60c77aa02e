"""Rows that a kernel is tried on: an index outside, a write to an input and a read of an unfilled slope are errors."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.mistakes import KernelMistake, is_number
from lossreg.definition.plain_python.unfilled import MARKS, bits

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnfilledSlope:
    """A slope that a kernel reads before filling it: its type may be read, and every use of it is a mistake."""

    __array_ufunc__ = None  # numpy's numbers leave their operations with it to it

    def __init__(self, row: str, at: int) -> None:
        self.row, self.at = row, at

    def __hash__(self) -> int:
        return id(self)

    def refuse(self, *_: Any) -> Any:
        """Raise KernelMistake."""
        raise KernelMistake(f"it reads {self.row}[{self.at}] before filling it")


for _name in (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "radd", "rsub", "rmul", "rtruediv", "rfloordiv"),
    *("rmod", "rpow", "lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "bool", "float", "int", "index"),
):
    setattr(UnfilledSlope, f"__{_name}__", UnfilledSlope.refuse)


class CheckedRow(np.ndarray[Any, Any]):
    """A row of numbers as an array, with the checks that compiled code leaves out.

    name: what the kernel calls the row. An input is read-only, slopes can be written to.
    """

    name = "a row"

    def __array_finalize__(self, source: Any) -> None:
        self.name = getattr(source, "name", self.name)

    def __array_wrap__(self, array: Any, *_: Any) -> Any:
        return np.asarray(array)[()]

    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        self.check(index)
        found = super().__getitem__(index)
        if isinstance(found, np.float64) and bits(found) == MARKS[8]:
            return UnfilledSlope(self.name, index)
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.flags.writeable:
            raise KernelMistake(f"it writes to {self.name}, which is an input: the caller's array would change")
        self.check(index)
        if isinstance(value, UnfilledSlope):
            value.refuse()
        if not is_number(value) and not isinstance(value, np.ndarray | list | tuple):
            raise KernelMistake(f"it stores {value!r} in {self.name}, which is not a number")
        super().__setitem__(index, value)

    def check(self, index: Any) -> None:
        """Raise KernelMistake for an index outside the row, or one that is not an integer."""
        if isinstance(index, slice | np.ndarray):
            return
        try:
            at = operator.index(index)
        except TypeError:
            raise KernelMistake(f"it uses {index!r} as an index of {self.name}; expected an integer") from None
        if not -len(self) <= at < len(self):
            raise KernelMistake(f"{self.name}[{at}] is outside the row; its length is {len(self)}")

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise KernelMistake(f"it uses {self.name}.{attribute}; a row is an array, which has no {attribute}")


def checked_row(name: str, numbers: Any, *, writeable: bool = False) -> CheckedRow:
    """Return a row of a name that shares the memory of an array, read-only unless it is `writeable`."""
    row: CheckedRow = numbers.view(CheckedRow)
    row.name = name
    row.flags.writeable = writeable
    return row
