"""The interface of plans, and plans that run another one.

The signature of a call is the types, shapes and layouts of its arrays. Its checks and the choice of its loop depend on
nothing else, and take some 50 microseconds, far more than the arithmetic of a small batch. So a criterion caches a plan
for each signature, and a repeated call only runs it. What depends on the numbers is found as the plan runs: the sum of
the weights, a number outside its domain, a sum that is not finite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from lossreg.criterion.form_with_parameters import BoundForm

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class Plan(ABC):
    """How calls with the same signature are computed.

    bound: the form of the loss that the arrays fit.
    shape: the shape of the values before they are reduced.
    graded: the positions of the slopes of which the call returns gradients.
    kind: the type of the results.
    each: whether the call returns all values.
    """

    def __init__(
        self, bound: BoundForm, shape: tuple[int, ...], graded: tuple[int, ...], kind: np.dtype[Any], *, each: bool
    ) -> None:
        self.bound, self.shape, self.graded, self.kind, self.each = bound, shape, graded, kind, each

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in the form of the loss that the arrays fit."""
        return tuple([entry.name for entry in self.bound.form.inputs])

    @abstractmethod
    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,
    ) -> tuple[Any, Any]:
        """Give the value, and the gradient or gradients; `unit` is what the sample weights have been divided by.

        Raises InvalidInput for the first number outside its domain, and for weights that a mean cannot divide by.
        """

    @abstractmethod
    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """What the reduction divides the sum of the values by."""


class MaskedPlan(Plan):
    """The plan of calls with several labels to ignore: a mask leaves out the rows of all but the first of them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.bound, plan.shape, plan.graded, plan.kind, each=plan.each)
        self.plan = plan

    def run(self, arrays: Arrays, sample_weight: Array | None, where: Array | None, *rest: Any) -> tuple[Any, Any]:
        """Run the plan with the mask; see `Plan.run`."""
        return self.plan.run(arrays, sample_weight, self.bound.without_ignored(arrays, where), *rest)

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """What the reduction divides the sum by."""
        return self.plan.denominator(arrays, sample_weight, self.bound.without_ignored(arrays, where))
