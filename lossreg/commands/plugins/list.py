"""`lossreg list`: what is installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = commands.add_parser("list", help="list what is installed", description="List what is installed.")
    kinds = ("losses", "models", "optimizers", "data", "schedules", "trackers", "all")
    command.add_argument("kind", nargs="?", default="losses", choices=kinds, metavar="KIND", help=", ".join(kinds))
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a table of plugins, and a warning for each that cannot be used, or that nothing reads."""
    from lossreg.errors import AmbiguousName, BrokenPlugin
    from lossreg.registry.registries import REGISTRIES, unread

    chosen = [registry for registry in REGISTRIES if options.kind in ("all", registry.group.removeprefix("lossreg."))]
    rows, warnings = [], unread()
    for registry in chosen:
        for offer in registry.offers():
            try:
                component = registry.load(offer)
            except BrokenPlugin as error:
                warnings.append(str(error))
                continue
            kind = [registry.kind] if len(chosen) > 1 else []
            task = [getattr(component, "task", "")] if options.kind in ("losses", "all") else []
            rows.append([*kind, offer.name, *task, str(offer), component.summary])
        for name in registry.names():
            try:
                registry.find(name)
            except AmbiguousName as error:
                warnings.append(str(error))
    print_table(rows)
    sys.stdout.flush()
    for warning in warnings:
        print(f"lossreg: warning: {' '.join(warning.split())}", file=sys.stderr)


def print_table(rows: list[list[str]]) -> None:
    """Print rows in columns, the last cut where the terminal ends."""
    from lossreg.registry.describe import columns

    room = None
    if sys.stdout.isatty():
        from shutil import get_terminal_size  # 3 ms that a pipe need not pay

        room = get_terminal_size().columns
    for line in columns(rows):
        print(line if room is None or len(line) <= room else line[: room - 1] + "…")
