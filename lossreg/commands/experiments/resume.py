"""`lossreg resume`: continue a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Continue a run that was stopped. Its results have the same bytes as without the stop."
    command = commands.add_parser("resume", help="continue a run that was stopped", description=description)
    add_names(command, 1)
    command.add_argument("--force", action="store_true", help="resume even if the config or plugins have changed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Resume the run."""
    from lossreg.errors import NotResumable
    from lossreg.experiment.runner.execution import resume
    from lossreg.experiment.runner.progress import progress_for
    from lossreg.experiment.storage.query import find

    one, *others = find(options.names, options.runs)
    if others:
        raise NotResumable(
            f"{options.names[0]!r} stands for {len(others) + 1} runs; `lossreg sweep FILE` continues a sweep"
        )
    resume(one.path, progress_for(), force=options.force)
