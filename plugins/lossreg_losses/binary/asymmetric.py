"""Asymmetric (ASL): focal cross-entropy for many labels, most of them 0, with the easiest zeros left out altogether.

    value = target q^gamma_pos softplus(-logit) - (1 - target) m^gamma_neg log(1 - m)          m = max(0, p - clip)
    slope = (1 - target) p q m^gamma_neg (gamma_neg (-log(1 - m)) / m + 1 / (1 - m))
            - target q^gamma_pos (gamma_pos p softplus(-logit) + q)
    slope of the target = q^gamma_pos softplus(-logit) + m^gamma_neg log(1 - m)

with p = sigmoid(logit) and q = 1 - p. A zero whose probability is up to `clip` has value and slope 0.

Shapes: logit and target of the same shape. Ranges: any logit; target 0 to 1; gamma_neg and gamma_pos 0 or above and
finite; clip from 0 to below 1.
Source: Ridnik et al. (2021), arXiv:2009.14119; timm's AsymmetricLossMultiLabel, whose sum this is. There a target is
0 or 1.

>>> asymmetric.at(0.0, 1.0, gamma_pos=0.0)[:2]
(0.6931471805599453, -0.5)
>>> asymmetric.at(-4.0, 0.0)[:2]
(0.0, 0.0)
"""

from lossreg.kernels.numerics import exp, log, log1p, sigmoid, softplus, weighted
from lossreg.plugin import FiniteNonNegative, Fraction, Loss, Real, Unit, hookimpl, loss


@loss
def asymmetric(
    logit: Real,
    target: Unit,
    gamma_neg: FiniteNonNegative = 4.0,
    gamma_pos: FiniteNonNegative = 1.0,
    clip: Fraction = 0.05,
) -> tuple[float, float, float]:
    T = type(logit)
    p, q = sigmoid(logit), sigmoid(-logit)
    missed, found = softplus(-logit), softplus(logit)
    positive = exp(-weighted(gamma_pos, found))
    pull = positive * (gamma_pos * weighted(p, missed) + q)
    one = weighted(positive, missed)
    easy, shifted, surprise = clipped(p, q, found, clip)
    power = focus(p, missed, gamma_neg, clip)
    ratio = T(1) if surprise == 0 else surprise / shifted
    push = p * power * (weighted(gamma_neg, weighted(q, ratio)) + (T(1) if clip == 0 else q / (q + clip)))
    push, zero = (T(0), T(0)) if easy else (push, weighted(power, surprise))
    value = weighted(target, one) + weighted(T(1) - target, zero)
    return value, weighted(T(1) - target, push) - weighted(target, pull), one - zero


@asymmetric.hessian
def second_derivative(
    logit: Real,
    target: Unit,
    gamma_neg: FiniteNonNegative = 4.0,
    gamma_pos: FiniteNonNegative = 1.0,
    clip: Fraction = 0.05,
) -> float:
    T = type(logit)
    p, q = sigmoid(logit), sigmoid(-logit)
    missed, found = softplus(-logit), softplus(logit)
    steep = (T(1) + T(2) * gamma_pos) * (p * q)
    one = exp(-weighted(gamma_pos, found)) * (gamma_pos * weighted(p, missed) * (gamma_pos * p - q) + steep)
    easy, shifted, surprise = clipped(p, q, found, clip)
    power = focus(p, missed, gamma_neg, clip)
    ratio = T(1) if surprise == 0 else surprise / shifted
    beyond, share = T(1) + clip / shifted, T(1) if clip == 0 else q / (q + clip)  # p / m, q / (1 - m)
    rise = T(2) * gamma_neg * beyond * q * share + share * (q - (T(0) if clip == 0 else p * clip / (q + clip)))
    rise += gamma_neg * weighted(q, ratio) * (gamma_neg * beyond * q - clip / shifted * q - p)
    return weighted(target, one) + weighted(T(1) - target, T(0) if easy else p * power * rise)


def clipped(p: float, q: float, found: float, clip: float) -> tuple[bool, float, float]:
    """Whether p is at most the clip; m = p - clip, or 1 where it is; and -log(1 - m).

    Without a clip the last is known exactly, as `found`, also where q underflows.
    """
    T = type(p)
    easy = p <= clip
    shifted = T(1) if easy else p - clip
    surprise = -log(q + clip) if shifted > T(0.5) else -log1p(-shifted)
    return easy, shifted, found if clip == 0 else surprise


def focus(p: float, missed: float, gamma_neg: float, clip: float) -> float:
    """(p - clip)^gamma_neg by the logarithm, with the digits that gamma_neg would magnify the loss of."""
    T = type(p)
    return exp(weighted(gamma_neg, (T(0) if clip == 0 else log1p(-clip / p)) - missed))


@hookimpl
def lossreg_component() -> Loss:
    return asymmetric
