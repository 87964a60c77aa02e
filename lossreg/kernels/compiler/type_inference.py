"""Type inference in kernels: numba's, with additional operations on private types that other numba code never sees.

An operation on a private type, such as a sum of lanes, is not registered with numba, where it would be one more
overload to try in every user's code. It is kept in a table here, which is consulted first. In addition, signatures are
cached while a loop is compiled: numba resolves every call twice, and an addition has a dozen overloads to try. With
this cache, compiling ctc takes a twelfth fewer instructions.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.numba_api import Context, cpu_target, register_pass, typed_passes

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS: dict[Any, list[Any]] = defaultdict(list)
"""By operation, such as operator.add: the typing templates for private types."""


def kernel_operation(function: Any) -> Callable[[Any], Any]:
    """Decorate a typing template of an operation, for kernels only."""

    def register(template: Any) -> Any:
        template.key = function  # numba looks up implementations by it
        OPERATIONS[function].append(template)
        return template

    return register


class KernelContext(Context):
    """numba's typing context with the operations of kernels in front of numba's, and a cache of resolved calls.

    It shares the state of numba's own context, which is not changed by it.
    """

    __slots__ = ("_merged_functions", "resolved")

    def __init__(self, context: Any) -> None:
        object.__setattr__(self, "__dict__", vars(context))
        self.resolved: dict[Any, Any] = {}
        self._merged_functions: dict[Any, Any] = {}

    def _lookup_global(self, value: Any) -> Any:
        """The type of a global; numba looks up functions and operators by it."""
        found = super()._lookup_global(value)
        try:
            own = OPERATIONS.get(value)
        except TypeError:  # not hashable, so not a function
            return found
        if own is None:
            return found
        merged = self._merged_functions.get(value)
        if merged is None or merged.templates[len(own) :] != found.templates:
            merged = self._merged_functions[value] = type(found)((*own, *found.templates))
        return merged

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """The signature of a call, from the cache if it has been resolved before; errors are not cached."""
        if isinstance(function, str):  # an item at a constant index, which may not be hashable
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
    """Infer types in the typing context of kernels."""

    _name = "infer_types"

    def run_pass(self, state: Any) -> bool:
        """Infer the types; return whether the function was changed."""
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
