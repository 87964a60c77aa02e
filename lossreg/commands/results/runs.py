"""`lossreg runs`: what runs there are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_formats, add_runs

if TYPE_CHECKING:
    import argparse

FIXED = ("run", "status", "age", "loss", "model", "data", "optimizer", "steps")


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "List runs, the latest last. A key is status, age, steps, one of the config such as optimizer.lr, or a metric "
        "such as test_loss or best.test_loss; those in a condition or an order get a column."
    )
    command = commands.add_parser("runs", help="list runs", description=description)
    add_runs(command)
    add_where(command)
    command.add_argument("--sort", metavar="KEY", help="sort by a value, from the smallest")
    command.add_argument("--reverse", action="store_true", help="turn the order round")
    add_formats(command)
    command.set_defaults(run=run)


def add_where(command: Any) -> None:
    """Add the option that chooses runs by their values."""
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only runs of which this holds (repeatable; = != < <= > >=, such as 'age>7d' or status=failed,diverged)",
    )


def run(options: argparse.Namespace) -> None:
    """Print a table of runs."""
    from lossreg.commands.results.output import as_json, print_csv, print_json, print_table, warn_of_problems
    from lossreg.experiment.report.comparison import unranked
    from lossreg.experiment.storage.query import Condition, order, root_of, select
    from lossreg.experiment.storage.records import measured_on
    from lossreg.experiment.storage.runs import metric_keys, runs_in

    root = root_of(options.runs)
    everything = runs_in(root)
    chosen = select(everything, options.where)
    if options.sort:
        chosen = order(chosen, options.sort, reverse=options.reverse)
        if told := unranked(chosen, options.sort):
            print(f"lossreg: warning: --sort {told}", file=sys.stderr)
    elif options.reverse:
        chosen = chosen[::-1]
    if options.json:
        print_json([as_json(one) for one in chosen])
    elif options.csv:
        keys = dict.fromkeys(["run", *(key for one in chosen for key in one.values)])
        print_csv(list(keys), [one.values for one in chosen])
    elif not chosen:
        print(f"no runs in {root}" if not everything else f"none of the {len(everything)} runs in {root} is so")
    else:
        asked = [Condition.read(text).key for text in options.where] + [options.sort] * bool(options.sort)
        metrics = metric_keys(chosen)
        judged = [key for key in metrics if metrics and measured_on(key) == measured_on(metrics[0])]
        columns = list(dict.fromkeys([*FIXED, *asked, *judged]))
        print_table(columns, [{**one.values, "run": one.name} for one in chosen])
    warn_of_problems(chosen)
