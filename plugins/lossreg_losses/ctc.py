"""Connectionist temporal classification: the surprise at a sequence of labels, by all the ways it fits the frames.

    value = -log(sum of e^(log_probs along the path), over all paths that collapse to the labels)
    slope = e^log_probs - (the part of the sum whose paths have that class at that frame)

A path has a class at each frame; it collapses by leaving out repeats, then the class `blank`. Where no path fits, the
value is inf with slopes of nan; with `zero_infinity` both are 0. A mean takes each value by the length of its labels.
The slope is PyTorch's: that by the logits of which log_probs are the log_softmax. It is the derivative by log_probs
themselves only along changes that keep each frame's probabilities adding up to 1, and minus the part of the sum apart.
Sums are in double precision, whatever their size: a value is exact to an ulp, and to some T roundings of 1; a slope to
as many roundings of the probability. A log-probability below -8e29, and a sum below -4e29, count as -inf.

Shapes: log_probs (T, N, C) with labels (N, S), of which the first target_lengths (N) count, or with those that count
one after the other; or log_probs (T, C) with labels (S). The first input_lengths (N) frames count. Ranges: labels from
0 to C - 1, but `blank`; log_probs up to 0, which is not checked; input_lengths up to T, target_lengths up to S.
Source: Graves et al. (2006), doi:10.1145/1143844.1143891; PyTorch's CTCLoss. Unlike there, labels are checked.

>>> half = -0.6931471805599453
>>> ctc.at([[half, half], [half, half]], [1], 2, 1)
(0.2876820724517809, [[0.16666666666666669, -0.16666666666666663], [0.16666666666666669, -0.16666666666666663]])
"""

from typing import Annotated, Any

from lossreg import (
    Array,
    Axes,
    InvalidParameter,
    Length,
    LogProbability,
    Loss,
    Share,
    Slopes,
    Symbol,
    Whole,
    each,
    hookimpl,
    loss,
    require,
)
from lossreg.kernels.stable import LN2, NOTHING, exp, exp2, exp_apart, log, logb, spare, table

Frames = Annotated[Array, Axes("T N C", LogProbability)]
Labels = Annotated[Array, Axes("N S", Symbol, lengths="target_lengths")]
InputLengths = Annotated[Array, Axes("N", Whole)]
TargetLengths = Annotated[Array, Axes("N", Length)]


@loss
def ctc(
    log_probs: Frames,
    labels: Labels,
    input_lengths: InputLengths,
    target_lengths: TargetLengths,
    share: Share,
    slopes: Slopes,
    blank: Whole = 0,
    zero_infinity: bool = False,
) -> Array:
    import numpy as np

    frames, samples, classes = log_probs.shape
    if blank >= classes:
        raise InvalidParameter(f"ctc: expected blank below the number of classes, {classes}; got {blank}")
    for name, lengths, most in (
        ("input_lengths", input_lengths, frames),
        ("target_lengths", target_lengths, labels.shape[1]),
    ):
        require(lengths <= most, name, lengths, f"at most {most}")
    behind = np.arange(labels.shape[1]) >= target_lengths[:, np.newaxis]
    inside = behind | ((labels >= 0) & (labels < classes) & (labels != blank))
    require(inside, "labels", labels, f"a class from 0 to {classes - 1}, other than the blank {blank}")
    # The states are a blank, then each label and a blank.
    symbols = np.full((samples, 2 * labels.shape[1] + 1), blank)
    symbols[:, 1::2] = np.where(behind, blank, labels)
    # A path may come to a state from the label before, past the blank, where the labels differ; else as good as never.
    jumps = np.full((samples, symbols.shape[1] + 2), NOTHING)
    jumps[:, 3:-2:2] = np.where(labels[:, 1:] == labels[:, :-1], NOTHING, 0.0)
    values = np.empty_like(share)
    slope = slopes.get("log_probs", np.empty((0, samples, classes), log_probs.dtype))
    past = np.arange(len(slope))[:, np.newaxis] >= input_lengths
    slope[past | zero_infinity] = 0  # what `align` leaves as it is
    lengths = (input_lengths, 2 * target_lengths + 1)
    each(align, samples, log_probs, symbols, jumps, *lengths, zero_infinity, share, values, slope)
    return values


