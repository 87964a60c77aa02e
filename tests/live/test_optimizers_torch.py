"""Optimizers against the PyTorch that is installed: random parameters, weights and gradients, step by step."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lossreg.experiment.training.steps.optimizer import BoundOptimizer
from lossreg.registry.registries import optimizers

CLASSES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def draw(name, random):
    parameters = {"lr": 10 ** random.uniform(-4, -1), "weight_decay": float(random.choice([0.0, 0.1]))}
    if name == "sgd":
        momentum = float(random.choice([0.0, 0.9]))
        return parameters | {"momentum": momentum, "nesterov": bool(momentum and random.random() < 0.5)}
    return parameters | {"beta1": random.uniform(0, 0.95), "beta2": random.uniform(0.5, 0.999), "eps": 1e-6}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", CLASSES)
def test_a_hundred_steps_are_pytorchs(name, seed):
    random = np.random.default_rng(seed)
    parameters = draw(name, random)
    options = dict(parameters)
    if name != "sgd":
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    weights = random.normal(size=50).astype(np.float32)
    theirs = torch.nn.Parameter(torch.tensor(weights))
    peer = CLASSES[name]([theirs], **options)
    network = SimpleNamespace(weights=weights, grads=np.zeros_like(weights))
    optimizer = optimizers.get(name)
    ours = BoundOptimizer(optimizer, optimizer.bind(parameters), network)
    for _ in range(100):
        network.grads[:] = random.normal(size=50)
        theirs.grad = torch.tensor(network.grads)
        ours.step()
        peer.step()
    np.testing.assert_allclose(network.weights, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)
