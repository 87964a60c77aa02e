"""The command `lossreg`: list and show what is installed, and run experiments.

Exit codes: 0 done, 1 failed, 2 a mistake in the command, a config or a plugin, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from lossreg.registry import Registry

# Each command imports what it needs when it runs: `--help` has to answer at once.


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    options = parser().parse_args(arguments)
    from lossreg.errors import LossregError

    try:
        options.run(options)
        sys.stdout.flush()
        code = 0
    except LossregError as error:
        code = complain(str(error), 2)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = None  # or Python would try to flush it on its way out
        code = 0
    except OSError as error:
        code = complain(str(error), 1)
    except KeyboardInterrupt:
        code = complain("interrupted", 130)
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all the commands."""
    top = argparse.ArgumentParser("lossreg", description="Losses as plugins, and the experiments that compare them.")
    top.add_argument("--version", action=Version, nargs=0, help="show the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="list what is installed", description="List what is installed.")
    kinds = ("losses", "models", "optimizers", "data", "all")
    command.add_argument("kind", nargs="?", default="losses", choices=kinds, metavar="KIND", help=", ".join(kinds))
    command.set_defaults(run=list_plugins)

    description = "Show a loss, model, optimizer or data set: what it does, takes and comes from."
    command = commands.add_parser("show", help="show one of them in full", description=description)
    command.add_argument("name", metavar="NAME", help="its name, PyTorch's name of it, or DISTRIBUTION:NAME")
    command.set_defaults(run=show)

    description = "Train as each config says, after checking them all. Each run gets a directory of its own."
    command = commands.add_parser("run", help="train as a config says", description=description)
    command.add_argument("files", nargs="+", metavar="FILE", help="a config in YAML")
    command.add_argument("--runs", metavar="DIR", help="where runs go ($LOSSREG_RUNS, or experiments/runs)")
    command.set_defaults(run=run)
    return top


class Version(argparse.Action):
    """Show the version and exit."""

    def __call__(self, *_: object) -> None:
        """Do so."""
        from lossreg import __version__

        print(f"lossreg {__version__}")
        sys.exit()


def complain(message: str, code: int) -> int:
    """Say what is wrong; several problems go below one another. Gives the exit code back."""
    several = "\n" in message
    print(f"lossreg: error: {'several problems' if several else message}", file=sys.stderr)
    if several:
        print(message, file=sys.stderr)
    return code


def list_plugins(options: argparse.Namespace) -> None:
    """Print a table of plugins, and a warning for each that cannot be used."""
    from lossreg.errors import AmbiguousName, BrokenPlugin
    from lossreg.registry import REGISTRIES

    registries: tuple[Registry[Any], ...] = REGISTRIES
    chosen = [registry for registry in registries if options.kind in ("all", registry.group.removeprefix("lossreg."))]
    rows, warnings = [], []
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
    import shutil

    from lossreg.describe import columns

    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in columns(rows):
        print(line if room is None or len(line) <= room else line[: room - 1] + "…")


def show(options: argparse.Namespace) -> None:
    """Print everything about the plugins of a name, of whatever kind."""
    from lossreg.errors import UnknownName, listed, nearest
    from lossreg.registry import REGISTRIES

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
    from lossreg.describe import describe

    print("\n\n".join(describe(*one) for one in found))


def run(options: argparse.Namespace) -> None:
    """Check all the configs, then run one after the other."""
    from lossreg.errors import InvalidConfig
    from lossreg.experiment.config import load

    configs, problems = [], []
    for file in options.files:
        try:
            configs.append(load(file))
        except InvalidConfig as error:
            problems.append(str(error))
    if problems:
        raise InvalidConfig("\n".join(problems))

    from lossreg.experiment.report import for_output
    from lossreg.experiment.train import run as train

    for config in configs:
        train(config, options.runs, for_output())
