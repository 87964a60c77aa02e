"""Oracles of the losses of batches that PyTorch lacks: the formula of the paper, in many digits, sample by sample.

An oracle takes the arrays of a batch, of mpmath's numbers or integers, and the parameters by name. It returns the
values that reduction none has, or a single number for the batch. Slopes are differences of their sum.
"""

import itertools
from typing import Any, NamedTuple

import mpmath
import numpy as np
from catalogue import exp, log, sigma, sqrt


class Batch(NamedTuple):
    """An oracle, a batch to compare it on, and the parameters."""

    oracle: Any
    draw: Any
    parameters: tuple[dict[str, Any], ...] = ({},)
    constants: Any = None
    """For slopes to which a part of the value is a constant: the oracle of moved arrays and the arrays themselves."""


# Batches


def labelled(random, *, proxies=0):
    """Vectors of three classes, one of which has a single sample, and one vector for each class."""
    label = np.array([0, 1, 0, 0, 1, 2])
    return [random.normal(size=(6, 3)), label, *([random.normal(size=(proxies, 3))] if proxies else [])]


def with_proxies(random):
    """The same with a vector for each class, and for one that has no sample."""
    return labelled(random, proxies=4)


def views(random, *learned):
    """Vectors and others near them, and single numbers."""
    x = random.normal(size=(5, 3))
    return [x, x + random.normal(size=x.shape), *map(np.float64, learned)]


def images(random):
    """Images of 2 by 2 pixels and two classes, one of which has no true pixel in the first."""
    target = random.integers(0, 2, (3, 2, 2, 2)) * 1.0
    target[0, 1] = 0
    return [random.uniform(0.1, 0.9, (3, 2, 2, 2)), target]


def scored(random):
    """Scores of images of 2 by 3 pixels, the last of which has nothing inside."""
    target = random.integers(0, 2, (3, 2, 3)) * 1.0
    target[2] = 0
    return [random.normal(size=(3, 2, 3)), target]


def classified(random):
    """Probabilities of three classes in images of 2 by 3 pixels."""
    return [random.uniform(0.1, 0.9, (3, 3, 2, 3)), random.integers(0, 3, (3, 2, 3))]


def lists(random):
    """Scores and relevances of two groups, and of one whose relevances are equal."""
    target = np.array([2.0, 0.0, 1.0, 1.0, 3.0, 0.0, 0.0, 1.0, 1.0])
    return [random.normal(size=9), target, np.array([4, 4, 1, 4, 1, 1, 1, 7, 7])]


def survival(random):
    """Times with ties, with events and without."""
    return [random.normal(size=7), np.array([3.0, 1.0, 3.0, 2.0, 3.0, 2.0, 5.0]), np.array([1, 0, 1, 1, 0, 0, 1])]


# Formulas


def cosines(x, y):
    """The cosine of each row with each row."""
    lengths = [[sqrt(sum(a * a for a in row)) for row in rows] for rows in (x, y)]
    return [
        [sum(a * b for a, b in zip(u, v, strict=True)) / m / n for v, n in zip(y, lengths[1], strict=True)]
        for u, m in zip(x, lengths[0], strict=True)
    ]


def supcon(x, label, temperature=0.1):
    """Khosla et al. (2020), equation 2."""
    c, values = cosines(x, x), []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        positives = [j for j in others if label[j] == label[i]]
        total = sum(exp(c[i][j] / temperature) for j in others)
        values.append(sum(-log(exp(c[i][j] / temperature) / total) for j in positives) / max(len(positives), 1))
    return values


def nt_xent(x, y, temperature=0.5):
    """Chen et al. (2020), equation 1, for both orders of each pair."""
    size = len(x)
    values = supcon([*x, *y], [*range(size), *range(size)], temperature)
    return [(a + b) / 2 for a, b in zip(values[:size], values[size:], strict=True)]


def found(scores):
    """The cross-entropy of finding i in row i."""
    return [-log(exp(row[i]) / sum(map(exp, row))) for i, row in enumerate(scores)]


