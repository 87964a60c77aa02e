"""The only module that imports private names of numba and llvmlite.

Only `numba`, `numba.types` and `numba.extending` are public; anything else may change with any release of numba. All of
lossreg imports such names from here, so that support for a new release is a change of this package.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm
from llvmlite.binding import Linkage, get_host_cpu_features, set_option
from llvmlite.binding.newpassmanagers import create_new_function_pass_manager
from numba import _dynfunc
from numba.core import cgutils, errors, ir, typed_passes, untyped_passes
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.caching import (
    FunctionCache,
    IndexDataCacheFile,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, run_frontend
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.entrypoints import init_all
from numba.core.environment import lookup_environment
from numba.core.errors import NumbaError
from numba.core.event import install_recorder
from numba.core.imputils import impl_ret_borrowed, impl_ret_new_ref
from numba.core.ir_utils import build_definitions, mk_unique_var, remove_dels
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typeconv import Conversion
from numba.core.types.containers import BaseTuple, Tuple
from numba.core.types.misc import CPointer, MemInfoPointer, Omitted, unliteral
from numba.core.typing import Context, signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate
from numba.np.arrayobj import make_array, populate_array

__all__ = [
    "COMPILE_ERRORS",
    "AbstractTemplate",
    "AttributeTemplate",
    "BaseTuple",
    "CPointer",
    "Compiler",
    "CompilerBase",
    "Context",
    "Conversion",
    "FunctionCache",
    "FunctionPass",
    "InTreeCacheLocator",
    "IndexDataCacheFile",
    "JITCodeLibrary",
    "Linkage",
    "Lower",
    "MemInfoPointer",
    "NumbaError",
    "Omitted",
    "PassManager",
    "Tuple",
    "UserProvidedCacheLocator",
    "UserWideCacheLocator",
    "_dynfunc",
    "build_definitions",
    "c_function",
    "cgutils",
    "compute_cfg_from_blocks",
    "cpu_target",
    "create_new_function_pass_manager",
    "errors",
    "get_host_cpu_features",
    "global_compiler_lock",
    "impl_ret_borrowed",
    "impl_ret_new_ref",
    "init_all",
    "install_recorder",
    "ir",
    "known_to_numba",
    "llvm",
    "lookup_environment",
    "machine_code",
    "make_array",
    "make_struct",
    "mk_unique_var",
    "populate_array",
    "register_pass",
    "remove_dels",
    "renew_definitions",
    "run_frontend",
    "set_cache",
    "set_option",
    "signature",
    "struct_value",
    "typed_passes",
    "unliteral",
    "untyped_passes",
]

COMPILE_ERRORS = (errors.NumbaError, errors.UnsupportedBytecodeError)
"""What numba raises for a function that it cannot compile."""


def make_struct(context: Any, builder: Any, kind: Any, **members: Any) -> Any:
    """Emit a value of a struct type with these members."""
    made = cgutils.create_struct_proxy(kind)(context, builder)
    for name, member in members.items():
        setattr(made, name, member)
    return struct_value(made)


def struct_value(proxy: Any) -> Any:
    """Emit the current value of a struct proxy or of an array under construction."""
    return proxy._getvalue()  # noqa: SLF001  numba offers no public name


def renew_definitions(function: Any) -> None:
    """Update the table of assignments in numba's IR of a function, after its blocks have changed."""
    function._definitions = build_definitions(function.blocks)  # noqa: SLF001  as above


def known_to_numba(function: Any) -> bool:
    """Whether a Python function is registered with numba, for example by an overload, and so is callable."""
    cpu_target.typing_context.refresh()
    try:
        cpu_target.typing_context.resolve_value_type(function)
    except ValueError:
        return False
    return True


def machine_code(function: Any, kinds: tuple[Any, ...]) -> int:
    """The address of the machine code of a dispatcher for arguments of these types, by numba's calling convention."""
    compiled = function.overloads[kinds]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def c_function(function: Any, kinds: tuple[Any, ...]) -> int:
    """The address of the C function of a dispatcher for arguments of these types, if it was compiled with one."""
    compiled = function.overloads[kinds]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name))


def set_cache(function: Any, stored: Any) -> None:
    """Replace the cache of a dispatcher."""
    function._cache = stored  # noqa: SLF001  numba has no public way to set another cache
