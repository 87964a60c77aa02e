"""The losses that PyTorch lacks, inside PyTorch: gradients of all inputs and second derivatives by the first one.

The points are those of the catalogue, whose oracles prove the same gradients in many digits.
"""

import numpy as np
import pytest
import torch
from batch_catalogue import BATCHES
from catalogue import CATALOGUE

import lossreg
from lossreg.bridges.torch import Loss

POINTS = 3
CASES = CATALOGUE | BATCHES
CONSTANT = [name for name, case in CASES.items() if case.constants]
"""Losses whose gradient takes a part of the value for a constant, as their papers do."""
TWICE = [name for name in CASES if "exact" in lossreg.get(name).hessians and name not in CONSTANT]


def prepared(name, *, twice=False):
    """The module of a loss and its inputs; those that have a gradient, or only the first, require it."""
    case, random = CASES[name], np.random.default_rng(7)
    arrays = case.draw(random) if name in BATCHES else points(case, random)
    form, parameters = lossreg.get(name).forms[0], case.parameters[0]
    tensors = [torch.tensor(np.asarray(x)) for x in arrays]
    for at, (entry, tensor) in enumerate(zip(form.inputs, tensors, strict=True)):
        if entry.name in form.slopes and movable(entry.domain, tensor) and not (twice and at):
            tensor.requires_grad_()
    return Loss(name, **parameters), tensors


def movable(domain, tensor):
    """Whether finite differences of every number stay inside a domain."""
    numbers = tensor.flatten().tolist()
    return tensor.is_floating_point() and all(domain.contains(x + step) for x in numbers for step in (-1e-5, 1e-5))


def points(case, random):
    """Some elements or rows."""
    width = getattr(case.draw, "widths", [None])[0]
    drawn = [case.draw(random, *([] if width is None else [width])) for _ in range(POINTS)]
    return [np.array(each) for each in zip(*drawn, strict=True)]


@pytest.mark.parametrize("name", [name for name in CASES if name not in CONSTANT])
def test_gradients_of_every_loss(name):
    loss, tensors = prepared(name)
    assert tensors[0].requires_grad
    assert torch.autograd.gradcheck(loss, tensors)


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name):
    loss, tensors = prepared(name, twice=True)
    assert torch.autograd.gradgradcheck(loss, tensors)


@pytest.mark.parametrize("name", CONSTANT)
def test_constant_parts_have_no_gradient(name):
    loss, tensors = prepared(name)
    graded = [x for x in tensors if x.requires_grad]
    grads = torch.autograd.grad(loss(*tensors), graded)
    names = [each.name for each, x in zip(loss.criterion.loss.inputs, tensors, strict=True) if x.requires_grad]
    _, expected = loss.criterion.value_and_grad(*[x.detach().numpy() for x in tensors], wrt=names)
    for found, slope in zip(grads, expected if isinstance(expected, tuple) else (expected,), strict=True):
        np.testing.assert_array_equal(found.numpy(), slope)
    assert not torch.autograd.gradcheck(loss, tensors, raise_exception=False)
