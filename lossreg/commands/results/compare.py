"""`lossreg compare`: show how runs differ, in their configs and in their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_formats, add_names

if TYPE_CHECKING:
    import argparse

    from lossreg.experiment.report.run_groups import GroupComparison

SIDE_BY_SIDE = 4


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show how runs differ. Runs that differ in seed and fold only are one line: the mean of a metric, its standard "
        "deviation, and the p-value of a paired t-test against the best, corrected by Holm for the number of tests. "
        "Otherwise each run has a line or a column: its metrics, and the config keys that differ."
    )
    command = commands.add_parser("compare", help="show how runs differ in config and results", description=description)
    add_names(command)
    command.add_argument(
        "--by", action="append", default=[], metavar="KEY", help="group by a key of the config, as loss; repeatable"
    )
    command.add_argument(
        "--metric",
        metavar="METRIC",
        help="the metric of groups (default: that of the sweep, or the first of validation)",
    )
    command.add_argument("--each", action="store_true", help="show each run, and no groups")
    add_formats(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the comparison: a line for each group, or a column for each run if there are few, or a line for each."""
    from lossreg.commands.output import say
    from lossreg.commands.results.output import (
        as_json,
        print_csv,
        print_json,
        print_table,
        print_transposed,
        short_names,
        warn_of_problems,
    )
    from lossreg.experiment.report.comparison import comparison
    from lossreg.experiment.report.run_groups import compare_groups
    from lossreg.experiment.storage.query import differing, find

    runs = find(options.names, options.runs)
    groups = compare_groups(runs, options.by, options.metric)
    is_grouped = (
        groups is not None and not options.each and (bool(options.by or options.metric) or groups.is_replicated)
    )
    if options.json:
        print_json(
            {
                "differing": differing(runs),
                "groups": as_groups(groups) if groups else None,
                "runs": [as_json(run) for run in runs],
            }
        )
    elif groups and is_grouped:
        if options.csv:
            print_csv([groups.metric, "std", "n", "p", *groups.keys], groups.rows())
        else:
            print_groups(groups)
    else:
        keys, rows = comparison(runs)
        if options.csv:
            print_csv(keys, rows)
        else:
            names = short_names(runs)
            rows = [{**row, "run": names[run]} for row, run in zip(rows, runs, strict=True)]
            (print_transposed if len(runs) <= SIDE_BY_SIDE else print_table)(keys, rows)
            if groups and len(groups.groups) == 1 and (group := groups.groups[0]).deviation is not None:
                both = f"mean {group.mean:.4g}, standard deviation {group.deviation:.4g}"
                say(f"{groups.metric}: {both} of {group.count} runs")
    warn_of_problems(runs)


def as_groups(comparison: GroupComparison) -> dict[str, Any]:
    """Return a comparison of groups for JSON."""
    return {
        "metric": comparison.metric,
        "goal": "max" if comparison.rises else "min",
        "groups": [
            {
                "values": group.values,
                "mean": group.mean,
                "std": group.deviation,
                "n": len(group.numbers),
                "p": p,
                "runs": [run.id for run in group.runs],
            }
            for group, p in zip(comparison.groups, comparison.p_values, strict=True)
        ],
    }


def print_groups(comparison: GroupComparison) -> None:
    """Print a line for each group, the best first, with a plot of means and standard deviations."""
    from lossreg.commands.output import say
    from lossreg.commands.results.output import interval_plot, print_table

    rows = comparison.rows()
    heading, lines = interval_plot([row[comparison.metric] for row in rows], [row["std"] for row in rows])
    rows = [{**row, heading: line} for row, line in zip(rows, lines, strict=True)]
    count = sum(len(group.runs) for group in comparison.groups)
    better = "higher" if comparison.rises else "lower"
    say(f"{count} runs in {len(rows)} groups by {', '.join(comparison.keys) or 'config'}; {better} is better")
    has_p = any(p is not None for p in comparison.p_values)
    print_table([comparison.metric, "std", "n", *["p"] * has_p, *comparison.keys, heading], rows)
    over = ", ".join(comparison.replicates)
    if over:
        say(f"mean and standard deviation over {over}")
    if has_p:
        say("p: paired t-test against the first line, over the runs that are equal in all else; corrected by Holm")
