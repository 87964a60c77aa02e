"""What every built-in loss is, by its textbook formula in 60 digits; nothing here is from lossreg.

An oracle takes the inputs as arrays of mpmath numbers (labels as integers) and the parameters, and gives the values, as
an array of the loss's own shape, and how much each counts in a mean. Gradients come from the values by differences.
"""

import mpmath
import numpy as np

exp, log, log1p, sqrt = (np.frompyfunc(f, 1, 1) for f in (mpmath.exp, mpmath.log, mpmath.log1p, mpmath.sqrt))
mp = mpmath.mp
DIGITS = 80
exact = np.frompyfunc(lambda x: mpmath.mpf(float(x)), 1, 1)


def ones(shape):
    """Every element counts 1."""
    return np.ones(shape, object)


def mse(prediction, target):
    """Square of the difference."""
    return (prediction - target) ** 2, ones(prediction.shape)


def l1(prediction, target):
    """Absolute difference."""
    return abs(prediction - target), ones(prediction.shape)


def huber(prediction, target, delta=1.0):
    """Huber (1964): e^2 / 2 up to delta, delta (|e| - delta / 2) beyond."""
    distance = abs(prediction - target)
    far = 0 * distance if delta == float("inf") else delta * (distance - mpmath.mpf(delta) / 2)
    return np.where(distance <= delta, distance**2 / 2, far), ones(prediction.shape)


def smooth_l1(prediction, target, beta=1.0):
    """Girshick (2015): e^2 / (2 beta) below beta, |e| - beta / 2 from there on."""
    distance = abs(prediction - target)
    near = distance**2 / (2 * mpmath.mpf(beta)) if 0 < beta < float("inf") else 0 * distance
    far = distance - mpmath.mpf(beta) / 2 if beta < float("inf") else distance
    return np.where(distance < beta, near, far), ones(prediction.shape)


def bce_with_logits(logit, target, weight=1.0, pos_weight=1.0):
    """-w (p t log s(x) + (1 - t) log(1 - s(x))), with log s(x) = -log(1 + e^-x)."""
    weight, pos_weight = exact(weight), exact(pos_weight)
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


def surprise(row):
    """-log softmax, exact where one wins by far: log(1 + sum of e^(others - own))."""
    others = (sum(mpmath.exp(z - own) for at, z in enumerate(row) if at != c) for c, own in enumerate(row))
    return [mpmath.log1p(other) for other in others]


def cross_entropy(logits, target, weight=1.0, ignore_index=-100, label_smoothing=0.0):
    """The formulas of LOSSES.md 1a, row by row."""
    axis = 0 if logits.ndim == 1 else 1
    rows = np.moveaxis(logits, axis, -1)
    by_probability = target.shape == logits.shape
    targets = np.moveaxis(target, axis, -1) if by_probability else target
    classes = rows.shape[-1]
    weights = [mpmath.mpf(w) for w in np.broadcast_to(weight, classes).tolist()]
    smooth = mpmath.mpf(label_smoothing)
    values, counts = (np.zeros(rows.shape[:-1], object) for _ in range(2))
    for at in np.ndindex(rows.shape[:-1]):
        nll = surprise(list(rows[at]))
        if by_probability:
            mixed = [(1 - smooth) * t + smooth / classes for t in targets[at]]
            values[at] = sum(w * t * n for w, t, n in zip(weights, mixed, nll, strict=True))
            counts[at] = 1
        elif targets[at] != ignore_index:
            label = int(targets[at])
            even = sum(w * n for w, n in zip(weights, nll, strict=True))
            values[at] = (1 - smooth) * weights[label] * nll[label] + smooth / classes * even
            counts[at] = weights[label]
    return values, counts


def cosine_embedding(x1, x2, target, margin=0.0):
    """1 - cos for a pair, max(0, cos - margin) for strangers."""
    lengths = sqrt((x1 * x1).sum(-1)) * sqrt((x2 * x2).sum(-1))
    cosine = np.asarray((x1 * x2).sum(-1) / lengths, object)
    apart = np.asarray(cosine - mpmath.mpf(margin), object)
    return np.where(target == 1, 1 - cosine, np.where(apart > 0, apart, 0 * apart)), ones(cosine.shape)


ORACLES = {f.__name__: f for f in (bce_with_logits, cosine_embedding, cross_entropy, huber, kl_div, l1, mse, smooth_l1)}
GRADED = {name: 2 if name == "cosine_embedding" else 1 for name in ORACLES}


def evaluate(name, inputs, parameters):
    """The values, what they count, and the gradients of their sum, all exact to far more than a float's digits."""
    with mp.workdps(DIGITS):
        inputs = [exact(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in inputs]
        inputs = [np.asarray(x, object) if np.asarray(x).dtype == object else x for x in inputs]
        values, counts = ORACLES[name](*inputs, **parameters)
        gradients = []
        for x in inputs[: GRADED[name]]:
            gradient = np.zeros(x.shape, object)
            for at in np.ndindex(x.shape):
                gradient[at] = slope(name, inputs, parameters, x, at)
            gradients.append(gradient)
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
