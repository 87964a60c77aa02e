"""`lossreg run`: train models from configs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_arguments, add_labels, read
from lossreg.commands.results.output import add_runs

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Train a model from each config, after checking all of them. Each run gets a directory of its own."
    command = commands.add_parser("run", help="train a model from a config", description=description)
    add_arguments(command)
    add_labels(command)
    add_runs(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check all configs, then run one after the other."""
    from lossreg.experiment.config.run_config import Config, load
    from lossreg.experiment.runner.execution import run as train
    from lossreg.experiment.runner.progress import progress_for
    from lossreg.experiment.training.prepare import prepare
    from lossreg.extras import optional_imports
    from lossreg.formatting import one_line

    def checked(file: str, changes: list[str]) -> Config:
        config = load(file, changes)
        if len(options.files) > 1:  # a single run does this itself, before its first step
            with optional_imports():
                prepare(config)
        return config

    for number, config in enumerate(read(options, checked), 1):
        try:
            labelled = {"name": options.name, "tags": options.tags, "note": options.note}
            train(config, options.runs, progress_for(), **labelled)
        except BaseException:
            if number < len(options.files):
                print(one_line(f"lossreg: not run: {', '.join(options.files[number:])}"), file=sys.stderr)
            raise
