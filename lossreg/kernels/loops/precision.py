"""Find the operations of a kernel that are not computed in the float type of its inputs."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from numba import from_dtype, typeof, types

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.parameters import fills_hessian
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.numba_api import COMPILE_ERRORS, BaseTuple, ir
from lossreg.kernels.compiler.options import EXACT, REORDERED
from lossreg.kernels.compiler.specialize import error_summary, garbage_collection_paused
from lossreg.kernels.loops.linking import compiled
from lossreg.kernels.loops.row_parameters import row_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from lossreg.definition.signature import Form


WIDENING = ("wide", "wide_sum", "wide_box", "distance")
"""The functions of lossreg.kernels.numerics that return float64 also for float32 arguments."""


def widened(form: Form, real: np.dtype[Any], parameters: dict[str, Any]) -> list[str]:
    """The operations of a kernel with inputs of type `real` that are computed in another float type, with their lines.

    Constants do not count: in ``T(0.5)`` the 0.5 is a float64 that T converts. Raises InvalidDefinition if the kernel
    does not compile.
    """
    number = from_dtype(real)
    row = types.Array(number, 1, "C")
    kinds = [types.int64 if entry.domain.integer else number for entry in form.inputs]
    inputs = [
        types.Array(kind, 1, "C") if entry.axis is not None else kind
        for kind, entry in zip(kinds, form.inputs, strict=True)
    ]
    options = REORDERED if form.by_row else EXACT
    given = [compiled(x, options) if isinstance(x, FunctionType) else x for x in form.resolve(parameters).values()]
    settings = [
        row_parameter(number if isinstance(x, float) else typeof(x), row_axis_of(parameter.annotation) is not None)
        for x, parameter in zip(given, form.parameters, strict=True)
    ]
    kernel: Any = compiled(form.kernel, options)
    absent = [types.Omitted(None)] * fills_hessian(form.kernel)
    signature = (*inputs, *(row for _ in form.slope_rows), *settings, *absent)
    try:
        with garbage_collection_paused():
            kernel.compile(signature)
    except COMPILE_ERRORS as error:
        raise InvalidDefinition(
            f"{form.kernel.__name__}: the kernel does not compile:\n{error_summary(error)}"
        ) from error
    return sorted(set(leaks(kernel.overloads[signature].type_annotation, number)))


def leaks(annotation: Any, number: types.Type) -> Iterator[str]:
    """The operations of a typed function whose result is a float, or contains floats, of another type than `number`.

    Results that are computed from an intended float64, such as a sum, do not count.
    """
    steps = [
        step
        for block in annotation.blocks.values()
        for step in block.body
        if isinstance(step, ir.Assign) and isinstance(step.value, ir.Expr | ir.Var)
    ]
    intended = derived(steps, annotation.typemap)
    for step in steps:
        found = annotation.typemap[step.target.name]
        parts = found.types if isinstance(found, BaseTuple) else (found,)
        leaking = any(isinstance(p, types.Float) and p != number for p in parts) and step.target.name not in intended
        if leaking and isinstance(step.value, ir.Expr) and step.value.op != "cast":
            yield f"line {step.loc.line}: {found}, expected {number}"


def derived(steps: list[Any], typemap: Any) -> set[str]:
    """The variables that are results of WIDENING functions, or are computed from such variables."""
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for step in steps:
            read = [step.value] if isinstance(step.value, ir.Var) else step.value.list_vars()
            names = {variable.name for variable in read}
            if names & found or any(is_widening(typemap[name]) for name in names):
                found.add(step.target.name)
    return found


def is_widening(kind: Any) -> bool:
    """Whether a type is that of a WIDENING function."""
    function = getattr(kind, "typing_key", None) or getattr(getattr(kind, "dispatcher", None), "py_func", None)
    return getattr(function, "__name__", "") in WIDENING
