"""`lossreg report`: write a page about runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Write an HTML page about runs, which needs no network: learning curves, differences in config and results, "
        "plots of the losses, predictions for the test rows, and the environment."
    )
    command = commands.add_parser("report", help="write an HTML page about runs", description=description)
    add_names(command)
    command.add_argument(
        "-o", "--output", default="report.html", metavar="FILE", help="the file to write (default: report.html)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from pathlib import Path

    from lossreg.commands.output import say
    from lossreg.commands.results.output import warn_of_problems
    from lossreg.experiment.report.html_page import page
    from lossreg.experiment.storage.files import explaining, write
    from lossreg.experiment.storage.query import find

    runs = find(options.names, options.runs)
    output = Path(options.output)
    content, hint = page(runs), "-o FILE writes to another file"
    if output.exists() and not output.is_file():  # a device or a pipe, which cannot be replaced
        with explaining(output, hint=hint):
            output.write_text(content, "utf-8")
    else:
        write(output.resolve() if output.is_symlink() else output, content, hint)
    say(f"{output}: {len(runs)} run{'s' * (len(runs) != 1)}, {output.stat().st_size / 1000:,.0f} kB")
    warn_of_problems(runs)
