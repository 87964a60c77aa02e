"""`lossreg sweep`: run a config with many values for some of its keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_changes, add_labels
from lossreg.commands.results.output import add_runs

if TYPE_CHECKING:
    import argparse

SOME = 5
"""How many failed trials are named."""


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Run every trial of a config that has a `sweep`, after checking all of them. The same command again continues "
        "trials that were stopped, repeats those that failed, and keeps those that are finished. The exit code is 1 if "
        "trials failed."
    )
    command = commands.add_parser("sweep", help="run a config with many values for some keys", description=description)
    command.add_argument("file", metavar="FILE", help="a config, as YAML, with a sweep")
    add_changes(command)
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="how many trials run at once (default: 1)")
    command.add_argument(
        "--engine", choices=("local", "dask"), default="local", help="processes here (local, the default), or Dask"
    )
    command.add_argument(
        "--address", metavar="tcp://...", help="the address of a Dask scheduler (default: start --jobs workers here)"
    )
    add_labels(command)
    add_runs(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the trials and print a summary."""
    from lossreg.commands.output import say
    from lossreg.commands.results.output import print_table
    from lossreg.experiment.storage.runs import Run
    from lossreg.experiment.sweep.run_sweep import sweep
    from lossreg.experiment.sweep.sweep_progress import sweep_progress_for
    from lossreg.formatting import command_line

    summary = sweep(
        options.file,
        options.runs,
        sweep_progress_for(),
        changes=options.changes,
        jobs=options.jobs,
        engine=options.engine,
        address=options.address,
        name=options.name,
        tags=options.tags,
        note=options.note,
    )
    rows = summary.rows()
    say()
    print_table(list(dict.fromkeys(key for row in rows for key in row)), rows)
    say()
    say(f"trials      {', '.join(f'{count} {status}' for status, count in summary.counts.items())}")
    say(f"summary     {summary.path / 'summary.json'}, .csv")
    if summary.best:
        say(f"run best    {command_line('run', summary.path / 'best.yaml')}")
        say(f"compare     {command_line('compare', summary.path)}")
        say(f"report      {command_line('report', summary.path, '-o', 'report.html')}")
    failed = [trial for config in summary.configs for trial in config.trials if summary.statuses[trial.id] == "failed"]
    for trial in failed[:SOME]:
        say(f"failed      {trial}: {Run(summary.path / trial.id).state.get('error')}")
        say(f"            {summary.path / trial.id / 'log.txt'}")
    if failed:
        sys.stdout.flush()
        raise SystemExit(
            f"lossreg: error: {len(failed)} of {len(summary.statuses)} trials failed; log.txt has the reason for each"
        )
