"""`lossreg check`: run the conformance kit on a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Run every check of the conformance kit on a loss. The exit code is 1 if one fails."
    command = commands.add_parser("check", help="run the conformance kit on a loss", description=description)
    command.add_argument("name", metavar="NAME", help="its name, or the path of its file, such as ./my_loss.py")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the checks; the exit code is 1 if one fails."""
    import sys

    from lossreg.commands.output import say
    from lossreg.registry.registries import losses

    loss = losses.get(options.name)
    from lossreg.testing import check_loss  # imports numba, which a wrong name does not need

    report = check_loss(loss, on_failure="return")
    say(str(report))
    for result in report.failed:
        say(f"\n{result}")
    passed = len(report.results) - len(report.failed)
    say(f"\n{passed} of {len(report.results)} checks passed")
    if report.failed:
        sys.exit(1)
