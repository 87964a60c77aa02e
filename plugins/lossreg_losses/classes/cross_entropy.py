"""Cross-entropy of logits: the surprise at the true class under softmax(logits), or at a distribution over classes.

    value = -log(softmax(logits)[label]) = log(sum_j e^(logits_j - logits_label))
    slope = softmax(logits) - 1[label]                     of probabilities as target -log(softmax(logits))

With class weights w, label smoothing s and C classes, and nll_c = -log(softmax(logits)[c]):

    value = (1 - s) w_label nll_label + s / C sum_c w_c nll_c             for class labels
          = sum_c w_c ((1 - s) target_c + s / C) nll_c                    for class probabilities

The parameters are `weight` = w, `label_smoothing` = s and `ignore_index`: a row with that label is not read. A mean
divides by the sum of w_label over the other rows; for probabilities by the number of rows. Where the true class wins by
far, value and slope keep all their digits.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type, or probabilities
of the logits' shape. Ranges: any logits, inf and -inf included; smoothing 0 to 1; weights finite.
Source: Good (1952); Szegedy et al. (2016), arXiv:1512.00567, for the smoothing; PyTorch's CrossEntropyLoss. Keras'
CategoricalCrossentropy takes probabilities unless it is made with from_logits.

>>> cross_entropy.at([0.0, 40.0], 1)
(4.248354255291589e-18, [4.248354255291589e-18, -4.248354255291589e-18])
"""

from lossreg.kernels.numerics import (
    difference,
    exp_below,
    largest,
    log1p,
    log_sum,
    shifted_difference,
    total,
    weighted,
    wide,
)
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    IgnoredLabel,
    Loss,
    Probability,
    Real,
    Scale,
    Slope,
    Unit,
    Weight,
    hookimpl,
    loss,
)


@loss
def cross_entropy(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    hessian: Slope | None = None,
) -> float:
    T = type(slope[0])
    classes = len(logits)
    top = largest(logits)
    exp_below(logits, top, slope)
    own, slope[label] = slope[label], T(0)
    others = total(slope)
    everything = own + others
    sharp, smooth = (T(1) - label_smoothing) * weight[label], label_smoothing / T(classes)
    rise = log_sum(own, others)
    value = weighted(sharp, difference(top, logits[label]) + rise)
    weights, pulls = wide(T(0)), wide(T(0))
    if label_smoothing > 0:
        for j in range(classes):
            weights += weight[j]
            pulls += weighted(weight[j], difference(top, logits[j]))
        value += smooth * (T(weights) * rise + T(pulls))
    spread = T(weights)
    mass = sharp + smooth * spread
    # The sum of all but one that is at the top, so that 1 - p of the largest keeps its digits.
    beside, curvature = T(0), mass / everything / everything
    if hessian is not None:
        slope[label] = own
        ties, powers = T(0), T(0)
        for j in range(classes):
            power = slope[j]
            tied = power == 1
            ties, powers = ties + T(tied), powers + (T(0) if tied else power)
        beside = shifted_difference(ties, T(1), powers)
    for j in range(classes):
        power = slope[j]
        if hessian is not None:
            hessian[j] = curvature * power * (beside if power == 1 else everything - power)
        slope[j] = power * (mass / everything) - smooth * weight[j]
    slope[label] = smooth * (spread * own / everything - weight[label]) - sharp * others / everything
    return value


@cross_entropy.form
def probabilities(
    logits: ClassRow[Real],
    target: ClassRow[Probability],
    slope: Slope,
    target_slope: Slope | None,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    hessian: Slope | None = None,
) -> float:
    T = type(slope[0])
    classes = len(logits)
    smooth = label_smoothing / T(classes)
    top = largest(logits)
    exp_below(logits, top, slope)
    # All but one that is at the top, so that what they add to 1 keeps its digits.
    ties, powers = T(0), wide(T(0))
    for j in range(classes):
        tied, power = logits[j] == top, slope[j]
        ties, powers = ties + T(tied), powers + (T(0) if tied else power)
    others = T(shifted_difference(ties, T(1), powers))
    everything, rise = T(1) + others, log1p(others)
    value, shares, aside = wide(T(0)), wide(T(0)), wide(T(0))
    for j in range(classes):
        share = weight[j] * ((T(1) - label_smoothing) * target[j] + smooth)
        value += weighted(wide(share), wide(difference(top, logits[j]) + rise))
        shares, aside = shares + share, aside + (T(0) if logits[j] == top else share)
    mass, rest = T(shares), T(aside)
    if hessian is not None:
        curvature = mass / everything / everything
        for j in range(classes):
            power = slope[j]
            hessian[j] = curvature * power * (others if logits[j] == top else everything - power)
    # A loop of its own, so that the sums are the same with this slope and without.
    if target_slope is not None:
        for j in range(classes):
            target_slope[j] = weighted(weight[j] * (T(1) - label_smoothing), difference(top, logits[j]) + rise)
    for j in range(classes):
        share = weight[j] * ((T(1) - label_smoothing) * target[j] + smooth)
        alone, pull = (logits[j] == top) & (ties == 1), slope[j] * (mass / everything) - share
        slope[j] = rest - mass * others / everything if alone else pull
    return T(value)


@cross_entropy.hessian_product
def product_of_labels(
    logits: ClassRow[Real],
    label: ClassIndex,
    vector: ClassRow[Real],
    product: Slope,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
) -> None:
    softmax_product(logits, mass_of_label(label, weight, label_smoothing, len(logits)), vector, product)


@cross_entropy.hessian_product
def product_of_probabilities(
    logits: ClassRow[Real],
    target: ClassRow[Probability],
    vector: ClassRow[Real],
    product: Slope,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
) -> None:
    softmax_product(logits, mass_of_target(target, weight, label_smoothing, len(logits)), vector, product)


def mass_of_label(label: int, weight: ClassRow[Weight], label_smoothing: float, classes: int) -> float:
    """What the value multiplies the logarithm of the sum of the exponentials by."""
    T = type(label_smoothing)
    mass = (T(1) - label_smoothing) * weight[label]
    for j in range(classes):
        mass += label_smoothing / T(classes) * weight[j]
    return mass


def mass_of_target(
    target: ClassRow[Probability], weight: ClassRow[Scale], label_smoothing: float, classes: int
) -> float:
    """What the value multiplies the logarithm of the sum of the exponentials by."""
    T = type(label_smoothing)
    mass = T(0)
    for j in range(classes):
        mass += weight[j] * ((T(1) - label_smoothing) * target[j] + label_smoothing / T(classes))
    return mass


def softmax_product(logits: ClassRow[Real], mass: float, vector: ClassRow[Real], out: Slope) -> None:
    """Fill a row with mass (p v - p (p . v)), for p = softmax(logits)."""
    T = type(out[0])
    top, classes = largest(logits), len(logits)
    exp_below(logits, top, out)
    # The product is the same for v less a number; less the v of the largest logit, its digits are kept.
    own = T(0)
    for j in range(classes):
        own = vector[j] if logits[j] == top else own
    everything, mean = T(0), T(0)
    for j in range(classes):
        everything += out[j]
        mean += out[j] * (vector[j] - own)
    for j in range(classes):
        out[j] = mass * (out[j] / everything) * ((vector[j] - own) - mean / everything)


@hookimpl
def lossreg_component() -> Loss:
    return cross_entropy
