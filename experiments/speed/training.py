"""Time a training step: a complete run as `lossreg run` does it, and the usual training loop in PyTorch.

A step's time is the difference of a long run and a short one, over the steps between: what is done once does not count,
what each epoch does (shuffling, evaluating both splits, logging) does. PyTorch has the same network, data, batch and
optimizer, fused; scikit-learn's MLPClassifier the same too, where it fits, but for label smoothing and evaluation.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from timing import spread

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.experiment.training.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.experiment.training.examples import Examples
    from lossreg.experiment.training.prepare import PreparedRun

ROOT = Path(__file__).parents[2]

CONFIGS = ("linear_mse", "binary_bce", "mlp_cross_entropy", "digits_mlp")
SHORT, MORE = 2, {"linear_mse": 300, "binary_bce": 60, "mlp_cross_entropy": 15, "digits_mlp": 80}
"""The epochs of a short run, and how many more a long one has."""


def measured(name: str, repeats: int) -> dict[str, Any]:
    """Return the row of one config: the time of a step of every engine, measured in turns."""
    path = ROOT / "configs" / f"{name}.yaml"
    prepared = prepare(load(path))
    runners = {"lossreg": ours(path), "torch": torch_loop(prepared)}
    if name == "digits_mlp":
        runners["scikit-learn"] = scikit_learn(prepared)
    more = MORE[name]
    times: dict[str, list[float]] = {runner: [] for runner in runners}
    for turn in range(repeats + 1):
        for runner, run in runners.items():
            if not turn:
                run(SHORT)
                continue
            short, long = run(SHORT), run(SHORT + more)
            times[runner].append((long - short) / (more * prepared.steps_per_epoch))
    own = np.array(times["lossreg"])
    return {
        "case": name,
        "rounds": repeats,
        "seconds": {runner: spread(values) for runner, values in times.items()},
        "ratios": {runner: spread(np.array(values) / own) for runner, values in times.items() if runner != "lossreg"},
    }


def ours(path: Path) -> Callable[[int], float]:
    """Return a call that does a complete run of lossreg."""
    config = yaml.safe_load(path.read_text("utf-8"))

    def run(epochs: int) -> float:
        with TemporaryDirectory() as root:
            started = perf_counter()
            lossreg.run(config | {"train": config["train"] | {"epochs": epochs}}, root=root)
            return perf_counter() - started

    return run


def as_arrays(examples: Examples) -> tuple[Any, Any]:
    """All inputs and targets of some examples, as arrays."""
    batch = examples.allocate(len(examples), 1)
    examples.fill(np.arange(len(examples)), batch)
    return batch.inputs, batch.targets[0]


def torch_loop(prepared: PreparedRun) -> Callable[[int], float]:
    """Return the usual training loop: shuffled indices, modules, a fused optimizer, and an evaluation in each epoch."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    config, weights = prepared.config, prepared.network.named
    shapes = [array.shape for name, array in weights.items() if name.endswith("weight")]
    parts = [tuple(map(torch.from_numpy, as_arrays(examples))) for examples in prepared.splits.values()]
    settings = config.loss.parameters
    losses = {
        "mse": nn.MSELoss,
        "bce_with_logits": nn.BCEWithLogitsLoss,
        "cross_entropy": lambda: nn.CrossEntropyLoss(label_smoothing=settings["label_smoothing"]),
    }
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}

    def run(epochs: int) -> float:
        started = perf_counter()
        layers: list[nn.Module] = []
        for outputs, inputs in shapes:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        model, criterion = nn.Sequential(*layers[:-1]), losses[config.loss.name]()
        optimizer = optimizers[config.optimizer.name](model.parameters(), config.optimizer.parameters["lr"], fused=True)
        inputs, targets = parts[0]
        for _ in range(epochs):
            for rows in torch.randperm(len(inputs)).split(config.train.batch_size):
                optimizer.zero_grad()
                criterion(model(inputs[rows]), targets[rows]).backward()
                optimizer.step()
            with torch.inference_mode():
                for its_inputs, its_targets in parts:
                    outputs = model(its_inputs)
                    criterion(outputs, its_targets).item()
                    if not its_targets.is_floating_point():
                        (outputs.argmax(1) == its_targets).float().mean().item()
        return perf_counter() - started

    return run


def scikit_learn(prepared: PreparedRun) -> Callable[[int], float]:
    """The same network and optimizer in scikit-learn."""
    from sklearn.neural_network import MLPClassifier

    config, (inputs, targets) = prepared.config, as_arrays(prepared.train)

    def run(epochs: int) -> float:
        started = perf_counter()
        with warnings.catch_warnings(action="ignore"):  # of stopping before it has converged
            MLPClassifier(
                config.model.parameters["hidden"],
                batch_size=config.train.batch_size,
                learning_rate_init=config.optimizer.parameters["lr"],
                alpha=0,
                max_iter=epochs,
                tol=0,
                n_iter_no_change=epochs + 1,
            ).fit(inputs, targets)
        return perf_counter() - started

    return run
