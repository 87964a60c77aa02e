"""Print runs: as a table, on a terminal or in plain columns, as JSON, or as CSV."""

from __future__ import annotations

import sys
from math import isfinite
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from lossreg.commands.output import GAP, say, warn, width
from lossreg.formatting import as_yaml, columns, csv_cell, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lossreg.experiment.storage.deletion import Deletion
    from lossreg.experiment.storage.runs import Run

STYLES = {
    "finished": "green",
    "running": "cyan",
    "interrupted": "yellow",
    "paused": "yellow",
    "pruned": "yellow",
    "killed": "yellow",
    "unknown": "yellow",
    "failed": "red",
    "diverged": "red",
}
SHORTEST = 4
"""The fewest characters of a run's name after the last hyphen that are shown."""
PLOT_WIDTH = 24
MINUTE, HOUR, DAY = 60, 3600, 86400


def add_runs(command: Any) -> None:
    """Add the option for the directory of runs."""
    command.add_argument(
        "--runs", metavar="DIR", help="the directory of runs (default: $LOSSREG_RUNS, or experiments/runs)"
    )


def add_names(command: Any, number: int | str = "+") -> None:
    """Add the argument that names runs: `number` of them, or at least one."""
    command.add_argument(
        "names", nargs=number, metavar="RUN", help="a path, the beginning or end of a run's name, last, or last~1"
    )
    add_runs(command)


def add_formats(command: Any) -> None:
    """Add the options for output that programs read."""
    formats = command.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print everything that is known as JSON")
    formats.add_argument("--csv", action="store_true", help="print a table as CSV")


def as_json(run: Run) -> dict[str, Any]:
    """Return everything that is known of a run."""
    return {
        "run": run.id,
        "path": str(run.path),
        "status": run.status,
        "error": run.state.get("error"),
        "started": run.values.get("started"),
        "steps": run.steps,
        "tags": run.values.get("tag", []),
        "note": run.values.get("note"),
        "config": run.config,
        "final": run.final,
        "best": run.best,
        "problems": run.problems,
    }


def print_json(content: Any) -> None:
    """Print JSON; nan and infinity, which JSON lacks, are strings, as in metrics.jsonl."""
    import json

    from lossreg.experiment.storage.records import plain

    print(json.dumps(plain(content), indent=2, allow_nan=False))


