"""Criterion = loss + parameters + reduction: checks the calls that it is given, and computes them by plans."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from lossreg.criterion.arguments import as_array, inputs_by_name, refuse_misaligned, reject_call_arguments
from lossreg.criterion.batch_kernels.batch_check import check_batch
from lossreg.criterion.batch_kernels.coupled_weights import batch_plan
from lossreg.criterion.checking import VALUE_ONLY
from lossreg.criterion.form_with_parameters import ArrayParameter, BoundForm
from lossreg.criterion.outputs import layouts_of
from lossreg.criterion.plans.loop_plan import loop_plan
from lossreg.criterion.plans.plan import MaskedPlan, Plan
from lossreg.criterion.reduction_plugins.bound_reduction import BoundReduction, check_values, find_reduction
from lossreg.criterion.reduction_plugins.reduced_plan import ReducedPlan
from lossreg.criterion.second_order import SecondOrder
from lossreg.definition.loss import Loss
from lossreg.definition.parameters import bind
from lossreg.errors import InvalidType
from lossreg.plotting.notebook import NotebookDisplay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLANS = 1024
"""The number of plans that a criterion caches; beyond it the oldest is dropped. A plan takes some 3 kB."""


class Criterion(SecondOrder, NotebookDisplay):
    """A loss with its parameters and a reduction, to be called on arrays. It is immutable.

    `lossreg.create` makes criteria. `value_and_grad` documents the shapes, types and weights, which are the same for
    all losses; the formula is in the documentation of the loss, `criterion.loss.doc`.
    """

    __slots__ = ("_derived", "_forms", "_given", "_plans", "_plugin", "_unreduced", "loss", "parameters", "reduction")

    _forms: tuple[BoundForm, ...]
    _plans: dict[Any, Plan]
    _plugin: BoundReduction | None
    _unreduced: Criterion | None

    def __init__(self, loss: Loss, reduction: Any = "mean", parameters: Mapping[str, Any] | None = None) -> None:
        if not isinstance(loss, Loss):
            raise InvalidType(f"expected a loss, got {loss!r}")
        found = find_reduction(loss.name, reduction)
        plugin = None if isinstance(found, str) else found
        given = parameters or {}
        reject_call_arguments(loss, given)
        settable = [ArrayParameter(p.name, p.annotation, p.default) if p.accepts_array else p for p in loss.parameters]
        bound = bind(loss.name, settable, given, related=("reduction",))
        if plugin:
            check_values(loss, plugin, bound)
        forms = [BoundForm(loss.name, "none" if plugin else str(found), form, bound) for form in loss.forms]
        for name, value in (
            ("loss", loss),
            ("reduction", plugin.name if plugin else found),
            ("_plugin", plugin),
            ("_unreduced", Criterion(loss, "none", given) if plugin else None),
            ("parameters", MappingProxyType(bound)),
            ("_given", {name: value for name, value in bound.items() if name in given}),
            ("_forms", tuple(forms)),
            ("_plans", {}),
            ("_derived", {}),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a criterion is immutable; make another one with lossreg.create(..., {name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a criterion is immutable; its {name} cannot be deleted")

    @property
    def config(self) -> dict[str, Any]:
        """The arguments of the `lossreg.create` that makes this criterion, as plain values for a config."""
        plain = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in self.parameters.items()}
        return {"name": self.loss.name, **plain, "reduction": self._plugin.config if self._plugin else self.reduction}

    def __repr__(self) -> str:
        given = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in self._given.items()}
        arguments = [repr(self.loss.name), *(f"{name}={v!r}" for name, v in given.items())]
        return f"lossreg.create({', '.join(arguments)}, reduction={self.config['reduction']!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Criterion, (self.loss, self._plugin or self.reduction, self._given)

    def _key(self) -> tuple[Any, ...]:
        plain = {k: (v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for k, v in self.parameters.items()}
        return (self.loss, self._plugin or self.reduction, *sorted(plain.items()))

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
        **inputs: Any,
    ) -> Any:
        """The loss: a numpy number, or with reduction none an array of the loss's own shape. See `value_and_grad`."""
        if inputs:
            arrays = inputs_by_name(self.loss, arrays, inputs)
        plan = self._plan(arrays, sample_weight, where, VALUE_ONLY, None)
        if plan is None:
            arrays, sample_weight, where = self._as_arrays(arrays, sample_weight, where)
            return self(*arrays, sample_weight=sample_weight, where=where, denominator=denominator)
        return plan.run(arrays, sample_weight, where, denominator, None)[0]

    def grad(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        wrt: Sequence[str] | None = None,
        out: Any = None,
        **inputs: Any,
    ) -> Any:
        """The gradient only. See `value_and_grad`."""
        options = {"sample_weight": sample_weight, "where": where, "denominator": denominator, "wrt": wrt, "out": out}
        return self.value_and_grad(*arrays, **options, **inputs)[1]

    def value_and_grad(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        wrt: Sequence[str] | None = None,
        out: Any = None,
        **inputs: Any,
    ) -> tuple[Any, Any]:
        """The loss and its gradient in one pass: the gradient is the derivative of exactly the value returned.

        `arrays` are the inputs of the loss, by position or by name, of the shapes in its documentation; inputs are not
        broadcast. The result has the type of the inputs that have a gradient: bfloat16 (of ml_dtypes), float16, float32
        or float64, and float64 for integers. Sums are in float64. With reduction none the gradient is that of the sum
        of the values.

        sample_weight: the finite weight of each element or row, of the loss's own shape or that of its first axes. A
            mean divides by the sum of the weights, which has to be above 0 if some weights are negative.
        where: a boolean mask of the same shape as weights may have. Masked or ignored elements, and elements of weight
            0, are never read.
        denominator: a divisor in place of that of the reduction (mean or batchmean). With the sum of `denominator()` of
            all parts of a batch, the losses and gradients of the parts add up to those of the batch.
        wrt: the names of the inputs to differentiate with respect to; by default all that have a gradient but the
            target.
        out: the array to write the gradient to, or a tuple of arrays. It may be an input, which the gradient then
            overwrites; for losses by row that takes no additional memory.

        The gradient is an array, or a tuple of arrays if several inputs have one. A mean without elements is 0, and its
        gradient is 0. Raises InvalidInput for shapes that do not match, and for values outside the domains of the loss,
        with their position; raises InvalidType for arrays that are not numeric. A call that raises changes no input,
        and does not change `out` either, unless it is large and shares no memory with the inputs.
        """
        if inputs:
            arrays = inputs_by_name(self.loss, arrays, inputs)
        plan = self._plan(arrays, sample_weight, where, wrt, out)
        if plan is None:
            arrays, sample_weight, where = self._as_arrays(arrays, sample_weight, where)
            options = {"sample_weight": sample_weight, "where": where, "denominator": denominator, "wrt": wrt}
            return self.value_and_grad(*arrays, **options, out=out)
        return plan.run(arrays, sample_weight, where, denominator, out)

    def denominator(self, *arrays: Any, sample_weight: Any = None, where: Any = None, **inputs: Any) -> float:
        """The divisor of the reduction; the divisors of the parts of a batch add up to that of the batch."""
        if inputs:
            arrays = inputs_by_name(self.loss, arrays, inputs)
        arrays, sample_weight, where = self._as_arrays(arrays, sample_weight, where)
        plan = self._plan(arrays, sample_weight, where, VALUE_ONLY, None)
        assert plan is not None  # noqa: S101  all arguments are arrays
        return plan.denominator(arrays, sample_weight, where)

    def plan(self, *arrays: Any, sample_weight: Any = None, where: Any = None, wrt: Any = None) -> Plan:
        """How calls with such arrays are computed; raises what a call would for their types and shapes."""
        given, weight, mask = self._as_arrays(arrays, sample_weight, where)
        plan = self._plan(given, weight, mask, wrt, None)
        assert plan is not None  # noqa: S101  they are arrays now
        return plan

    def _plan(self, arrays: Any, sample_weight: Any, where: Any, wrt: Any, out: Any) -> Plan | None:
        """The plan of a call; None if an argument is not a plain array and has to be converted to one."""
        key: tuple[Any, ...] = (wrt if wrt.__class__ is not list else tuple(wrt),)
        readers = arrays
        if sample_weight is not None:
            readers = (*readers, sample_weight)
        if where is not None:
            readers = (*readers, where)
        for x in readers:
            if x.__class__ is not ndarray:
                return None
            key += x.dtype, x.shape, x.flags.num
        layouts = () if out is None else layouts_of(out, readers, key[3::3])
        if readers is not arrays or out is not None:
            key += sample_weight is None, where is None, layouts
        try:
            plan = self._plans.get(key)
        except TypeError:  # unhashable names in `wrt`, which the check rejects
            plan = None
        return plan or self._add_plan(key, arrays, sample_weight, where, wrt, out, layouts)

    def _as_arrays(self, given: Sequence[Any], sample_weight: Any, where: Any) -> tuple[Any, ...]:
        """Convert the inputs, weights and mask to arrays of numbers."""
        name, names = self.loss.name, [entry.name for entry in self.loss.inputs]
        names += names[-1:] * len(given)  # the last input may be several arrays
        refuse_misaligned(name, (*given, sample_weight, where))
        return (
            tuple([as_array(x, name, what) for x, what in zip(given, names, strict=False)]),
            None if sample_weight is None else as_array(sample_weight, name, "sample_weight"),
            None if where is None else as_array(where, name, "where"),
        )

    def _add_plan(self, key: Any, arrays: Any, sample_weight: Any, where: Any, *options: Any) -> Plan:
        """Check a call, and cache the plan for calls with its signature."""
        plan = self._new_plan(arrays, sample_weight, where, *options)
        bound = plan.bound
        if bound.also_ignored and bound.label is not None:
            mask = bound.without_ignored(arrays, where)
            plan = MaskedPlan(self._new_plan(arrays, sample_weight, mask, *options))
        if len(self._plans) >= PLANS:
            with suppress(RuntimeError):  # another thread adds a plan too
                self._plans.pop(next(iter(self._plans)), None)
        self._plans[key] = plan
        return plan

    def _new_plan(self, *given: Any) -> Plan:
        """Check a call, and make its plan."""
        batch = self._forms[0].form.by_batch
        plan = batch_plan(check_batch(self._forms, *given)) if batch else loop_plan(self._forms, *given)
        if self._plugin and self._unreduced:
            return ReducedPlan(plan, self._plugin, self._unreduced.value_and_grad, wrt=given[3])
        return plan

    def __getattr__(self, name: str) -> Any:
        """A method of the loss, with the parameters of the criterion."""
        if name not in self.loss.methods:
            raise AttributeError(f"{self!r} has no attribute {name!r}")
        return partial(self.loss.methods[name], **self.parameters)