def info_nce(x, y, temperature, symmetric=False):
    """van den Oord et al. (2018), equation 4; Radford et al. (2021), figure 3."""
    scores = [[c / temperature for c in row] for row in cosines(x, y)]
    values, back = found(scores), found(list(zip(*scores, strict=True)))
    return [(a + b) / 2 for a, b in zip(values, back, strict=True)] if symmetric else values


def siglip(x, y, temperature, bias):
    """Zhai et al. (2023), algorithm 1."""
    c = cosines(x, y)
    return [
        -sum(log(sigma((1 if i == j else -1) * (c[i][j] / temperature + bias))) for j in range(len(y)))
        for i in range(len(x))
    ]


def n_pairs(x, y, l2=0):
    """Sohn (2016), equation 7."""
    dot = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in y] for u in x]
    return [
        log(1 + sum(exp(dot[i][j] - dot[i][i]) for j in range(len(y)) if j != i))
        + l2 * sum(a * a + b * b for a, b in zip(x[i], y[i], strict=True))
        for i in range(len(x))
    ]


def multi_similarity(x, label, alpha=2, beta=50, base=0.5, epsilon=float("inf")):  # noqa: PLR0913, PLR0917  the loss's own
    """Wang et al. (2019), equations 11 to 15."""
    c, values = cosines(x, x), []
    for i in range(len(x)):
        positives = [c[i][j] for j in range(len(x)) if j != i and label[j] == label[i]]
        negatives = [c[i][j] for j in range(len(x)) if label[j] != label[i]]
        near = [p for p in positives if negatives and p < max(negatives) + epsilon]
        far = [n for n in negatives if positives and n > min(positives) - epsilon]
        if epsilon == float("inf"):
            near, far = positives, negatives
        values.append(
            log(1 + sum(exp(-alpha * (p - base)) for p in near)) / alpha
            + log(1 + sum(exp(beta * (n - base)) for n in far)) / beta
        )
    return values


def circle(x, label, margin=0.4, gamma=80, weighed=None):
    """Sun et al. (2020), equation 6, with the weights of equation 5."""
    c, values = cosines(x, x), []
    weighed = c if weighed is None else cosines(weighed, weighed)
    for i in range(len(x)):
        positives = [j for j in range(len(x)) if j != i and label[j] == label[i]]
        negatives = [j for j in range(len(x)) if label[j] != label[i]]
        near = sum(exp(-gamma * max(0, 1 + margin - weighed[i][j]) * (c[i][j] - 1 + margin)) for j in positives)
        far = sum(exp(gamma * max(0, weighed[i][j] + margin) * (c[i][j] - margin)) for j in negatives)
        values.append(log(1 + near * far))
    return values


def margin_softmax(x, label, centres, scale, moved):
    """The cross-entropy of scaled cosines, of which the own one is moved."""
    values = []
    for row, own in zip(cosines(x, centres), label, strict=True):
        logits = [scale * (moved(c) if j == own else c) for j, c in enumerate(row)]
        values.append(-log(exp(logits[own]) / sum(map(exp, logits))))
    return values


def arcface(x, label, centres, margin=0.5, scale=64):
    """Deng et al. (2019), equation 3."""

    def moved(c):
        angle = mpmath.acos(c) + margin
        return mpmath.cos(angle) if angle <= mpmath.pi else c - margin * mpmath.sin(margin)

    return margin_softmax(x, label, centres, scale, moved)


def cosface(x, label, centres, margin=0.35, scale=64):
    """Wang et al. (2018), equation 4."""
    return margin_softmax(x, label, centres, scale, lambda c: c - mpmath.mpf(margin))


def proxy_nca(x, label, proxies, scale=1, own=False):
    """Movshovitz-Attias et al. (2017), equation 4."""
    values = []
    for row, wanted in zip(cosines(x, proxies), label, strict=True):
        near = [exp(-scale * (2 - 2 * c)) for c in row]
        values.append(-log(near[wanted] / sum(n for j, n in enumerate(near) if own or j != wanted)))
    return values


