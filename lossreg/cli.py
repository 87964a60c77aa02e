"""The command `lossreg`: list and show what is installed, run experiments, and read their results.

Exit codes: 0 done, 1 failed, 2 a mistake in the command, a config or a plugin, 3 diverged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMANDS = {
    "list": "plugins",
    "show": "plugins",
    "new": "plugins",
    "check": "plugins",
    "schema": "experiments",
    "data": "experiments",
    "choose": "experiments",
    "validate": "experiments",
    "run": "experiments",
    "sweep": "experiments",
    "resume": "experiments",
    "watch": "results",
    "runs": "results",
    "compare": "results",
    "report": "results",
    "predict": "results",
    "export": "results",
    "rm": "results",
    "prune": "results",
    "compile": "plugins",
    "cache": "plugins",
    "doctor": "plugins",
}
"""The sub-commands, in the order of `lossreg --help`, and the package of lossreg.commands that each is in."""
OTHER_WORDS = {"train": "run", "fit": "run", "delete": "rm", "remove": "rm", "ls": "list"}
"""Words that other tools use for a command, for suggestions."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    prepare_output()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    from lossreg.errors import Diverged, LossregError

    try:
        options.run(options)
        sys.stdout.flush()
        code = 0
    except Diverged as error:
        code = complain(str(error), 3, error.page)
    except LossregError as error:
        code = complain(str(error), 2, error.page)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = None  # otherwise Python flushes it at exit and fails again
        code = 0
    except OSError as error:
        code = complain(": ".join(str(part) for part in (error.filename, error.strerror) if part) or str(error), 1)
    except ValueError:
        if sys.stdout is None or not sys.stdout.closed:
            raise
        code = complain("the standard output is closed; a plugin may have closed it", 1)
    except MemoryError as error:
        code = complain(f"there is not enough memory: {error}".removesuffix(": "), 1)
    except KeyboardInterrupt:
        code = complain("interrupted", 130)
    sys.exit(code)


def prepare_output() -> None:
    """Discard what is printed to a closed output, and escape what the encoding of an output lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  it stays open
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def make_parser(
    names: Iterable[str] = COMMANDS,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the command line with some sub-commands, and that of each of these by name."""
    top = argparse.ArgumentParser("lossreg", description="Losses as plugins, and the experiments that compare them.")
    top.add_argument("--version", action=Version, nargs=0, help="show the version and exit")
    # With `prog`, argparse need not format the usage to know it, for which it asks how wide the terminal is.
    commands = top.add_subparsers(required=True, metavar="COMMAND", prog="lossreg", dest="command")
    for name in names:
        import_module(f"lossreg.commands.{COMMANDS[name]}.{name}").add(commands)
    return top, commands.choices


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments; exit with a message for what is not understood."""
    name = next((argument for argument in arguments if not argument.startswith("-")), None)
    # To make the parsers of the other commands would take a third of the time of `lossreg list`.
    top, commands = make_parser([name] if name in COMMANDS else COMMANDS)
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may follow, by the function that argcomplete defined there
        import argcomplete

        argcomplete.autocomplete(top)
    if not arguments:
        top.print_help(sys.stderr)
        sys.exit(2)
    if name is not None and name not in commands:
        refuse_command(top, name, commands)
    options, unknown = top.parse_known_args(arguments)
    if unknown:
        is_before = unknown[0] in arguments[: arguments.index(options.command)]
        refuse_argument(top if is_before else commands[options.command], unknown[0])
    return options


def refuse_command(parser: argparse.ArgumentParser, name: str, commands: Iterable[str]) -> NoReturn:
    """Exit because there is no such command, with the nearest one."""
    from lossreg.errors import nearest_name

    near = nearest_name(name, [*commands, *OTHER_WORDS])
    hint = f"did you mean {OTHER_WORDS.get(near, near)!r}?" if near else f"the commands are {', '.join(commands)}"
    parser.error(f"no command {name!r}; {hint}")


def refuse_argument(parser: argparse.ArgumentParser, argument: str) -> NoReturn:
    """Exit because a command does not take an argument, with the nearest option."""
    from lossreg.errors import nearest

    if not argument.startswith("-"):
        parser.error(f"unexpected argument {argument!r}")
    options = dict.fromkeys(re.findall(r"--[a-z][a-z-]*", parser.format_help()))
    name = argument.partition("=")[0]
    hint = nearest(name, options) or f"the options are {', '.join(options)}"
    parser.error(f"no option {name!r}; {hint}")


class Version(argparse.Action):
    """Show the version and exit."""

    def __call__(self, *_: object) -> None:
        """Print the version of lossreg."""
        from lossreg._version import __version__

        print(f"lossreg {__version__}")
        sys.exit()


def complain(message: str, code: int, page: str = "") -> int:
    """Print an error, or several on lines of their own, and the page that says more; return the exit code."""
    from lossreg.formatting import printable

    several = "\n" in message
    print(f"lossreg: error: {'several problems' if several else printable(message)}", file=sys.stderr)
    if several:
        print(printable(message), file=sys.stderr)
    if page:
        print(f"see {page}", file=sys.stderr)
    return code
