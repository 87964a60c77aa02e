"""Components: what plugins provide (models, optimizers, data sets, ...), each defined by one function.

A component is data: a name, the function, the parameters read from its signature, and its documentation. `Loss` (in
lossreg.definition.loss) is one; this module has the others. The arguments that lossreg supplies to each function:

    @model      (any of inputs, outputs, random, criterion, *, parameters)  -> Network, of lossreg.experiment.network
    @optimizer  (weight: Real, grad: Real, step: Real, states: Real ..., *, parameters)  -> (weight, states ...)
    @data       (source: Any if needed, *, parameters)  -> lossreg.experiment.data.table.Table
    @schedule   (any of step, steps, epoch, losses, *, parameters)  -> float
    @tracker    (path: str, config: dict, *, parameters)  -> lossreg.experiment.runner.trackers.RunTracker
    @reduction  (values: Array, weights: Array, *, parameters)  -> (value, factors)
    @metric(...)  (any of targets, predictions, event, group, *, parameters)  -> float

A model takes any of `inputs: int`, the number of features of a row, `outputs: int`, the number of outputs that the loss
needs for a row, and `random: Generator` for the initial weights. A model without `outputs` decides on its outputs: an
embedding for losses that compare rows, or a reconstruction of the inputs, which are then its targets. A model that
takes `criterion: Criterion`, the loss that it is trained with, returns a BoostedNetwork: training adds trees to it, and
takes no optimizer.

Data that take `source` are given the data frame of `lossreg.run(config, data=frame)`, or None.

An optimizer is the update rule of one weight, compiled like a loss; its states start at 0 and `step` counts from 1.
In compiled functions, parameters that choose a branch (`bool`, `Literal`) come after those that are numbers.

A schedule is the factor on the optimizer's `lr`, as a pure function of the progress of the run; it takes any of
`step: int` (from 1) and the number of `steps: int`, `epoch: int` (from 1), and `losses: Sequence[float]`, the monitored
loss after each epoch so far. It has no state, so a resumed run has the same learning rates.

A reduction makes one number of the values of a batch, and its derivatives by each of them, the factors. It is given
the values that count, one or more, in a float64 array of one axis in which none is nan, and their weights, above 0.

A metric is a number of all targets and predictions of a split, nan where it is not defined. `@metric` declares the
kinds of target that it measures, and whether a higher number is better:

    regression    real numbers (n, columns), in the units of the data
    binary        truth values (n,), and scores (n,) that are above 0 for true
    multiclass    labels (n,), and a score for each class (n, classes); two_classes and more_classes are parts of it
    multilabel    truth values (n, classes), and a score for each class
    survival      times (n,) and risks (n,), with `event`: whether each time is that of an event
    lists         relevances (n,) and scores (n,), with `group`: the group of each row
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib import import_module
from operator import attrgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lossreg.definition.parameters import REQUIRED, Parameter, bind, read_signature
from lossreg.definition.returned_values import returned_values
from lossreg.errors import InvalidDefinition, InvalidParameter, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, eq=False, repr=False)
class Component:
    """One named component of a plugin, as read from its function."""

    name: str
    function: Callable[..., Any]
    supplied: dict[str, Any]
    parameters: tuple[Parameter, ...]

    available: ClassVar[tuple[str, ...]] = ()
    """The arguments that a function of this kind may take by name; other kinds go by position and annotation."""

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Self:
        """Make the component from its function; raises InvalidDefinition for a signature that is not valid."""
        if not callable(function) or not hasattr(function, "__code__"):
            raise InvalidDefinition(f"expected a function, got {function!r}")
        if isinstance(function, MethodType):
            raise InvalidDefinition(
                f"{function.__name__}: expected a function, got a method; define it outside the class"
            )
        component = cls(function.__name__, function, *read_signature(function))
        for name in component.supplied:
            if cls.available and name not in cls.available:
                hint = nearest(name, cls.available)
                raise InvalidDefinition(
                    f"{component.name}: a {cls.__name__.lower()} is given {listed(cls.available)}; {name!r} is a "
                    "parameter and needs a default" + (hint and f"; {hint}")
                )
        for parameter in component.parameters:
            if parameter.required:
                continue
            try:
                replace(parameter, default=REQUIRED).accept(parameter.default)  # None stands for the default
            except InvalidParameter as error:
                raise InvalidDefinition(f"{component.name}: the default of {error}") from None
        return component

    @property
    def doc(self) -> str:
        """The documentation: the docstring of the function, or else that of its module."""
        module = sys.modules.get(self.function.__module__)
        return (self.function.__doc__ or getattr(module, "__doc__", None) or "").strip()

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.doc.partition("\n")[0]

    @property
    def file(self) -> str:
        """The file that defines it."""
        return self.function.__code__.co_filename

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check the given parameters and add the defaults; raises InvalidParameter."""
        return bind(self.name, self.parameters, given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return locate, (self.function.__module__, self.function.__qualname__)


def locate(module: str, qualified_name: str) -> Any:
    """Return the component at a place in a module, for unpickling."""
    return attrgetter(qualified_name)(import_module(module))


class Model(Component):
    """A model: builds a network for a number of inputs and outputs."""

    available = ("inputs", "outputs", "random", "criterion")

    @property
    def boosted(self) -> bool:
        """Whether it is trained by adding trees, for which it is given the loss, rather than by an optimizer."""
        return "criterion" in self.supplied


class Optimizer(Component):
    """An optimizer: the update rule of one weight."""

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Self:
        """Make the optimizer from its rule; raises InvalidDefinition if it does not return weight and states."""
        component = super().read(function)
        states, returned = component.states, returned_values(function)
        if len(component.supplied) < len(("weight", "grad", "step")):
            raise InvalidDefinition(
                f"{component.name}: expected weight, grad, step and any states as arguments; got "
                f"{', '.join(component.supplied)}"
            )
        if returned and returned.count != 1 + len(states):
            expected = ", ".join(["the new weight", *(f"the new {name}" for name in states)])
            raise InvalidDefinition(f"{component.name}: expected it to return {expected}; {returned}")
        return component

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that it keeps for each weight."""
        return tuple(self.supplied)[3:]


class Data(Component):
    """A data set: loads or makes a table of inputs and targets."""

    available = ("source",)


class Schedule(Component):
    """A schedule: the factor on the learning rate, as a function of the progress of the run."""

    available = ("step", "steps", "epoch", "losses")


class Tracker(Component):
    """A tracker: receives what is recorded of a run, given its directory and config."""


class Reduction(Component):
    """A reduction: one number of the values of a batch, and its derivative by each value."""

    available = ("values", "weights")

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Self:
        """Make the reduction from its function; raises InvalidDefinition if it does not return value and factors."""
        component, returned = super().read(function), returned_values(function)
        if tuple(component.supplied) != cls.available:
            raise InvalidDefinition(
                f"{component.name}: expected values, weights as arguments; got {', '.join(component.supplied)}"
            )
        if returned and returned.count != len(("value", "factors")):
            raise InvalidDefinition(f"{component.name}: expected it to return the value and the factors; {returned}")
        return component


TARGET_KINDS = ("regression", "binary", "multiclass", "two_classes", "more_classes", "multilabel", "survival", "lists")


@dataclass(frozen=True, eq=False, repr=False)
class Metric(Component):
    """A metric: a number of the targets and predictions of a split."""

    kinds: tuple[str, ...] = ()
    """The kinds of target that it measures."""
    higher_is_better: bool = True

    available = ("targets", "predictions", "event", "group")


def metric(*kinds: str, higher_is_better: bool) -> Callable[[Callable[..., Any]], Metric]:
    """The decorator of a metric for some kinds of target; raises InvalidDefinition for none, or for unknown ones."""
    unknown = [kind for kind in kinds if kind not in TARGET_KINDS]
    if unknown or not kinds:
        got = f"{unknown[0]!r}" if unknown else "none"
        raise InvalidDefinition(f"@metric: expected kinds of target, of {listed(TARGET_KINDS)}; got {got}")
    return lambda function: replace(Metric.read(function), kinds=kinds, higher_is_better=higher_is_better)


model = Model.read
optimizer = Optimizer.read
data = Data.read
schedule = Schedule.read
tracker = Tracker.read
reduction = Reduction.read
