"""Plans of calls whose values are added up: the divisor of the sum, weights of any size, and sums that overflow."""

from __future__ import annotations

from math import isfinite, isnan, ldexp, prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy import errstate

from lossreg.criterion.arguments import shown
from lossreg.criterion.checked_call import Call
from lossreg.criterion.plans.plan import Plan
from lossreg.criterion.reductions import DIVIDING, REDUCTIONS
from lossreg.criterion.weights import Weights, check_total, rescaled
from lossreg.definition.parameter_values import REFUSED, accept_scalar
from lossreg.errors import InvalidParameter
from lossreg.kernels.drivers.short_floats import is_bfloat16

if TYPE_CHECKING:
    from collections.abc import Iterable

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]

MOST_BFLOAT16 = (2 - 2.0**-7) * 2.0**127
"""The largest finite bfloat16."""


class SummedPlan(Plan):
    """How calls are computed whose values are added up, or kept: the divisor of the sum, and the type of the result."""

    def __init__(self, call: Call) -> None:
        bound, shape = call.bound, call.shape
        super().__init__(bound, shape, call.graded, call.kind, each=bound.reduction == "none")
        self.out, self.real = call.out, call.real
        # The positions of the inputs that these slopes belong to.
        self.graded_inputs = tuple([bound.slope_inputs[slope] for slope in call.graded])
        # A product with 1 of the result's type has that type, in a quarter of the time that calling the type takes.
        self.most = MOST_BFLOAT16 if is_bfloat16(call.kind) else float(np.finfo(call.kind).max)
        self.as_result = call.kind.type if is_bfloat16(call.kind) else call.kind.type(1).__mul__
        self.size, self.batch = prod(shape), shape[0] if shape else 1
        self.reduce, self.divides = REDUCTIONS[bound.reduction], bound.reduction in DIVIDING
        # A mean divides by the weights in whatever unit; a sum has to be brought back to them.
        self.factor = 1.0 if self.divides else bound.unit
        self.weights = Weights(call)
        fixed = self.weights.fixed
        # The divisor where all elements or rows count; and `divisor`, that of every call, if it is known.
        self.full_divisor = self.reduce(bound.weight * self.weights.everything, self.size, self.batch)
        divisor = self.reduce(bound.weight * (fixed or 0.0), self.size, self.batch)
        self.divisor = divisor if fixed is not None and divisor > 0 else None
        self.substitutes: dict[Any, Self] = {}

    def divide(
        self, arrays: Arrays, sample_weight: Array | None, where: Array | None, denominator: Any, unit: float
    ) -> tuple[float, float]:
        """The divisor of the sum, 0 where nothing counts, and a factor.

        The divisor is nan where the sample weights are too large or too small to compute with.
        """
        count = self.weights.fixed
        if count is None:
            count = self.weights.count(arrays, sample_weight, where)
        if count == self.weights.everything and denominator is None and unit == 1 and self.full_divisor > 0:
            return self.full_divisor, self.factor
        if isnan(count):
            return count, 1.0
        divisor = self.reduce(self.bound.weight * count, self.size, self.batch)
        if denominator is not None:
            return self.checked(denominator, divisor), self.bound.unit * unit
        # Class weights and `weight` may add up to less than 0, as in PyTorch; sample weights may not.
        if divisor == 0 or (divisor < 0 and sample_weight is not None):
            check_total(self.call(arrays, sample_weight, where), divisor)
            divisor = 0.0
        return divisor, self.factor if self.divides else self.factor * unit

    def finish(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        values: Array | None,
        total: float,
        divisor: float,
        factor: float,
    ) -> Any:
        """The value of a call, from the sum of its values, or the values where they are kept."""
        if self.each:
            return self.scaled(values, factor)
        value = total / divisor * factor if divisor else 0.0
        if divisor and not isfinite(total) and self.may_be_finite(arrays, sample_weight, where, total):
            value = self.overflowed(arrays, sample_weight, where, values, divisor) * factor
        return self.result(value)

    def result(self, value: float) -> Any:
        """The value in the type of the result; a number beyond the range of the type becomes inf."""
        # The context takes longer than the loop over a small batch, so only a number that overflows is converted in it.
        if -self.most <= value <= self.most or not isfinite(value):
            return self.as_result(value)
        with errstate(all="ignore"):
            return self.kind.type(value)

    def may_be_finite(self, arrays: Arrays, sample_weight: Array | None, where: Array | None, total: float) -> bool:
        """Whether a mean may be finite although the sum of the values is not: if an intermediate result overflowed.

        Sums of float32 numbers do not overflow in float64; and a nan of an input that counts remains.
        """
        if sample_weight is not None:
            return True
        if self.real is not np.float64:
            return False
        everything = where is None and self.weights.ignored is None and self.bound.ignored is None
        return not (isnan(total) and everything and any(x.dtype.kind == "f" and isnan(x.max()) for x in arrays))

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """What the reduction divides the sum by."""
        count, unit = self.weights.fixed, self.bound.unit
        if count is None:
            count = self.weights.count(arrays, sample_weight, where)
        if isnan(count) and sample_weight is not None:
            plan, sample_weight, own = self.rescaled(arrays, sample_weight, where)
            count, unit = plan.weights.count(arrays, sample_weight, where), unit * own
        return float(self.reduce(self.bound.weight * count, self.size, self.batch) * (unit if self.divides else 1.0))

    def checked(self, denominator: Any, divisor: float) -> float:
        """The denominator that a caller gives in place of the divisor; raises InvalidParameter if it is invalid."""
        name = self.bound.loss
        if not self.divides:
            message = f"{name}: a denominator goes with reduction {' or '.join(DIVIDING)}"
            raise InvalidParameter(f"{message}; got reduction {self.bound.reduction}")
        given = accept_scalar(float, denominator)
        if given is REFUSED or not isfinite(given) or given < 0 or (given == 0 and divisor != 0):
            counts = f", but the sum of the weights is {divisor:g}" if given == 0 else ""
            message = f"{name}: expected a finite denominator above 0, or 0 if no element counts"
            raise InvalidParameter(f"{message}; got {shown(denominator)}{counts}")
        return float(given)

    def scaled(self, values: Any, factor: float) -> Any:
        """The values of the elements or rows, multiplied by a power of two where their weights were rescaled."""
        if factor != 1:
            with errstate(all="ignore"):
                values = (values * np.float64(factor)).astype(self.kind)
        return values if self.shape else values[()]

    def overflowed(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        values: Array | None,
        divisor: float,
    ) -> float:
        """The mean of values whose sum is not finite: each is divided before it is added."""
        parts, divisor = self.parts(arrays, sample_weight, where, values, divisor)
        total = 0.0
        with errstate(all="ignore"):
            for part in parts:
                total += float(np.sum(part / np.float64(divisor)))
                if isnan(total):  # and it stays so
                    break
        return total

    def parts(
        self,
        arrays: Arrays,  # noqa: ARG002  for plans that do not keep the values
        sample_weight: Array | None,  # noqa: ARG002
        where: Array | None,  # noqa: ARG002
        values: Array | None,
        divisor: float,
    ) -> tuple[Iterable[Array], float]:
        """The values that are added up, in arrays of limited size, and the divisor for these."""
        return [] if values is None else [values], divisor

    def call(self, arrays: Arrays, sample_weight: Array | None, where: Array | None, real: Any = None) -> Call:
        """The call of arrays that are known to fit."""
        call = Call(self.bound, arrays, self.shape, self.graded, real or self.real)
        call.sample_weight, call.where, call.out = sample_weight, where, self.out
        return call

    def run_rescaled(
        self, arrays: Arrays, sample_weight: Array, where: Array | None, denominator: Any, out: Any
    ) -> tuple[Any, Any]:
        """Run a call with sample weights that are too large or too small to compute with."""
        plan, weights, unit = self.rescaled(arrays, sample_weight, where, given=denominator is not None)
        return plan.run(arrays, weights, where, denominator, out, unit)

    def rescaled(
        self, arrays: Arrays, sample_weight: Array, where: Array | None, *, given: bool = False
    ) -> tuple[Self, Array, float]:
        """The plan for sample weights that are too large or too small to compute with, the weights, and their unit.

        Both are computed in float64, so that weights of any size that are equal give what no weights give. A mean
        divides by the weights, and their unit cancels. What divides by something else, such as a denominator that is
        `given`, is computed from the weights as they are.
        """
        weights, exponent = rescaled(self.bound.loss, sample_weight, where, self.shape)
        if given or not self.divides:
            plan = self.substitute("wide weights", self.call(arrays, sample_weight, where, np.float64))
            plan.weights.trusted, plan.weights.fixed = True, plan.weights.fixed if self.divides else 1.0
            return plan, sample_weight, 1.0
        plan = self.substitute("rescaled", self.call(arrays, weights, where, np.float64))
        plan.weights.trusted = True
        return plan, weights, ldexp(1.0, exponent)

    def substitute(self, why: str, call: Call) -> Self:
        """The plan for the same calls with other sample weights, or computed in another type."""
        key = why, call.real
        if key not in self.substitutes:
            self.substitutes[key] = type(self)(call)
        return self.substitutes[key]