def proxy_anchor(x, label, proxies, alpha=32, margin=0.1):
    """Kim et al. (2020), equation 4."""
    c, classes, present = cosines(x, proxies), range(len(proxies)), set(label)
    value = 0
    for p in classes:
        near = sum(exp(-alpha * (c[i][p] - mpmath.mpf(margin))) for i in range(len(x)) if label[i] == p)
        far = sum(exp(alpha * (c[i][p] + mpmath.mpf(margin))) for i in range(len(x)) if label[i] != p)
        value += log(1 + near) / len(present) + log(1 + far) / len(classes)
    return value


def moments(columns):
    """The products of centred columns, one with another: their covariances, times the number of samples."""
    centred = [[a - sum(column) / len(column) for a in column] for column in columns]
    return [[sum(a * b for a, b in zip(u, v, strict=True)) for v in centred] for u in centred]


def barlow_twins(x, y, redundancy=0.0051):
    """Zbontar et al. (2021), equations 1 and 2."""
    size, both = len(x[0]), moments([*zip(*x, strict=True), *zip(*y, strict=True)])
    value = 0
    for d in range(size):
        for e in range(size):
            r = both[d][size + e] / sqrt(both[d][d] * both[size + e][size + e])
            value += (1 - r) ** 2 if d == e else mpmath.mpf(redundancy) * r**2
    return value


def vicreg(x, y, invariance=25, variance=25, covariance=1, eps=1e-4):  # noqa: PLR0913, PLR0917  the loss's own
    """Bardes et al. (2022), equations 1 to 6, with half of v as in the authors' code."""
    count, size = len(x), len(x[0])
    value = invariance * sum((a - b) ** 2 for u, v in zip(x, y, strict=True) for a, b in zip(u, v, strict=True))
    value = value / (count * size)
    for z in (x, y):
        c = [[m / (count - 1) for m in row] for row in moments(list(zip(*z, strict=True)))]
        hinges = sum(max(0, 1 - sqrt(c[d][d] + mpmath.mpf(eps))) for d in range(size))
        value += variance * hinges / size / 2
        value += covariance * sum(c[d][e] ** 2 for d in range(size) for e in range(size) if d != e) / size
    return value


def regions(prediction, target, over):
    """The predicted and true pixels of each image, or of all, by class."""
    size = prediction.shape[1]
    pairs = [[(p[c].ravel(), t[c].ravel()) for c in range(size)] for p, t in zip(prediction, target, strict=True)]
    if over == "images":
        return pairs
    return [[tuple(np.concatenate([image[c][k] for image in pairs]) for k in (0, 1)) for c in range(size)]]


def by_region(prediction, target, over, formula):
    """A formula of the pixels of each image and class, or of each class."""
    values = [[formula(*pixels) for pixels in image] for image in regions(prediction, target, over)]
    return values if over == "images" else values[0]


def dice(prediction, target, smooth=1, squared=False, over="images"):
    """Milletari et al. (2016), section 3, with their squares or without."""
    power = 2 if squared else 1

    def formula(p, t):
        return 1 - (2 * sum(p * t) + smooth) / (sum(p**power) + sum(t**power) + smooth)

    return by_region(prediction, target, over, formula)


def jaccard(prediction, target, smooth=1, over="images"):
    """One less the intersection over the union."""

    def formula(p, t):
        return 1 - (sum(p * t) + smooth) / (sum(p) + sum(t) - sum(p * t) + smooth)

    return by_region(prediction, target, over, formula)


def tversky(prediction, target, alpha=0.3, beta=0.7, gamma=1, smooth=1, over="images"):  # noqa: PLR0913, PLR0917  as above
    """Salehi et al. (2017), equation 4; Abraham and Khan (2019), equation 4."""

    def formula(p, t):
        shared = sum(p * t)
        errors = mpmath.mpf(alpha) * sum(p * (1 - t)) + mpmath.mpf(beta) * sum((1 - p) * t)
        return (1 - (shared + smooth) / (shared + errors + smooth)) ** mpmath.mpf(gamma)

    return by_region(prediction, target, over, formula)


