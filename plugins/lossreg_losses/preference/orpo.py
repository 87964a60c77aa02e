"""ORPO: the likelihood of the chosen answer, and its odds beside those of the rejected one.

    value = -chosen + beta softplus(-m)        m = logit(e^chosen) - logit(e^rejected)
    slope of chosen = -1 - beta sigmoid(-m) / (1 - e^chosen), of rejected beta sigmoid(-m) / (1 - e^rejected)
    second derivative by chosen = beta c r (1 - 2 r) / (c (1 - r) + r (1 - c))^2     c = e^chosen, r = e^rejected

with logit(p) = log(p / (1 - p)). The inputs are the log-probabilities of the answers, averaged over their tokens.

Where the rejected answer has probability 1 and the chosen one less, value and slope are inf.

Shapes: chosen and rejected of the same shape. Ranges: log-probabilities; beta 0 or above and finite.
Exactness: at probabilities so near 1 that the odds overflow, a slope is inf.
Source: Hong, Lee, Thorne (2024), arXiv:2403.07691, with beta = 0.1, their lambda; TRL's ORPOTrainer.

>>> orpo.at(-1.0, -1.0)
(1.0693147180559945, -1.0790988353434663, 0.07909883534346633)
"""

from lossreg.kernels.numerics import difference, exp, expm1, log, ratio, sigmoid, softplus, weighted
from lossreg.plugin import FiniteNonNegative, LogProbability, Loss, hookimpl, loss


def share_over(beta: float, share: float, miss: float) -> float:
    """Return beta share / miss, in the order in which nothing overflows or underflows that the result does not."""
    return weighted(beta, share) / miss if miss < beta else weighted(beta, share / miss)


@loss
def orpo(chosen: LogProbability, rejected: LogProbability, beta: FiniteNonNegative = 0.1) -> tuple[float, float, float]:
    T = type(chosen)
    miss, other_miss = abs(expm1(chosen)), abs(expm1(rejected))
    odds = ratio(other_miss, miss)
    # A quotient that overflows is the difference of its logarithms; one that does not keeps more digits.
    ordinary = (odds > T(1e-30)) & (odds < T(1e30))
    lead = (chosen - rejected) + (log(odds) if ordinary else log(other_miss) - log(miss))
    # Where the lead is large its exponential would underflow, and what it is divided by may be as small.
    ahead = lead > T(8)
    share = exp(rejected - chosen) / (T(1) + exp(-lead)) if ahead else sigmoid(-lead)
    pull = share_over(beta, share, other_miss if ahead else miss)
    push = share_over(beta, share * (miss / other_miss) if ahead else share, other_miss)
    return weighted(beta, softplus(-lead)) - chosen, T(-1) - pull, push


@orpo.hessian
def second_derivative(chosen: LogProbability, rejected: LogProbability, beta: FiniteNonNegative = 0.1) -> float:
    T = type(chosen)
    miss, other_miss = abs(expm1(chosen)), abs(expm1(rejected))
    # The root of c / r, so that neither c r nor the square of the sum underflows.
    root = exp(T(0.5) * difference(chosen, rejected))
    apart = root * other_miss + miss / root
    return weighted(beta, (other_miss - exp(rejected)) / apart / apart)


@hookimpl
def lossreg_component() -> Loss:
    return orpo
