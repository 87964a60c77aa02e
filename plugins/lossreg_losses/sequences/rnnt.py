"""RNN transducer: the surprise at a sequence of labels, by all the orders in which frames and labels may come.

    value = -log(sum of the probabilities of the paths, over all paths from (0, 0) through the last frame)

At frame t and after u labels, softmax(logits[t, u]) has the probability of the next label, which goes on to (t, u + 1),
and of `blank`, which goes on to (t + 1, u); a path ends by a blank at the last frame and after the last label.

    slope = softmax(logits) * p(path visits (t, u)) - p(path goes on from there by that class)

Where no path has a probability above 0, the value is inf with slopes of nan. Sums over paths are in double precision,
whatever the type: a value has some T + S roundings of the logarithms of the softmax.

Shapes: logits (N, T, U, C) with labels (N, S), U = S + 1; the first input_lengths (N) frames and the first
target_lengths (N) labels count. Ranges: any logits; labels from 0 to C - 1, but `blank`, which counts from the end if
it is negative; input_lengths 1 to T, target_lengths up to S.
Exactness: a value has the roundings of the logarithms of the softmax on its paths.
Source: Graves (2012), arXiv:1211.3711; torchaudio's rnnt_loss, whose last class is the blank too.

>>> rnnt.at([[[0.0, 0.0], [0.0, 0.0]]], [0], 1, 1)[0]
1.3862943611198906
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, difference, exp, exp_below, largest, log, log1p, total
from lossreg.plugin import (
    Array,
    Axes,
    InvalidParameter,
    Loss,
    NonNegativeInteger,
    PositiveInteger,
    Real,
    SampleWeight,
    Scratch,
    Slopes,
    Symbol,
    each,
    hookimpl,
    loss,
    require,
)


@loss
def rnnt(
    logits: Annotated[Array, Axes("N T U C", Real)],
    labels: Annotated[Array, Axes("N S", Symbol)],
    input_lengths: Annotated[Array, Axes("N", PositiveInteger)],
    target_lengths: Annotated[Array, Axes("N", NonNegativeInteger)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    blank: int = -1,
) -> Array:
    import numpy as np

    samples, frames, places, classes = logits.shape
    most = labels.shape[1]
    if not -classes <= blank < classes:
        raise InvalidParameter(f"rnnt: expected blank from {-classes} to {classes - 1}; got {blank}")
    blank %= classes
    lengths, symbols = (input_lengths, target_lengths), np.empty((samples, most + 1), np.int64)
    values, valid = np.empty_like(sample_weight), np.empty(samples, bool)
    each(read, samples, labels, *lengths, frames, classes, blank, symbols, valid)
    if places != most + 1 or not all(valid.tolist()):
        refuse(logits.shape, labels, *lengths, blank)
    slope, tables = slopes.get("logits", logits[:0]), Scratch(5, frames + 1, places + 1)
    each(sum_paths, samples, logits, symbols, *lengths, blank, sample_weight, values, slope, Scratch(classes), tables)
    return values


def read(
    i: int,
    labels: Any,
    input_lengths: Any,
    target_lengths: Any,
    frames: int,
    classes: int,
    blank: int,
    symbols: Any,
    valid: Any,
) -> None:
    """Fill the labels of sample i, and 0 after them, and whether they and the lengths are valid."""
    most, fits = labels.shape[1], True
    symbols[i, most] = 0
    for s in range(most):
        label, counts = labels[i, s], s < target_lengths[i]
        allowed = (label >= 0) & (label < classes) & (label != blank)
        symbols[i, s] = label if allowed & counts else 0
        fits = fits & (allowed | (not counts))
    valid[i] = fits & (input_lengths[i] <= frames) & (target_lengths[i] <= most)


def refuse(shape: tuple[int, ...], labels: Array, input_lengths: Array, target_lengths: Array, blank: int) -> None:
    """Raise the error for the first label or length that does not fit logits of this shape."""
    import numpy as np

    (samples, frames, places, classes), most = shape, labels.shape[1]
    message = f"one fewer than the third axis of logits, {places}"
    require(np.full(samples, places == most + 1), "labels", labels, message)
    require(input_lengths <= frames, "input_lengths", input_lengths, f"at most {frames}")
    require(target_lengths <= most, "target_lengths", target_lengths, f"at most {most}")
    inside = (labels >= 0) & (labels < classes) & (labels != blank) | (np.arange(most) >= target_lengths[:, np.newaxis])
    require(inside, "labels", labels, f"a class from 0 to {classes - 1}, other than the blank {blank}")


def sum_paths(
    i: int,
    logits: Any,
    symbols: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    sample_weight: Any,
    values: Any,
    slope: Any,
    row: Any,
    tables: Any,
) -> None:
    """Fill the value of sample i and its slopes.

    By frame and label, `stay` and `emit` have the logarithms of the probabilities of the blank and of the next label,
    `mass` the sum of the exponentials, and `until` and `after` the logarithms of the sums over the paths to and from
    there.
    """
    stay, emit, mass, until, after = tables[0], tables[1], tables[2], tables[3], tables[4]
    frames, last, symbol = input_lengths[i], target_lengths[i], symbols[i]
    for t in range(frames):
        for u in range(last + 1):
            x = logits[i, t, u]
            top = largest(x)
            exp_below(x, top, row)
            mass[t, u] = total(row)
            stay[t, u] = difference(x[blank], top) - log(mass[t, u])
            emit[t, u] = difference(x[symbol[u]], top) - log(mass[t, u]) if u < last else -INFINITY
            for c in range(len(row) if len(slope) > 0 else 0):
                slope[i, t, u, c] = row[c]
    for t in range(frames):
        for u in range(last + 1):
            by_blank = until[t - 1, u] + stay[t - 1, u] if t > 0 else -INFINITY
            by_label = until[t, u - 1] + emit[t, u - 1] if u > 0 else -INFINITY
            until[t, u] = log_add(by_blank, by_label) if t + u > 0 else 0.0
    value = -(until[frames - 1, last] + stay[frames - 1, last])
    values[i] = value * sample_weight[i]
    if len(slope) > 0:
        go_back(slope[i], frames, last, symbol, blank, value, sample_weight[i], stay, emit, mass, until, after)


def go_back(
    slope: Any,
    frames: int,
    last: int,
    symbol: Any,
    blank: int,
    value: float,
    weight: float,
    stay: Any,
    emit: Any,
    mass: Any,
    until: Any,
    after: Any,
) -> None:
    """Fill `after`, and convert the exponentials in `slope` to slopes; those that no path reaches are 0."""
    for t in range(frames - 1, -1, -1):
        for u in range(last, -1, -1):
            ends = 0.0 if u == last else -INFINITY
            on = stay[t, u] + (after[t + 1, u] if t < frames - 1 else ends)
            said = emit[t, u] + (after[t, u + 1] if u < last else 0.0)
            after[t, u] = log_add(on, said)
            by_blank, by_label = exp(until[t, u] + on + value), exp(until[t, u] + said + value)
            share, out = (by_blank + by_label) / mass[t, u] * weight, slope[t, u]
            for c in range(len(out)):
                out[c] = out[c] * share
            out[blank] -= by_blank * weight
            out[symbol[u]] -= by_label * weight
    slope[frames:] = 0.0
    slope[:, last + 1 :] = 0.0


def log_add(x: float, y: float) -> float:
    """log(e^x + e^y)."""
    high, low = max(x, y), min(x, y)
    return high + log1p(exp(difference(low, high)))


@rnnt.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Up to three labels in three or four frames."""
    logits, labels = random.normal(size=(samples, 4, 4, 3)), random.integers(0, 2, (samples, 3))
    return [logits, labels, random.integers(3, 5, samples), random.integers(0, 4, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return rnnt
