"""`lossreg resume`: continue a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_changes
from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Continue a run that was stopped. Its results have the same bytes as without the stop. With --set, begin a new "
        "run of the changed config from the weights of a run, finished or not; where data, model, loss and optimizer "
        "stay the same, it has the earlier epochs too, so that train.epochs=100 makes a run of 100 epochs."
    )
    command = commands.add_parser("resume", help="continue a run that was stopped", description=description)
    add_names(command, 1)
    add_changes(command)
    command.add_argument("--force", action="store_true", help="resume even if the config or plugins have changed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Resume the run."""
    from lossreg.errors import NotResumable
    from lossreg.experiment.runner.execution import resume
    from lossreg.experiment.runner.progress import progress_for
    from lossreg.experiment.runner.warm_start import resume_changed
    from lossreg.experiment.storage.query import find

    one, *others = find(options.names, options.runs)
    if others:
        raise NotResumable(
            f"{options.names[0]!r} stands for {len(others) + 1} runs; `lossreg sweep FILE` continues a sweep"
        )
    if options.changes:
        resume_changed(one.path, options.changes, options.runs, progress_for(), force=options.force)
    else:
        resume(one.path, progress_for(), force=options.force)
