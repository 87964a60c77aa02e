"""The loss under test, with what several checks need of it: its cases, batches of arrays, and its compiled results."""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.domains import LOG_PROBABILITY, PROBABILITY, SIGN, Domain
from lossreg.definition.loss import Loss
from lossreg.definition.roles import Role
from lossreg.registry.registries import losses
from lossreg.testing.points import SEED, Case, cases, example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.signature import Form
    from lossreg.testing.points import Array, Point

WIDTH = 5
"""How long the rows of a batch are."""


class Subject:
    """A loss under test."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.differences: Any = None

    @cached_property
    def cases(self) -> list[Case]:
        """Every form under every setting."""
        return cases(self.loss)

    @property
    def defaults(self) -> list[Case]:
        """Every form at the defaults."""
        return [case for case in self.cases if case.default]

    def batches(self) -> Iterator[tuple[Case, list[Array]]]:
        """Every case with a small batch of ordinary numbers."""
        return ((case, batch(case, (6,))) for case in self.cases)


@lru_cache(maxsize=64)
def subject_of(loss: Loss | str) -> Subject:
    """The subject for a loss or its name; the same one for every check, so that they share what they find out."""
    return Subject(loss if isinstance(loss, Loss) else losses.get(loss))


def criterion(case: Case, reduction: str = "mean", width: int = WIDTH) -> Criterion:
    """The criterion of a case."""
    return Criterion(case.loss, reduction, case.settings(width))


def fused(case: Case, reduction: str = "mean", width: int = WIDTH) -> Callable[..., Any]:
    """A case's `value_and_grad`, of every input that the form has a slope for, the target included."""
    return partial(criterion(case, reduction, width).value_and_grad, wrt=case.form.slopes)


def batch(case: Case, shape: tuple[int, ...], real: Any = np.float64) -> list[Array]:
    """Arrays for a case, of ordinary random numbers, rows along the last axis; other numbers for each input.

    Where the loss has no value, as at a logarithm of a negative number, their magnitudes.
    """
    if case.form.by_batch:
        made, _ = example(case.loss, case.number, shape[0])
        return [x if x.dtype.kind in "iu" else x.astype(real) for x in made]
    random = np.random.default_rng(SEED)
    arrays = [
        class_lists(shape, random)
        if entry.role is Role.LABELS
        else random.integers(0, WIDTH, shape)
        if entry.role is Role.LABEL
        else ordinary(entry.domain, shape if entry.axis is None else (*shape, WIDTH), random).astype(real)
        for entry in case.form.inputs
    ]
    missing = np.isnan(criterion(case, "none")(*arrays))
    for x in arrays:
        x[missing] = abs(x[missing])
    return arrays


def class_lists(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Rows of classes in any order, a -1 somewhere among them."""
    lists = random.permuted(np.broadcast_to(np.arange(WIDTH), (*shape, WIDTH)), axis=-1)
    np.put_along_axis(lists, random.integers(1, WIDTH, (*shape, 1)), -1, axis=-1)
    return lists


def ordinary(domain: Domain, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Random members of a domain, none of them at its edge."""
    drawn = random.normal(size=shape) * 2
    if domain is SIGN:
        return np.where(drawn > 0, 1.0, -1.0)
    if domain is LOG_PROBABILITY:
        return -abs(drawn)
    if domain is PROBABILITY:
        return np.exp(drawn) / np.exp(drawn).sum(-1, keepdims=True)
    for candidate in (drawn, abs(drawn) + 0.25, random.uniform(0.05, 0.95, shape), -abs(drawn) - 0.25):
        if bool(np.all(domain.contains(candidate))):
            return candidate
    return np.full(shape, domain.example)


def compiled(case: Case, points: list[Point], real: Any) -> Array:
    """Value and slopes at each point, one after the other, as compiled: of the type `real`, shape (points, outputs)."""
    if not points:
        return np.empty((0, 0), real)
    arrays = [
        np.array(column, np.int64 if entry.domain.integer else real)
        for column, entry in zip(zip(*points, strict=True), case.form.inputs, strict=True)
    ]
    width = next((array.shape[1] for array in arrays if array.ndim > 1), 1)
    values, grads = fused(case, "none", width)(*arrays)
    return np.column_stack([values, *as_tuple(grads)])


def as_tuple(grads: Any) -> tuple[Array, ...]:
    """The gradients as a tuple, also where there is one."""
    return grads if isinstance(grads, tuple) else (grads,)


def outputs(case: Case, point: Point) -> list[str]:
    """What the columns of `compiled` are called."""
    names = ["value"]
    for entry, x in zip(case.form.inputs, point, strict=True):
        if entry.name in case.form.slopes:
            rows = [f"[{j}]" for j in range(len(x))] if entry.axis is not None else [""]
            names += [f"slope of {entry.name}{row}" for row in rows]
    return names


def at(case: Case, point: Point) -> tuple[str, dict[str, Any]]:
    """A point in words and as data."""
    data = {entry.name: x for entry, x in zip(case.form.inputs, point, strict=True)}
    return f"{case} at " + ", ".join(f"{name}={x}" for name, x in data.items()), data


def by_arrays(subject: Subject) -> str:
    """Why a check of single points does not concern a loss: its kernels take whole batches."""
    return "its kernels take whole batches" if subject.loss.forms[0].by_batch else ""


def has_labels(form: Form) -> bool:
    """Whether the form has class labels, one or a list."""
    return any(entry.domain.integer for entry in form.inputs)


def ignored_label(form: Form) -> str | None:
    """The name of the parameter that says which label to leave out."""
    return next((parameter.name for parameter in form.parameters if parameter.role is Role.IGNORED_LABEL), None)