def align(
    i: int,
    log_probs: Any,
    symbols: Any,
    jumps: Any,
    frames: Any,
    states: Any,
    zero_infinity: bool,
    share: Any,
    values: Any,
    slope: Any,
) -> None:
    """Fill the value and the slopes of sample i. Sums over paths are numbers of any size, m * 2^k."""
    count, top = frames[i], states[i]
    symbol, jump = symbols[i], jumps[i]
    back, said = spare(jump), spare(jump)
    for s in range(top):
        back[s] = jump[top + 1 - s]
    m, k = table(count, top), table(count, top)
    whole, size = paths(log_probs, i, symbol, 1, jump, m, k)
    if 2 * size < NOTHING:
        whole = 0.0
    lost = whole == 0 and zero_infinity
    values[i] = 0.0 if lost else (0 - log(whole) - size * LN2) * share[i]
    if len(slope) == 0 or lost:
        return
    own = whole / whole * share[i]
    onward, by, row = table(count, top), table(count, top), table(1, slope.shape[2])[0]
    paths(log_probs, i, symbol, -1, back, onward, by)
    for t in range(count):
        for s in range(top):
            said[s] = log_probs[t, i, symbol[s]]
        for s in range(top):
            growth, power = exp_apart(said[s])
            power += k[t, s] + by[count - 1 - t, top - 1 - s] - size
            said[s] = m[t, s] * onward[count - 1 - t, top - 1 - s] * growth / whole * exp2(power)
        for c in range(len(row)):
            row[c] = exp(float(log_probs[t, i, c]))
        for s in range(top):
            row[symbol[s]] -= said[s]
        for c in range(len(row)):
            slope[t, i, c] = row[c] * own


def paths(log_probs: Any, i: int, symbol: Any, step: int, jump: Any, m: Any, k: Any) -> tuple[float, float]:
    """Fill m and k with the sums over the paths to each frame's states, without what the frame itself says of them.

    With a `step` of -1 frames and states are turned round. Gives all that end as they should: in one of the last two
    states.
    """
    count, top = m.shape
    # Two columns before the states: so every state has two neighbours. Before the first frame there is a path to the
    # first state, which would be that of no label.
    part, power = spare(jump), spare(jump)
    for s in range(top + 2):
        part[s], power[s] = (1.0, 0.0) if s == 2 else (0.0, NOTHING)
    for t in range(count):
        for s in range(top):
            m[t, s], k[t, s] = added(part[s + 2], power[s + 2], part[s + 1], power[s + 1], part[s], power[s] + jump[s])
        for s in range(top):
            at = t if step > 0 else count - 1 - t
            part[s + 2] = log_probs[at, i, symbol[s if step > 0 else top - 1 - s]]
        for s in range(top):
            growth, by = exp_apart(part[s + 2])
            product = m[t, s] * growth
            size = logb(product)
            part[s + 2], power[s + 2] = product * exp2(-size), k[t, s] + by + size
    return added(part[top + 1], power[top + 1], part[top], power[top], 0.0, NOTHING)


def added(m1: Any, k1: Any, m2: Any, k2: Any, m3: Any, k3: Any) -> tuple[Any, Any]:
    """The sum of three numbers of any size."""
    k = max(k1, k2, k3)
    return m1 * exp2(k1 - k) + m2 * exp2(k2 - k) + m3 * exp2(k3 - k), k


@ctc.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Up to three labels in six or seven frames."""
    import numpy as np

    logits = random.normal(size=(7, samples, 4))
    log_probs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    labels, lengths = random.integers(1, 4, (samples, 3)), random.integers(0, 4, samples)
    return [log_probs, labels, random.integers(6, 8, samples), lengths], {}


@hookimpl
def lossreg_loss() -> Loss:
    return ctc