def print_csv(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a line of keys and a line for each row; the cell of a missing value is empty."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([csv_cell(key) for key in keys])
    for row in rows:
        writer.writerow([csv_cell(row.get(key)) for key in keys])


def print_table(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table with a line for each row."""
    cells = [[format_value(key, row.get(key)) for key in keys] for row in rows]
    print_cells(keys, cells, [all(is_number(row.get(key)) for row in rows) for key in keys])


def print_transposed(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table with a column for each row, headed by the row's first value."""
    lines = [[key, *(format_value(key, row.get(key)) for row in rows)] for key in keys]
    print_cells(lines[0], lines[1:], [False, *[True] * len(rows)])


def print_cells(header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """Print a table of text; on a terminal, the last columns that do not fit are left out and named below."""
    from importlib.util import find_spec

    header, cells = [one_line(cell) for cell in header], [[one_line(cell) for cell in line] for line in cells]
    limit = width()
    equal: list[str] = []
    if limit is not None and fitting([header, *cells], limit) < len(header):
        header, cells, right, equal = without_equal_columns(header, cells, right)
    shown = len(header) if limit is None else fitting([header, *cells], limit)
    header, cells, left_out = header[:shown], [line[:shown] for line in cells], header[shown:]
    if limit is not None and find_spec("rich"):
        print_rich(header, cells, right)
    else:
        for line in columns([header, *cells], right[:shown]):
            print(line)
    if equal:
        print(f"the same in all: {', '.join(equal)}")
    if left_out:
        print(f"columns that do not fit: {', '.join(left_out)}; a wider terminal or --csv shows them")


def without_equal_columns(
    header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> tuple[list[str], list[list[str]], list[bool], list[str]]:
    """Return a table without the columns in which all of several rows are equal, and the name and value of each."""
    equal = [index > 0 and len(cells) > 1 and len({line[index] for line in cells}) == 1 for index in range(len(header))]
    kept = [index for index, is_equal in enumerate(equal) if not is_equal]
    return (
        [header[index] for index in kept],
        [[line[index] for index in kept] for line in cells],
        [right[index] for index in kept],
        [f"{header[index]} {cells[0][index]}" for index, is_equal in enumerate(equal) if is_equal and cells[0][index]],
    )


def short_names(runs: Sequence[Run]) -> dict[Run, str]:
    """Return for each run a name that finds it: the beginning that no other has, after that of its sweep."""
    from lossreg.experiment.storage.marked_directories import is_own

    sweeps = {path: is_own(path, "sweep") for path in {run.path.parent for run in runs}}
    full = {run: f"{run.path.parent.name}/{run.name}" if sweeps[run.path.parent] else run.name for run in runs}
    order = sorted(full.items(), key=lambda item: item[1])
    found = {}
    for index, (run, name) in enumerate(order):
        neighbours = [order[other][1] for other in (index - 1, index + 1) if 0 <= other < len(order)]
        shared = max((len(commonprefix([name, other])) for other in neighbours), default=0)  # noqa: RUF071  no paths
        found[run] = name[: max(shared + 1, name.rfind("-") + 1 + SHORTEST)]
    return found


def interval_plot(centers: Sequence[float | None], deviations: Sequence[float | None]) -> tuple[str, list[str]]:
    """Return the heading and the lines of a plot of intervals, each a center and a deviation to both sides."""
    ends = [
        (center - (deviation or 0), center, center + (deviation or 0))
        for center, deviation in zip(centers, deviations, strict=True)
        if center is not None and isfinite(center)
    ]
    if not ends:
        return "", ["" for _ in centers]
    low, high = min(end[0] for end in ends), max(end[2] for end in ends)
    scale = (PLOT_WIDTH - 1) / ((high - low) or 1)
    lines = []
    for center, deviation in zip(centers, deviations, strict=True):
        line = [" "] * PLOT_WIDTH
        if center is not None and isfinite(center):
            first, middle, last = (
                round((x - low) * scale) for x in (center - (deviation or 0), center, center + (deviation or 0))
            )
            line[first : last + 1] = "-" * (last + 1 - first)
            line[first], line[last] = ("|", "|") if last > first else ("o", "o")
            line[middle] = "o"
        lines.append("".join(line))
    left, right = f"{low:.3g}", f"{high:.3g}"
    return f"{left}{right:>{PLOT_WIDTH - len(left)}}", lines


def fitting(table: Sequence[Sequence[str]], limit: int) -> int:
    """Return how many of a table's columns fit into a line of `limit` characters, at least one."""
    used = 0
    for index, column in enumerate(zip(*table, strict=True)):
        used += max(map(len, column)) + GAP
        if used > limit + GAP and index:
            return index
    return len(table[0])


def print_rich(header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """Print a table in colour."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold", pad_edge=False)
    for name, is_right in zip(header, right, strict=False):
        table.add_column(Text(name), justify="right" if is_right else "left", no_wrap=True)
    for line in cells:
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in line))
    Console().print(table)


def is_number(value: Any) -> bool:
    """Return whether a value is aligned right: a number, or a missing one."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def format_value(key: str, value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return ""
    if key == "age":
        return duration(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return as_yaml(value)


def duration(seconds: float) -> str:
    """Return a duration in a suitable unit; one below 0, from a clock that was changed, is 0."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def warn_of_problems(runs: Iterable[Run]) -> None:
    """Print a warning for everything that could not be read."""
    for run in runs:
        for problem in run.problems:
            warn(f"{run.name}: {problem}")


def print_deletions(planned: Iterable[Deletion]) -> None:
    """Print what would be deleted: a line for each directory, and what it has that lossreg did not write."""
    from lossreg.experiment.storage.runs import Run

    for one in planned:
        status = Run(one.path).status if one.kind == "run" else "sweep"
        say("; ".join([f"{one_line(str(one.path))}  {one_line(status)}", *one.warnings]))


def print_counts(planned: Iterable[Deletion]) -> None:
    """Print how many runs, sweeps and links were deleted."""
    from collections import Counter

    counts = Counter("link" if one.is_link else one.kind for one in planned)
    print("deleted " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items()))
