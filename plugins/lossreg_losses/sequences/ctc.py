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

from lossreg.kernels.numerics import LN2, ZERO_EXPONENT, exp2, exp_frexp, logb
from lossreg.plugin import (
    Array,
    Axes,
    InvalidParameter,
    Length,
    LogProbability,
    Loss,
    NonNegativeInteger,
    SampleWeight,
    Scratch,
    Slopes,
    Symbol,
    each,
    hookimpl,
    loss,
    require,
)

Frames = Annotated[Array, Axes("T N C", LogProbability)]
Labels = Annotated[Array, Axes("N S", Symbol, lengths="target_lengths")]
InputLengths = Annotated[Array, Axes("N", NonNegativeInteger)]
TargetLengths = Annotated[Array, Axes("N", Length)]


@loss
def ctc(
    log_probs: Frames,
    labels: Labels,
    input_lengths: InputLengths,
    target_lengths: TargetLengths,
    sample_weight: SampleWeight,
    slopes: Slopes,
    blank: NonNegativeInteger = 0,
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
    # A path may jump over a blank between labels that differ; over all else as good as never.
    jumps = np.full((samples, symbols.shape[1] + 1), ZERO_EXPONENT)
    jumps[:, ::2] = 0
    jumps[:, 2:-2:2] = np.where(symbols[:, 3::2] == symbols[:, 1:-2:2], ZERO_EXPONENT, 0)
    sums, table = np.empty((samples, 2)), Scratch(frames + 2, symbols.shape[1] + 3)
    slope = slopes.get("log_probs", np.empty((0, samples, classes), log_probs.dtype))
    slope[np.arange(len(slope))[:, np.newaxis] >= input_lengths] = 0  # what `align` leaves as it is
    ends = (input_lengths, 2 * target_lengths + 1)
    each(align, samples, log_probs, symbols, jumps, *ends, sample_weight, sums, slope, table, table, Scratch(classes))
    wholes, sizes = sums.T
    values: Array = ((0 - np.log(wholes) - sizes * LN2) * sample_weight).astype(sample_weight.dtype)
    if zero_infinity:
        values[wholes == 0], slope[:, wholes == 0] = 0, 0
    return values


def align(
    i: int,
    log_probs: Any,
    symbols: Any,
    jumps: Any,
    frames: Any,
    states: Any,
    sample_weight: Any,
    sums: Any,
    slope: Any,
    m: Any,
    k: Any,
    row: Any,
) -> None:
    """Fill the sum over the paths of sample i, sums[i, 0] * 2^sums[i, 1], and its slopes."""
    count, top, symbol, jump = frames[i], states[i], symbols[i], jumps[i]
    # By frame and state the sums over the paths so far, m * 2^k; then those before the next frame, and other numbers.
    now, size, over, said = m[count], k[count], m[count + 1], k[count + 1]
    begin(top, jump, 0, 1, over, now, size)
    for t in range(count):
        advance(log_probs[t, i], symbol, top, 0, 1, over, now, size, m[t], k[t])
    whole, most = now[top], size[top]
    whole = whole * 0.0 if 2 * most < ZERO_EXPONENT else whole
    sums[i, 0], sums[i, 1] = whole, most
    own = whole / whole * sample_weight[i]
    begin(top, jump, top - 1, -1, over, now, size)
    for after in range(count if len(slope) > 0 else 0):
        t = count - 1 - after
        frame, part, power = log_probs[t, i], m[t], k[t]
        for s in range(top):
            said[s] = part[s + 2] * now[top - 1 - s] / whole * exp2(power[s + 2] + size[top - 1 - s] - most)
        advance(frame, symbol, top, top - 1, -1, over, now, size, part, power)
        for c in range(len(row)):
            row[c] = frame[c]
        for c in range(len(row)):
            growth, by = exp_frexp(row[c])
            row[c] = growth * exp2(by)
        for s in range(top):
            row[symbol[s]] -= said[s]
        for c in range(len(row)):
            slope[t, i, c] = row[c] * own


def begin(top: int, jump: Any, first: int, step: int, over: Any, now: Any, size: Any) -> None:
    """Before the first frame a path is at the first blank or label; with a `step` of -1 frames and states go backwards.

    Fills `over` with the jumps to each state in that direction.
    """
    for s in range(top + 1):
        over[s] = jump[first + step * (s - 1)]
        now[s], size[s] = (1.0, 0.0) if s < 2 else (0.0, ZERO_EXPONENT)


def advance(
    frame: Any,
    symbol: Any,
    top: int,
    first: int,
    step: int,
    over: Any,
    now: Any,
    size: Any,
    part: Any,
    power: Any,
) -> None:
    """Go on by a frame: `part` and `power` take the sums with what it says, `now` and `size` those before the next."""
    # Every state has two neighbours: none comes from the two before the first, and behind the last is the end.
    part[0], part[1], part[top + 2] = 0.0, 0.0, 0.0
    power[0], power[1], power[top + 2] = ZERO_EXPONENT, ZERO_EXPONENT, ZERO_EXPONENT
    for s in range(top):
        part[s + 2] = frame[symbol[first + step * s]]
    for s in range(top):
        growth, by = exp_frexp(part[s + 2])
        product = now[s] * growth
        rise = logb(product)
        part[s + 2], power[s + 2] = product * exp2(-rise), size[s] + by + rise
    for s in range(top + 1):
        k1, k2, k3 = power[s + 2], power[s + 1], power[s] + over[s]
        k = k1 if k1 > k2 else k2  # noqa: FURB136  numba's max takes 40 ms to compile
        k = k if k > k3 else k3  # noqa: FURB136
        now[s], size[s] = part[s + 2] * exp2(k1 - k) + part[s + 1] * exp2(k2 - k) + part[s] * exp2(k3 - k), k


@ctc.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Up to three labels in six or seven frames."""
    import numpy as np

    logits = random.normal(size=(7, samples, 4))
    log_probs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    labels, lengths = random.integers(1, 4, (samples, 3)), random.integers(0, 4, samples)
    return [log_probs, labels, random.integers(6, 8, samples), lengths], {}


@hookimpl
def lossreg_component() -> Loss:
    return ctc
