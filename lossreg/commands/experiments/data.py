"""`lossreg data`: show what a file of data holds, and what in it looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_changes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from lossreg.experiment.data.columns import Columns
    from lossreg.experiment.data.description import ColumnDescription
    from lossreg.experiment.data.table import Table

SHOWN_COLUMNS = 40
CONFIGS = (".yaml", ".yml")
PARQUET = (".parquet", ".pq")


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show the columns of a file as lossreg reads them: what they hold, how many cells are missing, the classes "
        "with their counts, and what looks like a mistake. FILE is a CSV or parquet file, of which the format is "
        "guessed and printed as the key `data` of a config, or a config, whose data are shown as it reads them."
    )
    command = commands.add_parser("data", help="show what data hold, and what looks wrong", description=description)
    command.add_argument("file", metavar="FILE", help="a CSV or parquet file, or a config as YAML")
    command.add_argument("--target", metavar="COLUMN", help="the column to predict, unless a config names it")
    command.add_argument("--all", action="store_true", help=f"show all columns, not the first {SHOWN_COLUMNS}")
    add_changes(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Describe the data of a file or of a config."""
    from pathlib import Path

    from lossreg.errors import InvalidInput, nearest
    from lossreg.experiment.data.columns import Columns
    from lossreg.experiment.data.description import describe

    path = Path(options.file)
    given = None if path.suffix in CONFIGS else guessed(path, options.target)
    found = load(options.file if given is None else {"data": given}, options.changes)
    if not isinstance(found, Columns):
        print_arrays(found)
        return
    columns = describe(found)
    names = [column.name for column in columns]
    targets = [found.target] if isinstance(found.target, str) else list(found.target)
    for name in targets:
        if name not in names and (given is None or options.target is not None):
            raise InvalidInput(f"target: there is no column {name!r}; {nearest(name, names) or ', '.join(names)}")
    print_columns(columns, targets, SHOWN_COLUMNS if not options.all else len(columns))
    print_remarks(columns)
    if given is not None:
        print_config(given, columns, options.target)


def guessed(path: Path, target: str | None) -> dict[str, Any]:
    """The key `data` of a config for a file; raises InvalidInput for one that cannot be read."""
    from lossreg.errors import InvalidInput
    from lossreg.experiment.data.csv_format import guess_format, read_file
    from lossreg.extras import optional_imports

    known: dict[str, Any] = {
        "name": "parquet" if path.suffix in PARQUET else "csv",
        "path": str(path),
        "target": target or [],
    }
    if known["name"] == "parquet":
        return known
    try:
        with optional_imports():
            return known | guess_format(read_file(str(path)))
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def load(source: Any, changes: Sequence[str]) -> Columns | Table:
    """Load the data of a config, of which nothing else need be there."""
    from lossreg.errors import InvalidConfig, LossregError
    from lossreg.experiment.config.inheritance import compose
    from lossreg.experiment.config.keys import SETTINGS
    from lossreg.experiment.config.validation import ConfigValidator
    from lossreg.extras import optional_imports
    from lossreg.registry.registries import data

    document = compose(source, changes)
    document.raise_problems()
    if not isinstance(document.content, dict) or "data" not in document.content:
        raise InvalidConfig(f"{document.name}: data is missing: expected a config, or a file .csv or .parquet")
    choice = ConfigValidator(document).plugin(data, ("data",), document.content["data"], SETTINGS["data"])
    document.raise_problems()
    assert choice is not None  # noqa: S101  it has no problem
    try:
        with optional_imports():
            found: Columns | Table = choice.component.function(**choice.parameters)
    except LossregError as error:
        raise document.error((("data",), str(error))) from error
    return found


def print_columns(columns: Sequence[ColumnDescription], targets: Sequence[str], most: int) -> None:
    """Print a table with a row for each column."""
    from lossreg.commands.output import print_prose_table, say
    from lossreg.formatting import counted, one_line

    rows = columns[0].rows if columns else 0
    say(f"{counted(rows, 'row')}, {counted(len(columns), 'column')}")
    say()
    table = [
        [
            one_line(column.name) + (" (target)" if column.name in targets else ""),
            column.kind,
            f"{column.missing:,}",
            f"{column.distinct:,}",
            column.values,
        ]
        for column in columns[:most]
    ]
    print_prose_table(["column", "kind", "missing", "distinct", "values"], table)
    if len(columns) > most:
        say(f"... and {len(columns) - most:,} more columns; --all shows them")


def print_remarks(columns: Sequence[ColumnDescription]) -> None:
    """Print what looks wrong, column by column."""
    from lossreg.commands.output import print_prose_table, say
    from lossreg.formatting import one_line

    remarks = [[one_line(column.name), "; ".join(column.remarks)] for column in columns if column.remarks]
    if remarks:
        say()
        print_prose_table(["column", "what looks wrong"], remarks[:SHOWN_COLUMNS])
        if len(remarks) > SHOWN_COLUMNS:
            say(f"... and {len(remarks) - SHOWN_COLUMNS:,} more columns")


def print_config(given: dict[str, Any], columns: Sequence[ColumnDescription], target: str | None) -> None:
    """Print the key `data` of a config that reads the file as it seems to be meant."""
    from lossreg.commands.output import say
    from lossreg.experiment.config.yaml_syntax import dump

    settings = {**cleaned(given, columns), "target": target or "COLUMN"}
    say()
    say("In a config:" if target else "In a config, with the column to predict as its target:")
    say()
    say(dump({"data": settings}).rstrip())


def cleaned(given: dict[str, Any], columns: Sequence[ColumnDescription]) -> dict[str, Any]:
    """Return the key `data` of a config with the settings that put right what looks wrong in some columns."""
    used = [column for column in columns if not column.exclude]
    kinds = {column.name: column.kind_to_set for column in used if column.kind_to_set}
    excluded = [column.name for column in columns if column.exclude]
    missing = any(column.missing for column in used)
    more = {"exclude": excluded or None, "kinds": kinds or None, "on_missing": "mean" if missing else None}
    return {**given, **{key: value for key, value in more.items() if value}}


def print_arrays(table: Table) -> None:
    """Print the sizes of data that are no columns of a file, and their classes with counts."""
    import numpy as np

    from lossreg.commands.output import print_prose_table, say
    from lossreg.formatting import counted

    rows, features = table.inputs.shape
    say(f"{counted(rows, 'row')}, {counted(features, 'feature')}")
    say()
    if table.classes:
        counts = np.bincount(table.targets, minlength=len(table.classes))
        say("classes: " + ", ".join(f"{name} {count:,}" for name, count in zip(table.classes, counts, strict=True)))
    else:
        say(f"{counted(table.targets.shape[1], 'target')}, from {table.targets.min():.6g} to {table.targets.max():.6g}")
    say()
    low, high = table.inputs[:, :SHOWN_COLUMNS].min(axis=0), table.inputs[:, :SHOWN_COLUMNS].max(axis=0)
    shown = zip(table.features[:SHOWN_COLUMNS], low, high, strict=True)
    rows_shown = [[name, f"{a:.6g} to {b:.6g}" + ", constant" * bool(a == b)] for name, a, b in shown]
    print_prose_table(["feature", "values"], rows_shown)
    if features > SHOWN_COLUMNS:
        say(f"... and {features - SHOWN_COLUMNS:,} more features")
