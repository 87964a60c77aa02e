"""The plain formulas of the losses of batches that PyTorch lacks: images, lists, survival, samples and sequences.

As in elements.py; a formula returns what the mean is taken of, or a single number. Lists have one length, so that the
plain formula is that of the rows of a matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from elements import RANDOM, binary, hinged, real
from embeddings import diagonal

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 16
"""How many samples a list has."""


def unit(shape: tuple[int, ...]) -> Any:
    """Probabilities."""
    return RANDOM.uniform(0.05, 0.95, shape)


def pixel_class(shape: tuple[int, ...]) -> Any:
    """A class for each pixel."""
    return RANDOM.integers(0, shape[1], (shape[0], *shape[2:]))


def relevance(shape: tuple[int, ...]) -> Any:
    """Relevances from 0 to 3, each of them in every list."""
    return np.tile(np.arange(LENGTH) % 4, shape[0] // LENGTH) * 1.0


def order(shape: tuple[int, ...]) -> Any:
    """Different relevances in every list."""
    return np.concatenate([RANDOM.permutation(LENGTH) for _ in range(shape[0] // LENGTH)]) * 1.0


def group(shape: tuple[int, ...]) -> Any:
    """The list of each sample."""
    return np.arange(shape[0]) // LENGTH


def time(shape: tuple[int, ...]) -> Any:
    """Different times."""
    return RANDOM.permutation(shape[0]) + 1.0


def event(shape: tuple[int, ...]) -> Any:
    """Whether a time is that of an event."""
    return RANDOM.integers(0, 2, shape)


def spoken(shape: tuple[int, ...]) -> Any:
    """The labels of sequences."""
    return RANDOM.integers(0, shape[3] - 1, (shape[0], shape[2] - 1))


def frames(shape: tuple[int, ...]) -> Any:
    """All frames count."""
    return np.full(shape[0], shape[1])


def lengths(shape: tuple[int, ...]) -> Any:
    """All labels count."""
    return np.full(shape[0], shape[2] - 1)


def areas(p: Any, t: Any) -> tuple[Any, Any, Any]:
    """What is shared, predicted and true, by image and class."""
    over = tuple(range(2, p.ndim))
    return (p * t).sum(over), p.sum(over), t.sum(over)


def dice(_: Any, p: Any, t: Any) -> Any:
    """Milletari et al. (2016), without squares."""
    shared, predicted, true = areas(p, t)
    return 1 - (2 * shared + 1) / (predicted + true + 1)


def tversky(_: Any, p: Any, t: Any, alpha: float = 0.3, beta: float = 0.7) -> Any:
    """Salehi et al. (2017), equation 4."""
    shared, predicted, true = areas(p, t)
    return 1 - (shared + 1) / (shared + alpha * (predicted - shared) + beta * (true - shared) + 1)


def generalized_dice(_: Any, p: Any, t: Any) -> Any:
    """Sudre et al. (2017), equation 3."""
    shared, predicted, true = areas(p, t)
    weight = 1 / true**2
    return 1 - 2 * (weight * shared).sum(1) / (weight * (predicted + true)).sum(1)


def lovasz(f: Any, errors: Any, inside: Any) -> Any:
    """Berman et al. (2018), algorithm 1."""
    position = f.order(errors)
    truth, ordered = f.along(inside, position), f.along(errors, position)
    count = truth.sum(-1)[..., None]
    jaccard = 1 - (count - f.xp.cumsum(truth, -1)) / (count + f.xp.cumsum(1 - truth, -1))
    grown = f.xp.concatenate([jaccard[..., :1], jaccard[..., 1:] - jaccard[..., :-1]], -1)
    return (hinged(f, ordered) * grown).sum(-1)


def lovasz_hinge(f: Any, s: Any, t: Any) -> Any:
    """Berman et al. (2018), section 3.1."""
    s, t = s.reshape(len(s), -1), t.reshape(len(t), -1)
    return lovasz(f, 1 - s * (2 * t - 1), t)


def lovasz_softmax(f: Any, p: Any, y: Any) -> Any:
    """Berman et al. (2018), section 3.2; every class is in every image."""
    classes = f.counting(p.shape[1], y).reshape(-1, *[1] * (y.ndim - 1))
    inside = f.xp.where(y[:, None] == classes[None], 0 * p + 1, 0 * p)
    p, inside = p.reshape(*p.shape[:2], -1), inside.reshape(*p.shape[:2], -1)
    return lovasz(f, abs(inside - p), inside)


def lists(*arrays: Any) -> list[Any]:
    """Arrays as matrices with a row for each list."""
    return [x.reshape(-1, LENGTH) for x in arrays]


def pairs(x: Any) -> Any:
    """The difference of each number of a row from each."""
    return x[:, :, None] - x[:, None, :]


def ranknet(f: Any, score: Any, target: Any, _: Any) -> Any:
    """Burges et al. (2005), equation 3."""
    s, t = lists(score, target)
    known = (pairs(t) > 0) * 1.0
    return (f.softplus(-pairs(s)) * known).sum((1, 2)) / known.sum((1, 2))


def lambda_rank(f: Any, score: Any, target: Any, _: Any) -> Any:
    """Wang et al. (2018), equation 14."""
    s, t = lists(score, target)
    place = f.counting(LENGTH, s)
    discount = 1 / f.xp.log2(place + 2)
    rank = (pairs(s) < 0).sum(2)
    gain = 2**t
    best = ((f.descending(gain) - 1) * discount).sum(1)
    weight = hinged(f, pairs(gain)) * abs(pairs(discount[rank]))
    return (weight * f.softplus(-pairs(s))).sum((1, 2)) / best


def list_net(f: Any, score: Any, target: Any, _: Any) -> Any:
    """Cao et al. (2007), equation 5."""
    s, t = lists(score, target)
    return -(f.softmax(t, -1) * f.log_softmax(s, -1)).sum(1)


def list_mle(f: Any, score: Any, target: Any, _: Any) -> Any:
    """Xia et al. (2008), equation 5; relevances are different."""
    s, t = lists(score, target)
    ordered = f.along(s, f.order(-t))
    return (f.cumulative_log_sum_exp(ordered, 1) - ordered).sum(1)


def pairwise_auc(f: Any, score: Any, target: Any) -> Any:
    """Yan et al. (2003), with the logistic surrogate."""
    pair = target[:, None] * (1 - target)[None, :]
    return (f.softplus(score[None, :] - score[:, None]) * pair).sum() / pair.sum()


def cox(f: Any, risk: Any, times: Any, events: Any) -> Any:
    """Cox (1972); times are different."""
    position = f.order(times)
    ordered, happened = f.along(risk, position), f.along(events, position)
    return ((f.cumulative_log_sum_exp(ordered, 0) - ordered) * happened).sum() / happened.sum()


def squares(x: Any, y: Any) -> Any:
    """The squared distance of each row from each."""
    return hinged_at_0((x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * x @ y.T)


def hinged_at_0(x: Any) -> Any:
    """What is below 0 by rounding as 0."""
    return (x + abs(x)) / 2


def mmd(f: Any, x: Any, y: Any) -> Any:
    """Gretton et al. (2012), equation 5."""
    within = f.xp.exp(-squares(x, x) / 2).mean() + f.xp.exp(-squares(y, y) / 2).mean()
    return within - 2 * f.xp.exp(-squares(x, y) / 2).mean()


def energy_distance(f: Any, x: Any, y: Any) -> Any:
    """Szekely and Rizzo (2013), equation 2.1; the root of 0 has no slope."""

    def mean(a: Any, b: Any, itself: Any) -> Any:
        square = squares(a, b)
        return f.xp.where(itself, 0 * square, f.xp.sqrt(f.xp.where(itself, 0 * square + 1, square) + 1e-12)).mean()

    itself = diagonal(f, x)
    return 2 * mean(x, y, itself & ~itself) - mean(x, x, itself) - mean(y, y, itself)


def rnnt(f: Any, logits: Any, labels: Any, _frames: Any, _lengths: Any) -> Any:
    """Graves (2012), by frames: the labels that come at a frame are a cumulative sum; everything counts."""
    log_p = f.log_softmax(logits, -1)
    blank = log_p[..., -1]
    chosen = labels[:, None, :, None] == f.counting(logits.shape[3], labels)
    emitted = f.xp.where(chosen, log_p[:, :, :-1], 0 * log_p[:, :, :-1]).sum(-1)
    before = f.xp.concatenate([0 * emitted[..., :1], f.xp.cumsum(emitted, -1)], -1)
    forward = before[:, 0]
    for t in range(1, logits.shape[1]):
        forward = f.cumulative_log_sum_exp(forward + blank[:, t - 1] - before[:, t], 1) + before[:, t]
    return -(forward[:, -1] + blank[:, -1, -1])


IMAGES: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "dice": (dice, (unit, binary)),
    "generalized_dice": (generalized_dice, (unit, binary)),
    "jaccard": (lambda f, p, t: tversky(f, p, t, 1, 1), (unit, binary)),
    "lovasz_hinge": (lovasz_hinge, (real, binary)),
    "lovasz_softmax": (lovasz_softmax, (unit, pixel_class)),
    "tversky": (tversky, (unit, binary)),
}


LISTS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "cox": (cox, (real, time, event)),
    "lambda_rank": (lambda_rank, (real, relevance, group)),
    "list_mle": (list_mle, (real, order, group)),
    "list_net": (list_net, (real, relevance, group)),
    "ranknet": (ranknet, (real, relevance, group)),
}


PAIRS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "pairwise_auc": (pairwise_auc, (real, binary))
}


SAMPLES: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "energy_distance": (energy_distance, (real, real)),
    "mmd": (mmd, (real, real)),
}


SEQUENCES: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "rnnt": (rnnt, (real, spoken, frames, lengths))
}
