"""`lossreg run`: train as configs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.configs import add_arguments, read

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Train as each config says, after checking them all. Each run gets a directory of its own."
    command = commands.add_parser("run", help="train as a config says", description=description)
    add_arguments(command)
    command.add_argument("--runs", metavar="DIR", help="where runs go ($LOSSREG_RUNS, or experiments/runs)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check all the configs, then run one after the other."""
    from lossreg.experiment.config import load

    configs = read(options, load)

    from lossreg.experiment.report import for_output
    from lossreg.experiment.run import run as train

    for config in configs:
        train(config, options.runs, for_output())
