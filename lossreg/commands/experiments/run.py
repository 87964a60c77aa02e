"""`lossreg run`: train as configs say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_arguments, read

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
    from lossreg.experiment.config.run_config import Config, load
    from lossreg.experiment.extras import extra
    from lossreg.experiment.runner.execution import run as train
    from lossreg.experiment.runner.progress import for_output
    from lossreg.experiment.training.prepare import prepare

    def checked(file: str, changes: list[str]) -> Config:
        config = load(file, changes)
        if len(options.files) > 1:  # a single run prepares, before its first step, what it is checked by
            with extra():
                prepare(config)
        return config

    for number, config in enumerate(read(options, checked), 1):
        try:
            train(config, options.runs, for_output())
        except BaseException:
            if number < len(options.files):
                print(f"lossreg: not run: {', '.join(options.files[number:])}", file=sys.stderr)
            raise
