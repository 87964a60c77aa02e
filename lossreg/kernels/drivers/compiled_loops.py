"""The compiled loops of kernels: which loop serves a kernel, a float type and a set of outputs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from numba import typeof

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.roles import Role
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.options import EXACT, REORDERED
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.loops import scalar
from lossreg.kernels.loops.vector import elements_abreast, rows_abreast

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form

TEMPLATES = {
    True: (scalar.rows, rows_abreast),
    False: (scalar.elementwise, elements_abreast),
}
"""By whether a form takes rows: the loop for one at a time, and for several."""


def linked(*kernel: Any) -> Callable[[], dict[str, Any]]:
    """What `clone` links a template with: the kernel and all that the template calls, imported when it is compiled."""

    def link() -> dict[str, Any]:
        from lossreg.kernels.loops.linking import parts

        return parts(*kernel)

    return link


@cache
def driver(
    form: Form, real: type, switches: tuple[Any, ...], stored: tuple[int, ...], over: int = -1, *, abreast: bool = False
) -> Callable[..., bool]:
    """The compiled loop of a form: for a float type, the parameters that choose a branch, and the slopes to store.

    `over` is the input whose place the only slope takes, row by row; `abreast` says that several rows, or elements, are
    taken at a time.
    """
    single, several = TEMPLATES[form.by_row]
    template = several if abreast else single
    by_row = tuple(row_axis_of(p.annotation) is not None for p in form.parameters if p.name not in form.switches)
    filled = {
        "REAL": real,
        "STORED": len(stored),
        **{name: 1 + at for name, at in zip(("FIRST", "SECOND", "THIRD"), stored, strict=False)},
        "INPUTS": len(form.inputs),
        "BY_ROW": by_row,
        "OVER": over,
    }
    # numba's entry imports the kernel's module again, so a copy of a plugin under another name has an entry of its own.
    decisive = (
        form.kernel,
        form.kernel.__module__,
        *(entry.domain.contains for entry in form.inputs),
        *(entry.role for entry in form.inputs),
        *(parameter.role is Role.IGNORED_LABEL for parameter in form.parameters),
        real.__name__,
        *switches,
        by_row,
        stored,
        over,
    )
    name = f"{form.kernel.__name__}_{real.__name__}_{fingerprint(*decisive)}"
    # The loop itself is exact: the same bits with a gradient and without, in vectors and behind them. What may be
    # reordered is the sum of a block, which is a part of its own, and a kernel's sums over its rows.
    kernel = (form.kernel, REORDERED if form.by_row else EXACT, switches, form)
    return clone(template, name, filled, linked(*kernel), EXACT)


@cache
def repeater(function: Callable[..., None]) -> Callable[..., None]:
    """The compiled loop that calls a function for every sample."""
    return clone(scalar.each, f"{function.__name__}_{fingerprint(function, function.__module__)}", {}, linked(function))


def entry_point(function: Any, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The compiled code for arguments like these, called without a search; those under a star are one tuple here."""
    kinds = tuple(map(typeof, arguments))
    if kinds not in function.overloads:
        function.compile(kinds)
    return function.get_overload(kinds)


@cache
def counter() -> Callable[..., float]:
    """The compiled loop that adds up what a mean divides by."""
    return clone(scalar.count, f"count_{fingerprint()}", {})
