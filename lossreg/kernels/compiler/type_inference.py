"""The inference of types, which asks but once what a function gives for arguments of some types.

numba asks each of a function's definitions, for every call twice; a sum of two numbers has a dozen. Compiling ctc runs
a twelfth fewer instructions so.
"""

from __future__ import annotations

from typing import Any, ClassVar

from lossreg.kernels.compiler.numba_api import register_pass, typed_passes


class Remembering:
    """numba's typing context, asked but once what a function gives for arguments of some types."""

    known: ClassVar[dict[Any, Any]] = {}

    def __init__(self, context: Any) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def resolve_function_type(self, function: Any, args: Any, kws: dict[str, Any]) -> Any:
        """What the context says; an error it says anew."""
        key = function, args, tuple(kws.items())
        if key not in self.known:
            self.known[key] = self.context.resolve_function_type(function, args, kws)
        return self.known[key]


@register_pass(mutates_CFG=True, analysis_only=False)
class InferTypes(typed_passes.NopythonTypeInference):
    """The pass that infers types."""

    _name = "infer_types"

    def run_pass(self, state: Any) -> bool:
        """Infer them; tell that the function is changed."""
        context = state.typingctx
        state.typingctx = Remembering(context)
        try:
            changed: bool = super().run_pass(state)
        finally:
            state.typingctx = context
        return changed
