"""`lossreg show`: describe one plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from lossreg.definition.loss import Loss
    from lossreg.errors import UnknownName
    from lossreg.registry.registries import Offer, Registry


SECTIONS = ("config", "data", "model", "optimizer", "schedule", "loss", "term", "report", "train", "sweep")
"""The sections of configs that can be shown."""


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show what a plugin does, its inputs and parameters, and where it comes from; or the keys of a section of "
        f"configs: {', '.join(SECTIONS)}."
    )
    command = commands.add_parser("show", help="describe a plugin or a section of configs", description=description)
    command.add_argument(
        "name",
        metavar="NAME",
        help="its name, its PyTorch class name, DISTRIBUTION:NAME, a file such as ./my_loss.py, or a section as train",
    )
    command.add_argument("--plot", action="store_true", help="also draw the curves of a loss, in plain characters")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Describe the plugins that have a name, of whatever kind, or the section of configs that has it."""
    from lossreg.commands.output import say
    from lossreg.errors import BrokenPlugin, UnknownName
    from lossreg.registry.isolation import load
    from lossreg.registry.loading import SUFFIX
    from lossreg.registry.registries import REGISTRIES

    if options.name in SECTIONS:
        from lossreg.experiment.config.reference import section_text

        say(section_text(options.name))
        return
    found: list[tuple[Registry[Any], Offer[Any], Any]] = []
    broken = []
    for registry in REGISTRIES:
        try:
            offer = registry.find(options.name)
            found.append((registry, offer, load(registry, offer)))
        except UnknownName:
            continue
        except BrokenPlugin as error:
            if not options.name.endswith(SUFFIX):
                raise
            broken.append(error)  # a file has a plugin of one kind only
    if not found:
        raise broken[0] if broken else unknown(options.name)
    say("\n\n".join(described(*one) for one in found))
    if options.plot:
        for registry, _, component in found:
            if registry.kind == "loss":
                draw(component)


def draw(loss: Loss) -> None:
    """Draw the value and the slope of a loss."""
    from lossreg.commands.output import say
    from lossreg.plotting.characters import picture
    from lossreg.plotting.curves import loss_curves

    say(f"\n{picture(loss_curves(loss))}")


def described(registry: Registry[Any], offer: Offer[Any], component: Any) -> str:
    """Return the description of one plugin, with the names that other libraries have for it."""
    from lossreg.registry.describe import describe
    from lossreg.registry.registries import libraries

    names = {library: registry.aliases(offer, library) for library in libraries()}
    elsewhere = [f"{', '.join(aliases)} ({library})" for library, aliases in names.items() if aliases]
    trainable = registry.kind != "loss" or is_trainable(component)
    return describe(registry.kind, offer, component, trainable=trainable, elsewhere=elsewhere)


def unknown(name: str) -> UnknownName:
    """Return the error for a name that no plugin has: the nearest name, and the names of its kind."""
    from lossreg.errors import UnknownName, alternatives, nearest_name
    from lossreg.registry.registries import REGISTRIES, losses

    names = {name: registry for registry in reversed(REGISTRIES) for name in registry.names()}
    registry = names.get(nearest_name(name, names), losses)
    known = alternatives(name, registry.names(), registry.plural, f"lossreg list {registry.plural}")
    return UnknownName(f"no plugin named {name!r} is installed; {known}; `lossreg list all` lists every kind")


def is_trainable(loss: Loss) -> bool:
    """Return whether a config can train with a loss."""
    from lossreg.experiment.task.requirements import requirements_of  # imports numpy, which other kinds need not

    return requirements_of(loss) is not None
