"""Oracles: the textbook formula of every built-in loss in 60 digits, independent of lossreg.

An oracle takes the inputs as arrays of mpmath numbers (labels as integers) and the parameters. It returns the values,
in the loss's own shape, and the weight of each in a mean. Gradients are finite differences of the values.
"""

import itertools

import mpmath
import numpy as np

exp, log, log1p, sqrt = (np.frompyfunc(f, 1, 1) for f in (mpmath.exp, mpmath.log, mpmath.log1p, mpmath.sqrt))
mp = mpmath.mp
DIGITS = 80
exact = np.frompyfunc(lambda x: mpmath.mpf(float(x)), 1, 1)


def ones(shape):
    """Every element counts 1."""
    return np.ones(shape, object)


def each(weight, shape):
    """A weight for each element."""
    return exact(np.broadcast_to(weight, shape))


def mse(prediction, target, weight=1.0):
    """Square of the difference; a mean divides by the weights."""
    weight = each(weight, prediction.shape)
    return weight * (prediction - target) ** 2, weight


def l1(prediction, target, weight=1.0):
    """Absolute difference; a mean divides by the weights."""
    weight = each(weight, prediction.shape)
    return weight * abs(prediction - target), weight


def huber(prediction, target, delta=1.0, weight=1.0):
    """Huber (1964): e^2 / 2 up to delta, delta (|e| - delta / 2) beyond; a mean divides by the count."""
    distance = abs(prediction - target)
    far = 0 * distance if delta == float("inf") else delta * (distance - mpmath.mpf(delta) / 2)
    values = np.where(distance <= delta, distance**2 / 2, far)
    return each(weight, prediction.shape) * values, ones(prediction.shape)


def smooth_l1(prediction, target, beta=1.0):
    """Girshick (2015): e^2 / (2 beta) below beta, |e| - beta / 2 from there on."""
    distance = abs(prediction - target)
    near = distance**2 / (2 * mpmath.mpf(beta)) if 0 < beta < float("inf") else 0 * distance
    far = distance - mpmath.mpf(beta) / 2 if beta < float("inf") else distance
    return np.where(distance < beta, near, far), ones(prediction.shape)


def bce_with_logits(logit, target, weight=1.0, pos_weight=1.0, label_smoothing=0.0):
    """-w (p t log s(x) + (1 - t) log(1 - s(x))), with log s(x) = -log(1 + e^-x), of targets mixed with 1/2."""
    weight, pos_weight, share = exact(weight), exact(pos_weight), mpmath.mpf(label_smoothing)
    target = (1 - share) * target + share / 2
    values = weight * (pos_weight * target * log1p(exp(-logit)) + (1 - target) * log1p(exp(logit)))
    return values, ones(logit.shape)


def kl_div(prediction, target, log_target=False):
    """P (log p - log q), and 0 where p is 0."""
    if log_target:
        return exp(target) * (target - prediction), ones(prediction.shape)
    values = [
        p * (mpmath.log(p) - q) if p else mpmath.mpf(0) for p, q in zip(target.flat, prediction.flat, strict=True)
    ]
    return np.array(values, object).reshape(prediction.shape), ones(prediction.shape)


def negative_log_softmax(row):
    """Return -log softmax of a row, which is exact if one number is far ahead: log(1 + sum of e^(others - own))."""
    others = (sum(mpmath.exp(z - own) for at, z in enumerate(row) if at != c) for c, own in enumerate(row))
    return [mpmath.log1p(other) for other in others]


def cross_entropy(logits, target, weight=1.0, ignore_index=-100, label_smoothing=0.0, z_loss=0.0, softcap=0.0):  # noqa: PLR0913, PLR0917  all that the loss takes
    """PyTorch's formulas for labels and for probabilities, row by row: -log softmax, with weights and smoothing."""
    axis = 0 if logits.ndim == 1 else 1
    rows = np.moveaxis(logits, axis, -1)
    by_probability = target.shape == logits.shape
    targets = np.moveaxis(target, axis, -1) if by_probability else target
    classes = rows.shape[-1]
    weights = [mpmath.mpf(w) for w in np.broadcast_to(weight, classes).tolist()]
    smooth = mpmath.mpf(label_smoothing)
    values, counts = (np.zeros(rows.shape[:-1], object) for _ in range(2))
    for at in np.ndindex(rows.shape[:-1]):
        own = [mpmath.mpf(softcap) * mpmath.tanh(x / mpmath.mpf(softcap)) if softcap else x for x in rows[at]]
        nll = negative_log_softmax(own)
        penalty = mpmath.mpf(z_loss) * (nll[0] + own[0]) ** 2 if z_loss else 0
        if by_probability:
            mixed = [(1 - smooth) * t + smooth / classes for t in targets[at]]
            values[at] = penalty + sum(w * t * n for w, t, n in zip(weights, mixed, nll, strict=True))
            counts[at] = 1
        elif targets[at] != ignore_index:
            label = int(targets[at])
            even = sum(w * n for w, n in zip(weights, nll, strict=True))
            values[at] = (1 - smooth) * weights[label] * nll[label] + smooth / classes * even
            values[at] += weights[label] * penalty
            counts[at] = weights[label]
    return values, counts


