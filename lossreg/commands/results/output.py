"""What commands about runs print: a table on a terminal or in plain columns, JSON, or CSV."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lossreg.experiment.storage.deletion import Deletion
    from lossreg.experiment.storage.runs import Run

STYLES = {
    "finished": "green",
    "running": "cyan",
    "interrupted": "yellow",
    "killed": "yellow",
    "unknown": "yellow",
    "failed": "red",
    "diverged": "red",
}
GAP = 2
MINUTE, HOUR, DAY = 60, 3600, 86400


def add_runs(command: Any) -> None:
    """Add the option that says where runs are."""
    command.add_argument("--runs", metavar="DIR", help="where runs are ($LOSSREG_RUNS, or experiments/runs)")


def add_names(command: Any, number: int | str = "+") -> None:
    """Add the argument that names runs: so many of them, or at least one."""
    command.add_argument(
        "names", nargs=number, metavar="RUN", help="a path, the beginning or end of a name, last or last~1"
    )
    add_runs(command)


def add_formats(command: Any) -> None:
    """Add the options for output that programs read."""
    formats = command.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print everything as JSON")
    formats.add_argument("--csv", action="store_true", help="print everything as CSV")


def as_json(run: Run) -> dict[str, Any]:
    """All that is known of a run."""
    return {
        "run": run.id,
        "path": str(run.path),
        "status": run.status,
        "error": run.state.get("error"),
        "started": run.values.get("started"),
        "steps": run.steps,
        "config": run.config,
        "final": run.final,
        "best": run.best,
        "problems": run.problems,
    }


def print_json(content: Any) -> None:
    """Print JSON; nan and infinity, which it lacks, are texts, as in metrics.jsonl."""
    import json

    from lossreg.experiment.storage.records import plain

    print(json.dumps(plain(content), indent=2, allow_nan=False))


def print_csv(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a line of keys, and one for each row; what a row has not is empty."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow(["" if row.get(key) is None else row[key] for key in keys])


def print_table(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table with a line for each row."""
    cells = [[in_words(key, row.get(key)) for key in keys] for row in rows]
    print_cells(keys, cells, [all(is_number(row.get(key)) for row in rows) for key in keys])


def print_turned(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table with a column for each row, headed by its first key."""
    lines = [[key, *(in_words(key, row.get(key)) for row in rows)] for key in keys]
    print_cells(lines[0], lines[1:], [False, *[True] * len(rows)])


def print_cells(header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """Print a table of text; on a terminal, the last columns that do not fit are left out, and named."""
    import shutil
    from importlib.util import find_spec

    on_terminal = sys.stdout.isatty()
    shown = fitting([header, *cells], shutil.get_terminal_size().columns) if on_terminal else len(header)
    header, cells, left_out = header[:shown], [line[:shown] for line in cells], header[shown:]
    if on_terminal and find_spec("rich"):
        print_rich(header, cells, right)
    else:
        from lossreg.formatting import columns

        for line in columns([header, *cells], right[:shown]):
            print(line)
    if left_out:
        print(f"not shown for want of room: {', '.join(left_out)}; a wider terminal shows them")


def fitting(table: Sequence[Sequence[str]], room: int) -> int:
    """How many of a table's columns fit into a line, at least one."""
    used = 0
    for index, column in enumerate(zip(*table, strict=True)):
        used += max(map(len, column)) + GAP
        if used > room + GAP and index:
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
    """Whether a value is set to the right; one that is missing does not mind."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def in_words(key: str, value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if key == "age":
        return duration(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    from lossreg.formatting import as_yaml

    return as_yaml(value)


def duration(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def warn_of_problems(runs: Iterable[Run]) -> None:
    """Say on standard error what could not be read."""
    sys.stdout.flush()
    for run in runs:
        for problem in run.problems:
            print(f"lossreg: warning: {run.name}: {problem}", file=sys.stderr)


def print_deletions(planned: Iterable[Deletion]) -> None:
    """Print what would be deleted: a line for each directory, and what it has that lossreg did not write."""
    from lossreg.errors import printable
    from lossreg.experiment.storage.runs import Run

    for one in planned:
        status = Run(one.path).status if one.kind == "run" else "sweep"
        print("; ".join([f"{printable(str(one.path))}  {printable(status)}", *one.warnings]))


def print_counts(planned: Iterable[Deletion]) -> None:
    """Print how many runs, sweeps and links were deleted."""
    from collections import Counter

    counts = Counter("link" if one.is_link else one.kind for one in planned)
    print("deleted " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items()))
