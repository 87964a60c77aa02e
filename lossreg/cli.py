"""The command `lossreg`: list and show what is installed, run experiments, and read what came of them.

Exit codes: 0 done, 1 failed, 2 a mistake in the command, a config or a plugin, 3 diverged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys

from lossreg.commands.experiments import resume, run, schema, sweep, validate
from lossreg.commands.plugins import compile as compile_ahead, list as list_plugins, show
from lossreg.commands.results import compare, prune, report, rm, runs

COMMANDS = (list_plugins, show, schema, validate, run, sweep, resume, runs, compare, report, rm, prune, compile_ahead)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    options = parser().parse_args(arguments)
    from lossreg.errors import Diverged, LossregError

    try:
        options.run(options)
        sys.stdout.flush()
        code = 0
    except Diverged as error:
        code = complain(str(error), 3)
    except LossregError as error:
        code = complain(str(error), 2)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = None  # or Python would try to flush it on its way out
        code = 0
    except OSError as error:
        code = complain(": ".join(str(part) for part in (error.filename, error.strerror) if part) or str(error), 1)
    except KeyboardInterrupt:
        code = complain("interrupted", 130)
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all the commands."""
    top = argparse.ArgumentParser("lossreg", description="Losses as plugins, and the experiments that compare them.")
    top.add_argument("--version", action=Version, nargs=0, help="show the version and exit")
    # Told the name, argparse need not write the usage to know it, for which it asks how wide the terminal is.
    commands = top.add_subparsers(required=True, metavar="COMMAND", prog="lossreg")
    for command in COMMANDS:
        command.add(commands)
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
