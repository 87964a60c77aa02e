"""`lossreg resume`: go on with a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Go on with a run that was stopped, to the same bytes as if it had not been."
    command = commands.add_parser("resume", help="go on with a run that was stopped", description=description)
    command.add_argument("run_directory", metavar="RUN", help="the run's directory")
    command.add_argument("--force", action="store_true", help="even if its config or plugins have changed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Resume the run."""
    from lossreg.experiment.report import for_output
    from lossreg.experiment.run import resume

    resume(options.run_directory, for_output(), force=options.force)
