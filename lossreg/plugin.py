"""Everything that authors of plugins import.

    from lossreg.plugin import Positive, Real, hookimpl, loss

* `loss`, `model`, `optimizer`, `data`, `schedule` and `tracker` are decorators, each of which makes a component from a
  function; `hookimpl` marks the hook that returns the component.
* Domains, such as `Real`, `Positive` or `ClassIndex`, annotate the inputs and parameters of that function.
* `Row`, `ClassRow`, `Slope` and `Slopes` annotate rows of a kernel, `Array` and `Axes` the arrays of a batch kernel.
* `each`, `Scratch` and `require` are for batch kernels; `Table` is what data sets return, and `Network`, `Sequential`
  and `Dense` are what models are made of.

Functions for the formulas of kernels are in `lossreg.kernels.numerics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg._lazy import lazy

if TYPE_CHECKING:
    from lossreg.definition.component import (
        Component as Component,
        Data as Data,
        Model as Model,
        Optimizer as Optimizer,
        Schedule as Schedule,
        Tracker as Tracker,
        data as data,
        model as model,
        optimizer as optimizer,
        schedule as schedule,
        tracker as tracker,
    )
    from lossreg.definition.domains import (
        Array as Array,
        Axes as Axes,
        Broadcast as Broadcast,
        ClassIndex as ClassIndex,
        ClassRow as ClassRow,
        Dissimilarity as Dissimilarity,
        Fraction as Fraction,
        Ignored as Ignored,
        IncreasingIntegers as IncreasingIntegers,
        Length as Length,
        LogProbability as LogProbability,
        NonNegative as NonNegative,
        NonNegativeInteger as NonNegativeInteger,
        PaddedClassIndex as PaddedClassIndex,
        Positive as Positive,
        PositiveInteger as PositiveInteger,
        Probability as Probability,
        Real as Real,
        Row as Row,
        SampleWeight as SampleWeight,
        Scale as Scale,
        Sign as Sign,
        Slope as Slope,
        Slopes as Slopes,
        Symbol as Symbol,
        Unit as Unit,
        Weight as Weight,
    )
    from lossreg.definition.hooks import hookimpl as hookimpl
    from lossreg.definition.loss import (
        Loss as Loss,
        loss as loss,
    )
    from lossreg.errors import (
        InvalidInput as InvalidInput,
        InvalidParameter as InvalidParameter,
    )
    from lossreg.experiment.data.table import Table as Table
    from lossreg.experiment.network.interface import Network as Network
    from lossreg.experiment.network.sequential import (
        Dense as Dense,
        Sequential as Sequential,
    )
    from lossreg.kernels.drivers.each import (
        Scratch as Scratch,
        each as each,
        require as require,
    )

EXPORTS = {
    "Array": "lossreg.definition.domains",
    "Axes": "lossreg.definition.domains",
    "ClassIndex": "lossreg.definition.domains",
    "PaddedClassIndex": "lossreg.definition.domains",
    "ClassRow": "lossreg.definition.domains",
    "Component": "lossreg.definition.component",
    "PositiveInteger": "lossreg.definition.domains",
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
    "IncreasingIntegers": "lossreg.definition.domains",
    "Row": "lossreg.definition.domains",
    "Scale": "lossreg.definition.domains",
    "Schedule": "lossreg.definition.component",
    "Scratch": "lossreg.kernels.drivers.each",
    "Sequential": "lossreg.experiment.network.sequential",
    "SampleWeight": "lossreg.definition.domains",
    "Broadcast": "lossreg.definition.domains",
    "Sign": "lossreg.definition.domains",
    "Slope": "lossreg.definition.domains",
    "Slopes": "lossreg.definition.domains",
    "Symbol": "lossreg.definition.domains",
    "Table": "lossreg.experiment.data.table",
    "Tracker": "lossreg.definition.component",
    "Unit": "lossreg.definition.domains",
    "Weight": "lossreg.definition.domains",
    "NonNegativeInteger": "lossreg.definition.domains",
    "data": "lossreg.definition.component",
    "each": "lossreg.kernels.drivers.each",
    "hookimpl": "lossreg.definition.hooks",
    "loss": "lossreg.definition.loss",
    "model": "lossreg.definition.component",
    "optimizer": "lossreg.definition.component",
    "require": "lossreg.kernels.drivers.each",
    "schedule": "lossreg.definition.component",
    "tracker": "lossreg.definition.component",
}

__all__ = sorted(EXPORTS)  # noqa: PLE0605  it is derived from the table above
__getattr__ = lazy(__name__, EXPORTS)


def __dir__() -> list[str]:
    return __all__
