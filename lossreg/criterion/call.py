"""One call of a criterion: its arrays checked, and brought to the axes and outputs that the kernels room takes."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arrays import (
    FLOATS,
    folded,
    gradient_type,
    numbers,
    row_axis,
    row_last,
    signed,
    smaller,
    spread,
    without,
)
from lossreg.criterion.reductions import DIVIDING, REDUCTIONS
from lossreg.definition.roles import Role
from lossreg.definition.values import REFUSED, accept_scalar
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType, listed, nearest
from lossreg.kernels.drivers import evaluate as execute
from lossreg.kernels.drivers.counting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.criterion import Criterion
    from lossreg.definition.parameters import Parameter
    from lossreg.definition.signature import Form, Input

    Array = np.ndarray[Any, Any]

UNUSED_LABEL = -1
"""What stands for the label to ignore in a loss that has none: out of range, so that it counts for nothing anyway."""


class Call:
    """The arrays of one call, checked."""

    def __init__(
        self,
        criterion: Criterion,
        arrays: Sequence[Any],
        sample_weight: Any,
        where: Any,
        wrt: Sequence[str] | None = None,
    ) -> None:
        self.name = criterion.loss.name
        self.reduction = criterion.reduction
        self.settings = criterion.parameters
        names = [entry.name for entry in criterion.loss.inputs]
        names += names[-1:] * len(arrays)  # the last may be several
        self.arrays = [numbers(x, f"{self.name}: expected {name}") for x, name in zip(arrays, names, strict=False)]
        self.form, self.shape = self.match(criterion.loss.forms)
        self.arrays = [
            signed(x) if entry.domain.integer else x for x, entry in zip(self.arrays, self.form.inputs, strict=True)
        ]
        self.inputs = [
            spread(x, self.shape) if entry.broadcast else row_last(x, entry)
            for x, entry in zip(self.arrays, self.form.inputs, strict=True)
        ]
        named = dict(zip((entry.name for entry in self.form.inputs), self.arrays, strict=True))
        self.graded = [(name, named[name]) for name in (self.form.default_wrt if wrt is None else self.asked(wrt))]
        deciding = [named[name] for name in self.form.default_wrt]
        # A single number beside arrays has no say in the type, as in numpy.
        self.kind = np.result_type(*(gradient_type(x) for x in deciding if x.ndim or not deciding[0].ndim))
        self.real = FLOATS[self.kind]
        self.sample_weight = self.share(sample_weight, "sample_weight")
        self.where = self.share(where, "where")
        if self.where is not None and self.where.dtype != np.bool_:
            raise InvalidType(f"{self.name}: expected a mask of booleans as where, got {self.where.dtype}")

    def asked(self, wrt: Sequence[str]) -> Sequence[str]:
        """The inputs that the caller wants gradients of; raises InvalidParameter for one that has none."""
        if not isinstance(wrt, list | tuple) or not wrt or len(set(wrt)) < len(wrt):
            raise InvalidParameter(f"{self.name}: expected names of inputs as wrt, such as ('target',); got {wrt!r}")
        for name in wrt:
            if name not in self.form.slopes:
                hint = nearest(str(name), self.form.slopes)
                told = f"{self.name}: there is a gradient of {listed(self.form.slopes)}; got wrt {name!r}"
                raise InvalidParameter(told + (hint and f"; {hint}"))
        return wrt

    def match(self, forms: Sequence[Form]) -> tuple[Form, tuple[int, ...]]:
        """The form whose inputs these arrays are, and the loss's own shape; raises InvalidInput or InvalidType."""
        problems: list[InvalidInput | InvalidType] = []
        for form in forms:
            names = [entry.name for entry in form.inputs]
            if len(names) != len(self.arrays):
                raise InvalidType(f"{self.name} takes {len(names)} arrays ({', '.join(names)}), got {len(self.arrays)}")
            whole = self.arrays[0].shape
            axis = next((entry.axis for entry in form.inputs if entry.axis is not None), None)
            if axis is not None and (not whole or not whole[row_axis(axis, len(whole))]):
                raise InvalidInput(f"{self.name}: expected rows of a number or more as {names[0]}, got shape {whole}")
            shape = whole if axis is None else without(whole, row_axis(axis, len(whole)))
            for array, entry in zip(self.arrays, form.inputs, strict=True):
                expected = shape if entry.axis is None else whole
                if array.shape != expected and not (entry.broadcast and array.shape in smaller(whole)):
                    told = f"{entry.name} of shape {expected}, as {names[0]} has shape {whole}; got {array.shape}"
                    problems.append(InvalidInput(told))
                    break
                if entry.domain.integer and array.dtype.kind not in "iu":
                    problems.append(InvalidType(f"{entry.name} of an integer type; got {array.dtype}"))
                    break
            else:
                return form, shape
        told = "; or ".join(str(problem) for problem in problems)
        mistyped = any(isinstance(problem, InvalidType) for problem in problems)
        raise (InvalidType if mistyped else InvalidInput)(f"{self.name}: expected {told}")

    def share(self, given: Any, what: str) -> Array | None:
        """A weight or mask over the loss's own shape, given in that shape or in that of its first axes."""
        if given is None:
            return None
        array = numbers(given, f"{self.name}: expected {what}")
        if array.shape != self.shape[: array.ndim] or (self.shape and not array.ndim):
            told = f"{self.name}: expected {what} of the loss's own shape {self.shape} or of its first axes"
            raise InvalidInput(f"{told}; got {array.shape}")
        if array.ndim == len(self.shape):
            return array
        return np.broadcast_to(array.reshape(array.shape + (1,) * (len(self.shape) - array.ndim)), self.shape)

    def parameter(self, parameter: Parameter) -> Any:
        """A parameter's value: a number; an array over the loss's own shape; in a form by row, a row as long."""
        value = self.settings[parameter.name]
        if not isinstance(value, np.ndarray):
            return value
        if self.form.by_row:
            classes = self.inputs[0].shape[-1:]
            if value.shape != classes:
                raise InvalidInput(f"{self.name}: expected {parameter.name} of shape {classes}; got {value.shape}")
            return value.astype(self.real)
        try:
            fitting = np.broadcast_shapes(value.shape, self.shape) == self.shape
        except ValueError:
            fitting = False
        if not fitting:
            told = f"{self.name}: expected {parameter.name} of a shape that broadcasts to {self.shape}"
            raise InvalidInput(f"{told}; got {value.shape}")
        return np.broadcast_to(value, self.shape)

    def divisor(self, denominator: float | None = None) -> float:
        """What the sum is divided by: what counts, or the denominator that the caller gives instead."""
        divides = self.reduction in DIVIDING
        if denominator is not None and not divides:
            told = f"{self.name}: a denominator goes with reduction {' or '.join(DIVIDING)}"
            raise InvalidParameter(f"{told}; got reduction {self.reduction}")
        given = None if denominator is None else accept_scalar(float, denominator)
        if given is REFUSED or not 0 <= (given or 0) < np.inf:
            raise InvalidParameter(f"{self.name}: expected a finite denominator of 0 or above; got {denominator!r}")
        batch = self.shape[0] if self.shape else 1
        divisor = REDUCTIONS[self.reduction](self.count() if divides else 1.0, prod(self.shape), batch)
        if given == 0 and divisor != 0:
            raise InvalidParameter(f"{self.name}: the denominator given is 0, but {divisor:g} count")
        return divisor if given is None else float(given)

    def count(self) -> float:
        """How much the elements or rows weigh together that are not masked or ignored."""
        each, labels, ignored, weight = self.counted()
        return each * count(self.shape, labels, ignored, weight, self.sample_weight, self.where)

    def counted(self) -> tuple[float, Array | None, int, Any]:
        """How much each element or row weighs; the labels that decide on more, the ignored one, the class weights."""
        weight, ignored, each = None, None, 1.0
        for parameter in self.form.parameters:
            if parameter.role is Role.WEIGHT and isinstance(self.settings[parameter.name], np.ndarray):
                weight = self.parameter(parameter)
            elif parameter.role is Role.WEIGHT:
                each *= self.settings[parameter.name]
            if parameter.role is Role.IGNORED_LABEL:
                ignored = self.settings[parameter.name]
        labels = self.labels() if ignored is not None or weight is not None else None
        ignored = UNUSED_LABEL if ignored is None else ignored
        return each, labels, ignored, weight

    def labels(self) -> Array | None:
        """The input that is class labels, if there is one."""
        found = (x for x, entry in zip(self.arrays, self.form.inputs, strict=True) if entry.role is Role.LABEL)
        return next(found, None)

    def gradients(self, out: Any) -> tuple[Array, ...]:
        """The arrays for the gradients: those given, or new ones where writing to them would change an input."""
        buffers = out if isinstance(out, tuple) else (out,) * (1 if out is not None else len(self.graded))
        if len(buffers) != len(self.graded):
            many, names = len(self.graded), ", ".join(name for name, _ in self.graded)
            raise InvalidInput(f"{self.name}: expected a tuple of {many} arrays as out ({names}); got {len(buffers)}")
        found: list[Array] = []
        for (name, x), buffer in zip(self.graded, buffers, strict=True):
            kind = gradient_type(x)
            if buffer is not None and not (
                isinstance(buffer, np.ndarray)
                and buffer.shape == x.shape
                and buffer.dtype == kind
                and buffer.flags.writeable
            ):
                got = f"{buffer.dtype} {buffer.shape}" if isinstance(buffer, np.ndarray) else repr(buffer)
                locked = " that is read-only" if isinstance(buffer, np.ndarray) and not buffer.flags.writeable else ""
                told = f"{self.name}: expected out for {name} to be a writable array {kind} {x.shape}"
                raise InvalidInput(f"{told}; got {got}{locked}")
            whole = x.shape if self.form.by_row or self.form.by_batch else self.shape
            if buffer is None or x.shape != whole or not self.writable(buffer, x):
                buffer = np.empty(whole, kind)  # noqa: PLW2901  what the caller gave is filled in the end
            found.append(buffer)
        return tuple(found)

    def writable(self, buffer: Array, x: Array) -> bool:
        """Whether the gradient of `x` can be written there at once: over no input, or row by row over `x` itself."""
        shared = [y for y in self.arrays if np.may_share_memory(buffer, y)]
        alone = self.form.by_row and len(shared) == 1 and shared[0] is x
        return not shared or (alone and buffer.ctypes.data == x.ctypes.data and buffer.strides == x.strides)

    def deliver(self, grads: tuple[Array, ...], out: Any) -> tuple[Array, ...]:
        """Bring the gradients to their inputs' shapes, and to where the caller wants them."""
        grads = tuple(folded(grad, x.shape) for grad, (_, x) in zip(grads, self.graded, strict=True))
        if out is None:
            return grads
        buffers = out if isinstance(out, tuple) else (out,)
        for grad, buffer in zip(grads, buffers, strict=True):
            if grad is not buffer:
                buffer[...] = grad
        return buffers

    def value(self, denominator: float | None = None, grads: tuple[Array, ...] = ()) -> Any:
        """The loss; fills the gradients if there are any to fill."""
        divisor = self.divisor(denominator)
        values = np.empty(self.shape, self.kind) if self.reduction == "none" else None
        over = any(np.may_share_memory(grad, x) for grad in grads for x in self.arrays)
        kept = np.empty(self.shape, self.real) if over and values is None else values
        total = self.total(kept, grads, 1 / divisor if divisor else 0.0)
        if self.sample_weight is not None and not (isfinite(total) and divisor > 0):
            self.check_weights(self.sample_weight, divisor)
        if values is not None:
            return values if self.shape else values[()]
        if not isfinite(total) and divisor:
            # The sum may overflow where the mean does not.
            if kept is None:
                kept = np.empty(self.shape, self.real)
                self.total(kept, (), 1.0)
            total, divisor = float(np.sum(kept / np.float64(divisor))), 1.0
        with np.errstate(over="ignore"):
            return self.kind.type(total / divisor if divisor else 0.0)

    def total(self, values: Array | None, grads: tuple[Array, ...], scale: float) -> float:
        """The sum of the values; fills what there is to fill, the gradients times `scale`."""
        form, settings = self.form, self.form.resolve(self.settings)
        entries = {entry.name: entry for entry in form.inputs}
        slopes = dict(zip((name for name, _ in self.graded), grads, strict=False))
        if form.by_row and grads:
            # What a kernel by row fills in any case needs a place beside what was asked for.
            always = zip(form.slopes, form.slope_rows, strict=True)
            missing = [name for name, row in always if row not in form.optional_rows and name not in slopes]
            whole = self.arrays[0].shape
            slopes |= {name: np.empty(whole, self.real) for name in missing}
        total, outside = execute.evaluate(
            form,
            self.real,
            tuple(settings[name] for name in form.switches),
            self.shape,
            self.inputs,
            [self.parameter(parameter) for parameter in form.parameters if parameter.name not in form.switches],
            scale=scale,
            sample_weight=self.sample_weight,
            where=self.where,
            values=values,
            slopes=tuple(row_last(slopes[name], entries[name]) if name in slopes else None for name in form.slopes),
        )
        if outside:
            self.explain()
        return total

    def check_weights(self, weights: Array, divisor: float) -> None:
        """Raise InvalidInput for a sample weight that is not finite, or for some below 0 that a mean divides by."""
        counting = weights if self.where is None else np.where(self.where, weights, 0)
        for at in np.argwhere(~np.isfinite(counting))[:1].tolist():
            raise InvalidInput(f"{self.name}: expected a finite sample_weight; got {counting[tuple(at)]} at {at}")
        if divisor <= 0 and (counting < 0).any():
            told = f"{self.name}: expected a sample_weight that adds up to more than 0, or a denominator"
            raise InvalidInput(f"{told}; got {divisor:g}")

    def outside(self, x: Array, entry: Input, classes: int) -> tuple[Array, str]:
        """Which numbers of an input lie outside its domain, and what they should be."""
        if entry.role is Role.LABELS:
            ended = np.logical_or.accumulate(x == -1, axis=-1)
            return ~ended & ((x < 0) | (x >= classes)), f"classes from 0 to {classes - 1}, then -1"
        if entry.role is Role.LABEL:
            ignored = [self.settings[p.name] for p in self.form.parameters if p.role is Role.IGNORED_LABEL]
            allowed = [f"a class from 0 to {classes - 1}", *(f"{label} (ignored)" for label in ignored)]
            return ((x < 0) | (x >= classes)) & ~np.isin(x, ignored), " or ".join(allowed)
        return ~np.asarray(entry.domain.contains(x)), entry.domain.description

    def explain(self) -> None:
        """Raise InvalidInput for the first input that lies outside its domain, with its position."""
        counts = np.ones(self.shape, np.bool_)
        if self.where is not None:
            counts &= self.where
        if self.sample_weight is not None:
            counts &= self.sample_weight != 0
        for x, entry in zip(self.inputs, self.form.inputs, strict=True):
            outside, extent = self.outside(x, entry, self.inputs[0].shape[-1] if self.form.by_row else 0)
            outside &= counts if entry.axis is None else counts[..., None]
            if outside.any():
                position = np.unravel_index(int(np.argmax(outside)), outside.shape)
                at = [int(index) for index in position]
                if entry.axis is not None:
                    at.insert(row_axis(entry.axis, x.ndim), at.pop())
                raise InvalidInput(f"{self.name}: expected {entry.name} {extent}; got {x[position]} at {at}")
