"""Optimizers: PyTorch's update rules, by numbers that PyTorch made, and compiled as they are written."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lossreg.experiment.training.steps.optimizer import BoundOptimizer
from lossreg.registry.registries import optimizers

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("optimizers.json").read_text("utf-8"))


def named(case):
    return "-".join([case["name"], *(f"{key}={value}" for key, value in case["parameters"].items())])


@pytest.fixture(params=GOLDEN["cases"], ids=named)
def case(request):
    optimizer = optimizers.get(request.param["name"])
    return optimizer, optimizer.bind(request.param["parameters"]), np.array(request.param["path"])


def test_the_rule_in_plain_python_is_pytorchs(case):
    optimizer, parameters, path = case
    weights, states = list(GOLDEN["weights"]), [[0.0] * len(optimizer.states) for _ in GOLDEN["weights"]]
    for step, (grads, expected) in enumerate(zip(GOLDEN["grads"], path, strict=True), 1):
        for i, grad in enumerate(grads):
            weights[i], *states[i] = optimizer.function(weights[i], grad, step, *states[i], **parameters)
        np.testing.assert_allclose(weights, expected, rtol=1e-12, atol=1e-14)


def test_the_compiled_rule_is_pytorchs_to_float32(case):
    optimizer, parameters, path = case
    weights = np.array(GOLDEN["weights"], np.float32)
    network = SimpleNamespace(weights=weights, grads=np.zeros_like(weights))
    updater = BoundOptimizer(optimizer, parameters, network)
    assert updater.steps == 0
    assert np.array_equal(weights, np.array(GOLDEN["weights"], np.float32))
    for grads, expected in zip(GOLDEN["grads"], path, strict=True):
        network.grads[:] = grads
        updater.step()
        np.testing.assert_allclose(weights, expected, rtol=3e-5, atol=3e-6)
    assert updater.steps == len(path)
    assert all(state.dtype == np.float32 for state in updater.states)


def test_every_optimizer_has_golden_numbers_for_every_parameter():
    for name in optimizers.names():
        offer = optimizers.find(name)
        if offer.distribution != "lossreg":
            continue
        changed = {key for case in GOLDEN["cases"] if case["name"] == name for key in case["parameters"]}
        assert changed == {parameter.name for parameter in optimizers.load(offer).parameters}


def test_defaults_are_pytorchs():
    defaults = {
        name: {parameter.name: parameter.default for parameter in optimizers.get(name).parameters}
        for name in ("sgd", "adam", "adamw")
    }
    adam = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
    assert defaults["sgd"] == {"lr": 1e-3, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False}
    assert defaults["adam"] == adam
    assert defaults["adamw"] == {**adam, "weight_decay": 0.01}
