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
        "List the runs for which every --where holds, or with --keep-best all but the best of them, and delete them "
        "with --yes. For example: prune --where status=failed,diverged; prune --where 'age>30d'; prune --keep-best 5 "
        "--by test_accuracy. Runs that are running are kept, and so is every directory that lossreg did not make."
    )
    command = commands.add_parser("prune", help="delete runs by status, age or metric", description=description)
    add_runs(command)
    add_where(command)
    command.add_argument("--keep-best", type=int, metavar="N", help="keep the N best runs by a metric")
    command.add_argument(
        "--by",
        metavar="METRIC",
        help="the metric to rank by; higher is better for accuracies and scores, lower for losses",
    )
    command.add_argument("--yes", action="store_true", help="delete the listed runs")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """List what would be deleted, and delete it with --yes."""
    from lossreg.commands.results.output import print_counts, print_deletions, print_table
    from lossreg.errors import InvalidInput
    from lossreg.experiment.report.comparison import unranked
    from lossreg.experiment.storage.deletion import delete_all, plan_all
    from lossreg.experiment.storage.query import best_last, root_of, select
    from lossreg.experiment.storage.runs import runs_in
    from lossreg.formatting import one_line

    if not options.where and options.keep_best is None:
        raise InvalidInput(
            "expected --where, such as --where status=failed, or --keep-best N --by METRIC, to select runs"
        )
    if (options.keep_best is None) != (options.by is None):
        raise InvalidInput("--keep-best N and --by METRIC go together")
    if options.keep_best is not None and options.keep_best < 0:
        raise InvalidInput(f"--keep-best: expected an integer, 0 or above, got {options.keep_best}")
    root = root_of(options.runs).resolve()
    everything = runs_in(root)
    chosen = [run for run in select(everything, options.where) if run.status != "running"]
    if options.by:
        ranked = best_last(chosen, options.by)
        if reason := unranked(chosen, options.by):
            raise InvalidInput(f"--by {reason}")
        chosen = ranked[: max(len(ranked) - options.keep_best, 0)]
    planned = plan_all([run.path for run in chosen], [], root)
    for one in planned:
        if one.refusal:
            print(f"kept: {one_line(str(one.path))}: {one_line(one.refusal)}")
    planned = [one for one in planned if not one.refusal]
    paths = {one.path for one in planned if one.kind == "run"}
    chosen = [run for run in chosen if run.path in paths]
    if not chosen:
        print("nothing to prune")
        return
    keys = ["run", "status", "loss", "model", "data", *([options.by] if options.by else []), "age"]
    print_table(keys, [{**run.values, "run": run.name} for run in chosen])
    print_deletions(one for one in planned if one.warnings or one.kind == "sweep")
    if not options.yes:
        print(f"these {len(chosen)} of {len(everything)} runs would be deleted; --yes deletes them")
        return
    delete_all(planned, root)
    print_counts(planned)
