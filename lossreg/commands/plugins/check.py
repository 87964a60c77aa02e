"""`lossreg check`: run the conformance kit on a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

STATUS_COLORS = {"passed": "green", "failed": "red", "expected failure": "yellow", "not applicable": "dim"}


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Run the conformance kit on a loss. Exactness is graded, A to D; all other checks must pass: the exit code is "
        "1 if one fails. The level quick compiles nothing, takes a second or two, and ends at the first broken check."
    )
    command = commands.add_parser("check", help="run the conformance kit on a loss", description=description)
    command.add_argument("name", metavar="NAME|FILE", help="its name, or the path of its file, such as ./my_loss.py")
    command.add_argument(
        "--level", choices=("quick", "full"), default="full", help="how much is tested (default: full)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the checks; the exit code is 1 if one fails."""
    import sys

    from lossreg.commands.output import in_color, print_prose_table, say
    from lossreg.registry.registries import losses

    loss = losses.get(options.name)
    from lossreg.testing import GRADES, check_loss  # imports numba, which a wrong name does not need

    report = check_loss(loss, level=options.level, on_failure="return")
    print_prose_table(["check", "status", "points", "worst"], report.rows(), with_color)
    for result in report.failed:
        say(f"\n{result}")
    passed = sum(result.status in {"passed", "expected failure"} for result in report.results)
    summary = f"{passed} of {len(report.results)} checks passed in {report.seconds:.1f} s"
    print("\n" + in_color(f"{report.loss}: {summary}", "red" if report.failed else "green"))
    if options.level == "quick":
        say("the level quick compiles nothing; --level full has all checks")
    if report.grade:
        say(f"exactness: grade {report.grade}, {GRADES[report.grade]}")
    if report.failed:
        sys.exit(1)


def with_color(line: str) -> str:
    """Return a line of the table with its status in color."""
    from lossreg.commands.output import in_color

    for status, color in STATUS_COLORS.items():
        line = line.replace(f"  {status}", f"  {in_color(status, color)}", 1)
    return line
