"""Every built-in loss against its formula in 60 digits: values, gradients, all parameters, forms and reductions."""

import math

import numpy as np
import pytest
from batch_catalogue import BATCHES
from catalogue import CATALOGUE
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from oracles import DISTANCES, ORACLES, by_position, evaluate

import lossreg
from lossreg.definition.signature import variants
from lossreg.registry.registries import losses

# Of the largest number that goes into a result: some dozens of ulp.
CLOSE = {"float64": 2e-14, "float32": 5e-6}
UNDERFLOW = {"float64": 1e-40, "float32": 3e-38}

BUILT_IN = [offer.name for offer in losses.offers() if offer.distribution == "lossreg"]
SHAPES = array_shapes(min_dims=0, max_dims=2, max_side=3)
NUMBERS = st.floats(-40, 40, width=32, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-12)
"""Numbers whose differences are far larger than the step of the oracles' derivatives, 2^-85 of them."""
SHARES = st.integers(0, 32).map(lambda n: n / 32) | st.sampled_from([0.0, 1.0])
SCALES = st.integers(0, 64).map(lambda n: n / 16)


def test_every_built_in_loss_has_an_oracle_and_inputs():
    assert sorted([*ORACLES, *CATALOGUE, *BATCHES]) == BUILT_IN
    assert sorted(INPUTS) == sorted(ORACLES)


@st.composite
def pairs(draw, *, weighted=False, **parameters):
    shape = draw(SHAPES)
    if weighted:
        parameters["weight"] = SCALES | arrays(np.float64, shape, elements=SCALES)
    prediction = draw(arrays(np.float64, shape, elements=NUMBERS))
    target = draw(arrays(np.float64, shape, elements=NUMBERS))
    if draw(st.booleans()):
        target = np.where(draw(arrays(np.bool_, shape)), prediction, target)
    return [prediction, target], {name: draw(values) for name, values in parameters.items()}


@st.composite
def logits_and_targets(draw):
    shape = draw(SHAPES)
    parameters = {
        name: draw(SCALES | st.just(np.array(draw(arrays(np.float64, shape[at:], elements=SCALES)))))
        for name in ("weight", "pos_weight")
        for at in [draw(st.integers(0, len(shape)))]
    }
    parameters["label_smoothing"] = draw(st.just(0.0) | SHARES)
    logit = draw(arrays(np.float64, shape, elements=NUMBERS | st.sampled_from([-700.0, -90.0, 90.0, 700.0])))
    return [logit, draw(arrays(np.float64, shape, elements=SHARES))], parameters


@st.composite
def rows_and_classes(draw, *, by_label=False):
    shape = draw(array_shapes(min_dims=1, max_dims=4, max_side=2) | array_shapes(min_dims=1, max_dims=2, max_side=4))
    axis = min(1, len(shape) - 1)
    classes, rest = shape[axis], shape[:axis] + shape[axis + 1 :]
    parameters = {
        "weight": draw(SCALES | arrays(np.float64, classes, elements=SCALES)),
        "label_smoothing": draw(SHARES),
        "ignore_index": draw(st.sampled_from([-100, -1, 0])),
        "z_loss": draw(st.just(0.0) | SHARES),
        "softcap": draw(st.sampled_from([0.0, 0.0, 2.0, 30.0])),
    }
    logits = draw(arrays(np.float64, shape, elements=NUMBERS))
    if not by_label and draw(st.booleans()):
        return [logits, draw(arrays(np.float64, shape, elements=SHARES))], parameters
    labels = st.integers(0, classes - 1) | st.just(parameters["ignore_index"])
    return [logits, draw(arrays(np.int64, rest, elements=labels))], parameters


