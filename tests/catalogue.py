"""Oracles of the losses that PyTorch lacks: the textbook formula of one element or row, in 60 digits and more.

An oracle takes mpmath's numbers, lists of them for rows and integers for labels, and the parameters by name. Slopes are
differences of the values. They share nothing with lossreg, and are written as the papers have them.
"""

from typing import Any, NamedTuple

import mpmath
import numpy as np

mp = mpmath.mp
DIGITS = 120
exp, log, sqrt, mpf = mpmath.exp, mpmath.log, mpmath.sqrt, mpmath.mpf
INF = float("inf")


class Case(NamedTuple):
    """An oracle, how its points are drawn, and the parameters that it is compared at."""

    oracle: Any
    draw: Any
    parameters: tuple[dict[str, Any], ...] = ({},)
    constants: Any = None
    """For slopes to which a part of the value is a constant: the oracle of a moved point and the point itself."""
    terms: float = 0.0
    """The size of the terms that value or slopes are a difference of, to which their errors are compared."""


# Points


def number(random):
    """Any number, of ordinary size."""
    return random.normal() * 3


def positive(random):
    """A number above 0."""
    return float(np.exp(random.normal()))


def count(random):
    """A count, now and then 0."""
    return float(random.poisson(2))


def share(random):
    """A number from 0 to 1, often one of them."""
    return float(random.choice([0.0, 1.0, random.integers(1, 64) / 64]))


def below(random):
    """A number below 0."""
    return -positive(random)


def side(random):
    """1 or -1."""
    return float(random.choice([1.0, -1.0]))


def labelled(*kinds, classes=(2, 3, 5)):
    """Draw rows of numbers of one length, and a label."""

    def draw(random, width):
        return (*([kind(random) for _ in range(width)] for kind in (number, *kinds)), int(random.integers(width)))

    draw.widths = classes
    return draw


def scale(random):
    """The logarithm of a scale."""
    return random.normal()


def near(random):
    """Two numbers below 0, which are often near each other."""
    x = below(random)
    return x, x * float(random.choice([1.0, 1 + 2.0**-20, random.uniform(0.9, 1.1), random.uniform(0.1, 10)]))


def above_one(random):
    """A number above 1."""
    return 1 + positive(random)


def levels(random, width):
    """A row with a score for each level, of which there is one fewer than classes, and a label."""
    return [number(random) for _ in range(width)], int(random.integers(width + 1))


levels.widths = (1, 2, 4)


def rows(*kinds, beside=number, lengths=(2, 3, 5)):
    """Draw rows of numbers of one length, one for each kind, and a number beside them."""

    def draw(random, width):
        return (*([kind(random) for _ in range(width)] for kind in kinds), beside(random))

    draw.widths = lengths
    return draw


def of(*kinds):
    """Draw a point with an input of each kind."""
    return lambda random: tuple(kind(random) for kind in kinds)


# Formulas


def sigma(x):
    """The logistic function."""
    return 1 / (1 + exp(-x))


def binary(x, t):
    """The cross-entropy of a logit."""
    return -t * log(sigma(x)) - (1 - t) * log(sigma(-x))


def pinball(x, y, level):
    """Koenker and Bassett (1978)."""
    return max(level * (y - x), (level - 1) * (y - x))


def barron(x, y, alpha=1.0, scale=1.0):
    """Barron (2019), equation 13."""
    z = ((x - y) / scale) ** 2
    if alpha == 2:
        return z / 2
    if alpha == 0:
        return log(z / 2 + 1)
    if alpha == -INF:
        return 1 - exp(-z / 2)
    b = abs(alpha - 2)
    return b / alpha * ((z / b + 1) ** (alpha / 2) - 1)


def tukey(x, y, c):
    """Beaton and Tukey (1974)."""
    return c * c / 6 * (1 - (1 - ((x - y) / c) ** 2) ** 3 if abs(x - y) <= c else 1)


