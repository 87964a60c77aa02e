"""Losses against the PyTorch that is installed: over all its own sample inputs, and over random ones of ours.

Values and gradients, of targets too, agree to 1e-7 in float64 and 2e-5 in float32, relative above 1 and absolute below.
Where lossreg differs on purpose is counted, and has to differ: what it refuses is refused, and then compared as both
take it; a mean over nothing is 0. PyTorch draws its samples anew for every run. `pytest -s` shows the counts.
"""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch
from make_losses import FUNCTIONS, cases, graded, reductions
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import lossreg

# PyTorch warns of what it does all the same: of broadcasting, and of the mean that kl_div divides by.
pytestmark = pytest.mark.filterwarnings("ignore")

CLOSE = {torch.float64: 1e-7, torch.float32: 2e-5}
OTHERS = ("CTCLoss", "LinearCrossEntropyLoss")
MODULES = {info.name[3:]: info for info in module_db if info.name.endswith("Loss") and info.name[3:] not in OTHERS}

SIGNED = ("cosine_embedding", "hinge_embedding", "margin_ranking", "soft_margin")
LABELLED = ("cross_entropy", "multi_margin", "nll")
ROWS = ("cosine_embedding", "multilabel_margin", "multilabel_soft_margin", "triplet_margin")

# What PyTorch refuses, and lossreg takes on purpose: integers as probabilities, and a class to ignore beside them.
TAKEN = (
    "Expected floating point type for target with class probabilities",
    "ignore_index is not supported for floating point target",
)


@cache
def operator(name):
    """PyTorch's description of a loss's function, with the makers of its samples."""
    return next(info for info in op_db if info.name == f"nn.functional.{FUNCTIONS[name].__name__}")


def evaluate(name, arguments, keywords, wrt=None):
    """Our value and gradients for PyTorch's arguments."""
    arrays = [x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in arguments]
    given = {k: v.detach().numpy() if isinstance(v, torch.Tensor) else v for k, v in keywords.items() if v is not None}
    return lossreg.create(name, **given).value_and_grad(*arrays, wrt=wrt)


def compare(name, arguments, keywords, theirs):
    """The largest deviation of ours from theirs over one sample: value and gradients."""
    positions = graded(name, arguments)
    form = next(form for form in lossreg.get(name).forms if len(form.slopes) >= len(positions))
    wrt = [form.inputs[position].name for position in positions]
    ours, grads = evaluate(name, arguments, keywords, wrt)
    grads = grads if isinstance(grads, tuple) else (grads,)
    expected = torch.autograd.grad(theirs.sum(), [arguments[position] for position in positions])
    deviations = []
    for what, one, other in zip(["value", *wrt], [ours, *grads], [theirs, *expected], strict=True):
        wanted = other.detach().numpy()
        assert np.shape(one) == wanted.shape
        assert np.asarray(one).dtype == wanted.dtype
        # At a target of 0 the logarithm is infinite, and their slope nan or inf; tests/test_differences.py has ours.
        counted = np.isfinite(wanted) if what == "target" else ~np.isnan(wanted)
        if what != "value" and name in ("hinge_embedding", "margin_ranking"):
            # Of nan, a hinge has no side to be on: there it is flat, here it is not.
            counted &= ~np.any([np.isnan(x.detach().numpy()) for x in arguments], axis=0)
        # Some of PyTorch's samples are logarithms of negative numbers: there both are nan.
        assert what == "target" or np.array_equal(np.isnan(one), np.isnan(wanted))
        gaps = np.abs(np.where(counted, one, 0) - np.where(counted, wanted, 0)) / np.maximum(1, np.abs(wanted))
        deviations.append(np.max(np.where(counted & (one != wanted), gaps, 0), initial=0))
    assert max(deviations) <= CLOSE[theirs.dtype], (name, wrt, keywords, deviations)
    return max(deviations)


def apart(arguments):
    """The arguments as tensors of their own: PyTorch has samples whose target is the input itself."""
    return [x.detach().clone() if isinstance(x, torch.Tensor) else torch.tensor(float(x)) for x in arguments]


def counts_nothing(arguments, keywords):
    """Whether there is nothing to take a mean of, which makes PyTorch's nan, and ours 0 with gradient 0."""
    labels = arguments[1]
    ignored = not labels.is_floating_point() and (labels == keywords.get("ignore_index", -100)).all()
    return keywords.get("reduction", "mean") == "mean" and bool(ignored or not arguments[0].numel())


def difference(name, arguments, keywords):  # noqa: PLR0911  one for each
    """The first thing that lossreg refuses about a sample, and the sample without it: (reason, arguments, keywords)."""
    first, second = arguments[:2]
    shapes, taken = {tuple(x.shape) for x in arguments}, {tuple(first.shape)}
    if name == "gaussian_nll" and first.shape == second.shape and first.ndim:
        taken |= {(), tuple(first.shape[:-1]), (*first.shape[:-1], 1)}
    if name == "multi_margin" and first.ndim < 2 and second.ndim:
        return "a label with an axis for a row without", [first, second[0]], keywords
    if name in ("multi_margin", "multilabel_margin") and not first.ndim:
        flat = [first.reshape(1), second.reshape(1) if name == "multilabel_margin" else second, *arguments[2:]]
        return "a row without an axis", flat, keywords
    if (
        name in ("triplet_margin", "cosine_embedding")
        and len({x.shape for x in arguments[: 3 - SIGNED.count(name)]}) > 1
    ):
        rows = 2 if name == "cosine_embedding" else 3
        return "broadcasting", [*torch.broadcast_tensors(*arguments[:rows]), *arguments[rows:]], keywords
    if name not in (*LABELLED, *ROWS) and shapes - taken:
        return "broadcasting", torch.broadcast_tensors(*arguments), keywords
    if name in SIGNED and not ((arguments[-1] == 1) | (arguments[-1] == -1)).all():
        return "targets other than 1 and -1", [*arguments[:-1], torch.where(arguments[-1] > 0, 1, -1)], keywords
    if name in ("multilabel_soft_margin", "bce_with_logits") and not ((second >= 0) & (second <= 1)).all():
        return "targets outside 0 to 1", [first, torch.sigmoid(second)], keywords
    if name == "poisson_nll" and (second < 0).any():
        return "counts below 0", [first, abs(second)], keywords
    if name == "multilabel_soft_margin" and keywords.get("weight") is not None and keywords["weight"].ndim > 1:
        return "a weight for each row and class", arguments, keywords | {"weight": keywords["weight"][0]}
    return None


