"""`lossreg validate`: find what is wrong with configs, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.configs import add_arguments, read

if TYPE_CHECKING:
    import argparse

    from lossreg.experiment.config import Config


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Check each config as a run would before its first step: keys, names and numbers, then the data, whether they"
        " suit loss, model and metrics, and one batch. Exit code 2 where anything is wrong."
    )
    command = commands.add_parser("validate", help="find what is wrong with configs", description=description)
    add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check all the configs, and say of each that is right what it would train."""
    read(options, check)


def check(config: Config) -> None:
    """Make everything that a run of the config needs, and say so."""
    from lossreg.experiment.extras import extra
    from lossreg.experiment.session import prepare

    with extra():
        session = prepare(config)
    sizes = f"{len(session.train):,} examples to train on, {session.network.weights.size:,} weights"
    print(f"{config.document.values[()].file}: ok; {sizes}, {session.steps:,} steps")