def generalized_dice(prediction, target, over="images"):
    """Sudre et al. (2017), equation 3; classes that are absent have the largest weight of the others."""
    values = []
    for image in regions(prediction, target, over):
        weights = [1 / sum(t) ** 2 if sum(t) else None for _, t in image]
        most = max((w for w in weights if w is not None), default=1)
        weights = [most if w is None else w for w in weights]
        shared, both = (
            sum(w * f(p, t) for w, (p, t) in zip(weights, image, strict=True))
            for f in (lambda p, t: sum(p * t), lambda p, t: sum(p) + sum(t))
        )
        values.append(1 - 2 * shared / both)
    return values if over == "images" else values[0]


def lovasz(errors, inside):
    """Berman et al. (2018), equation 8: the errors in descending order, by how much each adds to the Jaccard loss."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    value, before = 0, 0
    for k in range(1, len(order) + 1):
        wrong = set(order[:k])
        true = {i for i in order if inside[i]}
        loss = 1 - mpmath.mpf(len(true - wrong)) / len(true | wrong)
        value, before = value + errors[order[k - 1]] * (loss - before), loss
    return value


def lovasz_hinge(score, target, over="images"):
    """Berman et al. (2018), section 3.1."""
    images = [(f.ravel(), t.ravel()) for f, t in zip(score, target, strict=True)]
    images = images if over == "images" else [tuple(map(np.concatenate, zip(*images, strict=True)))]
    values = [lovasz([max(0, 1 - (2 * b - 1) * a) for a, b in zip(f, t, strict=True)], t) for f, t in images]
    return values if over == "images" else values[0]


def lovasz_softmax(prediction, label, classes="present", over="images"):
    """Berman et al. (2018), section 3.2."""
    target = np.stack([label == c for c in range(prediction.shape[1])], axis=1)

    def formula(p, t):
        errors = [1 - a if b else a for a, b in zip(p, t, strict=True)]
        return lovasz(errors, t) if classes == "all" or any(t) else mpmath.mpf(0)

    return by_region(prediction, target, over, formula)


def by_group(score, target, group, formula):
    """A formula of the scores and relevances of each group."""
    groups = [[(s, t) for s, t, g in zip(score, target, group, strict=True) if g == one] for one in sorted(set(group))]
    return [formula(*zip(*members, strict=True)) for members in groups]


def ranknet(score, target, group, scale=1):
    """Burges et al. (2005), equation 3, of the pairs whose order is known."""

    def formula(s, t):
        pairs = [(i, j) for i in range(len(s)) for j in range(len(s)) if t[i] > t[j]]
        return sum(-log(sigma(scale * (s[i] - s[j]))) for i, j in pairs) / max(len(pairs), 1)

    return by_group(score, target, group, formula)


def lambda_rank(score, target, group, scale=1):
    """Wang et al. (2018), equation 14: pairs weighed by the change of NDCG."""

    def formula(s, t):
        def discount(place):
            return 1 / (log(mpmath.mpf(place + 2)) / log(mpmath.mpf(2)))

        rank = {i: place for place, i in enumerate(sorted(range(len(s)), key=lambda i: -s[i]))}
        best = sum((2**y - 1) * discount(place) for place, y in enumerate(sorted(t, reverse=True)))
        return sum(
            (2 ** t[i] - 2 ** t[j])
            / best
            * abs(discount(rank[i]) - discount(rank[j]))
            * -log(sigma(scale * (s[i] - s[j])))
            for i in range(len(s))
            for j in range(len(s))
            if t[i] > t[j]
        )

    return by_group(score, target, group, formula)


def list_net(score, target, group):
    """Cao et al. (2007), equation 5 with the probabilities of the first place."""

    def formula(s, t):
        p, q = ([exp(x) / sum(map(exp, row)) for x in row] for row in (s, t))
        return -sum(b * log(a) for a, b in zip(p, q, strict=True))

    return by_group(score, target, group, formula)


def list_mle(score, target, group):
    """Xia et al. (2008), equation 5; of equal relevances each is drawn from all that are not above it."""

    def formula(s, t):
        return sum(log(sum(exp(s[k]) for k in range(len(s)) if t[k] <= t[i])) - s[i] for i in range(len(s)))

    return by_group(score, target, group, formula)


def pairwise_auc(score, target, surrogate="logistic", margin=1):
    """The mean over all pairs of a positive and a negative."""
    shape = {
        "logistic": lambda x: log(1 + exp(-x)),
        "hinge": lambda x: max(0, margin - x),
        "squared_hinge": lambda x: max(0, margin - x) ** 2,
    }[surrogate]
    positives, negatives = (
        [s for s, t in zip(score, target, strict=True) if (t == 1) == side] for side in (True, False)
    )
    return sum(shape(p - n) for p in positives for n in negatives) / (len(positives) * len(negatives))


def cox(f, time, event, ties="efron"):
    """Efron (1977) and Breslow (1974): the product over the events of a time, shared out evenly among them."""
    values = []
    for i in range(len(f)):
        risk = sum(exp(f[j]) for j in range(len(f)) if time[j] >= time[i])
        tied = [j for j in range(len(f)) if time[j] == time[i] and event[j]]
        part = sum(exp(f[j]) for j in tied)
        deaths = len(tied)
        norm = sum(log(risk - (k * part / deaths if ties == "efron" else 0)) for k in range(deaths)) / max(deaths, 1)
        values.append((norm - f[i]) if event[i] else mpmath.mpf(0))
    return values


def discrepancy(x, y, distance):
    """The mean of a distance between two samples, twice, less that within each."""
    between, *within = (
        sum(distance(sum((a - b) ** 2 for a, b in zip(u, v, strict=True))) for u in one for v in other)
        for one, other in ((x, y), (x, x), (y, y))
    )
    return (2 * between - sum(within)) / len(x) ** 2


def mmd(x, y, bandwidth=1):
    """Gretton et al. (2012), equation 5, by the gaps of the kernel from 1, which add up to 0."""
    return discrepancy(x, y, lambda squares: -exp(-squares / (2 * mpmath.mpf(bandwidth) ** 2)))


def energy_distance(x, y):
    """Szekely and Rizzo (2013), equation 2.1; a row moved from itself has a kink, whose two sides cancel."""
    return discrepancy(x, y, lambda squares: sqrt(squares) if squares else mpmath.mpf(0))


def rnnt(logits, labels, frames, lengths, blank=-1):
    """Graves (2012): the sum over every order of frames and labels, path by path."""
    values = []
    for i in range(len(logits)):
        last, total = int(lengths[i]), mpmath.mpf(0)
        # A path is where the labels come: each at a frame, not before the one of the label before it.
        for places in itertools.combinations_with_replacement(range(int(frames[i])), last):
            path, u = mpmath.mpf(1), 0
            for t in range(int(frames[i])):
                for c in [labels[i][at] for at in range(last) if places[at] == t] + [blank]:
                    row = logits[i, t, u]
                    path *= exp(row[c]) / mpmath.fsum(map(exp, row))
                    u += c != blank
            total += path
        values.append(-mpmath.log(total))
    return np.array(values, object)


def transduced(random):
    """Sequences of up to two labels in two to four frames."""
    return [random.normal(size=(3, 4, 3, 3)), random.integers(0, 2, (3, 2)), np.array([4, 2, 3]), np.array([2, 0, 1])]


BATCHES = {
    "rnnt": Batch(rnnt, transduced, ({}, {"blank": 2})),
    "ranknet": Batch(ranknet, lists, ({}, {"scale": 2.0})),
    "lambda_rank": Batch(lambda_rank, lists, ({}, {"scale": 2.0})),
    "list_net": Batch(list_net, lists),
    "list_mle": Batch(list_mle, lists),
    "pairwise_auc": Batch(
        pairwise_auc,
        lambda random: [random.normal(size=7), np.array([1.0, 0, 0, 1, 0, 1, 0])],
        ({}, {"surrogate": "hinge", "margin": 0.5}, {"surrogate": "squared_hinge"}),
    ),
    "cox": Batch(cox, survival, ({}, {"ties": "breslow"})),
    "mmd": Batch(
        mmd, lambda random: [random.normal(size=(4, 2)), random.normal(size=(4, 2))], ({}, {"bandwidth": 0.5})
    ),
    "energy_distance": Batch(energy_distance, lambda random: [random.normal(size=(4, 2)), random.normal(size=(4, 2))]),
    "dice": Batch(dice, images, ({}, {"squared": True}, {"smooth": 0.0, "over": "batch"})),
    "jaccard": Batch(jaccard, images, ({}, {"smooth": 0.0, "over": "batch"})),
    "tversky": Batch(tversky, images, ({"gamma": 0.75}, {}, {"alpha": 1.0, "over": "batch", "gamma": 2.0})),
    "generalized_dice": Batch(generalized_dice, images, ({}, {"over": "batch"})),
    "lovasz_hinge": Batch(lovasz_hinge, scored, ({}, {"over": "batch"})),
    "lovasz_softmax": Batch(lovasz_softmax, classified, ({}, {"over": "batch", "classes": "all"})),
    "supcon": Batch(supcon, labelled, ({"temperature": 0.5}, {"temperature": 0.125})),
    "nt_xent": Batch(nt_xent, views, ({}, {"temperature": 0.125})),
    "info_nce": Batch(info_nce, lambda random: views(random, 0.25), ({}, {"symmetric": True})),
    "siglip": Batch(siglip, lambda random: views(random, 0.25, -0.5)),
    "n_pairs": Batch(n_pairs, views, ({"l2": 0.25}, {})),
    "multi_similarity": Batch(
        multi_similarity,
        labelled,
        ({"beta": 8.0}, {}, {"alpha": 1.0, "beta": 2.0, "base": 0.25, "epsilon": 0.25}),
    ),
    "circle": Batch(
        circle,
        labelled,
        ({"margin": 0.25, "gamma": 4.0},),
        lambda moved, given, **parameters: circle(*moved, weighed=given[0], **parameters),
    ),
    "arcface": Batch(arcface, with_proxies, ({"margin": 0.5, "scale": 8.0}, {"margin": 1.0, "scale": 2.0})),
    "cosface": Batch(cosface, with_proxies, ({"margin": 0.25, "scale": 8.0},)),
    "proxy_nca": Batch(proxy_nca, with_proxies, ({}, {"scale": 4.0, "own": True})),
    "proxy_anchor": Batch(proxy_anchor, with_proxies, ({"alpha": 8.0}, {"alpha": 32.0, "margin": -0.25})),
    "barlow_twins": Batch(barlow_twins, views, ({"redundancy": 0.25}, {})),
    "vicreg": Batch(vicreg, lambda random: [x / 2 for x in views(random)], ({}, {"covariance": 4.0})),
}

# Exact results

STEP = mpmath.mpf(2) ** -60


def exactly(x):
    """An array with all digits; integers stay."""
    return x if x.dtype.kind in "ib" else np.asarray(np.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)(x))


def difference(function, arrays, position, at):
    """The derivative of the sum of the values by one number."""
    sums = []
    for step in (STEP, -STEP):
        moved = [array if array.dtype.kind in "ib" else np.asarray(array, object).copy() for array in arrays]
        moved[position][at] += step
        sums.append(mpmath.fsum(np.ravel(np.asarray(function(moved), object))))
    return (sums[0] - sums[1]) / (2 * STEP)


def evaluate(name, arrays, positions, parameters):
    """The values of a batch, and the slopes of their sum by the inputs at some positions, in 60 digits."""
    case = BATCHES[name]
    with mpmath.mp.workdps(60):
        points = [exactly(x) for x in arrays]

        def held(moved):
            return case.constants(moved, points, **parameters) if case.constants else case.oracle(*moved, **parameters)

        slopes = [np.empty(np.shape(arrays[position]), object) for position in positions]
        for position, slope in zip(positions, slopes, strict=True):
            for at in np.ndindex(slope.shape):
                slope[at] = difference(held, points, position, at)
        return np.asarray(case.oracle(*points, **parameters), object), slopes
