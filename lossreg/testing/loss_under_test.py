"""The loss that the checks test, with its cases."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.definition.loss import Loss
from lossreg.definition.plain_python.trial_run import try_kernel
from lossreg.registry.registries import losses
from lossreg.testing.batches import WIDTH, batch
from lossreg.testing.cases import LossCase, cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.testing.cases import Array


class LossUnderTest:
    """A loss that checks test. `differences` keeps the finite differences, which several checks need."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.differences: Any = None

    @cached_property
    def cases(self) -> list[LossCase]:
        """Every form with every setting of the parameters; raises InvalidDefinition for a kernel with a mistake."""
        found = cases(self.loss)
        for case in found:
            if not case.form.by_batch:
                try_kernel(case.form, case.form.resolve(case.parameters_for(WIDTH)), WIDTH)
        return found

    @property
    def default_cases(self) -> list[LossCase]:
        """Every form with the default parameters."""
        return [case for case in self.cases if case.default]

    def batches(self) -> Iterator[tuple[LossCase, list[Array]]]:
        """Yield every case with a small batch of ordinary numbers."""
        return ((case, batch(case, (6,))) for case in self.cases)


@lru_cache(maxsize=64)
def loss_under_test(loss: Loss | str) -> LossUnderTest:
    """Return the LossUnderTest of a loss or its name: the same one for every check, so that they share results."""
    return LossUnderTest(loss if isinstance(loss, Loss) else losses.get(loss))
