"""Weighted sums of losses that share their inputs, as one criterion; and `make`, which `lossreg.create` calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import as_array, inputs_by_name, shown
from lossreg.criterion.criterion import Criterion
from lossreg.definition.loss import Loss
from lossreg.definition.parameter_values import REFUSED, accept_scalar
from lossreg.definition.signature import variants
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType, listed
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.plans.plan import Plan

    Array = np.ndarray[Any, Any]


class WeightedSum:
    """The sum of criteria, each times its factor, called as a criterion is. It is immutable.

    A term takes the first arrays of a call, as many as its loss has inputs. Sample weights, the mask and the reduction
    hold for every term, so that a mean of each is divided by what that loss divides by.

    terms: the factors with the criteria.
    loss: the loss of the term with the most inputs, under the name of the sum.
    """

    __slots__ = ("loss", "reduction", "terms", "widest")

    loss: Loss
    reduction: str
    terms: tuple[tuple[float, Criterion], ...]
    widest: Criterion

    def __init__(self, terms: Sequence[tuple[float, Criterion]]) -> None:
        if not terms:
            raise InvalidParameter("expected at least one term of a sum of losses; got none")
        widest = max((criterion for _, criterion in terms), key=lambda criterion: len(criterion.loss.inputs))
        for _, criterion in terms:
            if criterion.loss.learned and criterion is not widest:
                raise InvalidParameter(f"{criterion.loss.name} has learned inputs, which a sum of losses cannot share")
        name = " + ".join(f"{factor:g} {criterion.loss.name}" for factor, criterion in terms)
        for attribute, value in (
            ("terms", tuple(terms)),
            ("widest", widest),
            ("reduction", widest.reduction),
            ("loss", replace(widest.loss, name=name, methods={})),
        ):
            object.__setattr__(self, attribute, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a sum of losses is immutable; make another one to change its {name}")

    @property
    def config(self) -> dict[str, Any]:
        """The arguments of the `lossreg.create` that makes this sum, as plain values for a config."""
        terms = []
        for factor, criterion in self.terms:
            arguments = {key: value for key, value in criterion.config.items() if key not in {"name", "reduction"}}
            terms.append({"name": criterion.loss.name, "factor": factor, **arguments})
        return {"name": terms, "reduction": self.widest.config["reduction"]}

    @property
    def losses(self) -> list[Loss]:
        """The losses of the terms."""
        return [criterion.loss for _, criterion in self.terms]

    def __repr__(self) -> str:
        return f"lossreg.create({self.config['name']!r}, reduction={self.config['reduction']!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return WeightedSum, (self.terms,)

    def __eq__(self, other: object) -> bool:
        return self.terms == other.terms if isinstance(other, WeightedSum) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms)

    def __call__(self, *arrays: Any, **options: Any) -> Any:
        """The sum of the losses; see `Criterion.value_and_grad` for the options."""
        given, options = self._inputs(arrays, options)
        return self._total([criterion(*taken, **options) for criterion, taken in self._calls(given)])

    def value_of_each(self, *arrays: Any, **options: Any) -> list[Any]:
        """The loss of each term, without its factor."""
        given, options = self._inputs(arrays, options)
        return [criterion(*taken, **options) for criterion, taken in self._calls(given)]

    def grad(self, *arrays: Any, **options: Any) -> Any:
        """The gradient only. See `value_and_grad`."""
        return self.value_and_grad(*arrays, **options)[1]

    def value_and_grad(
        self, *arrays: Any, wrt: Sequence[str] | None = None, out: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """The sum of the losses and its gradient; see `Criterion.value_and_grad`."""
        given, options = self._inputs(arrays, options)
        plan = self.widest.plan(*given, wrt=None if wrt is None else tuple(wrt))
        names = plan.input_names
        wanted = [names.index(name) for name in (plan.bound.graded if wrt is None else wrt)]
        values: list[Any] = []
        totals: dict[int, Any] = dict.fromkeys(wanted)
        for (factor, _), (criterion, taken) in zip(self.terms, self._calls(given), strict=True):
            plan = criterion.plan(*taken)
            own = [at for at in wanted if at < len(taken) and plan.input_names[at] in plan.bound.slopes]
            if not own:
                values.append(criterion(*taken, **options))
                continue
            value, found = criterion.value_and_grad(*taken, wrt=[plan.input_names[at] for at in own], **options)
            values.append(value)
            for at, grad in zip(own, found if isinstance(found, tuple) else (found,), strict=True):
                totals[at] = added(totals[at], factor * grad)
        grads = [totals[at] for at in wanted]
        if out is not None:
            buffers = out if isinstance(out, tuple) else (out,)
            for buffer, grad in zip(buffers, grads, strict=True):
                buffer[...] = grad
            grads = [*buffers]
        return self._total(values), grads[0] if len(grads) == 1 else tuple(grads)

    def value_grad_hess(self, *arrays: Any, out: Any = None, **options: Any) -> tuple[Any, Any, Any]:
        """The sum, its gradient and the diagonal of its second derivatives; see `Criterion.value_grad_hess`.

        `hessian` may be None, for what each loss recommends for Newton steps.
        """
        given, options = self._inputs(arrays, options)
        found = [criterion.value_grad_hess(*taken, **options) for criterion, taken in self._calls(given)]
        values, grads, hessians = zip(*found, strict=True)
        sums = [sum(factor * x for (factor, _), x in zip(self.terms, each, strict=True)) for each in (grads, hessians)]
        if out is not None:
            for buffer, total in zip(out, sums, strict=True):
                buffer[...] = total
            sums = [*out]
        return self._total([*values]), *sums

    def hvp(self, *arrays: Any, **options: Any) -> Any:
        """The product of the second derivatives and a vector; see `Criterion.hvp`."""
        given, options = self._inputs(arrays, options)
        products = [criterion.hvp(*taken, **options) for criterion, taken in self._calls(given)]
        return sum(factor * product for (factor, _), product in zip(self.terms, products, strict=True))

    def denominator(self, *arrays: Any, **options: Any) -> float:
        """The divisor of the reduction. Raises InvalidParameter if the terms divide by different numbers."""
        given, options = self._inputs(arrays, options)
        found = {criterion.denominator(*taken, **options) for criterion, taken in self._calls(given)}
        if len(found) > 1:
            raise InvalidParameter(
                f"{self.loss.name}: the terms divide by different numbers, {listed(map(str, found))}"
            )
        return found.pop()

    def plan(self, *arrays: Any, **options: Any) -> Plan:
        """How the term with the most inputs is computed."""
        return self.widest.plan(*arrays, **options)

    def _inputs(self, arrays: tuple[Any, ...], options: dict[str, Any]) -> tuple[list[Array], dict[str, Any]]:
        """The inputs in their order as arrays, and the options of the call."""
        names = {entry.name for form in self.loss.forms for entry in form.inputs}
        named = {name: options.pop(name) for name in [*options] if name in names}
        given = inputs_by_name(self.loss, arrays, named) if named else arrays
        return [as_array(x, self.loss.name, f"input {at}") for at, x in enumerate(given, 1)], options

    def _calls(self, given: list[Array]) -> list[tuple[Criterion, list[Array]]]:
        """Each criterion with the arrays that it takes."""
        calls = []
        for _, criterion in self.terms:
            counts = range(len(given), 0, -1)
            taken = next((n for n in counts if any(variants(f, n) for f in criterion.loss.forms)), len(given))
            calls.append((criterion, given[:taken]))
        return calls

    def _total(self, values: list[Any]) -> Any:
        """The sum of the values of the terms, each times its factor."""
        shapes = dict.fromkeys(np.shape(value) for value in values)
        if len(shapes) > 1:
            raise InvalidInput(f"{self.loss.name}: expected values of one shape; got {listed(map(str, shapes))}")
        with np.errstate(all="ignore"):
            total = sum(factor * np.asarray(x, np.float64) for (factor, _), x in zip(self.terms, values, strict=True))
            return np.asarray(total).astype(np.result_type(*values))[()]


def added(total: Any, x: Any) -> Any:
    """The sum of two arrays, in the memory of the first; the second if there is no first."""
    return x if total is None else np.add(total, x, out=total) if np.ndim(total) else total + x


def with_reduction(criterion: Criterion | WeightedSum, reduction: Any) -> Criterion | WeightedSum:
    """The same losses and parameters with another reduction."""
    if isinstance(criterion, WeightedSum):
        return WeightedSum([(factor, Criterion(x.loss, reduction, x.parameters)) for factor, x in criterion.terms])
    return Criterion(criterion.loss, reduction, criterion.parameters)


def make(given: Any, reduction: Any = "mean", parameters: Mapping[str, Any] | None = None) -> Criterion | WeightedSum:
    """Make a criterion of a loss or its name, or the weighted sum that a mapping or a list of terms describes.

    Raises InvalidParameter or InvalidType for anything else.
    """
    if isinstance(given, str | Loss):
        return Criterion(losses.get(given) if isinstance(given, str) else given, reduction, parameters)
    if not isinstance(given, Mapping | list | tuple):
        raise InvalidType(f"expected the name of a loss, a loss, or terms of a sum of losses; got {shown(given)}")
    if parameters:
        example = f'{{"huber": {{"factor": 0.5, {next(iter(parameters))!r}: ...}}}}'
        raise InvalidParameter(f"expected the parameters of a sum of losses with its terms, such as {example}")
    entries = [*given.items()] if isinstance(given, Mapping) else [named_term(term) for term in given]
    return WeightedSum([term(name, value, reduction) for name, value in entries])


def named_term(given: Any) -> tuple[str, dict[str, Any]]:
    """The name of the loss of a term that is a mapping, and its other arguments."""
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise InvalidParameter(f'expected terms such as {{"name": "huber", "factor": 0.5}}; got {shown(given)}')
    return given["name"], {key: value for key, value in given.items() if key != "name"}


def term(name: str, value: Any, reduction: Any) -> tuple[float, Criterion]:
    """The factor and the criterion of a term, whose value is its factor, or its parameters with the factor."""
    arguments = dict(value) if isinstance(value, Mapping) else {"factor": value}
    factor = accept_scalar(float, arguments.pop("factor", 1.0))
    if factor is REFUSED or not isfinite(factor):
        raise InvalidParameter(f"{name}: expected a finite number as its factor; got {shown(value)}")
    return float(factor), Criterion(losses.get(name), reduction, arguments)
