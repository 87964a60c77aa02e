"""Cross-entropy of logits: the surprise at the true class under softmax(logits), or at a distribution over classes.

    value = -log(softmax(logits)[label]) = log(sum_j e^(logits_j - logits_label))
    slope = softmax(logits) - 1[label]                     of probabilities as target -log(softmax(logits))

With class weights w, label smoothing s and C classes, and nll_c = -log(softmax(logits)[c]):

    value = (1 - s) w_label nll_label + s / C sum_c w_c nll_c             for class labels
          = sum_c w_c ((1 - s) target_c + s / C) nll_c                    for class probabilities

With `softcap` c above 0 the logits are c tanh(logits / c); with `z_loss` z above 0 the value has
z w_label log(sum_j e^logits_j)^2 besides, for probabilities without the weight.

The parameters are `weight` = w, `label_smoothing` = s and `ignore_index`: a row with that label is not read. A mean
divides by the sum of w_label over the other rows; for probabilities by the number of rows. Where the true class wins by
far, value and slope keep all their digits.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type, or probabilities
of the logits' shape. Ranges: any logits, inf and -inf included; smoothing 0 to 1; weights finite; z_loss and softcap 0
or above and finite.
Source: Good (1952); Szegedy et al. (2016), arXiv:1512.00567, for the smoothing; Chowdhery et al. (2022),
arXiv:2204.02311, for z_loss; Bello et al. (2016), arXiv:1611.09940, for softcap; PyTorch's CrossEntropyLoss. Keras'
CategoricalCrossentropy takes probabilities unless it is made with from_logits.

>>> cross_entropy.at([0.0, 40.0], 1)
(4.248354255291589e-18, [4.248354255291589e-18, -4.248354255291589e-18])
"""

from lossreg.kernels.numerics import (
    below_capped,
    bend_of_cap,
    difference,
    exp_below_capped,
    largest,
    log,
    log1p,
    log_sum,
    shifted_difference,
    slope_of_cap,
    through_cap,
    total,
    weighted,
    wide,
)
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    FiniteNonNegative,
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
def cross_entropy(  # noqa: C901  a branch for each parameter
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
    hessian: Slope | None = None,
) -> float:
    T = type(slope[0])
    classes = len(logits)
    top, powers = exp_below_capped(logits, softcap, slope, hessian), T(0)
    if hessian is not None:
        for j in range(classes):
            power = slope[j]
            powers += T(0) if power == 1 else power
    own, slope[label] = slope[label], T(0)
    others = total(slope)
    everything = own + others
    sharp, smooth = (T(1) - label_smoothing) * weight[label], label_smoothing / T(classes)
    rise = log_sum(own, others)
    # The value is rounded once: the rounding of each of its parts would be up to half a unit in the last place.
    behind = difference(wide(top), wide(logits[label]))
    if softcap > 0:
        behind = wide(below_capped(logits[label], largest(logits), softcap))
    value = weighted((wide(T(1)) - label_smoothing) * weight[label], behind + rise)
    weights, pulls = wide(T(0)), wide(T(0))
    if label_smoothing > 0:
        for j in range(classes):
            weights += weight[j]
            pulls += weighted(weight[j], difference(top, logits[j]))
        if softcap > 0:
            pulls, peak = wide(T(0)), largest(logits)
            for j in range(classes):
                pulls += weighted(weight[j], below_capped(logits[j], peak, softcap))
        value += wide(label_smoothing) / classes * (weights * rise + pulls)
    mass, curve = sharp + smooth * T(weights), T(0)
    if z_loss > 0:
        curve = T(2) * z_loss * weight[label]
        # In this order nothing overflows unless the value does.
        log_of_sum = wide(top) + rise
        value += weighted(weighted(wide(z_loss * weight[label]), log_of_sum), log_of_sum)
    pull = weighted(curve, (top + rise) / everything)
    # The sum of all but one that is at the top, so that 1 - p of the largest keeps its digits.
    beside = powers if everything - powers < T(1.5) else everything - T(1)
    curvature, bow = (mass / everything + pull) / everything, curve / everything / everything
    at_top, flat, falling = curvature * beside + bow, curvature * everything, curvature - bow
    if hessian is not None:
        slope[label] = own
    for j in range(classes):
        power = slope[j]
        if hessian is not None:
            hessian[j] = at_top if power == 1 else power * (flat - falling * power)
        slope[j] = weighted(power, mass / everything + pull) - smooth * weight[j]
    slope[label] = smooth * (T(weights) * own / everything - weight[label]) - sharp * others / everything
    slope[label] += weighted(own, pull)
    if softcap > 0:
        through_cap(logits, softcap, slope, hessian)
    return T(value)


