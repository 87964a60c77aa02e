"""`lossreg list`: list the plugins that are installed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.registry.isolation import Inspection
    from lossreg.registry.registries import Registry

ALL = "all"


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "List the plugins that are installed, of one kind or of all."
    command = commands.add_parser("list", help="list the plugins that are installed", description=description)
    command.add_argument(
        "kind",
        nargs="?",
        type=registries_of,
        default="losses",
        metavar="KIND",
        help=f"losses (the default), another kind that `lossreg list` names, or {ALL}",
    )
    command.add_argument("--task", metavar="TASK", help="only the losses for a task, such as regression")
    command.add_argument("--like", metavar="LIBRARY", help="only what another library has too, with its names")
    command.set_defaults(run=run)


def registries_of(kind: str) -> Sequence[Registry[Any]]:
    """Return the registries of a kind; argparse shows the error for any other."""
    from lossreg.errors import alternatives
    from lossreg.registry.registries import REGISTRIES

    kinds = {**{registry.plural: (registry,) for registry in REGISTRIES}, ALL: REGISTRIES}
    if kind in kinds:
        return kinds[kind]
    raise argparse.ArgumentTypeError(f"no kind of plugin is called {kind!r}; {alternatives(kind, kinds, 'kinds')}")


def in_library(inspections: Iterable[Inspection], library: str) -> list[Inspection]:
    """Return those that another library has too; raises InvalidInput for a library that no plugin names."""
    from lossreg.errors import InvalidInput, alternatives
    from lossreg.registry.registries import libraries

    known = libraries()
    if library not in known:
        raise InvalidInput(f"no names of {library!r} are known; {alternatives(library, known, 'libraries')}")
    return [one for one in inspections if names_in(one, library)]


def names_in(inspection: Inspection, library: str) -> str:
    """Return the names that another library has for a plugin."""
    return ", ".join(inspection.registry.aliases(inspection.offer, library))


def can_draw() -> bool:
    """Return whether sparklines are for a terminal, and for one that has their characters."""
    import sys

    from lossreg.commands.output import width

    if width() is None:
        return False
    try:
        "▁█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def run(options: argparse.Namespace) -> None:
    """Print a table of plugins, and a warning for each that cannot be used and for each name or group in doubt."""
    from lossreg.commands.output import print_prose_table, say, warn, width
    from lossreg.registry.isolation import inspect, with_task
    from lossreg.registry.registries import REGISTRIES, problems

    registries: Sequence[Registry[Any]] = options.kind
    inspections = list(inspect(registries))
    found = [one for one in inspections if not one.error]
    if options.task is not None:
        found = with_task(found, options.task)
    if options.like is not None:
        found = in_library(found, options.like)
    one_kind = len(registries) == 1
    pictures = ["value"] * (can_draw() and any(one.sparkline for one in found))
    like = [f"in {options.like}"] * (options.like is not None)
    tasks = ["task"] * any(one.task for one in found)
    header = [registries[0].kind if one_kind else "name", *like, *pictures, *tasks, "from", "summary"]
    rows = [
        [
            one.offer.name,
            *(names_in(one, options.like) for _ in like),
            *(one.sparkline for _ in pictures),
            *(one.task for _ in tasks),
            str(one.offer),
            one.summary,
        ]
        for one in found
    ]
    if not one_kind:
        header = ["kind", *header]
        rows = [[one.registry.kind, *row] for one, row in zip(found, rows, strict=True)]
    if rows:
        print_prose_table(header, rows)
    else:
        say(f"no {registries[0].plural if one_kind else 'plugins'} are installed")
    if one_kind and width() is not None:
        others = "|".join([*(registry.plural for registry in REGISTRIES if registry not in registries), ALL])
        say(f"\nother kinds   lossreg list {others}")
        say("one plugin    lossreg show NAME")
    for problem in [*problems(registries), *(one.error for one in inspections if one.error)]:
        warn(problem)
