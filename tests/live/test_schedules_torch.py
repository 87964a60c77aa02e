"""Schedules against the PyTorch that is installed, stepped by batch or by epoch as their documentation says."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from lossreg.registry.registries import schedules

STEPS = 30


def peer(make):
    """PyTorch's scheduler of an optimizer whose learning rate is 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, make(optimizer)


def rates(make, losses=None):
    optimizer, scheduler = peer(make)
    found = []
    for step in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([] if losses is None else [losses[step]]))
    return found


@pytest.mark.parametrize("final", [0.0, 0.3])
def test_cosine(final):
    ours = [schedules.get("cosine").function(step, STEPS, final=final) for step in range(1, STEPS + 1)]
    theirs = rates(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=final))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("every", "factor"), [(1, 0.9), (7, 0.1)])
def test_step(every, factor):
    ours = [schedules.get("step").function(epoch, every=every, factor=factor) for epoch in range(1, STEPS + 1)]
    theirs = rates(lambda optimizer: lr_scheduler.StepLR(optimizer, every, gamma=factor))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_linear_warmup():
    ours = [schedules.get("linear_warmup").function(step, STEPS, warmup=10) for step in range(1, STEPS + 1)]
    theirs = rates(lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=9))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_plateau(seed):
    random = np.random.default_rng(seed)
    losses = np.exp(random.normal(size=STEPS)).tolist()
    options = {"factor": 0.5, "patience": int(random.integers(0, 4)), "threshold": float(random.uniform(0, 0.3))}
    function = schedules.get("plateau").function
    ours = [function(losses[:epoch], **options, least=0.1) for epoch in range(STEPS)]
    theirs = rates(lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, **options, min_lr=0.1), losses)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
