"""`lossreg validate`: check configs without training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.experiments.configs import add_arguments, read

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Check each config as a run does before its first step: keys, names and numbers, then whether the data fit the "
        "loss, the model and the metrics, and one batch. Nothing is trained. The exit code is 2 if anything is wrong."
    )
    command = commands.add_parser("validate", help="check configs without training", description=description)
    add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check all configs; print for each correct one what it would train."""
    read(options, check)


def check(file: str, changes: list[str]) -> None:
    """Prepare everything that a run of the config needs, or every trial of its sweep, and print a summary."""
    from lossreg.commands.output import say
    from lossreg.experiment.config.inheritance import compose
    from lossreg.experiment.config.run_config import config_name, is_sweep, validate
    from lossreg.experiment.runner.trackers import check_installed
    from lossreg.experiment.sweep.trials import SweepPlan
    from lossreg.experiment.training.prepare import prepare
    from lossreg.extras import optional_imports

    document = compose(file, changes)
    name = config_name(file, document)
    if is_sweep(document):
        plan = SweepPlan.of(document, name)
        trials = plan.trials()
        plan.verify(trials)
        metric = plan.metric(trials)
        say(f"{file}: ok; {len(trials):,} trials, ranked by {metric}")
        return
    config = validate(document, name)
    check_installed(config)
    with optional_imports():
        prepared = prepare(config)
    sizes = f"{len(prepared.train):,} training examples, {prepared.trained}"
    say(f"{file}: ok; {sizes}, {prepared.steps:,} step{'s' * (prepared.steps != 1)}")
