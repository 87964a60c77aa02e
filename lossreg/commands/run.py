"""`lossreg run`: train as configs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Train as each config says, after checking them all. Each run gets a directory of its own."
    command = commands.add_parser("run", help="train as a config says", description=description)
    command.add_argument("files", nargs="+", metavar="FILE", help="a config in YAML")
    command.add_argument("--runs", metavar="DIR", help="where runs go ($LOSSREG_RUNS, or experiments/runs)")
    command.set_defaults(run=run)


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
    from lossreg.experiment.run import run as train

    for config in configs:
        train(config, options.runs, for_output())
