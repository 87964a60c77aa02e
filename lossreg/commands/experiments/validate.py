"""`lossreg validate`: find what is wrong with configs, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_arguments, read

if TYPE_CHECKING:
    import argparse


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


def check(file: str, changes: list[str]) -> None:
    """Make everything that a run of the config needs, or every trial of its sweep, and say so."""
    from lossreg.experiment.config.inheritance import compose
    from lossreg.experiment.config.run_config import KEPT, checked, is_sweep, name_of
    from lossreg.experiment.extras import extra
    from lossreg.experiment.sweep.trials import SweepPlan
    from lossreg.experiment.training.prepare import prepare

    document = compose(file, changes, KEPT)
    name = name_of(file, document)
    if is_sweep(document):
        plan = SweepPlan.of(document, name)
        trials = plan.trials()
        metric = plan.metric(trials)
        plan.verify(trials)
        print(f"{file}: ok; {len(trials):,} trials, judged by {metric}")
        return
    with extra():
        prepared = prepare(checked(document, name))
    sizes = f"{len(prepared.train):,} examples to train on, {prepared.network.weights.size:,} weights"
    print(f"{file}: ok; {sizes}, {prepared.steps:,} steps")
