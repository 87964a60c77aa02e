"""Format text for people: columns, values as YAML, and control characters made visible."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys and does not show, that reorder text, or that cannot be encoded."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet takes for a formula; the last four are full-width forms of the first."""


def printable(text: str) -> str:
    r"""Return text with control characters escaped; line breaks and tabs stay.

    Names and values come from files and plugins of other people. Printed as they are, they could clear the screen.

    >>> printable("a \x1b[2J name")
    'a \\x1b[2J name'
    """
    return HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    r"""Return text on one line: line breaks and tabs are escaped as well.

    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def csv_cell(value: Any) -> Any:
    """Return a value for CSV: text has no control characters, and an apostrophe before what looks like a formula.

    >>> csv_cell("=1+1"), csv_cell(-1.5), csv_cell(None)
    ("'=1+1", -1.5, '')
    """
    if not isinstance(value, str):
        return "" if value is None else value
    return printable("'" * value.startswith(FORMULA) + value)


def command_line(*arguments: object) -> str:
    """Return a command of lossreg that works as typed in the shell in which this process was started.

    It is called `lossreg` if the shell finds it under that name, or else by the path under which it was started, or by
    Python where it was imported. Arguments are quoted where a shell needs that.
    """
    import sys
    from pathlib import Path
    from shlex import join
    from shutil import which

    started = Path(sys.argv[0])
    if started.name == "lossreg":
        program = ["lossreg"] if which("lossreg") else [str(started)]
    else:
        program = [sys.executable, "-m", "lossreg"]
    return join([*program, *map(str, arguments)])


def shortened(text: str, length: int = 100) -> str:
    """Return text that fits into a message: its beginning, if it has more characters than `length`."""
    return text if len(text) <= length else f"{text[:length]}..."


def columns(rows: Iterable[Iterable[str]], right: Iterable[bool] = ()) -> list[str]:
    """Return the lines of a table; each column is as wide as its widest cell, and `right` marks those aligned right."""
    table = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    signs = [">" if is_right else "<" for is_right in right] or ["<"] * len(widths)
    line = "  ".join(f"{{:{sign}{width}}}" for sign, width in zip(signs, widths, strict=True))
    return [line.format(*row).rstrip() for row in table]


def counted(number: int, noun: str) -> str:
    """Return a number of things, such as ``1,290 steps``; the plural of the noun takes an s.

    >>> counted(1, "step")
    '1 step'
    """
    return f"{number:,} {noun}" + "s" * (number != 1)


def as_yaml(value: Any) -> str:
    """Return a value as a config writes it, on one line."""
    if isinstance(value, str) and value.isidentifier():
        return value
    if isinstance(value, float) and not isfinite(value):
        return f"{value:f}".replace("inf", ".inf").replace("nan", ".nan")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    from json import dumps

    return dumps(value)