def wing(x, y, width, epsilon):
    """Feng et al. (2018), equation 5."""
    size = abs(x - y)
    return width * log(1 + size / epsilon) if size < width else size - (width - width * log(1 + width / epsilon))


def tweedie(f, y, power):
    """Half of the deviance, less what does not depend on the prediction."""
    grown = f if power == 2 else exp((2 - power) * f) / (2 - power)
    return grown - y * (f if power == 1 else exp((1 - power) * f) / (1 - power))


def student(x, y, s, df):
    """-log of the density, less its constant."""
    return log(s) + (df + 1) / 2 * log(1 + ((x - y) / s) ** 2 / df)


def negative_binomial(f, y, dispersion):
    """-log of r^r mu^y / (r + mu)^(y + r), less what does not depend on the prediction."""
    r, mean = 1 / dispersion, exp(f)
    return (y + r) * log(1 + mean / r) - y * log(mean / r)


def crps(x, y, s):
    """Gneiting and Raftery (2007), equation 21."""
    z = (y - x) / s
    return s * (z * (2 * mpmath.ncdf(z) - 1) + 2 * mpmath.npdf(z) - 1 / sqrt(mp.pi))


def gaussian(x, y, v):
    """-log of the normal density, less its constant."""
    return (log(v) + (x - y) ** 2 / v) / 2


def focal(x, t, gamma, alpha, balance):
    """Lin et al. (2017), equation 5, mixed over both labels."""
    p = sigma(x)
    a, b = (alpha, 1 - alpha) if balance else (1, 1)
    return -t * a * (1 - p) ** gamma * log(p) - (1 - t) * b * p**gamma * log(1 - p)


def asymmetric(x, t, gamma_neg, gamma_pos, clip):
    """Ridnik et al. (2021), equation 7."""
    p = sigma(x)
    m = max(p - clip, mpf(0))
    return -t * (1 - p) ** gamma_pos * log(p) - (1 - t) * (m**gamma_neg * log(1 - m) if m else 0)


def modified_huber(f, y):
    """Zhang (2004), section 2.2.2."""
    return max(0, 1 - y * f) ** 2 if y * f >= -1 else -4 * y * f


def softmax(row, temperature=1):
    """The softmax of a row."""
    powers = [exp(x / temperature) for x in row]
    return [x / sum(powers) for x in powers]


def nll(row, label):
    """The cross-entropy of a row."""
    return -log(softmax(row)[label])


def sparsest(row, power):
    """The entmax of a row: probabilities max(0, (alpha - 1) x - t)^power that add up to 1, by trying every support."""
    scaled = [x if power == 1 else x / 2 for x in row]
    order = sorted(scaled, reverse=True)
    for size in range(len(row), 0, -1):
        kept = order[:size]
        mean = sum(kept) / size
        spread = sum((x - mean) ** 2 for x in kept)
        if power == 2 and spread > 1:
            continue
        t = mean - (1 / mpf(size) if power == 1 else sqrt((1 - spread) / size))
        if kept[-1] > t:
            return [max(mpf(0), x - t) ** power for x in scaled]
    raise AssertionError


def sparsemax(row, label):
    """Martins and Askudillo (2016), equation 14, as a Fenchel-Young loss."""
    p = sparsest(row, 1)
    return sum(x * q for x, q in zip(row, p, strict=True)) - row[label] + (1 - sum(q * q for q in p)) / 2


def entmax15(row, label):
    """Peters et al. (2019), equation 14."""
    p = sparsest(row, 2)
    return (
        sum(x * q for x, q in zip(row, p, strict=True)) - row[label] + (1 - sum(q ** mpf(1.5) for q in p)) / mpf(0.75)
    )


def dpo(chosen, rejected, chosen_reference, rejected_reference, beta=0.1, label_smoothing=0, objective="sigmoid"):  # noqa: PLR0913, PLR0917  the loss's own
    """Rafailov et al. (2023) and its relatives."""
    h = log(exp(chosen - chosen_reference) / exp(rejected - rejected_reference))
    e, right, wrong = label_smoothing, -log(sigma(beta * h)), -log(sigma(-beta * h))
    return {
        "sigmoid": (1 - e) * right + e * wrong,
        "robust": ((1 - e) * right - e * wrong) / (1 - 2 * e),
        "hinge": max(0, 1 - beta * h),
        "ipo": (h - 1 / (2 * beta)) ** 2,
    }[objective]