@st.composite
def vectors(draw):
    *rest, length = draw(array_shapes(min_dims=1, max_dims=2, max_side=3))
    scales = st.sampled_from([1e-8, 1.0, 1e15])
    x1, x2 = (draw(arrays(np.float64, (*rest, length), elements=NUMBERS)) * draw(scales) for _ in range(2))
    x1, x2 = (np.float64(np.float32(x)) for x in (x1, x2))
    target = draw(arrays(np.float64, tuple(rest), elements=st.sampled_from([1.0, -1.0])))
    margin = draw(st.integers(-7, 7)) / 8
    # A vector of norm 0 and a cosine that equals the margin have no slope to compare with.
    squares = [np.sum(x * x, -1) for x in (x1, x2)]
    assume(all(np.all(square > 1e-30) for square in squares))
    cosine = np.sum(x1 * x2, -1) / np.sqrt(squares[0] * squares[1])
    assume(np.all(np.abs(cosine - margin) > 1e-5))
    return [x1, x2, target], {"margin": margin}


@st.composite
def log_probabilities(draw):
    shape = draw(SHAPES)
    prediction = -np.abs(draw(arrays(np.float64, shape, elements=NUMBERS)))
    log_target = draw(st.booleans())
    target = draw(arrays(np.float64, shape, elements=NUMBERS if log_target else SHARES))
    return [prediction, -np.abs(target) if log_target else target], {"log_target": log_target}


@st.composite
def probabilities(draw):
    # At 0 and 1 the loss is bounded, and has no slope to compare with.
    shape = draw(SHAPES)
    inside = st.integers(1, 63).map(lambda n: n / 64) | st.sampled_from([1e-9, 1e-4])
    prediction, target = (draw(arrays(np.float64, shape, elements=numbers)) for numbers in (inside, SHARES))
    return [np.float64(np.float32(prediction)), target], {
        "weight": draw(SCALES | arrays(np.float64, shape, elements=SCALES))
    }


@st.composite
def normals(draw):
    (prediction, target), parameters = draw(pairs(eps=st.sampled_from([1e-6, 0.25]), full=st.booleans()))
    shape = prediction.shape
    smaller = [(), shape[:-1], (*shape[:-1], 1)] if shape else []
    # Below eps the slope is, by convention, not that of the value.
    variances = st.integers(17, 640).map(lambda n: n / 64)
    return [
        prediction,
        target,
        draw(arrays(np.float64, draw(st.sampled_from([shape, *smaller])), elements=variances)),
    ], parameters


@st.composite
def sided(draw, scores, **parameters):
    shape = draw(SHAPES)
    inputs = [draw(arrays(np.float64, shape, elements=NUMBERS)) for _ in range(scores)]
    sides = draw(arrays(np.float64, shape, elements=st.sampled_from([1.0, -1.0])))
    chosen = {name: draw(values) for name, values in parameters.items()}
    # At its margin a hinge has two slopes; tests/test_parity.py has which one is taken.
    lead = -sides * inputs[0] if scores == 1 else sides * (inputs[0] - inputs[1])
    assume(np.all(np.abs(lead - chosen.get("margin", math.inf)) > 1e-4))
    return [*inputs, sides], chosen


@st.composite
def rows_with_margins(draw, *, several):
    shape = draw(array_shapes(min_dims=1, max_dims=2, max_side=4))
    # Off the margin by construction: scores are odd multiples of 1/64, less one that is unlike for each class.
    x = draw(arrays(np.float64, shape, elements=st.integers(-300, 300).map(lambda n: n / 64)))
    x = x + np.arange(shape[-1]) / 512
    if several:
        return [x, draw(arrays(np.int64, shape, elements=st.integers(-1, shape[-1] - 1)))], {}
    labels = draw(arrays(np.int64, shape[:-1], elements=st.integers(0, shape[-1] - 1)))
    return [x, labels], {
        "margin": draw(st.sampled_from([0.0, 0.25, 1.0, -1.0])),
        "weight": draw(SCALES | arrays(np.float64, shape[-1], elements=SCALES)),
        "p": draw(st.sampled_from([1, 2])),
    }


@st.composite
def rows_of_logits(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=3, max_side=3))
    logits = draw(arrays(np.float64, shape, elements=NUMBERS))
    weight = draw(SCALES | arrays(np.float64, shape[-1], elements=SCALES))
    return [logits, draw(arrays(np.float64, shape, elements=SHARES))], {"weight": weight}


