"""Losses against the PyTorch that is installed: over all its own sample inputs, and over random ones of ours.

Values and gradients, of targets too, agree to 1e-7 in float64 and 2e-5 in float32, relative above 1 and absolute below.
Where lossreg differs on purpose is counted, and has to differ: what it refuses is refused, and then compared as both
take it; a mean over nothing is 0. PyTorch draws new samples in every run. `pytest -s` shows the counts.
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
from lossreg.definition.signature import variants

# PyTorch warns of broadcasting and of the mean of kl_div, and computes them nevertheless.
pytestmark = pytest.mark.filterwarnings("ignore")

CLOSE = {torch.float64: 1e-7, torch.float32: 2e-5}
MODULES = {info.name[3:]: info for info in module_db if info.name.endswith("Loss")}
OPERATORS = [name for name in FUNCTIONS if name != "adaptive_log_softmax"]  # which is a module, without samples

SIGNED = ("cosine_embedding", "hinge_embedding", "margin_ranking", "soft_margin")
LABELLED = ("cross_entropy", "multi_margin", "nll")
EMBEDDINGS = {"cosine_embedding": 2, "triplet_margin": 3, "triplet_margin_with_distance": 3}
ROWS = (*EMBEDDINGS, "multilabel_margin", "multilabel_soft_margin")
WHOLE = ("adaptive_log_softmax", "ctc", "linear_cross_entropy")

# In PyTorch's samples logarithms go to the hundreds, and its gradients in float32 are off by 4e-5 to 8e-5 of its own in
# float64, lossreg's by less than 1e-7: there the numbers to meet are those in float64. In small cases float32 does.
DOUBLE = ("ctc",)

# What PyTorch refuses, and lossreg takes on purpose: integers as probabilities, and a class to ignore beside them.
TAKEN = (
    "Expected floating point type for target with class probabilities",
    "ignore_index is not supported for floating point target",
    "ignore_index cannot be specified when target contains probabilities",
)

# The arguments of modules that have a layer.
LAYER = ("bias", "device", "dtype", "out_features")


@cache
def operators(name):
    """PyTorch's descriptions of a loss's function and of its variants, with the makers of their samples."""
    found = [info for info in op_db if info.name == f"nn.functional.{FUNCTIONS[name].__name__}"]
    assert bool(found) == (name in OPERATORS)
    return found


def of_function(sample):
    """The arguments and keywords of a function's sample, as FUNCTIONS takes them."""
    keywords = {**sample.kwargs}
    arguments = [torch.tensor(x) if isinstance(x, list) else x for x in (sample.input, *sample.args)]
    if "linear_bias" in keywords:
        arguments.append(keywords.pop("linear_bias"))
    if "distance_function" in keywords:
        assert repr(keywords["distance_function"]) == "PairwiseDistance()"
        keywords["distance_function"] = "euclidean"
    return arguments, keywords


def of_module(made, given):
    """The arguments and keywords of a module's sample, with the layer that a module of one would hold."""
    keywords = {key: value for key, value in made.kwargs.items() if value is not None and key not in LAYER}
    arguments = [torch.tensor(x) if isinstance(x, tuple) else x for x in (given.args if given else ())]
    if made.args:
        features, classes = made.args
        rows = (classes, *made.kwargs.get("out_features", ()))
        arguments.insert(1, torch.randn(*rows, features, dtype=made.kwargs["dtype"]))
        arguments += [torch.randn(rows, dtype=made.kwargs["dtype"])] if made.kwargs.get("bias") else []
    return arguments, keywords


def linear_module(features, linear_weight, target, linear_bias=None, **keywords):
    """The module of a linear layer with the weights given."""
    classes, *outputs, width = linear_weight.shape
    more = {"out_features": tuple(outputs)} if outputs else {}
    module = torch.nn.LinearCrossEntropyLoss(width, classes, bias=linear_bias is not None, **more, **keywords)
    state = {"linear.weight": linear_weight} | ({} if linear_bias is None else {"linear.bias": linear_bias})
    return torch.func.functional_call(module, state, (features, target))


def evaluate(name, arguments, keywords, wrt=None):
    """Our value and gradients for PyTorch's arguments."""
    if name == "multilabel_soft_margin" and np.ndim(keywords.get("weight")) > 1:
        arguments, keywords = [*arguments, keywords["weight"]], keywords | {"weight": None}
    arrays = [x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in arguments]
    # The options are how PyTorch is to go about it.
    settings = {k: v for k, v in keywords.items() if v is not None and k != "options"}
    given = {k: v.detach().numpy() if isinstance(v, torch.Tensor) else v for k, v in settings.items()}
    return lossreg.create(name, **given).value_and_grad(*arrays, wrt=wrt)


