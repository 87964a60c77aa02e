"""Print on a terminal or into a pipe: lines, warnings, and tables that end in prose."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lossreg.formatting import columns, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROSE = 40
"""The fewest characters in which a last column of prose is readable; with less, it goes below its row."""
INDENT = 4
GAP = 2


def say(text: str = "") -> None:
    """Print text, with control characters escaped."""
    print(printable(text))


def warn(text: str) -> None:
    """Print a warning on one line of standard error, after what has been printed."""
    sys.stdout.flush()
    print(f"lossreg: warning: {one_line(' '.join(text.split()))}", file=sys.stderr)


def width() -> int | None:
    """Return how many characters a line of the terminal has; None if the output is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # 3 ms that a pipe does not have to pay

    return get_terminal_size().columns


COLORS = {"green": 32, "yellow": 33, "red": 31, "dim": 2}


def in_color(text: str, color: str) -> str:
    """Return text in a color, one of COLORS, if the output is a terminal and the variable NO_COLOR is not set."""
    import os

    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[{COLORS[color]}m{text}\x1b[0m"


def print_prose_table(header: Sequence[str], rows: Sequence[Sequence[str]], paint: Callable[[str], str] = str) -> None:
    """Print a table whose last column is prose, which is wrapped on a terminal: beside its row, or below it.

    `paint` adds colors to what is before the prose.
    """
    table = [header, *rows]
    front, prose = columns(row[:-1] for row in table), [one_line(row[-1]) for row in table]
    start, limit = max(map(len, front)) + GAP, width()
    if limit is None:
        for line, text in zip(front, prose, strict=True):
            print(paint(f"{line:{start}}{text}".rstrip()))
        return
    from textwrap import wrap

    below = limit - start < PROSE
    for line, text in zip(front, prose, strict=True):
        first, *rest = wrap(text, limit - (INDENT if below else start)) or [""]
        if below:
            print(paint(line if len(line) <= limit else line[: limit - 1] + "…"))
            rest = [first, *rest] if text != header[-1] else []
        else:
            print(paint(f"{line:{start}}") + first)
        for one in rest:
            print(" " * (INDENT if below else start) + one)
