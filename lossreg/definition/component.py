"""Components: the nouns of a config, each made from one function of a plugin.

A component is data: a name, the function, the parameters read from its signature, and its documentation. `Loss` (in
lossreg.definition.loss) is one; this module has the others. What lossreg supplies to each function, by position:

    @model      (any of inputs, outputs, random, *, parameters)  -> lossreg.experiment.network.interface.Network
    @optimizer  (weight: Real, grad: Real, step: Real, states: Real ..., *, parameters)  -> (weight, states ...)
    @data       (*, parameters)  -> lossreg.experiment.data.table.Table
    @schedule   (any of step, steps, epoch, losses, *, parameters)  -> float
    @tracker    (path: str, config: dict, *, parameters)  -> lossreg.experiment.runner.trackers.RunTracker

A model names what it needs of `inputs: int`, the features of a row, `outputs: int`, how many numbers the loss takes for
it, and `random: Generator` for the initial weights. One without `outputs` chooses what it gives: an embedding, for
losses that compare rows, or else the inputs again, which are then its targets.

An optimizer is the update rule of one weight, compiled like a loss; its states start at 0 and `step` counts from 1.
In what is compiled, parameters that choose a branch (`bool`, `Literal`) come after those that are numbers.

A schedule is the factor on the optimizer's `lr`, as a pure function of how far the run is; it names what it needs of
`step: int` (from 1) of `steps: int`, `epoch: int` (from 1), and `losses: Sequence[float]`, the watched loss after each
epoch so far. Since it has no state, a run that is resumed has the same rates.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lossreg.definition.parameters import Parameter, bind, read_signature
from lossreg.errors import InvalidDefinition, InvalidParameter, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, eq=False, repr=False)
class Component:
    """One named thing that a plugin offers, as read from its function."""

    name: str
    function: Callable[..., Any]
    supplied: dict[str, Any]
    parameters: tuple[Parameter, ...]

    offered: ClassVar[tuple[str, ...]] = ()
    """What functions of this kind may ask for by name; of the other kinds, places and annotations tell."""

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Self:
        """Make the component from its function; raises InvalidDefinition for a signature that cannot be read."""
        if not callable(function) or not hasattr(function, "__code__"):
            raise InvalidDefinition(f"expected a function, got {function!r}")
        made = cls(function.__name__, function, *read_signature(function))
        for name in made.supplied:
            if cls.offered and name not in cls.offered:
                told = f"{made.name}: a {cls.__name__.lower()} gets {listed(cls.offered)}; {name!r} is a parameter and"
                hint = nearest(name, cls.offered)
                raise InvalidDefinition(f"{told} needs a default" + (hint and f"; {hint}"))
        for parameter in made.parameters:
            if parameter.required:
                continue
            try:
                parameter.accept(parameter.default)
            except InvalidParameter as error:
                raise InvalidDefinition(f"{made.name}: the default of {error}") from None
        return made

    @property
    def doc(self) -> str:
        """The documentation: the function's own docstring, or that of the module it is the point of."""
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
        """Check the parameters given and fill in the defaults; raises InvalidParameter."""
        return bind(self.name, self.parameters, given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return locate, (self.function.__module__, self.function.__qualname__)


def locate(module: str, qualified_name: str) -> Any:
    """Find a component again where its decorator put it; what pickles do."""
    return attrgetter(qualified_name)(import_module(module))


class Model(Component):
    """A model: builds a network for a number of inputs and outputs."""

    offered = ("inputs", "outputs", "random")


class Optimizer(Component):
    """An optimizer: the update rule of one weight."""

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the numbers it keeps for each weight."""
        return tuple(self.supplied)[3:]


class Data(Component):
    """A data set: loads or makes a table of inputs and targets."""


class Schedule(Component):
    """A schedule: the factor on the learning rate, as a function of how far the run is."""

    offered = ("step", "steps", "epoch", "losses")


class Tracker(Component):
    """A tracker: is told of a run, of the directory and the config that it is called with."""


model = Model.read
optimizer = Optimizer.read
data = Data.read
schedule = Schedule.read
tracker = Tracker.read
