"""Plans of coupled samples with weights of any size: those that float32 cannot compute with are computed in float64."""

from __future__ import annotations

from math import ldexp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import errstate

from lossreg.criterion.batch_kernels.batch_plan import BatchPlan
from lossreg.criterion.batch_kernels.coupled_plan import CoupledPlan
from lossreg.criterion.shapes import expanded
from lossreg.criterion.weights import rescaled
from lossreg.definition.signature import ANCHORS, COUPLED_GROUPS
from lossreg.kernels.drivers.weight_sum import ORDINARY

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class CoupledWeightsPlan(CoupledPlan):
    """How a batch kernel with coupled samples computes calls with sample weights."""

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,
    ) -> tuple[Any, Any]:
        """Run the kernel, with weights that are too large or too small for its type in float64; see `Plan.run`."""
        if sample_weight is None or self.fits(sample_weight, where):
            return super().run(arrays, sample_weight, where, denominator, out, unit)
        # The weights of anchors and groups multiply their values, so that they are divided by a power of two first.
        # Other losses are not in proportion to weights.
        proportional = self.coupling in {ANCHORS, COUPLED_GROUPS} and not self.bound.form.multiplicity
        if proportional:
            sample_weight, exponent = rescaled(self.bound.loss, sample_weight, where, self.shape)
        call = self.call(arrays, sample_weight, where, np.float64)
        call.sizes = self.sizes
        with errstate(all="ignore"):  # a number beyond the type's range becomes inf
            value, grads = CoupledPlan(call).run(arrays, sample_weight, where, denominator, out)
            if proportional and not self.divides:
                factor = np.float64(ldexp(1.0, exponent))
                value = (value * factor).astype(self.kind)
                for grad in grads if isinstance(grads, tuple) else (grads,):
                    np.multiply(grad, factor, out=grad, casting="unsafe")
        return value, grads

    def fits(self, sample_weight: Array, where: Array | None) -> bool:
        """Whether products of weights and values neither overflow nor lose digits in the type of the kernel."""
        smallest, _, largest = ORDINARY[self.real.__name__]
        sizes = np.abs(expanded(sample_weight, self.shape))
        with errstate(all="ignore"):
            counts = sizes > 0
            if where is not None:
                counts &= expanded(where, self.shape)
            return not (counts & ~((sizes >= smallest) & (sizes <= largest))).any()


def batch_plan(call: Call) -> BatchPlan:
    """The plan of a call of a batch kernel."""
    if call.bound.form.plain:
        return BatchPlan(call)
    return CoupledPlan(call) if call.sample_weight is None else CoupledWeightsPlan(call)
