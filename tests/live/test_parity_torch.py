"""Losses against the PyTorch that is installed: over its own sample inputs, and over random ones of ours.

Values and gradients agree to 1e-7 in float64 and 2e-5 in float32, relative above 1 and absolute below. Where lossreg
differs on purpose is counted, and has to differ: shapes that would be broadcast are refused, and a mean over nothing is
0. PyTorch draws its samples anew for every run. `pytest tests/live -s` shows how many were compared.
"""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch
from make_losses import FUNCTIONS, cases, reductions
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import lossreg

# PyTorch warns of what it does all the same: of broadcasting, and of the mean that kl_div divides by.
pytestmark = pytest.mark.filterwarnings("ignore")

CLOSE = {torch.float64: 1e-7, torch.float32: 2e-5}
CLASSES = ("BCEWithLogits", "CosineEmbedding", "CrossEntropy", "Huber", "KLDiv", "L1", "MSE", "SmoothL1")


@cache
def operator(name):
    """PyTorch's description of a loss's function, with the makers of its samples."""
    return next(info for info in op_db if info.name == f"nn.functional.{FUNCTIONS[name].__name__}")


def compare(name, arguments, keywords, *, theirs, graded):
    """The largest deviation of ours from theirs over one sample: value and gradients."""
    ours, grads = evaluate(name, arguments, keywords)
    grads = grads if isinstance(grads, tuple) else (grads,)
    pairs = [(ours, theirs), *zip(grads, torch.autograd.grad(theirs.sum(), graded), strict=True)]
    deviations = []
    for one, other in pairs:
        expected = other.detach().numpy()
        assert np.shape(one) == expected.shape
        assert np.asarray(one).dtype == expected.dtype
        # Some of PyTorch's samples are logarithms of negative numbers: there both are nan.
        np.testing.assert_array_equal(np.isnan(one), np.isnan(expected))
        gaps = np.abs(one - expected) / np.maximum(1, np.abs(expected))
        deviations.append(np.max(np.where(np.isnan(expected), 0, gaps), initial=0))
    assert max(deviations) <= CLOSE[theirs.dtype], (name, keywords)
    return max(deviations)


def evaluate(name, arguments, keywords):
    """Our value and gradients for PyTorch's arguments."""
    arrays = [x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in arguments]
    given = {k: v.detach().numpy() if isinstance(v, torch.Tensor) else v for k, v in keywords.items() if v is not None}
    return lossreg.create(name, **given).value_and_grad(*arrays)


def graded_inputs(name, arguments):
    """The inputs that lossreg gives a gradient for."""
    return arguments[: 2 if name == "cosine_embedding" else 1]


def apart(name, arguments):
    """The arguments as tensors of their own: PyTorch has samples whose target is the input itself."""
    arguments = [x.detach().clone() for x in arguments]
    for x in graded_inputs(name, arguments):
        x.requires_grad_()
    return arguments


def counts_nothing(arguments, keywords):
    """Whether all labels are to be ignored, which makes PyTorch's mean nan, and ours 0 with gradient 0."""
    labels = arguments[1]
    if keywords.get("reduction", "mean") != "mean" or labels.is_floating_point():
        return False
    return bool((labels == keywords.get("ignore_index", -100)).all())


def is_nothing(name, arguments, keywords):
    """Assert that ours is 0 with gradient 0."""
    value, grad = evaluate(name, arguments, keywords)
    assert value == 0
    assert not np.any(grad)


def broadcasts(arguments, name):
    """Whether the inputs' shapes differ where the loss wants them alike."""
    return name not in ("cross_entropy", "cosine_embedding") and len({x.shape for x in arguments}) > 1


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_over_pytorchs_samples_of_the_function(name, kind):
    counts, worst = Counter(), 0.0
    for sample in operator(name).sample_inputs("cpu", kind, requires_grad=True):
        arguments, keywords = apart(name, (sample.input, *sample.args)), sample.kwargs
        if broadcasts(arguments, name):
            with pytest.raises((ValueError, TypeError)):
                evaluate(name, arguments, keywords)
            counts["refused"] += 1
            continue
        if name == "cross_entropy" and counts_nothing(arguments, keywords):
            is_nothing(name, arguments, keywords)
            counts["of nothing"] += 1
            continue
        theirs = FUNCTIONS[name](*arguments, **keywords)
        worst = max(worst, compare(name, arguments, keywords, theirs=theirs, graded=graded_inputs(name, arguments)))
        counts["compared"] += 1
    report("function", name, kind, counts, worst)
    assert counts["compared"] > 0


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("name", CLASSES)
def test_over_pytorchs_samples_of_the_module(name, kind):
    name += "Loss"  # which is how lossreg takes it, too
    info = next(info for info in module_db if info.name == f"nn.{name}")
    counts, worst = Counter(), 0.0
    for sample in info.module_inputs_func(info, device="cpu", dtype=kind, requires_grad=True, training=True):
        made = sample.constructor_input
        arguments = apart(lossreg.get(name).name, sample.forward_input.args)
        if broadcasts(arguments, lossreg.get(name).name):
            with pytest.raises((ValueError, TypeError)):
                evaluate(name, arguments, made.kwargs)
            counts["refused"] += 1
            continue
        if name == "CrossEntropyLoss" and counts_nothing(arguments, made.kwargs):
            is_nothing(name, arguments, made.kwargs)
            counts["of nothing"] += 1
            continue
        theirs = info.module_cls(*made.args, **made.kwargs)(*arguments)
        graded = graded_inputs(lossreg.get(name).name, arguments)
        worst = max(worst, compare(name, arguments, made.kwargs, theirs=theirs, graded=graded))
        counts["compared"] += 1
    report("module", name, kind, counts, worst)
    assert counts["compared"] > 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pytorchs_erroneous_inputs_are_refused(name):
    makers = operator(name)
    if makers.error_inputs_func is None:
        # PyTorch has none for this loss: ours then are the ones that every loss of theirs refuses.
        with pytest.raises((ValueError, TypeError)):
            lossreg.create(name, reduction="abc")
        return
    for error in makers.error_inputs("cpu"):
        sample = error.sample_input
        with pytest.raises((ValueError, TypeError)):
            evaluate(name, (sample.input, *sample.args), sample.kwargs)


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("seed", range(1, 4))
def test_over_random_inputs_and_all_parameters(seed, kind):
    counts, worst = Counter(), Counter()
    for name, parameters, inputs in cases(np.random.default_rng(seed)):
        for reduction in reductions(name):
            tensors = [torch.tensor(x, dtype=kind if np.asarray(x).dtype.kind == "f" else torch.int64) for x in inputs]
            graded = graded_inputs(name, tensors)
            for tensor in graded:
                tensor.requires_grad_()
            weights = {k: torch.tensor(v, dtype=kind) if "weight" in k else v for k, v in parameters.items()}
            keywords = {**weights, "reduction": reduction}
            theirs = FUNCTIONS[name](*tensors, **keywords)
            worst[name] = max(worst[name], compare(name, tensors, keywords, theirs=theirs, graded=graded))
            counts[name] += 1
    for name, number in counts.items():
        report("random", name, kind, {"compared": number}, worst[name])
    assert set(counts) == set(FUNCTIONS)


def report(source, name, kind, counts, worst):
    """Say what was compared; `-s` shows it."""
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    print(f"{source} {name} {str(kind)[6:]}: {told}, largest deviation {worst:.1e}")  # noqa: T201  for people who ask for it