def cosine_embedding(x1, x2, target, margin=0.0):
    """1 - cos for a pair, max(0, cos - margin) for vectors that are not a pair."""
    lengths = sqrt((x1 * x1).sum(-1)) * sqrt((x2 * x2).sum(-1))
    cosine = np.asarray((x1 * x2).sum(-1) / lengths, object)
    apart = np.asarray(cosine - mpmath.mpf(margin), object)
    return np.where(target == 1, 1 - cosine, np.where(apart > 0, apart, 0 * apart)), ones(cosine.shape)


def bce(prediction, target, weight=1.0):
    """-w (t log p + (1 - t) log(1 - p)), each logarithm at least -100."""
    bounded = np.frompyfunc(lambda x: max(mpmath.log(x), mpmath.mpf(-100)) if x else mpmath.mpf(-100), 1, 1)
    return -exact(weight) * (target * bounded(prediction) + (1 - target) * bounded(1 - prediction)), ones(target.shape)


def gaussian_nll(prediction, target, variance, eps=1e-6, full=False):
    """-log of the normal density, less log(2 pi) / 2 unless full; a variance for each row, or for all."""
    if 0 < variance.ndim < prediction.ndim:
        variance = variance[..., None]
    v = np.maximum(variance, mpmath.mpf(eps))
    constant = mpmath.log(2 * mpmath.pi) / 2 if full else 0
    return log(v) / 2 + (prediction - target) ** 2 / (2 * v) + constant, ones(prediction.shape)


def hinge_embedding(prediction, target, margin=1.0):
    """The distance of a pair, and otherwise by how much it is below the margin."""
    return np.where(target == 1, prediction, np.maximum(0, mpmath.mpf(margin) - prediction)), ones(prediction.shape)


def margin_ranking(x1, x2, target, margin=0.0):
    """By how much the lead of the first input (or the second, for a target of -1) is below the margin."""
    lead = np.where(target == 1, x1 - x2, x2 - x1)
    return np.maximum(0, mpmath.mpf(margin) - lead), ones(lead.shape)


def multi_margin(x, label, margin=1.0, weight=1.0, p=1):
    """Weston and Watkins (1999): the mean over classes of the excesses over the true class less the margin."""
    rows, labels = x.reshape(-1, x.shape[-1]), np.ravel(label)
    weights = exact(np.broadcast_to(weight, x.shape[-1:]))
    values = []
    for row, own in zip(rows, labels, strict=True):
        others = [max(0, mpmath.mpf(margin) - row[own] + other) ** p for c, other in enumerate(row) if c != own]
        values.append(weights[own] * sum(others) / len(row))
    return np.array(values, object).reshape(label.shape), ones(label.shape)


def multilabel_margin(x, labels):
    """The mean over classes of the excesses of other classes over each class that is listed before the first -1."""
    values = []
    for row, listed in zip(x.reshape(-1, x.shape[-1]), labels.reshape(-1, x.shape[-1]).tolist(), strict=True):
        true = listed[: listed.index(-1)] if -1 in listed else listed
        others = set(range(len(row))) - set(true)
        values.append(sum(max(0, 1 - row[y] + row[j]) for y in true for j in others) / mpmath.mpf(len(row)))
    return np.array(values, object).reshape(x.shape[:-1]), ones(x.shape[:-1])


def multilabel_soft_margin(logits, target, weight=1.0):
    """The mean over the last axis of what bce_with_logits is."""
    values = np.asarray(bce_with_logits(logits, target, weight)[0].sum(-1) / logits.shape[-1], object)
    return values, ones(values.shape)