def kto(policy, reference, desirable, kl=0, beta=0.1, weights=(1, 1)):  # noqa: PLR0913, PLR0917  the loss's own
    """Ethayarajh et al. (2024), equation 8, mixed over both kinds."""
    z = beta * (policy - reference - kl)
    return desirable * weights[0] * (1 - sigma(z)) + (1 - desirable) * weights[1] * (1 - sigma(-z))


def aft(f, t, event, sigma=1.0, distribution="logistic"):
    """Barnwal et al. (2022): -log of the density of the time, or of the probability of a later one."""

    def survival(time):
        z = (log(time) - f) / mpf(sigma)
        return 1 / (1 + exp(z)) if distribution == "logistic" else exp(-exp(z))

    density = -mpmath.diff(survival, t)
    return -event * log(density) - (1 - event) * log(survival(t))


def orpo(chosen, rejected, beta=0.1):
    """Hong et al. (2024), equation 6: -log of the likelihood, and -beta log sigmoid of the log of the odds ratio."""
    odds = [exp(x) / (1 - exp(x)) for x in (chosen, rejected)]
    return -chosen - beta * log(sigma(log(odds[0] / odds[1])))


def jensen_shannon(prediction, target, beta=0.5):
    """Lin (1991), equation 4.1: the divergences from the mixture, weighted."""
    p, q = exp(target), exp(prediction)
    mixture = beta * p + (1 - beta) * q
    return beta * p * log(p / mixture) + (1 - beta) * q * log(q / mixture)


def crps_ensemble(members, y, fair=False):
    """Gneiting and Raftery (2007), equation 20, of the empirical distribution; Ferro (2014) divides by M (M - 1)."""
    count = len(members)
    apart = sum(abs(a - b) for a in members for b in members)
    return sum(abs(x - y) for x in members) / count - apart / (2 * count * (count - 1 if fair else count))


def mixture_nll(logits, means, log_scales, y, full=False):
    """Bishop (1994), equation 22, with standard deviations e^log_scale."""
    densities = [exp(-((y - m) ** 2) / (2 * exp(s) ** 2)) / exp(s) for m, s in zip(means, log_scales, strict=True)]
    total = sum(w * d for w, d in zip(softmax(logits), densities, strict=True))
    return -log(total / sqrt(2 * mp.pi) if full else total)


def distillation(logits, teacher, label, temperature=2.0, alpha=0.5):
    """Hinton et al. (2015), section 2."""
    p, q = softmax(logits, temperature), softmax(teacher, temperature)
    soft = sum(b * log(b / a) for a, b in zip(p, q, strict=True))
    return alpha * temperature**2 * soft + (1 - alpha) * nll(logits, label)


def evidential(mean, nu, alpha, beta, y, penalty=0.01):  # noqa: PLR0913, PLR0917  the loss's own
    """Amini et al. (2020), equations 8 and 9: -log of a Student t density, and the evidence for a wrong mean."""
    df, variance = 2 * alpha, beta * (1 + nu) / (nu * alpha)
    normalizer = mpmath.gamma((df + 1) / 2) / (mpmath.gamma(df / 2) * sqrt(df * mp.pi * variance))
    density = normalizer * (1 + (y - mean) ** 2 / (df * variance)) ** (-(df + 1) / 2)
    return -log(density) + penalty * abs(y - mean) * (2 * nu + alpha)


def coral(logits, label):
    """Cao et al. (2020), equation 4: binary cross-entropies of whether the class is above each level."""
    return sum(binary(x, int(label > k)) for k, x in enumerate(logits))


def corn(logits, label):
    """Shi et al. (2021), equation 5, of one row: above level k, given that it is above those before."""
    return sum(binary(x, int(label > k)) for k, x in enumerate(logits) if label >= k)


