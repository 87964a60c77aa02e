"""Criterion = loss + parameters + reduction: checks the arrays it is given, and has the kernels room evaluate them."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lossreg.criterion.batch_call import BatchCall
from lossreg.criterion.call import Call
from lossreg.criterion.plan import Settled, likeness
from lossreg.criterion.reductions import REDUCTIONS
from lossreg.definition.loss import Loss
from lossreg.definition.parameters import Parameter, bind
from lossreg.errors import InvalidParameter, InvalidType, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


WAYS = 64
"""How many kinds of calls a criterion remembers."""


class Criterion:
    """A loss with its parameters and a reduction, ready to be called on arrays. Immutable; equal to what prints alike.

    Made by `lossreg.create`. The shapes, types and weights that all losses take alike are described at
    `value_and_grad`; the formula is the loss's own documentation, `criterion.loss.doc`.
    """

    __slots__ = ("_given", "_ways", "loss", "parameters", "reduction")

    loss: Loss
    reduction: str
    parameters: Mapping[str, Any]
    _given: Mapping[str, Any]
    _ways: dict[Any, Settled | Literal[False] | None]

    def __init__(self, loss: Loss, reduction: str = "mean", parameters: Mapping[str, Any] | None = None) -> None:
        if not isinstance(loss, Loss):
            raise InvalidType(f"expected a loss, got {loss!r}")
        if not isinstance(reduction, str) or reduction not in REDUCTIONS:
            hint = nearest(str(reduction), REDUCTIONS)
            raise InvalidParameter(
                f"{loss.name}: expected a reduction of {listed(REDUCTIONS)}, got {reduction!r}"
                + (hint and f"; {hint}"),
            )
        settable = [Settable(p.name, p.annotation, p.default) if p.accepts_array else p for p in loss.parameters]
        bound = bind(loss.name, settable, parameters or {}, related=("reduction",))
        settings = {name: value for name, value in bound.items() if name in (parameters or {})}
        for name, value in (
            ("loss", loss),
            ("reduction", reduction),
            ("parameters", MappingProxyType(bound)),
            ("_given", settings),
            ("_ways", {}),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a criterion does not change; make another with lossreg.create(..., {name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a criterion does not change; it keeps its {name}")

    @property
    def config(self) -> dict[str, Any]:
        """The arguments of the `lossreg.create` that makes this criterion, as plain values for a config."""
        plain = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in self.parameters.items()}
        return {"name": self.loss.name, **plain, "reduction": self.reduction}

    def __repr__(self) -> str:
        given = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in self._given.items()}
        arguments = [repr(self.loss.name), *(f"{name}={v!r}" for name, v in given.items())]
        return f"lossreg.create({', '.join(arguments)}, reduction={self.reduction!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Criterion, (self.loss, self.reduction, self._given)

    def _key(self) -> tuple[Any, ...]:
        plain = {k: (v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for k, v in self.parameters.items()}
        return (self.loss, self.reduction, *sorted(plain.items()))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Criterion) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __call__(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
    ) -> Any:
        """The loss: a numpy number, or with reduction none an array of the loss's own shape. See `value_and_grad`."""
        plain = sample_weight is None and where is None and denominator is None
        alike = likeness(arrays, False) if plain else None
        way = self._ways.get(alike)
        found = way.run(arrays) if way else None
        if found is None:
            call = self._call(arrays, sample_weight, where)
            found = call.value(denominator), None
            self._settle(alike, call)
        return found[0]

    def grad(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        wrt: Sequence[str] | None = None,
        out: Any = None,
    ) -> Any:
        """The gradient alone. See `value_and_grad`."""
        return self.value_and_grad(
            *arrays,
            sample_weight=sample_weight,
            where=where,
            denominator=denominator,
            wrt=wrt,
            out=out,
        )[1]

    def value_and_grad(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        wrt: Sequence[str] | None = None,
        out: Any = None,
    ) -> tuple[Any, Any]:
        """The loss and its gradient in one pass: the derivative of exactly the number reported.

        `arrays` are the loss's inputs in order, of the shapes that its documentation gives; nothing is broadcast. The
        inputs that get a gradient decide the type: float16, float32 or float64 in, the same out (integers count as
        float64); sums are in float64. With reduction none the gradient is that of the values' sum.

        sample_weight: how much each element or row counts, in the loss's own shape or that of its first axes; finite. A
            mean divides by the sum of the weights, which has to be above 0 where some are below.
        where: a mask of such a shape; what is masked, ignored or of weight 0 is never read.
        denominator: what to divide by instead, for reductions mean and batchmean: the count over several parts, so that
            the parts' losses and gradients add up to the whole's. `denominator()` gives each part's.
        wrt: the names of the inputs to differentiate by, in place of all that have a gradient but the target.
        out: the array to write the gradient to; a tuple of them where there are several. It may be the input itself,
            whose numbers the gradient then replaces; a loss by row takes no memory for that.

        The gradient is an array, or a tuple of them where several inputs get one. A mean over nothing is 0, with
        gradient 0. Raises InvalidInput for shapes that do not match and for values outside the loss's domains, with
        their position, and InvalidType for types that are no numbers.
        """
        plain = sample_weight is None and where is None and denominator is None and wrt is None
        alike = likeness(arrays, True) if plain else None
        way = self._ways.get(alike)
        found = way.run(arrays, out) if way else None
        if found is None:
            call = self._call(arrays, sample_weight, where, wrt)
            given = call.gradients(out)
            value, grads = call.value(denominator, given), call.deliver(given, out)
            self._settle(alike, call)
            found = value, grads[0] if len(grads) == 1 else grads
        return found

    def denominator(self, *arrays: Any, sample_weight: Any = None, where: Any = None) -> float:
        """What the reduction divides the sum by; what several parts' denominators add up to is the whole's."""
        return self._call(arrays, sample_weight, where).divisor()

    def _settle(self, alike: Any, call: Call) -> None:
        """Find the way of calls that are alike when a second one comes, and remember it, or that there is none."""
        if alike is None:
            return
        if self._ways.get(alike, False) is None:
            self._ways[alike] = Settled.of(call, alike) or False
        elif alike not in self._ways:
            if len(self._ways) >= WAYS:
                self._ways.clear()
            self._ways[alike] = None

    def _call(self, *given: Any) -> Call:
        """The arrays of a call, checked."""
        return (BatchCall if self.loss.forms[0].by_batch else Call)(self, *given)

    def __getattr__(self, name: str) -> Any:
        """A method of the loss, with the criterion's parameters."""
        if name not in self.loss.methods:
            raise AttributeError(f"{self!r} has no attribute {name!r}")
        return partial(self.loss.methods[name], **self.parameters)


class Settable(Parameter):
    """A parameter of a loss that may be a number, or an array of them."""

    def accept(self, value: Any) -> Any:
        """Give `value` in its plain form, or an array of float64 that nobody can change; or raise InvalidParameter."""
        if not (isinstance(value, list | tuple) or getattr(value, "shape", None)):
            return super().accept(value)
        try:
            array = np.array(value, np.float64)
        except (TypeError, ValueError):
            array = np.array(np.nan)
        inside = np.asarray(self.domain and self.domain.contains(array))
        if not (inside.size and inside.all()):
            at = [int(index) for index in np.argwhere(~inside)[0]] if inside.size else []
            got = f"{array[tuple(at)]} at {at}" if at else repr(value)
            raise InvalidParameter(f"{self.name}: expected {self.allowed}, got {got}")
        array.flags.writeable = False
        return array
