"""Direct preference optimisation: the policy should prefer the chosen answer by more than its reference does.

    h = (chosen - rejected) - (chosen_reference - rejected_reference)
    value = (1 - s) softplus(-beta h) + s softplus(beta h)                              objective "sigmoid"
          = ((1 - s) softplus(-beta h) - s softplus(beta h)) / (1 - 2 s)                "robust"
          = max(0, 1 - beta h)                                                          "hinge"
          = (h - 1 / (2 beta))^2                                                        "ipo"
    slope of chosen = the derivative by h, of rejected its negative

with s = `label_smoothing`, the probability that a pair is labelled the wrong way round: "sigmoid" is then the
conservative form, "robust" the one without bias. The inputs are the log-probabilities of the answers, summed over their
tokens, or averaged for "ipo".

Shapes: all inputs of the same shape. Ranges: any numbers; beta above 0 and finite; label_smoothing 0 to
below 1, for "robust" not 0.5.
Source: Rafailov et al. (2023), arXiv:2305.18290; Azar et al. (2023), arXiv:2310.12036, for "ipo"; Zhao et al. (2023),
arXiv:2305.10425, for "hinge"; Chowdhury, Kini, Natarajan (2024), arXiv:2403.00409, for "robust"; TRL's DPOTrainer.

>>> dpo.at(0.0, 0.0, 0.0, 0.0)
(0.6931471805599453, -0.05, 0.05)
>>> dpo.at(2.0, 1.0, 1.0, 1.0, beta=0.25, objective="ipo")
(1.0, -2.0, 2.0)
"""

from typing import Literal

from lossreg.kernels.numerics import exp, log1p, sigmoid, weighted
from lossreg.plugin import FinitePositive, Fraction, Loss, Real, hookimpl, loss


@loss
def dpo(
    chosen: Real,
    rejected: Real,
    chosen_reference: Real,
    rejected_reference: Real,
    beta: FinitePositive = 0.1,
    label_smoothing: Fraction = 0.0,
    objective: Literal["sigmoid", "hinge", "ipo", "robust"] = "sigmoid",
) -> tuple[float, float, float]:
    T = type(chosen)
    lead = (chosen - rejected) - (chosen_reference - rejected_reference)
    scaled = beta * lead
    if objective == "ipo":
        missing = lead - T(0.5) / beta
        value, slope = missing * missing, T(2) * missing
    elif objective == "hinge":
        value = T(0) if scaled >= 1 else T(1) - scaled
        slope = T(0) if scaled >= 1 else -beta
    else:
        curve = log1p(exp(-abs(scaled)))
        wrong, right = max(-scaled, T(0)) + curve, max(scaled, T(0)) + curve
        rest = T(1) - label_smoothing
        flipped = -label_smoothing if objective == "robust" else label_smoothing
        share = rest - label_smoothing if objective == "robust" else T(1)
        value = (weighted(rest, wrong) + weighted(flipped, right)) / share
        slope = beta * (flipped * sigmoid(scaled) - rest * sigmoid(-scaled)) / share
    return value, slope, -slope


@hookimpl
def lossreg_component() -> Loss:
    return dpo