def compare(name, arguments, keywords, theirs):
    """The largest deviation of ours from theirs over one sample: value and gradients."""
    positions = graded(name, arguments)
    loss = lossreg.get(name)
    with_bias, *without = next(found for form in loss.forms[::-1] if (found := variants(form, len(arguments))))
    form = with_bias if keywords.get("head_bias") or not without else without[0]
    wrt = [form.inputs[position].name for position in positions]
    ours, grads = evaluate(name, arguments, keywords, wrt)
    grads = grads if isinstance(grads, tuple) else (grads,)
    by = [arguments[position] for position in positions]
    expected = torch.autograd.grad(theirs.sum(), by, materialize_grads=True)
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
    label = keywords.get("ignore_index", -100)
    ignored = any(not x.is_floating_point() and (x == label).all() for x in arguments)
    return keywords.get("reduction", "mean") == "mean" and (ignored or not arguments[0].numel())


def difference(name, arguments, keywords):
    """The first thing that lossreg refuses about a sample, and the sample without it: (reason, arguments, keywords)."""
    first, second = arguments[:2]
    rows = EMBEDDINGS.get(name, 0)
    if len({x.shape for x in arguments[:rows]}) > 1:
        return "broadcasting", [*torch.broadcast_tensors(*arguments[:rows]), *arguments[rows:]], keywords
    if name not in (*LABELLED, *ROWS, *WHOLE, "gaussian_nll") and {x.shape for x in arguments} != {first.shape}:
        # As (n, 1) against (n). Two losses have such samples: a target of (1, 5) for a prediction of (5, 5), and x1 of
        # (5, 2) with x2 of (5, 1) and a target of (1, 2).
        assert name in {"hinge_embedding", "margin_ranking"}
        return "different shapes of prediction and target", torch.broadcast_tensors(*arguments), keywords
    if name in SIGNED and not ((arguments[-1] == 1) | (arguments[-1] == -1)).all():
        return "targets other than 1 and -1", [*arguments[:-1], torch.where(arguments[-1] > 0, 1, -1)], keywords
    if name in ("multilabel_soft_margin", "bce_with_logits") and not ((second >= 0) & (second <= 1)).all():
        return "targets outside 0 to 1", [first, torch.sigmoid(second)], keywords
    if name == "poisson_nll" and (second < 0).any():
        return "counts below 0", [first, abs(second)], keywords
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
        taken = [arguments[0].double(), *arguments[1:]] if name in DOUBLE else arguments
        theirs = called(taken, keywords).to(arguments[0].dtype)
        worst = max(worst, compare(name, arguments, keywords, theirs))
        counts["compared"] += 1
    return counts, worst


def samples_of(name, kind):
    """All samples that PyTorch makes for a loss's function."""
    made = []
    for info in operators(name):
        made += info.sample_inputs("cpu", kind, requires_grad=True)
        if info.reference_inputs_func:
            made += info.reference_inputs("cpu", kind, requires_grad=True)
    return map(of_function, made)


@pytest.mark.parametrize("kind", CLOSE, ids=str)
@pytest.mark.parametrize("name", OPERATORS)
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
        if ours == "linear_cross_entropy":
            return linear_module(*arguments, **keywords)
        return info.module_cls(**keywords)(*arguments)

    made = info.module_inputs_func(info, device="cpu", dtype=kind, requires_grad=True, training=True)
    samples = (of_module(sample.constructor_input, sample.forward_input) for sample in made)
    counts, worst = survey(ours, samples, called)
    report("module", name, kind, counts, worst)
    assert counts["compared"] > 0


@pytest.mark.parametrize(
    ("cutoffs", "target"),
    [
        *((cutoffs, [0, 1, 4]) for cutoffs in ([], [0, 2], [2, 2], [3, 2], [2, 5])),
        *(([2, 3], target) for target in ([0, 1, 5], [-1, 1, 4], [0, 1], [[0, 1, 4]], 0)),
    ],
)
def test_what_pytorch_refuses_of_clusters_is_refused(cutoffs, target):
    features = torch.zeros(3, 4)
    with pytest.raises((ValueError, RuntimeError)):
        torch.nn.AdaptiveLogSoftmaxWithLoss(4, 5, cutoffs, 2.0)(features, torch.tensor(target))
    layers = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 5, [2, 3], 2.0).state_dict().values()
    with pytest.raises((ValueError, TypeError)):
        evaluate("adaptive_log_softmax", [features, target, *layers], {"cutoffs": cutoffs, "div_value": 2.0})


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
    for info in operators(name):
        for error in info.error_inputs("cpu") if info.error_inputs_func else ():
            counts[refuses(name, *of_function(error.sample_input), error.error_regex)] += 1
    for info in MODULES.values():
        if lossreg.get(info.name[3:]).name == name and info.module_error_inputs_func:
            options = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
            for error in info.module_error_inputs_func(info, **options):
                sample = error.module_error_input
                arguments, keywords = of_module(sample.constructor_input, sample.forward_input)
                counts[refuses(name, arguments, keywords, error.error_regex)] += 1
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
    summary = ", ".join(f"{number} {what}" for what, number in counts.items())
    print(f"{source} {name} {str(kind)[6:]}: {summary}, largest deviation {worst:.1e}")  # noqa: T201  for people who ask for it
