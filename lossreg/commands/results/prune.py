"""`lossreg prune`: delete the runs that are not worth keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_runs
from lossreg.commands.results.runs import add_where

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show which runs would go, and delete them with --yes: those that fit every --where, all but the best with "
        "--keep-best. For example: prune --where status=failed,diverged; prune --where 'age>30d'; prune --keep-best 5 "
        "--by test_accuracy. What is running stays."
    )
    command = commands.add_parser("prune", help="delete runs that fit a description", description=description)
    add_runs(command)
    add_where(command)
    command.add_argument("--keep-best", type=int, metavar="N", help="keep the N best of them by a metric")
    command.add_argument(
        "--by", metavar="METRIC", help="the metric; more of an accuracy or a score is better, less of a loss"
    )
    command.add_argument("--yes", action="store_true", help="delete them")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Show what would go, and let it go if that is wanted."""
    from lossreg.commands.results.output import print_table
    from lossreg.errors import InvalidInput
    from lossreg.experiment.report.comparison import unranked
    from lossreg.experiment.storage.query import best_last, root_of, select
    from lossreg.experiment.storage.runs import delete, runs_in

    if not options.where and options.keep_best is None:
        raise InvalidInput("prune what? give --where, such as --where status=failed, or --keep-best N --by METRIC")
    if (options.keep_best is None) != (options.by is None):
        raise InvalidInput("--keep-best N and --by METRIC go together")
    if options.keep_best is not None and options.keep_best < 0:
        raise InvalidInput(f"--keep-best: expected an integer, 0 or above, got {options.keep_best}")
    everything = runs_in(root_of(options.runs))
    going = [run for run in select(everything, options.where) if run.status != "running"]
    if options.by:
        ranked = best_last(going, options.by)
        if told := unranked(going, options.by):
            raise InvalidInput(f"--by {told}")
        going = ranked[: max(len(ranked) - options.keep_best, 0)]
    if not going:
        print("nothing to prune")
        return
    keys = ["run", "status", "loss", "model", "data", *([options.by] if options.by else []), "age"]
    print_table(keys, [{**run.values, "run": run.name} for run in going])
    if not options.yes:
        print(f"these {len(going)} of {len(everything)} runs would be deleted; --yes deletes them")
        return
    for one in going:
        delete(one)
    print(f"deleted {len(going)} of {len(everything)} runs")
