"""Compiled results at single points, and the description of points and forms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.parameters import HESSIAN
from lossreg.definition.plain_python.evaluate_point import evaluate_as_compiled
from lossreg.definition.roles import Role
from lossreg.registry.registries import losses
from lossreg.testing.batches import value_and_grad
from lossreg.testing.cases import literal
from lossreg.testing.comparison import as_tuple
from lossreg.testing.high_precision import is_ignored

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Form
    from lossreg.testing.cases import Array, LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.points import Point


def outputs(tested: LossUnderTest, case: LossCase, points: list[Point], real: Any) -> Array:
    """Return the value and slopes at each point: compiled, or at the level `quick` in plain Python, in float64."""
    return (evaluate_compiled if tested.level == "full" else evaluate_plainly)(case, points, real)


def evaluate_compiled(case: LossCase, points: list[Point], real: Any) -> Array:
    """Return the compiled value and slopes at each point, of the type `real` and the shape (points, outputs)."""
    if not points:
        return np.empty((0, 0), real)
    arrays = [
        np.array(column, np.int64 if entry.domain.integer else real)
        for column, entry in zip(zip(*points, strict=True), case.form.inputs, strict=True)
    ]
    width = next((array.shape[1] for array in arrays if array.ndim > 1), 1)
    values, grads = value_and_grad(case, "none", width)(*arrays)
    return np.column_stack([values, *as_tuple(grads)])


def evaluate_plainly(case: LossCase, points: list[Point], real: Any) -> Array:
    """Return the value and slopes at each point as the kernel in plain Python gives them, in float64 arithmetic."""
    rows = []
    for point in points:
        settings = case.parameters_for(next((len(x) for x in point if isinstance(x, list)), 1))
        outcome = evaluate_as_compiled(case.form, point, settings)
        row = [x for each in outcome for x in (each if isinstance(each, list) else [each])]
        rows.append([0.0] * len(row) if is_ignored(case.form, point, settings) else row)
    return np.array(rows, real)


def output_names(case: LossCase, point: Point) -> list[str]:
    """Return the names of the columns of the outputs."""
    names = ["value"]
    for entry, x in zip(case.form.inputs, point, strict=True):
        if entry.name in case.form.slopes:
            rows = [f"[{j}]" for j in range(len(x))] if entry.axis is not None else [""]
            names += [f"slope of {entry.name}{row}" for row in rows]
    if HESSIAN in case.form.slopes:
        names += [name.replace("slope of", "second derivative by") for name in names[1:]]
    return names


def describe(case: LossCase, point: Point) -> tuple[str, dict[str, Any]]:
    """Return a point as a call that can be pasted, and as data."""
    data = {entry.name: x for entry, x in zip(case.form.inputs, point, strict=True)}
    width = next((len(x) for x in point if isinstance(x, list)), case.width)
    changed = {k: x for k, x in case.parameters_for(width).items() if case.parameters[k] != case.base[k]}
    arguments = [*map(literal, point), *(f"{name}={literal(x)}" for name, x in changed.items())]
    return f'lossreg.get("{name_or_file(case.loss)}").at({", ".join(arguments)})', data


@cache
def name_or_file(loss: Loss) -> str:
    """Return what the loss is found by: its name, or its file if it is not installed."""
    return loss.name if loss.name in losses.names() else loss.file


def not_for_batch_kernels(tested: LossUnderTest) -> str:
    """Return why a check of single points does not apply, or nothing if it does: the kernels take whole batches."""
    return "its kernels take whole batches" if tested.loss.forms[0].by_batch else ""


def has_labels(form: Form) -> bool:
    """Whether a form takes class labels, one or a list for each sample."""
    return any(entry.domain.integer for entry in form.inputs)


def ignored_label(form: Form) -> str | None:
    """Return the name of the parameter that says which label is ignored."""
    return next((parameter.name for parameter in form.parameters if parameter.role is Role.IGNORED_LABEL), None)