@cross_entropy.form
def probabilities(  # noqa: C901, PLR0912  a branch for each parameter
    logits: ClassRow[Real],
    target: ClassRow[Probability],
    slope: Slope,
    target_slope: Slope | None,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
    hessian: Slope | None = None,
) -> float:
    T = type(slope[0])
    classes = len(logits)
    smooth = label_smoothing / T(classes)
    peak, top = largest(logits), exp_below_capped(logits, softcap, slope)
    # All but one that is at the top, so that what they add to 1 keeps its digits.
    ties, powers = T(0), wide(T(0))
    for j in range(classes):
        tied, power = logits[j] == peak, slope[j]
        ties, powers = ties + T(tied), powers + (T(0) if tied else power)
    others = T(shifted_difference(ties, T(1), powers))
    everything, rise = T(1) + others, log1p(others)
    value, shares, aside = wide(T(0)), wide(T(0)), wide(T(0))
    for j in range(classes):
        share = weight[j] * ((T(1) - label_smoothing) * target[j] + smooth)
        value += weighted(wide(share), wide(difference(top, logits[j]) + rise))
        shares, aside = shares + share, aside + (T(0) if logits[j] == peak else share)
    mass, rest, curve = T(shares), T(aside), T(0)
    if softcap > 0:
        value = wide(T(0))
        for j in range(classes):
            share = weight[j] * ((T(1) - label_smoothing) * target[j] + smooth)
            value += weighted(wide(share), wide(below_capped(logits[j], peak, softcap) + rise))
    if z_loss > 0:
        curve = T(2) * z_loss
    pull = weighted(curve, (top + rise) / everything)
    log_of_sum = wide(top) + rise
    value += weighted(weighted(wide(z_loss), log_of_sum), log_of_sum)
    if hessian is not None:
        curvature, bow = (mass / everything + pull) / everything, curve / everything / everything
        for j in range(classes):
            power = slope[j]
            hessian[j] = power * (curvature * (others if logits[j] == peak else everything - power) + bow * power)
    # A loop of its own, so that the sums are the same with this slope and without.
    if target_slope is not None:
        for j in range(classes):
            target_slope[j] = weighted(weight[j] * (T(1) - label_smoothing), difference(top, logits[j]) + rise)
        if softcap > 0:
            for j in range(classes):
                surprise = below_capped(logits[j], peak, softcap) + rise
                target_slope[j] = weighted(weight[j] * (T(1) - label_smoothing), surprise)
    for j in range(classes):
        share = weight[j] * ((T(1) - label_smoothing) * target[j] + smooth)
        alone, drawn = (logits[j] == peak) & (ties == 1), weighted(slope[j], mass / everything + pull) - share
        slope[j] = rest - (mass * others / everything - pull) if alone else drawn
    if softcap > 0:
        through_cap(logits, softcap, slope, hessian)
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
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> None:
    T = type(product[0])
    curve = T(2) * z_loss * weight[label]
    softmax_product(logits, mass_of_label(label, weight, label_smoothing, len(logits)), curve, softcap, vector, product)
    if softcap > 0:
        for j in range(len(logits)):
            share = label_smoothing / T(len(logits)) * weight[j]
            share += (T(1) - label_smoothing) * weight[label] if j == label else T(0)
            product[j] -= share * bend_of_cap(logits[j], softcap) * vector[j]


@cross_entropy.hessian_product
def product_of_probabilities(
    logits: ClassRow[Real],
    target: ClassRow[Probability],
    vector: ClassRow[Real],
    product: Slope,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> None:
    T = type(product[0])
    mass = mass_of_target(target, weight, label_smoothing, len(logits))
    softmax_product(logits, mass, T(2) * z_loss, softcap, vector, product)
    if softcap > 0:
        for j in range(len(logits)):
            share = weight[j] * ((T(1) - label_smoothing) * target[j] + label_smoothing / T(len(logits)))
            product[j] -= share * bend_of_cap(logits[j], softcap) * vector[j]


def mass_of_label(label: int, weight: ClassRow[Weight], label_smoothing: float, classes: int) -> float:
    """What the value multiplies the logarithm of the sum of the exp_below_capped by."""
    T = type(label_smoothing)
    mass = (T(1) - label_smoothing) * weight[label]
    for j in range(classes):
        mass += label_smoothing / T(classes) * weight[j]
    return mass


def mass_of_target(
    target: ClassRow[Probability], weight: ClassRow[Scale], label_smoothing: float, classes: int
) -> float:
    """What the value multiplies the logarithm of the sum of the exp_below_capped by."""
    T = type(label_smoothing)
    mass = T(0)
    for j in range(classes):
        mass += weight[j] * ((T(1) - label_smoothing) * target[j] + label_smoothing / T(classes))
    return mass


def softmax_product(
    logits: ClassRow[Real], mass: float, curve: float, cap: float, vector: ClassRow[Real], out: Slope
) -> None:
    """Fill a row with the product of a vector, and the second derivatives of mass * lse + curve / 2 * lse^2.

    lse is the logarithm of the sum of the exp_below_capped of the logits, which are capped if `cap` is above 0.
    """
    T = type(out[0])
    top, classes = exp_below_capped(logits, cap, out), len(logits)
    # The product is the same for v less a number; less the v of the largest logit, its digits are kept.
    own = T(0)
    for j in range(classes):
        own = vector[j] * slope_of_cap(logits[j], cap) if out[j] == T(1) else own
    everything, mean = T(0), T(0)
    for j in range(classes):
        everything += out[j]
        mean += out[j] * (vector[j] * slope_of_cap(logits[j], cap) - own)
    pull = weighted(curve, top + log(everything))
    along = weighted(curve, mean / everything + own)
    for j in range(classes):
        share, steep = out[j] / everything, slope_of_cap(logits[j], cap)
        product = (mass + pull) * share * ((vector[j] * steep - own) - mean / everything) + along * share
        out[j] = steep * product + (mass + pull) * share * bend_of_cap(logits[j], cap) * vector[j]


@hookimpl
def lossreg_component() -> Loss:
    return cross_entropy
