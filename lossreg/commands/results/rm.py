"""`lossreg rm`: delete the directories of runs and sweeps that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Delete the directories of runs, after listing them and asking. The name of a sweep stands for all its runs. "
        "Only directories that lossreg made are deleted, only inside the directory of runs, and only if their runs are "
        "not running."
    )
    command = commands.add_parser("rm", help="delete runs", description=description)
    add_names(command)
    command.add_argument("--yes", action="store_true", help="delete without asking")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """List what would be deleted, ask, and delete it."""
    import sys

    from lossreg.commands.results.output import print_counts, print_deletions
    from lossreg.errors import InvalidInput
    from lossreg.experiment.storage.deletion import delete_all, plan_all
    from lossreg.experiment.storage.files import root_of
    from lossreg.experiment.storage.marked_directories import is_own
    from lossreg.experiment.storage.query import find, folder_named
    from lossreg.experiment.storage.runs import runs_in

    root = root_of(options.runs).resolve()
    folders = {name: folder_named(name, options.runs) for name in options.names}
    empty = {name: folder for name, folder in folders.items() if is_own(folder, "sweep") and not runs_in(folder)}
    runs = find([name for name in options.names if name not in empty], options.runs, only_sweeps=True)
    planned = plan_all([run.path for run in runs], empty.values(), root)
    refused = [f"{one.path}: {one.refusal}" for one in planned if one.refusal]
    if refused:
        raise InvalidInput("\n".join(["nothing is deleted", *refused]))
    print_deletions(planned)
    if not options.yes:
        if not sys.stdin.isatty():
            raise InvalidInput("nothing is deleted, as there is no terminal to ask on; --yes deletes without asking")
        answer = input(f"delete {'it' if len(planned) == 1 else f'these {len(planned)} directories'}? [y/N] ")
        if answer.strip().lower() not in {"y", "yes"}:
            print("nothing is deleted")
            return
    delete_all(planned, root)
    print_counts(planned)