def nll(prediction, label, weight=1.0, ignore_index=-100):
    """-w_y times the log-probability of y; 0, and counting nothing, where y is to be ignored."""
    rows = np.moveaxis(prediction, min(1, prediction.ndim - 1), -1)
    weights = exact(np.broadcast_to(weight, rows.shape[-1:]))
    values, counts = (np.zeros(label.shape, object) for _ in range(2))
    for at in np.ndindex(label.shape):
        if label[at] != ignore_index:
            counts[at] = weights[label[at]]
            values[at] = -counts[at] * rows[at][label[at]]
    return values, counts


def poisson_nll(prediction, target, eps=1e-8, log_input=True, full=False, stirling=True):  # noqa: PLR0913, PLR0917  the loss's own
    """The rate less the target times its logarithm; full adds log(t!), or Stirling's where t is above 1."""
    rate, logarithm = (exp(prediction), prediction) if log_input else (prediction, log(prediction + mpmath.mpf(eps)))
    values = rate - target * logarithm
    if full and stirling:
        approximation = np.frompyfunc(
            lambda t: t * mpmath.log(t) - t + mpmath.log(2 * mpmath.pi * t) / 2 if t > 1 else mpmath.mpf(0), 1, 1
        )
        values = values + approximation(target)
    elif full:
        values = values + np.frompyfunc(lambda t: mpmath.loggamma(t + 1), 1, 1)(target)
    return values, ones(prediction.shape)


def soft_margin(prediction, target):
    """log(1 + e^-xy)."""
    return log1p(exp(-prediction * target)), ones(prediction.shape)


def norm(row, p):
    """The p-norm of a row."""
    sizes = [abs(x) for x in row]
    return max(sizes) if p == float("inf") else sum(x ** mpmath.mpf(p) for x in sizes) ** (1 / mpmath.mpf(p))


def triplet_margin(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False):  # noqa: PLR0913, PLR0917  the loss's own
    """Balntas et al. (2016), with eps added to each difference."""
    shape = anchor.shape[:-1]
    values = np.zeros(shape, object)
    for at in np.ndindex(shape):
        near, far, across = (
            norm(u[at] - v[at] + mpmath.mpf(eps), p)
            for u, v in ((anchor, positive), (anchor, negative), (positive, negative))
        )
        values[at] = max(mpmath.mpf(0), near - (min(far, across) if swap else far) + mpmath.mpf(margin))
    return values, ones(shape)


def cosine(u, v):
    """One minus the cosine of two rows."""
    return 1 - sum(u * v) / mpmath.sqrt(sum(u * u) * sum(v * v))


SHIFT = mpmath.mpf(1e-6)
DISTANCES = {
    "euclidean": lambda u, v: norm(u - v + SHIFT, 2.0),
    "squared_euclidean": lambda u, v: sum((u - v) ** 2),
    "manhattan": lambda u, v: norm(u - v + SHIFT, 1.0),
    "chebyshev": lambda u, v: norm(u - v + SHIFT, float("inf")),
    "cosine": cosine,
}


def triplet_margin_with_distance(anchor, positive, negative, margin=1.0, distance_function="euclidean", swap=False):  # noqa: PLR0913, PLR0917  as above
    """The same of any distance."""
    distance, shape = DISTANCES[distance_function], anchor.shape[:-1]
    values = np.zeros(shape, object)
    for at in np.ndindex(shape):
        near, far, across = (
            distance(u[at], v[at]) for u, v in ((anchor, positive), (anchor, negative), (positive, negative))
        )
        values[at] = max(mpmath.mpf(0), near - (min(far, across) if swap else far) + mpmath.mpf(margin))
    return values, ones(shape)


def linear_cross_entropy(features, linear_weight, target, linear_bias=None, **parameters):
    """cross_entropy of the logits, each a sum of products."""
    logits = np.asarray(features @ linear_weight.T, object) + (0 if linear_bias is None else linear_bias)
    return cross_entropy(logits, target, **parameters)


def adaptive_log_softmax(features, target, head, *layers, cutoffs, div_value=4.0, head_bias=False):  # noqa: ARG001, PLR0913  the shapes show it
    """Grave et al. (2017): -log softmax of the class in the head, or at its cluster and at its place there."""
    bias, tails = (layers[0], layers[1:]) if head_bias else (0, layers)
    values = np.zeros(target.shape, object)
    for at in np.ndindex(target.shape):
        x, label = features[at], int(target[at])
        cluster = sum(label >= cutoff for cutoff in cutoffs)
        top = negative_log_softmax(list(head @ x + bias))
        values[at] = top[label if cluster == 0 else cutoffs[0] + cluster - 1]
        if cluster:
            inner, outer = tails[2 * cluster - 2 : 2 * cluster]
            values[at] += negative_log_softmax(list(outer @ (inner @ x)))[label - cutoffs[cluster - 1]]
    return values, ones(target.shape)


