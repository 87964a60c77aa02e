"""The inference of types in kernels: numba's, with operations on types of our own that code of others never sees.

An operation on a private type, such as a sum of lanes, is not registered with numba, where it would be one more
definition to try for everybody's sums. It stands here, and is looked up first. And numba asks each of a function's
definitions for every call twice, where a sum of two numbers has a dozen; here it asks once while a loop is compiled.
Compiling ctc runs a twelfth fewer instructions so.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.numba_api import Context, cpu_target, register_pass, typed_passes

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS: dict[Any, list[Any]] = defaultdict(list)
"""The templates that type an operation, such as operator.add, on private types."""


def kernel_operation(function: Any) -> Callable[[Any], Any]:
    """Decorate a template that types an operation in kernels only."""

    def register(template: Any) -> Any:
        template.key = function  # what numba looks an implementation up by
        OPERATIONS[function].append(template)
        return template

    return register


class KernelContext(Context):
    """numba's typing context, seen with the operations of kernels before its own; it remembers what calls resolve to.

    It shares its state with numba's context, which does not know of it.
    """

    __slots__ = ("_functions_of_ours", "resolved")

    def __init__(self, context: Any) -> None:
        object.__setattr__(self, "__dict__", vars(context))
        self.resolved: dict[Any, Any] = {}
        self._functions_of_ours: dict[Any, Any] = {}

    def _lookup_global(self, value: Any) -> Any:
        """The type of a global, by which numba looks up functions and operators."""
        found = super()._lookup_global(value)
        try:
            own = OPERATIONS.get(value)
        except TypeError:  # it has no hash, so it is no function
            return found
        if own is None:
            return found
        merged = self._functions_of_ours.get(value)
        if merged is None or merged.templates[len(own) :] != found.templates:
            merged = self._functions_of_ours[value] = type(found)((*own, *found.templates))
        return merged

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """The signature of a call; failures are numba's to remember."""
        if isinstance(function, str):  # an item at a constant index, which may have no hash
            return super().resolve_function_type(function, args, kws)
        key = function, args, tuple(kws.items())
        if key not in self.resolved:
            self.resolved[key] = super().resolve_function_type(function, args, kws)
        return self.resolved[key]


@cache
def kernel_context() -> KernelContext:
    """The typing context of kernels."""
    return KernelContext(cpu_target.typing_context)


@register_pass(mutates_CFG=True, analysis_only=False)
class InferTypes(typed_passes.NopythonTypeInference):
    """The pass that infers types, in the context of kernels."""

    _name = "infer_types"

    def run_pass(self, state: Any) -> bool:
        """Infer them; tell that the function is changed."""
        numba_context, context = state.typingctx, kernel_context()
        outermost = not len(context.callstack)
        state.typingctx = context
        try:
            changed: bool = super().run_pass(state)
        finally:
            state.typingctx = numba_context
            if outermost:
                context.resolved.clear()
        return changed
