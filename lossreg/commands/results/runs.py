"""`lossreg runs`: list runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_formats, add_runs

if TYPE_CHECKING:
    import argparse

    from lossreg.experiment.storage.runs import Run

FACTS = ("age", "model", "data", "optimizer", "steps")


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "List runs, the latest last. KEY is status, age, steps, tag or note, a key of the config such as optimizer.lr, "
        "or a metric such as test_loss or best.test_loss. Every key in --where or --sort gets a column."
    )
    command = commands.add_parser("runs", help="list runs", description=description)
    add_runs(command)
    add_where(command)
    command.add_argument("--sort", metavar="KEY", help="sort by the value of a key, the smallest first")
    command.add_argument("--reverse", action="store_true", help="reverse the order")
    add_formats(command)
    command.set_defaults(run=run)


def add_where(command: Any) -> None:
    """Add the option that selects runs by their values."""
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only runs for which this is true: = != < <= > >=, as in 'age>7d' or status=failed,diverged; repeatable",
    )


def by_sweep(runs: list[Run]) -> list[Run]:
    """Return runs so that those of one directory, such as the trials of a sweep, follow one another."""
    folders: dict[Any, list[Run]] = {}
    for one in runs:
        folders.setdefault(one.path if one.name != one.id else one.path.parent, []).append(one)
    return [one for members in folders.values() for one in members]


def run(options: argparse.Namespace) -> None:
    """Print a table of runs."""
    from lossreg.commands.output import say, warn
    from lossreg.commands.results.output import (
        as_json,
        print_csv,
        print_json,
        print_table,
        short_names,
        warn_of_problems,
    )
    from lossreg.experiment.report.comparison import unranked
    from lossreg.experiment.storage.query import Condition, order, root_of, select
    from lossreg.experiment.storage.records import measured_on
    from lossreg.experiment.storage.runs import metric_keys, runs_in

    root = root_of(options.runs)
    everything = by_sweep(runs_in(root))
    chosen = select(everything, options.where)
    if options.sort:
        chosen = order(chosen, options.sort, reverse=options.reverse)
        if reason := unranked(chosen, options.sort):
            warn(f"--sort {reason}")
    elif options.reverse:
        chosen = chosen[::-1]
    if options.json:
        print_json([as_json(one) for one in chosen])
    elif options.csv:
        keys = dict.fromkeys(["run", *(key for one in chosen for key in one.values)])
        print_csv(list(keys), [one.values for one in chosen])
    elif not everything:
        say(f"no runs in {root}")
    elif not chosen:
        say(f"none of the {len(everything)} runs in {root} matches {' and '.join(options.where)}")
    else:
        named = [Condition.read(text).key for text in options.where] + [options.sort] * bool(options.sort)
        metrics = metric_keys(chosen)
        shown = [key for key in metrics if metrics and measured_on(key) == measured_on(metrics[0])]
        names = short_names(everything)
        labelled = [key for key in ("tag", "note") if any(key in one.values for one in chosen)]
        columns = list(dict.fromkeys(["run", "status", "loss", *named, *shown, *labelled, *FACTS]))
        print_table(columns, [{**one.values, "run": names[one]} for one in chosen])
    warn_of_problems(chosen)
