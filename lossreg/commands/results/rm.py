"""`lossreg rm`: delete runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Delete the directories of runs, after asking. A run that is running is refused."
    command = commands.add_parser("rm", help="delete runs", description=description)
    add_names(command)
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Ask, and delete."""
    import sys

    from lossreg.errors import InvalidInput
    from lossreg.experiment.storage.query import find
    from lossreg.experiment.storage.runs import delete

    runs = find(options.names, options.runs)
    running = [run.id for run in runs if run.status == "running"]
    if running:
        raise InvalidInput(f"nothing is deleted: {', '.join(running)} is running; stop it first")
    for one in runs:
        print(f"{one.path}  {one.status}")
    if not options.yes:
        if not sys.stdin.isatty():
            raise InvalidInput("nothing is deleted: there is nobody to ask; --yes deletes without asking")
        if input(f"delete {'it' if len(runs) == 1 else f'these {len(runs)}'}? [y/N] ").strip().lower() not in (
            "y",
            "yes",
        ):
            print("nothing is deleted")
            return
    for one in runs:
        delete(one)
    print(f"deleted {len(runs)} run{'s' * (len(runs) != 1)}")
