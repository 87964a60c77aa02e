"""The page about the command line, made from the parsers of the commands."""

from __future__ import annotations

import argparse

from lossreg.cli import make_parser

PAGE = """# Command line

`lossreg COMMAND --help` prints the same. The exit code is 0 if a command succeeds, 1 if it fails, 2 for a mistake in
the command, in a config or in a plugin, 3 if a run diverges, and 130 if it is interrupted.

Shells complete commands and options after `pip install "lossreg[completion]"` and, in bash or zsh,
`eval "$(register-python-argcomplete lossreg)"`.

"""


def page() -> str:
    """Return the page: a section for each command."""
    _, commands = make_parser()
    return PAGE + "\n".join(section(name, parser) for name, parser in sorted(commands.items()))


def section(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the section of one command: its description, usage and arguments."""
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    usage = parser.format_usage().removeprefix("usage: ").strip()
    lines = [f"## lossreg {name}", "", parser.description or "", "", "```text", usage, "```", ""]
    actions = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]  # noqa: SLF001
    if actions:
        lines += ["| argument | meaning |", "|---|---|", *map(row, actions), ""]
    return "\n".join(lines)


def row(action: argparse.Action) -> str:
    """Return the row of an argument."""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if action.choices is not None and not action.metavar:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    names = [f"{option} {value}".strip() for option in action.option_strings] or [str(value)]
    meaning = (action.help or "") % {"default": action.default, "prog": "lossreg"}
    return f"| `{'`, `'.join(names).replace('|', '/')}` | {escaped(meaning)} |"


def escaped(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