@st.composite
def rows_of_log_probabilities(draw):
    (logits, label), parameters = draw(rows_and_classes(by_label=True))
    return [logits, label], {name: parameters[name] for name in ("weight", "ignore_index")}


@st.composite
def counts(draw):
    shape = draw(SHAPES)
    parameters = {
        "log_input": draw(st.booleans()),
        "full": draw(st.booleans()),
        "stirling": draw(st.booleans()),
        "eps": draw(st.sampled_from([1e-8, 0.5])),
    }
    rates = NUMBERS if parameters["log_input"] else st.integers(1, 640).map(lambda n: n / 16)
    # Stirling's formula begins at 1, with a jump.
    numbers = st.integers(0, 640).map(lambda n: n / 16).filter(lambda n: n != 1 or not parameters["stirling"])
    return [draw(arrays(np.float64, shape, elements=elements)) for elements in (rates, numbers)], parameters


@st.composite
def triplets(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=3, max_side=3))
    inputs = [draw(arrays(np.float64, shape, elements=st.integers(-128, 128))) / 64 for _ in range(3)]
    parameters = {
        "margin": draw(st.sampled_from([0.3, 1.0])),
        "p": draw(st.sampled_from([1.0, 1.5, 2.0, 3.0])),
        "eps": draw(st.sampled_from([0.0, 1e-6, 0.01])),
        "swap": draw(st.booleans()),
    }
    near, far, across = (
        np.linalg.norm(np.atleast_2d(inputs[i] - inputs[j] + parameters["eps"]), parameters["p"], axis=-1)
        for i, j in ((0, 1), (0, 2), (1, 2))
    )
    assume(np.all(abs(near - (np.minimum(far, across) if parameters["swap"] else far) + parameters["margin"]) > 1e-4))
    assume(not parameters["swap"] or np.all(abs(far - across) > 1e-4))
    return inputs, parameters


@st.composite
def triplets_and_distances(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=2, max_side=3))
    inputs = [draw(arrays(np.float64, shape, elements=st.integers(-128, 128))) / 64 for _ in range(3)]
    name, swap = draw(st.sampled_from(sorted(DISTANCES))), draw(st.booleans())
    parameters = {"margin": draw(st.sampled_from([0.3, 1.0])), "distance_function": name, "swap": swap}
    rows = [np.atleast_2d(x) for x in inputs]
    assume(all(np.all(np.linalg.norm(x, axis=-1) > 0.1) for x in rows))
    # Where several differences are the largest they share the slope, which is not what lies between the two sides.
    sizes = [np.sort(abs(rows[i] - rows[j]), axis=-1) for i, j in ((0, 1), (0, 2), (1, 2))]
    assume(name != "chebyshev" or all(np.all(np.diff(size)[..., -1:] > 1e-3) for size in sizes))
    near, far, across = (
        np.array([float(DISTANCES[name](u, v)) for u, v in zip(rows[i], rows[j], strict=True)])
        for i, j in ((0, 1), (0, 2), (1, 2))
    )
    assume(np.all(abs(near - (np.minimum(far, across) if swap else far) + parameters["margin"]) > 1e-4))
    assume(not swap or np.all(abs(far - across) > 1e-4))
    return inputs, parameters


@st.composite
def layers(draw):
    (logits, target), parameters = draw(rows_and_classes().filter(lambda drawn: drawn[0][0].ndim <= 2))
    classes, width = logits.shape[-1], draw(st.integers(1, 3))
    small = st.integers(-128, 128).map(lambda n: n / 64)
    features = draw(arrays(np.float64, (*logits.shape[:-1], width), elements=small))
    weight = draw(arrays(np.float64, (classes, width), elements=small))
    bias = [draw(arrays(np.float64, classes, elements=small))] if draw(st.booleans()) else []
    return [features, weight, target, *bias], parameters


