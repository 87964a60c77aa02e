"""One call of a criterion with a batch kernel: their axes checked, and only what counts handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.call import Call
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES, SAMPLES, variants
from lossreg.errors import InvalidInput, InvalidType
from lossreg.kernels.drivers.each import Outside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.definition.parameters import Parameter
    from lossreg.definition.signature import Form, Input

    Array = np.ndarray[Any, Any]


class BatchCall(Call):
    """The arrays of one call, checked; `sizes` are those of the axes by name."""

    def match(self, forms: Sequence[Form]) -> tuple[Form, tuple[int, ...]]:
        """The form whose inputs these arrays are, and the loss's own shape; raises InvalidInput or InvalidType."""
        given = len(self.arrays)
        fitting = [variant for form in forms for variant in variants(form, given)]
        if not fitting:
            takes = dict.fromkeys(", ".join(map(in_words, form.inputs)) for form in forms)
            raise InvalidType(f"{self.name} takes {' or '.join(takes)}; got {given} arrays")
        self.arrays = self.side_by_side(fitting[0])
        problems: list[str] = []
        for form in fitting:
            sizes, problem = self.measure(form)
            if not problem:
                self.sizes = sizes
                return form, (sizes[SAMPLES],) if SAMPLES in sizes else ()
            problems.append(problem)
        raise InvalidInput(f"{self.name}: expected {'; or '.join(dict.fromkeys(problems))}")

    def side_by_side(self, form: Form) -> list[Array]:
        """The arrays, with the sequences that came one after the other in rows, each filled up with 0."""
        named = dict(zip((entry.name for entry in form.inputs), self.arrays, strict=False))
        for entry in (entry for entry in form.inputs if entry.lengths):
            flat, lengths = named[entry.name], named[entry.lengths]
            if flat.ndim == lengths.ndim == 1 and lengths.dtype.kind in "iu" and (lengths >= 0).all():
                if lengths.sum() != len(flat):
                    told = f"{self.name}: expected {entry.name} of {lengths.sum()} numbers, the sum of {entry.lengths}"
                    raise InvalidInput(f"{told}; got {len(flat)}")
                rows = np.zeros((len(lengths), lengths.max(initial=0)), flat.dtype)
                rows[np.arange(rows.shape[1]) < lengths[:, np.newaxis]] = flat
                named[entry.name] = rows
        return [*named.values(), *self.arrays[len(named) :]]

    def measure(self, form: Form) -> tuple[dict[str, int], str]:
        """The sizes of the axes, by name; and what is wrong with the shapes, if anything is."""
        sizes: dict[str, int] = {}
        single = self.arrays[0].ndim == len(form.inputs[0].axes) - 1
        for array, entry in zip(self.arrays, form.inputs, strict=True):
            axes = tuple(axis for axis in entry.axes if not (single and axis == SAMPLES))
            before = dict(sizes)
            fits = array.ndim == len(axes) and (
                entry.variadic
                or all(sizes.setdefault(axis, size) == size for axis, size in zip(axes, array.shape, strict=True))
            )
            if not fits:
                known = ", ".join(str(before.get(axis, axis)) for axis in axes)
                return sizes, f"{entry.name} of shape ({known}{',' * (len(axes) == 1)}); got {array.shape}"
            if entry.domain.integer and array.dtype.kind not in "iu":
                return sizes, f"{entry.name} of an integer type; got {array.dtype}"
        return sizes, ""

    def parameter(self, parameter: Parameter) -> Any:
        """A parameter's value: a number, a text, a function, or an array as long as there are classes."""
        value = self.settings[parameter.name]
        if isinstance(value, np.ndarray) and value.shape != (self.sizes[CLASSES],):
            told = f"{self.name}: expected {parameter.name} of shape ({self.sizes[CLASSES]},)"
            raise InvalidInput(f"{told}; got {value.shape}")
        return value

    def total(self, values: Array | None, grads: tuple[Array, ...], scale: float) -> float:
        """The sum of the values; fills what there is to fill, the gradients times `scale`."""
        shares = self.shares()
        kept = np.flatnonzero(shares)
        if not len(kept):
            for result in (*grads, *([] if values is None else [values])):
                result[...] = 0
            return 0.0
        batch = [self.with_samples(x, entry) for x, entry in zip(self.arrays, self.form.inputs, strict=True)]
        counting = [self.counting(x, entry, kept) for x, entry in zip(batch, self.form.inputs, strict=True)]
        for x, entry in zip(counting, self.form.inputs, strict=True):
            self.check(x, entry, kept)
            if entry.role is Role.LENGTH and self.reduction == "mean":
                shares[kept] /= np.maximum(x, 1)
        given = dict(zip((name for name, _ in self.graded), grads, strict=False))
        buffers = {x.name: self.with_samples(given[x.name], x) for x in self.form.inputs if x.name in given}
        slopes = {
            entry.name: in_place(buffers[entry.name], x.shape, self.real)
            for x, entry in zip(counting, self.form.inputs, strict=True)
            if entry.name in buffers
        }
        parameters = {p.name: self.parameter(p) for p in self.form.parameters}
        share: Array = shares[kept].astype(self.real)
        try:
            with np.errstate(all="ignore"):  # what is not finite goes through, as it does in compiled loops
                found = self.form.kernel(*self.form.kernel_arguments(counting), share, slopes, **parameters)
        except Outside as error:
            entry = next(entry for entry in self.form.inputs if entry.name == error.name)
            raise self.outlier(entry, error.at, error.got, error.extent, kept) from None
        for entry in (entry for entry in self.form.inputs if entry.name in slopes):
            self.fill(buffers[entry.name], slopes[entry.name], entry, kept, scale)
        if values is not None:
            every: Array = np.zeros(len(shares), self.real)
            every[kept] = found
            values[...] = every.reshape(values.shape)
        return float(np.sum(found, dtype=np.float64))

    def shares(self) -> Array:
        """How much each sample counts; 0 for what is masked or has the label to ignore."""
        shares = np.ones(self.shape)
        if self.sample_weight is not None:
            self.check_weights(self.sample_weight, 1.0)
            shares *= self.sample_weight
        if self.where is not None:
            shares[~self.where] = 0
        labels = self.labels()
        for parameter in (p for p in self.form.parameters if p.role is Role.IGNORED_LABEL and labels is not None):
            shares[labels == self.settings[parameter.name]] = 0
        return shares.reshape(-1)

    def with_samples(self, array: Array, entry: Input) -> Array:
        """The array with the axis of the samples, where a single one came without."""
        return array if array.ndim == len(entry.axes) else np.expand_dims(array, entry.axes.index(SAMPLES))

    def counting(self, array: Array, entry: Input, kept: Array) -> Array:
        """What of an input the kernel gets: the samples that count, in its own type."""
        if SAMPLES in entry.axes and len(kept) < array.shape[entry.axes.index(SAMPLES)]:
            array = np.take(array, kept, axis=entry.axes.index(SAMPLES))
        return np.ascontiguousarray(array, np.int64 if entry.domain.integer else self.real)

    def check(self, x: Array, entry: Input, kept: Array) -> None:
        """Raise InvalidInput for the first number that lies outside its domain, with its position."""
        labels = entry.role is Role.LABEL and CLASSES in self.sizes
        if not (entry.domain.bounded or labels):
            return
        outside, extent = self.outside(x, entry, self.sizes.get(CLASSES, 0))
        if outside.any():
            at = np.argwhere(outside)[0].tolist()
            raise self.outlier(entry, at, x[tuple(at)], extent, kept)

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array) -> InvalidInput:
        """The error of a number that an input may not have, at its place in what the caller gave."""
        if SAMPLES in entry.axes:
            sample = int(kept[at.pop(entry.axes.index(SAMPLES))])
            at[entry.axes.index(SAMPLES) : 0] = [sample] if self.shape else []
        return InvalidInput(f"{self.name}: expected {entry.name} {extent}; got {got}" + (f" at {at}" if at else ""))

    def fill(self, buffer: Array, slope: Array, entry: Input, kept: Array, scale: float) -> None:
        """Put the slopes of the samples that count, times `scale`, where the caller wants them."""
        if scale != 1:
            slope *= self.real(scale)
        if slope is buffer:
            return
        if slope.shape == buffer.shape:
            buffer[...] = slope
        else:
            buffer[...] = 0
            buffer[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope


def in_place(buffer: Array, shape: tuple[int, ...], real: type) -> Array:
    """The buffer itself, where a kernel can fill it, or an array that can be brought to it."""
    fits = buffer.shape == shape and buffer.dtype == real and buffer.flags.c_contiguous and buffer.flags.aligned
    return buffer if fits else np.empty(shape, real)


def in_words(entry: Input) -> str:
    """An input among those that a loss takes."""
    return f"[{entry.name}]" if entry.optional else f"{entry.name} ..." if entry.variadic else entry.name
