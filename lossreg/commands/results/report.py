"""`lossreg report`: one page about runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Write a page about runs that needs no network: learning curves, what differs and what came of it, the losses' "
        "shapes, what was predicted for the rows to test on, and the environment."
    )
    command = commands.add_parser("report", help="make a page about runs", description=description)
    add_names(command)
    command.add_argument("-o", "--output", default="report.html", metavar="FILE", help="the page (report.html)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    from pathlib import Path

    from lossreg.commands.results.output import warn_of_problems
    from lossreg.experiment.report.html_page import page
    from lossreg.experiment.storage.files import explaining
    from lossreg.experiment.storage.query import find

    runs = find(options.names, options.runs)
    output = Path(options.output)
    content = page(runs)
    with explaining(output, hint="-o FILE says where the page goes"):
        output.write_text(content, "utf-8")
    print(f"{output}: {len(runs)} run{'s' * (len(runs) != 1)}, {output.stat().st_size / 1000:,.0f} kB")
    warn_of_problems(runs)
