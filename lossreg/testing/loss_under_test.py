"""The loss that the checks test, with its cases."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lossreg.definition.loss import Loss
from lossreg.definition.plain_python.trial_run import try_kernel
from lossreg.definition.signature import EXACT
from lossreg.kernels.loops.precision import widened
from lossreg.registry.registries import losses
from lossreg.testing.batches import batch
from lossreg.testing.cases import LossCase, case_with_hessian, cases
from lossreg.testing.points import points

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lossreg.testing.cases import Array, Real
    from lossreg.testing.points import Point

Level = Literal["quick", "full"]
"""How much is tested: a few points and the default parameters, or all points and many settings."""
LEVELS: tuple[Level, ...] = ("quick", "full")
FEWER = 8
"""By how much the points of the level `quick` are fewer."""


class LossUnderTest:
    """A loss that checks test.

    cases: every form with every setting of the parameters, or at the level `quick` with the default ones only.
    differences: the finite differences, which several checks need.

    At the level quick nothing is compiled: the kernels are computed in plain Python.

    Raises InvalidDefinition for a kernel with a mistake.
    """

    def __init__(self, loss: Loss, level: Level = "full", given: list[LossCase] | None = None) -> None:
        self.loss, self.level = loss, level
        self.differences: Any = None
        self._widened: dict[Any, list[str]] = {}
        self._with_hessian: list[LossCase] | None = None
        if given is None:
            given = [case for case in cases(loss) if case.default or level == "full"]
            for case in given:
                if not case.form.by_batch:
                    width = case.width
                    try_kernel(case.form, case.form.resolve(case.parameters_for(width)), width)
        self.cases = given

    def only(self, settings: Collection[Any]) -> LossUnderTest:
        """Return the loss with the cases of these settings, such as "delta=0.25"."""
        return LossUnderTest(self.loss, self.level, [case for case in self.cases if case.setting in settings])

    def without(self, settings: Collection[Any]) -> LossUnderTest:
        """Return the loss without the cases of these settings."""
        return LossUnderTest(self.loss, self.level, [case for case in self.cases if case.setting not in settings])

    def points(self, case: LossCase, real: Real) -> list[tuple[int, list[Point]]]:
        """Return the finite points of a case by the width of their rows; fewer at the level `quick`."""
        return points(case, real, FEWER if self.level == "quick" else 1)

    def widened(self, case: LossCase, real: Real) -> list[str]:
        """Return the operations of a kernel that are computed in another float type than its inputs, found once.

        Raises InvalidDefinition if numba does not compile the kernel.
        """
        key = case.form, case.setting, real
        if key not in self._widened:
            self._widened[key] = widened(case.form, np.dtype(real), case.parameters)
        return self._widened[key]

    @property
    def float_types(self) -> tuple[Real, ...]:
        """The float types that the kernels are computed in."""
        return (np.float32, np.float64) if self.level == "full" else (np.float64,)

    @property
    def default_cases(self) -> list[LossCase]:
        """Every form with the default parameters."""
        return [case for case in self.cases if case.default]

    def cases_with_hessian(self) -> list[LossCase]:
        """Return the cases whose kernels also give a second derivative; they are made once for a loss.

        Raises InvalidParameter if one cannot be derived.
        """
        if self._with_hessian is None:
            having = [case for case in self.cases if case.form.fusible and EXACT in case.form.hessians]
            self._with_hessian = [case_with_hessian(case) for case in having]
        return self._with_hessian

    def batches(self) -> Iterator[tuple[LossCase, list[Array]]]:
        """Yield every case with a small batch of ordinary numbers."""
        return ((case, batch(case, (6,))) for case in self.cases)


@lru_cache(maxsize=64)
def loss_under_test(loss: Loss | str, level: Level = "full") -> LossUnderTest:
    """Return the LossUnderTest of a loss or its name: the same one for every check, so that they share results."""
    return LossUnderTest(loss if isinstance(loss, Loss) else losses.get(loss), level)
