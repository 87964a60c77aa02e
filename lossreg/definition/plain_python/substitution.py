"""Copies of functions in which other values stand for what they refer to, such as functions of other numbers."""

from __future__ import annotations

import builtins
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Substitute = Callable[[Any, str], Any]


class SubstitutedModule:
    """A module whose attributes are replaced: `substitute(value, name)` is called for each that is read."""

    def __init__(self, module: types.ModuleType, substitute: Substitute) -> None:
        self.module, self.substitute = module, substitute

    def __getattr__(self, name: str) -> Any:
        return self.substitute(getattr(self.module, name), name)


def copy_function(
    function: types.FunctionType, substitute: Substitute, copies: dict[types.FunctionType, types.FunctionType]
) -> types.FunctionType:
    """Return the copy of a function in `copies`, or make one.

    `substitute(value, name)` replaces each value that the code of the function refers to by name or closes over. It may
    copy further functions, also ones that call this one.
    """
    if function in copies:
        return copies[function]
    space, cells = {**function.__globals__}, tuple(types.CellType() for _ in function.__code__.co_freevars)
    defaults = tuple(substitute(value, "") for value in function.__defaults__ or ())
    copy = types.FunctionType(function.__code__, space, function.__name__, defaults, cells)
    copy.__kwdefaults__ = function.__kwdefaults__
    copies[function] = copy
    for name in {*global_names(function)}:
        value = space.get(name, vars(builtins).get(name))
        if value is not None:
            space[name] = substitute(value, name)
    for cell, (name, value) in zip(cells, closed_over(function), strict=True):
        cell.cell_contents = substitute(value, name)
    return copy


def reachable_functions(function: Any) -> list[types.FunctionType]:
    """Return a function and the plain functions that it refers to by name, directly or through others."""
    found = [function]
    for each in found:
        values = [each.__globals__.get(name) for name in global_names(each)]
        values += [value for _, value in closed_over(each)]
        found += [value for value in values if isinstance(value, types.FunctionType) and value not in found]
    return found


def global_names(function: types.FunctionType) -> Iterator[str]:
    """Yield the names of globals, builtins and attributes in the code of a function."""
    for code in nested_code(function.__code__):
        yield from code.co_names


def closed_over(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each variable that a function closes over."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def nested_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of a function and of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)