@st.composite
def clusters(draw):
    first, width = draw(st.integers(1, 2)), 8
    sizes = draw(st.lists(st.integers(1, 2), min_size=1, max_size=2))
    cutoffs = [first + sum(sizes[:at]) for at in range(len(sizes))]
    head_bias, div_value = draw(st.booleans()), draw(st.sampled_from([1.0, 2.0]))
    inner = [int(width // div_value ** (at + 1)) for at in range(len(sizes))]
    shapes = [(first + len(sizes), width), *([(first + len(sizes),)] if head_bias else [])]
    shapes += [shape for wide, size in zip(inner, sizes, strict=True) for shape in ((wide, width), (size, wide))]
    small = st.integers(-32, 32).map(lambda n: n / 64)
    rows = draw(st.sampled_from([(), (1,), (2,)]))
    given = [draw(arrays(np.float64, shape, elements=small)) for shape in ((*rows, width), *shapes)]
    target = draw(arrays(np.int64, rows, elements=st.integers(0, first + sum(sizes) - 1)))
    return [given[0], target, *given[1:]], {"cutoffs": cutoffs, "div_value": div_value, "head_bias": head_bias}


@st.composite
def sequences(draw):
    samples, frames, classes = draw(st.sampled_from([(), (1,), (3,)])), draw(st.integers(0, 4)), draw(st.integers(2, 3))
    blank = draw(st.integers(0, classes - 1))
    logs = st.integers(-192, 0).map(lambda n: n / 64)
    log_probs = draw(arrays(np.float64, (frames, *samples, classes), elements=logs))
    symbols = st.integers(0, classes - 1).filter(lambda c: c != blank)
    labels = draw(arrays(np.int64, (*samples, 3), elements=symbols))
    ends = [draw(arrays(np.int64, samples, elements=st.integers(0, most))) for most in (frames, 3)]
    # A repeated label takes a blank between; where no path fits the loss is inf, which tests/test_batch_kernels.py has.
    behind = (labels[..., 1:] == labels[..., :-1]) & (np.arange(2) < np.expand_dims(ends[1], -1) - 1)
    fits = np.all(ends[1] + behind.sum(-1) <= ends[0])
    return [log_probs, labels, *ends], {"blank": blank, "zero_infinity": not fits or draw(st.booleans())}


INPUTS = {
    "adaptive_log_softmax": clusters(),
    "bce": probabilities(),
    "bce_with_logits": logits_and_targets(),
    "cosine_embedding": vectors(),
    "cross_entropy": rows_and_classes(),
    "ctc": sequences(),
    "gaussian_nll": normals(),
    "hinge_embedding": sided(1, margin=st.sampled_from([1.0, 0.5, -2.0])),
    "huber": pairs(weighted=True, delta=st.sampled_from([1e-3, 0.5, 1.0, 30.0, math.inf])),
    "kl_div": log_probabilities(),
    "l1": pairs(weighted=True),
    "linear_cross_entropy": layers(),
    "margin_ranking": sided(2, margin=st.sampled_from([0.0, 0.5, -2.0])),
    "mse": pairs(weighted=True),
    "multi_margin": rows_with_margins(several=False),
    "multilabel_margin": rows_with_margins(several=True),
    "multilabel_soft_margin": rows_of_logits(),
    "nll": rows_of_log_probabilities(),
    "poisson_nll": counts(),
    "smooth_l1": pairs(beta=st.sampled_from([0.0, 1e-3, 0.5, 1.0, 30.0, math.inf])),
    "soft_margin": sided(1),
    "triplet_margin": triplets(),
    "triplet_margin_with_distance": triplets_and_distances(),
}

# Losses whose value or slope is a difference of larger numbers: those, of an element's value and of its slopes.
TERMS = {
    "cosine_embedding": lambda inputs, _: (1.0, 1 / shortest(inputs)),
    "cross_entropy": lambda inputs, parameters: (beside_logits(inputs[0], parameters),) * 2,
    "gaussian_nll": lambda inputs, _: (8.0, 8 / float(np.min(inputs[2]))),
    "margin_ranking": lambda inputs, _: (largest(*inputs), 1.0),
    "multi_margin": lambda inputs, parameters: (weights(parameters) * (2 + largest(inputs[0])) ** 2,) * 2,
    "multilabel_margin": lambda inputs, _: (inputs[0].shape[-1] * (2 + largest(inputs[0])), 1.0),
    "poisson_nll": lambda inputs, _: (40 + 40 * largest(*inputs), 40 + largest(*inputs)),
    "adaptive_log_softmax": lambda *_: (64.0, 64.0),
    "ctc": lambda *_: (16.0, 1.0),
    "linear_cross_entropy": lambda _, parameters: (128 * beside_logits(16.0, parameters),) * 2,
    "triplet_margin": lambda inputs, _: (8 + 8 * largest(*inputs), 1.0),
    "triplet_margin_with_distance": lambda inputs, _: (64 + 64 * largest(*inputs), 64.0),
}


def beside_logits(logits, parameters):
    """The largest of the terms of a cross-entropy: a capped logit is a rounded number, and so is a squared one."""
    return weights(parameters) * (1 + parameters["softcap"] + parameters["z_loss"] * (2 + largest(logits)) ** 2)


def weights(parameters):
    """The largest of the weights, or 1."""
    return max(1.0, largest(*(x for key, x in parameters.items() if "weight" in key)))


def largest(*arrays):
    """The largest number among them."""
    return max((float(abs(x)) for array in arrays for x in np.asarray(array).flat), default=0.0)


def shortest(vectors):
    """The smallest norm among the rows of the first two inputs."""
    return min(float(np.min(np.linalg.norm(np.atleast_1d(x).astype(float), axis=-1))) for x in vectors[:2])


def agree(ours, theirs, scale, kind):
    """Assert that numbers agree up to rounding errors of `scale`, and up to what underflows."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    np.testing.assert_array_less(np.abs(ours - theirs), CLOSE[kind] * scale + UNDERFLOW[kind])


QUICK = (
    *("cosine_embedding", "ctc", "hinge_embedding", "huber"),
    *("margin_ranking", "mse", "multilabel_margin", "soft_margin"),
)
"""The losses that are compiled for few settings; the others take 2 to 10 s of processor time each."""


# Both types take 60 s of processor time; test_parity.py has the same losses in float32.
@pytest.mark.losses
@pytest.mark.parametrize("kind", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in ORACLES]
)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_values_and_gradients_are_the_formulas(name, kind, data):
    inputs, parameters = data.draw(INPUTS[name])
    inputs = [x.astype(kind) if x.dtype.kind == "f" else x for x in map(np.asarray, inputs)]
    values, counts, gradients = evaluate(name, inputs, parameters)
    weight = weights(parameters)
    terms, steep = TERMS.get(name, lambda *_: (0.0 if name == "mse" else weight, weight))(inputs, parameters)
    wrt = names_of(name, inputs, parameters, gradients)
    count = np.sum(counts)
    batch = values.shape[0] if values.shape else 1
    divisors = {"none": 1, "sum": 1, "mean": count, "batchmean": count * batch / values.size}
    for reduction, divisor in divisors.items():
        criterion = lossreg.create(name, **parameters, reduction=reduction)
        ours, grads = criterion.value_and_grad(*inputs, wrt=wrt)
        share = 1 / divisor if divisor else 0
        size = float((np.sum(abs(values)) + terms * values.size) * share)
        lengths = np.maximum(inputs[3], 1) if name == "ctc" and reduction == "mean" else 1
        agree(ours, values if reduction == "none" else np.sum(values / lengths) * share, size, kind)
        grads = grads if isinstance(grads, tuple) else (grads,)
        for grad, exact in zip(grads, gradients.values(), strict=bool(gradients)):
            assert grad.dtype == kind
            # A shared input's slope is the sum of those of the elements that share it.
            together = values.size / max(1, exact.size) if name == "gaussian_nll" else 1
            agree(grad, exact * share, max(largest(exact), steep * together) * float(share), kind)
        by_default = criterion.grad(*inputs)
        by_default = by_default if isinstance(by_default, tuple) else (by_default,)
        assert len(by_default) == len(by_position(name, inputs))
        for grad, wanted in zip(by_default, grads, strict=False):
            np.testing.assert_array_equal(grad, wanted)


def names_of(name, inputs, parameters, positions):
    """The names of the inputs at some positions; None for none."""
    forms = [form for form in lossreg.get(name).forms if len(form.slopes) >= len(positions) or form.by_batch]
    form = forms[0]
    if form.by_batch:
        form = variants(form, len(inputs))[0 if parameters.get("head_bias", True) else -1]
    return [form.inputs[position].name for position in positions] or None


# The figures of the documents that the project starts from


@pytest.mark.parametrize(
    ("criterion", "inputs", "expected"),
    [
        (("mse",), ([2.0, 3.0, 4.0], [2.5, 3.5, 4.5]), 0.2500),
        (("cross_entropy",), ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [2, 0]), 1.4076),
        (("bce_with_logits",), ([0.5, -1.5, 2.0], [1, 0, 1]), 0.2675),
        (("smooth_l1",), ([2.0, 3.0, 4.0], [2.5, 3.5, 4.5]), 0.1250),
        (("cosine_embedding",), ([1.0, 0.0], [0.0, 1.0], 1), 1.0),
        (("kl_div", "batchmean"), (np.log([[0.4, 0.6], [0.3, 0.7]]), [[0.5, 0.5], [0.4, 0.6]]), 0.0215),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) and isinstance(given[0], str) else "",
)
def test_the_worked_examples_come_out(criterion, inputs, expected):
    name, reduction = (*criterion, "mean")[:2]
    assert round(float(lossreg.create(name, reduction=reduction)(*inputs)), 4) == expected


def test_label_smoothing_with_and_without_class_weights():
    logits, labels = [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], [0, 2]
    smooth = lossreg.create("cross_entropy", label_smoothing=0.1)
    assert smooth(logits, labels) == pytest.approx(1.7031091265562452, rel=1e-15)
    weighted = lossreg.create("cross_entropy", label_smoothing=0.1, weight=[1.0, 2.0, 4.0])
    assert weighted(logits, labels) == pytest.approx(1.3213267732529437, rel=1e-15)


def test_probabilities_need_not_sum_to_one():
    assert lossreg.create("cross_entropy")(np.zeros((1, 3)), np.ones((1, 3))) == pytest.approx(
        3 * math.log(3), rel=1e-15
    )


def test_a_mean_over_labels_divides_by_their_weights_and_one_over_probabilities_by_the_rows():
    logits, labels = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, 3.0]]), np.array([1, 2])
    weighted = lossreg.create("cross_entropy", weight=[0.2, 0.3, 0.5])
    values = lossreg.create("cross_entropy", weight=[0.2, 0.3, 0.5], reduction="none")(logits, labels)
    assert weighted(logits, labels) == pytest.approx(values.sum() / 0.8, rel=1e-15)
    assert weighted(logits, np.eye(3)[labels]) == pytest.approx(values.sum() / 2, rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "gap", "expected"),
    [("float64", 40, 4.248354255291589e-18), ("float32", 20, 2.0611536e-09), ("float64", 700, 9.85967654375977e-305)],
)
def test_a_true_class_that_wins_by_far_keeps_its_digits(kind, gap, expected):
    value, grad = lossreg.create("cross_entropy").value_and_grad(np.array([0, gap], kind), 1)
    close = 1e-15 if kind == "float64" else 3e-7
    assert value == pytest.approx(expected, rel=close, abs=0)
    assert grad == pytest.approx([expected, -expected], rel=close, abs=0)


def test_float16_over_70_000_equal_classes():
    value, grad = lossreg.create("cross_entropy").value_and_grad(np.zeros(70_000, np.float16), 0)
    assert value.dtype == grad.dtype == np.float16
    assert value == np.float16(math.log(70_000)) == np.float16(11.1563)
    assert grad[0] == -1
    assert grad[1] == np.float16(1 / 70_000)


def test_a_single_class_has_no_surprise_under_a_softcap():
    logits = np.append(np.random.default_rng(0).normal(size=255) * 4, -1.4591023921966553)[:, np.newaxis]
    criterion = lossreg.create("cross_entropy", softcap=3.0, reduction="none")
    for target in (np.zeros(256, np.int64), np.ones((256, 1), np.float32)):
        assert not criterion(logits.astype(np.float32), target).any()