def contrastive(x1, x2, together, margin=1.0):
    """Hadsell et al. (2006), equation 4."""
    d = sqrt(sum((a - b) ** 2 for a, b in zip(x1, x2, strict=True)))
    return (d if together > 0 else max(0, margin - d)) ** 2 / 2


def areas(box, other):
    """The areas of a box, of another, of what they share and of their hull; width and height of the hull."""
    size = [max(0, b[2] - b[0]) * max(0, b[3] - b[1]) for b in (box, other)]
    low, high = ([pick(box[j], other[j]) for j in at] for pick, at in ((max, (0, 1)), (min, (2, 3))))
    shared = max(0, high[0] - low[0]) * max(0, high[1] - low[1])
    width, height = (max(box[j + 2], other[j + 2]) - min(box[j], other[j]) for j in (0, 1))
    return *size, shared, width, height


def iou(box, other):
    """One less the Jaccard index of two boxes."""
    own, others, shared, *_ = areas(box, other)
    return 1 - shared / (own + others - shared)


def giou(box, other):
    """Rezatofighi et al. (2019), algorithm 1."""
    own, others, shared, width, height = areas(box, other)
    return iou(box, other) + 1 - (own + others - shared) / (width * height)


def diou(box, other):
    """Zheng et al. (2020), equation 7."""
    *_, width, height = areas(box, other)
    apart = sum(((box[j] + box[j + 2] - other[j] - other[j + 2]) / 2) ** 2 for j in (0, 1))
    return iou(box, other) + apart / (width**2 + height**2)


def aspect(box, other):
    """Zheng et al. (2020), equation 9."""
    turns = [mpmath.atan((b[2] - b[0]) / (b[3] - b[1])) for b in (other, box)]
    return 4 / mp.pi**2 * (turns[0] - turns[1]) ** 2


def ciou(box, other, held=None):
    """Zheng et al. (2020), equations 8 to 11; the weight of v is that of the boxes that are held."""
    v = aspect(*(held or (box, other)))
    return diou(box, other) + v / (iou(*(held or (box, other))) + v) * aspect(box, other)


def boxes(random, _):
    """Two boxes, which often meet."""
    corners = random.normal(size=(2, 2)), np.exp(random.normal(size=(2, 2)))
    return tuple([*low, *(low + size)] for low, size in zip(*corners, strict=True))


boxes.widths = (4,)

TWO = of(number, number)
ROW = labelled()
LOGIT = of(number, share)
SIDE = of(number, side)
SCALED = of(number, number, positive)
SCALES = ({}, {"scale": 0.875}, {"scale": 3.0})

