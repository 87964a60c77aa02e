"""The plan of calls that a plugin reduces: the values without reduction, its factors, and the gradients with these."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import errstate

from lossreg.criterion.checking import VALUE_ONLY
from lossreg.criterion.plans.plan import Plan
from lossreg.criterion.weights import non_negative_weights
from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.criterion.reduction_plugins.bound_reduction import BoundReduction

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class ReducedPlan(Plan):
    """How calls are computed whose values a plugin reduces.

    The factors are the derivatives of the reduced value by the values, so that the gradients are those of reduction
    none with the factors as weights.

    unreduced: the `value_and_grad` of the criterion with reduction none.
    """

    def __init__(self, plan: Plan, reduction: BoundReduction, unreduced: Callable[..., Any], wrt: Any) -> None:
        super().__init__(plan.bound, plan.shape, plan.graded, plan.kind, each=False)
        self.reduction, self.unreduced, self.wrt = reduction, unreduced, wrt

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,  # noqa: ARG002  extreme weights are not rescaled here
    ) -> tuple[Any, Any]:
        """Compute the values, and reduce them; see `Plan.run`."""
        if denominator is not None:
            raise self.no_denominator()
        reason = f"the reduction {self.reduction.name} selects or weighs by it"
        weights = non_negative_weights(self.bound, self.shape, arrays, sample_weight, where, reason)
        counting = np.asarray(weights != 0)
        mask = None if counting.all() else counting
        values, _ = self.unreduced(*arrays, where=mask, wrt=VALUE_ONLY)
        value, factors = self.reduced(np.asarray(values, np.float64)[counting], weights[counting])
        grads = None
        if self.graded:
            weights[counting] = factors
            _, grads = self.unreduced(*arrays, sample_weight=weights, where=mask, wrt=self.wrt, out=out)
        with errstate(all="ignore"):  # a number beyond the type's range becomes inf
            return self.kind.type(value), grads

    def reduced(self, values: Array, weights: Array) -> tuple[float, Array]:
        """The value and the factors: 0 if no value counts, and nan if one is nan."""
        if not values.size:
            return 0.0, values
        with errstate(all="ignore"):  # whatever state the caller has set: weights may be far apart
            if np.isnan(values).any():
                return nan, weights / weights.sum()
            return self.reduction(values, weights)

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:  # noqa: ARG002
        """Raise InvalidParameter: the results for parts of a batch do not add up."""
        raise self.no_denominator()

    def no_denominator(self) -> InvalidParameter:
        """The error for a call that asks for a denominator, or gives one."""
        message = f"{self.bound.loss}: the reduction {self.reduction.name} has no denominator"
        return InvalidParameter(f"{message}: its results for the parts of a batch do not add up to that of the batch")
