"""`lossreg cache`: show how much compiled code is kept on disk, and delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lossreg.kernels.compiler.cache import CachedFile


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show how many compiled loops are kept on disk, and where. Those of another version of lossreg or numba are "
        "stale and no longer read. A loop that is deleted is compiled again by the next call that needs it."
    )
    command = commands.add_parser("cache", help="show or delete compiled code", description=description)
    command.add_argument("--clear", action="store_true", help="delete the files")
    command.add_argument("--stale", action="store_true", help="only files of other versions of lossreg and numba")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a table of the files, or delete them and print how many were deleted."""
    from lossreg.commands.output import say
    from lossreg.formatting import columns, counted
    from lossreg.kernels.compiler.cache import cached_files, clear

    files = [file for file in cached_files() if file.stale or not options.stale]
    if options.clear:
        clear(files)
        say(f"deleted {counted(loops(files), 'compiled loop')}, {megabytes(files)}")
        return
    groups = {state: [file for file in files if file.stale == (state == "stale")] for state in ("current", "stale")}
    rows = [
        [state, str(loops(group)), megabytes(group)]
        for state, group in groups.items()
        if state == "stale" or not options.stale
    ]
    for line in columns([["state", "loops", "size"], *rows], right=[False, True, True]):
        say(line)
    for folder in sorted({str(file.path.parent) for file in files}):
        say(folder)


def loops(files: Sequence[CachedFile]) -> int:
    """Return the number of loops, one for each signature, whose code is in the files."""
    return sum(file.path.suffix == ".nbc" for file in files)


def megabytes(files: Sequence[CachedFile]) -> str:
    """Return the size of the files."""
    return f"{sum(file.size for file in files) / 1e6:.1f} MB"
