"""Arguments and reading of configs, for the commands that take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

Outcome = TypeVar("Outcome")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments for config files and for changes to them."""
    command.add_argument("files", nargs="+", metavar="FILE", help="a config, as YAML")
    add_changes(command)


def add_changes(command: argparse.ArgumentParser) -> None:
    """Add the option that changes keys of configs."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="set a key of every config, as in optimizer.lr=3e-4; repeatable",
    )


def add_labels(command: argparse.ArgumentParser) -> None:
    """Add the options for the name, the tags and the note of what is run."""
    command.add_argument("--name", metavar="NAME", help="the name in that of the directory (default: that of the file)")
    command.add_argument(
        "--tag",
        action="append",
        default=[],
        dest="tags",
        metavar="TAG",
        help="a word by which runs are found, as in runs --where tag=TAG; repeatable",
    )
    command.add_argument("--note", default="", metavar="TEXT", help="what is to be remembered of it")


def read(options: Any, work: Callable[[str, list[str]], Outcome]) -> list[Outcome]:
    """Call `work` with each file and the changes; raises one InvalidConfig with the problems of all files."""
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
