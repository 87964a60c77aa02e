"""KTO: an answer that is desirable should be more probable than the reference has it, an undesirable one less.

    value = a target sigmoid(-z) + b (1 - target) sigmoid(z)        z = beta ((policy - reference) - kl)
    slope of policy = beta (b (1 - target) - a target) sigmoid(z) sigmoid(-z)

with a = `desirable` and b = `undesirable`, the weights of both kinds. The inputs are the log-probabilities of the
answers, summed over their tokens; target is 1 for a desirable answer. `kl` is the estimate of the divergence from the
reference, a number or an array that broadcasts, of which no gradient is taken.

Shapes: policy, reference and target of the same shape. Ranges: any log-probabilities; target 0 to 1; kl finite; beta
above 0 and finite; desirable and undesirable 0 or above and finite.
Source: Ethayarajh et al. (2024), arXiv:2402.01306, equation 8; TRL's KTOTrainer.

>>> kto.at(-1.0, -1.0, 1.0)
(0.5, -0.025)
"""

from lossreg.kernels.numerics import expm1, sigmoid, weighted
from lossreg.plugin import (
    Finite,
    FiniteNonNegative,
    FinitePositive,
    Loss,
    Real,
    Unit,
    hookimpl,
    loss,
)


@loss
def kto(
    policy: Real,
    reference: Real,
    target: Unit,
    kl: Finite = 0.0,
    beta: FinitePositive = 0.1,
    desirable: FiniteNonNegative = 1.0,
    undesirable: FiniteNonNegative = 1.0,
) -> tuple[float, float]:
    T = type(policy)
    z = beta * ((policy - reference) - kl)
    wanted, unwanted = desirable * target, undesirable * (T(1) - target)
    lower, upper = sigmoid(-z), sigmoid(z)
    return weighted(wanted, lower) + weighted(unwanted, upper), beta * (unwanted - wanted) * upper * lower


@kto.hessian
def second_derivative(
    policy: Real,
    reference: Real,
    target: Unit,
    kl: Finite = 0.0,
    beta: FinitePositive = 0.1,
    desirable: FiniteNonNegative = 1.0,
    undesirable: FiniteNonNegative = 1.0,
) -> float:
    T = type(policy)
    z = beta * ((policy - reference) - kl)
    push = beta * beta * (undesirable * (T(1) - target) - desirable * target)
    turn = expm1(-abs(z))
    tilt = turn / (T(2) + turn)  # sigmoid(-|z|) - sigmoid(|z|), with its digits around 0
    return push * sigmoid(z) * sigmoid(-z) * (tilt if z > 0 else -tilt)


@hookimpl
def lossreg_component() -> Loss:
    return kto
