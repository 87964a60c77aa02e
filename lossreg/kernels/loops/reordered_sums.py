"""The compiler of functions whose sums over a loop may be reordered, so that the loop is vectorized."""

from __future__ import annotations

from typing import Any

from lossreg.kernels.compiler.numba_api import register_pass
from lossreg.kernels.compiler.pipeline import InnerLower, LowerInner, RowCompiler


class SumLower(InnerLower):
    """Lower an inner function whose sums of floats, written `total += x` or `total -= x`, may be reordered.

    Sums within one expression keep their order, on which their accuracy may depend: of `mean + (top - x)` LLVM would
    make `(mean + top) - x`, to compute the first sum once for all x.
    """

    def lower_expr(self, result: Any, step: Any) -> Any:
        """Lower an expression to LLVM IR."""
        value = super().lower_expr(result, step)
        if step.op == "inplace_binop" and getattr(value, "opname", "") in ("fadd", "fsub"):
            value.flags += ["reassoc", "nsz"]
        return value


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerSums(LowerInner):
    """Lower an inner function whose sums may be reordered."""

    _name = "lower_sums"
    lowering_class = SumLower


class SumCompiler(RowCompiler):
    """numba's compiler for a function whose output rows are distinct and whose sums may be reordered."""

    lowering = LowerSums
