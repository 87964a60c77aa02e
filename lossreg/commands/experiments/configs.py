"""What the commands that take configs share: the arguments, and reading all the files before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

Outcome = TypeVar("Outcome")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the files, and the changes to all of them."""
    command.add_argument("files", nargs="+", metavar="FILE", help="a config in YAML")
    add_changes(command)


def add_changes(command: argparse.ArgumentParser) -> None:
    """Add the option that changes configs."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="change a key of every config, such as optimizer.lr=3e-4; may be given several times",
    )


def read(options: Any, work: Callable[[str, list[str]], Outcome]) -> list[Outcome]:
    """Do some work with each file and the changes; raises one InvalidConfig with every problem of all of them."""
    from lossreg.errors import InvalidConfig, LossregError

    outcomes: list[Outcome] = []
    problems: dict[str, None] = {}
    for file in options.files:
        try:
            outcomes.append(work(file, options.changes))
        except InvalidConfig as error:
            problems |= dict.fromkeys(str(error).splitlines())
        except LossregError as error:
            problems[f"{file}: {error}"] = None
    if problems:
        raise InvalidConfig("\n".join(problems))
    return outcomes
