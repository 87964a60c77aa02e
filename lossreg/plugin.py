"""What authors of plugins import: decorators, domains of inputs and parameters, and the parts of data and models.

    from lossreg.plugin import Positive, Real, hookimpl, loss

Functions for the formulas of kernels are in `lossreg.kernels.numerics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg._lazy import lazy

if TYPE_CHECKING:
    from lossreg.definition.component import (
        Component as Component,
    )
    from lossreg.definition.component import (
        Data as Data,
    )
    from lossreg.definition.component import (
        Model as Model,
    )
    from lossreg.definition.component import (
        Optimizer as Optimizer,
    )
    from lossreg.definition.component import (
        Schedule as Schedule,
    )
    from lossreg.definition.component import (
        Tracker as Tracker,
    )
    from lossreg.definition.component import (
        data as data,
    )
    from lossreg.definition.component import (
        model as model,
    )
    from lossreg.definition.component import (
        optimizer as optimizer,
    )
    from lossreg.definition.component import (
        schedule as schedule,
    )
    from lossreg.definition.component import (
        tracker as tracker,
    )
    from lossreg.definition.domains import (
        Array as Array,
    )
    from lossreg.definition.domains import (
        Axes as Axes,
    )
    from lossreg.definition.domains import (
        ClassIndex as ClassIndex,
    )
    from lossreg.definition.domains import (
        ClassListed as ClassListed,
    )
    from lossreg.definition.domains import (
        ClassRow as ClassRow,
    )
    from lossreg.definition.domains import (
        Count as Count,
    )
    from lossreg.definition.domains import (
        Dissimilarity as Dissimilarity,
    )
    from lossreg.definition.domains import (
        Fraction as Fraction,
    )
    from lossreg.definition.domains import (
        Ignored as Ignored,
    )
    from lossreg.definition.domains import (
        Length as Length,
    )
    from lossreg.definition.domains import (
        LogProbability as LogProbability,
    )
    from lossreg.definition.domains import (
        NonNegative as NonNegative,
    )
    from lossreg.definition.domains import (
        Positive as Positive,
    )
    from lossreg.definition.domains import (
        Probability as Probability,
    )
    from lossreg.definition.domains import (
        Real as Real,
    )
    from lossreg.definition.domains import (
        Rising as Rising,
    )
    from lossreg.definition.domains import (
        Row as Row,
    )
    from lossreg.definition.domains import (
        Scale as Scale,
    )
    from lossreg.definition.domains import (
        Share as Share,
    )
    from lossreg.definition.domains import (
        Shared as Shared,
    )
    from lossreg.definition.domains import (
        Sign as Sign,
    )
    from lossreg.definition.domains import (
        Slope as Slope,
    )
    from lossreg.definition.domains import (
        Slopes as Slopes,
    )
    from lossreg.definition.domains import (
        Symbol as Symbol,
    )
    from lossreg.definition.domains import (
        Unit as Unit,
    )
    from lossreg.definition.domains import (
        Weight as Weight,
    )
    from lossreg.definition.domains import (
        Whole as Whole,
    )
    from lossreg.definition.hooks import hookimpl as hookimpl
    from lossreg.definition.loss import (
        Loss as Loss,
    )
    from lossreg.definition.loss import (
        loss as loss,
    )
    from lossreg.errors import (
        InvalidInput as InvalidInput,
    )
    from lossreg.errors import (
        InvalidParameter as InvalidParameter,
    )
    from lossreg.experiment.data.table import Table as Table
    from lossreg.experiment.network.interface import Network as Network
    from lossreg.experiment.network.sequential import (
        Dense as Dense,
    )
    from lossreg.experiment.network.sequential import (
        Sequential as Sequential,
    )
    from lossreg.kernels.drivers.batch_kernel import (
        Scratch as Scratch,
    )
    from lossreg.kernels.drivers.batch_kernel import (
        require as require,
    )
    from lossreg.kernels.drivers.each import (
        each as each,
    )

EXPORTS = {
    "Array": "lossreg.definition.domains",
    "Axes": "lossreg.definition.domains",
    "ClassIndex": "lossreg.definition.domains",
    "ClassListed": "lossreg.definition.domains",
    "ClassRow": "lossreg.definition.domains",
    "Component": "lossreg.definition.component",
    "Count": "lossreg.definition.domains",
    "Data": "lossreg.definition.component",
    "Dense": "lossreg.experiment.network.sequential",
    "Dissimilarity": "lossreg.definition.domains",
    "Fraction": "lossreg.definition.domains",
    "Ignored": "lossreg.definition.domains",
    "InvalidInput": "lossreg.errors",
    "InvalidParameter": "lossreg.errors",
    "Length": "lossreg.definition.domains",
    "LogProbability": "lossreg.definition.domains",
    "Loss": "lossreg.definition.loss",
    "Model": "lossreg.definition.component",
    "Network": "lossreg.experiment.network.interface",
    "NonNegative": "lossreg.definition.domains",
    "Optimizer": "lossreg.definition.component",
    "Positive": "lossreg.definition.domains",
    "Probability": "lossreg.definition.domains",
    "Real": "lossreg.definition.domains",
    "Rising": "lossreg.definition.domains",
    "Row": "lossreg.definition.domains",
    "Scale": "lossreg.definition.domains",
    "Schedule": "lossreg.definition.component",
    "Scratch": "lossreg.kernels.drivers.batch_kernel",
    "Sequential": "lossreg.experiment.network.sequential",
    "Share": "lossreg.definition.domains",
    "Shared": "lossreg.definition.domains",
    "Sign": "lossreg.definition.domains",
    "Slope": "lossreg.definition.domains",
    "Slopes": "lossreg.definition.domains",
    "Symbol": "lossreg.definition.domains",
    "Table": "lossreg.experiment.data.table",
    "Tracker": "lossreg.definition.component",
    "Unit": "lossreg.definition.domains",
    "Weight": "lossreg.definition.domains",
    "Whole": "lossreg.definition.domains",
    "data": "lossreg.definition.component",
    "each": "lossreg.kernels.drivers.each",
    "hookimpl": "lossreg.definition.hooks",
    "loss": "lossreg.definition.loss",
    "model": "lossreg.definition.component",
    "optimizer": "lossreg.definition.component",
    "require": "lossreg.kernels.drivers.batch_kernel",
    "schedule": "lossreg.definition.component",
    "tracker": "lossreg.definition.component",
}

__all__ = sorted(EXPORTS)  # noqa: PLE0605  it is derived from the table above
__getattr__ = lazy(__name__, EXPORTS)


def __dir__() -> list[str]:
    return __all__
