"""Report the mistakes of kernels: the loss, the line and what is wrong there, instead of a traceback."""

from __future__ import annotations

import linecache
import sys
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lossreg.errors import InvalidDefinition, LossregError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType


LINES = 1_000_000
"""How many lines a kernel may run in a trial; it is taken to be in an endless loop then."""

ENDLESS = "it does not end"
"""The beginning of the message about an endless loop."""

OURS = str(Path(__file__).parents[2])
"""The folder of lossreg, whose lines are not the author's."""


class KernelMistake(Exception):  # noqa: N818  it is caught where the loss and the line are known
    """A mistake of a kernel."""


@contextmanager
def mistakes_reported(function: Callable[..., Any], where: Callable[[], str] = str) -> Iterator[None]:
    """Raise InvalidDefinition for an error in an author's function, with the line and the point `where` it occurred."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  it is raised again
        raise_mistake(error, function, where)


def raise_mistake(error: Exception, function: Callable[..., Any], where: Callable[[], str] = str) -> NoReturn:
    """Raise InvalidDefinition for an error in an author's function; raise an error of lossreg as it is."""
    if isinstance(error, LossregError):
        raise error
    what = str(error) if isinstance(error, KernelMistake) else f"it raises {type(error).__name__}: {error}"
    if "read-only" in what:  # as numpy says
        what = "it writes to an input, or to an array from outside: the caller's array would change"
    place = line_of(error.__traceback__) or place_of(function)
    raise InvalidDefinition(f"{function.__name__}: {what} ({place}){where()}") from error


def line_of(traceback: TracebackType | None) -> str:
    """Return file, line and text of the last line of an author's code in a traceback, or an empty string."""
    found = ""
    while traceback is not None:
        file, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        text = linecache.getline(file, line, traceback.tb_frame.f_globals).strip()
        if text and not file.startswith(OURS):
            found = f"{Path(file).name}, line {line}: {text}"
        traceback = traceback.tb_next
    return found


def place_of(function: Any) -> str:
    """Return the file and line that a function is defined at."""
    code = function.__code__
    return f"{Path(code.co_filename).name}, line {code.co_firstlineno}"


class OutOfLines(BaseException):
    """Enough lines of a function have run in a trial."""


@contextmanager
def lines_limited(lines: int = LINES, *, endless: bool = True) -> Iterator[None]:
    """Raise KernelMistake after so many lines of Python code, which a kernel in an endless loop runs.

    If the function is not `endless`, leave the context after so many lines instead.
    """
    if sys.gettrace() is not None:  # a debugger or a measurement of coverage, which is left alone
        yield
        return
    remaining = lines

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal remaining
        remaining -= event == "line"
        if remaining < 0:
            raise KernelMistake(f"{ENDLESS}: {lines:,} lines have run") if endless else OutOfLines
        return None if frame.f_code.co_filename.startswith(OURS) else count

    sys.settrace(count)
    try:
        yield
    except OutOfLines:
        pass
    finally:
        sys.settrace(None)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, in Python's or numpy's types."""
    return isinstance(value, float | int | Real) or type(value).__name__ in ("bool", "bool_")


def shown(value: Any) -> str:
    """Return what a kernel returned for a message: arrays by their shape, and numbers of numpy as plain ones."""
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    if getattr(value, "ndim", 0):
        return f"an array of shape {value.shape}"
    return repr(value.item() if hasattr(type(value), "item") else value)
