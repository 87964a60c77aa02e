"""`lossreg compare`: show how runs differ, in their configs and in their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_formats, add_names

if TYPE_CHECKING:
    import argparse

SIDE_BY_SIDE = 4


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Show the config keys in which runs differ, their final metrics, and the best metrics of any epoch."
    command = commands.add_parser("compare", help="show how runs differ in config and results", description=description)
    add_names(command)
    add_formats(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the comparison: a column for each run if there are few, otherwise a line for each."""
    from lossreg.commands.results.output import (
        as_json,
        print_csv,
        print_json,
        print_table,
        print_transposed,
        warn_of_problems,
    )
    from lossreg.experiment.report.comparison import comparison
    from lossreg.experiment.storage.query import differing, find

    runs = find(options.names, options.runs)
    keys, rows = comparison(runs)
    if options.json:
        print_json({"differing": differing(runs), "runs": [as_json(run) for run in runs]})
    elif options.csv:
        print_csv(keys, rows)
    else:
        (print_transposed if len(runs) <= SIDE_BY_SIDE else print_table)(keys, rows)
    warn_of_problems(runs)