def survey(name, samples, called):
    """Compare over samples of (arguments, keywords); gives how many there were of each sort, and the worst."""
    counts, worst = Counter(), 0.0
    for given, given_keywords in samples:
        arguments, keywords = apart(given), given_keywords
        while found := difference(name, arguments, keywords):
            reason, changed, kept = found
            with pytest.raises((ValueError, TypeError)):
                evaluate(name, arguments, keywords)
            counts[f"first refused for {reason}"] += 1
            arguments, keywords = apart(changed), kept
        if counts_nothing(arguments, keywords):
            value, grads = evaluate(name, arguments, keywords)
            assert value == 0
            assert not any(np.any(grad) for grad in (grads if isinstance(grads, tuple) else (grads,)))
            counts["of nothing"] += 1
            continue
        for position in graded(name, arguments):
            arguments[position].requires_grad_()
        worst = max(worst, compare(name, arguments, keywords, called(arguments, keywords)))
        counts["compared"] += 1
    return counts, worst


def samples_of(name, kind):
    """All samples that PyTorch makes for a loss's function."""
    info = operator(name)
    made = list(info.sample_inputs("cpu", kind, requires_grad=True))
    if info.reference_inputs_func:
        made += info.reference_inputs("cpu", kind, requires_grad=True)
    return [((sample.input, *sample.args), sample.kwargs) for sample in made]


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_over_pytorchs_samples_of_the_function(name, kind):
    def called(arguments, keywords):
        return FUNCTIONS[name](*arguments, **keywords)

    counts, worst = survey(name, samples_of(name, kind), called)
    report("function", name, kind, counts, worst)
    assert counts["compared"] > 0


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_over_pytorchs_samples_of_the_module(name, kind):
    info, ours = MODULES[name], lossreg.get(name).name

    def called(arguments, keywords):
        return info.module_cls(**keywords)(*arguments)

    made = info.module_inputs_func(info, device="cpu", dtype=kind, requires_grad=True, training=True)
    assert not any(sample.constructor_input.args for sample in made)
    samples = [(sample.forward_input.args, sample.constructor_input.kwargs) for sample in made]
    counts, worst = survey(ours, samples, called)
    report("module", name, kind, counts, worst)
    assert counts["compared"] > 0


def refuses(name, arguments, keywords, message):
    """Whether lossreg refuses what PyTorch does; else it has to be among what it takes on purpose."""
    try:
        evaluate(name, arguments, keywords)
    except (ValueError, TypeError):
        return True
    assert any(reason in message for reason in TAKEN), (name, message, keywords)
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pytorchs_erroneous_inputs_are_refused(name):
    counts = Counter()
    if operator(name).error_inputs_func:
        for error in operator(name).error_inputs("cpu"):
            sample = error.sample_input
            counts[refuses(name, (sample.input, *sample.args), sample.kwargs, error.error_regex)] += 1
    for info in MODULES.values():
        if lossreg.get(info.name[3:]).name == name and info.module_error_inputs_func:
            options = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
            for error in info.module_error_inputs_func(info, **options):
                made, given = error.module_error_input.constructor_input, error.module_error_input.forward_input
                keywords = dict(made.kwargs)
                counts[refuses(name, given.args if given else (), keywords, error.error_regex)] += 1
    # Where PyTorch has none, ours are the ones that every loss of theirs refuses.
    with pytest.raises((ValueError, TypeError)):
        lossreg.create(name, reduction="abc")
    report("errors", name, "torch.", {"refused": counts[True], "taken on purpose": counts[False]}, 0)


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("seed", range(1, 4))
def test_over_random_inputs_and_all_parameters(seed, kind):
    counts, worst = Counter(), Counter()
    for name, parameters, inputs in cases(np.random.default_rng(seed)):
        for reduction in reductions(name):
            tensors = [torch.tensor(x, dtype=kind if np.asarray(x).dtype.kind == "f" else torch.int64) for x in inputs]
            for position in graded(name, tensors):
                tensors[position].requires_grad_()
            weights = {k: torch.tensor(v, dtype=kind) if "weight" in k else v for k, v in parameters.items()}
            keywords = {**weights, "reduction": reduction}
            theirs = FUNCTIONS[name](*tensors, **keywords)
            worst[name] = max(worst[name], compare(name, tensors, keywords, theirs))
            counts[name] += 1
    for name, number in counts.items():
        report("random", name, kind, {"compared": number}, worst[name])
    assert set(counts) == set(FUNCTIONS)


def report(source, name, kind, counts, worst):
    """Say what was compared; `-s` shows it."""
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    print(f"{source} {name} {str(kind)[6:]}: {told}, largest deviation {worst:.1e}")  # noqa: T201  for people who ask for it
