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
    values = np.empty_like(share)
    slope = slopes.get("log_probs", np.empty((0, 0, 0), log_probs.dtype))
    each(align, samples, log_probs, labels, input_lengths, target_lengths, blank, zero_infinity, share, values, slope)
    return values


def align(
    i: int,
    log_probs: Any,
    labels: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    zero_infinity: bool,
    share: Any,
    values: Any,
    slope: Any,
) -> None:
    """Fill the value and the slopes of sample i, of 2 L + 1 states: a blank, then each label and a blank."""
    frames, states = input_lengths[i], 2 * target_lengths[i] + 1
    # Behind the states there are two columns more, in `ahead` before them: so every state has two neighbours.
    ahead, jump = table(frames, states + 2), table(1, states + 2)[0]
    for s in range(states + 2):
        jump[s] = 0.0 if skips(labels, i, s, states) else -INFINITY
    total = forward(log_probs, labels, i, blank, jump, ahead)
    lost = total == -INFINITY and zero_infinity
    values[i] = 0.0 if lost else -total * share[i]
    for t in range(0 if lost else frames, len(slope)):
        slope[t, i] = 0
    if len(slope) > 0 and not lost:
        own = share[i] if total > -INFINITY else total - total
        backward(log_probs, labels, i, blank, jump, ahead, total, own, slope)


def symbol(labels: Any, i: int, s: int, blank: int) -> int:
    """The class of a state."""
    return labels[i, s // 2] if s % 2 == 1 else blank


def skips(labels: Any, i: int, s: int, states: int) -> bool:
    """Whether a path may come to a state from the label before, past the blank: where the labels differ."""
    return 2 < s < states and s % 2 == 1 and labels[i, s // 2] != labels[i, s // 2 - 1]


def forward(log_probs: Any, labels: Any, i: int, blank: int, jump: Any, ahead: Any) -> float:
    """Fill `ahead` with the paths up to each frame's states, by logarithm; gives all that end as they should."""
    states = len(jump) - 2
    rows = table(2, states + 2)
    before, emitted = rows[0], rows[1]
    for s in range(states + 2):
        before[s] = 0.0 if s == 2 else -INFINITY
    for t in range(len(ahead)):
        for s in range(states):
            emitted[s] = log_probs[t, i, symbol(labels, i, s, blank)]
        ahead[t, 0] = ahead[t, 1] = -INFINITY
        advance(before, jump, emitted, ahead[t, 2:])
        before = ahead[t]
    # Before the first frame there is a path to the first state, which would be that of no label.
    return log_add(before[states + 1], before[states], -INFINITY)


def backward(
    log_probs: Any,
    labels: Any,
    i: int,
    blank: int,
    jump: Any,
    ahead: Any,
    total: float,
    own: float,
    slope: Any,
) -> None:
    """Fill the slopes, from the last frame to the first."""
    states = len(jump) - 2
    rows = table(3, states + 2)
    behind, through, parts = rows[0], rows[1], rows[2]
    for s in range(states + 2):
        # Past the last frame there are the paths that ended in one of the last two states.
        through[s] = behind[s] = 0.0 if states - 2 <= s < states else -INFINITY
    for t in range(len(ahead) - 1, -1, -1):
        if t < len(ahead) - 1:
            retreat(through, jump[2:], behind)
        portions(ahead[t, 2:], behind, total, parts)
        for c in range(slope.shape[2]):
            slope[t, i, c] = exp(log_probs[t, i, c]) * own
        for s in range(states):
            c = symbol(labels, i, s, blank)
            slope[t, i, c] -= parts[s] * own
            through[s] = behind[s] + log_probs[t, i, c]
        through[states] = through[states + 1] = -INFINITY


def advance(before: Any, jump: Any, emitted: Any, here: Any) -> None:
    """The paths to each state at a frame: from the same state, the one before, or the label before."""
    for s in range(len(here)):
        here[s] = log_add(before[s + 2], before[s + 1], before[s] + jump[s]) + emitted[s]


def retreat(through: Any, jump: Any, behind: Any) -> None:
    """The paths from each state to the end: through the same state, the one behind, or the label behind."""
    for s in range(len(jump)):
        behind[s] = log_add(through[s], through[s + 1], through[s + 2] + jump[s])


def portions(ahead: Any, behind: Any, total: float, parts: Any) -> None:
    """The part of all paths that goes through each state."""
    for s in range(len(ahead)):
        parts[s] = exp(ahead[s] + behind[s] - total)


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