def ctc(log_probs, labels, input_lengths, target_lengths, blank=0, zero_infinity=False):  # noqa: PLR0913, PLR0917  as above
    """Graves et al. (2006), by its definition: the sum over every path that collapses to the labels."""
    values = np.zeros(input_lengths.shape, object)
    for at in np.ndindex(values.shape):
        frames, length = int(input_lengths[at]), int(target_lengths[at])
        wanted = tuple(labels[(*at, slice(length))].tolist())
        total = mpmath.mpf(0)
        for path in itertools.product(range(log_probs.shape[-1]), repeat=frames):
            kept = tuple(c for t, c in enumerate(path) if c != blank and (t == 0 or path[t - 1] != c))
            if kept == wanted:
                total += mpmath.exp(sum((log_probs[(t, *at, c)] for t, c in enumerate(path)), mpmath.mpf(0)))
        values[at] = -mpmath.log(total) if total else mpmath.mpf(0 if zero_infinity else "inf")
    # A mean takes each by the length of its labels: values[n] / length[n] for N.
    return values, ones(values.shape)


ORACLES = {
    f.__name__: f
    for f in (
        *(bce, bce_with_logits, cosine_embedding, cross_entropy, gaussian_nll, hinge_embedding, huber, kl_div, l1),
        *(margin_ranking, mse, multi_margin, multilabel_margin, multilabel_soft_margin, nll, poisson_nll, smooth_l1),
        *(adaptive_log_softmax, ctc, linear_cross_entropy, soft_margin, triplet_margin, triplet_margin_with_distance),
    )
}
GRADED = dict.fromkeys(ORACLES, (0,)) | {
    "cosine_embedding": (0, 1),
    "gaussian_nll": (0, 2),
    "margin_ranking": (0, 1),
    "linear_cross_entropy": (0, 1, 3),
    "triplet_margin": (0, 1, 2),
    "triplet_margin_with_distance": (0, 1, 2),
}
"""The inputs that get a gradient where nothing is said."""

TARGET = dict.fromkeys(
    (
        *("bce", "bce_with_logits", "cross_entropy", "gaussian_nll", "huber", "kl_div", "l1", "mse", "poisson_nll"),
        "smooth_l1",
    ),
    1,
)
"""The input that gets one where it is asked for; in cross_entropy if it is probabilities."""


def by_position(name, inputs):
    """The positions of the inputs that get a gradient where nothing is said."""
    positions = range(2, len(inputs)) if name == "adaptive_log_softmax" else ()
    return (*(at for at in GRADED[name] if at < len(inputs)), *positions)


def differentiable(name, inputs, parameters):
    """The positions of all inputs that have a gradient: the target too, but for labels, and for p log p at p = 0."""
    target = np.asarray(inputs[1])
    graded = (
        () if name == "ctc" else by_position(name, inputs)
    )  # its slope is another; tests/test_batch_kernels.py has it
    steep = name == "kl_div" and not parameters.get("log_target") and not np.all(target)
    by_target = name in TARGET and target.dtype.kind in "fO" and not steep
    return (*graded, *((TARGET[name],) if by_target else ()))


def evaluate(name, inputs, parameters):
    """The values, what they count, and the gradients of their sum by input, all far more exact than a float."""
    with mp.workdps(DIGITS):
        inputs = [exact(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in inputs]
        inputs = [np.asarray(x, object) if not isinstance(x, np.ndarray) else x for x in inputs]
        values, counts = ORACLES[name](*inputs, **parameters)
        gradients = {}
        for position in differentiable(name, inputs, parameters):
            x = inputs[position]
            gradients[position] = np.zeros(x.shape, object)
            for at in np.ndindex(x.shape):
                gradients[position][at] = slope(name, inputs, parameters, x, at)
        return np.asarray(values, object), counts, gradients


def slope(name, inputs, parameters, x, at):
    """The central difference at one number: at a kink, the mean of the slopes on its two sides.

    The step is a power of 2, so that the two sides are exactly as far.
    """
    here = x[at]
    size = abs(here) or max(abs(other) for other in x.flat) or mpmath.mpf(1)
    step = mpmath.ldexp(1, mpmath.frexp(size)[1] - 85)
    sums = []
    for there in (here + step, here - step):
        x[at] = there
        sums.append(np.sum(ORACLES[name](*inputs, **parameters)[0]))
    x[at] = here
    return (sums[0] - sums[1]) / (2 * step)
