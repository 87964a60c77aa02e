"""`lossreg show`: all about one plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from lossreg.definition.loss import Loss
    from lossreg.registry.registries import Registry


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Show a plugin of any kind: what it does, takes and comes from."
    command = commands.add_parser("show", help="show one of them in full", description=description)
    command.add_argument("name", metavar="NAME", help="its name, PyTorch's name of it, or DISTRIBUTION:NAME")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print everything about the plugins of a name, of whatever kind."""
    from lossreg.errors import UnknownName, listed, nearest
    from lossreg.registry.registries import REGISTRIES

    registries: tuple[Registry[Any], ...] = REGISTRIES
    found = []
    for registry in registries:
        try:
            offer = registry.find(options.name)
        except UnknownName:
            continue
        found.append((registry.kind, offer, registry.load(offer)))
    if not found:
        names = {name for registry in registries for name in registry.names()}
        hint = nearest(options.name, names)
        raise UnknownName(
            f"nothing named {options.name!r} is installed" + (hint and f"; {hint}") + f"; installed: {listed(names)}",
        )
    from lossreg.registry.describe import describe

    print("\n\n".join(describe(*one, trainable=one[0] != "loss" or trains(one[2])) for one in found))


def trains(loss: Loss) -> bool:
    """Whether a config can train by a loss."""
    from lossreg.experiment.task.requirements import requirements_of  # imports numpy, which other kinds need not

    return requirements_of(loss) is not None
