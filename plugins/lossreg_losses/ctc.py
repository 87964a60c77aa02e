"""Connectionist temporal classification: the surprise at a sequence of labels, by all the ways it fits the frames.

    value = -log(sum of e^(log_probs along the path), over all paths that collapse to the labels)
    slope = e^log_probs - (the part of the sum whose paths have that class at that frame)

A path has a class at each frame; it collapses by leaving out repeats, then the class `blank`. Where no path fits, the
value is inf with slopes of nan; with `zero_infinity` both are 0. A mean takes each value by the length of its labels.
The slope is PyTorch's: that by the logits of which log_probs are the log_softmax. It is the derivative by log_probs
themselves only along changes that keep each frame's probabilities adding up to 1, and minus the part of the sum apart.
Sums are in double precision; a value is exact to T roundings of its largest part.

Shapes: log_probs (T, N, C) with labels (N, S), of which the first target_lengths (N) count, or with those that count
one after the other; or log_probs (T, C) with labels (S). The first input_lengths (N) frames count. Ranges: labels from
0 to C - 1, but `blank`; log_probs up to 0, which is not checked; input_lengths up to T, target_lengths up to S.
Source: Graves et al. (2006), doi:10.1145/1143844.1143891; PyTorch's CTCLoss. Unlike there, labels are checked.

>>> half = -0.6931471805599453
>>> ctc.at([[half, half], [half, half]], [1], 2, 1)
(0.2876820724517809, [[0.16666666666666663, -0.16666666666666663], [0.16666666666666663, -0.16666666666666663]])
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
from lossreg.kernels.stable import INFINITY, exp, log_add, table

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
    # A path may come to a state from the label before, past the blank, where the labels differ.
    jumps = np.full((samples, symbols.shape[1] + 2), -np.inf)
    jumps[:, 3:-2:2] = np.where(labels[:, 1:] == labels[:, :-1], -np.inf, 0.0)
    values = np.empty_like(share)
    slope = slopes.get("log_probs", np.empty((0, 0, 0), log_probs.dtype))
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
    """Fill the value and the slopes of sample i."""
    last, top = frames[i] - 1, states[i] + 1
    jump, back = jumps[i, : top + 1], table(1, top + 1)[0]
    for s in range(top):
        back[s] = jump[top - s] if s > 1 else -INFINITY
    ahead, behind = table(frames[i], top - 1), table(frames[i], top - 1)
    total = paths(log_probs, i, symbols, 0, 1, jump, ahead)
    lost = total == -INFINITY and zero_infinity
    values[i] = 0.0 if lost else -total * share[i]
    for t in range(0 if lost else frames[i], len(slope)):
        slope[t, i] = 0
    if len(slope) == 0 or lost:
        return
    own = share[i] if total > -INFINITY else total - total
    paths(log_probs, i, symbols, last, -1, back, behind)
    for t in range(last + 1):
        for c in range(slope.shape[2]):
            slope[t, i, c] = exp(log_probs[t, i, c]) * own
        for s in range(top - 1):
            through = ahead[t, s] + behind[last - t, top - 2 - s] + log_probs[t, i, symbols[i, s]]
            slope[t, i, symbols[i, s]] -= exp(through - total) * own


def paths(log_probs: Any, i: int, symbols: Any, first: int, step: int, jump: Any, found: Any) -> float:
    """Fill `found` with the paths to each frame's states, by logarithm, without what the frame itself says of them.

    From frame `first` on, a `step` at a time; backwards the states too are turned round. Gives all that end as they
    should: in one of the last two states.
    """
    states = len(jump) - 2
    # Two columns before the states: so every state has two neighbours. Before the first frame there is a path to the
    # first state, which would be that of no label.
    before = table(1, states + 2)[0]
    for s in range(states + 2):
        before[s] = 0.0 if s == 2 else -INFINITY
    for t in range(len(found)):
        advance(before, jump, found[t])
        for s in range(states):
            symbol = symbols[i, s if step > 0 else states - 1 - s]
            before[s + 2] = found[t, s] + log_probs[first + step * t, i, symbol]
        before[0] = before[1] = -INFINITY
    return log_add(before[states + 1], before[states], -INFINITY)


def advance(before: Any, jump: Any, here: Any) -> None:
    """The paths to each state: from the same state, the one before, or the label before."""
    for s in range(len(here)):
        here[s] = log_add(before[s + 2], before[s + 1], before[s] + jump[s])


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
