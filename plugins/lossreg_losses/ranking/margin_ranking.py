"""Margin ranking: by how much the one that should rank higher fails to lead by `margin`.

    value = max(0, margin - target (x1 - x2))      target 1: x1 should be higher, -1: x2
    slope of x1 = -target up to the margin, itself included, then 0; of x2 its negative

Shapes: x1, x2 and target of the same shape. Ranges: any numbers; target 1 or -1, of any type; any margin.
Source: Herbrich, Graepel, Obermayer (2000), Large Margin Rank Boundaries; PyTorch's MarginRankingLoss. Unlike there,
targets other than 1 and -1 are refused.

>>> margin_ranking.at(1.0, 3.0, 1.0)
(2.0, -1.0, 1.0)
"""

from lossreg.plugin import Loss, Real, Sign, hookimpl, loss


@loss
def margin_ranking(x1: Real, x2: Real, target: Sign, margin: Real = 0.0) -> tuple[float, float, float]:
    T = type(x1)
    missing = margin - target * (x1 - x2)
    value, push = (T(0), T(0)) if missing < 0 else (missing, target)
    return value, -push, push


@margin_ranking.hessian
def second_derivative(x1: Real, x2: Real, target: Sign, margin: Real = 0.0) -> float:
    return type(x1)(0)


@hookimpl
def lossreg_component() -> Loss:
    return margin_ranking