CATALOGUE = {
    # Regression
    "log_cosh": Case(lambda x, y: log(mpmath.cosh(x - y)), TWO),
    "quantile": Case(pinball, TWO, ({"level": 0.5}, {"level": 0.875}, {"level": 0.0})),
    "expectile": Case(
        lambda x, y, level: (level if x < y else 1 - level) * (x - y) ** 2, TWO, ({"level": 0.5}, {"level": 0.875})
    ),
    "pseudo_huber": Case(
        lambda x, y, delta=1.0: delta**2 * (sqrt(1 + ((x - y) / delta) ** 2) - 1),
        TWO,
        ({}, {"delta": 0.25}, {"delta": 8.0}),
    ),
    "charbonnier": Case(lambda x, y, eps: sqrt((x - y) ** 2 + eps**2), TWO, ({"eps": 0.5}, {"eps": 0.0}, {"eps": 2.0})),
    "cauchy": Case(lambda x, y, scale=1.0: barron(x, y, 0, scale), TWO, SCALES),
    "welsch": Case(lambda x, y, scale=1.0: barron(x, y, -INF, scale), TWO, SCALES),
    "geman_mcclure": Case(lambda x, y, scale=1.0: barron(x, y, -2, scale), TWO, SCALES),
    "general_robust": Case(barron, TWO, ({}, *({"alpha": a, "scale": 2.0} for a in (2.0, 0.0, -INF, -2.0, 1.5, 4.0)))),
    "tukey": Case(tukey, TWO, ({"c": 4.5}, {"c": 1.0})),
    "wing": Case(wing, TWO, ({"width": 10.0, "epsilon": 2.0}, {"width": 1.5, "epsilon": 0.25})),
    "epsilon_insensitive": Case(
        lambda x, y, epsilon, p: max(0, abs(x - y) - epsilon) ** p,
        TWO,
        ({"epsilon": 0.5, "p": 1}, {"epsilon": 1.0, "p": 2}, {"epsilon": 0.0, "p": 2}),
    ),
    "msle": Case(lambda x, y: (log(x + 1) - log(y + 1)) ** 2, of(positive, positive)),
    "mape": Case(lambda x, y, eps=1e-7: abs(x - y) / max(abs(y), eps), TWO, ({}, {"eps": 1.0})),
    "smape": Case(lambda x, y: abs(x - y) / ((abs(x) + abs(y)) / 2), TWO),
    # Distributions
    "gamma": Case(lambda f, y: tweedie(f, y, 2), of(number, positive)),
    "tweedie": Case(tweedie, of(number, count), tuple({"power": p} for p in (1.0, 1.5, 1.75, 2.0))),
    "laplace_nll": Case(
        lambda x, y, s, full=False: log(s) + abs(x - y) / s + (log(2) if full else 0), SCALED, ({}, {"full": True})
    ),
    "student_t_nll": Case(student, SCALED, ({"df": 4.0}, {"df": 1.0}, {"df": 30.0})),
    "negative_binomial_nll": Case(
        negative_binomial, of(number, count), tuple({"dispersion": d} for d in (1.0, 0.125, 4.0))
    ),
    "crps_gaussian": Case(crps, SCALED),
    "beta_nll": Case(
        lambda x, y, v, beta: v**beta * gaussian(x, y, v),
        SCALED,
        ({"beta": 0.5}, {"beta": 0.0}, {"beta": 1.0}),
        lambda moved, point, beta: point[2] ** beta * gaussian(*moved),
    ),
    "jensen_shannon": Case(jensen_shannon, near, ({}, {"beta": 0.125})),
    "crps_ensemble": Case(crps_ensemble, rows(number), ({}, {"fair": True})),
    "mixture_nll": Case(mixture_nll, rows(number, number, scale), ({}, {"full": True}), terms=1.0),
    "evidential": Case(
        evidential, of(number, positive, above_one, positive, number), ({}, {"penalty": 1.0}), terms=8.0
    ),
    # Two classes
    "focal": Case(
        focal,
        LOGIT,
        tuple(
            {"gamma": g, "alpha": a, "balance": b}
            for g, a, b in ((2.0, 0.25, True), (0.0, 0.25, False), (0.5, 0.75, True))
        ),
    ),
    "asymmetric": Case(
        asymmetric,
        LOGIT,
        tuple(
            {"gamma_neg": n, "gamma_pos": p, "clip": c}
            for n, p, c in ((4.0, 1.0, 0.0625), (2.0, 0.0, 0.0), (0.5, 2.0, 0.25))
        ),
        terms=1.0,
    ),
    "hinge": Case(lambda f, y, margin=1.0: max(0, margin - y * f), SIDE, ({}, {"margin": 0.0})),
    "squared_hinge": Case(lambda f, y, margin=1.0: max(0, margin - y * f) ** 2, SIDE, ({}, {"margin": 0.5})),
    "exponential": Case(lambda f, t: t * exp(-f) + (1 - t) * exp(f), LOGIT),
    "modified_huber": Case(modified_huber, SIDE),
    "poly1_bce": Case(
        lambda x, t, epsilon=1.0: binary(x, t) + epsilon * (1 - t * sigma(x) - (1 - t) * sigma(-x)),
        LOGIT,
        ({}, {"epsilon": -0.5}),
    ),
    # Classes
    "focal_cross_entropy": Case(
        lambda x, c, gamma, weight=1: weight * (1 - softmax(x)[c]) ** gamma * nll(x, c),
        ROW,
        ({"gamma": 2.0}, {"gamma": 0.0}, {"gamma": 0.5, "weight": 3.0}),
    ),
    "poly1": Case(lambda x, c, epsilon=2.0: nll(x, c) + epsilon * (1 - softmax(x)[c]), ROW, ({}, {"epsilon": -0.5})),
    "generalized_cross_entropy": Case(
        lambda x, c, q: (1 - softmax(x)[c] ** q) / q if q else nll(x, c), ROW, ({"q": 0.5}, {"q": 1.0}, {"q": 0.0})
    ),
    "symmetric_cross_entropy": Case(
        lambda x, c, alpha, beta, log_zero: (
            alpha * nll(x, c) - beta * sum(p * (0 if j == c else log_zero) for j, p in enumerate(softmax(x)))
        ),
        ROW,
        ({"alpha": 0.5, "beta": 1.0, "log_zero": -4.0}, {"alpha": 6.0, "beta": 0.125, "log_zero": -6.0}),
    ),
    "crammer_singer": Case(
        lambda x, c, margin=1.0: max(0, margin + max(y for j, y in enumerate(x) if j != c) - x[c]),
        ROW,
        ({}, {"margin": 3.0}),
    ),
    "sparsemax": Case(sparsemax, ROW),
    "entmax15": Case(entmax15, ROW),
    "squentropy": Case(lambda x, c: nll(x, c) + sum(y * y for j, y in enumerate(x) if j != c) / mpf(len(x) - 1), ROW),
    "logit_adjusted": Case(
        lambda x, c, prior=1.0, tau=1.0: nll([y + tau * log(prior) for y in x], c),
        ROW,
        ({}, {"prior": 4.0, "tau": 0.5}),
    ),
    "ldam": Case(
        lambda x, c, margin, scale: nll([scale * (y - (margin if j == c else 0)) for j, y in enumerate(x)], c),
        ROW,
        ({"margin": 0.5, "scale": 1.0}, {"margin": 0.25, "scale": 8.0}),
    ),
    "distillation": Case(distillation, labelled(number), ({}, {"temperature": 1.0, "alpha": 1.0}), terms=1.0),
    "coral": Case(coral, levels),
    "corn": Case(corn, levels),
    # Boxes
    "iou": Case(iou, boxes),
    "giou": Case(giou, boxes, terms=1.0),
    "diou": Case(diou, boxes, terms=1.0),
    "ciou": Case(ciou, boxes, constants=lambda moved, point: ciou(*moved, held=point), terms=1.0),
    # Embeddings
    "contrastive": Case(contrastive, rows(number, number, beside=side), ({"margin": 4.0}, {})),
    # Preference and survival
    "kto": Case(
        lambda p, r, t, desirable=1, undesirable=1, **given: kto(p, r, t, weights=(desirable, undesirable), **given),
        of(number, number, share),
        ({}, {"kl": 0.5, "beta": 2.0, "desirable": 1.5, "undesirable": 0.5}),
    ),
    "orpo": Case(orpo, of(below, below), ({}, {"beta": 1.0})),
    "dpo": Case(
        dpo,
        of(number, number, number, number),
        (
            {"beta": 0.5},
            {"beta": 0.5, "label_smoothing": 0.25},
            {"beta": 0.5, "label_smoothing": 0.25, "objective": "robust"},
            {"beta": 0.25, "objective": "hinge"},
            {"beta": 0.25, "objective": "ipo"},
        ),
    ),
    "simpo": Case(
        lambda x, y, beta=2.0, gamma=1.0: -log(sigma(beta * (x - y) - gamma)), TWO, ({}, {"beta": 0.5, "gamma": -1.0})
    ),
    "aft": Case(
        aft,
        of(number, positive, share),
        ({}, {"sigma": 0.5}, {"distribution": "extreme"}, {"distribution": "extreme", "sigma": 2.0}),
    ),
}
