"""The weights of the elements or rows of a call: sample weights, masks, labels to ignore, and weights by class.

One rule holds for all of them: a mean divides by the sum of the weights. The sum has to be above 0 if some weights are
negative; if all weights are 0, the mean is 0.
"""

from __future__ import annotations

from math import frexp, nan, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import count_nonzero, errstate, not_equal

from lossreg.criterion.reductions import DIVIDING
from lossreg.criterion.shapes import expanded
from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.weight_sum import WeightSum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.checked_call import Call
    from lossreg.criterion.form_with_parameters import BoundForm

    Array = np.ndarray[Any, Any]

UNUSED_LABEL = -1
"""The label to ignore of a loss that ignores none: it is out of range, so that no valid label equals it."""


class Weights:
    """The weights of calls with one signature, and how they are added up.

    fixed: the sum of the weights where it is the same in all such calls; else None.
    trusted: whether the sample weights are known to be neither too large nor too small to compute with.
    """

    def __init__(self, call: Call) -> None:
        bound, shape = call.bound, call.shape
        self.size = prod(shape)
        self.everything = float(self.size)
        self.label = bound.label if bound.ignored is not None or bound.weights is not None else None
        labels = None if self.label is None else call.arrays[self.label]
        self.fixed: float | None = None
        self.sum: WeightSum | None = None
        self.ignored: Array | None = None
        # How many elements or rows one number of the mask is for.
        self.repeats = 0 if call.where is None or not call.where.size else self.size // call.where.size
        # Whether labels that are ignored are below all others, so that the smallest shows whether there are any.
        self.below, self.trusted = False, False
        if call.sample_weight is None and bound.reduction not in DIVIDING:
            self.fixed = 1.0
        elif not (call.sample_weight is None and bound.weights is None and (call.where is None or labels is None)):
            ignored = UNUSED_LABEL if bound.ignored is None else bound.ignored
            weights = bound.weights
            if weights is not None and labels is None:
                weights = np.broadcast_to(weights, shape)
            self.sum = WeightSum(call.real, shape, call.sample_weight, call.where, labels, ignored, weights)
            if call.sample_weight is None and call.where is None and labels is None:
                self.fixed = self.sum(None, None, None)[0]
        else:
            if labels is not None and bound.ignored is not None:
                limits = np.iinfo(labels.dtype)
                if limits.min <= bound.ignored <= limits.max:
                    self.ignored = np.array(bound.ignored, labels.dtype)
                    self.below = bound.ignored < 0 < self.size
            if self.ignored is None and call.where is None:
                self.fixed = self.everything

    def count(self, arrays: Sequence[Array], sample_weight: Array | None, where: Array | None) -> float:
        """The sum of the weights; nan if sample weights are too large or too small to compute with."""
        if self.sum is not None:
            labels = None if self.label is None else arrays[self.label]
            total, ordinary = self.sum(sample_weight, where, labels)
            return total if ordinary or self.trusted else nan
        ignored, labels = self.ignored, None if self.label is None else arrays[self.label]
        if ignored is None or labels is None or (self.below and labels.item(labels.argmin()) >= 0):
            if where is None:
                return self.everything
            return float(count_nonzero(where) * self.repeats)
        return float(count_nonzero(not_equal(labels, ignored)))


def rescaled(name: str, sample_weight: Array, where: Array | None, shape: tuple[int, ...]) -> tuple[Array, int]:
    """The sample weights divided by a power of two, so that the largest is just below 1, and the power.

    Raises InvalidInput for a weight that is not finite.
    """
    weights = expanded(sample_weight, shape).astype(np.float64)
    if where is not None:
        weights = np.where(expanded(where, shape), weights, 0.0)
    for at in np.argwhere(~np.isfinite(weights))[:1].tolist():
        raise InvalidInput(f"{name}: expected a finite sample_weight; got {weights[tuple(at)]} at {at}")
    sizes = np.abs(weights)
    exponent = min(frexp(sizes.max(initial=0.0))[1], 1023)  # 2^1024 is not a float
    with errstate(under="ignore"):  # what underflows beside the largest weight counts for nothing
        return np.asarray(np.ldexp(weights, -exponent)), exponent


def non_negative_weights(
    bound: BoundForm,
    shape: tuple[int, ...],
    arrays: Sequence[Array],
    sample_weight: Array | None,
    where: Array | None,
    reason: str,
) -> Array:
    """The weight of each element or row as float64, 0 where it is masked or ignored.

    Raises InvalidInput, with the reason, for a sample weight that is below 0 or not finite.
    """
    weights = np.ones(shape)
    if sample_weight is not None:
        weights = np.array(expanded(sample_weight, shape), np.float64)
    if where is not None:
        weights[~expanded(where, shape)] = 0
    if bound.label is not None and bound.ignored is not None:
        weights[expanded(arrays[bound.label], shape) == bound.ignored] = 0
    if sample_weight is None:
        return weights
    outside = ~(np.isfinite(weights) & (weights >= 0))
    for at in np.argwhere(outside)[:1].tolist():
        message = f"{bound.loss}: expected a finite sample_weight, 0 or above, as {reason}"
        raise InvalidInput(f"{message}; got {weights[tuple(at)]} at {at}")
    return weights


def check_total(call: Call, divisor: float) -> None:
    """Raise InvalidInput for weights whose sum is not above 0, unless all of them are 0."""
    bound, blamed = call.bound, call.bound.weighted
    if call.sample_weight is None and not blamed:
        return
    weights_by_element = np.full(call.shape, bound.weight)
    labels = None if bound.label is None else call.arrays[bound.label]
    if bound.weights is not None and labels is not None:
        inside = (labels >= 0) & (labels < bound.weights.size)
        weights_by_element *= np.where(inside, bound.weights[np.where(inside, labels, 0)], 0.0)
    elif bound.weights is not None:
        weights_by_element *= bound.weights
    if labels is not None and bound.ignored is not None:
        weights_by_element[labels == bound.ignored] = 0
    if call.where is not None:
        weights_by_element[~expanded(call.where, call.shape)] = 0
    if call.sample_weight is not None:
        weights = expanded(call.sample_weight, call.shape)
        blamed = "sample_weight" if (weights[weights_by_element != 0] < 0).any() else blamed
        weights_by_element[weights_by_element != 0] *= weights[weights_by_element != 0]
    if (weights_by_element < 0).any():
        message = f"{bound.loss}: expected a {blamed} with a sum above 0, or a denominator"
        raise InvalidInput(f"{message}; got the sum {divisor:g}")
