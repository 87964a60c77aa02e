"""Distillation: a student's cross-entropy with the label, and its divergence from a teacher at a temperature.

    value = alpha T^2 sum_j q_j (log(q_j) - log(p_j)) - (1 - alpha) log(softmax(logits)[label])
    slope = alpha T (p - q) + (1 - alpha) (softmax(logits) - 1[label])

with p = softmax(logits / T), q = softmax(teacher / T) and T = `temperature`. The factor T^2 keeps the size of the soft
part's slopes. With alpha = 1 the labels do not count. A row with the label `ignore_index` is not read.

Shapes: logits and teacher (C), (N, C) or (N, C, d1, ...), with labels (), (N) or (N, d1, ...) of any integer type.
Ranges: any logits; temperature above 0 and finite; alpha 0 to 1.
Exactness: the divergence is a sum of terms of both signs.
Source: Hinton, Vinyals, Dean (2015), arXiv:1503.02531.

>>> distillation.at([0.0, 0.0], [0.0, 0.0], 1)
(0.34657359027997264, [0.25, -0.25])
"""

from lossreg.kernels.numerics import difference, exp, largest, log, surprise, weighted
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    FinitePositive,
    IgnoredLabel,
    Loss,
    Real,
    Slope,
    Target,
    Unit,
    hookimpl,
    loss,
)


@loss
def distillation(
    logits: ClassRow[Real],
    teacher: Target[ClassRow[Real]],
    label: ClassIndex,
    slope: Slope,
    temperature: FinitePositive = 2.0,
    alpha: Unit = 0.5,
    ignore_index: IgnoredLabel = -100,
) -> float:
    T = type(slope[0])
    top, own_top = largest(teacher), largest(logits)
    hard = surprise(logits, label, slope)[0]
    teachers, students = T(0), T(0)
    for j in range(len(logits)):
        teachers += exp(difference(teacher[j], top) / temperature)
        students += exp(difference(logits[j], own_top) / temperature)
    level = log(students) - log(teachers)
    soft = T(0)
    for j in range(len(logits)):
        ahead, behind = difference(teacher[j], top) / temperature, difference(logits[j], own_top) / temperature
        q, p = exp(ahead) / teachers, exp(behind) / students
        soft += weighted(q, difference(ahead, behind) + level)
        slope[j] = alpha * temperature * (p - q) + (T(1) - alpha) * slope[j]
    return weighted(alpha, temperature * temperature * soft) + weighted(T(1) - alpha, hard)


@hookimpl
def lossreg_component() -> Loss:
    return distillation
